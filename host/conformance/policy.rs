//! What a policy must hold: its plans are valid whatever α is, follow from what it is told, and survive being saved.

use super::{Case, Check, Checks, Outcome, line};
use crate::error::{Error, Result};
use crate::policy::turn::Clock;
use crate::policy::{CandidateCost, EdgeView, EpochEnd, Policy, SpaceView, StepResult, Steps, Turn};
use crate::random::{Purpose, Source};
use crate::space::Alpha;
use std::sync::Arc;

/// Makes the policy anew.
pub type Make<'a> = &'a dyn Fn() -> Result<Box<dyn Policy>>;

/// A small space to ask policies about: two cell types, edges with different numbers of candidates.
pub fn space() -> Arc<SpaceView> {
    let edge = |index: usize| {
        let (cell, position) = if index < 5 { ("normal", index) } else { ("reduce", index - 5) };
        let names: Vec<String> = (0..2 + index % 4).map(|c| format!("candidate_{c}")).collect();
        let cost = |c: usize| CandidateCost { parameters: 100 * c as i64, multiply_adds: 10_000 * c as i64 };
        EdgeView {
            index,
            cell: cell.to_owned(),
            position,
            from: position % 2,
            to: 2 + position / 2,
            costs: (0..names.len()).map(cost).collect(),
            candidates: names,
        }
    };
    Arc::new(SpaceView { edges: (0..9).map(edge).collect(), cells: vec!["normal".to_owned(), "reduce".to_owned()] })
}

const EPOCHS: u64 = 12;
const PER_EPOCH: u64 = 10;

/// The seeds of the random α that the checks show.
const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

/// Asks a policy for its plans over a space, with random α: those that [`check`] begins with.
///
/// # Errors
/// The first that it runs into, whole, with its place; or that of a plan that does not fit the space.
pub fn lives(space: &Arc<SpaceView>, make: Make) -> Result<()> {
    SEEDS.iter().try_for_each(|seed| live(&mut *make()?, space, *seed, 0..EPOCHS * PER_EPOCH).map(|_| ()))
}

/// Checks a policy over a space. Where its plans fail already, the other checks are left out: they would fail of the same.
pub fn check(name: &str, space: &Arc<SpaceView>, make: Make) -> Vec<Check> {
    let mut checks = Checks::new(format!("policy {name}"));
    let all = 0..EPOCHS * PER_EPOCH;
    checks.add(
        "plans",
        "return plans that fit the space, at every turn and whatever α is",
        SEEDS.map(|seed| case(make().and_then(|mut policy| live(&mut *policy, space, seed, all.clone()).map(|_| ())))),
    );
    let failed = checks.list.iter().any(|check| matches!(check.outcome, Outcome::Failed { .. }));
    let mut add = |name: &'static str, mend: &str, cases: &dyn Fn() -> Vec<Case>| {
        if failed {
            let (subject, reason) = (checks.subject.clone(), "its plans fail already".to_owned());
            checks.list.push(Check { subject, name, cases: 0, outcome: Outcome::Skipped { reason } });
        } else {
            checks.add(name, mend, cases());
        }
    };
    add(
        "same seed, same plans",
        "decide by parameters, turns, results and the turn's random numbers alone: no clock, no random numbers of your own",
        &|| vec![case(alike(space, make, all.clone()))],
    );
    add("state", "save all that later plans depend on, and put all of it back", &|| {
        [1, 15, 59, 60].map(|at| case(survives(space, make, at))).into()
    });
    add(
        "asked on a copy",
        "`plan` is also asked for a validation, and then the state is put back: it must be the same as before",
        &|| vec![case(undisturbed(space, make))],
    );
    checks.done()
}

/// What a case says: when it failed, where, and of what, in one line.
fn case(result: Result<()>) -> Case {
    result.map_err(|error| {
        let fields = error.fields();
        let when = fields.context.last().map(|when| format!("{when}: ")).unwrap_or_default();
        let place = fields.place.as_ref().filter(|place| place.line > 0);
        format!("{when}{}{}", place.map(|place| format!("{place}: ")).unwrap_or_default(), line(&error))
    })
}

fn alpha(space: &SpaceView, seed: u64, iteration: u64) -> Arc<Alpha> {
    let mut stream = Source::new(seed, Purpose::Initialisation).at(iteration);
    Arc::new(space.edges.iter().map(|e| e.candidates.iter().map(|_| 2.0 * stream.normal()).collect()).collect())
}

fn turn(space: &Arc<SpaceView>, seed: u64, iteration: u64) -> Turn {
    Turn::new(Clock::at(iteration, EPOCHS, PER_EPOCH), space, &alpha(space, seed, iteration), seed)
}

/// Lets a policy live through iterations, with results and epoch ends, and returns its plans.
fn live(policy: &mut dyn Policy, space: &Arc<SpaceView>, seed: u64, span: std::ops::Range<u64>) -> Result<Vec<Steps>> {
    let mut plans = Vec::new();
    for iteration in span {
        let at = |e: Error| e.context(format!("iteration {iteration}"));
        let turn = turn(space, seed, iteration);
        let steps = policy.plan(&turn).and_then(|s| s.check(space).map(|()| s)).map_err(at)?;
        let mut draws = Source::new(seed, Purpose::Validation).at(iteration);
        let mut result = |phase| StepResult { phase, loss: 3.0 * draws.uniform(), accuracy: draws.uniform() };
        let results: Vec<StepResult> = match &steps {
            Steps::Both(_) => {
                [crate::policy::Phase::Architecture, crate::policy::Phase::Weights].map(&mut result).to_vec()
            }
            Steps::List(list) => list.iter().map(|step| result(step.phase)).collect(),
        };
        policy.feedback(&turn, &results).map_err(at)?;
        if turn.clock.iteration_in_epoch + 1 == PER_EPOCH {
            let end = EpochEnd {
                index: turn.clock.epoch,
                derived_accuracy: Some(draws.uniform()),
                alpha: turn.alpha.clone(),
                space: space.clone(),
            };
            let _ = policy.end_epoch(&end).map_err(at)?;
        }
        plans.push(steps);
    }
    Ok(plans)
}

fn first_difference(a: &[Steps], b: &[Steps], from: u64, what: &str) -> Result<()> {
    match a.iter().zip(b).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(k) => Err(Error::new(format!("{what}: the plans differ from iteration {} on", from + k as u64))),
    }
}

fn alike(space: &Arc<SpaceView>, make: Make, span: std::ops::Range<u64>) -> Result<()> {
    let a = live(&mut *make()?, space, 3, span.clone())?;
    let b = live(&mut *make()?, space, 3, span)?;
    first_difference(&a, &b, 0, "made twice")
}

/// A policy that is saved, made anew and restored goes on as if nothing had happened.
fn survives(space: &Arc<SpaceView>, make: Make, at: u64) -> Result<()> {
    let mut first = make()?;
    live(&mut *first, space, 4, 0..at)?;
    let state = first.state()?;
    let mut second = make()?;
    second.set_state(&state)?;
    let span = at..EPOCHS * PER_EPOCH;
    let (a, b) = (live(&mut *first, space, 4, span.clone())?, live(&mut *second, space, 4, span)?);
    first_difference(&a, &b, at, &format!("saved and restored after iteration {at}"))
}

/// As a validation asks: for a plan of which nothing remains.
fn undisturbed(space: &Arc<SpaceView>, make: Make) -> Result<()> {
    let a = live(&mut *make()?, space, 5, 0..EPOCHS * PER_EPOCH)?;
    let mut policy = make()?;
    let mut b = Vec::new();
    for epoch in 0..EPOCHS {
        b.extend(live(&mut *policy, space, 5, epoch * PER_EPOCH..(epoch + 1) * PER_EPOCH)?);
        let state = policy.state()?;
        let next = (epoch + 1) * PER_EPOCH;
        let clock = Clock::at(next.min(EPOCHS * PER_EPOCH - 1), EPOCHS, PER_EPOCH);
        policy.plan(&Turn::for_validation(clock, space, &alpha(space, 6, next), 5))?.check(space)?;
        policy.set_state(&state)?;
    }
    first_difference(&a, &b, 0, "asked for plans between epochs")
}
