//! Golden files: every shipped spec against its record in `tests/golden`, and what `edas golden` says of a difference.
//!
//! `EDAS_RECORD_GOLDEN=1 cargo x test --test golden` records them anew.

mod common;

use common::{edas, library, repository};
use std::fs;
use std::path::Path;

/// Small files in CIFAR's layouts: noise with a faint bar at a place that tells the class.
fn cifar(folder: &Path) {
    for (name, labels, classes) in [("data_batch_1.bin", 1, 10u32), ("train.bin", 2, 100)] {
        let mut stream = edas::random::Stream::new(1, edas::random::Purpose::Split, u64::from(classes));
        let mut bytes = Vec::new();
        for image in 0..200u32 {
            let label = image % classes;
            bytes.extend(std::iter::repeat_n(0, labels - 1));
            bytes.push(label as u8);
            for at in 0..3072u32 {
                let bar = if at / 32 % 32 == label % 32 { 60 } else { 0 };
                bytes.push((stream.index(120) + bar) as u8);
            }
        }
        fs::write(folder.join(name), bytes).expect("written");
    }
}

const SMALL: &[&str] = &["network.cells=5", "network.channels=4", "search.batch=8", "threads=1"];

fn shipped() -> Vec<String> {
    let files = fs::read_dir(repository("specs")).expect("the specs");
    let names = files.filter_map(|f| f.expect("a file").file_name().to_str()?.strip_suffix(".yaml").map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn record(folder: &Path, name: &str, file: &Path) {
    let mut command = edas(folder);
    command.args(["golden", "record", "--iterations", "4", "-o"]).arg(file);
    command.arg(repository(&format!("specs/{name}.yaml")));
    for setting in SMALL {
        command.args(["--set", setting]);
    }
    let root = format!("data.root={}", folder.display());
    command.args(["--unrecorded", &root]).assert().success();
}

#[test]
fn every_shipped_spec_gives_its_golden_iterations() {
    let folder = tempfile::tempdir().expect("a folder");
    cifar(folder.path());
    let names = shipped();
    // One spec's policy is an example plugin's, found beside the program.
    library("example-controller");
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let file = repository(&format!("tests/golden/{name}.golden"));
        if std::env::var_os("EDAS_RECORD_GOLDEN").is_some() {
            record(folder.path(), &name, &file);
        }
        let root = format!("data.root={}", folder.path().display());
        edas(folder.path()).args(["golden", "check"]).arg(&file).args(["--set", &root]).assert().success();
    }
}

/// Records the quickstart, changes something, and returns what the check says.
fn check_of(change: impl Fn(&str) -> String, settings: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    cifar(folder.path());
    let file = folder.path().join("a.golden");
    record(folder.path(), "quickstart", &file);
    let text = fs::read_to_string(&file).expect("recorded");
    assert!(text.len() < 4000, "a golden file is small: {} bytes", text.len());
    fs::write(&file, change(&text)).expect("written");
    let mut command = edas(folder.path());
    command.args(["golden", "check"]).arg(&file);
    for setting in settings {
        command.args(["--set", setting]);
    }
    let output = command.output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_difference_is_named() {
    let (status, text) = check_of(str::to_owned, &[]);
    assert_eq!((status, text.contains("4 iterations are the same")), (0, true), "{text}");
    let (status, text) = check_of(str::to_owned, &["search.weights.learning_rate=0.05"]);
    assert_eq!(status, 1);
    assert!(text.contains("iteration 1 differs in the search loss: expected 2."), "{text}");
    let (status, text) = check_of(str::to_owned, &["seed=3"]);
    assert_eq!(status, 1);
    assert!(text.contains("iteration 0 differs in its plans: expected both: "), "{text}");
    let (status, text) = check_of(str::to_owned, &["search.architecture.learning_rate=0.02"]);
    assert_eq!(status, 1);
    assert!(text.contains("iteration 0 differs in the train loss"), "{text}");
}

/// On another kind of machine losses and α need only be near, plans the same.
#[test]
fn another_machine_is_compared_within_tolerances() {
    let other = |text: &str| text.replacen("\"machine\":\"linux", "\"machine\":\"another, linux", 1);
    let (status, text) = check_of(other, &[]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("another kind of machine"), "{text}");
    let moved = |text: &str| {
        let other = other(text);
        let at = other.rfind("\"losses\":[").expect("losses") + "\"losses\":[".len();
        format!("{}9{}", &other[..at], &other[at..])
    };
    let (status, text) = check_of(moved, &[]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("differs in the search loss"), "{text}");
}

/// The search of a script, recorded or compared: exit status and all that is said.
fn with_script(folder: &Path, script: &str, arguments: &[&str]) -> (i32, String) {
    fs::write(folder.join("policy.rhai"), script).expect("written");
    let output = edas(folder).arg("golden").args(arguments).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn recording_runs_as_the_search_does_and_says_what_it_wrote() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let mut arguments =
        vec!["record", &spec, "-o", "a.golden", "--set", "policy.script=policy.rhai", "--iterations", "9"];
    for setting in ["data.limit=60", "search.batch=8", "network.cells=3", "network.channels=4", "threads=1"] {
        arguments.extend(["--set", setting]);
    }
    let of = |script: &str| with_script(folder.path(), script, &arguments);
    // 60 images, a fifth held out, half of the rest trains weights: 24, three batches; so two epochs are six iterations.
    let stops = "fn plan(turn) { turn.strongest() } fn end_epoch(epoch) { #{ stop: epoch.index == 1 } }";
    let (status, text) = of(stops);
    assert_eq!(
        (status, text.as_str()),
        (0, "6 iterations are in a.golden; `edas golden check a.golden` compares with them\n")
    );
    let check = |script: &str| with_script(folder.path(), script, &["check", "a.golden"]);
    assert_eq!(check(stops).0, 0);
    // What fails in the run is no wrong input.
    let throws = "fn plan(turn) { if turn.iteration == 2 { throw \"enough\"; } turn.strongest() }";
    for (status, text) in [of(throws), check(throws)] {
        assert_eq!(status, 1, "{text}");
        assert!(text.contains("enough"), "{text}");
    }
    for (status, text) in [of("fn pln(turn) {}"), check("fn pln(turn) {}")] {
        assert_eq!(status, 2, "{text}");
    }
    arguments[7] = "0";
    let (status, text) = with_script(folder.path(), stops, &arguments);
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("--iterations"), "{text}");
}

#[test]
fn what_is_no_golden_file_is_refused() {
    for change in [
        |_: &str| String::new(),
        |_: &str| "{}\n".to_owned(),
        |text: &str| text.lines().take(1).map(|head| format!("{head}\n")).collect(),
        |text: &str| text.replace("\"golden\":1", "\"golden\":2"),
    ] {
        let (status, text) = check_of(change, &[]);
        assert_eq!(status, 2, "{text}");
    }
}

/// α learns through a straight-through gate as through a relaxed one: its rows are in the record. Edges without a softmax are not.
#[test]
fn rows_of_straight_through_edges_are_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let mut arguments =
        vec!["record", &spec, "-o", "a.golden", "--set", "policy.script=policy.rhai", "--iterations", "1"];
    for setting in ["data.limit=60", "search.batch=8", "network.cells=3", "network.channels=4", "threads=1"] {
        arguments.extend(["--set", setting]);
    }
    let script =
        "fn plan(turn) { turn.strongest().relax(2).straight_through(5).straight_through_active(9).only(11, 0) }";
    let (status, text) = with_script(folder.path(), script, &arguments);
    assert_eq!(status, 0, "{text}");
    let text = fs::read_to_string(folder.path().join("a.golden")).expect("recorded");
    let line: serde_json::Value = serde_json::from_str(text.lines().nth(1).expect("an iteration")).expect("JSON");
    let rows: Vec<_> = line["alpha"].as_array().expect("rows").iter().map(|row| row[0].as_u64()).collect();
    assert_eq!(rows, [Some(2), Some(5), Some(9)]);
}
