//! NAS-Bench-201: the space and its published sizes, numbers against PyTorch, architecture strings, and tables of results.
//!
//! PyTorch's numbers are f64 and may differ by 1e-9, per tensor max |a − b| / max |b|.

mod common;

use common::fixtures::{Fixture, assert_near, fill, operation_matches, values};
use common::{edas, op_sets, repository, settings, space_of};
use edas::execute::Norm;
use edas::graph::{Arguments, Form};
use edas::policy::{Plan, Resolved, Sign};
use edas::space::{Architecture, Genotype, Space};
use edas::supernet::{Include, Network, Settings};
use edas::train::step::cross_entropy;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tch::{Kind, Tensor};

const CANDIDATES: [&str; 5] = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];

fn space() -> Arc<Space> {
    space_of("nb201", edas_nb201::SPACE)
}

#[test]
fn the_space_is_the_benchmarks() {
    let space = space();
    let [cell] = &space.cell_types[..] else { panic!("one cell type") };
    let edges: Vec<_> = cell.edges.iter().map(|e| (e.to, e.from, e.stride)).collect();
    assert_eq!(edges, [(1, 0, 1), (2, 0, 1), (2, 1, 1), (3, 0, 1), (3, 1, 1), (3, 2, 1)]);
    for edge in &cell.edges {
        assert_eq!(edge.candidates.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), CANDIDATES);
    }
    assert_eq!(cell.edges.iter().map(|e| e.candidates.len()).product::<usize>(), 15_625);
    // 15 cells and the two residual blocks; what three does not divide goes to the first stages.
    for (cells, sizes) in [(15, [5, 5, 5]), (9, [3, 3, 3]), (8, [3, 3, 2]), (7, [3, 2, 2]), (1, [1, 0, 0])] {
        let layout = space.layout(cells, 16).expect("a layout");
        let found: Vec<i64> = layout
            .stages
            .iter()
            .filter_map(|s| if let edas::space::Stage::Cell { channels, .. } = s { Some(*channels) } else { None })
            .collect();
        let expected: Vec<i64> = [16, 32, 64].iter().zip(sizes).flat_map(|(c, n)| vec![*c; n]).collect();
        assert_eq!((found, layout.stages.len()), (expected, cells as usize + 2));
    }
}

/// The parameters and multiply-adds that the benchmark says of its networks on CIFAR-10.
#[test]
fn parameters_and_multiply_adds_are_the_published_ones() {
    let space = space();
    let settings = Settings { form: Form::Final, ..settings(15, 16, 32, Kind::Float) };
    for (name, parameters, millions) in [("nor_conv_3x3", 1_531_546, 220.12), ("skip_connect", 73_306, 7.78)] {
        let choice = CANDIDATES.iter().position(|c| *c == name);
        let network = Network::derived(&space, &settings, &vec![choice; 6]).expect("it can be built");
        let cost = network.cost(&Resolved::of_choices(&[choice; 6]));
        assert_eq!(cost.parameters, parameters, "{name}");
        let ours = cost.multiply_adds as f64 / 1e6;
        assert!((ours - millions).abs() < 0.01 * millions, "{name}: {ours}");
    }
}

#[test]
fn operations_match() {
    let fixture = Fixture::read("nb201_operations");
    let ops = op_sets("nb201");
    let cases = [
        ("nor_conv_1x1", 4, 1),
        ("nor_conv_3x3", 4, 1),
        ("nor_conv_3x3", 6, 2),
        ("skip_connect", 4, 1),
        ("skip_connect", 6, 1),
        ("skip_connect", 6, 2),
        ("avg_pool_3x3", 4, 1),
        ("avg_pool_3x3", 6, 2),
        ("resnet_block", 8, 2),
        ("resnet_block", 6, 1),
        ("resnet_block", 4, 1),
    ];
    let mut compared = 0;
    for (name, channels_out, stride) in cases {
        for (form_name, form) in [("search", Form::Search), ("final", Form::Final)] {
            let arguments = Arguments { channels_out, stride, form, classes: 10 };
            let operation = ops.operation(name).expect("nb201 offers it");
            let graph = operation
                .build(&edas::extension::Settings::new(), &arguments, &[vec![4, 6, 6]])
                .expect("it can be built");
            compared += operation_matches(&fixture, &format!("{name}.s{stride}.{channels_out}"), form_name, &graph);
        }
    }
    assert_eq!(compared, fixture.names("").count(), "everything that is in the file");
}

#[test]
fn supernet_matches_under_four_plans() {
    let fixture = Fixture::read("nb201");
    let network = Network::build(&space(), &settings(4, 3, 8, Kind::Double), Include::All).expect("it can be built");
    fill(&network.parameters);
    let alpha: Vec<Vec<f64>> =
        (0..6).map(|e| Vec::try_from(values(&format!("alpha.cell.{e}"), &[5]) * 0.5).expect("a row")).collect();
    let images = values("batch", &[4, 3, 8, 8]) * 1.5;
    let labels = Tensor::from_slice(&(0..4).map(|i| (7 * i + 3) % 10).collect::<Vec<i64>>());
    let plans = [
        (1.0, Plan::strongest(6)),
        (1.0, Plan::strongest(6).relax(3)),
        (1.0, Plan::strongest(6).relax_all()),
        (-1.0, Plan { sign: Sign::Minus, ..Plan::strongest(6).relax(4) }),
    ];
    let mut compared = 0;
    for (number, (sign, plan)) in plans.into_iter().enumerate() {
        let plan = plan.resolve(&alpha, 0);
        let rows: Vec<Tensor> = alpha.iter().map(|row| Tensor::from_slice(row).set_requires_grad(true)).collect();
        let mixture = rows.iter().map(|row| Some((row * sign).softmax(0, None))).collect();
        let weights = network.weights_in_use(&plan);
        let mut leaves: Vec<Tensor> =
            weights.iter().map(|w| network.parameters.get(*w).tensor.set_requires_grad(true)).collect();
        let relaxed: Vec<usize> = plan.relaxed().collect();
        leaves.extend(relaxed.iter().map(|e| rows[*e].shallow_clone()));
        let logits = network.forward(&images, &plan, &mixture, Norm::Train).expect("it runs");
        let loss = cross_entropy(&logits, &labels).expect("a loss");
        let names = weights.iter().map(|w| format!("g.{}", network.parameters.get(*w).name));
        let names = names.chain(relaxed.iter().map(|e| format!("galpha.{e}")));
        let gradients = Tensor::run_backward(&[&loss], &leaves, false, false);
        let found = [("logits".to_owned(), &logits), ("loss".to_owned(), &loss)];
        for (name, tensor) in names.zip(&gradients).chain(found) {
            let key = format!("p{number}.{name}");
            assert_near(tensor, fixture.get(&key), 1e-9, &key);
            compared += 1;
        }
    }
    assert_eq!(compared, fixture.names("").count(), "everything that is in the file");
}

fn any_architecture() -> impl Strategy<Value = Architecture> {
    let name = prop::sample::select(&CANDIDATES[..]).prop_map(str::to_owned);
    let node = |edges: usize| prop::collection::vec(name.clone(), edges);
    (node(1), node(2), node(3)).prop_map(|(a, b, c)| Architecture { nodes: vec![a, b, c] })
}

proptest! {
    #[test]
    fn strings_round_trip(architecture in any_architecture()) {
        let text = architecture.to_string();
        prop_assert_eq!(&text.parse::<Architecture>().expect("its own form"), &architecture);
        // As a genotype, and as the genotype's file, it is the same architecture.
        let genotype = architecture.genotype(&space()).expect("it is of the space");
        prop_assert_eq!(genotype.cells.get("cell").map(|c| c.edges.len()), Some(6));
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("g.json"), genotype.to_json()).expect("written");
        let read = Genotype::read(&folder.path().join("g.json")).expect("a genotype");
        prop_assert_eq!(Architecture::of(&read).expect("of the form").to_string(), text);
    }

    /// Any text is either refused or read as something that is written the same way.
    #[test]
    fn no_text_is_misread(text in "[|~+ab01 ]{0,14}") {
        if let Ok(architecture) = text.parse::<Architecture>() {
            prop_assert_eq!(architecture.to_string(), text.trim());
        }
    }
}

#[test]
fn a_string_of_another_form_is_refused() {
    for text in
        ["", "|", "||", "|none|", "|none~1|", "|none~0|+|none~0|", "|none~0|+|none~0|none~00|", "|~0|", "|a~0|b~0|"]
    {
        assert!(text.parse::<Architecture>().is_err(), "{text}");
    }
    // The benchmark's best on CIFAR-10, and an edge that a genotype cut.
    let text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
    let mut genotype = text.parse::<Architecture>().expect("the form").genotype(&space()).expect("of the space");
    genotype.cells.0[0].1.edges.remove(2);
    let cut = Architecture::of(&genotype).expect("of the form").to_string();
    assert_eq!(cut, text.replace("avg_pool_3x3~1", "none~1"));
    let darts = common::darts_space();
    let genotype = Genotype::new(&darts, &vec![Some(0); 28]);
    let message = Architecture::of(&genotype).expect_err("two cell types").to_string();
    assert!(message.contains("expected: one cell type") && message.contains("2: normal, reduce"), "{message}");
    for (text, part) in [
        ("|none~0|", "3 intermediate nodes"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x2~2|", "did you mean `nor_conv_3x3`?"),
    ] {
        let message = text.parse::<Architecture>().expect("the form").genotype(&space()).expect_err(text).to_string();
        assert!(message.contains(part), "{message}");
    }
}

/// What a command writes to stdout, or the message where it is refused.
fn of(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = edas(folder).args(arguments).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    match output.status.code() {
        Some(0) => Ok(text(output.stdout)),
        Some(2) => Err(text(output.stderr)),
        _ => panic!("{}", text(output.stderr)),
    }
}

#[test]
fn a_search_ends_in_a_string() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let spec = repository("specs/nb201-cifar10.yaml").display().to_string();
    let mut arguments = vec!["search", "--quiet", "--run", "run", &spec];
    for setting in ["data.name=digits", "data.root=null", "data.limit=64", "network.cells=3", "network.channels=4"] {
        arguments.extend(["--set", setting]);
    }
    for setting in ["search.epochs=1", "search.batch=16", "threads=1", "data.augment.crop=0", "data.augment.flip=false"]
    {
        arguments.extend(["--set", setting]);
    }
    of(folder, &arguments).expect("it runs");
    let text = of(folder, &["export", "run", "--format", "nb201"]).expect("of the form");
    assert_eq!(text.trim().parse::<Architecture>().expect("a string").to_string() + "\n", text);
    // The string stands where a genotype does, as it is or in a file.
    let json = of(folder, &["export", "run", "--format", "json"]).expect("a genotype");
    assert_eq!(of(folder, &["export", text.trim(), "--format", "json"]).as_ref(), Ok(&json));
    fs::write(folder.join("g.txt"), &text).expect("written");
    assert_eq!(of(folder, &["export", "g.txt", "--format", "json"]).as_ref(), Ok(&json));
    fs::write(folder.join("t.csv"), format!("a,n\n{},1\n", text.trim())).expect("written");
    assert!(
        of(folder, &["lookup", "run", "--table", "t.csv"]).expect("found").contains("2     n       1      1     1")
    );
}

const BEST: &str = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";

fn lookup(table: &str, arguments: &[&str]) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("t.csv"), table).expect("written");
    of(folder.path(), &[&["lookup", BEST, "--table", "t.csv"], arguments].concat())
}

#[test]
fn a_table_is_looked_up() {
    let other = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
    let table = format!(
        "name,architecture,\"accuracy, test\",loss\r\nx,{other},10,2.3\r\n\r\nbest,\"{BEST}\",94.37,0.2\r\ny,{other},95,\r\nz,{other},,0.1\r\n"
    );
    let whole: serde_json::Value = serde_json::from_str(&lookup(&table, &["--json"]).expect("found")).expect("JSON");
    assert_eq!((&whole["architecture"], &whole["column"]), (&BEST.into(), &"architecture".into()));
    assert_eq!(whole["found"][0]["line"], 4);
    let results = &whole["found"][0]["results"];
    assert_eq!(results["accuracy, test"], serde_json::json!({"value": 94.37, "rank": 2, "of": 3}));
    assert_eq!(results["loss"], serde_json::json!({"value": 0.2, "rank": 2, "of": 3}));
    assert_eq!(results.as_object().map(serde_json::Map::len), Some(2), "columns of numbers only");
    let lowest = lookup(&table, &["--value", "loss", "--lower-is-better"]).expect("found");
    assert!(lowest.starts_with(BEST) && lowest.contains("4     loss    0.2    2     3"), "{lowest}");
    // Equal values share a rank; an architecture on two lines is found twice.
    let table = format!("a,v\n{BEST},1\n{BEST},1\n{other},0\n");
    let whole: serde_json::Value = serde_json::from_str(&lookup(&table, &["--json"]).expect("found")).expect("JSON");
    assert_eq!(whole["found"].as_array().map(Vec::len), Some(2));
    assert_eq!((&whole["found"][1]["line"], &whole["found"][1]["results"]["v"]["rank"]), (&3.into(), &1.into()));
}

#[test]
fn a_table_that_does_not_answer_is_refused() {
    let table = format!("arch,accuracy,also\n{BEST},94.37,{BEST}\n|none~0|,x,|none~0|\n");
    let cases: [(&str, &[&str], &str); 11] = [
        (&table, &["--arch", "arc"], "did you mean `arch`?"),
        (&table, &["--arch", "arch", "--value", "acuracy"], "did you mean `accuracy`?"),
        (&table, &["--arch", "arch", "--value", "accuracy"], "t.csv:3:1"),
        (&table, &["--arch", "accuracy", "--value", "accuracy"], "`94.37` is no architecture string"),
        (&table, &[], "choose one: `--arch arch`"),
        ("", &[], "the table is empty"),
        ("arch,v\n", &[], "headings and nothing else"),
        (&format!("{BEST},1\n"), &[], "the table has no headings"),
        ("a,b\n1,2\n", &[], "no column of the table holds architecture strings"),
        ("a,b\n|none~0|,2\n\n|none~0|\n", &[], "t.csv:4:1"),
        ("a,b\n|none~0|,2\n", &[], "does not hold this architecture"),
    ];
    for (table, arguments, part) in cases {
        let message = lookup(table, arguments).expect_err("refused");
        assert!(message.contains(part), "{message}");
    }
    let message = lookup("a,b\n|none~0|,2\n|none~1|,3\n", &[]).expect_err("refused");
    assert!(message.contains("t.csv:3:1") && message.contains("`none~1`"), "{message}");
}
