//! Policies that say all that plans and ends of epochs can say, for tests of the host. `every_gate.rhai` and `shrinking.rhai`
//! beside this folder say the same; `tests/plugins/c-gates` says it in C.

use edas_plugin::{
    AfterEpoch, Arguments, EpochEnd, Models, Parameter, Plan, Plugin, Policy, PolicyEntry, SpaceView, Step, Steps, Turn,
};
use std::sync::Arc;

/// The plugin.
pub struct GatesPolicies;

impl Plugin for GatesPolicies {
    const NAME: &'static str = "gates-policies";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Policies that say all that there is";
    const POLICIES: &'static [PolicyEntry] = &[
        PolicyEntry::of::<EveryGate>("every-gate", "every gate and every setting, in turn"),
        PolicyEntry::of::<Shrinking>(
            "shrinking",
            "edges keep the stronger half of their candidates, epoch after epoch",
        )
        .with_parameters(&[Parameter::boolean("forgets", "names candidates that are gone", false)]),
    ];
}

/// A number per candidate.
fn row(count: usize, of: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..count).map(of).collect()
}

struct EveryGate;

impl EveryGate {
    fn gate(plan: Plan, turn: &mut Turn, index: usize, last: usize) -> Plan {
        let ends = [0, last];
        match (index as u64 + turn.iteration) % 9 {
            0 => plan.relax(index),
            1 => plan.relax_subset(index, &ends),
            2 => plan.strongest_subset(index, &ends),
            3 => plan.only(index, turn.iteration as usize % (last + 1)),
            4 => plan.straight_through(index),
            5 => plan.straight_through_subset(index, &ends, *turn.random.choose(&ends)),
            6 => plan.straight_through_active(index),
            7 => plan.straight_through_active_subset(index, &ends, None),
            _ => plan.off(index),
        }
    }

    fn settings(mut plan: Plan, turn: &mut Turn, index: usize, count: usize) -> Plan {
        match index % 3 {
            0 => plan = plan.invert_edge(index),
            1 => plan = plan.invert_edge_if(index, false),
            _ => {}
        }
        if index.is_multiple_of(4) {
            plan = plan.temperature_edge(index, 0.5 + (turn.iteration % 10) as f64 * 0.1);
        }
        match index % 5 {
            0 => plan = plan.gumbel_edge(index, &mut turn.random),
            1 => plan = plan.noise(index, &row(count, |c| c as f64 * 0.25 - 1.0)),
            _ => {}
        }
        match index % 6 {
            0 => plan = plan.drop_edge(index, 1, 0.5),
            1 => plan = plan.drop_edge(index, count - 1, 0.75),
            _ => {}
        }
        match index % 7 {
            0 => plan.penalise(index, &row(count, |c| c as f64 * 0.5)).penalise(index, &row(count, |_| 1.0)),
            1 => {
                let alpha = turn.alpha(index);
                plan.set_alpha(index, &row(count, |c| -alpha[c]))
            }
            _ => plan,
        }
    }
}

impl Policy for EveryGate {
    fn new(_: &Arc<SpaceView>, _: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self)
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let mut plan = turn.strongest().temperature(1.5).gumbel(&mut turn.random);
        for edge in &turn.space.edges {
            let count = edge.candidates.len();
            plan = Self::gate(plan, turn, edge.index, count - 1);
            plan = Self::settings(plan, turn, edge.index, count);
        }
        plan = plan.drop(&turn.space.edges[0].candidates[1], 0.25);
        if turn.iteration % 2 == 1 {
            plan = plan.invert();
        }
        if turn.iteration.is_multiple_of(3) {
            return Ok(plan.into());
        }
        let strongest = turn.strongest();
        Ok(vec![Step::architecture(plan.clone()), Step::measure(strongest), Step::weights(plan)].into())
    }
}

/// After every epoch each edge keeps the stronger half of its candidates; after the first the weights start anew, and then α.
struct Shrinking {
    forgets: bool,
}

impl Policy for Shrinking {
    fn new(_: &Arc<SpaceView>, arguments: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self { forgets: arguments.boolean("forgets") })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let drawn = turn.random.index(turn.space.edges.len());
        let count = turn.space.edges[drawn].candidates.len();
        let kept = turn.kept(drawn);
        // What stands for candidates that are gone does not count.
        let place = |c| kept.iter().position(|k| *k == c).map_or(9.0, |at| at as f64);
        let mut plan = turn.strongest().relax(drawn).noise(drawn, &row(count, |c| place(c) * 0.5));
        plan = plan.penalise(drawn, &row(count, |c| place(c) * 0.1));
        if kept.contains(&3) {
            plan = plan.drop("skip_connect", 0.25);
        }
        for edge in turn.space.edges.iter().filter(|edge| edge.index != drawn && edge.index % 2 == 0) {
            let kept = turn.kept(edge.index);
            let candidate = kept[turn.iteration as usize % kept.len()];
            plan = match edge.index % 4 {
                0 => plan.only(edge, if self.forgets { 0 } else { candidate }),
                _ => plan.straight_through_subset(edge, &kept[kept.len() / 2..], None),
            };
        }
        if turn.epoch == 1 && turn.iteration_in_epoch == 0 {
            for edge in &turn.space.edges {
                let kept = turn.kept(edge.index);
                let place = |c| kept.iter().position(|k| *k == c).map_or(9.0, |at| at as f64);
                plan = plan.set_alpha(edge, &row(edge.candidates.len(), |c| place(c) * 0.01));
            }
        }
        Ok(plan.into())
    }

    fn end_epoch(&mut self, end: &EpochEnd) -> Result<AfterEpoch, String> {
        let keep = end.space.edges.iter().map(|edge| {
            let alpha = end.alpha(edge.index);
            let mut kept = end.kept(edge.index);
            let half = kept.len().div_ceil(2);
            kept.sort_by(|a, b| alpha[*b].total_cmp(&alpha[*a]));
            kept.truncate(half);
            (edge.index, kept)
        });
        Ok(AfterEpoch { keep: keep.collect(), reset_weights: end.epoch == 0, ..AfterEpoch::default() })
    }
}

edas_plugin::export!(GatesPolicies);
