//! Two records: the first difference, without running anything.

use super::difference::Difference;
use super::line::{difference, without_time};
use super::reader::value;
use super::recorded::Recorded;
use super::walk::{Next, Walk};
use super::{result, state};
use crate::error::{Error, Result};
use crate::run::contents::{Changed, between, of_machine};
use serde_json::Value;
use std::path::Path;

/// In what two records differ.
#[derive(Debug)]
pub struct Comparison {
    /// The number of iterations of each.
    pub iterations: [u64; 2],
    /// Whether each is finished.
    pub finished: [bool; 2],
    /// The checkpoints of both that were compared, each by the iterations that are over.
    pub checkpoints: Vec<u64>,
    /// Whether the results were compared.
    pub result: bool,
    /// The first difference.
    pub difference: Option<Difference>,
    /// What they were made of, where that differs.
    pub changes: Vec<Changed>,
    /// In what the machines differ that recorded the iteration of the first difference, or the last one that both have.
    pub machine: Vec<[String; 3]>,
    /// What could not be read, and so was not compared.
    pub unread: Vec<Error>,
}

/// Compares two records, the second with the first.
///
/// # Errors
/// Where one of them cannot be read.
pub fn compare(first: &Recorded, second: &Recorded) -> Result<Comparison> {
    let mut changes = between((&first.spec, &first.hashes), (&second.spec, &second.hashes))?;
    changes.retain(|change| !of_machine(&change.what));
    let mut comparison = Comparison {
        iterations: [first.iterations, second.iterations],
        finished: [first.is_finished(), second.is_finished()],
        checkpoints: Vec::new(),
        result: false,
        difference: None,
        changes,
        machine: Vec::new(),
        unread: Vec::new(),
    };
    comparison.difference = walk([first, second], &mut comparison)?;
    let common = first.iterations.min(second.iterations);
    if comparison.difference.is_none() && comparison.finished == [true, true] {
        comparison.result = true;
        let (a, b) = (first.outcome()?, second.outcome()?);
        comparison.difference = result::difference(a, b, common.saturating_sub(1), &mut comparison.unread);
    }
    let at = comparison.difference.as_ref().map_or(common.saturating_sub(1), |difference| difference.iteration);
    if let (Some(a), Some(b)) = (first.machines(at..at + 1).last(), second.machines(at..at + 1).last()) {
        comparison.machine = a.differences(b);
    }
    Ok(comparison)
}

/// Walks through both up to the first difference.
fn walk(records: [&Recorded; 2], comparison: &mut Comparison) -> Result<Option<Difference>> {
    let (mut a, mut b) = (Walk::new(records[0])?, Walk::new(records[1])?);
    loop {
        // Which of the two goes on, and whether it is at a checkpoint: those are kept or not, which says nothing of the run.
        let (at_a, at_b) = (a.at(), b.at());
        let found = match (at_a, at_b) {
            (None, None) => return Ok(None),
            (Some(x), Some(y)) if x == y => match (a.next()?, b.next()?) {
                (Some(Next::Line(name, x)), Some(Next::Line(_, y))) => {
                    if x == y {
                        continue;
                    }
                    let (x, y) = (without_time(value(&x)), without_time(value(&y)));
                    difference(name, &x, &y, at_a.map_or(0, |at| at.iteration))
                }
                (Some(Next::State(x)), Some(Next::State(y))) => states(records, [&x, &y], comparison)?,
                _ => None,
            },
            (x, y) => {
                let first_is_ahead = y.is_none_or(|y| x.is_some_and(|x| x < y));
                let (walk, at, other) = if first_is_ahead { (&mut a, x, 1) } else { (&mut b, y, 0) };
                let (Some(at), Some(next)) = (at, walk.next()?) else { return Ok(None) };
                let Next::Line(name, line) = next else { continue };
                let ended = if first_is_ahead { b.ends_in(name) } else { a.ends_in(name) };
                // Where a run was interrupted, its record says nothing of what would have come.
                if ended && !comparison.finished[other] {
                    continue;
                }
                let (there, nothing) = (value(&line), Value::Null);
                let pair = if first_is_ahead { (&there, &nothing) } else { (&nothing, &there) };
                difference(name, pair.0, pair.1, at.iteration)
            }
        };
        if found.is_some() {
            return Ok(found);
        }
    }
}

fn states(records: [&Recorded; 2], paths: [&Path; 2], comparison: &mut Comparison) -> Result<Option<Difference>> {
    match (records[0].read_checkpoint(paths[0]), records[1].read_checkpoint(paths[1])) {
        (Ok(a), Ok(b)) => {
            comparison.checkpoints.push(a.manifest.state.iteration);
            state::difference(&a.into_snapshot(), &b.into_snapshot())
        }
        (a, b) => {
            comparison.unread.extend([a.err(), b.err()].into_iter().flatten());
            Ok(None)
        }
    }
}
