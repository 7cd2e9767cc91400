//! Trained networks as PyTorch source: the text, and in a Python with torch and safetensors the logits (within 1e-5 of the host's), for
//! networks of every form.

mod common;

use common::fixtures::values;
use common::{op_sets, repository, space_of};
use edas::graph::{Form, OpScript, OpSet, OpSets};
use edas::model::{Description, Model};
use edas::run::NetworkInput;
use edas::run::tensors;
use edas::space::{Genotype, Published, Space};
use edas::spec::{Node, PluginRef, Sandbox, SpecPath};
use edas::supernet::{Network, Settings};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tch::{Kind, Tensor};

const DARTS_V2: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), \
     ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], \
     reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), \
     ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])";

/// A network with every number drawn.
struct Case {
    name: &'static str,
    genotype: Genotype,
    sets: OpSets,
    plugins: Vec<PluginRef>,
    cells: u32,
    channels: u32,
    shape: [usize; 3],
    kind: Kind,
}

impl Case {
    fn published(name: &'static str, text: &str, cells: u32) -> Self {
        let sets = op_sets("darts-ops");
        let genotype = Published::parse(text, "g.txt").expect("well-formed").genotype(&sets).expect("known");
        let plugins = vec![PluginRef::Name("darts-ops".to_owned())];
        Self { name, genotype, sets, plugins, cells, channels: 8, shape: [1, 8, 8], kind: Kind::Float }
    }

    /// The network in which each edge has the candidate at a position of a list that goes round.
    fn of_space(name: &'static str, space: &Space, sets: OpSets, plugins: Vec<PluginRef>, round: &[usize]) -> Self {
        let candidate = |edge: usize, count: usize| Some(round[edge % round.len()] % count);
        let choices = space.edges().enumerate().map(|(k, (_, edge))| candidate(k, edge.candidates.len())).collect();
        let genotype = Genotype::new(space, &choices);
        Self { name, genotype, sets, plugins, cells: 3, channels: 8, shape: [3, 8, 8], kind: Kind::Float }
    }

    fn plugin(name: &'static str, plugin: &str, text: &str, round: &[usize]) -> Self {
        let plugins = vec![PluginRef::Name(plugin.to_owned())];
        Self::of_space(name, &space_of(plugin, text), op_sets(plugin), plugins, round)
    }

    fn model(&self) -> Model {
        let json = serde_json::to_value(&self.genotype.space).expect("JSON");
        let space = Space::from_node(&Node::from_json(&json, "<genotype>"), &self.sets).expect("a sound space");
        let choices = self.genotype.choices(&space).expect("its own");
        let [channels, height, width] = self.shape.map(|size| size as i64);
        let settings = Settings {
            cells: i64::from(self.cells),
            channels: i64::from(self.channels),
            image: [channels, height, width],
            form: Form::Final,
            ..common::settings(1, 1, 8, self.kind)
        };
        let network = Network::derived(&Arc::new(space), &settings, &choices).expect("it can be built");
        for parameter in network.parameters.iter() {
            let (name, size) = (&parameter.name, parameter.tensor.size());
            let value = match name.rsplit('.').next() {
                Some("running_var") => values(name, &size) * 0.3 + 1.0,
                Some("running_mean") => values(name, &size) * 0.3,
                _ => common::fixtures::start(name, &size),
            };
            network.parameters.set(name, &value.to_kind(self.kind)).expect("the shapes fit");
        }
        let input = NetworkInput {
            shape: self.shape,
            maximum: 255.0,
            mean: vec![0.1, 0.3, 0.7][..self.shape[0]].to_vec(),
            std: vec![0.2, 0.25, 1.1][..self.shape[0]].to_vec(),
            from_middle: false,
        };
        let description = Description {
            version: 1,
            cells: self.cells,
            channels: self.channels,
            stem: None,
            input,
            classes: (0..10).map(|class| format!("class \"{class}\"")).collect(),
            test_accuracy: 0.5,
            data: "digits".to_owned(),
            genotype: self.genotype.clone(),
        };
        let weights = tensors::network(&network.parameters, &[], 0).expect("weights");
        Model::new(description, &weights, &self.plugins).expect("its own weights")
    }

    /// Writes the network, images and its logits for them into a folder of its own.
    fn write(&self, at: &Path) -> String {
        let folder = at.join(self.name);
        fs::create_dir(&folder).expect("a new folder");
        let model = self.model();
        let text = model.to_pytorch().expect("it can be written");
        assert_eq!(text, self.model().to_pytorch().expect("it can be written"), "the same network, the same text");
        fs::write(folder.join("network.py"), &text).expect("written");
        fs::write(folder.join("network.safetensors"), model.to_safetensors().expect("weights")).expect("written");
        let size: Vec<i64> = std::iter::once(64).chain(self.shape.map(|size| size as i64)).collect();
        let pixels = (values("images", &size) * 0.5 + 0.5).to_kind(self.kind);
        let logits = model.logits(&pixels).expect("it runs");
        Tensor::write_safetensors(&[("pixels", &pixels), ("logits", &logits)], folder.join("images.safetensors"))
            .expect("written");
        for line in text.lines() {
            assert!(line.chars().count() <= 110 && line.trim_end() == line, "{}: `{line}`", self.name);
        }
        text
    }
}

/// An op set in which every kind of layer occurs, with its space.
fn everything(at: &Path) -> Case {
    let file = at.join("everything.rhai");
    let text = fs::read_to_string(repository("tests/source/everything.rhai")).expect("it is there");
    fs::write(&file, &text).expect("written");
    let script = OpScript::new(&file, &text, &Sandbox::default()).expect("a sound script");
    let sets = OpSets(vec![OpSet::scripted(&Arc::new(script))]);
    let yaml = fs::read_to_string(repository("tests/source/everything.yaml")).expect("it is there");
    let space = Space::from_node(&Node::parse(&yaml, "everything.yaml").expect("YAML"), &sets).expect("a sound space");
    let plugins = vec![PluginRef::Path(SpecPath::new(&file))];
    Case::of_space("everything", &space, sets, plugins, &[0, 1, 2, 3, 4])
}

/// A kernel over a weight, with a reference graph unless it is `bare`.
fn kernel(at: &Path, bare: bool) -> Case {
    let (variant, flags): (_, &[&str]) = if bare { ("bare", &["-DBARE"]) } else { ("source", &[]) };
    let library = common::compiled("tests/plugins/weight_kernel.c", variant, flags);
    let file = at.join(library.file_name().expect("a name"));
    fs::copy(&library, &file).expect("copied");
    let set = common::examples::op_set(&file).expect("an op set");
    let sets = OpSets(vec![set, op_sets("darts-ops").0.remove(0)]);
    let yaml = "{space: 1, name: one, cell_types: [{name: cell, inputs: 1, nodes: 1, edges: {from: all_before, candidates: [scaled]}, \
                output: {node: 1}}], backbone: {stem: {op: relu_conv_bn}, cells: {type: cell, repeat: cells}, head: {op: pool_linear}}}";
    let space = Space::from_node(&Node::parse(yaml, "one.yaml").expect("YAML"), &sets).expect("a sound space");
    let plugins = vec![PluginRef::Path(SpecPath::new(&file)), PluginRef::Name("darts-ops".to_owned())];
    Case::of_space("kernel", &space, sets, plugins, &[0])
}

#[test]
fn networks_give_the_same_logits_as_python() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let mut texts = Vec::new();
    let mut cases = vec![Case::published("darts", DARTS_V2, 6), Case::published("dead", &dead(), 3)];
    cases.push(Case { kind: Kind::Double, ..Case::published("double", DARTS_V2, 3) });
    cases.push(Case::plugin("nb201", "nb201", edas_nb201::SPACE, &[3, 1, 2, 4, 3, 0]));
    cases.push(Case { cells: 6, ..Case::plugin("mobile", "mobile-ops", edas_mobile_ops::SPACE, &[1, 2, 3, 4, 5]) });
    cases.push(Case::plugin("names", "darts-ops", NAMES, &[0, 1, 2, 3]));
    cases.push(everything(at));
    cases.push(kernel(at, false));
    cases.iter().for_each(|case| texts.push(case.write(at)));
    let has = |case: usize, parts: &[&str]| {
        let text = &texts[case];
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in\n{text}"));
    };
    has(
        0,
        &[
            "class SepConv3x3(nn.Module):",
            "    candidate = \"sep_conv_3x3\"",
            "class MaxPool3x3(",
            "class NormalCell(",
            "class ReduceCell(",
        ],
    );
    has(1, &["s2 = torch.zeros_like("]);
    has(2, &["Network().double()"]);
    has(5, &["class Op3(", "class None_2(", "class SepV1_5("]);
    has(6, &["torch.ops.aten.softplus.default(", "self.tensor_gate = nn.Parameter(", "m2 = self.cells[1](m1)"]);
    in_python(at, &cases);
}

/// A node that nothing feeds.
fn dead() -> String {
    DARTS_V2.replacen("('sep_conv_3x3', 0), ('sep_conv_3x3', 1)", "('none', 0), ('none', 1)", 1)
}

/// Candidates whose names are none of Python's.
const NAMES: &str = "{space: 1, name: names, cell_types: [{name: a cell, inputs: 1, nodes: 4, combine: mean, edges: {from: all_before, \
     candidates: [{name: sep v1.5, op: sep_conv_3x3}, {name: '3', op: dil_conv_3x3}, {name: 'None', op: avg_pool_3x3}, \
     {name: 'say \"\"\"', op: max_pool_3x3}]}, output: {concat: [3, 4]}}], backbone: {stem: {op: relu_conv_bn}, \
     cells: [{type: a cell}, {op: factorized_reduce, stride: 2}, {type: a cell}], head: {op: pool_linear}}}";

/// Compares logits in Python, where there is one with torch and safetensors: `EDAS_PYTHON`, or `python3`.
fn in_python(at: &Path, cases: &[Case]) {
    let python = std::env::var("EDAS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let able = Command::new(&python).args(["-c", "import torch, safetensors.torch"]).output();
    if !able.is_ok_and(|output| output.status.success()) {
        eprintln!("not tried in Python: `{python}` has no torch or no safetensors (EDAS_PYTHON names another)");
        return;
    }
    let mut command = Command::new(&python);
    command.current_dir(at).env("OMP_NUM_THREADS", "1").arg(repository("tests/python/source.py"));
    let output = command.args(cases.iter().map(|case| case.name)).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), cases.len(), "{text}");
    for (case, line) in cases.iter().zip(text.lines()) {
        let apart: f64 = line.parse().expect("a number");
        println!("{}: {apart:e} apart", case.name);
        assert!(apart < 1e-5, "{}: {apart}", case.name);
    }
}

#[test]
fn a_kernel_without_a_reference_graph_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = kernel(folder.path(), true).model().to_pytorch().expect_err("it cannot be written").to_string();
    for part in ["`cells.0.edges.0.scaled`", "PyTorch source", "kernel `doubled`", "no reference graph", "safetensors"]
    {
        assert!(error.contains(part), "`{part}` is not in\n{error}");
    }
}
