//! Every operation of the DARTS space in every shape that CIFAR-10's search has: the fast executor's kernels against libtorch's,
//! forward, back to the input, back to input and weights.
//!
//! `cargo x bench --bench operations` ends with the table of benches/README.md; `-- table` has it alone. On both sides a classifier
//! follows the operation, so that there is something to go back from.

mod common;

use common::statistics::median;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use edas::execute::fast::{State, Tape};
use edas::execute::{Brought, Executor, Norm, reference};
use edas::extension::{Registry, Settings};
use edas::graph::{Arguments, Form, LayerGraph, OpSet};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::{Kind, Tensor};

/// Operations with the strides that they have in the space.
const OPERATIONS: [(&str, &[i64]); 9] = [
    ("max_pool_3x3", &[1, 2]),
    ("avg_pool_3x3", &[1, 2]),
    ("sep_conv_3x3", &[1, 2]),
    ("sep_conv_5x5", &[1, 2]),
    ("dil_conv_3x3", &[1, 2]),
    ("dil_conv_5x5", &[1, 2]),
    ("skip_connect", &[2]),
    ("relu_conv_bn", &[1]),
    ("stem_cifar", &[1]),
];
/// Channels and height of the three stages of 16 channels; reductions read twice the channels of the stage before.
const STAGES: [(i64, i64); 3] = [(16, 32), (32, 16), (64, 8)];
const REDUCTIONS: [(i64, i64); 2] = [(32, 32), (64, 16)];
const BATCHES: [i64; 2] = [16, 64];

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    Forward,
    /// From the result to the input.
    ToInput,
    /// From the result to the input and all weights.
    ToWeights,
}

impl Pass {
    const ALL: [Self; 3] = [Self::Forward, Self::ToInput, Self::ToWeights];

    fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::ToInput => "back to the input",
            Self::ToWeights => "back to input and weights",
        }
    }
}

/// An operation with a classifier behind it, and numbers for them.
struct Trial {
    graph: Arc<LayerGraph>,
    head: LayerGraph,
    images: Tensor,
    tensors: Vec<Tensor>,
    of_head: Vec<Tensor>,
    gradient: Tensor,
}

fn built(set: &OpSet, name: &str, channels_out: i64, stride: i64, input: &[i64]) -> LayerGraph {
    let arguments = Arguments { channels_out, stride, form: Form::Search, classes: 10 };
    let operation = set.operation(name).expect("offered");
    operation.build(&Settings::new(), &arguments, &[input.to_vec()]).expect("it can be built")
}

/// Random numbers as the graph's tensors; of a batch norm's variances all are 1.
fn numbers(graph: &LayerGraph) -> Vec<Tensor> {
    let of = |shape: &[i64]| match shape {
        [_] => Tensor::ones(shape, (Kind::Float, tch::Device::Cpu)),
        _ => Tensor::randn(shape, (Kind::Float, tch::Device::Cpu)) * 0.1,
    };
    graph.tensors.iter().map(|spec| of(&spec.shape)).collect()
}

impl Trial {
    fn new(set: &OpSet, name: &str, stride: i64, [channels, side]: [i64; 2], batch: i64) -> Self {
        // The stem makes three times the network's channels of an image's.
        let (read, made) = if name == "stem_cifar" { (3, 3 * channels) } else { (channels, channels) };
        let graph = built(set, name, made, stride, &[read, side, side]);
        let head = built(set, "pool_linear", 10, 1, &graph.shapes[graph.outputs[0]]);
        let images = Tensor::randn([batch, side, side, read], (Kind::Float, tch::Device::Cpu)).permute([0, 3, 1, 2]);
        let gradient = Tensor::randn([batch, 10], (Kind::Float, tch::Device::Cpu));
        let (tensors, of_head) = (numbers(&graph), numbers(&head));
        Self { graph: Arc::new(graph), head, images, tensors, of_head, gradient }
    }

    /// What asks for gradients in a pass.
    fn asks(&self, pass: Pass) {
        for (tensor, spec) in self.tensors.iter().zip(&self.graph.tensors) {
            let _ = tensor.set_requires_grad(pass == Pass::ToWeights && spec.trained);
        }
    }

    /// One pass by the fast executor, whose state goes from call to call as in a network.
    fn fast(&self, pass: Pass, state: &mut State) -> Duration {
        let tensors: Vec<&Tensor> = self.tensors.iter().collect();
        let of_head: Vec<&Tensor> = self.of_head.iter().collect();
        let mut tape = Tape::new(std::mem::take(state), Norm::Batch, self.images.size()[0], pass != Pass::Forward);
        let leaf = tape.leaf(&self.images).expect("a value");
        let begun = Instant::now();
        let value = tape.run(&self.graph, &leaf, &tensors).expect("it runs").remove(0);
        if pass == Pass::Forward {
            // What a batch norm leaves to its reader is counted, with a pass over memory that in a network the node's sum would make.
            let brought = vec![Brought { value: tape.share(&value), mixture: None, drop: None }];
            let shape = &self.graph.shapes[self.graph.outputs[0]];
            black_box(tape.sum(brought, Some(1.0), shape, None).expect("a sum"));
        }
        let mut taken = begun.elapsed();
        if pass != Pass::Forward {
            let _ = black_box(tape.run_last(&self.head, &value, &of_head).expect("it runs"));
            let begun = Instant::now();
            black_box(tape.backward(std::slice::from_ref(&self.gradient)).expect("a way back"));
            taken = begun.elapsed();
        }
        drop((leaf, value));
        *state = tape.into_state();
        taken
    }

    /// The same by libtorch.
    fn libtorch(&self, pass: Pass) -> Duration {
        let tensors: Vec<&Tensor> = self.tensors.iter().collect();
        let of_head: Vec<&Tensor> = self.of_head.iter().collect();
        let run = |input: &Tensor| reference::run(&self.graph, &[input], &tensors, Norm::Batch).expect("it runs");
        if pass == Pass::Forward {
            let begun = Instant::now();
            black_box(tch::no_grad(|| run(&self.images)));
            return begun.elapsed();
        }
        let input = self.images.detach().set_requires_grad(true);
        let value = run(&input).remove(0);
        let result = reference::run(&self.head, &[&value], &of_head, Norm::Batch).expect("it runs").remove(0);
        let mut leaves = vec![&input];
        leaves.extend(tensors.iter().copied().filter(|tensor| tensor.requires_grad()));
        let result = (result * &self.gradient).sum(Kind::Float);
        let begun = Instant::now();
        black_box(Tensor::run_backward(&[result], &leaves, false, false));
        begun.elapsed()
    }
}

/// Every operation in every shape.
fn each(mut body: impl FnMut(&str, &str, &Trial)) {
    let plugin = Registry::new(None).named("darts-ops").expect("bundled");
    let set = OpSet::of(&plugin).expect("a sound table").expect("an op set");
    for (name, strides) in OPERATIONS {
        for stride in strides {
            let shapes = if *stride == 2 { &REDUCTIONS[..] } else { &STAGES[..] };
            let shapes = if name == "stem_cifar" { &STAGES[..1] } else { shapes };
            for (channels, side) in shapes {
                for batch in BATCHES {
                    let size = format!("{channels} × {side}×{side}, stride {stride}, batch {batch}");
                    body(name, &size, &Trial::new(&set, name, *stride, [*channels, *side], batch));
                }
            }
        }
    }
}

/// Each by itself, for criterion's records.
fn alone(c: &mut Criterion) {
    let mut group = c.benchmark_group("operation");
    group.sample_size(10).warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(200));
    each(|name, size, trial| {
        for pass in Pass::ALL {
            trial.asks(pass);
            let mut state = State::default();
            let label = |by: &str| BenchmarkId::new(format!("{name}, {}, {by}", pass.name()), size);
            group.bench_function(label("fast"), |b| {
                b.iter_custom(|times| (0..times).map(|_| trial.fast(pass, &mut state)).sum());
            });
            group.bench_function(label("libtorch"), |b| {
                b.iter_custom(|times| (0..times).map(|_| trial.libtorch(pass)).sum());
            });
        }
    });
    group.finish();
}

/// Rounds of the table, in which both take turns.
const ROUNDS: usize = 15;

/// Both in turn, as a table for benches/README.md.
fn in_turn(_: &mut Criterion) {
    println!(
        "\n| operation | shape | forward: µs | libtorch, µs | ratio | to input: µs | libtorch, µs | ratio | to weights too: µs | libtorch, µs | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut slower = BTreeMap::new();
    each(|name, size, trial| {
        let mut row = format!("| {name} | {size} |");
        for pass in Pass::ALL {
            trial.asks(pass);
            let mut state = State::default();
            let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for round in 0..ROUNDS + 2 {
                let (a, b) = (trial.fast(pass, &mut state).as_secs_f64(), trial.libtorch(pass).as_secs_f64());
                // The first two warm up.
                if round >= 2 {
                    ours.push(a);
                    theirs.push(b);
                    ratios.push(b / a);
                }
            }
            let ratio = median(&ratios);
            if ratio < 1.0 {
                slower.insert((name.to_owned(), size.to_owned(), pass), ratio);
            }
            row += &format!(" {:.0} | {:.0} | {ratio:.1} |", 1e6 * median(&ours), 1e6 * median(&theirs));
        }
        println!("{row}");
    });
    println!("\nslower than libtorch's: {}", slower.len());
    for ((name, size, pass), ratio) in slower {
        println!("{name}, {size}, {}: {ratio:.2}", pass.name());
    }
}

criterion_group!(benches, alone, in_turn);
criterion_main!(benches);
