//! Evaluations: a derived network trained from scratch and tested, exactly resumed and repeated; several of them in one table; wrong input.

mod common;

use common::record::without_seconds;
use common::{edas, repository};
use edas::data::{DataSet, Part};
use edas::random::{Purpose, Stream};
use edas::run::{EvaluationRecord, EvaluationResult, Event, Observer, RunDirectory};
use edas::space::Genotype;
use edas::spec::{EvaluateOptimizer, Schedule, Spec};
use edas::train::evaluation::EvaluationEnd;
use edas::train::replay::Replay;
use edas::train::resume::Resume;
use edas::train::{Evaluation, Interruption, schedule};
use edas::{Error, Result};
use serde_json::Value;
use std::fs;
use std::path::Path;

const GENOTYPE: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_3x3', 0), ('max_pool_3x3', 2)], \
     normal_concat=[2, 3], reduce=[('max_pool_3x3', 0), ('skip_connect', 1), ('sep_conv_5x5', 0), ('skip_connect', 2)], \
     reduce_concat=[2, 3])";

fn spec(keys: &[&str]) -> Spec {
    let small = ["evaluate.cells=3", "evaluate.channels=4", "evaluate.epochs=3", "evaluate.batch=32", "data.limit=150"];
    let overrides: Vec<String> =
        small.iter().chain(keys).map(|key| (*key).to_owned()).chain(["threads=1".to_owned()]).collect();
    Spec::load(repository("specs/evaluate-digits.yaml"), &overrides).expect("a sound spec")
}

fn genotype() -> Genotype {
    let published = edas::space::Published::parse(GENOTYPE, "genotype.txt").expect("a published genotype");
    published.genotype(&common::op_sets("darts-ops")).expect("known operations")
}

fn whole(spec: &Spec, run: &Path) -> EvaluationResult {
    let evaluation = Evaluation::from_spec(spec.clone(), Some(genotype())).expect("a sound spec");
    let mut directory = RunDirectory::create(run, &evaluation.setup().contents()).expect("a new folder");
    evaluation.run(&mut [&mut directory]).expect("it runs")
}

/// Interrupts after so many iterations of its session.
struct Stopper(u64, Interruption);

impl Observer for Stopper {
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Iteration(..) = event {
            self.0 = self.0.saturating_sub(1);
            if self.0 == 0 {
                self.1.request();
            }
        }
        Ok(())
    }
}

#[test]
fn in_parts_it_comes_to_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, parts) = (folder.path().join("one"), folder.path().join("parts"));
    let spec = spec(&["evaluate.label_smoothing=0.1", "evaluate.drop_path=0.3"]);
    let result = whole(&spec, &one);
    let mut stream = Stream::new(3, Purpose::Split, 0);
    let mut sessions = 0;
    loop {
        let resumed = Evaluation::resume(spec.clone(), Some(genotype()), &parts, Resume::default());
        let resumed = resumed.expect("it can go on").expect("not finished");
        assert!(resumed.passed_over.is_empty() && resumed.changes.is_empty());
        let interruption = Interruption::default();
        let mut stopper = Stopper(1 + stream.index(4), interruption.clone());
        let mut directory = resumed.directory;
        sessions += 1;
        match resumed.stage.run_unless(&interruption, &mut [&mut directory, &mut stopper]).expect("it runs") {
            EvaluationEnd::Interrupted { .. } => assert!(!parts.join("result.json").exists()),
            EvaluationEnd::Finished(other) => {
                let timeless = |record: EvaluationRecord| EvaluationRecord { seconds: 0.0, ..record };
                assert_eq!(timeless(other.last), timeless(result.last));
                assert_eq!(other.confusion, result.confusion);
                break;
            }
        }
    }
    assert!(sessions > 3, "{sessions}");
    let metrics = |run: &Path| without_seconds(&fs::read(run.join("metrics.jsonl")).expect("metrics"));
    assert_eq!(String::from_utf8(metrics(&one)), String::from_utf8(metrics(&parts)));
    for file in ["final", "best"] {
        let read = |run: &Path| fs::read(run.join(format!("checkpoints/{file}.safetensors"))).expect("weights");
        assert_eq!(read(&one), read(&parts), "{file}");
    }
    let again = Evaluation::resume(spec, Some(genotype()), &parts, Resume::default()).expect("it can be read");
    assert!(again.is_none(), "a finished run has nothing to go on with");
    // And once more from its directory alone, from its beginning and from a checkpoint.
    for from in [None, Some("newest".parse().expect("a choice"))] {
        let replay = Replay::prepare(&one, from.as_ref(), &[]).expect("it can be repeated");
        let verdict = replay.run(None, &mut []).expect("it runs");
        assert!(verdict.difference.is_none(), "{:?}", verdict.difference);
        assert!(verdict.result && verdict.unread.is_empty());
    }
}

#[test]
fn what_it_measures_is_what_the_network_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let spec = spec(&["evaluate.epochs=6", "evaluate.channels=8", "data.limit=600"]);
    let result = whole(&spec, &run);
    let test = DataSet::load("digits", None, Part::Test, 1).expect("built in");
    assert_eq!(result.images, [600, test.len()]);
    let images: u64 = result.confusion.iter().flatten().sum();
    let right: u64 = (0..10).map(|class| result.confusion[class][class]).sum();
    assert_eq!(images as usize, test.len());
    assert_eq!(result.last.test_accuracy, right as f64 / images as f64);
    for (class, row) in result.confusion.iter().enumerate() {
        let labelled = test.images.labels.iter().filter(|label| usize::from(**label) == class).count();
        assert_eq!(row.iter().sum::<u64>() as usize, labelled);
    }
    assert!(result.last.test_accuracy > 0.6, "{:?}", result.last);
    assert!(result.last.test_top5.expect("ten classes") >= result.last.test_accuracy);
    assert!(result.best_selected_on_test.test_accuracy >= result.last.test_accuracy);
    // Normal: 0 →sep→ 2 →pool→ 3; reduction: two plain skips count nothing where the map keeps its size.
    assert_eq!(result.longest_paths["normal"], 2);
    let lines = fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let epochs: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "epoch").collect();
    assert_eq!(epochs.len(), 6);
    assert_eq!(epochs[5]["test_accuracy"].as_f64(), Some(result.last.test_accuracy));
    assert_eq!(lines.iter().filter(|line| line["kind"] == "iteration").count(), 6 * 600usize.div_ceil(32));
    let files: Vec<String> = fs::read_dir(&run)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    for file in ["trace.jsonl", "alpha.jsonl", "genotype.json"] {
        assert!(!files.contains(&file.to_owned()), "{file} is a search's");
    }
}

#[test]
fn learning_rates_fall_as_the_spec_says() {
    let of = |schedule| EvaluateOptimizer {
        learning_rate: 0.1,
        minimum_learning_rate: 0.02,
        schedule,
        ..Default::default()
    };
    let rates = |schedule| [0, 1, 2, 3].map(|epoch| schedule::rate(&of(schedule), epoch, 4));
    let near = |a: [f64; 4], b: [f64; 4]| a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
    near(rates(Schedule::Linear), [0.1, 0.08, 0.06, 0.04]);
    near(rates(Schedule::Exponential(0.5)), [0.1, 0.05, 0.025, 0.0125]);
    let half = 0.02 + 0.08 * 0.5 * (1.0 + std::f64::consts::FRAC_1_SQRT_2);
    near(rates(Schedule::Cosine), [0.1, half, 0.06, 0.12 - half]);
}

/// The program in a folder with the arguments of a small evaluation.
fn evaluate(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let spec = repository("specs/evaluate-digits.yaml");
    let mut command = edas(folder);
    command.arg("evaluate").args(arguments).arg("--spec").arg(spec);
    for key in ["evaluate.cells=3", "evaluate.channels=4", "evaluate.epochs=1", "data.limit=100", "threads=1"] {
        command.args(["--set", key]);
    }
    command.output().expect("it runs")
}

fn says(output: &std::process::Output, status: i32, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in\n{text}"));
}

#[test]
fn a_search_flows_on_into_its_evaluation() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let spec = repository("specs/quickstart.yaml");
    let mut search = edas(at);
    search.arg("search").arg(&spec).args(["--run", "found", "--quiet"]);
    for key in
        ["network.cells=3", "network.channels=4", "search.epochs=2", "data.limit=160", "search.batch=16", "threads=1"]
    {
        search.args(["--set", key]);
    }
    search.args(["--set", "evaluate={cells: 3, channels: 4, epochs: 1, batch: 32, auxiliary: null}"]);
    search.assert().success();
    // Its own section says how; by its default name the directory would be that of a search.
    let output = edas(at).args(["evaluate", "found", "--run", "own", "--json", "--quiet"]).output().expect("it runs");
    says(&output, 0, &[]);
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["last"]["epoch"], 0);
    assert!(at.join("own/inputs/genotype.json").is_file() && at.join("own/result.json").is_file());
    // Snapshots and seeds, in one table.
    let output = evaluate(at, &["found", "--epochs", "0,1", "--seeds", "0..2", "--run", "all", "--quiet"]);
    says(&output, 0, &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    for part in ["search epoch 0: test accuracy", "search epoch 1: test accuracy", "all/epoch-1/seed-1", "of 2 seeds"] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    // What is over is read, not run again.
    let again = evaluate(at, &["found", "--epochs", "0,1", "--seeds", "0..2", "--run", "all", "--quiet", "--resume"]);
    assert_eq!(again.stdout, output.stdout);
    // Other commands know its directory.
    edas(at).args(["export", "own", "--format", "dot"]).assert().success();
    edas(at).args(["replay", "own", "--quiet"]).assert().success();
    says(
        &edas(at).args(["search", "own", "--resume"]).output().expect("it runs"),
        2,
        &["this is the run of an evaluation"],
    );
    says(
        &edas(at).args(["evaluate", "own"]).output().expect("it runs"),
        2,
        &["the directory of an evaluation", "--resume"],
    );
}

#[test]
fn searches_with_several_seeds() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = |more: &[&str]| {
        let mut command = edas(folder.path());
        command.arg("search").arg(repository("specs/quickstart.yaml")).args(["--quiet", "--seeds", "4,2"]).args(more);
        for key in ["network.cells=3", "network.channels=4", "search.epochs=1", "data.limit=160", "threads=1"] {
            command.args(["--set", key]);
        }
        command.output().expect("it runs")
    };
    let output = search(&[]);
    says(&output, 0, &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    for part in ["runs/quickstart/seed-4", "runs/quickstart/seed-2", "of 2 seeds"] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    says(&search(&[]), 2, &["runs/quickstart/seed-4 exists"]);
    // What is over is read, not run again.
    assert_eq!(search(&["--resume"]).stdout, output.stdout);
    says(&search(&["--seed", "1"]), 2, &["--seeds"]);
}

#[test]
fn wrong_input_is_said_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let one = |arguments: &[&str], parts: &[&str]| says(&evaluate(at, arguments), 2, parts);
    one(&[], &["there is no genotype to train", "evaluate.genotype"]);
    one(&["nowhere"], &["nowhere", "a run directory"]);
    one(&["Genotype(normal=[('sep_conv_3x4', 0), ('none', 1)], normal_concat=[2])"], &["sep_conv_3x4", "sep_conv_3x3"]);
    one(&["Genotype(normal=[('none', 0), ('none', 7)], normal_concat=[2])"], &["node 2 reads node 7"]);
    one(&[GENOTYPE, "--epochs", "0,1"], &["only a search has epochs"]);
    one(&[GENOTYPE, "--seeds", "3..3"], &["3..3"]);
    one(&[GENOTYPE, "--seeds", "1,1"], &["names a number twice"]);
    one(&[GENOTYPE, "--set", "evaluate.auxiliary={}"], &["larger than its input", "--set evaluate.auxiliary={}"]);
    one(&[GENOTYPE, "--set", "evaluate.auxiliary={after: cells}"], &["no stage for the auxiliary head"]);
    one(&[GENOTYPE, "--set", "evaluate.stem={op: stem_cifer}"], &["stem_cifer", "stem_cifar"]);
    one(&[GENOTYPE, "--set", "evaluate.weights.minimum_learning_rate=1"], &["evaluate.weights.minimum_learning_rate"]);
    one(&[GENOTYPE, "--set", "evaluate.weights.schedule={exponential: 2}"], &["out of range"]);
    let output = edas(at).args(["evaluate", GENOTYPE]).output().expect("it runs");
    says(&output, 2, &["nothing says how to train", "--spec"]);
    let quickstart = repository("specs/quickstart.yaml");
    let output = edas(at).args(["evaluate", GENOTYPE, "--spec"]).arg(quickstart).output().expect("it runs");
    says(&output, 2, &["the spec has no section `evaluate`"]);
    let output = edas(at).arg("search").arg(repository("specs/evaluate-digits.yaml")).output().expect("it runs");
    says(&output, 2, &["the spec describes no search"]);
    assert!(fs::read_dir(at).expect("a folder").next().is_none(), "nothing was begun");
}

#[test]
fn an_observer_that_fails_ends_it_and_the_directory_says_why() {
    struct Fails;
    impl Observer for Fails {
        fn event(&mut self, event: &Event) -> Result<()> {
            if let Event::Tested(_) = event { Err(Error::new("enough")) } else { Ok(()) }
        }
    }
    let evaluation = Evaluation::from_spec(spec(&[]), Some(genotype())).expect("a sound spec");
    assert!(evaluation.run(&mut [&mut Fails]).expect_err("it fails").to_string().contains("enough"));
}
