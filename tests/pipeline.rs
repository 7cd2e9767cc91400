//! Pipelines: steps that flow into each other, that go on where they stood to the same bits, and wrong files.

mod common;

use common::{edas, repository};
use std::fs;
use std::path::Path;

/// A small pipeline with these steps behind a search; the file lies in the folder.
fn pipeline(folder: &Path, file: &str, more: &str) {
    let [search, evaluate] = ["specs/quickstart.yaml", "specs/evaluate-digits.yaml"].map(repository);
    let (search, evaluate) = (search.display(), evaluate.display());
    let small = "network.cells=3, network.channels=4, search.epochs=1, data.limit=160, threads=1";
    let text = format!("edas: 1\nname: small\nsteps:\n  - search: {{spec: {search}, set: [{small}]}}\n{more}")
        .replace("SEARCH", &search.to_string())
        .replace("EVALUATE", &evaluate.to_string());
    fs::write(folder.join(file), text).expect("written");
}

const ALL: &str = "  - random: {spec: SEARCH, count: 2}
  - evaluate: {spec: EVALUATE, set: [evaluate.cells=3, evaluate.channels=4, evaluate.epochs=1, data.limit=100, threads=1]}
  - export: {formats: [torchscript, pytorch]}
  - predict: {images: [one.png]}
  - compare: {}
";

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = edas(folder).arg("run").args(arguments).arg("--quiet").output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn steps_flow_into_each_other_and_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    image::GrayImage::new(8, 8).save(at.join("one.png")).expect("written");
    pipeline(at, "all.yaml", ALL);
    let text = run(at, &["all.yaml"]);
    for part in ["one.png", "probability", "digits error, %", "random-1", "gradient-based"] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let whole = at.join("runs/small");
    for file in [
        "search/genotype.json",
        "random/1.json",
        "evaluate/random-0/result.json",
        "network.pt",
        "network.py",
        "network.safetensors",
    ] {
        assert!(whole.join(file).is_file(), "{file}");
    }
    let table = fs::read_to_string(whole.join("compare.md")).expect("a table");
    assert_eq!(table.lines().count(), 2 + 3, "{table}");
    // The same in parts: the search alone, then all.
    pipeline(at, "part.yaml", "");
    run(at, &["part.yaml", "--run", "parts"]);
    run(at, &["all.yaml", "--run", "parts", "--resume"]);
    for file in [
        "evaluate/search/checkpoints/final.safetensors",
        "evaluate/random-1/checkpoints/final.safetensors",
        "network.safetensors",
    ] {
        let read = |folder: &Path| fs::read(folder.join(file)).expect("it is there");
        assert!(read(&whole) == read(&at.join("parts")), "{file}");
    }
    // What is over is not done again.
    let sessions = || fs::read_to_string(whole.join("evaluate/search/sessions.jsonl")).expect("sessions");
    let before = sessions();
    run(at, &["all.yaml", "--resume"]);
    assert_eq!(before, sessions());
}

#[test]
fn a_search_goes_on_to_the_training_of_what_it_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let quickstart = repository("specs/quickstart.yaml").display().to_string();
    let sections = "{cells: 3, channels: 4, epochs: 1, auxiliary: null, augment: {crop: 0, flip: false}}";
    let small = ["network.cells=3", "network.channels=4", "search.epochs=1", "data.limit=160", "threads=1"];
    let search = |more: &[&str]| {
        let mut command = edas(at);
        command.args(["search", &quickstart, "--run", "run", "--quiet"]).args(more);
        for set in small {
            command.args(["--set", set]);
        }
        command.output().expect("it runs")
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // Said before the search takes its hours.
    let output = search(&["--then", "evaluate"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no section `evaluate`"), "{}", text(&output.stderr));
    assert!(!at.join("run").exists());
    let section = format!("evaluate={sections}");
    let output = search(&["--set", &section, "--then", "evaluate"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("derived network") && text(&output.stdout).contains("test accuracy"));
    let read = |file: &str| fs::read(at.join(file)).expect("it is there");
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&read("run/genotype.json")).expect("JSON"),
        serde_json::from_slice::<serde_json::Value>(&read("run-evaluated/inputs/genotype.json")).expect("JSON")
    );
    // Either goes on: what is over stays, what is missing is made, to the same bits.
    let weights = read("run-evaluated/checkpoints/final.safetensors");
    fs::remove_dir_all(at.join("run-evaluated")).expect("removed");
    let output = search(&["--set", &section, "--then", "evaluate", "--resume"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(weights == read("run-evaluated/checkpoints/final.safetensors"));
    // As the other section says, beside it.
    let section = format!("transfer={}", sections.replace("cells: 3", "cells: 3, stem: null"));
    let output = search(&["--set", &section, "--then", "transfer", "--resume", "--accept-changes"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(at.join("run-transferred/result.json").is_file());
}

#[test]
fn wrong_pipelines_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let fails = |more: &str, parts: &[&str]| {
        pipeline(at, "p.yaml", more);
        let output = edas(at).args(["run", "p.yaml"]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in\n{text}"));
    };
    fails("  - export: {formats: [safetensors]}\n", &["nothing to work on", "p.yaml:5", "`transfer` before it"]);
    fails("  - random: {spec: SEARCH, count: 0}\n", &["`count` is out of range", "p.yaml:5"]);
    fails("  - evaluate: {spec: EVALUATE}\n  - export: {formats: [onnx]}\n", &["as `onnx`", "torchscript, pytorch"]);
    fails("  - evalute: {spec: EVALUATE}\n", &["evalute", "evaluate"]);
    fails("  - evaluate: {spec: nowhere.yaml}\n", &["nowhere.yaml"]);
    fails("  - evaluate: {spec: EVALUATE, set: [evaluate.epoch=1]}\n", &["evaluate.epoch", "did you mean `epochs`"]);
    assert!(!at.join("runs").exists(), "nothing was begun");
}
