//! Numbers against PyTorch: operations, cells, a supernet under several plans, and whole iterations.
//!
//! Tolerances are per tensor, max |a − b| / max |b|: 1e-4 in single, 1e-9 in double precision.

mod common;

use common::fixtures::{Fixture, PRECISIONS, assert_near, channels_last, distance, fill, start, values};
use common::{darts_space, settings};
use edas::execute::Norm;
use edas::policy::{Phase, Plan, Resolved, Sign};
use edas::spec::{ArchitectureOptimizer, WeightsOptimizer};
use edas::supernet::{Include, Network, Part};
use edas::train::optimizer::{Architecture, Sgd};
use edas::train::schedule::cosine;
use edas::train::step::cross_entropy;
use edas::train::{StepInput, TensorBatch, Trainer};
use tch::{Device, Kind, Tensor};

#[test]
fn operations_match() {
    common::operations::match_on(Device::Cpu);
}

/// α by the fixtures' formula.
fn alpha(network: &Network) -> Vec<Vec<f64>> {
    let row = |(cell, position): (&str, usize)| {
        let row = values(&format!("alpha.{cell}.{position}"), &[8]) * 0.5;
        Vec::<f64>::try_from(row).expect("a row")
    };
    let space = &network.space;
    space.cell_types.iter().flat_map(|c| (0..c.edges.len()).map(|p| (c.name.as_str(), p))).map(row).collect()
}

fn trainer(network: Network, architecture: &ArchitectureOptimizer, weights: &WeightsOptimizer) -> Trainer {
    let architecture = Architecture::new(alpha(&network), architecture);
    Trainer { network, architecture, weights: Sgd::new(weights) }
}

#[test]
fn cells_match() {
    let fixture = Fixture::read("cells");
    let text = std::fs::read_to_string(common::repository("specs/spaces/darts.yaml")).expect("the space is there");
    let narrow = common::space(&text.replace("× 2", "× 1"));
    let widening = common::space(&text);
    // Of a network of 9 cells, 2 is a normal cell behind normal ones, 3 the first reduction, 4 the cell behind it. Channels
    // and image size are such that the cell has 4 channels and the inputs that the fixture has.
    let cases = [
        ("normal", &narrow, 4, 8, 2, [16, 8, 8]),
        ("reduce", &narrow, 4, 8, 3, [16, 8, 8]),
        ("normal_after", &widening, 2, 16, 4, [8, 16, 16]),
    ];
    for (name, space, channels, size, number, s0_shape) in cases {
        for (precision, kind, tolerance) in PRECISIONS {
            let network =
                Network::build(space, &settings(9, channels, size, kind), Include::All).expect("it can be built");
            let of_cell = format!("cells.{number}.");
            for parameter in network.parameters.iter().filter(|p| p.name.starts_with(&of_cell)) {
                let value = start(&parameter.name.replace(&of_cell, "cells.0."), &parameter.tensor.size());
                network.parameters.set(&parameter.name, &value.to_kind(kind)).expect("the shapes fit");
            }
            let Part::Cell(cell) = &network.parts[number] else { panic!("a cell") };
            let alpha = alpha(&network);
            let first = space.cell_types[cell.cell_type].first_edge;
            let edges = alpha.len();
            let plans = [
                ("relaxed", Plan::strongest(edges).relax_all().resolve(&alpha, 0)),
                ("fixed", Resolved::of_choices(&(0..edges).map(|e| Some((e % 14) % 8)).collect::<Vec<_>>())),
            ];
            for (plan_name, plan) in plans {
                // The statistics of the first pass must not reach the second.
                reset(&network);
                let case = format!("{name}.{plan_name}.{precision}");
                let input = |key: &str, [c, h, w]: [i64; 3]| {
                    channels_last(&(values(key, &[2, c, h, w]) * 1.5).to_kind(kind)).set_requires_grad(true)
                };
                let (s0, s1) = (input("s0", s0_shape), input("s1", [16, 8, 8]));
                let rows: Vec<Tensor> =
                    alpha.iter().map(|row| Tensor::from_slice(row).to_kind(kind).set_requires_grad(true)).collect();
                let mixture = rows.iter().map(|row| Some(row.softmax(0, None))).collect();
                let maps = [s0.shallow_clone(), s1.shallow_clone()];
                let y = network.forward_cell(cell, &maps, &plan, &mixture, Norm::Train).expect("it runs");
                assert_near(&y, fixture.get(&format!("{case}.y")), tolerance, &format!("{case}.y"));
                let loss = (&y * values("gy", &y.size()).to_kind(kind)).sum(kind);
                let mut leaves = vec![&s0, &s1];
                if plan_name == "relaxed" {
                    leaves.extend(&rows[first..first + 14]);
                }
                let gradients = Tensor::run_backward(&[&loss], &leaves, false, false);
                for (key, gradient) in ["gs0", "gs1"].iter().zip(&gradients) {
                    assert_near(gradient, fixture.get(&format!("{case}.{key}")), tolerance, &format!("{case}.{key}"));
                }
                if plan_name == "relaxed" {
                    let rows = Tensor::stack(&gradients[2..], 0);
                    let key = format!("{case}.galpha");
                    assert_near(&rows, fixture.get(&key), tolerance, &key);
                }
            }
        }
    }
}

/// Puts the running statistics back to their start.
fn reset(network: &Network) {
    for parameter in network.parameters.iter().filter(|p| !p.trained) {
        let value = start(&parameter.name, &parameter.tensor.size()).to_kind(network.parameters.kind());
        network.parameters.set(&parameter.name, &value).expect("the shapes fit");
    }
}

fn batch(name: &str, size: [i64; 4], labels: impl Fn(i64) -> i64) -> TensorBatch {
    let images = channels_last(&(values(name, &size) * 1.5));
    TensorBatch { images, labels: Tensor::from_slice(&(0..size[0]).map(labels).collect::<Vec<i64>>()) }
}

#[test]
fn supernet_matches_under_five_plans() {
    let fixture = Fixture::read("supernet");
    let network =
        Network::build(&darts_space(), &settings(8, 4, 8, Kind::Double), Include::All).expect("it can be built");
    fill(&network.parameters);
    let alpha = alpha(&network);
    let edges = alpha.len();
    let batch = batch("batch", [4, 3, 8, 8], |i| (7 * i + 3) % 10);
    let inverted = Plan { sign: Sign::Minus, ..Plan::strongest(edges).relax(20) };
    let plans = [
        ("p0", Plan::strongest(edges)),
        ("p1", Plan::strongest(edges).relax(3).relax(14 + 5)),
        ("p2", Plan::strongest(edges).relax_all()),
        ("p3", inverted),
    ];
    let mut compared = 0;
    for (name, plan) in plans {
        reset(&network);
        let plan = plan.resolve(&alpha, 0);
        let sign = if name == "p3" { -1.0 } else { 1.0 };
        let rows: Vec<Tensor> = alpha.iter().map(|row| Tensor::from_slice(row).set_requires_grad(true)).collect();
        let mixture = rows.iter().map(|row| Some((row * sign).softmax(0, None))).collect();
        let weights = network.weights_in_use(&plan);
        let mut leaves: Vec<Tensor> =
            weights.iter().map(|w| network.parameters.get(*w).tensor.set_requires_grad(true)).collect();
        let relaxed: Vec<usize> = plan.relaxed().collect();
        leaves.extend(relaxed.iter().map(|e| rows[*e].shallow_clone()));
        let logits = network.forward(&batch.images, &plan, &mixture, Norm::Train).expect("it runs");
        let loss = cross_entropy(&logits, &batch.labels).expect("a loss");
        assert_near(&logits, fixture.get(&format!("{name}.logits")), 1e-9, name);
        assert_near(&loss, fixture.get(&format!("{name}.loss")), 1e-9, name);
        let gradients = Tensor::run_backward(&[&loss], &leaves, false, false);
        for (weight, gradient) in weights.iter().zip(&gradients) {
            let key = format!("{name}.g.{}", network.parameters.get(*weight).name);
            assert_near(gradient, fixture.get(&key), 1e-9, &key);
            compared += 1;
        }
        assert_eq!(weights.len(), fixture.names(&format!("{name}.g.")).count(), "{name}: weights in use");
        for (edge, gradient) in relaxed.iter().zip(&gradients[weights.len()..]) {
            let key = format!("{name}.galpha.{edge}");
            assert_near(gradient, fixture.get(&key), 1e-9, &key);
            compared += 1;
        }
    }
    assert!(compared > 2000, "only {compared} gradients were compared");
}

#[test]
fn two_plans_in_one_iteration_match() {
    let fixture = Fixture::read("supernet");
    let network =
        Network::build(&darts_space(), &settings(8, 4, 8, Kind::Double), Include::All).expect("it can be built");
    fill(&network.parameters);
    let mut trainer = trainer(network, &ArchitectureOptimizer::default(), &WeightsOptimizer::default());
    let before = trainer.architecture.alpha.clone();
    let batch = batch("batch", [4, 3, 8, 8], |i| (7 * i + 3) % 10);
    let edges = before.len();
    let plan = Plan::strongest(edges).relax(9).resolve(&before, 0);
    let result = trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch, 0.025)).expect("a step");
    let near = |a: f64, key: &str| assert_near(&Tensor::from(a), fixture.get(key), 1e-9, key);
    near(result.loss, "p4.architecture.loss");
    // Adam's first moment after one step is (1 − β₁) times the gradient.
    let gradient: Vec<f64> = trainer.architecture.first[9].iter().map(|m| m / 0.5).collect();
    assert_near(&Tensor::from_slice(&gradient), fixture.get("p4.galpha.9"), 1e-9, "p4.galpha.9");
    reset(&trainer.network);
    let plan = Plan::strongest(edges).resolve(&before, 1);
    let result = trainer.step(Phase::Weights, &plan, &StepInput::of(&batch, 0.025)).expect("a step");
    near(result.loss, "p4.weights.loss");
}

/// Twenty whole iterations of one variant: both phases, both optimizers, clipping, cosine.
fn iterations_match(variant: &str, lazy: bool, decay: f64) {
    let fixture = Fixture::read("iterations");
    let settings = settings(8, 4, 16, Kind::Double);
    let network = Network::build(&darts_space(), &settings, Include::All).expect("it can be built");
    fill(&network.parameters);
    let architecture = ArchitectureOptimizer { lazy, weight_decay: decay, ..ArchitectureOptimizer::default() };
    let weights = WeightsOptimizer { clip: Some(15.0), ..WeightsOptimizer::default() };
    let mut trainer = trainer(network, &architecture, &weights);
    let edges = trainer.architecture.alpha.len();
    let (mut search, mut train) = (Vec::new(), Vec::new());
    for t in 0..20 {
        let mut plan = Plan::strongest(edges).relax((5 * t as usize) % 28);
        if variant == "dense" && t < 10 && t % 2 == 1 {
            plan = plan.invert();
        }
        let plan = plan.resolve(&trainer.architecture.alpha, 0);
        let rate = cosine(t as u64 / 5, 4, 0.025, 0.001);
        let size = [8, 3, 16, 16];
        let batches = [
            (Phase::Architecture, batch(&format!("search.{t}"), size, |i| (3 * i + 1 + t) % 10)),
            (Phase::Weights, batch(&format!("train.{t}"), size, |i| (7 * i + 3 + t) % 10)),
        ];
        for (phase, batch) in batches {
            let result = trainer.step(phase, &plan, &StepInput::of(&batch, rate)).expect("a step");
            if phase == Phase::Architecture { search.push(result.loss) } else { train.push(result.loss) }
        }
    }
    let key = |name: &str| format!("{variant}.{name}");
    let near = |a: &Tensor, name: &str| assert_near(a, fixture.get(&key(name)), 1e-9, &key(name));
    near(&Tensor::from_slice(&search), "search_loss");
    near(&Tensor::from_slice(&train), "train_loss");
    let table = |rows: &[Vec<f64>]| Tensor::from_slice(&rows.concat()).view([edges as i64, 8]);
    near(&table(&trainer.architecture.alpha), "alpha");
    near(&table(&trainer.architecture.first), "alpha_m");
    near(&table(&trainer.architecture.second), "alpha_v");
    let steps: Vec<f64> = trainer.architecture.steps.iter().map(|t| *t as f64).collect();
    near(&Tensor::from_slice(&steps), "alpha_t");
    let mut compared = 0;
    for (index, parameter) in trainer.network.parameters.iter().enumerate() {
        let name = &parameter.name;
        let group = if parameter.trained { "w" } else { "b" };
        match fixture.find(&key(&format!("{group}.{name}"))) {
            Some(expected) => assert_near(&parameter.tensor, expected, 1e-9, &key(name)),
            // What never ran must be as it started, to the bit.
            None => assert_eq!(distance(&parameter.tensor, &start(name, &parameter.tensor.size())), 0.0, "{name}"),
        }
        let momentum = trainer.weights.momentum.get(&index);
        match (momentum, fixture.find(&key(&format!("m.{name}")))) {
            (Some(ours), Some(theirs)) => assert_near(ours, theirs, 1e-9, &key(name)),
            (None, None) => {}
            _ => panic!("{variant}: momentum of `{name}` exists on one side only"),
        }
        compared += 1;
    }
    assert!(compared > 3000, "only {compared} parameters were compared");
}

#[test]
fn whole_iterations_match_with_lazy_rows() {
    iterations_match("lazy", true, 0.0);
}

#[test]
fn whole_iterations_match_with_dense_rows_decay_and_inversion() {
    iterations_match("dense", false, 1e-3);
}
