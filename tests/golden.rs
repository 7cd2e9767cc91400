//! Golden files: every shipped spec against its record in `tests/golden`, and what `edas golden` says of a difference.
//!
//! `EDAS_RECORD_GOLDEN=1 cargo x test --test golden` records them anew.

mod common;

use common::{cifar, edas, library, repository, shipped_specs};
use std::fs;
use std::path::Path;

const SMALL: &[&str] = &["network.cells=5", "network.channels=4", "search.batch=8", "threads=1"];

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
    let names = shipped_specs();
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

/// The reference executor's bits, recorded before there was another: they have not moved.
#[test]
fn the_reference_executor_gives_what_it_gave() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = repository("tests/golden/reference/quickstart.golden");
    edas(folder.path()).args(["golden", "check"]).arg(&file).assert().success();
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
        |text: &str| {
            text.lines().filter(|line| !line.contains("\"state\":{\"")).map(|line| format!("{line}\n")).collect()
        },
        |text: &str| text.replace("\"golden\":2", "\"golden\":3"),
        |text: &str| text.replace("\"golden\":2", "\"golden\":0"),
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

/// A file as version 1 had it: no hashes, no state.
fn of_version_1(text: &str) -> String {
    let (head, rest) = text.split_once('\n').expect("a head");
    let mut head: serde_json::Value = serde_json::from_str(head).expect("JSON");
    head["golden"] = 1.into();
    head.as_object_mut().expect("an object").remove("inputs");
    head["tolerance"].as_object_mut().expect("an object").remove("state");
    let iterations = rest.lines().filter(|line| line.starts_with("{\"iteration\""));
    std::iter::once(head.to_string()).chain(iterations.map(str::to_owned)).map(|line| line + "\n").collect()
}

#[test]
fn files_of_version_1_are_read() {
    let (status, text) = check_of(of_version_1, &[]);
    assert_eq!((status, text.contains("4 iterations are the same")), (0, true), "{text}");
    let (status, text) = check_of(of_version_1, &["seed=3"]);
    assert_eq!(status, 1, "{text}");
}

/// The last line of a golden file pins what no loss of the iterations shows.
#[test]
fn the_state_after_the_last_iteration_is_pinned() {
    let disturbed = |text: &str, kind: &str, factor: f64| {
        let (before, last) = text.trim_end().rsplit_once('\n').expect("lines");
        let mut last: serde_json::Value = serde_json::from_str(last).expect("JSON");
        let pin = &mut last["state"][kind];
        pin["digest"] = "0".repeat(64).into();
        if let Some(norm) = pin["norm"].as_f64() {
            pin["norm"] = (norm * factor).into();
        }
        format!("{before}\n{last}\n")
    };
    for kind in ["weights", "buffers", "momentum", "alpha", "moments", "policy"] {
        let (status, text) = check_of(|text: &str| disturbed(text, kind, 1.0), &[]);
        assert_eq!(status, 1, "{text}");
        assert!(text.contains(&format!("iteration 3 differs in the state of {kind}")), "{text}");
    }
    // Elsewhere the norm alone counts, and near is enough.
    let other = |text: &str| text.replacen("\"machine\":\"linux", "\"machine\":\"another, linux", 1);
    for (factor, expected) in [(1.001, 0), (1.5, 1)] {
        let (status, text) = check_of(|text: &str| other(&disturbed(text, "weights", factor)), &[]);
        assert_eq!(status, expected, "{text}");
    }
}

#[test]
fn what_changed_is_said_with_the_difference_and_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let mut arguments =
        vec!["record", &spec, "-o", "a.golden", "--set", "policy.script=policy.rhai", "--iterations", "2"];
    for setting in ["data.limit=60", "search.batch=8", "network.cells=3", "network.channels=4", "threads=1"] {
        arguments.extend(["--set", setting]);
    }
    let script = "fn plan(turn) { turn.strongest().relax(turn.iteration) }";
    assert_eq!(with_script(folder.path(), script, &arguments).0, 0);
    let check = |script: &str| with_script(folder.path(), script, &["check", "a.golden"]);
    let (status, text) = check(script);
    assert!(status == 0 && !text.contains("policy inputs/policy.rhai"), "{text}");
    let (status, text) = check(&format!("// Another text.\n{script}"));
    assert!(status == 0 && text.contains("policy inputs/policy.rhai: "), "{text}");
    let (status, text) = check("fn plan(turn) { turn.strongest().relax(turn.iteration * 2) }");
    assert!(status == 1 && text.contains("iteration 1 differs in its plans"), "{text}");
    assert!(text.contains("policy inputs/policy.rhai: "), "{text}");
}

/// From a checkpoint on: the same iterations as the run itself went on with; a checkpoint that is another is found.
#[test]
fn a_golden_file_begins_at_a_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| {
        let output = edas(folder.path()).args(arguments).output().expect("it runs");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap_or(-1), text)
    };
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let mut search = vec!["search", &spec, "--quiet", "--run", "run", "--set", "checkpoint.every=3"];
    for setting in
        ["data.limit=60", "search.batch=8", "search.epochs=3", "network.cells=3", "network.channels=4", "threads=1"]
    {
        search.extend(["--set", setting]);
    }
    assert_eq!(run(&search).0, 0);
    // 60 images, a fifth held out, half of the rest trains weights: 24, three batches.
    assert_eq!(run(&["golden", "record", "run", "--from", "3", "--iterations", "4", "-o", "a.golden"]).0, 0);
    let text = fs::read_to_string(at("a.golden")).expect("recorded");
    let metrics = fs::read_to_string(at("run/metrics.jsonl")).expect("metrics");
    let metrics = metrics.lines().filter(|line| line.contains("\"iteration\":"));
    for (line, metrics) in text.lines().skip(1).take(4).zip(metrics.skip(3)) {
        let [line, metrics]: [serde_json::Value; 2] =
            [line, metrics].map(|text| serde_json::from_str(text).expect("JSON"));
        assert_eq!(line["iteration"], metrics["iteration"]);
        assert_eq!([&line["losses"][0], &line["losses"][1]], [&metrics["search_loss"], &metrics["train_loss"]]);
    }
    let (status, text) = run(&["golden", "check", "a.golden"]);
    assert_eq!(status, 0, "{text}");
    for name in ["json", "safetensors"] {
        let file = |iteration: u64| at(&format!("run/checkpoints/{iteration:09}.{name}"));
        fs::copy(file(6), file(3)).expect("copied");
    }
    let (status, text) = run(&["golden", "check", "a.golden"]);
    assert!(status == 2 && text.contains("another name"), "{text}");
    let (status, text) = run(&["golden", "record", "run", "--from", "9", "-o", "b.golden"]);
    assert!(status == 1 && text.contains("from the end of its search"), "{text}");
    for (arguments, word) in [
        (["run", "--from", "5"], "no checkpoint after 5 iterations"),
        ([&spec, "--from", "newest"], "a spec has no checkpoints"),
    ] {
        let (status, text) = run(&[&["golden", "record", "-o", "c.golden"], &arguments[..]].concat());
        assert!(status == 2 && text.contains(word), "{text}");
    }
}
