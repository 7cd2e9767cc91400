//! Iterations that are about to be recorded.

use super::pinned::Pinned;
use super::plan::plan_text;
use super::{Golden, Head, Iteration, Tolerance, VERSION};
use crate::error::{Error, Place, Result};
use crate::native;
use crate::run::checkpoint::Choice;
use crate::run::checkpoint::manifest::sha256;
use crate::run::{Event, Observer};
use crate::space::Edge;
use crate::spec::Spec;
use crate::train::stage::Stage;
use crate::train::{Running, Search};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A spec whose iterations are about to be recorded: its input is sound, nothing has run.
pub struct Recording {
    running: Running,
    spec: PathBuf,
    from: Option<PathBuf>,
    set: Vec<String>,
    inputs: BTreeMap<String, String>,
}

/// What bits depend on besides spec and seed.
fn machine(threads: u32) -> String {
    let os = std::env::consts::OS;
    format!(
        "{os} {} {}; libtorch {}; {threads} threads",
        std::env::consts::ARCH,
        native::cpu_features(),
        native::LIBTORCH
    )
}

impl Recording {
    /// Prepares a spec, or that of a run directory, from its beginning or from a checkpoint. `unrecorded` settings hold for this run
    /// and do not enter the record.
    ///
    /// # Errors
    /// Whatever is wrong with the spec or the checkpoint.
    pub fn prepare(spec: &Path, from: Option<&Choice>, overrides: &[String], unrecorded: &[String]) -> Result<Self> {
        let (run, spec) = if spec.is_dir() { (Some(spec), spec.join("spec.yaml")) } else { (None, spec.to_owned()) };
        let checkpoint = match (from, run) {
            (None, _) => None,
            (Some(Choice::File(_)), None) | (Some(_), Some(_)) => {
                from.map(|choice| choice.read(run.unwrap_or(Path::new("")), |_| Ok(()))).transpose()?
            }
            (Some(_), None) => {
                return Err(Error::new("a spec has no checkpoints of its own")
                    .at(Place::file(&spec))
                    .expected("a run directory, or with a spec the file of a checkpoint's manifest"));
            }
        };
        let all: Vec<String> = overrides.iter().chain(unrecorded).cloned().collect();
        let mut search = Search::from_spec(Spec::load(&spec, &all)?)?;
        let mut inputs = search.setup().contents().hashes();
        let mut path = None;
        if let Some((checkpoint, _)) = checkpoint {
            inputs.insert("checkpoint".to_owned(), sha256(checkpoint.manifest.to_text()?.as_bytes()));
            path = Some(checkpoint.path.clone());
            search.from = Some(checkpoint.into_snapshot());
        }
        Ok(Self { running: search.start()?, spec, from: path, set: overrides.to_vec(), inputs })
    }

    /// Runs so many iterations, or those that are left of the search where it has fewer.
    ///
    /// # Errors
    /// Where there are none, and whatever goes wrong in the run.
    pub fn run(self, iterations: u64) -> Result<Golden> {
        let none = || Error::new("a record of no iterations says nothing").expected("at least 1 iteration");
        if iterations == 0 {
            return Err(none());
        }
        let mut running = self.running;
        let machine = machine(running.spec.threads);
        // All candidates: the number of one must not depend on which are gone.
        let candidates: Vec<Vec<String>> = running.whole.edges().map(|(_, edge)| names(edge)).collect();
        let mut list = Vec::new();
        if running.progress.pending {
            running.settle(&mut [], false, false)?;
        }
        let end = running.next.saturating_add(iterations);
        while !running.is_over(end) {
            let mut listener =
                Listener { candidates: &candidates, plans: Vec::new(), losses: [None; 2], learning: Vec::new() };
            running.advance(&mut [&mut listener])?;
            let alpha = &running.trainer.architecture.alpha;
            let rows = listener.learning.iter().map(|edge| (*edge, alpha[*edge].clone())).collect();
            list.push(Iteration {
                iteration: running.next - 1,
                plans: listener.plans,
                losses: listener.losses,
                alpha: rows,
            });
            running.settle(&mut [], false, false)?;
        }
        if list.is_empty() {
            return Err(none().found("a checkpoint from the end of its search"));
        }
        let tolerance = Tolerance { loss: 0.02, alpha: 0.01, state: 0.02 };
        let head = Head {
            golden: VERSION,
            spec: self.spec,
            from: self.from,
            set: self.set,
            machine: machine.clone(),
            tolerance,
            inputs: self.inputs,
        };
        Ok(Golden { head, list, state: Some(Pinned::of(&running)?), machine })
    }
}

fn names(edge: &Edge) -> Vec<String> {
    edge.candidates.iter().map(|candidate| candidate.name.clone()).collect()
}

/// Listens to one iteration.
struct Listener<'a> {
    candidates: &'a [Vec<String>],
    plans: Vec<String>,
    losses: [Option<f64>; 2],
    learning: Vec<usize>,
}

impl Observer for Listener<'_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Step(line) => self.plans.push(plan_text(line, self.candidates)),
            Event::Iteration(record, learning) => {
                self.losses = [record.search_loss, record.train_loss];
                self.learning = learning.to_vec();
            }
            _ => {}
        }
        Ok(())
    }
}
