//! Plugins in C and C++: the examples, built with make as their authors would, loaded, and compared with libtorch's own layers; a
//! policy and a space.

mod common;

use common::examples::{examples, make, op_set};
use common::fixtures::{assert_near, values};
use common::repository;
use edas::execute::{Norm, reference};
use edas::extension::{Setting, Settings};
use edas::graph::{Arguments, Form, LayerGraph, OpSets};
use std::path::Path;
use std::process::Command;
use tch::{Device, Kind, Tensor};

fn build(operation: &str, given: &Settings, stride: i64, shape: &[i64]) -> LayerGraph {
    let operation = examples().operation(operation).expect("offered");
    let arguments = Arguments { channels_out: 4, stride, form: Form::Final, classes: 10 };
    operation.build(given, &arguments, &[shape.to_vec()]).unwrap_or_else(|e| panic!("{shape:?}: {e}"))
}

/// Outputs and gradients of a graph.
struct Outcome {
    output: Tensor,
    /// Of the input, then of each trained tensor; those that were not wanted are missing.
    gradients: Vec<Tensor>,
}

/// Which gradients are wanted.
#[derive(Clone, Copy, PartialEq)]
enum Want {
    All,
    Input,
    Weights,
}

/// Runs a graph on formula values, and differentiates a sum of its output in which every element counts otherwise.
fn outcome(graph: &LayerGraph, batch: i64, kind: Kind, channels_last: bool, want: Want) -> Outcome {
    let shape: Vec<i64> = std::iter::once(batch).chain(graph.shapes[0].iter().copied()).collect();
    let mut x = values("x", &shape).to_kind(kind);
    // Zeros too: there ReLU's gradient is 0.
    let _ = x.masked_fill_(&values("zeros", &shape).gt(0.6), 0.0);
    if channels_last {
        x = x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    }
    let x = x.set_requires_grad(want != Want::Weights);
    let tensors: Vec<Tensor> = graph
        .tensors
        .iter()
        .map(|t| {
            let start = if t.name.contains("running") {
                Tensor::ones(&t.shape[..], (kind, Device::Cpu))
            } else {
                values(&t.name, &t.shape).to_kind(kind)
            };
            start.set_requires_grad(t.trained && want != Want::Input)
        })
        .collect();
    let outputs = reference::run(graph, &[&x], &tensors.iter().collect::<Vec<_>>(), Norm::Train).expect("it runs");
    let output = outputs.into_iter().next().expect("one output");
    let sum = (&output * values("factor", &output.size()).to_kind(kind)).sum(kind);
    let wanted: Vec<&Tensor> = std::iter::once(&x).chain(&tensors).filter(|t| t.requires_grad()).collect();
    let gradients = Tensor::run_backward(&[sum], &wanted, false, false);
    Outcome { output: output.detach(), gradients }
}

fn assert_same(a: &Outcome, b: &Outcome, tolerance: f64, what: &str) {
    assert_near(&a.output, &b.output, tolerance, &format!("{what}: output"));
    assert_eq!(a.gradients.len(), b.gradients.len());
    for (k, (a, b)) in a.gradients.iter().zip(&b.gradients).enumerate() {
        assert_near(a, b, tolerance, &format!("{what}: gradient {k}"));
    }
}

#[test]
fn the_kernel_in_c_computes_what_its_reference_graph_does() {
    for (channels, height, width) in [(1, 1, 1), (3, 2, 2), (4, 1, 6), (2, 7, 1), (8, 7, 9), (5, 8, 8)] {
        for (stride, batch) in [(1, 4), (2, 3), (2, 1)] {
            let graph = build("relu_depthwise", &Settings::new(), stride, &[channels, height, width]);
            assert_eq!(graph.kernels().count(), 1);
            let layers = graph.without_kernels().expect("it has a reference graph");
            assert_eq!(layers.kernels().count(), 0);
            // One number per channel has no variance, and makes of any rounding error anything.
            let few = batch * ((height - 1) / stride + 1) * ((width - 1) / stride + 1) < 8;
            for (kind, tolerance) in [(Kind::Double, 1e-10), (Kind::Float, 2e-4)] {
                if few && kind == Kind::Float {
                    continue;
                }
                let what = format!("{channels}×{height}×{width}, stride {stride}, batch {batch}, {kind:?}");
                let expected = outcome(&layers, batch, kind, false, Want::All);
                let contiguous = outcome(&graph, batch, kind, false, Want::All);
                let last = outcome(&graph, batch, kind, true, Want::All);
                assert_same(&contiguous, &expected, tolerance, &what);
                assert_same(&last, &expected, tolerance, &format!("{what}, channels last"));
            }
        }
    }
}

#[test]
fn the_kernel_in_c_computes_the_gradients_that_are_wanted() {
    let graph = build("relu_depthwise", &Settings::new(), 1, &[4, 6, 6]);
    for channels_last in [false, true] {
        let all = outcome(&graph, 3, Kind::Double, channels_last, Want::All);
        let input = outcome(&graph, 3, Kind::Double, channels_last, Want::Input);
        let weights = outcome(&graph, 3, Kind::Double, channels_last, Want::Weights);
        let parts = all.gradients.split_at(1);
        for (found, expected) in [(&input.gradients[..], parts.0), (&weights.gradients[..], parts.1)] {
            assert_eq!(found.len(), expected.len());
            for (a, b) in found.iter().zip(expected) {
                assert_near(a, b, 1e-12, "a gradient that is wanted alone");
            }
        }
    }
}

#[test]
fn the_kernel_in_c_gives_the_same_bits_on_any_number_of_threads() {
    let threads = tch::get_num_threads();
    for stride in [1, 2] {
        let graph = build("relu_depthwise", &Settings::new(), stride, &[6, 9, 9]);
        for channels_last in [false, true] {
            // The kernel alone: libtorch's own layers after it may depend on the number.
            let alone = kernel_alone(&graph);
            let on = |n| {
                tch::set_num_threads(n);
                outcome(&alone, 7, Kind::Float, channels_last, Want::All)
            };
            let (one, two, four) = (on(1), on(2), on(4));
            for other in [two, four] {
                assert_eq!(other.output, one.output);
                assert_eq!(other.gradients, one.gradients);
            }
        }
    }
    tch::set_num_threads(threads);
}

/// A graph up to its first kernel, which it returns.
fn kernel_alone(graph: &LayerGraph) -> LayerGraph {
    let mut graph = graph.clone();
    let last = graph.nodes.iter().position(|n| matches!(n.layer, edas::graph::Layer::Kernel(_))).expect("a kernel");
    graph.outputs = graph.nodes[last].outputs.clone();
    graph.nodes.truncate(last + 1);
    graph.tensors.truncate(1);
    graph
}

#[test]
fn a_kernel_that_is_differentiated_twice_is_an_error() {
    let graph = kernel_alone(&build("relu_depthwise", &Settings::new(), 1, &[4, 6, 6]));
    let x = values("x", &[2, 4, 6, 6]).set_requires_grad(true);
    let weight = values("weight", &[4, 1, 3, 3]).set_requires_grad(true);
    let twice = |graph: &LayerGraph| {
        let y = reference::run(graph, &[&x], &[&weight], Norm::Train)?.remove(0);
        let first = Tensor::f_run_backward(&[(&y * &y).sum(Kind::Double)], &[&weight], true, true)?;
        Ok::<_, edas::Error>(Tensor::f_run_backward(&[first[0].sum(Kind::Double)], &[&x], false, false)?.remove(0))
    };
    let error = twice(&graph).expect_err("refused").to_string();
    for part in ["relu_depthwise", "cannot be differentiated twice", "reference graph"] {
        assert!(error.contains(part), "`{part}` is not in `{error}`");
    }
    let second = twice(&graph.without_kernels().expect("a reference graph")).expect("layers can be");
    assert!(second.abs().max().double_value(&[]) > 0.0);
}

#[test]
fn a_kernel_that_is_traced_is_an_error() {
    let graph = kernel_alone(&build("relu_depthwise", &Settings::new(), 1, &[4, 6, 6]));
    let weight = values("weight", &[4, 1, 3, 3]);
    let trace = |graph: &LayerGraph| {
        let mut result = None;
        let mut closure = |x: &[Tensor]| {
            let output = reference::run(graph, &[&x[0]], &[&weight], Norm::Running).map(|mut y| y.remove(0));
            let y = output.as_ref().map_or_else(|_| x[0].shallow_clone(), Tensor::shallow_clone);
            result = Some(output);
            vec![y]
        };
        let traced = tch::CModule::create_by_tracing("m", "forward", &[values("x", &[2, 4, 6, 6])], &mut closure);
        (traced.expect("a trace"), result.expect("the closure ran"))
    };
    let error = trace(&graph).1.expect_err("refused").to_string();
    for part in ["relu_depthwise", "cannot be traced", "reference graph"] {
        assert!(error.contains(part), "`{part}` is not in `{error}`");
    }
    let (module, output) = trace(&graph.without_kernels().expect("a reference graph"));
    let again = module.method_ts("forward", &[values("x", &[2, 4, 6, 6])]).expect("it runs");
    assert_near(&again, &output.expect("layers can be traced"), 1e-12, "the traced graph");
}

/// Every operation of both examples, in both strides: shapes as asked, gradients by finite differences.
#[test]
fn operations_of_the_examples_are_differentiated_right() {
    for set in &examples().0 {
        for operation in &set.operations {
            for stride in [1, 2] {
                let graph = build(&operation.name, &Settings::new(), stride, &[4, 6, 6]);
                let size = 6 / stride;
                assert_eq!(graph.output_shapes().next(), Some(&vec![4, size, size]), "{}", operation.name);
                let norms = |x: &Tensor, tensors: &[Tensor]| {
                    let tensors: Vec<&Tensor> = tensors.iter().collect();
                    let y = reference::run(&graph, &[x], &tensors, Norm::Batch).expect("it runs").remove(0);
                    (&y * values("factor", &y.size())).sum(Kind::Double)
                };
                let x = values("x", &[3, 4, 6, 6]).set_requires_grad(true);
                let start = |t: &edas::graph::TensorSpec| values(&t.name, &t.shape).set_requires_grad(t.trained);
                let tensors: Vec<Tensor> = graph.tensors.iter().map(start).collect();
                let wanted: Vec<&Tensor> = std::iter::once(&x).chain(&tensors).filter(|t| t.requires_grad()).collect();
                let gradients = Tensor::run_backward(&[norms(&x, &tensors)], &wanted, false, false);
                // Along one direction through all of them at once.
                let step = 1e-6;
                let moved = |sign: f64| {
                    let along = |name: &str, t: &Tensor| t.detach() + values(name, &t.size()) * (sign * step);
                    let move_one = |t: &Tensor| if t.requires_grad() { along("d", t) } else { t.shallow_clone() };
                    norms(&along("d", &x), &tensors.iter().map(move_one).collect::<Vec<_>>()).double_value(&[])
                };
                let measured = (moved(1.0) - moved(-1.0)) / (2.0 * step);
                let told: f64 =
                    gradients.iter().map(|g| (g * values("d", &g.size())).sum(Kind::Double).double_value(&[])).sum();
                assert!(
                    (measured - told).abs() <= 1e-5 * (1.0 + told.abs()),
                    "{} at stride {stride}: {measured} measured, {told} told",
                    operation.name
                );
            }
        }
    }
}

#[test]
fn parameters_of_c_operations_are_heard() {
    let word = |word: &str| {
        Settings::from([
            ("activation".to_owned(), Setting::Word(word.to_owned())),
            ("kernel".to_owned(), Setting::Integer(5)),
            ("expand".to_owned(), Setting::Integer(2)),
        ])
    };
    let text = build("inverted", &word("silu"), 1, &[4, 8, 8]).to_string();
    assert!(text.contains("silu (%1)") && text.contains("conv 5×5 padding=2 channels=8 groups=8"), "{text}");
    assert!(build("inverted", &word("hard_swish"), 1, &[4, 8, 8]).to_string().contains("hard_swish"));
    let refused = |operation: &str, given: &Settings, stride: i64| {
        let arguments = Arguments { channels_out: 4, stride, form: Form::Search, classes: 10 };
        let operation = examples().operation(operation).expect("offered");
        operation.build(given, &arguments, &[vec![4, 8, 8]]).expect_err("refused").to_string()
    };
    for (error, parts) in [
        (refused("inverted", &word("gelu"), 1), ["relu6, hard_swish, silu", "gelu"]),
        (
            refused("inverted", &Settings::from([("kernel".to_owned(), Setting::Integer(4))]), 1),
            ["`kernel` is odd, not 4", "operation `inverted` of plugin `example-c`"],
        ),
        (refused("relu_depthwise", &Settings::new(), 3), ["strides 1 and 2, not 3", "example-c"]),
    ] {
        for part in parts {
            assert!(error.contains(part), "`{part}` is not in `{error}`");
        }
    }
}

#[test]
fn another_libtorch_is_refused() {
    examples();
    let built_with = |version: &str, more: &str| format!("CPPFLAGS=-DEXAMPLE_LIBTORCH='\"{version}\"' {more}");
    // By the plugin's own question to the host.
    let library = make("example-cpp", "other-libtorch", &[&built_with("2.12.1+cpu", "")]);
    let error = op_set(&library).expect_err("refused").to_string();
    for part in ["initialising plugin `example-cpp`", "built with libtorch 2.12.1+cpu", "runs on 2.13.0"] {
        assert!(error.contains(part), "`{part}` is not in `{error}`");
    }
    // By the host, where the plugin does not ask.
    let library = make("example-cpp", "careless", &[&built_with("2.12.1+cpu", "-DEXAMPLE_CARELESS")]);
    let careless = OpSets(vec![op_set(&library).expect("its tables are sound")]);
    let arguments = Arguments { channels_out: 4, stride: 1, form: Form::Search, classes: 10 };
    let build = |name| careless.operation(name).expect("offered").build(&Settings::new(), &arguments, &[vec![4, 8, 8]]);
    let error = build("global_context").expect_err("refused").to_string();
    for part in ["built for another libtorch", "expected: version 2.13.0", "found: version 2.12.1+cpu"] {
        assert!(error.contains(part), "`{part}` is not in `{error}`");
    }
    build("squeeze_excite").expect("layers need no libtorch");
}

/// What `edas plugin check` asks of every plugin.
#[test]
fn the_examples_pass_the_conformance_kit() {
    for example in ["example-c", "example-cpp"] {
        examples();
        let mut check = common::edas(Path::new(env!("CARGO_TARGET_TMPDIR")));
        // Threads that spin while they wait take minutes on a machine that is busy with other tests.
        check.env("OMP_WAIT_POLICY", "passive").args(["plugin", "check"]).arg(make(example, "sound", &[]));
        let output = check.assert().success();
        let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        assert!(text.contains("All checks passed"), "{text}");
        assert_eq!(example == "example-c", text.contains("kernel as its reference"), "{text}");
    }
}

/// A policy in C draws the same random numbers as the bundled one in Rust, and plans the same; a space in C is a space.
#[test]
fn a_policy_and_a_space_in_c() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("libc_policy.so");
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"]);
    command.arg(format!("-I{}", repository("plugins/sdk/include").display())).arg("-o").arg(&library);
    let output = command.arg(repository("tests/plugins/c-policy/policy.c")).output().expect("a C compiler runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = |arguments: &[&str]| {
        let mut command = common::edas(folder.path());
        let output = command.env("OMP_WAIT_POLICY", "passive").args(arguments).assert().success();
        String::from_utf8_lossy(&output.get_output().stdout).into_owned()
    };
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let traced = |plugin: &str| {
        let policy = format!("policy={{plugin: {plugin}, name: inversion, params: {{warmup_epochs: 1}}}}");
        run(&["trace", &spec, "--iterations", "40", "--set", &policy])
    };
    let in_c = traced(&library.display().to_string());
    assert_eq!(in_c.lines().count(), 40);
    assert_eq!(in_c, traced("edas-policies"));
    let space = format!("space={{plugin: {}, name: chain}}", library.display());
    let checked = run(&["check", &spec, "--no-timing", "--set", &space]);
    assert!(checked.contains("chain, 2 edges"), "{checked}");
    assert!(run(&["plugin", "check", "libc_policy.so"]).contains("All checks passed"));
}

/// Nothing but the entry is visible, so that two plugins never meet.
#[test]
#[cfg(target_os = "linux")]
fn plugins_show_their_entry_alone() {
    for example in ["example-c", "example-cpp"] {
        examples();
        let library = make(example, "sound", &[]);
        let output = Command::new("nm").args(["-D", "--defined-only", "-C"]).arg(&library).output().expect("nm runs");
        let text = String::from_utf8_lossy(&output.stdout);
        // Weak symbols are libtorch's own inline functions.
        let strong: Vec<&str> = text.lines().filter(|line| !line.contains(" W ") && !line.contains(" V ")).collect();
        assert!(strong.len() == 1 && strong[0].ends_with("edas_plugin_entry"), "{text}");
    }
}
