//! What an iteration costs, and the policy's share of it.
//!
//! `cargo bench` measures: making a plan by script and in Rust, resolving it, one search iteration of EDAS on the DARTS space
//! (8 cells, 16 channels, batch 16, 32×32). What script, plan resolution, optimizers and run directory have of an iteration at the
//! paper's size is printed at the end; benches/README.md says what it was.

mod common;

use common::case::Case;
use common::statistics::median;
use criterion::{Criterion, criterion_group, criterion_main};
use edas::policy::shipped::SHIPPED;
use edas::policy::turn::Clock;
use edas::policy::{Policy, Resolved, SpaceView, Steps, Turn};
use edas::run::{Event, Observer, RunDirectory};
use edas::spec::Spec;
use edas::train::Trainer;
use edas::train::setup::{Need, Setup};
use edas::{Result, Search};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::Tensor;

fn setup(script: &str) -> Setup {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = format!("policy.script={}", root.join("scripts").join(script).display());
    let spec = Spec::load(root.join("specs/quickstart.yaml"), &[script, "policy.params={}".into()]);
    Setup::new(spec.expect("a sound spec"), Need::Sizes, None).expect("it can be prepared")
}

/// The script's rule in Rust.
struct SingleEdge;

impl Policy for SingleEdge {
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        let edge = turn.random.clone().index(turn.space.edges.len() as u64) as usize;
        Ok(Steps::Both(turn.strongest().relax(edge)))
    }
}

fn plans(c: &mut Criterion) {
    let Setup { mut policy, view, .. } = setup("edas.rhai");
    let alpha: Arc<Vec<Vec<f64>>> = Arc::new(view.edges.iter().map(|e| vec![0.0; e.candidates.len()]).collect());
    let turn = |i| Turn::new(Clock::at(i, 25, 391), &view, &alpha, 0);
    let mut i = 0;
    let mut group = c.benchmark_group("plan by script, 28 edges");
    group.sample_size(20);
    for shipped in SHIPPED {
        let Setup { mut policy, .. } = setup(&format!("{}.rhai", shipped.name));
        group.bench_function(shipped.name, |b| {
            b.iter(|| {
                i += 1;
                policy.plan(black_box(&turn(i))).expect("a plan")
            });
        });
    }
    group.finish();
    c.bench_function("plan in Rust (28 edges)", |b| {
        b.iter(|| {
            i += 1;
            SingleEdge.plan(black_box(&turn(i))).expect("a plan")
        });
    });
    let Steps::Both(plan) = policy.plan(&turn(0)).expect("a plan") else { return };
    c.bench_function("resolve a plan (28 edges)", |b| b.iter(|| black_box(&plan).resolve(&alpha, 0)));
}

/// A search on random images of CIFAR's size, written to a folder that goes with the process.
fn iteration(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = on_images(folder.path(), "edas-8x16-b16").start().expect("it starts");
    let mut group = c.benchmark_group("iteration");
    group.sample_size(10);
    group.bench_function("EDAS, 8 cells, 16 channels, batch 16", |b| {
        b.iter(|| running.iteration(&mut []).expect("it runs"));
    });
    group.finish();
}

/// A search on random images in this folder, under the fixed plans of `benches/peer`.
fn on_images(folder: &Path, case: &str) -> Search {
    let case: Case = case.parse().expect("a case");
    Search::from_spec(case.spec(folder, 0, "cpu").expect("a sound spec")).expect("it can be prepared")
}

/// What of an iteration is not arithmetic, at the paper's size (20 cells, 16 channels, batch 64): a table for benches/README.md.
fn shares(_: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let search = on_images(folder.path(), "edas-20x16-b64");
    let directory = RunDirectory::create(&folder.path().join("run"), &search.setup().contents()).expect("a directory");
    let mut directory = Timed { observer: directory, spent: Duration::ZERO };
    let mut running = search.start().expect("it starts");
    running.iteration(&mut [&mut directory]).expect("it runs");
    directory.spent = Duration::ZERO;
    let mut seconds = Vec::new();
    for _ in 0..ITERATIONS {
        let begun = Instant::now();
        let (record, learning) = running.iteration(&mut [&mut directory]).expect("it runs");
        directory.event(&Event::Iteration(&record, &learning)).expect("it can be written");
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let directory = directory.spent.as_secs_f64() / f64::from(ITERATIONS);

    let Setup { mut policy, view, .. } = setup("edas.rhai");
    let alpha = Arc::new(running.trainer.architecture.alpha.clone());
    let turn = |i| Turn::new(Clock::at(i, 25, 391), &view, &alpha, 0);
    let mut i = 0;
    let script = typical(1000, || {
        i += 1;
        policy.plan(&turn(i)).expect("a plan");
    });
    let Steps::Both(plan) = policy.plan(&turn(0)).expect("a plan") else {
        panic!("EDAS answers with one plan for both phases")
    };
    let resolving = typical(1000, || drop(black_box(&plan).resolve(&alpha, 0)));
    let plan = Resolved::of_choices(&mixed(&view));
    let optimizers = stepping(&mut running.trainer, &plan);

    let iteration = median(&seconds);
    println!(
        "| EDAS, 20 cells, 16 channels, batch 64 | µs | share of an iteration of {iteration:.3} s |\n|---|---|---|"
    );
    let row = |what: &str, time: f64| println!("| {what} | {:.0} | {:.3} % |", 1e6 * time, 100.0 * time / iteration);
    row("script", script);
    row("plan resolution", resolving);
    row("optimizers, arithmetic included", optimizers);
    row("run directory", directory);
    row("together", script + resolving + optimizers + directory);
}

/// Iterations that the shares are taken from.
const ITERATIONS: u32 = 8;

/// An even mix: the candidate at the place of the edge's position, over and over.
fn mixed(view: &SpaceView) -> Vec<Option<usize>> {
    view.edges.iter().map(|edge| Some(edge.position % edge.candidates.len())).collect()
}

/// What both optimizers' steps under a plan take, arithmetic included: more than their bookkeeping alone.
fn stepping(trainer: &mut Trainer, plan: &Resolved) -> f64 {
    let weights = trainer.network.weights_in_use(plan);
    let parameters = &trainer.network.parameters;
    let zeros = || weights.iter().map(|w| parameters.get(*w).tensor.zeros_like()).collect::<Vec<Tensor>>();
    let mut times = Vec::new();
    for _ in 0..20 {
        // A step changes its gradients in place.
        let gradients = zeros();
        let begun = Instant::now();
        trainer.weights.step(parameters, &weights, &gradients, 0.0).expect("it can be stepped");
        times.push(begun.elapsed().as_secs_f64());
    }
    let rows: Vec<Option<Vec<f64>>> =
        trainer.architecture.alpha.iter().enumerate().map(|(i, row)| (i == 0).then(|| vec![0.0; row.len()])).collect();
    let of_alpha = typical(1000, || trainer.architecture.step(&rows));
    median(&times) + of_alpha
}

/// The median time of so many calls, in seconds.
fn typical(calls: u32, mut call: impl FnMut()) -> f64 {
    let mut times = Vec::new();
    for _ in 0..calls {
        let begun = Instant::now();
        call();
        times.push(begun.elapsed().as_secs_f64());
    }
    median(&times)
}

/// An observer, and how long it has worked.
struct Timed<O> {
    observer: O,
    spent: Duration,
}

impl<O: Observer> Observer for Timed<O> {
    fn event(&mut self, event: &Event) -> Result<()> {
        let begun = Instant::now();
        let heard = self.observer.event(event);
        self.spent += begun.elapsed();
        heard
    }
}

criterion_group!(benches, plans, iteration, shares);
criterion_main!(benches);
