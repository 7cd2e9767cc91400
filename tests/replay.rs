//! `edas replay` and `edas diff`: a run against its record, and records against each other. Whatever is changed in a record is
//! named; whatever way a run came to its end, its record can be repeated.

mod common;

use common::{cifar, edas, library, repository, shipped_specs};
use edas::run::checkpoint::Manifest;
use edas::run::checkpoint::manifest::sha256;
use edas::run::tensors::{self, Saved};
use edas::run::{Event, Found, Observer, RunDirectory, Unfinished};
use edas::spec::Spec;
use edas::train::{End, Interruption};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// 60 images, a fifth held out, half of the rest trains weights: 24, so an epoch has three iterations.
const SPEC: &str = "
edas: 1
name: small
space: SPACE
network: {cells: 3, channels: 2}
policy: {script: policy.rhai, params: {}}
data: {name: digits, limit: 60, augment: {crop: 0, flip: false, cutout: 0}}
search: {epochs: 3, batch: 8}
validation: {data: {holdout: 0.2}, every: 2}
checkpoint: {every: 2, share: null, keep: 100}
threads: 1
";

/// A policy with a memory, which a checkpoint must hold.
const POLICY: &str = "\
fn init(space, params) { #{ losses: [] } }
fn plan(turn) { turn.strongest().relax((turn.iteration * 5 + this.losses.len()) % 28) }
fn feedback(turn, results) { this.losses.push(results[0].loss); }
";

/// A folder with a spec, `small.yaml`, and its policy.
fn prepare(policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let space = repository("specs/spaces/darts.yaml").display().to_string();
    fs::write(folder.path().join("small.yaml"), SPEC.replace("SPACE", &space)).expect("written");
    fs::write(folder.path().join("policy.rhai"), policy).expect("written");
    folder
}

/// What the program says in a folder: exit status, and all its text.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = edas(folder).args(arguments).output().expect("it runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

/// The same, where a status is expected.
fn expect(status: i32, folder: &Path, arguments: &[&str]) -> String {
    let (found, text) = run(folder, arguments);
    assert_eq!(found, status, "edas {}: {text}", arguments.join(" "));
    text
}

/// The same, as JSON.
fn json(status: i32, folder: &Path, arguments: &[&str]) -> Value {
    let output = edas(folder).arg("--json").args(arguments).output().expect("it runs");
    let [text, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(output.status.code(), Some(status), "edas {}: {text}{said}", arguments.join(" "));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{said}"))
}

/// A folder with a finished run of nine iterations, `run`.
fn finished() -> tempfile::TempDir {
    let folder = prepare(POLICY);
    expect(0, folder.path(), &["search", "small.yaml", "--quiet", "--run", "run"]);
    folder
}

/// Utters an interruption when an iteration is over.
struct Interrupter(Interruption, u64);

impl Observer for Interrupter {
    fn event(&mut self, event: &Event) -> edas::Result<()> {
        if let Event::Iteration(record, _) = event
            && record.iteration + 1 == self.1
        {
            self.0.request();
        }
        Ok(())
    }
}

/// Begins the search of a folder's spec, and interrupts it after so many iterations.
fn interrupted(folder: &Path, iterations: u64, settings: &[String]) {
    let spec = Spec::load(folder.join("small.yaml"), settings).expect("a sound spec");
    let search = edas::Search::from_spec(spec).expect("it can begin");
    let mut directory = RunDirectory::create(&folder.join("run"), &search.setup().contents()).expect("a new folder");
    let interruption = Interruption::default();
    let mut interrupter = Interrupter(interruption.clone(), iterations);
    let end = search.run_unless(&interruption, &mut [&mut directory, &mut interrupter]).expect("it runs");
    assert!(matches!(end, End::Interrupted { iteration } if iteration == iterations));
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// Nothing is written, and no lock is taken: another process may have the run.
#[test]
fn a_run_replays_the_same_from_its_beginning_and_from_every_checkpoint() {
    let folder = finished();
    let path = folder.path().join("run");
    let Found::Run(_held) = Unfinished::open(&path).expect("it can be locked") else { panic!("a run") };
    let before = files(&path);
    let verdict = json(0, folder.path(), &["replay", "run", "--quiet"]);
    assert_eq!(verdict["same"], true);
    assert_eq!([&verdict["from"], &verdict["iterations"]], [0, 9]);
    assert_eq!(verdict["checkpoints"], serde_json::json!([2, 3, 4, 6, 8, 9]));
    assert_eq!([&verdict["result"], &verdict["difference"]], [&Value::from(true), &Value::Null]);
    for from in [2, 3, 4, 6, 8, 9] {
        let verdict = json(0, folder.path(), &["replay", "run", "--quiet", "--from", &from.to_string()]);
        assert_eq!([&verdict["from"], &verdict["iterations"]], [from, 9 - from]);
        assert_eq!(verdict["result"], true);
    }
    let file = path.join("checkpoints/000000004.json").display().to_string();
    let verdict = json(0, folder.path(), &["replay", "run", "--quiet", "--from", &file, "--iterations", "3"]);
    assert_eq!([&verdict["from"], &verdict["iterations"]], [4, 3]);
    assert_eq!([&verdict["checkpoints"], &verdict["result"]], [&serde_json::json!([6]), &Value::from(false)]);
    for from in ["best", "newest"] {
        assert_eq!(json(0, folder.path(), &["replay", "run", "--from", from, "-q"])["same"], true);
    }
    assert!(before == files(&path), "replay has written to the run directory");
    let text = expect(0, folder.path(), &["replay", "run", "-q"]);
    assert!(text.starts_with("the same, bit by bit: 9 iterations, 6 checkpoints, the result\n"), "{text}");
    assert!(text.contains("nothing that is known to matter differs"), "{text}");
}

/// Changes the tensors of a checkpoint, and its manifest so that it is whole.
fn disturb(run: &Path, iteration: u64, change: impl FnOnce(&mut Vec<Saved>)) {
    let path = run.join(format!("checkpoints/{iteration:09}.json"));
    let mut manifest = Manifest::parse(&fs::read_to_string(&path).expect("a manifest"), &path).expect("a sound one");
    let file = path.with_extension("safetensors");
    let mut list = tensors::deserialize(&fs::read(&file).expect("tensors")).expect("sound ones");
    change(&mut list);
    let bytes = tensors::serialize(&list).expect("they can be written");
    manifest.tensors.bytes = bytes.len() as u64;
    manifest.tensors.sha256 = sha256(&bytes);
    fs::write(file, bytes).expect("written");
    fs::write(path, manifest.to_text().expect("it can be written")).expect("written");
}

#[test]
fn one_unit_in_the_last_place_of_one_weight_is_named() {
    let folder = finished();
    let path = folder.path().join("run");
    let mut expected = String::new();
    disturb(&path, 4, |list| {
        let weight = list.iter_mut().find(|saved| saved.name.starts_with("stem.") && saved.shape.len() == 4);
        let weight = weight.expect("the stem's convolution");
        let last = weight.bytes.len() - 4;
        let value = f32::from_le_bytes(weight.bytes[last..].try_into().expect("four bytes"));
        weight.bytes[last..].copy_from_slice(&value.next_up().to_le_bytes());
        let position: Vec<usize> = weight.shape.iter().map(|size| size - 1).collect();
        let name = &weight.name;
        expected = format!(
            "iteration 3 differs in `{name}`{position:?} after it: recorded {:?}, now {value:?}",
            value.next_up()
        );
    });
    let text = expect(1, folder.path(), &["replay", "run", "-q"]);
    assert!(text.starts_with(&expected), "`{expected}` is not in {text}");
    assert!(text.contains("the 3 before it are the same"), "{text}");
    assert!(text.contains("nothing that is known to matter differs"), "{text}");
    // Whoever begins there departs at once, and is told where.
    let verdict = json(1, folder.path(), &["replay", "run", "-q", "--from", "4"]);
    let iteration = verdict["difference"]["iteration"].as_u64().expect("a number");
    assert!((4..6).contains(&iteration), "{verdict}");
    assert_ne!(verdict["difference"]["expected"], verdict["difference"]["found"]);
    // One that begins after it does not meet it.
    assert_eq!(json(0, folder.path(), &["replay", "run", "-q", "--from", "6"])["same"], true);
}

/// What a change of a record's file is named as.
struct Case {
    file: &'static str,
    /// The line, from 0, of those that have this text.
    line: (&'static str, usize),
    change: fn(&mut Value),
    /// Iteration, phase, quantity, what is recorded.
    named: (u64, Option<&'static str>, &'static str, &'static str),
}

#[test]
fn whatever_is_changed_in_a_record_is_named() {
    let folder = finished();
    let path = folder.path().join("run");
    let all = "\"";
    let cases = [
        Case {
            file: "metrics.jsonl",
            line: ("\"iteration\":5", 0),
            change: |line| line["search_loss"] = 9.5.into(),
            named: (5, Some("architecture"), "the search loss", "9.5"),
        },
        Case {
            file: "metrics.jsonl",
            line: ("\"iteration\":0", 0),
            change: |line| line["train_loss"] = "NaN".into(),
            named: (0, Some("weights"), "the train loss", "NaN"),
        },
        Case {
            file: "metrics.jsonl",
            line: ("\"kind\":\"validation\"", 1),
            change: |line| line["supernet_accuracy"] = 0.125.into(),
            named: (3, None, "the supernet accuracy", "0.125"),
        },
        Case {
            file: "metrics.jsonl",
            line: ("\"kind\":\"epoch\"", 1),
            change: |line| line["learning_rate"] = 0.5.into(),
            named: (5, None, "the learning rate of epoch 1", "0.5"),
        },
        Case {
            file: "trace.jsonl",
            line: (all, 4),
            change: |line| line["gates"][3] = Value::Null,
            named: (4, Some("both"), "the gate of edge 3", "null"),
        },
        Case {
            file: "trace.jsonl",
            line: (all, 7),
            change: |line| line["relaxed"][0]["edge"] = 99.into(),
            named: (7, Some("both"), "its relaxed edges", "99 of "),
        },
        Case {
            file: "trace.jsonl",
            line: (all, 2),
            change: |line| line["phase"] = "weights".into(),
            named: (2, None, "the lines of trace.jsonl", "iteration 2, epoch 0, phase weights"),
        },
        Case {
            file: "alpha.jsonl",
            line: (all, 1),
            change: |line| line["cells"]["reduce"][2][1] = Value::from(-0.0),
            named: (5, None, "α of edge 2 of reduce, candidate 1, at the end of epoch 1", "-0.0"),
        },
        Case {
            file: "genotypes.jsonl",
            line: ("\"iteration\":7", 0),
            change: |line| line["derived_accuracy"] = 0.015625.into(),
            named: (7, None, "the derived accuracy", "0.015625"),
        },
        Case {
            file: "genotype.json",
            line: ("sep", usize::MAX),
            change: |whole| whole["cells"]["normal"]["edges"][0]["candidate"] = "another".into(),
            named: (8, None, "the result's cells.normal.edges[0].candidate", "another"),
        },
    ];
    for Case { file, line: (with, nth), change, named: (iteration, phase, quantity, recorded) } in cases {
        let file = path.join(file);
        let before = fs::read_to_string(&file).expect("a file");
        let changed = if nth == usize::MAX {
            let mut whole = serde_json::from_str(&before).expect("JSON");
            change(&mut whole);
            whole.to_string()
        } else {
            let (at, _) = before.lines().enumerate().filter(|(_, l)| l.contains(with)).nth(nth).expect("the line");
            let line = |(i, text): (usize, &str)| {
                let mut line: Value = serde_json::from_str(text).expect("JSON");
                if i == at {
                    change(&mut line);
                }
                format!("{line}\n")
            };
            before.lines().enumerate().map(line).collect()
        };
        fs::write(&file, changed).expect("written");
        let verdict = json(1, folder.path(), &["replay", "run", "-q"]);
        fs::write(&file, before).expect("written");
        let difference = &verdict["difference"];
        assert_eq!(difference["iteration"], iteration, "{verdict}");
        assert_eq!(difference["phase"].as_str(), phase, "{verdict}");
        assert_eq!(difference["quantity"], quantity, "{verdict}");
        assert!(difference["expected"].as_str().expect("text").starts_with(recorded), "{verdict}");
    }
    // The weights of the result, which no log has.
    let file = path.join("checkpoints/final.safetensors");
    let before = fs::read(&file).expect("weights");
    let mut list = tensors::deserialize(&before).expect("sound ones");
    let alpha = list.iter_mut().find(|saved| saved.name == "alpha.7").expect("α");
    alpha.bytes[8] ^= 1;
    fs::write(&file, tensors::serialize(&list).expect("tensors")).expect("written");
    let text = expect(1, folder.path(), &["replay", "run", "-q"]);
    assert!(text.starts_with("iteration 8 differs in `alpha.7`[1] after it: recorded "), "{text}");
    // One that is broken is said, and all else is compared.
    fs::write(&file, &before[..100]).expect("written");
    let text = expect(0, folder.path(), &["replay", "run", "-q"]);
    assert!(text.contains("not compared, for it cannot be read") && text.contains("final.safetensors"), "{text}");
    let verdict = json(0, folder.path(), &["replay", "run", "-q", "--from", "8"]);
    assert!(verdict["not_compared"][0].as_str().expect("text").contains("final.safetensors"), "{verdict}");
    fs::write(&file, before).expect("written");
    // A line too few, and one too many.
    let file = path.join("metrics.jsonl");
    let before = fs::read_to_string(&file).expect("a file");
    let (shorter, _) = before.trim_end().rsplit_once('\n').expect("lines");
    for (text, side) in
        [(format!("{shorter}\n"), "expected"), (format!("{before}{{\"kind\":\"epoch\",\"epoch\":3}}\n"), "found")]
    {
        fs::write(&file, text).expect("written");
        let verdict = json(1, folder.path(), &["replay", "run", "-q"]);
        assert_eq!(verdict["difference"]["quantity"], "the lines of metrics.jsonl", "{verdict}");
        assert_eq!(verdict["difference"][side], "nothing", "{verdict}");
    }
}

#[test]
fn changed_inputs_and_another_number_of_threads_are_said() {
    let folder = finished();
    let script = folder.path().join("run/inputs/policy.rhai");
    let text = fs::read_to_string(&script).expect("the copy");
    fs::write(&script, format!("// A word more.\n{text}")).expect("written");
    let verdict = json(0, folder.path(), &["replay", "run", "-q"]);
    assert_eq!(verdict["changes"][0]["what"], "policy inputs/policy.rhai", "{verdict}");
    fs::write(&script, text.replace("* 5", "* 3")).expect("written");
    let text = expect(1, folder.path(), &["replay", "run", "-q", "--iterations", "3"]);
    assert!(text.starts_with("iteration 1, both phases, differs in its relaxed edges: recorded "), "{text}");
    assert!(text.contains("policy inputs/policy.rhai: "), "{text}");
    let verdict = json(1, folder.path(), &["replay", "run", "-q", "--set", "search.batch=6", "--set", "threads=2"]);
    let changes = verdict["changes"].as_array().expect("a list");
    let batch = changes.iter().find(|change| change["what"] == "spec search.batch").expect("the setting");
    assert_eq!([&batch["recorded"], &batch["now"]], ["8", "6"]);
    assert_eq!(verdict["machine"], serde_json::json!([{ "what": "threads", "recorded": "1", "now": "2" }]));
}

/// The record of a run that was killed: its logs end where they may.
#[test]
fn an_unfinished_run_is_replayed_as_far_as_its_record_goes() {
    let folder = finished();
    let path = folder.path().join("run");
    fs::remove_file(path.join("genotype.json")).expect("removed");
    let cut = |name: &str, lines: usize, further: &str| {
        let file = path.join(name);
        let text = fs::read_to_string(&file).expect("a log");
        let kept: String = text.split_inclusive('\n').take(lines).collect();
        fs::write(file, kept + further).expect("written");
    };
    // Three iterations, a validation and an epoch: that is iteration 0 to 2, then one more.
    cut("metrics.jsonl", 6, "{\"kind\":\"itera");
    cut("trace.jsonl", 6, "{\"iter");
    cut("alpha.jsonl", 0, "");
    cut("genotypes.jsonl", 1, "");
    let verdict = json(0, folder.path(), &["replay", "run", "-q"]);
    assert_eq!([&verdict["same"], &verdict["iterations"]], [&Value::from(true), &Value::from(6)]);
    assert_eq!(verdict["result"], false);
    assert_eq!(
        [&verdict["checkpoints"], &verdict["not_compared"]],
        [&serde_json::json!([2, 3, 4, 6]), &Value::Array(Vec::new())]
    );
    // Where a checkpoint's logs are gone, there is nothing to follow from it on.
    let text = expect(2, folder.path(), &["replay", "run", "--from", "8"]);
    assert!(text.contains("not the one that the checkpoint was written with"), "{text}");
    // In what there is a difference is found.
    let file = path.join("trace.jsonl");
    let text = fs::read_to_string(&file).expect("a log");
    let (before, last) = text.split_at(text.find("{\"iteration\":5,").expect("iteration 5"));
    fs::write(&file, format!("{before}{}", last.replacen("false", "true", 1))).expect("written");
    assert_eq!(json(1, folder.path(), &["replay", "run", "-q"])["difference"]["iteration"], 5);
    cut("metrics.jsonl", 0, "");
    cut("trace.jsonl", 0, "");
    let text = expect(2, folder.path(), &["replay", "run"]);
    assert!(text.contains("no iteration to compare"), "{text}");
}

/// Interrupted between an iteration and what is due after it, replayed, gone on with, replayed.
#[test]
fn an_interrupted_run_is_replayed_before_and_after_it_goes_on() {
    let folder = prepare(POLICY);
    interrupted(folder.path(), 6, &[]);
    assert!(folder.path().join("run/checkpoints/000000006-unvalidated.json").is_file());
    let verdict = json(0, folder.path(), &["replay", "run", "-q"]);
    assert_eq!([&verdict["iterations"], &verdict["checkpoints"]], [&6.into(), &serde_json::json!([2, 3, 4, 6])]);
    expect(0, folder.path(), &["search", "run", "--resume", "-q"]);
    let verdict = json(0, folder.path(), &["replay", "run", "-q"]);
    assert_eq!(
        [&verdict["iterations"], &verdict["checkpoints"]],
        [&9.into(), &serde_json::json!([2, 3, 4, 6, 6, 8, 9])]
    );
    let file = folder.path().join("run/checkpoints/000000006-unvalidated.json").display().to_string();
    assert_eq!(json(0, folder.path(), &["replay", "run", "-q", "--from", &file])["result"], true);
    // The same as one that was never interrupted.
    expect(0, folder.path(), &["search", "small.yaml", "--quiet", "--run", "whole"]);
    let comparison = json(0, folder.path(), &["diff", "run", "whole"]);
    assert_eq!([&comparison["same"], &comparison["result"]], [true, true]);
    assert_eq!(comparison["checkpoints"], serde_json::json!([2, 3, 4, 6, 8, 9]));
}

#[test]
fn a_run_that_was_ended_early_is_replayed_with_its_result() {
    let stops = format!("{POLICY}fn end_epoch(epoch) {{ #{{ stop: epoch.index == 1 }} }}\n");
    let folder = prepare(&stops);
    expect(0, folder.path(), &["search", "small.yaml", "--quiet", "--run", "run"]);
    let verdict = json(0, folder.path(), &["replay", "run", "-q"]);
    assert_eq!([&verdict["iterations"], &verdict["result"]], [&6.into(), &Value::from(true)]);
    // A limit within an epoch, which the spec does not know of.
    for (limit, folder) in [(4, prepare(POLICY)), (5, prepare(POLICY))] {
        let spec = Spec::load(folder.path().join("small.yaml"), &[]).expect("a sound spec");
        let search = edas::Search::from_spec(spec).expect("it can begin").limit(limit);
        let path = folder.path().join("run");
        let mut directory = RunDirectory::create(&path, &search.setup().contents()).expect("a new folder");
        search.run(&mut [&mut directory]).expect("it runs");
        drop(directory);
        let verdict = json(0, folder.path(), &["replay", "run", "-q"]);
        assert_eq!([&verdict["iterations"], &verdict["result"]], [&limit.into(), &Value::from(true)]);
    }
    // One that failed fails again.
    let folder =
        prepare(&POLICY.replace("{ this.losses.", "{ if turn.iteration == 4 { throw \"enough\" } this.losses."));
    expect(1, folder.path(), &["search", "small.yaml", "--quiet", "--run", "run"]);
    let text = expect(0, folder.path(), &["replay", "run", "-q"]);
    assert!(text.contains("the run failed here, and does so again: ") && text.contains("enough"), "{text}");
    assert!(text.starts_with("the same, bit by bit: 5 iterations"), "{text}");
}

#[test]
fn changed_scripts_are_replayed_and_other_changes_from_after_them() {
    let other = "fn init(space, params) { #{ extra: 1 } } fn plan(turn) { turn.strongest().relax(this.extra) }";
    let folder = prepare(POLICY);
    let at = |name: &str| folder.path().join(name);
    // Planned in the spec, as a watched search writes it.
    fs::write(at("other.rhai"), other).expect("written");
    let changes = "policy.changes=[{iteration: 5, script: other.rhai}]";
    expect(0, folder.path(), &["search", "small.yaml", "-q", "--run", "planned", "--set", changes]);
    for from in ["2", "4", "6", "8"] {
        assert_eq!(json(0, folder.path(), &["replay", "planned", "-q", "--from", from])["result"], true);
    }
    assert_eq!(json(0, folder.path(), &["replay", "planned", "-q"])["iterations"], 9);
    // Accepted when it went on.
    interrupted(folder.path(), 4, &[]);
    fs::write(at("policy.rhai"), other).expect("written");
    expect(0, folder.path(), &["search", "small.yaml", "--run", "run", "--resume", "--accept-changes", "-q"]);
    assert_eq!(json(0, folder.path(), &["replay", "run", "-q"])["iterations"], 9);
    assert_eq!(json(0, folder.path(), &["replay", "run", "-q", "--from", "6"])["result"], true);
    // What no spec repeats.
    fs::remove_dir_all(at("run")).expect("removed");
    interrupted(folder.path(), 4, &[]);
    let set = ["--set", "search.weights.learning_rate=0.05"];
    let resume = ["search", "small.yaml", "--run", "run", "--resume", "--accept-changes", "-q"];
    expect(0, folder.path(), &[&resume[..], &set].concat());
    for arguments in [&["replay", "run"][..], &["replay", "run", "--from", "2"]] {
        let text = expect(2, folder.path(), arguments);
        for words in ["at iteration 4 the run went on with something else", "learning_rate: 0.025 then, 0.05", "newest"]
        {
            assert!(text.contains(words), "`{words}` is not in {text}");
        }
    }
    for from in ["4", "6", "newest"] {
        assert_eq!(json(0, folder.path(), &["replay", "run", "-q", "--from", from])["result"], true);
    }
}

#[test]
fn records_are_compared_without_running() {
    let folder = finished();
    let at = |name: &str| folder.path().join(name);
    expect(0, folder.path(), &["search", "small.yaml", "-q", "--run", "seed", "--seed", "1"]);
    let comparison = json(1, folder.path(), &["diff", "run", "seed"]);
    // The plans of this policy do not depend on the seed before a loss does.
    assert_eq!(comparison["difference"]["iteration"], 0);
    assert_eq!(comparison["changes"], serde_json::json!([{ "what": "spec seed", "recorded": "0", "now": "1" }]));
    let text = expect(1, folder.path(), &["diff", "run", "seed"]);
    assert!(text.contains("spec seed: 0 in the first, 1 in the second"), "{text}");
    assert_eq!(json(0, folder.path(), &["diff", "run", "run"])["result"], true);
    // Of what is due at one iteration the plan comes first, then the losses, α, and the state.
    let copy = |name: &str| {
        let status = std::process::Command::new("cp").arg("-r").arg(at("run")).arg(at(name)).status();
        assert!(status.expect("cp").success());
        at(name)
    };
    let change = |file: PathBuf, nth: usize, key: &str, value: Value| {
        let text = fs::read_to_string(&file).expect("a log");
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        lines[nth][key] = value;
        fs::write(file, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).expect("written");
    };
    let other = copy("other");
    let named = || json(1, folder.path(), &["diff", "run", "other"])["difference"].clone();
    disturb(&other, 6, |list| list[0].bytes[0] ^= 1);
    let difference = named();
    assert!(difference["quantity"].as_str().expect("text").contains("after it"), "{difference}");
    assert_eq!(difference["iteration"], 5);
    change(other.join("alpha.jsonl"), 1, "cells", Value::Null);
    assert_eq!(named()["quantity"], "α's cells at the end of epoch 1");
    let metrics = fs::read_to_string(other.join("metrics.jsonl")).expect("a log");
    let line = metrics.lines().position(|line| line.contains("\"iteration\":5")).expect("iteration 5");
    change(other.join("metrics.jsonl"), line, "search_loss", 4.5.into());
    assert_eq!([&named()["quantity"], &named()["found"]], ["the search loss", "4.5"]);
    change(other.join("trace.jsonl"), 5, "inverted", true.into());
    assert_eq!([&named()["quantity"], &named()["phase"]], ["its plan's inverted", "both"]);
    change(other.join("trace.jsonl"), 4, "relaxed", Value::Array(Vec::new()));
    assert_eq!([&named()["iteration"], &named()["found"]], [&Value::from(4), &Value::from("none")]);
    // An unfinished run says nothing of what would have come.
    let short = copy("short");
    fs::remove_file(short.join("genotype.json")).expect("removed");
    for (name, lines) in [("metrics.jsonl", 5), ("trace.jsonl", 7), ("alpha.jsonl", 1), ("genotypes.jsonl", 1)] {
        let text = fs::read_to_string(short.join(name)).expect("a log");
        fs::write(short.join(name), text.split_inclusive('\n').take(lines).collect::<String>()).expect("written");
    }
    for pair in [["run", "short"], ["short", "run"]] {
        let comparison = json(0, folder.path(), &["diff", pair[0], pair[1]]);
        assert_eq!([&comparison["same"], &comparison["result"]], [true, false]);
    }
    let text = expect(0, folder.path(), &["diff", "run", "short"]);
    assert!(text.contains("the second is not finished: its record ends after 7 iterations"), "{text}");
    // A finished one does.
    fs::copy(at("run/genotype.json"), short.join("genotype.json")).expect("copied");
    let verdict = json(1, folder.path(), &["diff", "run", "short"]);
    assert_eq!(verdict["difference"]["found"], "nothing", "{verdict}");
}

#[test]
fn wrong_input_is_told_from_a_difference() {
    let folder = finished();
    let path = folder.path().join("run");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    let no = |arguments: &[&str], word: &str| {
        let text = expect(2, folder.path(), arguments);
        assert!(text.contains(word), "`{word}` is not in {text}");
    };
    no(&["replay", "empty"], "no run directory");
    no(&["replay", "nowhere"], "no run directory");
    no(&["diff", "run", "empty"], "no run directory");
    no(&["replay", "run", "--iterations", "0"], "--iterations");
    no(&["replay", "run", "--from", "5"], "no checkpoint after 5 iterations");
    no(&["replay", "run", "--from", "5"], "after 2, 3, 4, 6, 8, 9");
    no(&["replay", "run", "--from", "nowhere.json"], "nowhere.json");
    no(&["replay", "run", "--set", "serch.epochs=1"], "serch");
    expect(0, folder.path(), &["search", "small.yaml", "-q", "--run", "seed", "--seed", "1"]);
    no(&["replay", "run", "--from", "seed/checkpoints/000000004.json"], "the checkpoint of another run");
    // A checkpoint that is not whole is passed over, or refused where it is the one that is meant.
    let file = path.join("checkpoints/000000009.safetensors");
    let mut bytes = fs::read(&file).expect("tensors");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&file, bytes).expect("written");
    no(&["replay", "run", "--from", "9"], "another checksum");
    let text = expect(0, folder.path(), &["replay", "run", "--from", "newest"]);
    assert!(text.contains("passed over") && text.contains("from iteration 8 on"), "{text}");
    assert!(text.contains("not compared, for it cannot be read"), "{text}");
}

/// Every shipped spec, CIFAR's on generated files, on few images: replayed from its beginning and from its middle.
#[test]
fn every_shipped_spec_replays() {
    let folder = tempfile::tempdir().expect("a folder");
    cifar(folder.path());
    // One spec's policy is an example plugin's, found beside the program.
    library("example-controller");
    let root = format!("data.root={}", folder.path().display());
    let settings = ["network.cells=5", "network.channels=2", "search.epochs=2", "search.batch=8", "data.limit=40"];
    let others = ["threads=1", "checkpoint.every=2", "checkpoint.keep=9", root.as_str()];
    for name in shipped_specs() {
        let spec = repository(&format!("specs/{name}.yaml")).display().to_string();
        let mut search = vec!["search", &spec, "-q", "--run", &name];
        settings.iter().chain(&others).for_each(|setting| search.extend(["--set", setting]));
        expect(0, folder.path(), &search);
        let verdict = json(0, folder.path(), &["replay", &name, "-q"]);
        assert_eq!([&verdict["same"], &verdict["result"]], [true, true], "{name}: {verdict}");
        let verdict = json(0, folder.path(), &["replay", &name, "-q", "--from", "2"]);
        assert_eq!([&verdict["same"], &verdict["from"]], [&Value::from(true), &Value::from(2)], "{name}: {verdict}");
    }
}
