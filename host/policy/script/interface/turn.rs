//! Turns: what a script is shown, once per iteration.

use super::Raised;
use super::plan::PlanValue;
use super::random::RandomValue;
use super::space::{SpaceValue, candidate_index, edge_index};
use crate::extension::interface::Interface;
use crate::extension::script::raise;
use crate::policy::plan::Plan;
use crate::policy::turn::{Clock, Turn};
use crate::space::derive::softmax;
use rhai::{Array, Dynamic, INT, Map};
use std::sync::Arc;

/// A turn.
#[derive(Clone)]
pub(in super::super) struct TurnValue {
    turn: Arc<Turn>,
    params: Dynamic,
    random: RandomValue,
}

impl TurnValue {
    pub(in super::super) fn new(turn: &Turn, params: &Dynamic) -> Self {
        let random = RandomValue::new(turn.random.clone());
        Self { turn: Arc::new(turn.clone()), params: params.clone(), random }
    }

    fn row(&self, edge: &Dynamic) -> Raised<&[f64]> {
        Ok(&self.turn.alpha[edge_index(edge, &self.turn.space).map_err(raise)?])
    }

    fn cost(&mut self, edge: Dynamic, candidate: Dynamic) -> Raised<Map> {
        let edge = &self.turn.space.edges[edge_index(&edge, &self.turn.space).map_err(raise)?];
        let cost = edge.costs[candidate_index(&candidate, edge).map_err(raise)?];
        let mut map = Map::new();
        map.insert("parameters".into(), Dynamic::from_int(cost.parameters));
        map.insert("multiply_adds".into(), Dynamic::from_int(cost.multiply_adds));
        Ok(map)
    }
}

fn array(numbers: impl IntoIterator<Item = f64>) -> Array {
    numbers.into_iter().map(Dynamic::from_float).collect()
}

pub(super) fn register(api: &mut Interface) {
    let clock = |read: fn(&Clock) -> u64| move |t: &mut TurnValue| read(&t.turn.clock) as INT;
    api.subject("A turn")
        .named::<TurnValue>("Turn")
        .property("turn.epoch: int", "The epoch, from 0.", clock(|c| c.epoch))
        .property("turn.epochs: int", "The number of epochs.", clock(|c| c.epochs))
        .property("turn.iteration: int", "The iteration over all epochs, from 0.", clock(|c| c.iteration))
        .property("turn.iteration_in_epoch: int", "The iteration within the epoch, from 0.", clock(|c| c.iteration_in_epoch))
        .property("turn.iterations_per_epoch: int", "The number of iterations in an epoch.", clock(|c| c.iterations_per_epoch))
        .property("turn.round: int", "The round of a progressive search, from 0.", |_: &mut TurnValue| 0 as INT)
        .property("turn.params: Map", "The spec's `policy.params`, defaults filled in.", |t: &mut TurnValue| t.params.clone())
        .property("turn.space: Space", "The space.", |t: &mut TurnValue| SpaceValue::new(&t.turn.space))
        .property("turn.rng: Random", "The random numbers of this iteration.", |t: &mut TurnValue| t.random.clone())
        .function(
            "alpha(turn: Turn, edge: Edge|int) -> Array",
            "α of an edge at the start of the iteration: one number per candidate.",
            |t: &mut TurnValue, edge: Dynamic| -> Raised<Array> { Ok(array(t.row(&edge)?.iter().copied())) },
        )
        .function(
            "probabilities(turn: Turn, edge: Edge|int) -> Array",
            "softmax(α) of an edge.",
            |t: &mut TurnValue, edge: Dynamic| -> Raised<Array> { Ok(array(softmax(t.row(&edge)?))) },
        )
        .function(
            "cost(turn: Turn, edge: Edge|int, candidate: String|int) -> Map",
            "`#{ parameters, multiply_adds }` of a candidate, over all cells of the edge's type; multiply-adds for one image.",
            TurnValue::cost,
        )
        .function(
            "strongest(turn: Turn) -> Plan",
            "A plan in which every edge runs its strongest candidate.",
            |t: &mut TurnValue| PlanValue::new(&t.turn.space, Plan::strongest),
        )
        .function("empty(turn: Turn) -> Plan", "A plan in which every edge is off.", |t: &mut TurnValue| {
            PlanValue::new(&t.turn.space, Plan::empty)
        });
}
