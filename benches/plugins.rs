//! What plugins cost: a kernel's call across the boundary, a kernel in C against its reference graph, building a network.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use edas::execute::{Norm, reference};
use edas::extension::call::guarded;
use edas::extension::{Registry, Settings};
use edas::graph::{Arguments, Form, LayerGraph, OpSet, OpSets};
use edas::space::Space;
use edas::spec::Node;
use edas::supernet::{self, Include, Network};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The operation of a library as a graph for maps of this shape.
fn graph(library: &Path, operation: &str, shape: [i64; 3]) -> LayerGraph {
    let plugin = Registry::default().at(library).expect("a plugin");
    let set = OpSet::of(&plugin).expect("a sound table").expect("an op set");
    let arguments = Arguments { channels_out: shape[0], stride: 1, form: Form::Search, classes: 10 };
    let operation = set.operation(operation).expect("offered");
    operation.build(&Settings::new(), &arguments, &[shape.to_vec()]).expect("it can be built")
}

/// Builds `planted.c`, whose kernel does next to nothing on a map of one pixel.
fn small_kernel() -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-planted.so");
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    command.args(["-std=c11", "-O2", "-shared", "-fPIC", "-I"]).arg(root().join("plugins/sdk/include"));
    let status = command.arg("-o").arg(&library).arg(root().join("tests/plugins/planted.c")).status();
    assert!(status.expect("a compiler").success());
    library
}

fn example_c() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-example-c");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut command = Command::new("make");
    command.arg("-s").arg("-C").arg(root().join("plugins/example-c")).arg(format!("OUT={}", folder.display()));
    assert!(command.status().expect("make").success());
    folder.join("libexample_c.so")
}

fn tensors(graph: &LayerGraph) -> Vec<Tensor> {
    let tensor = |t: &edas::graph::TensorSpec| {
        Tensor::ones(t.shape.as_slice(), (Kind::Float, Device::Cpu)).set_requires_grad(t.trained)
    };
    graph.tensors.iter().map(tensor).collect()
}

/// A call of a kernel that computes one number, as a layer: trampoline, C, and back. The same with a multiplication of
/// libtorch's tells what of it any layer costs.
fn boundary(c: &mut Criterion) {
    tch::set_num_threads(1);
    let kernel = graph(&small_kernel(), "scaled", [1, 1, 1]);
    let own = tensors(&kernel);
    let x = Tensor::ones([1, 1, 1, 1], (Kind::Float, Device::Cpu));
    let own: Vec<&Tensor> = own.iter().collect();
    let _guard = tch::no_grad_guard();
    c.bench_function("the trampoline alone", |b| b.iter(|| guarded(|| black_box(1))));
    c.bench_function("kernel of one number, as a layer", |b| {
        b.iter(|| reference::run(&kernel, &[black_box(&x)], &own, Norm::Batch).expect("it runs"));
    });
    c.bench_function("multiplication of one number by libtorch", |b| b.iter(|| black_box(&x) * own[0]));
}

/// ReLU and depthwise 3×3 in C against the layers that compute the same; forward, and forward and back.
fn against_reference(c: &mut Criterion) {
    // One thread: two that wait for each other measure what else runs on the machine.
    tch::set_num_threads(1);
    let mut group = c.benchmark_group("ReLU, depthwise 3×3, pointwise, batch norm");
    group.sample_size(20);
    for (channels, side) in [(16, 32), (64, 8)] {
        let kernel = graph(&example_c(), "relu_depthwise", [channels, side, side]);
        let layers = kernel.without_kernels().expect("it has a reference graph");
        let own = tensors(&kernel);
        let own: Vec<&Tensor> = own.iter().collect();
        let x = Tensor::ones([16, side, side, channels], (Kind::Float, Device::Cpu)).permute([0, 3, 1, 2]);
        for (name, graph) in [("kernel in C", &kernel), ("reference graph", &layers)] {
            let size = format!("{channels} channels, {side}×{side}, batch 16");
            group.bench_function(BenchmarkId::new(name, &size), |b| {
                b.iter(|| {
                    let x = x.detach().set_requires_grad(true);
                    let y = reference::run(graph, &[&x], &own, Norm::Batch).expect("it runs").remove(0);
                    let leaves: Vec<&Tensor> = own.iter().copied().filter(|t| t.requires_grad()).chain([&x]).collect();
                    Tensor::run_backward(&[&y.sum(Kind::Float)], &leaves, false, false)
                });
            });
        }
    }
    group.finish();
}

/// A supernet of 20 cells and 16 channels: every operation built, every weight started.
fn network(c: &mut Criterion) {
    let plugin = Registry::new(None).named("darts-ops").expect("bundled");
    let sets = OpSets(vec![OpSet::of(&plugin).expect("a sound table").expect("an op set")]);
    let path = root().join("specs/spaces/darts.yaml");
    let text = std::fs::read_to_string(&path).expect("the space");
    let space = Space::from_node(&Node::parse(&text, &path).expect("YAML"), &sets).expect("a space");
    let space = Arc::new(space);
    let settings = supernet::Settings {
        cells: 20,
        channels: 16,
        image: [3, 32, 32],
        classes: 10,
        form: Form::Search,
        kind: Kind::Float,
        device: Device::Cpu,
        seed: 0,
        cpu: edas::spec::CpuExecutor::default(),
        cuda: edas::spec::CudaArithmetic::default(),
    };
    let mut group = c.benchmark_group("network");
    group.sample_size(10);
    group.bench_function("a supernet of 20 cells, 16 channels", |b| {
        b.iter(|| Network::build(&space, &settings, Include::All).expect("it can be built"));
    });
    group.finish();
}

criterion_group!(benches, boundary, against_reference, network);
criterion_main!(benches);
