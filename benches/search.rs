//! What an iteration costs, and the policy's share of it.
//!
//! `cargo bench` measures: making a plan by script and in Rust, resolving it, one search iteration of EDAS on the DARTS space
//! (8 cells, 16 channels, batch 16, 32×32). The share of the script is printed at the end; README says what it was.

use criterion::{Criterion, criterion_group, criterion_main};
use edas::policy::shipped::SHIPPED;
use edas::policy::turn::Clock;
use edas::policy::{Policy, Steps, Turn};
use edas::spec::Spec;
use edas::train::setup::{Need, Setup};
use edas::{Result, Search};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

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
    let bytes: Vec<u8> =
        (0..64 * 3073u32).map(|i| if i % 3073 == 0 { (i / 3073 % 10) as u8 } else { (i * 7919 % 251) as u8 }).collect();
    std::fs::write(folder.path().join("data_batch_1.bin"), bytes).expect("it can be written");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings =
        [format!("data.root={}", folder.path().display()), "network.cells=8".into(), "search.batch=16".into()];
    let spec = Spec::load(root.join("specs/edas-cifar10.yaml"), &settings).expect("a sound spec");
    let mut running = Search::from_spec(spec).expect("it can be prepared").start().expect("it starts");
    let mut seconds = Vec::new();
    let mut group = c.benchmark_group("iteration");
    group.sample_size(10);
    group.bench_function("EDAS, 8 cells, 16 channels, batch 16", |b| {
        b.iter(|| {
            let begun = Instant::now();
            running.iteration(&mut []).expect("it runs");
            seconds.push(begun.elapsed().as_secs_f64());
        });
    });
    group.finish();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let Setup { mut policy, view, .. } = setup("edas.rhai");
    let alpha = Arc::new(running.trainer.architecture.alpha.clone());
    let begun = Instant::now();
    for i in 0..1000 {
        policy.plan(&Turn::new(Clock::at(i, 25, 391), &view, &alpha, 0)).expect("a plan");
    }
    let script = begun.elapsed().as_secs_f64() / 1000.0;
    println!("the script's share of an iteration: {:.4} %", 100.0 * script / median);
}

criterion_group!(benches, plans, iteration);
criterion_main!(benches);
