//! Every gate of a plan, and the second order, against PyTorch; and α's gradient against differences of the loss.
//!
//! All in double precision; per tensor, max |a − b| / max |b| is at most 1e-9.

mod common;

use common::fixtures::{Fixture, assert_near, distance, fill, values};
use common::{darts_space, repository, settings};
use edas::execute::Norm;
use edas::policy::gate::{Gate, Noise, Sign, StraightThrough};
use edas::policy::{Phase, Plan, Resolved};
use edas::spec::{ArchitectureOptimizer, Order, WeightsOptimizer};
use edas::supernet::{DropPath, Include, Mode, Network};
use edas::train::optimizer::{Architecture, Sgd};
use edas::train::{StepInput, TensorBatch, Trainer};
use serde_json::Value;
use tch::{Kind, Tensor};

const TOLERANCE: f64 = 1e-9;

fn trainer(order: Order) -> Trainer {
    let network =
        Network::build(&darts_space(), &settings(3, 4, 8, Kind::Double), Include::All).expect("it can be built");
    fill(&network.parameters);
    let row = |(cell, position): (&str, usize)| {
        Vec::<f64>::try_from(values(&format!("alpha.{cell}.{position}"), &[8]) * 0.5).expect("a row")
    };
    let edges = ["normal", "reduce"].into_iter().flat_map(|cell| (0..14).map(move |position| (cell, position)));
    let architecture = ArchitectureOptimizer { order, ..ArchitectureOptimizer::default() };
    let architecture = Architecture::new(edges.map(row).collect(), &architecture);
    Trainer { network, architecture, weights: Sgd::new(&WeightsOptimizer::default()) }
}

fn batch(split: &str) -> TensorBatch {
    let (first, step) = if split == "search" { (1, 3) } else { (3, 7) };
    let images = values(&format!("gates.{split}"), &[4, 3, 8, 8]) * 1.5;
    TensorBatch { images, labels: Tensor::from_slice(&(0..4).map(|i| (step * i + first) % 10).collect::<Vec<i64>>()) }
}

/// The cases as the script that made the numbers wrote them.
fn record() -> Value {
    let text = std::fs::read_to_string(repository("tests/fixtures/gates.json")).expect("the fixture is there");
    serde_json::from_str(&text).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn number(value: &Value) -> usize {
    value.as_u64().expect("a whole number") as usize
}

fn plan(case: &Value) -> Plan {
    let mut plan = Plan::strongest(28);
    for (edge, gate) in case["edges"].as_object().expect("edges") {
        let edge: usize = edge.parse().expect("an index");
        let subset = gate.get("subset").map(|list| list.as_array().expect("a list").iter().map(number).collect());
        let active = gate.get("active").map(number);
        let straight_through =
            |active_only| Gate::StraightThrough(StraightThrough { subset: subset.clone(), active, active_only });
        plan.gates[edge] = match gate.get("gate").and_then(Value::as_str) {
            None => Gate::Strongest(subset.clone()),
            Some("relaxed") => Gate::Relaxed(subset.clone()),
            Some("straight_through") => straight_through(false),
            Some("straight_through_active") => straight_through(true),
            Some("only") => Gate::Only(active.expect("a candidate")),
            Some("off") => Gate::Off,
            Some(other) => panic!("no gate is named {other}"),
        };
        let own = plan.edge(edge);
        own.sign = gate.get("sign").map(|sign| if sign == -1 { Sign::Minus } else { Sign::Plus });
        own.temperature = gate.get("temperature").and_then(Value::as_f64);
        own.noise = gate.get("noise").map(|noise| Noise::Given(numbers(noise)));
    }
    for drop in case["drop"].as_array().expect("a list") {
        plan.drop.insert((number(&drop[0]), number(&drop[1])), drop[2].as_f64().expect("a number"));
    }
    for (edge, costs) in case["penalties"].as_object().expect("penalties") {
        plan.penalise(edge.parse().expect("an index"), &numbers(costs));
    }
    plan
}

/// What the fixtures were made of.
struct Cases {
    /// The plans by their names.
    plans: Vec<(String, Plan)>,
    /// The names of those that have a second order.
    second_order: Vec<String>,
    /// Iteration and step.
    moment: [u64; 2],
    /// The learning rate of the weights.
    rate: f64,
}

fn cases() -> Cases {
    let record = record();
    let plans = record["cases"].as_object().expect("cases").iter().map(|(name, case)| (name.clone(), plan(case)));
    let second_order = record["second_order"].as_array().expect("a list").iter();
    Cases {
        plans: plans.collect(),
        second_order: second_order.map(|name| name.as_str().expect("a name").to_owned()).collect(),
        moment: [number(&record["iteration"]) as u64, number(&record["step"]) as u64],
        rate: record["rate"].as_f64().expect("a number"),
    }
}

/// Compares the gradient of every row, and that the same rows have none. Returns the largest distance.
fn rows_match(fixture: &Fixture, case: &str, rows: &[Option<Vec<f64>>]) -> f64 {
    let mut largest: f64 = 0.0;
    for (edge, row) in rows.iter().enumerate() {
        let key = format!("{case}.galpha.{edge}");
        match (row, fixture.find(&key)) {
            (Some(ours), Some(theirs)) => {
                let ours = Tensor::from_slice(ours);
                assert_near(&ours, theirs, TOLERANCE, &key);
                largest = largest.max(distance(&ours, theirs));
            }
            (None, None) => {}
            (ours, _) => panic!("{key} exists on one side only: {ours:?}"),
        }
    }
    largest
}

#[test]
fn every_gate_matches() {
    let fixture = Fixture::read("gates");
    let Cases { plans, moment: [iteration, step], rate, .. } = cases();
    assert!(plans.len() >= 18);
    let search = batch("search");
    let input = StepInput { search: &search, train: &search, rate, iteration, step };
    for (name, plan) in plans {
        let mut trainer = trainer(Order::First);
        let plan = plan.resolve(&trainer.architecture.alpha, 0);
        let drop = DropPath::new(1, iteration, step);
        let mixture = trainer.mixture(&plan).expect("weights");
        let mode = Mode { norm: Norm::Batch, drop: Some(&drop), auxiliary: false };
        let logits = trainer.network.forward(&search.images, &plan, &mixture, mode).expect("it runs");
        assert_near(&logits, fixture.get(&format!("{name}.logits")), TOLERANCE, &name);
        let found = trainer.alpha_gradient(&plan, &input).expect("a gradient");
        assert_near(&Tensor::from(found.loss), fixture.get(&format!("{name}.loss")), TOLERANCE, &name);
        let largest = rows_match(&fixture, &name, &found.rows);
        println!("{name}: gradients of α are at most {largest:.1e} apart");
        // The step itself: Adam's first moment is half of the gradient, and the loss is the same.
        let result = trainer.step(Phase::Architecture, &plan, &input).expect("a step");
        assert_eq!(result.loss.to_bits(), found.loss.to_bits(), "{name}");
        for (moment, row) in trainer.architecture.first.iter().zip(&found.rows) {
            let expected: Vec<f64> = row.as_ref().map_or(vec![0.0; 8], |row| row.iter().map(|g| 0.5 * g).collect());
            assert_eq!(*moment, expected, "{name}");
        }
    }
}

#[test]
fn the_second_order_matches() {
    let fixture = Fixture::read("gates");
    let Cases { plans, second_order, moment: [iteration, step], rate } = cases();
    let (search, train) = (batch("search"), batch("train"));
    let input = StepInput { search: &search, train: &train, rate, iteration, step };
    assert!(second_order.len() >= 8);
    for (name, plan) in plans.into_iter().filter(|(name, _)| second_order.contains(name)) {
        let mut trainer = trainer(Order::Second);
        let plan = plan.resolve(&trainer.architecture.alpha, 0);
        for (index, parameter) in trainer.network.parameters.iter().enumerate().filter(|(_, p)| p.trained) {
            if values(&format!("stepped.{}", parameter.name), &[1]).double_value(&[0]) > 0.0 {
                let momentum = values(&format!("momentum.{}", parameter.name), &parameter.tensor.size()) * 0.1;
                trainer.weights.momentum.insert(index, momentum);
            }
        }
        let before: Vec<Tensor> = trainer.network.parameters.iter().map(|p| p.tensor.copy()).collect();
        let momentum: Vec<Tensor> = trainer.weights.momentum.values().map(Tensor::copy).collect();
        let found = trainer.alpha_gradient(&plan, &input).expect("a gradient");
        let key = format!("second.{name}");
        assert_near(&Tensor::from(found.loss), fixture.get(&format!("{key}.loss")), TOLERANCE, &key);
        let largest = rows_match(&fixture, &key, &found.rows);
        println!("{key}: gradients of α are at most {largest:.1e} apart");
        // Weights, running statistics and momentum are what they were, to the bit.
        for (before, after) in before.iter().zip(trainer.network.parameters.iter()) {
            assert_eq!(*before, after.tensor, "{name}: {}", after.name);
            assert!(!after.tensor.requires_grad());
        }
        assert!(momentum.iter().zip(trainer.weights.momentum.values()).all(|(a, b)| a == b));
        let again = trainer.alpha_gradient(&plan, &input).expect("a gradient");
        assert_eq!(found, again, "{name}: not the same twice");
    }
}

/// Without a learning rate the weights do not follow: the second order is the first.
#[test]
fn the_second_order_without_a_rate_is_the_first() {
    let search = batch("search");
    let mut of = [Order::First, Order::Second].map(|order| {
        let mut trainer = trainer(order);
        let plan = Plan::strongest(28).relax(3).resolve(&trainer.architecture.alpha, 0);
        trainer.alpha_gradient(&plan, &StepInput::of(&search, 0.0)).expect("a gradient")
    });
    assert_eq!(of[0], of[1]);
    of[1].rows[3].as_mut().expect("a gradient")[0] += 1.0;
    assert_ne!(of[0], of[1]);
}

/// Central differences of the loss in every entry of the rows that have a gradient.
fn differences_match(plan: &Resolved, edges: &[usize]) {
    let mut trainer = trainer(Order::First);
    let search = batch("search");
    let input = StepInput::of(&search, 0.025);
    let found = trainer.alpha_gradient(plan, &input).expect("a gradient");
    let with_gradient: Vec<usize> = (0..28).filter(|e| found.rows[*e].is_some()).collect();
    assert_eq!(with_gradient, edges);
    for edge in edges {
        let row = found.rows[*edge].clone().expect("a gradient");
        let differences: Vec<f64> = (0..8)
            .map(|c| {
                let mut loss = |by: f64| {
                    let kept = trainer.architecture.alpha[*edge][c];
                    trainer.architecture.alpha[*edge][c] = kept + by;
                    let loss = trainer.alpha_gradient(plan, &input).expect("a gradient").loss;
                    trainer.architecture.alpha[*edge][c] = kept;
                    loss
                };
                (loss(1e-5) - loss(-1e-5)) / 2e-5
            })
            .collect();
        assert_near(&Tensor::from_slice(&row), &Tensor::from_slice(&differences), 1e-6, &format!("edge {edge}"));
    }
}

#[test]
fn gradients_are_what_differences_of_the_loss_say() {
    let alpha = trainer(Order::First).architecture.alpha;
    let mut plan = Plan::strongest(28).relax(3).relax(19);
    plan.gates[9] = Gate::Relaxed(Some(vec![6, 1, 4]));
    plan.edge(3).sign = Some(Sign::Minus);
    plan.edge(9).temperature = Some(0.4);
    plan.edge(19).noise = Some(Noise::Given(vec![0.5, -1.0, 0.25, 2.0, 0.0, -0.5, 1.0, 0.1]));
    plan.drop.insert((3, 4), 0.5);
    differences_match(&plan.resolve(&alpha, 0), &[3, 9, 19]);
    plan.penalise(3, &[1.0, -2.0, 0.5, 3.0, 0.0, 0.0, 4.0, 1.0]);
    plan.penalise(25, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    differences_match(&plan.resolve(&alpha, 0), &[3, 9, 19, 25]);
}
