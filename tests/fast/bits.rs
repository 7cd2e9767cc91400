//! The same bits whatever the number of threads, the processor's instructions, and what memory held before.

use crate::common::record::{assert_same, record};
use crate::common::{darts_space, edas, op_sets, repository};
use crate::near::Results;
use crate::networks::{Case, Of, everything, flat, random};
use edas::execute::Norm;
use edas::execute::fast::Level;
use edas::execute::fast::{State, Tape};
use edas::policy::{Plan, Resolved};
use edas::spec::CpuExecutor;
use edas::supernet::{DropPath, Mode};
use edas::train::Trainer;
use edas::train::step::cross_entropy;
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// A search of the DARTS space on digits; all that it wrote but times. Batches of 40, and smaller ones at the ends of the epochs.
fn search(threads: u32, settings: &[&str]) -> BTreeMap<&'static str, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = edas(folder.path());
    command.args(["search", "--quiet", "--run", "run"]).arg(repository("specs/quickstart.yaml"));
    let common = ["network.cells=3", "network.channels=6", "search.epochs=2", "data.limit=230", "search.batch=40"];
    for setting in common.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    command.args(["--set", &format!("threads={threads}")]).assert().success();
    record(&folder.path().join("run"))
}

#[test]
fn any_number_of_threads() {
    let script = format!("policy.script={}", repository("scripts/darts.rhai").display());
    for settings in [&[][..], &[&script, "policy.params={}", "search.architecture.order=second"]] {
        let one = search(1, settings);
        for threads in [2, 3] {
            assert_same(&one, &search(threads, settings), &format!("{threads} threads"));
        }
    }
}

/// A pass of its own, so that its instructions can be chosen: logits, gradients of α's mixtures and of all weights in use.
fn by_level(case: &Case, plan: &Resolved, level: Level) -> Vec<Vec<u64>> {
    let alpha = case.alpha(1);
    let trainer = case.trainer(Kind::Float, CpuExecutor::Fast, &alpha, 0);
    let network = &trainer.network;
    let batch = case.batch(Kind::Float, case.examples, 0);
    let mixture = trainer.mixture(plan).expect("weights");
    let mixture = mixture.into_iter().map(|w| w.map(|w| w.set_requires_grad(true))).collect();
    let weights: Vec<Tensor> = network
        .weights_in_use(plan)
        .iter()
        .map(|w| network.parameters.get(*w).tensor.set_requires_grad(true))
        .collect();
    let mut tape = Tape::new(State::default(), Norm::Train, case.examples, true).with_level(level);
    let drop = DropPath::new(1, 2, 3);
    let mode = Mode { norm: Norm::Train, drop: Some(&drop), auxiliary: false };
    let logits = network.forward_by(&mut tape, &batch.images, plan, &mixture, mode).expect("it runs").main;
    let mut all = vec![flat(&logits)];
    if logits.requires_grad() {
        let loss = cross_entropy(&logits, &batch.labels).expect("a loss");
        let gradient = Tensor::run_backward(&[&loss], &[&logits], false, false);
        let found = tape.backward(&gradient[..1]).expect("a way back");
        all.extend(found.mixtures.iter().map(|(_, gradient)| gradient.clone()));
        all.extend(weights.iter().map(|w| found.of(w)).filter(Tensor::defined).map(|g| flat(&g)));
    }
    all.extend(network.parameters.iter().filter(|p| !p.trained).map(|p| flat(&p.tensor)));
    all.iter().map(|values| values.iter().map(|v| v.to_bits()).collect()).collect()
}

#[test]
fn any_instructions() {
    assert_eq!(Level::Scalar.name(), "scalar");
    let op_sets = op_sets("darts-ops");
    let candidates = ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_5x5", "dil_conv_3x3", "conv_7x1_1x7"];
    for seed in 0..12 {
        let (case, plan) = random(seed, &candidates, &op_sets);
        let plan = plan.resolve(&case.alpha(1), 0);
        let [best, half, scalar] = [Level::Best, Level::Half, Level::Scalar].map(|level| by_level(&case, &plan, level));
        assert!(best.len() > 3 && best == scalar && half == scalar, "{:?}", case.space.form);
    }
}

fn bits(results: &Results) -> Vec<(String, Vec<u64>)> {
    results.iter().map(|(name, values)| (name.clone(), values.iter().map(|v| v.to_bits()).collect())).collect()
}

/// Both phases on a batch of so many examples. Running statistics start anew.
fn both(case: &Case, trainer: &mut Trainer, plan: &Resolved, examples: i64, seed: u64) -> Vec<(String, Vec<u64>)> {
    let [search, train] = [0, 1].map(|k| case.batch(Kind::Float, examples, 2 * seed + k));
    let mut all = Vec::new();
    for of in [Of::Alpha, Of::Weights] {
        for parameter in trainer.network.parameters.iter().filter(|p| !p.trained) {
            let start = if parameter.name.ends_with("running_var") { 1.0 } else { 0.0 };
            let _ = parameter.tensor.shallow_clone().fill_(start);
        }
        all.extend(bits(&everything(trainer, plan, [&search, &train], of)));
    }
    all
}

/// A pass in memory that others have used finds what it finds in memory of its own: after larger and smaller batches, after plans
/// that compute something else, after a batch of which every number was NaN.
#[test]
fn memory_that_was_used_before() {
    let case = Case::new(darts_space(), (3, 6, 9), 7);
    let alpha = case.alpha(1);
    let plans = [Plan::strongest(28).relax(3), Plan::strongest(28).relax_all(), Plan::empty(28)];
    let plans = plans.map(|plan| plan.resolve(&alpha, 0));
    let fresh = || case.trainer(Kind::Float, CpuExecutor::Fast, &alpha, 0);
    let passes: Vec<(usize, i64)> = vec![(0, 7), (0, 3), (1, 7), (0, 1), (2, 7), (1, 2), (0, 7), (1, 7)];
    let expected: Vec<_> =
        passes.iter().map(|(plan, n)| both(&case, &mut fresh(), &plans[*plan], *n, *n as u64)).collect();
    let mut trainer = fresh();
    for ((plan, n), expected) in passes.iter().zip(&expected) {
        let nothing = case.batch(Kind::Float, 7, 0).images * f64::NAN;
        let mixture = trainer.mixture(&plans[1]).expect("weights");
        let logits = trainer.network.logits(&nothing, &plans[1], &mixture, Norm::Batch).expect("it runs");
        assert!(flat(&logits).iter().all(|v| v.is_nan()));
        assert!(both(&case, &mut trainer, &plans[*plan], *n, *n as u64) == *expected, "plan {plan}, {n} examples");
    }
}

/// The kernels, and what libtorch computes of a network of the executor's own operations: loss, gradients, running statistics.
#[test]
fn any_number_of_threads_in_a_pass() {
    for (case, plan) in [
        (Case::new(darts_space(), (3, 16, 32), 16), Plan::strongest(28).relax(3)),
        (Case::new(darts_space(), (3, 6, 9), 37), Plan::strongest(28).relax_all()),
    ] {
        let alpha = case.alpha(1);
        let plan = plan.resolve(&alpha, 0);
        let found = [1, 2, 3, 4].map(|threads| {
            let mut trainer = case.trainer(Kind::Float, CpuExecutor::Fast, &alpha, 0);
            tch::set_num_threads(threads);
            both(&case, &mut trainer, &plan, case.examples, 0)
        });
        for (threads, other) in found.iter().enumerate().skip(1) {
            let differ: Vec<&str> =
                found[0].iter().zip(other).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str()).collect();
            assert!(differ.is_empty(), "{} threads: {differ:?}", threads + 1);
        }
    }
}
