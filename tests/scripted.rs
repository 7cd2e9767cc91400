//! Op sets and spaces that are scripts: the same bits as a plugin and YAML, every layer, and messages.

mod common;

use common::{edas, op_sets, repository};
use edas::error::Error;
use edas::extension::{Setting, Settings};
use edas::graph::script::reference;
use edas::graph::{Arguments, Form, LayerGraph, OpScript, OpSet, OpSets, Operation};
use edas::space::{ScriptSpace, Space};
use edas::spec::{Node, Sandbox};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn script(file: &Path, text: &str) -> Result<OpSet, Error> {
    Ok(OpSet::scripted(&Arc::new(OpScript::new(file, text, &Sandbox::default())?)))
}

/// The op set of a text.
fn written(text: &str) -> Result<OpSet, Error> {
    script(Path::new("ops/mine.rhai"), text)
}

/// The op set that ships.
fn darts() -> OpSet {
    let file = repository("scripts/ops/darts.rhai");
    script(&file, &std::fs::read_to_string(&file).expect("it is there")).expect("a sound script")
}

fn arguments(channels_out: i64, stride: i64, form: Form) -> Arguments {
    Arguments { channels_out, stride, form, classes: 7 }
}

/// What an operation with this body makes of a map of 4×8×8 at 6 channels and stride 2.
fn built(body: &str) -> Result<LayerGraph, Error> {
    build(&format!("fn x(op) {{ {body} }}"), "x")
}

fn build(text: &str, operation: &str) -> Result<LayerGraph, Error> {
    let set = written(text)?;
    let operation = set.operation(operation).expect("the script has it");
    let inputs = vec![vec![4, 8, 8]; operation.inputs];
    operation.build(&Settings::new(), &arguments(6, 2, Form::Search), &inputs)
}

/// The layers of a body's graph, without shapes.
fn layers(body: &str) -> String {
    let graph = built(body).unwrap_or_else(|e| panic!("{body}: {e}"));
    let text = graph.to_string();
    let line = |line: &str| {
        let line = line.trim();
        line.split_once(": ").map_or(line, |(_, rest)| rest).split(" → ").next().unwrap_or_default().to_owned()
    };
    text.lines().skip(1).map(line).collect::<Vec<_>>().join("; ")
}

/// Asserts that an error says all of these.
fn says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

#[test]
fn the_shipped_op_set_builds_what_the_plugin_builds() {
    let (scripted, plugin) = (darts(), op_sets("darts-ops").0.remove(0));
    let names = |set: &OpSet| set.operations.iter().map(|o| (o.name.clone(), o.doc.clone())).collect::<Vec<_>>();
    assert_eq!(names(&scripted), names(&plugin));
    let mut graphs = 0;
    for (ours, theirs) in scripted.operations.iter().zip(&plugin.operations) {
        assert_eq!(ours.parameters, theirs.parameters, "{}", ours.name);
        let kernels: &[i64] = if ours.parameters.is_empty() { &[0] } else { &[1, 3, 9, 15] };
        for kernel in kernels {
            let given = match kernel {
                0 => Settings::new(),
                kernel => Settings::from([("kernel".to_owned(), Setting::Integer(*kernel))]),
            };
            for form in [Form::Search, Form::Final] {
                for (stride, channels_out) in [(1, 4), (2, 4), (1, 7), (2, 7), (3, 5)] {
                    for shape in [vec![4, 32, 32], vec![3, 17, 20]] {
                        let arguments = arguments(channels_out, stride, form);
                        let build = |o: &Operation| o.build(&given, &arguments, std::slice::from_ref(&shape));
                        match (build(ours), build(theirs)) {
                            (Ok(ours), Ok(theirs)) => {
                                assert_eq!(ours.to_string(), theirs.to_string());
                                assert_eq!(ours, theirs, "tensors and shapes too");
                                graphs += 1;
                            }
                            (Err(ours), Err(theirs)) => assert_eq!(ours.fields().what, theirs.fields().what),
                            (ours, theirs) => panic!("{}: {ours:?} and {theirs:?}", theirs.is_ok()),
                        }
                    }
                }
            }
        }
    }
    assert!(graphs > 400, "{graphs}");
}

#[test]
fn the_shipped_space_is_the_yaml_one() {
    let sets = op_sets("darts-ops");
    let text = |path: &str| std::fs::read_to_string(repository(path)).expect("it is there");
    let file = repository("scripts/spaces/darts.rhai");
    let script = ScriptSpace::new(&file, &text("scripts/spaces/darts.rhai"), &Sandbox::default()).expect("a script");
    let scripted = |params: &str| {
        let params = Node::parse(params, "params").expect("YAML");
        let written = script.write(&params).expect("a space");
        let from_text = Node::parse(&written.text, "written").expect("YAML");
        assert_eq!(from_text, written.node, "the kept text says the same");
        Space::from_node(&written.node, &sets).expect("a sound space")
    };
    let yaml = Node::parse(&text("specs/spaces/darts.yaml"), "darts.yaml").expect("YAML");
    let yaml = Space::from_node(&yaml, &sets).expect("a sound space");
    let ours = scripted("{}");
    assert_eq!(ours.form, yaml.form);
    let described = |space: &Space| format!("{:?}", space.layout(20, 16).expect("a layout").stages.len());
    assert_eq!(described(&ours), described(&yaml));
    let edges: Vec<_> = ours.edges().map(|(c, e)| (c.name.clone(), e.from, e.to, e.stride, e.carries())).collect();
    let theirs: Vec<_> = yaml.edges().map(|(c, e)| (c.name.clone(), e.from, e.to, e.stride, e.carries())).collect();
    assert_eq!(edges, theirs);
    // Its parameters.
    let smaller = scripted("{nodes: 2, none: false}");
    assert_eq!((smaller.edge_count(), smaller.cell_types[0].edges[0].candidates.len()), (10, 7));
}

/// Runs a search; the files that must be the same, without times.
fn search(folder: &Path, spec: &Path, run: &str, settings: &[String]) -> BTreeMap<&'static str, Vec<u8>> {
    let mut command = edas(folder);
    command.args(["search", "--quiet", "--run", run]).arg(spec);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.assert().success();
    let mut files = BTreeMap::new();
    for name in ["metrics.jsonl", "genotypes.jsonl", "trace.jsonl", "alpha.jsonl", "checkpoints/final.safetensors"] {
        files.insert(name, std::fs::read(folder.join(run).join(name)).expect("the run wrote it"));
    }
    let metrics = String::from_utf8(files["metrics.jsonl"].clone()).expect("text");
    let line = |line: &str| {
        let mut value: Value = serde_json::from_str(line).expect("JSON");
        value.as_object_mut().expect("an object").remove("seconds").expect("a time");
        format!("{value}\n")
    };
    files.insert("metrics.jsonl", metrics.lines().map(line).collect::<String>().into_bytes());
    files
}

fn small(keys: &[&str]) -> Vec<String> {
    let size =
        ["search.epochs=2", "data.limit=160", "search.batch=16", "network.cells=3", "network.channels=4", "threads=1"];
    size.iter().chain(keys).map(|k| (*k).to_owned()).collect()
}

fn assert_same(a: &BTreeMap<&str, Vec<u8>>, b: &BTreeMap<&str, Vec<u8>>) {
    for (name, bytes) in a {
        assert!(b[name] == *bytes, "{name} differs");
    }
}

#[test]
fn a_search_of_scripts_gives_the_same_bits_and_can_be_repeated_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let reference = search(folder.path(), &repository("specs/quickstart.yaml"), "reference", &small(&[]));

    // The scripts in a folder of their own, the policy called like the op set.
    let scripts = tempfile::tempdir().expect("a folder");
    for (from, to) in [
        ("scripts/ops/darts.rhai", "ops/darts.rhai"),
        ("scripts/spaces/darts.rhai", "spaces/darts.rhai"),
        ("scripts/edas_inversion.rhai", "darts.rhai"),
        ("specs/quickstart.yaml", "base.yaml"),
    ] {
        let to = scripts.path().join(to);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(repository(from), to).expect("a copy");
    }
    let spec = scripts.path().join("spec.yaml");
    let text = "edas: 1\nextends: base.yaml\nname: quickstart\nplugins: [ops/darts.rhai]\nspace: {script: spaces/darts.rhai}\n\
                policy: {script: darts.rhai, params: {warmup_epochs: 5}}\n";
    std::fs::write(&spec, text).expect("a spec");
    let first = search(folder.path(), &spec, "first", &small(&[]));
    assert_same(&reference, &first);

    let run = folder.path().join("first");
    let genotype = std::fs::read_to_string(run.join("genotype.json")).expect("a genotype");
    let parsed: Value = serde_json::from_str(&genotype).expect("JSON");
    let candidates = parsed["candidates"].as_object().expect("candidates");
    let version = candidates.values().next().expect("one")["version"].as_str().expect("text").to_owned();
    assert!(candidates.values().all(|c| c["op_set"] == "darts" && c["version"] == version), "{candidates:?}");
    assert!(version.len() == 12 && version.chars().all(|c| c.is_ascii_hexdigit()), "{version}");
    let written = std::fs::read_to_string(run.join("spec.yaml")).expect("a spec");
    for line in ["- inputs/darts.rhai", "space: inputs/darts.yaml", "script: inputs/darts-3.rhai"] {
        assert!(written.contains(line), "`{line}` is not in\n{written}");
    }
    let hashes = std::fs::read_to_string(run.join("inputs/hashes.json")).expect("hashes");
    assert!(hashes.contains("inputs/darts.rhai") && hashes.contains("inputs/darts-3.rhai"), "{hashes}");

    // A copy of the run's folder elsewhere, when the scripts are gone.
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(elsewhere.path().join("inputs")).expect("a folder");
    std::fs::copy(run.join("spec.yaml"), elsewhere.path().join("spec.yaml")).expect("a copy");
    for entry in std::fs::read_dir(run.join("inputs")).expect("inputs") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, elsewhere.path().join("inputs").join(path.file_name().expect("a name"))).expect("a copy");
    }
    drop(scripts);
    let again = search(elsewhere.path(), &elsewhere.path().join("spec.yaml"), "again", &[]);
    assert_same(&first, &again);
    let repeated = std::fs::read_to_string(elsewhere.path().join("again/genotype.json")).expect("a genotype");
    assert_eq!(repeated, genotype, "names and versions of the op set too");
    // What is derived from a run again needs its op set.
    edas(elsewhere.path()).args(["derive", "again", "--epoch", "0"]).assert().success();
}

#[test]
fn the_shipped_spec_with_scripts_is_sound() {
    let spec = repository("specs/darts-scripted.yaml");
    let folder = tempfile::tempdir().expect("a folder");
    let output = edas(folder.path()).args(["check", "--no-timing", "--json"]).arg(spec).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["edges"], &report["candidates"][4]["op_set"]), (&Value::from(28), &Value::from("darts")));
}

#[test]
fn scripts_are_inspected_and_checked_as_plugins_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |command: &str, path: &str, more: &[&str]| {
        let path = repository(path);
        let output = edas(folder.path()).args(["plugin", command]).arg(path).args(more).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let text = run("inspect", "scripts/ops/darts.rhai", &[]);
    for part in
        ["operation sep_conv: separable convolution of any kernel", "kernel: a whole number from 1 to 15", "op set, "]
    {
        assert!(text.contains(part), "{text}");
    }
    let report: Value =
        serde_json::from_str(&run("inspect", "scripts/ops/darts.rhai", &["--operation", "stem_cifar", "--json"]))
            .expect("JSON");
    assert_eq!((&report["operations"][0]["outputs"], &report["name"]), (&Value::from(2), &Value::from("darts")));
    let report: Value = serde_json::from_str(&run("check", "scripts/ops/darts.rhai", &["--json"])).expect("JSON");
    assert_eq!(report["failed"], 0, "{report}");
    assert!(report["checks"].as_array().expect("checks").len() >= 16 * 8);
    let report: Value = serde_json::from_str(&run("check", "scripts/spaces/darts.rhai", &["--json"])).expect("JSON");
    assert_eq!((&report["failed"], report["checks"].as_array().map(Vec::len)), (&Value::from(0), Some(3)));
    let text = run("inspect", "scripts/spaces/darts.rhai", &[]);
    assert!(text.contains("nodes: a whole number from 1 to 8, default 4"), "{text}");
    // A fault is found as it is in plugins.
    let faulty = folder.path().join("faulty.rhai");
    std::fs::write(&faulty, "fn wrong(op) { op.pointwise(op.channels_out + 1) }").expect("a script");
    let output = edas(folder.path()).args(["plugin", "check"]).arg(&faulty).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("instead of"));
}

#[test]
fn every_layer_by_its_function() {
    for (body, expected) in [
        ("op", "return x0"),
        ("op.input", "return x0"),
        ("op.inputs[0]", "return x0"),
        ("[op.relu(), op]", "relu (x0); return %0, x0"),
        (
            "op.relu().relu6().sigmoid().tanh().silu().hard_swish()",
            "relu (x0); relu6 (%0); sigmoid (%1); tanh (%2); silu (%3); hard_swish (%4); return %5",
        ),
        (
            "op.conv(#{ kernel: [1, 3], padding: [0, 1], stride: 2, dilation: 2, groups: 2, bias: true })",
            "conv 1×3 stride=2 padding=0×1 dilation=2 channels=6 groups=2 bias (x0); return %0",
        ),
        ("op.conv(#{ kernel: 1, channels: 3 })", "conv 1×1 channels=3 (x0); return %0"),
        ("op.conv_same(5, 3)", "conv 3×3 padding=1 channels=5 (x0); return %0"),
        ("op.conv_same(5, 3, 2)", "conv 3×3 stride=2 padding=1 channels=5 (x0); return %0"),
        ("op.depthwise(3)", "conv 3×3 padding=1 channels=4 groups=4 (x0); return %0"),
        ("op.depthwise(5, 2)", "conv 5×5 stride=2 padding=2 channels=4 groups=4 (x0); return %0"),
        ("op.depthwise(3, 1, 2)", "conv 3×3 padding=2 dilation=2 channels=4 groups=4 (x0); return %0"),
        ("op.pointwise()", "conv 1×1 channels=6 (x0); return %0"),
        ("op.pointwise(op.channels_in)", "conv 1×1 channels=4 (x0); return %0"),
        ("op.batch_norm()", "batch_norm (x0); return %0"),
        ("op.batch_norm(true)", "batch_norm affine (x0); return %0"),
        ("op.max_pool(3)", "max_pool 3×3 padding=1 (x0); return %0"),
        ("op.max_pool(3, 2)", "max_pool 3×3 stride=2 padding=1 (x0); return %0"),
        ("op.avg_pool(5)", "avg_pool 5×5 padding=2 (x0); return %0"),
        ("op.avg_pool(3, op.stride)", "avg_pool 3×3 stride=2 padding=1 (x0); return %0"),
        ("op.global_avg_pool().linear(op.classes)", "global_avg_pool (x0); linear features=7 (%0); return %1"),
        ("let y = op.relu(); y + op", "relu (x0); add (%0, x0); return %1"),
        ("op + op.relu()", "relu (x0); add (x0, %0); return %1"),
        ("let y = op.relu(); (y + y) * y", "relu (x0); add (%0, %0); mul (%1, %0); return %2"),
        ("add(op, op.relu())", "relu (x0); add (x0, %0); return %1"),
        ("op.relu().mul(op)", "relu (x0); mul (%0, x0); return %1"),
        ("op.scale(0.5).scale(2)", "scale 0.5 (x0); scale 2 (%0); return %1"),
        ("3 * op.relu() * 0.25", "relu (x0); scale 3 (%0); scale 0.25 (%1); return %2"),
        ("concat([op, op.relu(), op])", "relu (x0); concat (x0, %0, x0); return %1"),
        ("op.concat(op.relu())", "relu (x0); concat (x0, %0); return %1"),
        ("op.narrow(1, 2)", "narrow 1+2 (x0); return %0"),
        ("op.pad(-1, -2, 3, 4)", "pad -1,-2,3,4 (x0); return %0"),
        ("op.zero()", "zero channels=6 stride=2 (x0); return %0"),
        ("op.relu().zero(3, 1)", "relu (x0); zero channels=3 stride=1 (%0); return %1"),
        ("op.layer(\"relu\")", "relu (x0); return %0"),
        ("op.layer(\"scale\", #{ factor: 2 })", "scale 2 (x0); return %0"),
        ("op.layer(\"concat\", [op, op.relu()], #{})", "relu (x0); concat (x0, %0); return %1"),
        ("op.layer(\"relu\", [op], #{}, 1)", "relu (x0); return %0"),
        ("op.aten(\"softplus\")", "aten softplus (x0); return %0"),
        ("op.aten(\"add.Scalar\", #{ other: 1 })", "aten add.Scalar other=1 (x0); return %0"),
        ("op.aten(\"maximum\", [op.relu(), op])", "relu (x0); aten maximum (%0, x0); return %1"),
        ("op.aten(\"add.Tensor\", [op, op], #{ alpha: 2 })", "aten add.Tensor alpha=2 (x0, x0); return %0"),
        (
            "op.layer(\"aten\", [op], #{ operator: \"aminmax\", dim: 1, keepdim: true }, 2)[1]",
            "aten aminmax dim=1 keepdim=true (x0); return %0.1",
        ),
        ("op.parameter(\"gate\", [4, 1, 1], constant(1)) * op", "tensor gate (); mul (%0, x0); return %1"),
    ] {
        assert_eq!(layers(body), expected, "{body}");
    }
    // Every layer kind is reachable; kernels and native layers are plugins' own.
    for kind in edas::graph::layer::KINDS {
        assert!(reference().iter().any(|e| e.name() == *kind), "{kind} has no function");
    }
}

#[test]
fn weights_and_buffers_start_as_they_are_told() {
    let graph = built(
        "let gate = op.parameter(\"gate\", [4, 1, 1], uniform(0.5));
         let shift = op.parameter(\"shift\", [4, 1, 1], normal(2));
         let mask = op.buffer(\"mask\", [4, 1, 1], constant(0.25));
         op * gate * mask + shift",
    )
    .expect("a graph");
    let found: Vec<String> =
        graph.tensors.iter().map(|t| format!("{} {:?} {:?} {}", t.name, t.shape, t.initialiser, t.trained)).collect();
    assert_eq!(
        found,
        ["gate [4, 1, 1] Uniform(0.5) true", "shift [4, 1, 1] Normal(2.0) true", "mask [4, 1, 1] Constant(0.25) false"]
    );
}

#[test]
fn what_an_operation_is_asked_for() {
    let conditions = "op.channels_in == 4 && op.channels_out == 6 && op.stride == 2 && op.form == \"search\" && op.classes == 7 \
                      && op.input.shape == [4, 8, 8] && op.relu().channels == 4 && op.max_pool(3, 2).height == 4 \
                      && op.pad(0, 1, 0, 0).width == 9 && op.inputs.len == 1";
    built(&format!("if !({conditions}) {{ throw \"not so\"; }} op")).expect("it holds");
    // Parameters, several inputs, and what the script says of itself.
    let text = "fn op_set() { #{ name: \"my-ops\", version: \"2.1\", description: \"sums\", inputs: #{ weighted: 2 } } }
                fn params() { #{ weighted: #{ weight: param(0.5, 0, 1, \"of the second\"), way: param(\"left\", [\"left\", \"right\"], \"which\") } } }
                /// a sum
                /// of two
                fn weighted(op) {
                    if op.params.way == \"right\" { return op.inputs[1]; }
                    op + op.inputs[1] * op.params.weight
                }";
    let set = written(text).expect("a sound script");
    assert_eq!((set.name(), set.provider.version()), ("my-ops", "2.1"));
    let operation = set.operation("weighted").expect("it is there");
    assert_eq!((operation.inputs, operation.doc.as_str()), (2, "a sum of two"));
    let inputs = vec![vec![4, 8, 8]; 2];
    let build = |given: Settings| operation.build(&given, &arguments(4, 1, Form::Search), &inputs);
    assert!(build(Settings::new()).expect("a graph").to_string().contains("scale 0.5 (x1)"));
    let right = Settings::from([("way".to_owned(), Setting::Word("right".to_owned()))]);
    assert!(build(right).expect("a graph").to_string().ends_with("return x1"));
    let error = build(Settings::from([("weight".to_owned(), Setting::Number(1.5))])).expect_err("out of range");
    says(&error, &["parameter `weight` of operation `weighted` is out of range", "a number from 0 to 1", "found: 1.5"]);
    let error = operation.build(&Settings::new(), &arguments(4, 1, Form::Search), &inputs[..1]).expect_err("one input");
    says(
        &error,
        &["takes another number of inputs", "expected: 2", "building operation `weighted` of op set `my-ops`"],
    );
}

/// Helpers are private functions, and functions of more or fewer arguments; the rest are operations, as they were written.
#[test]
fn which_functions_are_operations() {
    let set = written(
        "fn zeta(op) { op } fn alpha(op) { helper(op, 1) } private fn hidden(op) { op } fn helper(op, n) { hidden(op) } fn none() { 1 }",
    )
    .expect("a sound script");
    assert_eq!(set.operations.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["zeta", "alpha"]);
    assert_eq!(set.name(), "mine");
}

/// Errors name the operation, the file and the line.
#[test]
fn what_goes_wrong_while_building() {
    for (body, parts) in [
        (
            "op.relu()\n.layer(\"rellu\")",
            &[
                "ops/mine.rhai:2:2: there is no layer of kind `rellu`",
                "did you mean `relu`?",
                "building operation `x` of op set `mine`",
            ][..],
        ),
        ("op.rellu()", &["ops/mine.rhai:1:15: there is no function rellu (Op)", "did you mean `relu`?"]),
        (
            "op.relu().conv(#{ kernel: 3, padding: \"same\" })",
            &["ops/mine.rhai:1:22", "attribute `padding` of layer `conv` has the wrong type", "found: `same`"],
        ),
        (
            "op.conv(#{ kernel: |x| x })",
            &["attribute `kernel` of layer `conv` is of a type that no attribute has", "a value of type Fn"],
        ),
        ("op.conv_same(4, 0)", &["ops/mine.rhai:1:15", "attribute `kernel` of layer `conv` is out of range"]),
        ("op.stdie", &["stdie", "did you mean `stride`?"]),
        ("op.params.kernel", &["there is no property `kernel`"]),
        ("op.stride = 1; op", &["ops/mine.rhai:1"]),
        (
            "let y = op.relu();",
            &["operation `x` returned something else", "found: a value of type ()", "no `;` stands behind it"],
        ),
        ("42", &["ops/mine.rhai: operation `x` returned something else", "found: a value of type i64"]),
        ("[op, \"y\"]", &["operation `x` returned something else", "found: a value of type string"]),
        ("[]", &["operation `x` returned no value"]),
        ("op + 1", &["there is no function +"]),
        ("op.add(1)", &["this is no value of the graph", "found: a value of type i64"]),
        ("op.pad(-4, 0, -4, 0)", &["leaves nothing of its input"]),
        ("op.linear(3) + op", &["the inputs of layer `add` do not fit together", "3 and 4×8×8"]),
        ("op.aten(\"softpluss\")", &["ops/mine.rhai:1:15", "layer `aten softpluss` cannot be used"]),
        ("op.aten(\"dropout\", #{ p: 0.5, train: true })", &["layer `aten dropout` cannot be used"]),
        ("op.layer(\"relu\", [op], #{}, 2)", &["layer `relu` returns another number of values", "found: 2"]),
        ("op.layer(\"relu\", [op], #{}, -1)", &["layer `relu` returns another number of values"]),
        ("op.layer(\"relu\", [], #{})", &["layer `relu` got the wrong number of inputs"]),
        ("concat([])", &["layer `concat` got no input"]),
        ("op.parameter(\"w w\", [4], constant(1)); op", &["a tensor's name is not usable"]),
        ("op.parameter(\"w\", [4, \"4\"], constant(1)); op", &["the shape of the tensor `w` is none"]),
        ("op.parameter(\"w\", [4], constant(0.0 / 0.0)); op", &["the start of the tensor `w` is not finite"]),
        ("op.refuse(\"not at stride 2\"); op", &["ops/mine.rhai:1:15: not at stride 2", "building operation `x`"]),
        ("throw \"mine\"", &["the script threw an error: mine"]),
        ("this.count += 1; op", &["`this` is not bound here"]),
        ("x(op)", &["the script was stopped", "sandbox.depth"]),
        ("let y = op; for i in 0..20000 { y = y.relu(); } y", &["the graph has too many layers"]),
    ] {
        let error = built(body).expect_err(body);
        says(&error, parts);
    }
}

/// Errors stick: an operation that catches one is not built.
#[test]
fn errors_stick() {
    let error = built("try { op.conv_same(4, 0); } catch { } op.relu()").expect_err("it was caught");
    says(&error, &["ops/mine.rhai:1:21", "attribute `kernel` of layer `conv` is out of range"]);
    let error = built("try { op.conv_same(4, 0); } catch { } 5").expect_err("the first error counts");
    says(&error, &["attribute `kernel` of layer `conv`"]);
    let error = built("try { op.refuse(\"no\"); } catch { } op").expect_err("it was refused");
    says(&error, &["no", "ops/mine.rhai:1:21"]);
}

/// A value belongs to the call that made it: nothing of a script outlives a call, so that none of another call can be had.
#[test]
fn values_do_not_outlive_their_operation() {
    let smuggle = "const KEPT = []; fn keep(op) { let kept = global::KEPT; kept.push(op.relu()); op } \
                   fn x(op) { if global::KEPT.len > 0 { return global::KEPT[0]; } op }";
    let set = written(smuggle).expect("a sound script");
    let build = |name: &str| {
        let operation = set.operation(name).expect("it is there");
        operation.build(&Settings::new(), &arguments(4, 1, Form::Search), &[vec![4, 8, 8]])
    };
    assert!(build("keep").expect("a graph").to_string().contains("relu"));
    assert!(!build("x").expect("a graph").to_string().contains("relu"), "nothing is left of the call before");
    // Operations call one another as functions: then both build one graph.
    let graph = build_text("fn a(op) { op.relu() } fn x(op) { a(op) + a(op) }");
    assert_eq!(graph.nodes.len(), 3);
    // What a call returns must be of its own graph, which a value knows.
    let error = built("[op, [op]]").expect_err("an array in an array");
    says(&error, &["returned something else", "found: a value of type array"]);
}

fn build_text(text: &str) -> LayerGraph {
    build(text, "x").expect("a graph")
}

#[test]
fn scripts_that_are_no_op_sets() {
    for (text, parts) in [
        (
            "fn plan(turn) { turn.strongest() }",
            &["ops/mine.rhai: the script is a policy, not an op set", "policy: {script: …}"][..],
        ),
        ("fn space(params) { #{} }", &["the script is a space, not an op set", "space: {script: …}"]),
        ("private fn x(op) { op }", &["the script defines no operation", "found: private x(op)"]),
        ("fn x(op, n) { op }", &["the script defines no operation", "x(op, n)"]),
        ("", &["the script defines no operation", "no function"]),
        ("fn x(op) { op", &["ops/mine.rhai:1", "the script cannot be read"]),
        ("let y = 1; fn x(op) { op }", &["a script holds functions, constants and imports only"]),
        ("fn params() { 5 } fn x(op) { op }", &["`params()` returned something else", "found: a value of type i64"]),
        (
            "fn params() { #{ y: #{} } } fn x(op) { op }",
            &["`params()` names an operation `y` that the script lacks", "expected: x"],
        ),
        ("fn params() { #{ x: 5 } } fn x(op) { op }", &["the parameters of `x` are no map"]),
        ("fn params() { #{ x: #{ k: 5 } } } fn x(op) { op }", &["`k` is of type i64"]),
        ("fn params() { #{ x: #{ k: param(9, 1, 3, \"\") } } } fn x(op) { op }", &["outside its own range"]),
        ("fn params(op) { op } fn x(op) { op }", &["the function `params` takes other arguments"]),
        ("fn op_set() { 5 } fn x(op) { op }", &["`op_set()` returned something else"]),
        ("fn op_set() { #{ nmae: \"y\" } } fn x(op) { op }", &["unknown key `nmae`", "did you mean `name`?"]),
        ("fn op_set() { #{ name: 5 } } fn x(op) { op }", &["`name` in what `op_set()` returned is no text"]),
        ("fn op_set() { #{ name: \"a:b\" } } fn x(op) { op }", &["the name of the op set cannot be used", "`a:b`"]),
        ("fn op_set() { #{ inputs: #{ y: 2 } } } fn x(op) { op }", &["`op_set()` names an operation `y`"]),
        ("fn op_set() { #{ inputs: #{ x: 0 } } } fn x(op) { op }", &["says no numbers of inputs", "`x: 0`"]),
    ] {
        says(&written(text).expect_err(text), parts);
    }
    says(
        &script(Path::new("my ops.rhai"), "fn x(op) { op }").expect_err("a name with a blank"),
        &["my ops.rhai: the name of the op set cannot be used", "rename the file"],
    );
}

#[test]
fn an_endless_loop_while_building_is_stopped() {
    let begun = Instant::now();
    for body in ["loop { } op", "let y = op; loop { y = op.relu(); }"] {
        let error = built(body).expect_err(body);
        let text = error.to_string();
        assert!(text.contains("the script was stopped") || text.contains("too many layers"), "{text}");
        says(&error, &["building operation `x` of op set `mine`", "ops/mine.rhai"]);
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// The space of a script, resolved with the operations of `darts-ops`.
fn space(text: &str, params: &str) -> Result<Space, Error> {
    let script = ScriptSpace::new(Path::new("spaces/mine.rhai"), text, &Sandbox::default())?;
    let written = script.write(&Node::parse(params, "spec.yaml")?)?;
    let space = Space::from_node(&written.node, &op_sets("darts-ops"))?;
    space.layout(3, 4)?;
    Ok(space)
}

/// A small space, some of it replaced.
fn mine(from: &str, to: &str) -> String {
    let text = r#"fn params() { #{ kernel: param(3, 1, 15, "of the convolution") } }
fn space(params) { #{ space: 1, name: "mine",
    cell_types: [#{ name: "cell", inputs: 1, nodes: 2,
        edges: #{ from: "all_before", candidates: ["none", #{ name: "sep", op: "sep_conv", params: #{ kernel: params.kernel } }] },
        output: #{ node: 2 } }],
    backbone: #{ stem: #{ op: "relu_conv_bn" }, cells: #{ repeat: "cells", type: "cell" }, head: #{ op: "pool_linear" } } } }"#;
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn spaces_that_are_nonsense() {
    let sound = space(&mine("mine", "mine"), "{kernel: 5}").expect("a sound space");
    assert_eq!(sound.edge_count(), 3);
    let candidate = &sound.cell_types[0].edges[0].candidates[1];
    assert_eq!((candidate.name.as_str(), &candidate.parameters["kernel"]), ("sep", &Setting::Integer(5)));
    for (from, to, parts) in [
        (
            r#"["none", #{"#,
            r#"["nnone", #{"#,
            &[
                "spaces/mine.rhai, cell_types.0.edges.candidates.0: no op set offers an operation named `nnone`",
                "did you mean `none`?",
            ][..],
        ),
        ("op: \"sep_conv\"", "op: 5", &["spaces/mine.rhai, cell_types.0.edges.candidates.1.op: "]),
        ("inputs: 1", "inputs: \"one\"", &["spaces/mine.rhai, cell_types.0.inputs: "]),
        ("inputs: 1", "input: 1", &["spaces/mine.rhai, cell_types.0", "`input`", "did you mean `inputs`?"]),
        ("nodes: 2,", "", &["spaces/mine.rhai, cell_types.0: ", "`nodes`"]),
        (
            "\"cells\"",
            "\"cels / 3\"",
            &["spaces/mine.rhai, backbone.cells.repeat: `cels / 3` is no whole-number expression"],
        ),
        ("node: 2", "node: 7", &["spaces/mine.rhai, cell_types.0.output: ", "names no intermediate node"]),
        (
            "params: #{ kernel: params.kernel }",
            "params: #{ kernel: 99 }",
            &["spaces/mine.rhai, cell_types.0.edges.candidates.1: ", "out of range"],
        ),
        ("space: 1,", "space: 2,", &["spaces/mine.rhai, space: ", "another version of the form"]),
        (
            "space: 1,",
            "space: |x| x,",
            &["spaces/mine.rhai, space: ", "holds something that no space has", "a value of type Fn"],
        ),
        (
            "params.kernel",
            "params.kernl",
            &["spaces/mine.rhai:4:", "there is no property `kernl`", "did you mean `kernel`?"],
        ),
        (
            "fn space(params) { ",
            "fn space(params) { return 5; ",
            &["spaces/mine.rhai: `space(params)` returned something else", "i64"],
        ),
        ("fn space(params) { ", "fn space(params) { return #{}; ", &["spaces/mine.rhai: ", "missing"]),
        (
            "fn space(params) { ",
            "fn space(params) { let a = []; for i in 0..50 { a = [a]; } return #{ space: a }; ",
            &["within each other without end"],
        ),
        (
            "fn space(params) { ",
            "fn space(params) { loop { params.kernel; } ",
            &["spaces/mine.rhai", "the script was stopped"],
        ),
        ("fn space(params)", "fn spaces(params)", &["spaces/mine.rhai: the script defines no space", "spaces(params)"]),
        ("fn space(params)", "fn space()", &["the function `space` takes other arguments"]),
    ] {
        says(&space(&mine(from, to), "{}").expect_err(to), parts);
    }
    says(
        &space(&mine("mine", "mine"), "{kernel: 99}").expect_err("99"),
        &["spec.yaml:1:10", "parameter `kernel` of the space is out of range"],
    );
    says(
        &space(&mine("mine", "mine"), "{kernl: 9}").expect_err("kernl"),
        &["the space has no parameter `kernl`", "did you mean `kernel`?"],
    );
}

/// What a spec says wrong about scripts, at the place where it says so.
#[test]
fn specs_that_name_the_wrong_scripts() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    let base = repository("specs/quickstart.yaml");
    write("same.rhai", "fn none(op) { op.zero() }");
    write("other.rhai", "fn op_set() { #{ name: \"darts-ops\" } } fn none(op) { op.zero() }");
    write("two.rhai", "fn sep_conv_3x3(op) { [op, op] }");
    write("wide.rhai", "fn sep_conv_3x3(op) { op.pointwise(op.channels_out + 1) }");
    for (lines, parts) in [
        ("plugins: [missing.rhai]", &["there is no file", "missing.rhai", "spec.yaml:3"][..]),
        (
            "plugins: [darts-ops, same.rhai]",
            &["several op sets offer an operation named `none`", "darts-ops:none, same:none"],
        ),
        ("plugins: [same.rhai]", &["no op set offers an operation named `max_pool_3x3`", "an operation of same: none"]),
        ("plugins: [darts-ops, other.rhai]", &["two op sets are named `darts-ops`", "op_set()"]),
        ("plugins: [SCRIPTS/edas.rhai]", &["the script is a policy, not an op set"]),
        ("policy: {script: SCRIPTS/ops/darts.rhai}", &["the script defines no policy", "sep_conv_3x3"]),
        ("space: {script: SCRIPTS/edas.rhai}", &["the script defines no space", "plan(turn)"]),
        (
            "space: {script: SCRIPTS/spaces/darts.rhai, params: {nodes: 99}}",
            &["parameter `nodes` of the space is out of range", "spec.yaml:3", "found: 99"],
        ),
        ("space: {script: SCRIPTS/spaces/darts.rhai, params: 5}", &["space.params", "a mapping of parameters"]),
        ("space: {plugin: same.rhai, name: x}", &["a script is no plugin", "script: …"]),
        (
            "plugins: [darts-ops, two.rhai]\nspace: {space: 1, name: s, cell_types: [{name: c, inputs: 1, nodes: 1, edges: {from: inputs, candidates: ['two:sep_conv_3x3']}, output: {node: 1}}], backbone: {stem: {op: relu_conv_bn}, cells: {type: c, repeat: 2}, head: {op: pool_linear}}}",
            &["operation `two:sep_conv_3x3` cannot be a candidate", "1 and 2"],
        ),
        (
            "plugins: [darts-ops, wide.rhai]\nspace: {space: 1, name: s, cell_types: [{name: c, inputs: 1, nodes: 1, edges: {from: inputs, candidates: ['wide:sep_conv_3x3']}, output: {node: 1}}], backbone: {stem: {op: relu_conv_bn}, cells: {type: c, repeat: 2}, head: {op: pool_linear}}}",
            &["operation `sep_conv_3x3` returns the wrong shape", "expected: 8×8×8", "found: 9×8×8"],
        ),
    ] {
        let lines = lines.replace("SCRIPTS", &repository("scripts").display().to_string());
        write("spec.yaml", &format!("edas: 1\nextends: {}\n{lines}\n", base.display()));
        let output = edas(folder.path()).args(["check", "--no-timing", "spec.yaml"]).output().expect("it runs");
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{text}");
        let plain = text.replace('\n', " ");
        for part in parts {
            let (name, line) = part.rsplit_once(':').unwrap_or((part, ""));
            let found =
                text.contains(part) || plain.contains(part) || (line.parse::<u32>().is_ok() && text.contains(name));
            assert!(found, "`{part}` is not in\n{text}");
        }
    }
}

/// Two scripted op sets whose operations have the same names are told apart.
#[test]
fn op_sets_are_told_apart() {
    let one = script(Path::new("one.rhai"), "fn same(op) { op.relu() }").expect("sound");
    let two = script(Path::new("two.rhai"), "fn same(op) { op.tanh() }").expect("sound");
    let sets = OpSets(vec![one, two]);
    assert_eq!(sets.operation("two:same").expect("it is there").op_set(), "two");
    says(&sets.operation("same").expect_err("twice"), &["several op sets offer", "one:same, two:same"]);
}

/// Operations may be made of what modules hold; their places, the version and the copies of a run know of it.
#[test]
fn modules_of_an_op_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    };
    let blocks = "fn gated(x) {\n    x * x.sigmoid()\n}\nfn broken(x) {\n    x.conv_same(4, 0)\n}\n";
    write("ops/lib/blocks.rhai", blocks);
    let text = "import \"lib/blocks\" as blocks;\nfn gated(op) { blocks::gated(op.pointwise()) }\nfn broken(op) { blocks::broken(op) }\n";
    let path = write("ops/gates.rhai", text);
    let read = || script(&path, text).expect("a sound script");
    let build = |set: &OpSet, name: &str| {
        let operation = set.operation(name).expect("it is there");
        operation.build(&Settings::new(), &arguments(4, 1, Form::Search), &[vec![4, 8, 8]])
    };
    let set = read();
    assert!(build(&set, "gated").expect("a graph").to_string().contains("mul (%0, %1)"));
    says(
        &build(&set, "broken").expect_err("no kernel"),
        &[
            "ops/lib/blocks.rhai:5:7: attribute `kernel` of layer `conv`",
            "building operation `broken` of op set `gates`",
        ],
    );

    // A run's folder holds all that the op set is made of, and names it as before.
    let spec = "edas: 1\nextends: BASE\nplugins: [darts-ops, ops/gates.rhai]\nthreads: 1\nnetwork: {cells: 2, channels: 4}\n\
                space: {space: 1, name: s, cell_types: [{name: c, inputs: 1, nodes: 1, edges: {from: inputs, candidates: [none, gated]}, \
                output: {node: 1}}], backbone: {stem: {op: relu_conv_bn}, cells: {type: c, repeat: cells}, head: {op: pool_linear}}}\n";
    let spec = write("spec.yaml", &spec.replace("BASE", &repository("specs/quickstart.yaml").display().to_string()));
    let prepared =
        |spec: &Path| edas::Search::from_spec(edas::spec::Spec::load(spec, &[]).expect("a spec")).expect("sound");
    let (first, copy) = (prepared(&spec), tempfile::tempdir().expect("a folder"));
    let setup = first.setup();
    let contents = setup.contents();
    let run = copy.path().join("run");
    drop(edas::run::RunDirectory::create(&run, &contents).expect("a new folder"));
    let version = set.provider.version().to_owned();
    write("ops/lib/blocks.rhai", &blocks.replace("sigmoid", "tanh"));
    assert_ne!(read().provider.version(), version, "another module, another version");
    drop(folder);
    let again = prepared(&run.join("spec.yaml"));
    let described = |search: &edas::Search| {
        let providers: Vec<_> =
            search.setup().providers.iter().map(|p| format!("{} {}", p.name(), p.version())).collect();
        let graphs: Vec<_> =
            search.setup().network.blocks().iter().map(|b| format!("{} {}", b.owner, b.graph)).collect();
        (providers, graphs)
    };
    assert_eq!(described(&first), described(&again));
    assert_eq!(described(&again).0[1], format!("gates {version}"));
}
