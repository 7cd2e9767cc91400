//! The policies of the EDAS paper (Hong, Ahn, Kim: "EDAS: Efficient and Differentiable Architecture Search"), and GDAS (Dong,
//! Yang: "Searching for A Robust Neural Architecture in Four GPU Hours").
//!
//! | name | architecture phase | weights phase | script with the same plans |
//! |---|---|---|---|
//! | `uniform-single-edge` | one edge, drawn uniformly, is relaxed | the same plan | `scripts/edas.rhai` |
//! | `inversion` | the same; in the first epochs α is inverted now and then | the same plan | `scripts/edas_inversion.rhai` |
//! | `alpha-max` | one edge, drawn uniformly, is relaxed | every edge runs its strongest candidate | `scripts/alpha_max.rhai` |
//!
//! In each, an edge that is not drawn runs its strongest candidate. In GDAS every edge runs one candidate, drawn by Gumbel noise:
//!
//! | name | architecture phase | weights phase | script with the same plans |
//! |---|---|---|---|
//! | `gdas` | straight-through over all candidates, the active one alone computed | the same with other noise | `scripts/gdas.rhai` |

use edas_plugin::{
    Arguments, Models, Parameter, Plan, Plugin, Policy, PolicyEntry, SpaceView, Step, Steps, Turn, Words,
};
use std::sync::Arc;

/// The plugin.
pub struct EdasPolicies;

const WARMUP_EPOCHS: Parameter = Parameter::integer("warmup_epochs", "epochs in which α is inverted", 10, 0, 10_000);
const PERIOD: Parameter =
    Parameter::integer("period", "every how many iterations of the warm-up; 1 is all of them", 2, 1, 1000);
const PHASES: Parameter = Parameter::word("phases", "which phases are inverted", &Words::new(["both", "weights"]));
const FIRST_TEMPERATURE: Parameter =
    Parameter::number("first_temperature", "the temperature in the first epoch", 10.0, 0.01, 100.0);
const LAST_TEMPERATURE: Parameter =
    Parameter::number("last_temperature", "the temperature in the last epoch", 0.1, 0.01, 100.0);

impl Plugin for EdasPolicies {
    const NAME: &'static str = "edas-policies";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "The policies of the EDAS paper, and GDAS";
    const POLICIES: &'static [PolicyEntry] = &[
        PolicyEntry::of::<UniformSingleEdge>("uniform-single-edge", "EDAS: one relaxed edge, drawn uniformly"),
        PolicyEntry::of::<Inversion>("inversion", "EDAS with its warm-up, in which α is inverted now and then")
            .with_parameters(&[WARMUP_EPOCHS, PERIOD, PHASES]),
        PolicyEntry::of::<AlphaMax>("alpha-max", "α is learned on one edge, the weights of the strongest candidates"),
        PolicyEntry::of::<Gdas>("gdas", "GDAS: one candidate per edge, drawn by Gumbel noise at a falling temperature")
            .with_parameters(&[FIRST_TEMPERATURE, LAST_TEMPERATURE]),
    ];
}

/// Every edge runs its strongest candidate, but one, drawn uniformly over all cell types, is relaxed.
fn one_relaxed(turn: &mut Turn) -> Plan {
    let edge = turn.random.choose(&turn.space.edges);
    turn.strongest().relax(edge)
}

/// EDAS without warm-up: the same plan serves both phases.
pub struct UniformSingleEdge;

impl Policy for UniformSingleEdge {
    fn new(_: &Arc<SpaceView>, _: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self)
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        Ok(one_relaxed(turn).into())
    }
}

/// EDAS with its warm-up (EDAS-inv): in the first epochs α is inverted on every `period`-th iteration, so that candidates which
/// learn slowly are trained too before the ranking settles (section 3.2, eq. 3).
///
/// While a plan is inverted, undrawn edges run argmax(−α) and the drawn edge is weighted by softmax(−α).
pub struct Inversion {
    warmup_epochs: u64,
    period: u64,
    weights_alone: bool,
}

impl Policy for Inversion {
    fn new(_: &Arc<SpaceView>, arguments: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self {
            warmup_epochs: arguments.integer("warmup_epochs").unsigned_abs(),
            period: arguments.integer("period").unsigned_abs(),
            weights_alone: arguments.word("phases") == "weights",
        })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let plain = one_relaxed(turn);
        let inverted = turn.epoch < self.warmup_epochs && turn.iteration % self.period == self.period - 1;
        if !inverted {
            return Ok(plain.into());
        }
        let minus = plain.clone().invert();
        if self.weights_alone {
            return Ok(vec![Step::architecture(plain), Step::weights(minus)].into());
        }
        Ok(minus.into())
    }
}

/// α-max, the paper's ablation: α is learned on one drawn edge, as in EDAS, but the weights phase runs the strongest candidate on
/// every edge.
pub struct AlphaMax;

impl Policy for AlphaMax {
    fn new(_: &Arc<SpaceView>, _: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self)
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let relaxed = one_relaxed(turn);
        Ok(vec![Step::architecture(relaxed), Step::weights(turn.strongest())].into())
    }
}

/// GDAS: in each phase one candidate per edge is drawn by Gumbel noise and computed alone; α gets the gradient of its own share of
/// the softmax (straight-through). The temperature falls along a straight line, epoch by epoch.
pub struct Gdas {
    first_temperature: f64,
    last_temperature: f64,
}

impl Policy for Gdas {
    fn new(_: &Arc<SpaceView>, arguments: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self {
            first_temperature: arguments.number("first_temperature"),
            last_temperature: arguments.number("last_temperature"),
        })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let over = if turn.epochs > 1 { turn.epoch as f64 / (turn.epochs - 1) as f64 } else { 0.0 };
        let temperature = self.first_temperature * (1.0 - over) + self.last_temperature * over;
        let mut drawn = || {
            let plan = turn.empty().gumbel(&mut turn.random).temperature(temperature);
            turn.space.edges.iter().fold(plan, Plan::straight_through_active)
        };
        Ok(vec![Step::architecture(drawn()), Step::weights(drawn())].into())
    }
}
