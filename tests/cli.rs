//! The command line: what its commands print, and that what they print can be used.

mod common;

use common::{edas, repository};
use serde_json::Value;
use std::path::Path;

fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = edas(folder).args(arguments).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).expect("text")
}

/// A folder with a finished run in `run`.
fn run() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let mut arguments = vec!["search", "--quiet", "--run", "run", &spec];
    for setting in
        ["search.epochs=3", "data.limit=160", "search.batch=16", "network.cells=3", "network.channels=4", "threads=1"]
    {
        arguments.extend(["--set", setting]);
    }
    let text = stdout(folder.path(), &arguments);
    for part in [" normal  0 → 2  ", " reduce  4 → 5  ", "derived network 0.", "after 12 iterations", "edas export run"]
    {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    folder
}

#[test]
fn a_run_is_derived_and_exported() {
    let folder = run();
    let of = |arguments: &[&str]| stdout(folder.path(), arguments);
    // The table is the run's own genotype; α of the last epoch derives to the same.
    assert_eq!(of(&["derive", "run"]), of(&["derive", "run", "--epoch", "2"]));
    assert_ne!(of(&["derive", "run", "--epoch", "0"]), "");
    let whole: Value = serde_json::from_str(&of(&["derive", "run", "--json"])).expect("JSON");
    assert_eq!(whole["space"]["name"], "darts");
    assert_eq!(whole["cells"]["normal"]["output"], serde_json::json!([2, 3, 4, 5]));
    let edge = &whole["cells"]["reduce"]["edges"][3];
    let source = &whole["candidates"][edge["candidate"].as_str().expect("a name")];
    assert_eq!(
        (edge["from"].as_u64(), edge["to"].as_u64(), &source["op_set"]),
        (Some(1), Some(3), &"darts-ops".into())
    );
    // Exported as JSON it is a genotype file, which gives the same again.
    of(&["export", "run", "--format", "json", "-o", "genotype.json"]);
    assert_eq!(of(&["export", "genotype.json", "--format", "json"]), of(&["export", "run", "--format", "json"]));
    let darts = of(&["export", "run", "--format", "darts", "--rule", "top2"]);
    assert!(darts.starts_with("Genotype(normal=[('") && darts.ends_with("reduce_concat=range(2, 6))\n"), "{darts}");
    assert_eq!(darts.matches("', ").count(), 16, "two edges into each of four nodes, twice: {darts}");
    assert!(!darts.contains("none"));
    let dot = of(&["export", "run", "--format", "dot"]);
    assert_eq!(dot.matches("[label=\"input ").count(), 4);
    // Each edge leads through its operation.
    assert_eq!(dot.matches(" -> ").count(), 2 * (2 * 14 + 4));
    let refused = edas(folder.path()).args(["export", "run", "--format", "darts"]).assert().code(2);
    let message = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(message.contains("--rule top2"), "{message}");
    let refused = edas(folder.path()).args(["derive", "run", "--epoch", "7"]).assert().code(2);
    let message = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(message.contains("from 0 to 2"), "{message}");
}

/// What a command says on stderr when it refuses.
fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let output = edas(folder).args(arguments).assert().code(2);
    String::from_utf8_lossy(&output.get_output().stderr).into_owned()
}

#[test]
fn what_cannot_be_derived_is_told_what_can() {
    let folder = run();
    let says = |arguments: &[&str], words: &str| {
        let message = refusal(folder.path(), arguments);
        assert!(message.contains(words), "`{words}` is not in\n{message}");
    };
    says(&["derive", "nowhere"], "expected: a run directory, the file of a genotype");
    says(&["derive", "run/spec.yaml"], "unknown key `edas` in the genotype");
    says(&["derive", "run/genotype.json", "--rule", "top2"], "name the folder that it lies in: run");
    std::fs::copy(folder.path().join("run/genotype.json"), folder.path().join("a.json")).expect("copied");
    says(&["derive", "a.json", "--epoch", "1"], "name the run directory that it comes from");
    says(&["derive", "."], "is no run directory");
    // An interrupted run: no result, and a last line that was cut off.
    std::fs::remove_file(folder.path().join("run/genotype.json")).expect("it was there");
    let file = folder.path().join("run/alpha.jsonl");
    let text = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, &text[..text.len() - 20]).expect("written");
    says(&["derive", "run"], "`--epoch 1` derives one from α after its last whole epoch");
    says(&["derive", "run"], "one that was interrupted");
    assert_eq!(
        stdout(folder.path(), &["derive", "run", "--rule", "argmax"]),
        stdout(folder.path(), &["derive", "run", "--epoch", "1"])
    );
    std::fs::write(folder.path().join("run/failure.txt"), "").expect("written");
    says(&["export", "run", "--format", "json"], "one that failed");
    std::fs::write(&file, "").expect("written");
    says(&["derive", "run"], "none of its epochs is whole");
}

#[test]
fn the_run_directory_holds_what_is_promised() {
    let folder = run();
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(folder.path().join("run").join(name)).expect("it is there");
        text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
    };
    let metrics = lines("metrics.jsonl");
    let of = |kind: &str| metrics.iter().filter(|l| l["kind"] == kind).count();
    assert_eq!((of("iteration"), of("epoch"), of("validation")), (12, 3, 0));
    for key in ["iteration", "epoch", "search_loss", "train_loss", "search_accuracy", "train_accuracy", "seconds"] {
        assert!(metrics[0][key].is_number(), "{key}");
    }
    for key in ["epoch", "train_accuracy", "supernet_accuracy", "derived_accuracy", "learning_rate", "seconds"] {
        assert!(metrics[4][key].is_number(), "{key}");
    }
    let genotypes = lines("genotypes.jsonl");
    assert_eq!((genotypes.len(), &genotypes[0]["iteration"], &genotypes[2]["epoch"]), (3, &3.into(), &2.into()));
    assert!(genotypes[0]["genotype"]["normal"]["edges"].is_array() && genotypes[0]["derived_accuracy"].is_number());
    let alpha = lines("alpha.jsonl");
    assert_eq!(alpha[2]["cells"]["reduce"].as_array().map(Vec::len), Some(14));
    assert_eq!(alpha[2]["cells"]["normal"][13].as_array().map(Vec::len), Some(8));
    let hashes = std::fs::read_to_string(folder.path().join("run/inputs/hashes.json")).expect("it is there");
    let hashes: Value = serde_json::from_str(&hashes).expect("JSON");
    for name in ["inputs/darts.yaml", "policy inputs/edas_inversion.rhai", "data digits"] {
        assert_eq!(hashes[name].as_str().map(str::len), Some(64), "{name}");
    }
}

#[test]
fn check_says_what_a_spec_costs() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let report: Value = serde_json::from_str(&stdout(
        folder.path(),
        &["check", &spec, "--json", "--set", "network.cells=3", "--set", "threads=1"],
    ))
    .expect("JSON");
    for key in
        ["parameters", "multiply_adds_strongest", "memory_estimate_bytes", "seconds_per_iteration", "seconds_predicted"]
    {
        assert!(report[key].as_f64().expect("a number") > 0.0, "{key}");
    }
    assert_eq!((report["edges"].as_u64(), report["iterations"].as_u64()), (Some(28), Some(270)));
    let text = stdout(folder.path(), &["check", &spec, "--no-timing"]);
    assert!(
        text.contains("sep_conv_5x5") && text.contains("The spec is sound.") && !text.contains("one iteration"),
        "{text}"
    );
    // The resolved spec is a spec: it reads back to itself.
    let resolved = stdout(folder.path(), &["check", &spec, "--resolved"]);
    std::fs::write(folder.path().join("resolved.yaml"), &resolved).expect("written");
    assert_eq!(stdout(folder.path(), &["check", "resolved.yaml", "--resolved"]), resolved);
}

/// Under DARTS every edge runs all of its candidates, under EDAS one edge does.
#[test]
fn the_estimate_of_memory_follows_the_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let memory = |script: &str| {
        let spec = repository("specs/quickstart.yaml").display().to_string();
        let script = format!("policy.script={}", repository(script).display());
        let report = stdout(folder.path(), &["check", &spec, "--json", "--no-timing", "--set", &script]);
        let report: Value = serde_json::from_str(&report).expect("JSON");
        report["memory_estimate_bytes"].as_f64().expect("a number")
    };
    let (edas, darts) = (memory("scripts/edas.rhai"), memory("scripts/darts.rhai"));
    assert!(darts > 2.0 * edas, "{darts} and {edas}");
}

#[test]
fn check_groups_candidates_by_their_names_over_all_edges() {
    let folder = tempfile::tempdir().expect("a folder");
    let space = std::fs::read_to_string(repository("specs/spaces/darts.yaml")).expect("the space");
    let (before, after) =
        (space.find("      from: all_before").expect("a rule"), space.find("    combine").expect("a key"));
    let edges = "      list:\n        - {from: 0, to: 2, candidates: [none, skip_connect]}\n        - {from: 1, to: 3, candidates: \
                 [sep_conv_3x3, skip_connect]}\n        - {from: 2, to: 4, candidates: [dil_conv_3x3]}\n        - {from: 3, to: 5, \
                 candidates: [skip_connect]}\n";
    std::fs::write(folder.path().join("a.yaml"), format!("{}{edges}{}", &space[..before], &space[after..]))
        .expect("written");
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let report = stdout(folder.path(), &["check", &spec, "--json", "--no-timing", "--set", "space=a.yaml"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let list: Vec<(&str, &str, u64)> = report["candidates"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| {
            let text = |key: &str| c[key].as_str().expect("text");
            (text("cell"), text("candidate"), c["edges"].as_u64().expect("a number"))
        })
        .collect();
    let normal = [("none", 1), ("skip_connect", 3), ("sep_conv_3x3", 1), ("dil_conv_3x3", 1)];
    let of = |cell| normal.map(|(name, edges)| (cell, name, edges));
    assert_eq!(list, [of("normal"), of("reduce")].concat());
    // An edge of stride 2 halves the resolution with a convolution: the most is taken, not the last edge's.
    assert_eq!(report["candidates"][1]["parameters"], 0);
    assert!(report["candidates"][5]["parameters"].as_u64() > Some(0));
}

#[test]
fn trace_ends_with_the_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml").display().to_string();
    let arguments = ["trace", &spec, "--iterations", "30", "--set", "search.epochs=2", "--set", "data.limit=160"];
    let output = edas(folder.path()).args(arguments).assert().success();
    let output = output.get_output();
    // 160 images, a fifth held out, half of the rest trains weights: 64, one batch.
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    let note = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(note.contains("it has 2 iterations, 2 epochs of 1"), "{note}");
    let output = edas(folder.path()).args(&arguments[..2]).args(["--iterations", "3"]).assert().success();
    assert_eq!(output.get_output().stderr, b"");
}

#[test]
fn trace_needs_no_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/edas-cifar10-inversion.yaml").display().to_string();
    let text = stdout(folder.path(), &["trace", &spec, "--iterations", "400", "--set", "data.root=nowhere"]);
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(lines.len(), 400);
    // ⌈25,000 / 64⌉ = 391 iterations to an epoch; every other one is inverted.
    assert_eq!((lines[390]["epoch"].as_u64(), lines[391]["epoch"].as_u64()), (Some(0), Some(1)));
    assert_eq!(
        (&lines[0]["inverted"], &lines[1]["inverted"], &lines[0]["phase"]),
        (&false.into(), &true.into(), &"both".into())
    );
    let relaxed = &lines[1]["relaxed"][0];
    let index = relaxed["index"].as_u64().expect("a number") as usize;
    assert_eq!(lines[1]["gates"][index]["sign"].as_i64(), Some(-1));
    assert_eq!(lines[1]["gates"].as_array().map(Vec::len), Some(28));
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = stdout(folder.path(), &["help"]);
    for command in
        ["search", "check", "trace", "derive", "export", "lookup", "golden", "schema", "doctor", "completions"]
    {
        assert!(help.contains(&format!("\n  {command}")), "{command}");
        if command != "golden" {
            assert!(stdout(folder.path(), &["help", command]).contains("Example:\n  edas "), "{command}");
        }
    }
    for command in ["record", "check"] {
        assert!(stdout(folder.path(), &["help", "golden", command]).contains("Example:\n  edas golden "), "{command}");
    }
    let version = stdout(folder.path(), &["--version"]);
    assert!(version.contains("libtorch 2.13.0") && version.contains("plugin ABI 1."), "{version}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(folder.path(), &["completions", shell]).contains("golden"), "{shell}");
    }
    let doctor: Value = serde_json::from_str(&stdout(folder.path(), &["doctor", "--json"])).expect("JSON");
    assert!(doctor["plugins"][0].as_str().expect("text").starts_with("darts-ops"));
    assert!(doctor["libtorch_folder"].as_str().expect("text").contains("lib"));
    let schema: Value = serde_json::from_str(&stdout(folder.path(), &["schema"])).expect("JSON");
    assert!(schema["properties"]["search"].is_object());
    edas(folder.path()).arg("serch").assert().code(2);
}

/// Plain lines where stderr is no terminal: one per epoch, and nothing with `--quiet`.
#[test]
fn progress_is_plain_lines_for_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = edas(folder.path());
    command.args(["search", "--json"]).arg(repository("specs/quickstart.yaml"));
    command.args([
        "--set",
        "search.epochs=2",
        "--set",
        "data.limit=160",
        "--set",
        "network.cells=3",
        "--set",
        "threads=1",
    ]);
    let output = command.assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.lines().nth(2).expect("a line").starts_with("epoch 1 (2 of 2)  train 0."), "{text}");
    let result: Value = serde_json::from_slice(&output.get_output().stdout).expect("stdout is JSON alone");
    assert_eq!(result["run"], "runs/quickstart-0");
}
