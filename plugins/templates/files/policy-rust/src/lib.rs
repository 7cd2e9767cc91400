//! A policy: what decides, iteration by iteration, what every edge of the supernet does.
//!
//! It sees a turn (where the search stands, α, the space) and answers with a plan, which says symbolically what the edges do. It
//! touches no tensor. What it decides must follow from its parameters, its turns and `turn.random`: then searches repeat.
//! A policy that remembers something between turns also has `save` and `restore`; `feedback` hears losses and accuracies,
//! `end_epoch` hears of an epoch's end.

use edas_plugin::{Arguments, Models, Parameter, Plugin, Policy, PolicyEntry, SpaceView, Steps, Turn};
use std::sync::Arc;

/// The plugin.
pub struct MyPlugin;

impl Plugin for MyPlugin {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "A policy of my own";
    const POLICIES: &'static [PolicyEntry] = &[PolicyEntry::of::<LeastDecided>(
        env!("CARGO_PKG_NAME"),
        "draws a few edges, and relaxes the one that is least decided",
    )
    .with_parameters(&[DRAWS])];
}

const DRAWS: Parameter = Parameter::integer("draws", "edges that are drawn per iteration", 2, 1, 1000);

/// Draws a few edges per iteration and relaxes the one whose strongest candidate has the lowest probability; all others run their
/// strongest candidate. With one draw this is EDAS.
struct LeastDecided {
    draws: i64,
}

impl Policy for LeastDecided {
    fn new(_: &Arc<SpaceView>, arguments: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self { draws: arguments.integer("draws") })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let mut least = (f64::INFINITY, 0);
        for _ in 0..self.draws {
            let edge = turn.random.index(turn.space.edges.len());
            let largest = turn.probabilities(edge).into_iter().fold(0.0, f64::max);
            if largest < least.0 {
                least = (largest, edge);
            }
        }
        Ok(turn.strongest().relax(least.1).into())
    }
}

edas_plugin::export!(MyPlugin);
