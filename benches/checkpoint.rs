//! What a checkpoint costs: the copy that training waits for, the writing in the background, the reading.
//!
//! The supernet is that of the paper's search at 20 cells of 16 channels, every weight with a momentum: the largest that it gets.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use edas::Search;
use edas::run::checkpoint::folder::About;
use edas::run::checkpoint::{Checkpoint, Checkpoints};
use edas::run::{Machine, Snapshot};
use edas::spec::Spec;
use edas::train::Running;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

fn search() -> Running {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings = ["network.cells=20".to_owned(), "network.channels=16".to_owned(), "data.limit=64".to_owned()];
    let spec = Spec::load(root.join("specs/quickstart.yaml"), &settings).expect("a sound spec");
    Search::from_spec(spec).expect("it can be prepared").start().expect("it starts")
}

fn about(running: &Running) -> About {
    let machine = Machine::here(&running.spec);
    About { run: "bench".to_owned(), hashes: BTreeMap::new(), machine, logs: BTreeMap::new() }
}

fn checkpoint(c: &mut Criterion) {
    let mut running = search();
    let trained: Vec<usize> =
        running.trainer.network.parameters.iter().enumerate().filter(|(_, p)| p.trained).map(|(i, _)| i).collect();
    for index in trained {
        let momentum = running.trainer.network.parameters.get(index).tensor.ones_like();
        running.trainer.weights.momentum.insert(index, momentum);
    }
    let snapshot = running.snapshot().expect("a snapshot");
    let bytes: usize = snapshot.tensors.iter().map(|saved| saved.bytes.len()).sum();
    println!("{} tensors, {:.1} MB", snapshot.tensors.len(), bytes as f64 / 1e6);
    let folder = tempfile::tempdir().expect("a folder");
    let mut group = c.benchmark_group("checkpoint of 20 cells");
    group.sample_size(10);
    group.bench_function("copy, which training waits for", |b| b.iter(|| black_box(running.snapshot())));
    let mut iteration = 0;
    let mut checkpoints = Checkpoints::open(folder.path(), 2).expect("a new folder");
    group.bench_function("write, in the background", |b| {
        let next = || {
            iteration += 1;
            let mut snapshot = Snapshot::clone(&snapshot);
            snapshot.state.iteration = iteration;
            snapshot
        };
        b.iter_batched(next, |s| checkpoints.write(&s, about(&running)).expect("written"), BatchSize::LargeInput);
    });
    let newest = folder.path().join(format!("{iteration:09}.json"));
    group.bench_function("read and check", |b| b.iter(|| black_box(Checkpoint::read(&newest)).expect("whole")));
    let mut read = Checkpoint::read(&newest).expect("whole").into_snapshot();
    read.state.iteration = 0;
    let mut fresh = search();
    group.bench_function("put back", |b| b.iter(|| fresh.restore(&read).expect("it fits")));
    group.finish();
}

criterion_group!(benches, checkpoint);
criterion_main!(benches);
