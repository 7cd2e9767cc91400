//! Scripts that are changed while a search runs (`edas search --watch`): change, error, mend, and the run repeated from its record.

mod common;

use common::{edas, repository};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const SPEC: &str = "
edas: 1
name: watched
space: SPACE
network: {cells: 3, channels: 2}
policy: {script: policy.rhai, params: {}}
data: {name: digits, limit: 80, augment: {crop: 0, flip: false, cutout: 0}}
search: {epochs: 40, batch: 10}
threads: 1
";

fn script(edge: &str, helper: &str) -> String {
    format!(
        "import \"lib/mine\" as mine;\n\
         fn params() {{ #{{ start: param({helper}, 0, 27, \"the first edge\") }} }}\n\
         fn init(space, params) {{ #{{ plans: 0, start: params.start }} }}\n\
         fn plan(turn) {{ this.plans += 1; turn.strongest().relax({edge}) }}\n"
    )
}

/// Waits until a condition holds, for as long as the search may take.
fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(300), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// The lines of a run's log, without how long things took.
fn log(run: &Path, name: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join(name)).expect("a log");
    text.lines()
        .map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
            value.as_object_mut().expect("an object").remove("seconds");
            value
        })
        .collect()
}

#[test]
fn a_watched_script_changes_fails_and_is_mended_and_the_run_is_repeated_from_its_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let space = repository("specs/spaces/darts.yaml");
    fs::write(at("watched.yaml"), SPEC.replace("SPACE", &space.display().to_string())).expect("written");
    fs::create_dir(at("lib")).expect("a folder");
    fs::write(at("lib/mine.rhai"), "fn edge(n) { n % 5 }").expect("written");
    fs::write(at("policy.rhai"), script("mine::edge(turn.iteration)", "0")).expect("written");
    let run = at("run");
    let search = std::process::Command::new(assert_cmd::cargo::cargo_bin!("edas"))
        .current_dir(folder.path())
        .args(["search", "watched.yaml", "--watch", "--run", "run"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let spec = || fs::read_to_string(run.join("spec.yaml")).unwrap_or_default();
    until("two epochs", || lines(&run.join("alpha.jsonl")) >= 2);
    // Another edge, with another parameter's default; then an error; then mended, with a module that changed.
    fs::write(at("policy.rhai"), script("10 + this.plans % 3", "7")).expect("written");
    until("the first change", || spec().matches("iteration:").count() == 1);
    fs::write(at("policy.rhai"), "fn plan(turn) { turn.strongest( }").expect("written");
    let seen = lines(&run.join("alpha.jsonl"));
    until("two epochs with an error", || lines(&run.join("alpha.jsonl")) >= seen + 2);
    fs::write(at("lib/mine.rhai"), "fn edge(n) { 20 + n % 4 }").expect("written");
    fs::write(at("policy.rhai"), script("mine::edge(turn.iteration)", "0")).expect("written");
    until("the second change", || spec().matches("iteration:").count() == 2);
    let output = search.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("cannot be used").count(), 1, "an error is said once: {said}");
    assert!(said.contains("policy.rhai:1:"), "{said}");
    assert_eq!(said.matches("the script has changed").count(), 2, "{said}");
    let trace = log(&run, "trace.jsonl");
    let relaxed: Vec<u64> = trace.iter().map(|line| line["relaxed"][0]["index"].as_u64().expect("an edge")).collect();
    assert!(relaxed[0] < 5 && relaxed.iter().any(|e| (10..13).contains(e)) && relaxed[relaxed.len() - 1] >= 20);
    // Every version is there, with its hash.
    let hashes = fs::read_to_string(run.join("inputs/hashes.json")).expect("hashes");
    let changes: Vec<_> =
        fs::read_dir(run.join("inputs/changes")).expect("changes").map(|e| e.expect("one").path()).collect();
    assert_eq!(changes.len(), 2);
    for change in changes {
        assert!(change.join("policy.rhai").is_file() && change.join("lib/mine.rhai").is_file());
        assert!(
            hashes.contains(&format!("inputs/changes/{}/policy.rhai", change.file_name().expect("a name").display()))
        );
    }
    // A copy of the folder elsewhere repeats the run.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let copy = elsewhere.path().join("copy");
    assert!(std::process::Command::new("cp").arg("-r").arg(&run).arg(&copy).status().expect("cp").success());
    drop(fs::remove_file(at("policy.rhai")));
    let again = edas(elsewhere.path()).args(["search", "copy/spec.yaml", "--run", "again"]).output().expect("it runs");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let again = elsewhere.path().join("again");
    for name in ["trace.jsonl", "metrics.jsonl", "alpha.jsonl", "genotypes.jsonl"] {
        assert_eq!(log(&run, name), log(&again, name), "{name}");
    }
    let weights = |run: &Path| fs::read(run.join("checkpoints/final.safetensors")).expect("weights");
    assert!(weights(&run) == weights(&again), "the weights differ");
    // And that run can be repeated in its turn.
    let third = edas(elsewhere.path()).args(["search", "again/spec.yaml", "--run", "third"]).output().expect("it runs");
    assert!(third.status.success(), "{}", String::from_utf8_lossy(&third.stderr));
    assert!(weights(&again) == weights(&elsewhere.path().join("third")));
}

#[test]
fn what_cannot_be_watched_and_changes_that_cannot_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let space = repository("specs/spaces/darts.yaml").display().to_string();
    let spec = SPEC.replace("SPACE", &space);
    let refused = |text: &str, arguments: &[&str], words: &[&str]| {
        fs::write(folder.path().join("watched.yaml"), text).expect("written");
        let output = edas(folder.path()).args(["search", "watched.yaml"]).args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        words.iter().for_each(|word| assert!(said.contains(word), "`{word}` is not in: {said}"));
    };
    fs::write(folder.path().join("policy.rhai"), "fn plan(turn) { turn.strongest() }").expect("written");
    fs::write(folder.path().join("broken.rhai"), "fn plan(turn) { turn.strongest( }").expect("written");
    let plugin =
        spec.replace("{script: policy.rhai, params: {}}", "{plugin: edas-policies, name: uniform-single-edge}");
    refused(&plugin, &["--watch"], &["only a script can be watched", "watched.yaml:"]);
    let with = |changes: &str| spec.replace("params: {}}", &format!("params: {{}}, changes: {changes}}}"));
    refused(&with("[{iteration: 4, script: broken.rhai}]"), &[], &["broken.rhai:1:"]);
    refused(&with("[{iteration: 4, script: missing.rhai}]"), &[], &["missing.rhai"]);
    refused(&with("[{iteration: 0, script: policy.rhai}]"), &[], &["iteration"]);
    refused(
        &with("[{iteration: 9, script: policy.rhai}, {iteration: 4, script: policy.rhai}]"),
        &[],
        &["not in order", "above 9"],
    );
    assert!(!folder.path().join("runs").exists());
}
