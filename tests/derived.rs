//! Derived networks: genotypes that were published as text, their sizes, their second classifiers.

mod common;

use common::fixtures::{Fixture, PRECISIONS, assert_near, channels_last, values};
use common::{edas, op_sets};
use edas::execute::Norm;
use edas::graph::{Form, OpSets};
use edas::policy::Resolved;
use edas::space::form::FixedForm;
use edas::space::{Genotype, Published, Space};
use edas::spec::{CpuExecutor, Node};
use edas::supernet::{Mode, Network, Settings};
use edas::train::differentiate::smoothed_cross_entropy;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

// From `cnn/genotypes.py` in quark0/darts.
const DARTS_V1: &str = "DARTS_V1 = Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), \
     ('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], \
     normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
     ('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], \
     reduce_concat=[2, 3, 4, 5])";
const DARTS_V2: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), \
     ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], \
     normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
     ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], \
     reduce_concat=range(2, 6))";
const NASNET: &str = "
# five nodes, two of them fed twice by one node, and not all of them joined
NASNet = Genotype(
  normal = [
    ('sep_conv_5x5', 1), ('sep_conv_3x3', 0),
    ('sep_conv_5x5', 0), ('sep_conv_3x3', 0),
    ('avg_pool_3x3', 1), ('skip_connect', 0),
    ('avg_pool_3x3', 0), ('avg_pool_3x3', 0),
    ('sep_conv_3x3', 1), ('skip_connect', 1),
  ],
  normal_concat = [2, 3, 4, 5, 6],
  reduce = [
    ('sep_conv_5x5', 1), ('sep_conv_7x7', 0),
    ('max_pool_3x3', 1), ('sep_conv_7x7', 0),
    ('avg_pool_3x3', 1), ('sep_conv_5x5', 0),
    ('skip_connect', 3), ('avg_pool_3x3', 2),
    ('sep_conv_3x3', 2), ('max_pool_3x3', 1),
  ],
  reduce_concat = [4, 5, 6],
)
";

fn published(text: &str) -> Genotype {
    let published = Published::parse(text, "genotype.txt").expect("a published genotype");
    published.genotype(&op_sets("darts-ops")).expect("known operations")
}

fn space_of(genotype: &Genotype, sets: &OpSets) -> Arc<Space> {
    let form = serde_json::to_value(&genotype.space).expect("a form");
    Arc::new(Space::from_node(&Node::from_json(&form, "<genotype>"), sets).expect("a sound space"))
}

fn settings(cells: i64, channels: i64, size: i64, classes: i64) -> Settings {
    Settings { form: Form::Final, classes, ..common::settings(cells, channels, size, Kind::Float) }
}

fn network(genotype: &Genotype, settings: &Settings) -> Network {
    let space = space_of(genotype, &op_sets("darts-ops"));
    let choices = genotype.choices(&space).expect("its own space");
    Network::derived(&space, settings, &choices).expect("it can be built")
}

/// Trained numbers: of the network, and of its second classifier.
fn parameters(network: &Network) -> [i64; 2] {
    let of = |second: bool| {
        let own = network.parameters.iter().filter(|p| p.trained && p.name.starts_with("auxiliary.") == second);
        own.map(|p| p.tensor.numel() as i64).sum()
    };
    [of(false), of(true)]
}

#[test]
fn published_networks_have_their_numbers_of_parameters() {
    let sets = op_sets("darts-ops");
    for (text, cifar, imagenet) in [(DARTS_V1, 3_169_414, 4_510_432), (DARTS_V2, 3_349_342, 4_718_752)] {
        let mut genotype = published(text);
        let network = network(&genotype, &settings(20, 36, 32, 10));
        let head = sets.operation("auxiliary_cifar").expect("offered");
        let network = network.with_auxiliary(head, &Default::default(), 13).expect("maps of 8×8");
        assert_eq!(parameters(&network), [cifar, 476_426]);
        genotype.space.backbone.stem =
            FixedForm { op: "stem_imagenet".to_owned(), params: Default::default(), channels: None };
        let network = self::network(&genotype, &settings(14, 48, 224, 1000));
        let head = sets.operation("auxiliary_imagenet").expect("offered");
        let network = network.with_auxiliary(head, &Default::default(), 9).expect("maps of 7×7");
        assert_eq!(parameters(&network)[0], imagenet);
    }
}

#[test]
fn a_published_text_is_read_and_written() {
    let text = edas::space::text::darts(&published(DARTS_V2)).expect("two edges per node");
    assert_eq!(published(&text), published(DARTS_V2));
    assert!(text.starts_with("Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ("), "{text}");
    // Any number of nodes, several edges from one node, any nodes joined.
    let nasnet = published(NASNET);
    let normal = nasnet.cells.get("normal").expect("a normal cell");
    let into = |node: usize| -> Vec<(usize, &str)> {
        normal.edges.iter().filter(|e| e.to == node).map(|e| (e.from, e.candidate.as_str())).collect()
    };
    assert_eq!(into(3), [(0, "sep_conv_5x5"), (0, "sep_conv_3x3")]);
    assert_eq!(into(5), [(0, "avg_pool_3x3"), (0, "avg_pool_3x3")]);
    assert_eq!(nasnet.cells.get("reduce").expect("a reduction").output, [4, 5, 6]);
    let network = network(&nasnet, &settings(6, 4, 16, 10));
    let images = Tensor::zeros([2, 3, 16, 16], (Kind::Float, Device::Cpu));
    let plan = Resolved::of_choices(&nasnet.choices(&network.space).expect("its own space"));
    let mixture = plan.gates.iter().map(|_| None).collect();
    assert_eq!(network.forward(&images, &plan, &mixture, Norm::Batch).expect("it runs").size(), [2, 10]);
    // A list of its own for each node, of any length.
    let nested = "Genotype(normal=[[('skip_connect', 0)], [('sep_conv_3x3', 0), ('none', 1), ('skip_connect', 2)]], \
         normal_concat=(2, 3))";
    let nested = published(nested);
    assert_eq!(nested.cells.get("normal").expect("a normal cell").edges.len(), 4);
    assert_eq!(nested.space.cell_types.len(), 1);
}

#[test]
fn texts_that_are_no_genotypes_are_refused_with_a_place() {
    for (text, parts) in [
        ("Genotype(normal=[('sep_conv_3x3', 1)], normal_concat=[2])", ["1 entries", ":1:17"]),
        (
            "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 2)], normal_concat=[2])",
            ["node 2 reads node 2", ":1:40"],
        ),
        ("Genotype(normal=[('a', 1), ('b', 0)], normal_concat=[3])", ["names no nodes of the cell", ":1:39"]),
        ("Genotype(normal=[('a', 1), ('b', 0)])", ["`normal_concat` is missing", ":1:10"]),
        ("Genotype(normal=[('a', 1), ('b', 0)], normal=[])", ["given twice", ":1:39"]),
        ("Genotype(\n  middle=[])", ["no `middle`", ":2:3"]),
        ("Genotype(normal=[('a', x)])", ["a whole number", ":1:24"]),
        ("Genotype(normal=[('a, 1)])", ["ends with a quote", ":1:20"]),
        ("Genotype()", ["no normal cell", "genotype.txt"]),
        ("Genotype(normal=[('a', 1), ('b', 0)], normal_concat=[2]) more", ["nothing after the genotype", ":1:58"]),
    ] {
        let error = Published::parse(text, "genotype.txt").expect_err(text).to_string();
        parts.iter().for_each(|part| assert!(error.contains(part), "`{part}` is not in\n{error}"));
    }
    let unknown = Published::parse(&DARTS_V2.replace("dil_conv_3x3", "dil_conv_3x4"), "g.txt").expect("well-formed");
    let error = unknown.genotype(&op_sets("darts-ops")).expect_err("unknown").to_string();
    assert!(error.contains("dil_conv_3x4") && error.contains("g.txt:1:1"), "{error}");
    assert!(!Published::is_meant_by("{\"version\": 1}") && Published::is_meant_by(NASNET));
}

#[test]
fn commands_take_published_texts() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nasnet.txt");
    std::fs::write(&file, NASNET).expect("written");
    let run = |arguments: &[&str]| {
        let output = edas(folder.path()).args(arguments).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let path = file.to_str().expect("UTF-8");
    assert!(run(&["derive", path]).contains("sep_conv_7x7"));
    assert!(run(&["export", path, "--format", "dot"]).contains("digraph"));
    assert_eq!(run(&["export", DARTS_V2, "--format", "darts"]).lines().count(), 1);
    let json = run(&["export", DARTS_V2, "--format", "json"]);
    assert_eq!(Genotype::parse(&json, "x.json").expect("a genotype"), published(DARTS_V2));
}

/// Logits, loss and gradients of networks in their final form, with a second classifier, against PyTorch's: by libtorch's operations in
/// both precisions, by edas's own executor in the single one.
#[test]
fn whole_networks_match_pytorch() {
    let fixture = Fixture::read("derived");
    let sets = op_sets("darts-ops");
    let labels = Tensor::from_slice(&[3i64, 0, 7, 4]);
    let mut compared = 0;
    for (name, text) in [("v1", DARTS_V1), ("nasnet", NASNET)] {
        let genotype = published(text);
        for (precision, kind, tolerance) in PRECISIONS {
            for cpu in [CpuExecutor::Reference, CpuExecutor::Fast] {
                let settings = Settings { kind, cpu, ..settings(5, 4, 32, 10) };
                let head = sets.operation("auxiliary_cifar").expect("offered");
                let network = network(&genotype, &settings).with_auxiliary(head, &Default::default(), 3);
                let network = network.expect("maps of 8×8");
                if cpu == CpuExecutor::Fast && !network.is_fast() {
                    continue;
                }
                common::fixtures::fill(&network.parameters);
                let near = |a: &Tensor, what: &str, factor: f64| {
                    let key = format!("{name}.{precision}.{what}");
                    assert_near(a, fixture.get(&key), factor * tolerance, &format!("{key}, {cpu:?}"));
                };
                let images = channels_last(&(values("batch", &[4, 3, 32, 32]) * 1.5).to_kind(kind));
                let plan = Resolved::of_choices(&genotype.choices(&network.space).expect("its own space"));
                let mixture = plan.gates.iter().map(|_| None).collect();
                let mode = Mode { norm: Norm::Train, drop: None, auxiliary: true };
                let weights: Vec<(&str, Tensor)> = network
                    .parameters
                    .iter()
                    .filter(|p| p.trained)
                    .map(|p| (p.name.as_str(), p.tensor.set_requires_grad(true)))
                    .collect();
                let of = |logits: &Tensor| smoothed_cross_entropy(logits, &labels, 0.1).expect("a loss");
                let gradients: Vec<Tensor> = if network.is_fast() {
                    let pass = network.recorded(&images, &plan, &mixture, mode).expect("it runs");
                    let second = pass.logits.auxiliary.as_ref().expect("it was asked for");
                    near(&pass.logits.main, "logits", 1.0);
                    near(second, "auxiliary", 1.0);
                    let loss = of(&pass.logits.main) + of(second) * 0.4;
                    near(&loss, "loss", 1.0);
                    let of_ends = Tensor::run_backward(&[&loss], &pass.ends(), false, false);
                    assert_eq!(of_ends.len(), 2);
                    let found = pass.backward(&of_ends).expect("a way back");
                    // Where it is not asked for, nothing of it is computed.
                    let plain = Mode { auxiliary: false, ..mode };
                    let plain = network.recorded(&images, &plan, &mixture, Mode { norm: Norm::Batch, ..plain });
                    assert_eq!(plain.expect("it runs").ends().len(), 1);
                    weights.iter().map(|(_, weight)| found.of(weight)).collect()
                } else {
                    let logits = network.forward_all(&images, &plan, &mixture, mode).expect("it runs");
                    let second = logits.auxiliary.expect("it was asked for");
                    near(&logits.main, "logits", 1.0);
                    near(&second, "auxiliary", 1.0);
                    let loss = of(&logits.main) + of(&second) * 0.4;
                    near(&loss, "loss", 1.0);
                    let leaves: Vec<&Tensor> = weights.iter().map(|(_, weight)| weight).collect();
                    Tensor::run_backward(&[&loss], &leaves, false, false)
                };
                for ((name, _), gradient) in weights.iter().zip(&gradients) {
                    let probes = (0..3).map(|k| values(&format!("probe.{k}"), &gradient.size()).to_kind(kind));
                    let numbers: Vec<Tensor> = std::iter::once(gradient.norm())
                        .chain(probes.map(|probe| (gradient * probe).sum(kind)))
                        .collect();
                    // Rounding adds up over a whole network.
                    near(&Tensor::stack(&numbers, 0), &format!("g.{name}"), 10.0);
                    compared += 1;
                }
                for parameter in network.parameters.iter().filter(|p| !p.trained) {
                    let few = parameter.tensor.narrow(0, 0, parameter.tensor.size()[0].min(16));
                    near(&few, &format!("b.{}", parameter.name), 1.0);
                }
            }
        }
    }
    assert!(compared > 500, "only {compared} gradients were compared");
}

#[test]
fn random_genotypes_are_drawn_evenly_and_again() {
    let space = common::darts_space();
    let draw = |rule, number| edas::space::derive::random(&space, rule, 7, number);
    let rule = edas::space::Rule::Argmax;
    assert_eq!(draw(rule, 3), draw(rule, 3));
    assert_ne!(draw(rule, 3), draw(rule, 4));
    let mut counts = std::collections::BTreeMap::new();
    for number in 0..400 {
        for (_, cell) in &draw(rule, number).cells.0 {
            assert_eq!(cell.edges.len(), 14);
            cell.edges.iter().for_each(|edge| *counts.entry(edge.candidate.clone()).or_insert(0) += 1);
        }
    }
    // 1,400 of each are expected, with a standard deviation of 35.
    assert_eq!(counts.len(), 8);
    assert!(counts.values().all(|count| (1225..1575).contains(count)), "{counts:?}");
    let top2 = draw(edas::space::Rule::Top2, 0);
    let normal = top2.cells.get("normal").expect("a normal cell");
    assert!((2..6).all(|node| normal.edges.iter().filter(|edge| edge.to == node).count() == 2));
    assert!(normal.edges.iter().all(|edge| edge.candidate != "none"));
    // Each is a genotype that can be trained.
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = edas(folder.path());
    command.args(["genotype", "random"]).arg(common::repository("specs/quickstart.yaml"));
    command.args(["--count", "2", "-o", "drawn"]).assert().success();
    edas(folder.path()).args(["derive", "drawn/1.json"]).assert().success();
    edas(folder.path())
        .args(["genotype", "random"])
        .arg(common::repository("specs/quickstart.yaml"))
        .args(["-o", "drawn"])
        .assert()
        .code(2);
}

#[test]
fn cells_that_nothing_reads_are_not_computed() {
    // Every cell reads the stage before the last alone: of five, the second and the fourth lead nowhere.
    let text = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 0)], normal_concat=[2], \
         reduce=[('max_pool_3x3', 0), ('dil_conv_3x3', 0)], reduce_concat=[2])";
    let genotype = published(text);
    let images = channels_last(&(values("images", &[4, 3, 16, 16]) * 1.5)).to_kind(Kind::Float);
    for cpu in [CpuExecutor::Reference, CpuExecutor::Fast] {
        let network = network(&genotype, &Settings { cpu, ..settings(5, 4, 16, 10) });
        let plan = Resolved::of_choices(&genotype.choices(&network.space).expect("its own space"));
        let mixture = plan.gates.iter().map(|_| None).collect();
        let logits = || network.logits(&images, &plan, &mixture, Norm::Batch).expect("it runs");
        let before = logits();
        let dead = |name: &str| name.starts_with("cells.1.") || name.starts_with("cells.3.");
        for parameter in network.parameters.iter().filter(|p| dead(&p.name)) {
            let nothing = Tensor::full(parameter.tensor.size(), f64::NAN, (Kind::Float, Device::Cpu));
            network.parameters.set(&parameter.name, &nothing).expect("its shape");
        }
        assert!(logits().equal(&before), "{cpu:?}");
        let running = network.running(&plan);
        assert!(running.iter().all(|block| !dead(&block.name)), "{cpu:?}");
        assert_eq!(running.iter().filter(|block| block.name.contains(".edges.")).count(), 3 * 2);
        assert!(!running.iter().any(|block| block.name.ends_with(".preprocess.1")));
    }
}
