//! What straight-through gates, drops and penalties do in steps, validation and whole searches. Their numbers are compared with
//! PyTorch's in `pytorch_gates.rs`.

mod common;

use common::fixtures::values;
use common::{darts_space, settings, small_spec};
use edas::Search;
use edas::error::Result;
use edas::execute::Norm;
use edas::policy::gate::{Gate, StraightThrough};
use edas::policy::{Phase, Plan, Policy, Resolved, Step, Steps, Turn};
use edas::random::{Purpose, Stream};
use edas::space::Alpha;
use edas::spec::{ArchitectureOptimizer, Order, WeightsOptimizer};
use edas::supernet::{DropPath, Include, Network};
use edas::train::optimizer::{Architecture, Sgd};
use edas::train::{StepInput, TensorBatch, Trainer};
use std::collections::BTreeSet;
use tch::{Kind, Tensor};

fn random_alpha(seed: u64) -> Alpha {
    let mut stream = Stream::new(seed, Purpose::Initialisation, 0);
    (0..28).map(|_| (0..8).map(|_| stream.normal()).collect()).collect()
}

fn trainer(kind: Kind, order: Order) -> Trainer {
    let network = Network::build(&darts_space(), &settings(3, 4, 8, kind), Include::All).expect("it can be built");
    let settings = ArchitectureOptimizer { order, ..ArchitectureOptimizer::default() };
    let architecture = Architecture::new(random_alpha(3), &settings);
    Trainer { network, architecture, weights: Sgd::new(&WeightsOptimizer::default()) }
}

fn batch(kind: Kind) -> TensorBatch {
    let images = values("batch", &[4, 3, 8, 8]).to_kind(kind);
    TensorBatch { images, labels: Tensor::from_slice(&[1i64, 7, 3, 0]) }
}

fn straight_through(active: usize, active_only: bool) -> Gate {
    Gate::StraightThrough(StraightThrough { subset: None, active: Some(active), active_only })
}

/// Every edge straight through another candidate, none of them `none`.
fn all_straight_through(active_only: bool) -> (Plan, Vec<Option<usize>>) {
    let active: Vec<usize> = (0..28).map(|edge| 1 + edge % 7).collect();
    let mut plan = Plan::strongest(28);
    plan.gates = active.iter().map(|c| straight_through(*c, active_only)).collect();
    (plan, active.into_iter().map(Some).collect())
}

fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    let bits = |x: &Tensor| Vec::<f64>::try_from(x.to_kind(Kind::Double).flatten(0, -1)).expect("numbers");
    bits(a).iter().map(|v| v.to_bits()).eq(bits(b).iter().map(|v| v.to_bits()))
}

#[test]
fn a_straight_through_gate_computes_what_its_active_candidate_does() {
    for kind in [Kind::Float, Kind::Double] {
        let trainer = trainer(kind, Order::First);
        let batch = batch(kind);
        let run = |plan: &Resolved| {
            let mixture = trainer.mixture(plan).expect("weights");
            trainer.network.forward(&batch.images, plan, &mixture, Norm::Batch).expect("it runs")
        };
        for active_only in [false, true] {
            let (plan, choices) = all_straight_through(active_only);
            let plan = plan.resolve(&trainer.architecture.alpha, 0);
            let single = run(&Resolved::of_choices(&choices));
            assert!(same_bits(&run(&plan), &single));
            // In the cheap form nothing else is computed; in the other everything that is not `none`.
            let blocks = |plan: &Resolved| trainer.network.running(plan).len();
            assert_eq!(blocks(&plan) == blocks(&Resolved::of_choices(&choices)), active_only);
        }
    }
}

/// The names of the parameters and buffers that a step moved.
fn moved(trainer: &mut Trainer, phase: Phase, plan: &Resolved, input: &StepInput) -> BTreeSet<String> {
    let before: Vec<Tensor> = trainer.network.parameters.iter().map(|p| p.tensor.copy()).collect();
    trainer.step(phase, plan, input).expect("a step");
    let after = trainer.network.parameters.iter().zip(&before);
    after.filter(|(p, before)| p.tensor != **before).map(|(p, _)| p.name.clone()).collect()
}

#[test]
fn where_alpha_is_not_learned_the_active_candidate_alone_runs() {
    let batch = batch(Kind::Float);
    let input = StepInput::of(&batch, 0.1);
    for phase in [Phase::Weights, Phase::Measure] {
        let (plan, choices) = all_straight_through(false);
        let single = Resolved::of_choices(&choices);
        let [mut ours, mut theirs] = [(), ()].map(|()| trainer(Kind::Float, Order::First));
        let plan = plan.resolve(&ours.architecture.alpha, 0);
        let names = moved(&mut ours, phase, &plan, &input);
        assert_eq!(names, moved(&mut theirs, phase, &single, &input));
        assert_eq!(names.is_empty(), phase == Phase::Measure);
        for (ours, theirs) in ours.network.parameters.iter().zip(theirs.network.parameters.iter()) {
            assert!(same_bits(&ours.tensor, &theirs.tensor), "{}", ours.name);
        }
        assert_eq!(ours.architecture, theirs.architecture);
    }
}

#[test]
fn rows_of_straight_through_gates_are_stepped_and_no_weight_is() {
    let batch = batch(Kind::Float);
    for active_only in [false, true] {
        let mut trainer = trainer(Kind::Float, Order::First);
        let mut plan = Plan::strongest(28);
        plan.gates[19] = straight_through(4, active_only);
        let plan = plan.resolve(&trainer.architecture.alpha, 0);
        let names = moved(&mut trainer, Phase::Architecture, &plan, &StepInput::of(&batch, 0.1));
        assert!(names.iter().all(|name| name.contains("running_")), "{names:?}");
        let steps: Vec<usize> = (0..28).filter(|edge| trainer.architecture.steps[*edge] > 0).collect();
        assert_eq!(steps, [19]);
    }
}

/// GDAS's cheap form with `none` active: there is no path for a gradient, as on a dead edge.
#[test]
fn a_row_whose_active_candidate_is_none_is_stepped_only_where_the_others_are_computed() {
    let batch = batch(Kind::Float);
    for active_only in [false, true] {
        let mut trainer = trainer(Kind::Float, Order::First);
        let before = trainer.architecture.clone();
        let mut plan = Plan::strongest(28);
        plan.gates[19] = straight_through(0, active_only);
        let plan = plan.resolve(&before.alpha, 0);
        let result = trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch, 0.1)).expect("a step");
        assert!(result.loss.is_finite());
        assert_eq!(trainer.architecture == before, active_only);
    }
}

#[test]
fn examples_are_dropped_as_often_as_the_probability_says() {
    let drop = DropPath::new(7, 3, 0);
    let factors = drop.factors("cells.0.edges.1.skip_connect", 0.3, 10_000);
    let dropped = factors.iter().filter(|factor| **factor == 0.0).count();
    // Of 10,000 the standard deviation is 46: five of them either way.
    assert!((2_771..=3_229).contains(&dropped), "{dropped}");
    assert!(factors.iter().all(|factor| *factor == 0.0 || *factor == 1.0 / 0.7));
    // A function of seed, iteration, step and name, and of nothing else.
    let of = |seed, iteration, step, name| DropPath::new(seed, iteration, step).factors(name, 0.3, 100);
    let name = "cells.0.edges.1.skip_connect";
    assert_eq!(of(7, 3, 0, name), factors[..100]);
    let others = [of(8, 3, 0, name), of(7, 4, 0, name), of(7, 3, 1, name), of(7, 3, 0, "cells.1.edges.1.skip_connect")];
    let all: BTreeSet<String> = others.iter().map(|list| format!("{list:?}")).collect();
    assert!(all.len() == 4 && others.iter().all(|list| *list != factors[..100]));
}

#[test]
fn drops_change_training_and_leave_measurements_alone() {
    let batch = batch(Kind::Float);
    let alpha = random_alpha(3);
    let plain = Plan::strongest(28).relax(3).relax(19).resolve(&alpha, 0);
    let dropping = {
        let mut plan = Plan::strongest(28).relax(3).relax(19);
        plan.drop = (0..28).flat_map(|edge| (0..8).map(move |c| ((edge, c), 0.5))).collect();
        plan.resolve(&alpha, 0)
    };
    let loss = |plan: &Resolved, phase: Phase, iteration: u64, step: u64| {
        let input = StepInput { iteration, step, ..StepInput::of(&batch, 0.1) };
        trainer(Kind::Float, Order::First).step(phase, plan, &input).expect("a step").loss.to_bits()
    };
    for phase in [Phase::Architecture, Phase::Weights] {
        let dropped = loss(&dropping, phase, 5, 1);
        assert_ne!(dropped, loss(&plain, phase, 5, 1));
        assert_eq!(dropped, loss(&dropping, phase, 5, 1), "the same step drops the same");
        assert_ne!(dropped, loss(&dropping, phase, 6, 1));
        assert_ne!(dropped, loss(&dropping, phase, 5, 2));
        assert_eq!(loss(&plain, phase, 5, 1), loss(&plain, phase, 6, 2));
    }
    assert_eq!(loss(&dropping, Phase::Measure, 5, 1), loss(&plain, Phase::Measure, 5, 1));
}

#[test]
fn nothing_is_dropped_in_validation() {
    let running = Search::from_spec(small_spec(&[])).expect("a sound spec").start().expect("it starts");
    let alpha = &running.trainer.architecture.alpha;
    // Skips tell the classes apart also untrained; with all but a thousandth of them dropped they would not.
    let mut plan = Plan::strongest(28);
    plan.gates.fill(straight_through(3, false));
    let plain = running.accuracy(&plan.resolve(alpha, 0)).expect("it runs");
    plan.drop = (0..28).map(|edge| ((edge, 3), 0.999)).collect();
    assert_eq!(running.accuracy(&plan.resolve(alpha, 0)).expect("it runs"), plain);
    let single = Resolved::of_choices(&[Some(3); 28]);
    assert_eq!(running.accuracy(&single).expect("it runs"), plain);
    assert_ne!(running.accuracy(&Resolved::of_choices(&[None; 28])).expect("it runs"), plain);
}

/// softmax(α) · costs by hand.
fn penalty(row: &[f64], costs: &[f64]) -> f64 {
    let powers: Vec<f64> = row.iter().map(|a| a.exp()).collect();
    powers.iter().zip(costs).map(|(power, cost)| power * cost).sum::<f64>() / powers.iter().sum::<f64>()
}

#[test]
fn a_penalty_moves_rows_that_nothing_else_does() {
    let batch = batch(Kind::Double);
    let input = StepInput::of(&batch, 0.1);
    let costs = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    let mut plan = Plan::strongest(28);
    plan.penalise(25, &costs);
    let mut trainer = trainer(Kind::Double, Order::First);
    let before = trainer.architecture.alpha.clone();
    let plan = plan.resolve(&before, 0);
    let plain = Resolved { penalties: Default::default(), ..plan.clone() };
    let mut loss = |phase, plan| trainer.step(phase, plan, &input).expect("a step").loss;
    let [with, without] = [loss(Phase::Architecture, &plan), loss(Phase::Measure, &plain)];
    assert!((with - without - penalty(&before[25], &costs)).abs() < 1e-12, "{with} {without}");
    assert_eq!(loss(Phase::Measure, &plan).to_bits(), without.to_bits(), "only the architecture phase has penalties");
    let train = loss(Phase::Weights, &plan);
    assert!((train - without).abs() < 1e-12, "{train} {without}");
    let architecture = &trainer.architecture;
    assert!((0..28).all(|edge| (architecture.alpha[edge] == before[edge]) == (edge != 25)));
    assert!(penalty(&architecture.alpha[25], &costs) < penalty(&before[25], &costs), "the dear ones lose");
}

#[test]
fn a_dead_edge_moves_where_it_is_penalised() {
    let batch = batch(Kind::Float);
    let mut trainer = trainer(Kind::Float, Order::First);
    // The reduction cells carry nothing: the relaxed edge is in a cell that nothing reads.
    let mut plan = Plan::empty(28).relax(5);
    plan.penalise(5, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let plan = plan.resolve(&trainer.architecture.alpha, 0);
    let before = trainer.architecture.alpha[5].clone();
    trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch, 0.1)).expect("a step");
    assert!(trainer.architecture.alpha[5][0] < before[0]);
    assert!((1..8).all(|c| trainer.architecture.alpha[5][c] > before[c]));
}

#[test]
fn penalties_that_overflow_are_named() {
    let batch = batch(Kind::Float);
    let mut trainer = trainer(Kind::Float, Order::First);
    let before = trainer.architecture.clone();
    let mut plan = Plan::strongest(28);
    (0..28).for_each(|edge| plan.penalise(edge, &[f64::MAX; 8]));
    let plan = plan.resolve(&before.alpha, 0);
    let error = trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch, 0.1)).expect_err("no loss");
    assert!(error.to_string().contains("penalties"), "{error}");
    assert_eq!(trainer.architecture, before);
}

/// Also where a pass in the middle fails.
#[test]
fn the_second_order_gives_the_weights_back_after_an_error() {
    let batch = batch(Kind::Float);
    let mut trainer = trainer(Kind::Float, Order::Second);
    let plan = Plan::strongest(28).relax(3).resolve(&trainer.architecture.alpha, 0);
    let before: Vec<Tensor> = trainer.network.parameters.iter().map(|p| p.tensor.copy()).collect();
    // A step so long that the weights ahead overflow.
    let error = trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch, 1e38)).expect_err("no loss");
    assert!(error.to_string().contains("not finite"), "{error}");
    for (before, after) in before.iter().zip(trainer.network.parameters.iter()) {
        assert!(same_bits(before, &after.tensor), "{}", after.name);
    }
}

/// Straight-through gates, drops and penalties together, in steps of their own.
struct Everything;

impl Policy for Everything {
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        let n = turn.clock.iteration as usize;
        let mut plan = turn.strongest().relax(n % 28);
        plan.gates[(n + 3) % 28] = straight_through(n % 8, false);
        plan.gates[(n + 7) % 28] =
            Gate::StraightThrough(StraightThrough { subset: Some(vec![1, 3, 4]), active: None, active_only: true });
        plan.drop = (0..28).map(|edge| ((edge, 3), 0.4)).collect();
        plan.penalise(n % 5, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
        let step = |phase| Step { phase, plan: plan.clone() };
        Ok(match n % 2 {
            0 => Steps::Both(plan),
            _ => Steps::List([Phase::Measure, Phase::Architecture, Phase::Weights].map(step).to_vec()),
        })
    }
}

#[test]
fn a_search_with_all_of_them_ends_in_a_genotype_and_repeats() {
    for order in ["first", "second"] {
        let run = || {
            let order = format!("search.architecture.order={order}");
            let search = Search::with_policy(small_spec(&[&order]), Box::new(Everything)).expect("a sound spec");
            search.run(&mut []).expect("it runs")
        };
        let (a, b) = (run(), run());
        assert_eq!(a.alpha, b.alpha);
        assert_eq!(a.genotype, b.genotype);
        assert!(a.alpha.iter().flatten().all(|v| v.is_finite()));
    }
}

/// The supernet is validated under a plan whose rows of α are not put into α itself.
#[test]
fn weights_for_measuring_follow_the_rows_that_a_plan_sets() {
    let mut trainer = trainer(Kind::Double, Order::First);
    let mut plan = Plan::strongest(28).relax(3).relax(19);
    plan.alpha.insert(3, vec![3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -3.0]);
    let plan = plan.resolve(&trainer.architecture.alpha, 0);
    let weights = trainer.mixture(&plan).expect("weights");
    let plain = trainer.mixture(&Resolved { alpha: Default::default(), ..plan.clone() }).expect("weights");
    let row = |mixture: &edas::supernet::Mixture, edge: usize| {
        Vec::<f64>::try_from(mixture[edge].as_ref().expect("a softmax")).expect("numbers")
    };
    assert_ne!(row(&weights, 3), row(&plain, 3));
    assert_eq!(row(&weights, 19), row(&plain, 19));
    trainer.architecture.alpha[3].clone_from(&plan.alpha[&3]);
    assert_eq!(row(&weights, 3), row(&trainer.mixture(&plan).expect("weights"), 3));
}
