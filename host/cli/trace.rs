//! `edas trace`: the plans that a policy makes, without training.

use super::output::say;
use super::{Done, Failure, SpecOptions};
use crate::policy::Turn;
use crate::policy::record::trace_line;
use crate::policy::turn::Clock;
use crate::train::search::{iterations_per_epoch, sizes};
use crate::train::setup::{Need, Setup};
use std::io::{BufWriter, ErrorKind, Write};
use std::sync::Arc;

/// The options of `edas trace`.
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    spec: SpecOptions,
    /// How many iterations; at most those of the search.
    #[arg(long, value_name = "N", default_value_t = 10)]
    iterations: u64,
}

pub(super) fn run(options: &Options) -> Done {
    let mut setup = Setup::new(options.spec.load()?, Need::Sizes, None)?;
    let spec = setup.spec.clone();
    let per_epoch = iterations_per_epoch(sizes(&spec, setup.images.count).train, spec.search.batch);
    let total = per_epoch * u64::from(spec.search.epochs);
    let mut alpha = Arc::new(setup.initial_alpha());
    let mut out = BufWriter::new(super::output::results());
    for iteration in 0..options.iterations.min(total) {
        let clock = Clock::at(iteration, u64::from(spec.search.epochs), per_epoch);
        let turn = Turn::new(clock, &setup.view, &alpha, spec.seed);
        let steps = setup.policy.plan(&turn).and_then(|steps| steps.check(&setup.view).map(|()| steps));
        let steps = steps.map_err(|e| Failure::Later(e.context(format!("iteration {iteration}"))))?;
        for (k, (phase, plan)) in steps.plans().into_iter().enumerate() {
            plan.set_alpha(Arc::make_mut(&mut alpha));
            let line = trace_line(iteration, clock.epoch, phase, &plan.resolve(&alpha, k as u64), &setup.view);
            match writeln!(out, "{line}") {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::BrokenPipe => return Err(Failure::Gone),
                Err(e) => return Err(Failure::Later(crate::Error::io("write to", "stdout", &e))),
            }
        }
    }
    out.flush().map_err(|_| Failure::Gone)?;
    if options.iterations > total {
        say(&format!("the search ends here: it has {total} iterations, {} epochs of {per_epoch}", spec.search.epochs));
    }
    Ok(())
}
