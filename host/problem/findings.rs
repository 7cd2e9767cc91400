//! What a policy does that it had better not, as far as its trials show it.

use super::compare::{Results, mean_and_spread};
use super::operation::{CONVOLUTIONS, OPERATIONS};
use super::trial::Trial;
use serde::Serialize;

/// Something that a policy does, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was seen.
    pub found: String,
    /// What it means, or what to try.
    pub meaning: String,
}

/// By how much the supernet may explain more than the derived network before it is worth a word.
const GAP: f64 = 0.1;
/// The same for the share of edges without anything to learn, over that of the best architectures.
const EXCESS: f64 = 0.2;

/// What the trials of a policy show. `uniform` are those of uniform sampling on the same problems.
pub fn findings(results: &Results, uniform: Option<&Results>) -> Vec<Finding> {
    let mut list = Vec::new();
    let mut add = |found: String, meaning: &str| list.push(Finding { found, meaning: meaning.to_owned() });
    let trials = &results.trials;
    let never = |hit: &dyn Fn(&Trial) -> bool| trials.iter().all(hit);
    let own = trials.iter().any(derives_on_its_own);
    if never(&|t| t.steps[0] == 0) && !own {
        add(
            "there is no architecture step, and no `derive`".to_owned(),
            "α stays as it starts, so the derived architecture is drawn at random: return `architecture(plan)` steps, or \
             define `derive`",
        );
    } else if !own {
        let still: Vec<String> = still_edges(trials);
        if !still.is_empty() {
            add(
                format!("α never moves on {}", named("edge", &still)),
                "these edges are never relaxed in an architecture step: what they become is drawn at random",
            );
        }
    }
    if never(&|t| t.steps[1] == 0) {
        add(
            "there is no weights step".to_owned(),
            "weights stay as they start, so nothing is learned about what a candidate is worth when it is trained",
        );
    } else {
        let untrained: Vec<String> = (0..OPERATIONS.len())
            .filter(|o| never(&|t| t.trained.iter().all(|edge| edge[*o] == 0)))
            .map(|o| format!("`{}`", OPERATIONS[o].name))
            .collect();
        if !untrained.is_empty() {
            add(
                format!("the weights phase never runs {}", named("", &untrained)),
                "a candidate that never runs is never trained, and never looks good",
            );
        }
    }
    let last = |read: fn(&super::trial::EpochResult) -> f64| {
        let values: Vec<f64> = trials.iter().filter_map(|t| t.epochs.last()).map(read).collect();
        mean_and_spread(&values).0
    };
    let (supernet, derived) = (last(|e| e.supernet_accuracy), last(|e| e.derived_accuracy));
    if supernet - derived > GAP {
        add(
            format!(
                "at the end the supernet explains {supernet:.2}, the derived network with its weights {derived:.2}"
            ),
            "candidates were trained together and are poor alone: let fewer run at once, or lower the temperature towards the \
             end",
        );
    }
    let easy = |architecture: fn(&Trial) -> &Vec<usize>| {
        let free = |t: &Trial| {
            let all = architecture(t);
            all.iter().filter(|o| !CONVOLUTIONS.contains(o)).count() as f64 / all.len() as f64
        };
        mean_and_spread(&trials.iter().map(free).collect::<Vec<f64>>()).0
    };
    let (chosen, wanted) = (easy(|t| &t.derived), easy(|t| &t.best));
    if chosen - wanted > EXCESS {
        add(
            format!(
                "{:.0} % of the edges become what has nothing to learn; in the best architectures it is {:.0} %",
                100.0 * chosen,
                100.0 * wanted
            ),
            "what is good at once wins before the others are trained: let α rest at first, invert it, or run every candidate \
             often enough",
        );
    }
    if let Some(uniform) = uniform.filter(|u| u.name != results.name) {
        let against = results.against(uniform);
        // On a single problem no difference is clear.
        if against.problems > 1 && !against.beats() {
            add(
                format!("its regret is {:.2}, that of uniform sampling {:.2}", results.mean, uniform.mean),
                match against.loses() {
                    true => "it does clearly worse than drawing paths at random and measuring a few",
                    false => "it does not clearly beat drawing paths at random and measuring a few",
                },
            );
        }
    }
    list
}

/// Whether the derived architecture is not the one that α would give.
fn derives_on_its_own(trial: &Trial) -> bool {
    let Some(last) = trial.epochs.last() else { return false };
    let strongest = |row: &Vec<Option<f64>>| {
        let mut best: Option<(usize, f64)> = None;
        for (operation, alpha) in row.iter().enumerate() {
            if let Some(alpha) = alpha
                && best.is_none_or(|(_, most)| *alpha > most)
            {
                best = Some((operation, *alpha));
            }
        }
        best.map(|(operation, _)| operation)
    };
    last.alpha.iter().zip(&trial.derived).any(|(row, derived)| strongest(row) != Some(*derived))
}

/// The edges whose α was never stepped, in any trial.
fn still_edges(trials: &[Trial]) -> Vec<String> {
    let edges = trials.first().map_or(0, |t| t.alpha_steps.len());
    (0..edges).filter(|e| trials.iter().all(|t| t.alpha_steps[*e] == 0)).map(|e| e.to_string()).collect()
}

/// `edges 1, 2 and 3`.
fn named(what: &str, names: &[String]) -> String {
    let list = match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    match (what, names.len()) {
        ("", _) => list,
        (_, 1) => format!("{what} {list}"),
        _ => format!("{what}s {list}"),
    }
}
