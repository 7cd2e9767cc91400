//! Architectures side by side: runs of one genotype in one row, rows of the literature, forms of the table; searches that collapse.

mod common;

use common::{edas, op_sets, repository};
use edas::report::Comparison;
use edas::space::collapse::collapsed;
use edas::space::{Genotype, Published, Space};
use edas::spec::Node;
use std::path::{Path, PathBuf};

/// Runs the program in a folder; what it prints.
fn run(folder: &Path, arguments: &[&str], keys: &[&str]) -> String {
    let mut command = edas(folder);
    command.args(arguments);
    keys.iter().for_each(|key| {
        command.args(["--set", key]);
    });
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn runs_of_one_genotype_make_one_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let [search, evaluate] = ["specs/quickstart.yaml", "specs/evaluate-digits.yaml"]
        .map(|spec| repository(spec).to_str().expect("UTF-8").to_owned());
    let small = ["network.cells=3", "network.channels=4", "search.epochs=1", "data.limit=160", "threads=1"];
    run(at, &["search", &search, "--run", "found", "--quiet"], &small);
    let small = ["evaluate.cells=3", "evaluate.channels=4", "evaluate.epochs=1", "data.limit=100", "threads=1"];
    run(at, &["evaluate", "found", "--spec", &evaluate, "--run", "seeds", "--seeds", "0..2", "--quiet"], &small);
    run(at, &["genotype", "random", &search, "--count", "1", "-o", "random"], &[]);
    run(at, &["evaluate", "random/0.json", "--spec", &evaluate, "--run", "chance", "--quiet"], &small);
    let runs = ["found", "seeds/seed-0", "seeds/seed-1", "chance"].map(|run| at.join(run)).to_vec();
    let comparison = Comparison::of(&runs).expect("runs");
    let [found, chance] = &comparison.rows[..] else { panic!("{:?}", comparison.rows) };
    assert_eq!((found.architecture.as_str(), chance.architecture.as_str()), ("quickstart", "evaluate-digits"));
    assert_eq!((found.runs.len(), found.test_errors["digits"].len()), (3, 2));
    assert!(found.device_days.is_some_and(|days| days > 0.0 && days < 0.1));
    assert_eq!((found.method.as_deref(), found.device.as_deref()), (Some("gradient-based"), Some("1 CPU core")));
    assert_eq!((chance.method.as_deref(), chance.device_days), (None, None));
    assert!(chance.parameters.is_some_and(|parameters| parameters > 0));
    // As text, Markdown, CSV and JSON.
    let list = ["found", "seeds/seed-0", "seeds/seed-1", "chance"];
    let compare = |more: &[&str]| run(at, &[&["compare"], &list[..], more].concat(), &[]);
    let text = compare(&["--published"]);
    for part in ["CIFAR-10 error, %", "digits error, %", " ± ", "2.86", "published: Hong", "17.16", "EDAS with warm-up"]
    {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let markdown = compare(&["--format", "markdown"]);
    assert_eq!(markdown.lines().count(), 4);
    assert!(markdown.lines().all(|line| line.starts_with('|') && line.ends_with('|')), "{markdown}");
    assert!(!markdown.contains("CIFAR"), "no row has it\n{markdown}");
    let mut csv = csv::Reader::from_reader(std::io::Cursor::new(compare(&["--format", "csv", "--published"])));
    let records: Vec<csv::StringRecord> = csv.records().map(|record| record.expect("a record")).collect();
    assert_eq!(records.len(), 2 + 7);
    let json: serde_json::Value = serde_json::from_str(&compare(&["--json"])).expect("JSON");
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(2));
    // What is no run, or has come to nothing.
    let fails = |run: &str, part: &str| {
        let error = Comparison::of(&[PathBuf::from(run)]).expect_err("no run").to_string();
        assert!(error.contains(part), "`{part}` is not in\n{error}");
    };
    fails("nowhere", "reading the run in nowhere");
    std::fs::remove_file(at.join("found/genotype.json")).expect("it is there");
    fails(at.join("found").to_str().expect("UTF-8"), "has no genotype");
    std::fs::remove_file(at.join("chance/result.json")).expect("it is there");
    fails(at.join("chance").to_str().expect("UTF-8"), "result.json");
}

#[test]
fn cells_that_became_next_to_nothing_are_named() {
    let named = |normal: &str| {
        let text = format!("Genotype(normal={normal}, normal_concat=[2, 3])");
        let sets = op_sets("darts-ops");
        let genotype: Genotype = Published::parse(&text, "g.txt").expect("well-formed").genotype(&sets).expect("known");
        let form = serde_json::to_value(&genotype.space).expect("a form");
        let space = Space::from_node(&Node::from_json(&form, "<genotype>"), &sets).expect("a space");
        collapsed(&space, &genotype.choices(&space).expect("its own space"))
    };
    let skips = "[('skip_connect', 0), ('none', 1), ('skip_connect', 0), ('sep_conv_3x3', 1)]";
    let [collapse] = &named(skips)[..] else { panic!("one cell type") };
    assert_eq!((collapse.cell.as_str(), collapse.idle, collapse.edges), ("normal", 3, 4));
    // Half of the edges is not most of them; a pool computes something.
    let half = "[('skip_connect', 0), ('none', 1), ('max_pool_3x3', 0), ('sep_conv_3x3', 1)]";
    assert!(named(half).is_empty());
}
