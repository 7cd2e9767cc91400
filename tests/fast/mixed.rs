//! What the fast executor does not know runs by the reference executor, operation by operation, in the same network.

use crate::common::examples::examples;
use crate::common::{library, op_sets};
use crate::networks::{Case, random};
use crate::operations::Chain;
use edas::execute::fast::{State, Tape, stage};
use edas::execute::{Executor, Norm};
use edas::extension::Registry;
use edas::graph::layer::{Activation, Layer, Window};
use edas::graph::{LayerGraph, OpScript, OpSet, OpSets};
use edas::policy::Plan;
use edas::policy::gate::Gate;
use edas::space::Space;
use edas::spec::{CpuExecutor, Node, Sandbox};
use edas::supernet::{Include, Network};
use std::path::Path;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// Operations of every kind: those of passes, those of libtorch alone, and mixtures.
const SCRIPT: &str = r#"
fn soft(op) { op.aten("softplus").conv_same(op.channels_out, 3, op.stride).batch_norm() }
fn biased(op) { op.relu().conv(#{ kernel: 3, padding: 1, stride: op.stride, bias: true }) }
fn gated(op) { let y = op.conv_same(op.channels_out, 1, op.stride).batch_norm(true); y * y.global_avg_pool().sigmoid() }
fn grouped(op) { op.conv(#{ kernel: 1, stride: op.stride, groups: op.channels_in, channels: op.channels_in }).silu().pointwise().batch_norm() }
fn rectangle(op) { op.relu().conv(#{ kernel: [1, 7], padding: [0, 3], stride: op.stride }).batch_norm(true).max_pool(3) }
fn strided(op) { op.max_pool(3, op.stride).pad(0, 0, 0, 0).pointwise() }
fn sum(op) { let y = op.relu().depthwise(3, op.stride).pointwise(); y + y.relu().pointwise() }
"#;

fn script(text: &str) -> OpSet {
    let script = OpScript::new(Path::new("ops/mine.rhai"), text, &Sandbox::default()).expect("a sound script");
    OpSet::scripted(&Arc::new(script))
}

/// How many operations of a network run in passes of their own, and how many by libtorch.
fn known(network: &Network) -> [usize; 2] {
    let blocks = network.blocks();
    let own = blocks.iter().filter(|b| stage::recognise(&b.graph).is_some()).count();
    [own, blocks.len() - own]
}

fn mixed(op_sets: &OpSets, candidates: &[&str], seeds: std::ops::Range<u64>) {
    let mut all = [0, 0];
    for seed in seeds {
        let (case, plan) = random(seed, candidates, op_sets);
        let settings = case.settings(Kind::Float, CpuExecutor::Fast, 0);
        let found = known(&Network::build(&case.space, &settings, Include::All).expect("it can be built"));
        all = [all[0] + found[0], all[1] + found[1]];
        // How near libtorch's own sums come depends on the layout that their gradients arrive in.
        Case { rounding: 5e-6, ..case }.check_both(&plan);
    }
    assert!(all.iter().all(|n| *n > 20), "{all:?}");
}

#[test]
fn scripted_operations_and_libtorchs() {
    let mut op_sets = op_sets("darts-ops");
    op_sets.0.push(script(SCRIPT));
    let candidates =
        ["sep_conv_3x3", "skip_connect", "soft", "biased", "gated", "grouped", "rectangle", "strided", "sum"];
    mixed(&op_sets, &candidates, 0..25);
}

#[test]
fn kernels_and_native_layers_of_plugins() {
    let mut op_sets = op_sets("darts-ops");
    op_sets.0.extend(examples().0.iter().cloned());
    let candidates = ["dil_conv_3x3", "relu_depthwise", "inverted", "mish", "global_context", "squeeze_excite"];
    mixed(&op_sets, &candidates, 0..12);
}

#[test]
fn operations_whose_result_does_not_depend_on_their_input() {
    let mut op_sets = op_sets("darts-ops");
    let planted = Registry::default().at(&library("planted-ops")).expect("it was built");
    op_sets.0.push(OpSet::of(&planted).expect("a sound table").expect("an op set"));
    mixed(&op_sets, &["sep_conv_3x3", "useful", "blur", "noise", "constant"], 0..12);
}

/// A stem of which one output has weights and the other has not, an operation that returns its input's own memory, and a head that does.
const ODD: &str = r#"
fn two(op) { let y = op.conv_same(op.channels_out, 3, 1); [op.conv_same(op.channels_out, 1, 1).aten("detach"), y] }
fn all(op) { op.narrow(0, op.channels_in) }
fn flat(op) { op.global_avg_pool().conv_same(op.classes, 1, 1).aten("flatten.using_ints", #{ start_dim: 1, end_dim: -1 }) }
"#;

fn odd_space() -> Arc<Space> {
    let mut op_sets = op_sets("darts-ops");
    op_sets.0.push(script(ODD));
    let text = "space: 1
name: odd
cell_types:
  - name: cell
    inputs: 2
    nodes: 2
    edges: {from: all_before, candidates: [all, sep_conv_3x3]}
    output: {node: 3}
backbone:
  stem: {op: two}
  cells: {repeat: cells, type: cell}
  head: {op: flat}
";
    let node = Node::parse(text, "space.yaml").expect("valid YAML");
    Arc::new(Space::from_node(&node, &op_sets).expect("a sound space"))
}

#[test]
fn stems_operations_and_heads_of_unusual_kinds() {
    let case = Case::new(odd_space(), (3, 4, 6), 3);
    let mut plan = Plan::strongest(5);
    for candidate in [0, 1] {
        plan.gates.fill(Gate::Only(candidate));
        case.check_both(&plan);
        case.check_both(&plan.clone().relax(2));
    }
    plan.gates = [0, 1, 0, 1, 0].map(Gate::Only).to_vec();
    case.check_both(&plan);
}

/// A value that is another one's memory keeps what it was when that one is read no more, and so do logits.
#[test]
fn memory_that_is_handed_on_is_not_used_again() {
    let case = Case::new(odd_space(), (6, 4, 6), 3);
    let mut plan = Plan::empty(5);
    // Node 3 is what the last cell returned, handed on.
    plan.gates[3] = Gate::Only(0);
    let alpha = case.alpha(1);
    let plans = [plan.clone(), Plan::strongest(5), {
        plan.gates.fill(Gate::Only(0));
        plan
    }]
    .map(|p| p.resolve(&alpha, 0));
    for plan in &plans {
        let run = |cpu| {
            let trainer = case.trainer(Kind::Float, cpu, &alpha, 1);
            let mixture = trainer.mixture(plan).expect("weights");
            let images = [1, 2].map(|seed| case.batch(Kind::Float, 3, seed).images);
            images.map(|images| trainer.network.logits(&images, plan, &mixture, Norm::Batch).expect("it runs"))
        };
        let (reference, fast) = (run(CpuExecutor::Reference), run(CpuExecutor::Fast));
        for (a, b) in reference.iter().zip(&fast) {
            let far = f64::try_from((a - b).abs().max() / a.abs().max()).expect("a number");
            assert!(far < 1e-4, "{far}");
        }
    }
}

/// The same, one operation after another.
#[test]
fn a_view_outlives_what_it_is_of() {
    let conv = |channels| {
        let window = Window { kernel: [3, 3], stride: [1, 1], padding: [1, 1] };
        Chain::of([4, 6, 6])
            .add(Layer::Conv { channels, window, dilation: [1, 1], groups: 1, bias: false })
            .expect("it fits")
            .0
    };
    let conv = Arc::new(conv(4));
    let view = Arc::new(Chain::of([4, 6, 6]).add(Layer::Narrow { start: 0, length: 4 }).expect("it fits").0);
    for recording in [false, true] {
        let mut tape = Tape::new(State::default(), Norm::Batch, 2, recording);
        let (x, weight) = (
            Tensor::ones([2, 4, 6, 6], (Kind::Float, Device::Cpu)),
            Tensor::ones([4, 4, 3, 3], (Kind::Float, Device::Cpu)),
        );
        let images = tape.images(&x).expect("a value");
        let first = tape.run(&conv, &images, &[&weight]).expect("it runs").remove(0);
        let seen = tape.run(&view, &first, &[]).expect("it runs").remove(0);
        let before = tape.tensor(&seen).expect("a tensor").copy();
        drop(first);
        let others: Vec<_> = (0..4).map(|_| tape.run(&conv, &images, &[&(&weight * 2.0)]).expect("it runs")).collect();
        assert_eq!(tape.tensor(&seen).expect("a tensor"), before, "{} others", others.len());
    }
}

/// Layers that only look like those of passes.
#[test]
fn layers_that_are_left_to_libtorch() {
    let square =
        |k: i64, stride: i64, padding: i64| Window { kernel: [k, k], stride: [stride; 2], padding: [padding; 2] };
    let conv = |channels, window, groups, bias| Layer::Conv { channels, window, dilation: [1, 1], groups, bias };
    for layer in [
        conv(4, square(3, 1, 1), 1, true),
        conv(4, square(3, 1, 1), 2, false),
        conv(8, square(3, 1, 1), 4, false),
        conv(4, square(1, 1, 1), 1, false),
        conv(4, square(3, 1, 3), 4, false),
        Layer::Activation(Activation::Relu),
        Layer::Activation(Activation::Silu),
        Layer::BatchNorm { affine: true, epsilon: 1e-5, momentum: 0.1 },
        Layer::GlobalAvgPool,
        Layer::Scale { factor: 2.0 },
    ] {
        let name = layer.to_string();
        let graph: LayerGraph = Chain::of([4, 20, 20]).add(layer).expect("it fits").0;
        assert!(stage::recognise(&graph).is_none(), "{name}");
    }
}

/// Float64 is the reference executor's, whatever the spec says.
#[test]
fn double_precision_is_left_to_libtorch() {
    let case = Case::new(odd_space(), (3, 4, 6), 3);
    for (kind, cpu, fast) in [
        (Kind::Float, CpuExecutor::Fast, true),
        (Kind::Float, CpuExecutor::Reference, false),
        (Kind::Double, CpuExecutor::Fast, false),
    ] {
        assert_eq!(case.trainer(kind, cpu, &case.alpha(1), 0).network.is_fast(), fast, "{kind:?}, {cpu:?}");
    }
    let plan = Plan::strongest(5).resolve(&case.alpha(1), 0);
    let logits = [CpuExecutor::Fast, CpuExecutor::Reference].map(|cpu| {
        let trainer = case.trainer(Kind::Double, cpu, &case.alpha(1), 0);
        let mixture = trainer.mixture(&plan).expect("weights");
        let images = case.batch(Kind::Double, 3, 0).images;
        Vec::<f64>::try_from(
            trainer.network.logits(&images, &plan, &mixture, Norm::Batch).expect("it runs").flatten(0, -1),
        )
    });
    assert_eq!(logits[0].as_ref().ok(), logits[1].as_ref().ok());
}
