//! `edas policy test`: a policy on small problems with known answers, beside others.

use super::super::{Done, Failure, output};
use super::report;
use super::source::{FORMS, Source, params};
use crate::conformance::{self, Outcome};
use crate::error::{Error, Result};
use crate::policy::Policy;
use crate::policy::shipped::{SHIPPED, shipped};
use crate::problem::compare::SameEdge;
use crate::problem::findings::findings;
use crate::problem::{Comparison, Contestant, Problem, Settings};
use crate::spec::{Node, Sandbox};
use serde_json::json;

/// The options of `edas policy test`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// A script, a policy that comes with the program, or PLUGIN:NAME.
    #[arg(required_unless_present = "all")]
    policy: Option<String>,
    /// Values of its parameters, in YAML: "{warmup_epochs: 5}".
    #[arg(long, value_name = "PARAMS", conflicts_with = "all")]
    params: Option<String>,
    /// How many problems.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// The seed of the first problem; the others follow.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first_seed: u64,
    /// All policies that come with the program, and one that always relaxes the same edge.
    #[arg(long, conflicts_with = "policy")]
    all: bool,
}

/// What every policy is measured against.
pub(super) const UNIFORM: &str = "uniform_paths";
/// What a policy is shown beside.
const REFERENCES: [&str; 3] = [UNIFORM, "darts", "edas"];
/// The name of the policy that always relaxes the same edge.
const SAME_EDGE: &str = "(always edge 0)";

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let last = options.first_seed.saturating_add(options.seeds);
    let settings: Vec<Settings> = (options.first_seed..last).map(Settings::new).collect();
    match &options.policy {
        Some(policy) => one(policy, options.params.as_deref(), &settings, json_wanted),
        None => all(&settings, json_wanted),
    }
}

/// A policy by its name, with parameters.
fn contestant(source: &Source, given: Node) -> Contestant<'_> {
    let make = move |space: &_, seed| source.make(&given, space, seed, &Sandbox::default());
    Contestant { name: source.name(), make: Box::new(make) }
}

fn compare(settings: &[Settings], contestants: &[Contestant]) -> Result<Comparison, Failure> {
    let mut before = |name: &str, seed| tracing::info!("trying `{name}` on the problem of seed {seed}");
    Comparison::run(settings, contestants, &mut before).map_err(Failure::Later)
}

fn one(policy: &str, given: Option<&str>, settings: &[Settings], json_wanted: bool) -> Done {
    let source = Source::find(policy)?;
    let given = params(given)?;
    let Some(first) = settings.first() else {
        return Err(Error::new("there is no problem to try the policy on").expected(FORMS).into());
    };
    let problem = Problem::new(first);
    // What keeps it from being made is wrong input; from here on it has begun.
    let limits = Sandbox::default();
    source.make(&given, &problem.space, first.seed, &limits)?;
    let warnings = source.warnings(&given)?;
    let make = || -> Result<Box<dyn Policy>> { source.make(&given, &problem.space, 1, &limits) };
    // A policy that fails says itself why; the checks would say it once more each.
    conformance::policy::lives(&problem.space, &make)
        .map_err(|e| Failure::Later(e.context(format!("asking `{}` for plans with random α", source.name()))))?;
    let checks = conformance::policy::check(&source.name(), &problem.space, &make);
    let failed = checks.iter().filter(|c| matches!(c.outcome, Outcome::Failed { .. })).count();
    if !json_wanted {
        output::print(&report::checks(&source.name(), &checks, &warnings, settings))?;
    }
    let references: Vec<Source> = REFERENCES
        .iter()
        .filter(|name| **name != policy)
        .filter_map(|name| shipped(name))
        .map(Source::shipped)
        .collect();
    let mut contestants = vec![contestant(&source, given.clone())];
    contestants.extend(references.iter().map(|reference| contestant(reference, Node::empty("<default>"))));
    // The tested one may bear the name of one that it is shown beside.
    if contestants[1..].iter().any(|c| c.name == contestants[0].name) {
        contestants[0].name = policy.to_owned();
    }
    let comparison = compare(settings, &contestants)?;
    let results = &comparison.results[0];
    let uniform = comparison.of(UNIFORM);
    let findings = findings(results, uniform);
    if json_wanted {
        let against = uniform.filter(|u| u.name != results.name).map(|uniform| results.against(uniform));
        output::json(&json!({
            "policy": results.name,
            "params": given,
            "checks": checks,
            "warnings": warnings,
            "against_uniform": against.map(|a| json!({ "verdict": a.verdict(), "numbers": a })),
            "findings": findings,
            "operations": crate::problem::OPERATIONS.map(|o| o.name),
            "seeds": comparison.seeds,
            "results": comparison.results,
        }))?;
    } else {
        output::print(&report::trials(&problem, &comparison, &findings))?;
    }
    if failed == 0 { Ok(()) } else { Err(Failure::No) }
}

fn all(settings: &[Settings], json_wanted: bool) -> Done {
    let sources: Vec<Source> = SHIPPED.iter().map(Source::shipped).collect();
    let mut contestants: Vec<Contestant> =
        sources.iter().map(|source| contestant(source, Node::empty("<default>"))).collect();
    contestants.push(Contestant { name: SAME_EDGE.to_owned(), make: Box::new(|_, _| Ok(Box::new(SameEdge(0)))) });
    let comparison = compare(settings, &contestants)?;
    if !json_wanted {
        return output::print(&report::ranking(&comparison));
    }
    let uniform = comparison.of(UNIFORM);
    let rows = comparison.results.iter().map(|results| {
        let against = uniform.filter(|u| u.name != results.name).map(|uniform| results.against(uniform));
        json!({
            "name": results.name,
            "mean": results.mean,
            "spread": results.spread,
            "regrets": results.trials.iter().map(|t| t.regret).collect::<Vec<f64>>(),
            "against_uniform": against.map(|a| json!({ "verdict": a.verdict(), "numbers": a })),
            "findings": findings(results, uniform),
        })
    });
    output::json(&json!({ "seeds": comparison.seeds, "results": rows.collect::<Vec<_>>() }))
}
