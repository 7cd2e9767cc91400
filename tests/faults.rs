//! What goes wrong in plugins: every fault ends in a message that names plugin and operation, the host lives on, and the run
//! directory holds what it held before. All libraries are real ones, built here.

mod common;

use common::{compiled, edas, library, repository};
use edas::Error;
use edas::extension::{Plugin, Registry};
use edas::graph::{OpSet, OpSets};
use edas::policy::plugin::PluginPolicies;
use edas::space::plugin::PluginSpaces;
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn open(library: &Path) -> Result<Arc<Plugin>, Error> {
    Registry::default().at(library)
}

/// Opens a library and reads all that it offers.
fn read(library: &Path) -> Result<(), Error> {
    let plugin = open(library)?;
    OpSet::of(&plugin)?;
    PluginSpaces::of(&plugin)?;
    PluginPolicies::of(&plugin)?;
    Ok(())
}

fn text(result: Result<(), Error>) -> String {
    result.expect_err("it has a fault").to_string()
}

/// What is wrong with a library shows when it is loaded, before anything of it runs that might be wrong.
#[test]
fn libraries_that_cannot_be_used() {
    let broken = |fault: &str| compiled("tests/plugins/broken.c", fault, &[&format!("-DFAULT={fault}")]);
    read(&broken("NO_FAULT")).expect("without its fault the library is sound");
    read(&broken("NEWER_MINOR")).expect("a newer minor revision only adds");
    let expected = [
        ("WRONG_MAJOR", vec!["built for another version", "ABI 1.x, as this host has 1.0", "ABI 2.0"]),
        ("SMALL_ENTRY", vec!["a descriptor that is too small", "bytes"]),
        ("NO_GET_EXTENSION", vec!["no function `get_extension`", "null"]),
        ("NAME_NOT_UTF8", vec!["not valid UTF-8"]),
        ("INIT_FAILS", vec!["there is no licence on this machine", "initialising plugin `broken`"]),
        ("SMALL_TABLE", vec!["the op-set of plugin `broken` cannot be used", "bytes instead of"]),
        ("NULL_BUILD", vec!["the op-set of plugin `broken` cannot be used", "null"]),
        ("OPERATION_NOT_UTF8", vec!["plugin `broken`", "the name of operation 1", "not valid UTF-8"]),
        ("DUPLICATE_NAMES", vec!["plugin `broken`", "two operations named `same`"]),
        ("COUNTLESS", vec!["plugin `broken`", "1099511627776 operations"]),
        ("NULL_SPACE_WRITE", vec!["the search-space of plugin `broken` cannot be used", "null"]),
        ("NULL_POLICY_PLAN", vec!["the policy of plugin `broken` cannot be used", "null"]),
    ];
    for (fault, parts) in expected {
        let message = text(read(&broken(fault)));
        for part in parts.into_iter().chain([fault]) {
            assert!(message.contains(part), "{fault}: `{part}` is not in\n{message}");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("libtext.so");
    fs::write(&file, "this is no library").expect("it can be written");
    assert!(text(read(&file)).contains("no library that can be loaded"));
    let message = text(read(&compiled("tests/plugins/no_entry.c", "no_entry", &[])));
    assert!(message.contains("no plugin") && message.contains("edas_plugin_entry"), "{message}");
}

const SPEC: &str = "\
edas: 1
name: faults
plugins: [darts-ops, PLUGIN]
space:
  space: 1
  name: faults
  cell_types:
    - {name: cell, inputs: 1, nodes: 2, edges: {from: all_before, candidates: [skip_connect, CANDIDATE]}, output: {concat: [1, 2]}}
  backbone:
    stem: {op: 'darts-ops:relu_conv_bn'}
    cells: {repeat: cells, type: cell}
    head: {op: pool_linear}
network: {cells: 1, channels: 4}
policy: {script: policy.rhai}
data: {name: digits, limit: 160, augment: {crop: 0, flip: false}}
search: {epochs: 1, batch: 8}
threads: 1
";

/// A folder with a spec of one operation of a plugin, which runs from the fourth iteration on.
fn folder(plugin: &Path, candidate: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = SPEC.replace("PLUGIN", &plugin.display().to_string()).replace("CANDIDATE", candidate);
    fs::write(folder.path().join("spec.yaml"), spec).expect("it can be written");
    let policy = format!(
        "fn plan(turn) {{\n    let plan = turn.strongest();\n    for edge in turn.space.edges {{ \
         plan.only(edge, if turn.iteration < 3 {{ \"skip_connect\" }} else {{ \"{candidate}\" }}); }}\n    plan\n}}\n"
    );
    fs::write(folder.path().join("policy.rhai"), policy).expect("it can be written");
    folder
}

/// Searches, and returns status, stdout and stderr.
fn search(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = edas(folder)
        .args(["search", "spec.yaml", "--run", "run", "--quiet"])
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn contains(what: &str, text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{what}: `{part}` is not in\n{text}");
    }
    assert!(!text.contains("stack backtrace") && !text.contains("RUST_BACKTRACE"), "{what}: {text}");
    assert!(!text.contains("thread '"), "{what}: {text}");
}

/// What goes wrong while the network is built ends before a run directory is made.
#[test]
fn operations_that_cannot_be_built() {
    let plugin = library("faults");
    let expected = [
        ("build_panics", vec!["no idea how to build this", "panicked at", "mistake in the plugin"]),
        ("build_refuses", vec!["not here"]),
        ("undeclared", vec!["no parameter named `kernel` is declared"]),
        ("wrong_shape", vec!["returns the wrong shape", "4×8×8", "4×4×4"]),
        ("too_few", vec!["0 values were returned, 1 are declared"]),
        ("foreign", vec!["does not belong to the graph that is being built"]),
        ("unknown_layer", vec!["no layer of kind `rleu`", "did you mean `relu`?"]),
        ("unknown_operator", vec!["there is no operator `aten::softplsu`"]),
        ("wrong_argument", vec!["its argument `beta` is of type"]),
        ("unknown_argument", vec!["has no argument `betta`", "aten::softplus"]),
        ("in_place", vec!["writes to its inputs"]),
        ("random", vec!["draws random numbers"]),
        ("mixes_batch", vec!["returns no value of a graph", "the batch (5) in front"]),
        ("some_examples", vec!["returns no value of a graph", "the batch (7) in front"]),
        ("other_dtype", vec!["was refused by libtorch", "Float8"]),
        ("memory", vec!["returns what happens to lie in memory"]),
        ("enormous", vec!["the weight of layer `conv 100001×100001", "has an impossible size"]),
        ("recurses", vec!["has kernels within kernels without end"]),
        ("huge", vec!["attribute `kernel` of layer `max_pool` is out of range"]),
    ];
    for (operation, parts) in expected {
        let folder = folder(&plugin, operation);
        let (status, _, stderr) = search(folder.path(), &[]);
        assert_eq!(status, 2, "{operation}: {stderr}");
        contains(operation, &stderr, &parts);
        contains(operation, &stderr, &[operation]);
        assert!(stderr.contains("plugin `faults`") || operation == "wrong_shape", "{operation}: {stderr}");
        assert!(!folder.path().join("run").exists(), "{operation}: a run directory was made");
    }
}

/// The three iterations before the fault are kept, and the directory says how the run ended.
fn intact(what: &str, run: &Path) {
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
    let lines: Vec<serde_json::Value> =
        metrics.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect();
    assert_eq!(lines.iter().filter(|l| l["kind"] == "iteration").count(), 3, "{what}: {metrics}");
    let failure = fs::read_to_string(run.join("failure.txt")).expect("what went wrong");
    assert!(failure.contains("plugin `"), "{what}: {failure}");
    assert!(!run.join("genotype.json").exists(), "{what}");
}

/// What goes wrong in a kernel while it trains.
#[test]
fn kernels_that_fail() {
    let plugin = library("faults");
    let named = ["operation `", "plugin `faults`", "iteration 3"];
    let expected = [
        ("forward_panics", vec!["the forward of kernel `copying`", "lost the way forward"]),
        ("backward_panics", vec!["the backward of kernel `copying`", "lost the way back"]),
        ("writes_nan", vec!["not finite", "edges.0.writes_nan"]),
        ("gradient_nan", vec!["the gradient of the weights is not finite"]),
        ("beyond", vec!["no input number 1"]),
    ];
    for (operation, parts) in expected {
        let folder = folder(&plugin, operation);
        let (status, stdout, stderr) = search(folder.path(), &[]);
        assert_eq!(status, 1, "{operation}: {stdout}{stderr}");
        contains(operation, &stderr, &parts);
        contains(operation, &stderr, &named);
        intact(operation, &folder.path().join("run"));
    }
    // Where a kernel cannot serve and names nothing that could.
    let folder = folder(&plugin, "no_reference");
    let (status, _, stderr) = search(folder.path(), &["--set", "network.precision=float64"]);
    assert_eq!(status, 1, "{stderr}");
    contains(
        "no_reference",
        &stderr,
        &["kernel `narrow` of operation `no_reference` of plugin `faults` has no reference graph"],
    );
}

/// The host's results stay parseable, and what the plugin wrote is not lost.
#[test]
fn a_plugin_that_prints() {
    let folder = folder(&library("faults"), "prints");
    let (status, stdout, stderr) = search(folder.path(), &["--json"]);
    assert_eq!(status, 0, "{stderr}");
    let _: serde_json::Value = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"));
    contains("prints", &stderr, &["a plugin should not write to stdout", "nor from a kernel"]);
}

/// C++ exceptions become errors, wherever they are thrown.
#[test]
fn exceptions() {
    let throws = |place: &str| compiled("tests/plugins/throws.cpp", place, &[&format!("-DIN={place}")]);
    read(&throws("NOWHERE")).expect("without its exception the library is sound");
    for (place, part) in
        [("INIT", "initialising plugin `throws`"), ("GET_EXTENSION", "plugin `throws`"), ("COUNT", "plugin `throws`")]
    {
        let message = text(read(&throws(place)));
        contains(place, &message, &["an exception was thrown: thrown on purpose", part]);
    }
    let plugin = open(&throws("SPACE")).expect("it loads");
    let spaces = PluginSpaces::of(&plugin).expect("a sound table").expect("spaces");
    let error = spaces.write("thrower", &edas::spec::Node::empty("<test>")).expect_err("it throws").to_string();
    contains("SPACE", &error, &["an exception was thrown: thrown on purpose", "space `thrower` of plugin `throws`"]);

    for place in ["BUILD", "REFERENCE"] {
        let folder = folder(&throws(place), "same");
        let (status, _, stderr) = search(folder.path(), &[]);
        assert_eq!(status, 2, "{place}: {stderr}");
        contains(place, &stderr, &["an exception was thrown: ", "operation `same` of plugin `throws`"]);
    }
    for place in ["FORWARD", "BACKWARD"] {
        let folder = folder(&throws(place), "same");
        let (status, _, stderr) = search(folder.path(), &[]);
        assert_eq!(status, 1, "{place}: {stderr}");
        contains(
            place,
            &stderr,
            &["an exception was thrown: thrown on purpose", "kernel `copy` of operation `same` of plugin `throws`"],
        );
        intact(place, &folder.path().join("run"));
    }
    for (place, status) in [("CREATE", 2), ("PLAN", 1), ("FEEDBACK", 1)] {
        let library = throws(place);
        let folder = folder(&library, "same");
        let spec = fs::read_to_string(folder.path().join("spec.yaml")).expect("a spec");
        let policy = format!("policy: {{plugin: {}, name: thrower}}", library.display());
        fs::write(folder.path().join("spec.yaml"), spec.replace("policy: {script: policy.rhai}", &policy))
            .expect("written");
        let (found, _, stderr) = search(folder.path(), &[]);
        assert_eq!(found, status, "{place}: {stderr}");
        contains(
            place,
            &stderr,
            &["an exception was thrown: thrown on purpose", "policy `thrower` of plugin `throws`"],
        );
    }
}

/// After all of it the process that loaded these libraries still searches.
#[test]
fn the_host_lives_on() {
    let set = |path: &Path| OpSet::of(&open(path).expect("it loads")).expect("a sound table").expect("an op set");
    let faults = set(&library("faults"));
    let operation = |name: &str| faults.operation(name).expect("offered").clone();
    let arguments = edas::graph::Arguments { channels_out: 4, stride: 1, form: edas::graph::Form::Search, classes: 10 };
    let build = |name: &str| operation(name).build(&edas::extension::Settings::new(), &arguments, &[vec![4, 8, 8]]);
    for name in ["build_panics", "undeclared", "unknown_operator", "huge"] {
        build(name).expect_err("it fails");
    }
    let run = |name: &str| {
        let graph = build(name).expect("it can be built");
        let x = tch::Tensor::ones([2, 4, 8, 8], (tch::Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
        let y = edas::execute::reference::run(&graph, &[&x], &[], edas::execute::Norm::Train)?.remove(0);
        y.sum(tch::Kind::Float).f_backward()?;
        Ok::<f64, Error>(x.grad().sum(tch::Kind::Float).double_value(&[]))
    };
    for name in ["forward_panics", "backward_panics", "beyond"] {
        run(name).expect_err("it fails");
    }
    assert_eq!(run("sound").expect("it computes"), 512.0);
    let sets = OpSets(vec![faults]);
    assert!(sets.operation("sound").is_ok());
    let folder = folder(&library("faults"), "sound");
    let (status, _, stderr) = search(folder.path(), &[]);
    assert_eq!(status, 0, "{stderr}");
    assert!(repository("tests/plugins/faults").exists());
}
