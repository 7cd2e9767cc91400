//! What the hooks of a script are given, and what they return.

use super::space::{SpaceValue, candidate_index};
use crate::error::{Error, Result};
use crate::policy::AfterEpoch;
use crate::policy::turn::{EpochEnd, StepResult};
use crate::policy::view::{EdgeView, SpaceView};
use crate::space::Choices;
use rhai::{Array, Dynamic, INT, Map};

/// A function that a policy script may define.
#[derive(Debug, Clone, Copy)]
pub struct Hook {
    /// Its name.
    pub name: &'static str,
    /// The names of its arguments.
    pub arguments: &'static [&'static str],
    /// When it is called, what it is given, what it returns.
    pub doc: &'static str,
    /// The fields of the map that it is given, or of those in the array that it is given, with what they mean.
    pub fields: &'static [(&'static str, &'static str)],
}

/// The functions that a policy script may define; it must define `plan`.
pub const HOOKS: &[Hook] = &[
    Hook {
        name: "params",
        arguments: &[],
        doc: "The parameters that a spec may set under `policy.params`: a map from names to declarations. It is called \
              once, before anything else. A declaration is `param(default, lowest, highest, \"doc\")`, `param(true, \"doc\")` or \
              `param(\"word\", [\"word\", …], \"doc\")`.",
        fields: &[],
    },
    Hook {
        name: "init",
        arguments: &["space", "params"],
        doc: "The state before the first turn: a map, which hooks see as `this`. Without it the state is an empty map.",
        fields: &[],
    },
    Hook {
        name: "plan",
        arguments: &["turn"],
        doc: "The plan of one iteration, for both phases, or an array of steps: `[architecture(plan), weights(plan)]`. Every \
              script defines it.",
        fields: &[],
    },
    Hook {
        name: "feedback",
        arguments: &["turn", "results"],
        doc: "Called after the iteration's steps; `results[k]` belongs to the k-th step (of a bare plan, 0 is the architecture \
              phase and 1 the weights phase). Its return value is not used. `edas trace` does not call it.",
        fields: &[
            ("phase", "`\"architecture\"`, `\"weights\"` or `\"measure\"`"),
            ("loss", "the mean loss of the batch"),
            ("accuracy", "the share of the batch that was classified correctly"),
        ],
    },
    Hook {
        name: "end_epoch",
        arguments: &["epoch"],
        doc: "Called after the validation of an epoch. Returns nothing, or a map of `stop: true` (the search ends here), \
              `candidates: […]` (per edge index the names or numbers of the candidates that it keeps, `()` for all; the others are \
              gone for good), `reset_weights: true` (all weights start anew).",
        fields: &[
            ("index", "the epoch, from 0"),
            ("round", "the round, from 0"),
            ("derived_accuracy", "the derived network's accuracy at the validation; `()` in `edas trace`"),
            ("alpha", "α: one array per edge index"),
            ("space", "the space"),
        ],
    },
    Hook {
        name: "derive",
        arguments: &["space", "alpha"],
        doc: "The genotype, where it is not the one that the spec's `derive.rule` makes of α: an array with the name or number of \
              a candidate per edge index, `()` for an edge that is cut; or `()` to leave it to the rule. `alpha` has one array \
              per edge index. What it changes in `this` is forgotten.",
        fields: &[],
    },
];

/// α as scripts see it: one array per edge index.
pub(in super::super) fn alpha_rows(alpha: &[Vec<f64>]) -> Array {
    let row = |row: &Vec<f64>| Dynamic::from_array(row.iter().map(|a| Dynamic::from_float(*a)).collect());
    alpha.iter().map(row).collect()
}

/// The results of an iteration's steps, as `feedback` gets them.
pub(in super::super) fn results(results: &[StepResult]) -> Array {
    let result = |r: &StepResult| {
        let mut map = Map::new();
        map.insert("phase".into(), Dynamic::from(r.phase.name().to_owned()));
        map.insert("loss".into(), Dynamic::from_float(r.loss));
        map.insert("accuracy".into(), Dynamic::from_float(r.accuracy));
        Dynamic::from_map(map)
    };
    results.iter().map(result).collect()
}

/// An epoch, as `end_epoch` gets it.
pub(in super::super) fn epoch(epoch: &EpochEnd) -> Map {
    let mut map = Map::new();
    map.insert("index".into(), Dynamic::from_int(epoch.index as INT));
    map.insert("round".into(), Dynamic::from_int(0));
    map.insert("derived_accuracy".into(), epoch.derived_accuracy.map_or(Dynamic::UNIT, Dynamic::from_float));
    map.insert("alpha".into(), Dynamic::from_array(alpha_rows(&epoch.alpha)));
    map.insert("space".into(), Dynamic::from(SpaceValue::new(&epoch.space)));
    map
}

/// What `end_epoch` returned.
pub(in super::super) fn after_epoch(answer: &Dynamic, space: &SpaceView) -> Result<AfterEpoch> {
    if answer.is_unit() {
        return Ok(AfterEpoch::default());
    }
    let wrong = |found: String| {
        Error::new("`end_epoch(epoch)` returned something else")
            .expected("nothing, or #{ stop: true, candidates: [[…], …], reset_weights: true }, each as you need it")
            .found(found)
    };
    let map = answer.read_lock::<Map>().ok_or_else(|| wrong(super::super::found_text(answer)))?;
    let mut after = AfterEpoch::default();
    for (key, value) in map.iter() {
        match (key.as_str(), value.as_bool()) {
            ("stop", Ok(stop)) => after.stop = stop,
            ("reset_weights", Ok(reset)) => after.reset_weights = reset,
            ("candidates", _) => {
                let kept = |edge: &EdgeView, value: &Dynamic| {
                    let list = value.read_lock::<Array>().ok_or_else(|| {
                        Error::new(format!("`candidates` says something else of edge {}", edge.index))
                            .expected("an array of the candidates that it keeps, or ()")
                            .found(super::super::found_text(value))
                    })?;
                    super::space::subset(&list, edge)
                };
                let lists = per_edge("candidates", value, space, kept)?;
                after.keep = lists.into_iter().enumerate().filter_map(|(edge, kept)| Some((edge, kept?))).collect();
            }
            _ => return Err(wrong(format!("`{key}: {value}`"))),
        }
    }
    Ok(after)
}

/// What `derive` returned.
pub(in super::super) fn choices(answer: &Dynamic, space: &SpaceView) -> Result<Option<Choices>> {
    if answer.is_unit() {
        return Ok(None);
    }
    per_edge("`derive(space, alpha)`", answer, space, |edge, value| candidate_index(value, edge)).map(Some)
}

/// One entry per edge; `()` is nothing.
fn per_edge<T>(
    what: &str,
    value: &Dynamic,
    space: &SpaceView,
    read: impl Fn(&EdgeView, &Dynamic) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    let wrong = |found: String| {
        Error::new(format!("{what} is no list over the edges"))
            .expected(format!("an array with one entry per edge: {}", space.edges.len()))
            .found(found)
    };
    let list = value.read_lock::<Array>().ok_or_else(|| wrong(super::super::found_text(value)))?;
    if list.len() != space.edges.len() {
        return Err(wrong(format!("an array of {}", list.len())));
    }
    let entry = |(value, edge): (&Dynamic, &EdgeView)| match value.is_unit() {
        true => Ok(None),
        false => read(edge, value).map(Some),
    };
    list.iter().zip(&space.edges).map(entry).collect()
}
