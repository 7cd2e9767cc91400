//! The fast executor against the reference executor: no further from the result in double precision than a small multiple of the
//! reference executor's own error, for every operation and every gradient.

mod common;

use common::{darts_space, settings};
use edas::execute::Norm;
use edas::policy::gate::{Gate, StraightThrough};
use edas::policy::{Plan, Resolved};
use edas::random::{Purpose, Stream};
use edas::space::Alpha;
use edas::spec::{ArchitectureOptimizer, CpuExecutor, WeightsOptimizer};
use edas::supernet::{Include, Network};
use edas::train::optimizer::{Architecture, Sgd};
use edas::train::{StepInput, TensorBatch, Trainer};
use tch::{Kind, Tensor};

fn alpha(seed: u64) -> Alpha {
    let mut stream = Stream::new(seed, Purpose::Initialisation, 0);
    (0..28).map(|_| (0..8).map(|_| stream.normal()).collect()).collect()
}

fn trainer(kind: Kind, cpu: CpuExecutor, size: (i64, i64, i64), seed: u64) -> Trainer {
    let (cells, channels, side) = size;
    let settings = edas::supernet::Settings { cpu, ..settings(cells, channels, side, kind) };
    let network = Network::build(&darts_space(), &settings, Include::All).expect("it can be built");
    let architecture = Architecture::new(alpha(seed), &ArchitectureOptimizer::default());
    Trainer { network, architecture, weights: Sgd::new(&WeightsOptimizer::default()) }
}

fn batch(kind: Kind, examples: i64, side: i64, seed: u64) -> TensorBatch {
    let mut stream = Stream::new(seed, Purpose::AugmentTrain, 0);
    let values: Vec<f32> = (0..examples * 3 * side * side).map(|_| stream.normal() as f32).collect();
    let images = Tensor::from_slice(&values).view([examples, side, side, 3]).permute([0, 3, 1, 2]).to_kind(kind);
    let labels: Vec<i64> = (0..examples).map(|_| stream.index(10) as i64).collect();
    TensorBatch { images, labels: Tensor::from_slice(&labels) }
}

/// Everything that a pass finds: loss, α's gradients, weights' gradients, running statistics afterwards.
fn everything(trainer: &Trainer, plan: &Resolved, batch: &TensorBatch, of_alpha: bool) -> Vec<(String, Vec<f64>)> {
    let weights = if of_alpha { Vec::new() } else { trainer.network.weights_in_use(plan) };
    let input = StepInput::of(batch, 0.1);
    let found = trainer.gradients(plan, batch, Norm::Train, &input, of_alpha, &weights).expect("it runs");
    let mut all = vec![("loss".to_owned(), vec![found.read.0])];
    for (edge, row) in found.rows.iter().enumerate() {
        if let Some(row) = row {
            all.push((format!("alpha {edge}"), row.clone()));
        }
    }
    let flat = |t: &Tensor| Vec::<f64>::try_from(t.to_kind(Kind::Double).flatten(0, -1)).expect("numbers");
    for (weight, gradient) in weights.iter().zip(&found.weights) {
        let name = &trainer.network.parameters.get(*weight).name;
        all.push((name.clone(), if gradient.defined() { flat(gradient) } else { Vec::new() }));
    }
    all.extend(trainer.network.parameters.iter().filter(|p| !p.trained).map(|p| (p.name.clone(), flat(&p.tensor))));
    all
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

fn compare(size: (i64, i64, i64), examples: i64, plan: impl Fn(&Alpha) -> Plan, of_alpha: bool, seed: u64) {
    let run = |kind, cpu| {
        let trainer = trainer(kind, cpu, size, seed);
        let plan = plan(&trainer.architecture.alpha).resolve(&trainer.architecture.alpha, 0);
        let plan = if of_alpha { plan } else { plan.without_gradient() };
        everything(&trainer, &plan, &batch(kind, examples, size.2, seed), of_alpha)
    };
    let exact = run(Kind::Double, CpuExecutor::Reference);
    let reference = run(Kind::Float, CpuExecutor::Reference);
    let fast = run(Kind::Float, CpuExecutor::Fast);
    assert_eq!(exact.len(), fast.len());
    let mut wrong = Vec::new();
    for ((exact, reference), fast) in exact.iter().zip(&reference).zip(&fast) {
        assert_eq!((&exact.0, exact.1.len()), (&fast.0, fast.1.len()));
        let scale = exact.1.iter().map(|v| v * v).sum::<f64>().sqrt();
        let (allowed, found) = (distance(&exact.1, &reference.1), distance(&exact.1, &fast.1));
        if found > 4.0 * allowed + 1e-6 * scale {
            wrong.push(format!("{}: {found:e} from {scale:e}, the reference executor {allowed:e}", exact.0));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), exact.len(), wrong.join("\n"));
}

fn edas(seed: u64) -> impl Fn(&Alpha) -> Plan {
    move |_| {
        let mut plan = Plan::strongest(28);
        let edge = (seed as usize * 5) % 28;
        plan.gates[edge] = Gate::Relaxed(None);
        plan
    }
}

#[test]
fn one_relaxed_edge() {
    for seed in 0..6 {
        for of_alpha in [true, false] {
            compare((4, 8, 12), 5, edas(seed), of_alpha, seed);
        }
    }
}

#[test]
fn every_edge_relaxed() {
    for of_alpha in [true, false] {
        let plan = |_: &Alpha| {
            let mut plan = Plan::strongest(28);
            plan.gates.fill(Gate::Relaxed(None));
            plan
        };
        compare((3, 12, 9), 4, plan, of_alpha, 1);
    }
}

#[test]
fn straight_through_and_dropped() {
    for active_only in [false, true] {
        let plan = |_: &Alpha| {
            let mut plan = Plan::strongest(28);
            for (edge, gate) in plan.gates.iter_mut().enumerate() {
                let active = Some(1 + edge % 7);
                *gate = Gate::StraightThrough(StraightThrough { subset: None, active, active_only });
            }
            plan
        };
        compare((3, 8, 8), 4, plan, true, 2);
        compare((3, 8, 8), 4, plan, false, 2);
    }
}
