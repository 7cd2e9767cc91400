//! What a checkpoint costs: the copy that training waits for, the writing in the background, the reading; against an iteration.
//!
//! Of the quickstart's supernet, and of the paper's at 20 cells of 16 channels, every weight with a momentum: as large as it gets.

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

fn search(cells: u32, channels: u32) -> Running {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings = [format!("network={{cells: {cells}, channels: {channels}}}"), "threads=1".to_owned()];
    let spec = Spec::load(root.join("specs/quickstart.yaml"), &settings).expect("a sound spec");
    Search::from_spec(spec).expect("it can be prepared").start().expect("it starts")
}

fn about(running: &Running) -> About {
    let machine = Machine::here(&running.spec);
    About { run: "bench".to_owned(), hashes: BTreeMap::new(), machine, logs: BTreeMap::new() }
}

fn checkpoint(c: &mut Criterion) {
    for (cells, channels) in [(5, 8), (20, 16)] {
        let mut running = search(cells, channels);
        let parameters = &running.trainer.network.parameters;
        let trained: Vec<usize> = parameters.iter().enumerate().filter(|(_, p)| p.trained).map(|(i, _)| i).collect();
        for index in trained {
            let momentum = running.trainer.network.parameters.get(index).tensor.ones_like();
            running.trainer.weights.momentum.insert(index, momentum);
        }
        let snapshot = running.snapshot().expect("a snapshot");
        let bytes: usize = snapshot.tensors.iter().map(|saved| saved.bytes.len()).sum();
        println!("{cells} cells: {} tensors, {:.1} MB", snapshot.tensors.len(), bytes as f64 / 1e6);
        let folder = tempfile::tempdir().expect("a folder");
        let mut group = c.benchmark_group(format!("checkpoint, {cells} cells of {channels} channels"));
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
        let mut fresh = search(cells, channels);
        group.bench_function("put back", |b| b.iter(|| fresh.restore(&read).expect("it fits")));
        group.bench_function("an iteration, for comparison", |b| {
            b.iter(|| running.iteration(&mut []).expect("it runs"))
        });
        group.finish();
    }
}

criterion_group!(benches, checkpoint);
criterion_main!(benches);
