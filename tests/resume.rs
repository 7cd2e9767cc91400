//! A search that is interrupted and goes on, at any iteration and as often as one likes, comes to the bits of one that never stopped: under
//! every shipped policy, policies with memory, plugins' policies, pruning, weights that start anew, validations on the way, scripts
//! that change. What has changed in between is refused, or accepted and noted.

mod common;

use common::record::{assert_same, record};
use common::{edas, library, repository, small_spec};
use edas::random::{Purpose, Stream};
use edas::run::{Event, Observer, RunDirectory};
use edas::spec::Spec;
use edas::train::resume::Resume;
use edas::train::{End, Interruption};
use edas::{Error, Result, Search};
use std::fs;
use std::path::Path;

/// Interrupts a search after so many iterations of its session, or before it settles what is due after them.
struct Stopper {
    left: u64,
    interruption: Interruption,
    /// Whether the wish is uttered while an epoch ends, not after an iteration.
    late: bool,
}

impl Observer for Stopper {
    fn event(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Iteration(..) => {
                self.left = self.left.saturating_sub(1);
                if self.left == 0 && !self.late {
                    self.interruption.request();
                }
            }
            Event::Validation { .. } if self.left == 0 && self.late => self.interruption.request(),
            _ => {}
        }
        Ok(())
    }
}

fn whole(spec: &Spec, run: &Path) {
    let search = Search::from_spec(spec.clone()).expect("a sound spec");
    let mut directory = RunDirectory::create(run, &search.setup().contents()).expect("a new folder");
    search.run(&mut [&mut directory]).expect("it runs");
}

/// Runs a search that is interrupted again and again, each time after 1 to `most` iterations. Returns how often.
fn in_parts(spec: &Spec, run: &Path, most: u64, seed: u64) -> u64 {
    let mut stream = Stream::new(seed, Purpose::Split, 0);
    for session in 0.. {
        let resumed =
            Search::resume(spec.clone(), run, Resume::default()).expect("it can go on").expect("not finished");
        assert!(resumed.passed_over.is_empty() && resumed.changes.is_empty() && resumed.moved.is_empty());
        let interruption = Interruption::default();
        let (left, late) = (1 + stream.index(most), stream.index(3) == 0);
        let mut stopper = Stopper { left, interruption: interruption.clone(), late };
        let mut directory = resumed.directory;
        match resumed.stage.run_unless(&interruption, &mut [&mut directory, &mut stopper]).expect("it runs") {
            End::Interrupted { .. } => assert!(!run.join("genotype.json").exists()),
            End::Finished(_) => return session,
        }
    }
    unreachable!("it ends");
}

/// Asserts that a spec's search comes to the same bits in one piece and in several.
fn holds(spec: &Spec, what: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, parts) = (folder.path().join("one"), folder.path().join("parts"));
    whole(spec, &one);
    let times = in_parts(spec, &parts, 4, 7);
    assert!(times >= 3, "{what}: interrupted {times} times only");
    assert_same(&record(&one), &record(&parts), what);
    let sessions = fs::read_to_string(parts.join("sessions.jsonl")).expect("sessions");
    assert_eq!(sessions.lines().count() as u64, times + 1);
    let again = Search::resume(spec.clone(), &parts, Resume::default()).expect("it can be read");
    assert!(again.is_none(), "a finished run has nothing to go on with");
}

#[test]
fn every_shipped_policy() {
    for shipped in edas::policy::shipped::SHIPPED {
        let script = repository(&format!("scripts/{}.rhai", shipped.name));
        let policy = format!("policy={{script: {}, params: {{}}}}", script.display());
        holds(&small_spec(&[&policy, "search.epochs=3"]), shipped.name);
    }
}

#[test]
fn the_inversion_schedule_across_its_end() {
    // Three epochs of inversion, two without.
    holds(&small_spec(&["policy.params.warmup_epochs=3", "search.epochs=5"]), "inversion");
}

#[test]
fn a_script_with_memory_that_prunes_starts_weights_anew_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("memory.rhai");
    // Every kind of value; the plan depends on all that was heard.
    let text = r#"
        fn init(space, params) { #{ seen: [], best: 1.0 / 0.0, letter: 'a', nested: #{ float: 0.1 }, none: () } }
        fn plan(turn) {
            let edge = (this.seen.len() * 7 + if this.best < 2.2 { 3 } else { 0 }) % turn.space.edges.len();
            turn.strongest().relax(edge)
        }
        fn feedback(turn, results) {
            let loss = results[0].loss;
            this.seen.push(loss);
            if loss < this.best { this.best = loss; this.letter = 'b'; }
        }
        fn end_epoch(epoch) {
            if epoch.index == 3 { return #{ stop: true }; }
            let keep = [];
            keep.pad(28, ());
            if epoch.index == 0 { keep[2] = [1, 3, 5]; keep[17] = [0, 4]; }
            if epoch.index == 2 { keep[2] = [2, 0]; }
            #{ candidates: keep, reset_weights: epoch.index == 1 }
        }
    "#;
    fs::write(&script, text).expect("written");
    let policy = format!("policy={{script: {}, params: {{}}}}", script.display());
    holds(&small_spec(&[&policy, "search.epochs=6", "validation.every=3"]), "memory");
}

#[test]
fn a_plugins_policy_with_a_model_and_one_that_shrinks() {
    for (package, policy) in [("faulty-policies", "learning"), ("gates-policies", "shrinking")] {
        let policy = format!("policy={{plugin: {}, name: {policy}, params: {{}}}}", library(package).display());
        holds(&small_spec(&[&policy, "search.epochs=3"]), package);
    }
}

#[test]
fn other_loader_threads_validations_on_the_way_second_order_and_double_precision() {
    let keys = ["validation.every=3", "validation.batch_norm=running", "search.architecture.order=second"];
    holds(&small_spec(&[&keys[..], &["search.epochs=4"]].concat()), "second order");
    holds(
        &small_spec(&[
            "network.precision=float64",
            "validation.data={holdout: 0.2}",
            "data.augment={crop: 1}",
            "search.epochs=4",
        ]),
        "float64",
    );
    // The number of loader threads may be another one each time.
    let folder = tempfile::tempdir().expect("a folder");
    let (one, parts) = (folder.path().join("one"), folder.path().join("parts"));
    let spec = small_spec(&["data.workers=1"]);
    whole(&spec, &one);
    for workers in [4, 1, 3, 2, 5] {
        let spec = small_spec(&[&format!("data.workers={workers}"), "checkpoint.keep=1", "sandbox.operations=1000000"]);
        let resumed = Search::resume(spec, &parts, Resume::default()).expect("it can go on").expect("not finished");
        let interruption = Interruption::default();
        let mut stopper = Stopper { left: 2, interruption: interruption.clone(), late: false };
        let (search, mut directory) = (resumed.stage, resumed.directory);
        let _ = search.run_unless(&interruption, &mut [&mut directory, &mut stopper]).expect("it runs");
    }
    let _ = in_parts_from(&spec, &parts);
    assert_same(&record(&one), &record(&parts), "workers");
}

/// Goes on to the end.
fn in_parts_from(spec: &Spec, run: &Path) -> Result<()> {
    let Some(resumed) = Search::resume(spec.clone(), run, Resume::default())? else { return Ok(()) };
    let mut directory = resumed.directory;
    resumed.stage.run(&mut [&mut directory]).map(drop)
}

/// Interrupts a new run of a spec after so many iterations.
fn interrupted(spec: &Spec, run: &Path, after: u64) {
    let search = Search::from_spec(spec.clone()).expect("a sound spec");
    let mut directory = RunDirectory::create(run, &search.setup().contents()).expect("a new folder");
    let interruption = Interruption::default();
    let mut stopper = Stopper { left: after, interruption: interruption.clone(), late: false };
    let end = search.run_unless(&interruption, &mut [&mut directory, &mut stopper]).expect("it runs");
    assert!(matches!(end, End::Interrupted { iteration } if iteration == after));
}

fn refusal(spec: Spec, run: &Path) -> Error {
    let before = fs::read(run.join("metrics.jsonl")).expect("metrics");
    let error = match Search::resume(spec, run, Resume::default()) {
        Err(error) => error,
        Ok(_) => panic!("it goes on"),
    };
    assert!(before == fs::read(run.join("metrics.jsonl")).expect("metrics"), "nothing is changed");
    error
}

#[test]
fn what_alters_the_run_is_refused_with_what_was_and_what_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let script = folder.path().join("policy.rhai");
    fs::write(&script, "fn plan(turn) { turn.strongest().relax(turn.iteration % 28) }").expect("written");
    let space = folder.path().join("space.yaml");
    fs::copy(repository("specs/spaces/darts.yaml"), &space).expect("copied");
    let base = [format!("policy={{script: {}, params: {{}}}}", script.display()), format!("space={}", space.display())];
    let spec = |key: &str| {
        let keys: Vec<&str> = base.iter().map(String::as_str).chain((!key.is_empty()).then_some(key)).collect();
        small_spec(&keys)
    };
    interrupted(&spec(""), &run, 5);
    for (key, parts) in [
        ("search.batch=8", ["spec search.batch", "16 then, 8 now"]),
        ("seed=3", ["spec seed", "0 then, 3 now"]),
        ("threads=2", ["spec threads", "1 then, 2 now"]),
        ("search.epochs=3", ["spec search.epochs", "2 then, 3 now"]),
        ("derive.rule=top2", ["spec derive.rule", "\"argmax\" then, \"top2\" now"]),
    ] {
        let message = refusal(spec(key), &run).to_string();
        for part in parts.iter().chain(&["--accept-changes", "--resume"]) {
            assert!(message.contains(part), "`{part}` is not in\n{message}");
        }
    }
    // What changes nothing goes on: where it is looked for, how it is loaded and saved, what scripts may use.
    let harmless = spec("data.workers=3");
    let resumed = Search::resume(harmless, &run, Resume::default()).expect("it goes on").expect("not finished");
    drop(resumed);
    fs::write(&script, "fn plan(turn) { turn.strongest().relax(turn.iteration % 27) }").expect("written");
    let message = refusal(spec(""), &run).to_string();
    assert!(message.contains("policy policy.rhai: ") && message.matches(" then, ").count() == 1, "{message}");
    // The run's own spec has its own copy.
    let own = Spec::load(run.join("spec.yaml"), &[]).expect("a spec");
    drop(Search::resume(own, &run, Resume::default()).expect("it goes on").expect("not finished"));
    fs::write(&space, fs::read_to_string(&space).expect("text") + "\n# another\n").expect("written");
    let message = refusal(spec(""), &run).to_string();
    assert!(message.contains("inputs/space.yaml: "), "{message}");
}

#[test]
fn a_changed_script_that_is_accepted_takes_over_and_the_run_can_still_be_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, script) = (folder.path().join("run"), folder.path().join("policy.rhai"));
    let write = |edge: &str| {
        let text =
            format!("fn init(s, p) {{ #{{ n: 0 }} }}\nfn plan(turn) {{ this.n += 1; turn.strongest().relax({edge}) }}");
        fs::write(&script, text).expect("written");
    };
    write("this.n % 5");
    let spec = small_spec(&[&format!("policy={{script: {}, params: {{}}}}", script.display()), "search.epochs=4"]);
    interrupted(&spec, &run, 3);
    write("10 + this.n % 5");
    let accept = Resume { accept_changes: true, ..Resume::default() };
    let go_on = |run: &Path, how: Resume, after: u64| {
        let resumed = Search::resume(spec.clone(), run, how).expect("it goes on").expect("not finished");
        let interruption = Interruption::default();
        let mut stopper = Stopper { left: after, interruption: interruption.clone(), late: false };
        let (search, mut directory, changes) = (resumed.stage, resumed.directory, resumed.changes);
        let end = search.run_unless(&interruption, &mut [&mut directory, &mut stopper]).expect("it runs");
        (changes.len(), matches!(end, End::Finished(_)))
    };
    assert_eq!(go_on(&run, accept, 4), (1, false));
    // From here on it is the run's script.
    assert_eq!(go_on(&run, Resume::default(), 2), (0, false));
    write("20 + this.n % 5");
    assert_eq!(go_on(&run, accept, u64::MAX), (1, true));
    let trace = fs::read_to_string(run.join("trace.jsonl")).expect("a trace");
    let edges: Vec<u64> = trace
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["relaxed"][0]["index"]
                .as_u64()
                .expect("an edge")
        })
        .collect();
    let expected = |n: u64| {
        if n <= 3 {
            n % 5
        } else if n <= 9 {
            10 + n % 5
        } else {
            20 + n % 5
        }
    };
    assert_eq!(edges, (1..=16).map(expected).collect::<Vec<_>>());
    // Both changes are in the spec: it repeats the run, in one piece and in several.
    let again = Spec::load(run.join("spec.yaml"), &[]).expect("a spec");
    for (name, parts) in [("again", false), ("in-parts", true)] {
        let path = folder.path().join(name);
        if parts {
            assert!(in_parts(&again, &path, 3, 3) > 3);
        } else {
            whole(&again, &path);
        }
        assert_same(&record(&run), &record(&path), name);
    }
}

/// Rewrites a file at the end of an epoch, and interrupts after so many iterations of the session.
struct Editor<'a> {
    script: &'a Path,
    texts: Vec<(u64, String)>,
    stopper: Stopper,
}

impl Observer for Editor<'_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Epoch(record, _) = event
            && let Some((_, text)) = self.texts.iter().find(|(epoch, _)| *epoch == record.epoch)
        {
            fs::write(self.script, text).expect("written");
        }
        self.stopper.event(event)
    }
}

#[test]
fn a_watched_run_goes_on_with_the_scripts_that_it_had_and_is_watched_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, script) = (folder.path().join("run"), folder.path().join("policy.rhai"));
    let text = |edge: &str| {
        format!("fn init(s, p) {{ #{{ n: 0 }} }}\nfn plan(turn) {{ this.n += 1; turn.strongest().relax({edge}) }}")
    };
    fs::write(&script, text("this.n % 5")).expect("written");
    let spec = small_spec(&[&format!("policy={{script: {}, params: {{}}}}", script.display()), "search.epochs=6"]);
    let how = Resume { watch: true, ..Resume::default() };
    // Interrupted after the change of epoch 0, before that of epoch 3 is seen, and once more.
    let texts = || vec![(0, text("5 + this.n % 5")), (3, text("10 + this.n % 5"))];
    for (after, late) in [(6, false), (8, true), (2, false), (u64::MAX, false)] {
        let resumed = Search::resume(spec.clone(), &run, how).expect("it goes on").expect("not finished");
        let interruption = Interruption::default();
        let stopper = Stopper { left: after, interruption: interruption.clone(), late };
        let mut editor = Editor { script: &script, texts: texts(), stopper };
        let (search, mut directory) = (resumed.stage, resumed.directory);
        let _ = search.run_unless(&interruption, &mut [&mut directory, &mut editor]).expect("it runs");
    }
    let changes = fs::read_to_string(run.join("spec.yaml")).expect("a spec").matches("iteration: ").count();
    assert_eq!(changes, 2);
    let again = folder.path().join("again");
    whole(&Spec::load(run.join("spec.yaml"), &[]).expect("a spec"), &again);
    assert_same(&record(&run), &record(&again), "from the record");
    let own = Spec::load(run.join("spec.yaml"), &[]).expect("a spec");
    fs::remove_file(run.join("genotype.json")).expect("removed");
    let error = Search::resume(own, &run, how).err().expect("its own scripts cannot be watched");
    assert!(error.to_string().contains("name the spec that the run was started with"), "{error}");
}

#[test]
fn a_plugin_that_changed_is_refused_with_both_hashes() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugin = folder.path().join("libops.so");
    fs::copy(library("edas-darts-ops-library"), &plugin).expect("copied");
    let search = |more: &[&str]| {
        let mut command = edas(folder.path());
        command.arg("search").arg(repository("specs/quickstart.yaml")).args([
            "--run",
            "run",
            "--set",
            "plugins=[./libops.so]",
        ]);
        for setting in ["network.cells=3", "network.channels=2", "search.epochs=1", "data.limit=60", "threads=1"] {
            command.args(["--set", setting]);
        }
        let output = command.args(more).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(search(&[]).0, Some(0));
    fs::remove_file(folder.path().join("run/genotype.json")).expect("removed");
    let hash = edas::run::checkpoint::manifest::sha256(&fs::read(&plugin).expect("a library"));
    let mut bytes = fs::read(&plugin).expect("a library");
    bytes.push(0);
    fs::write(&plugin, &bytes).expect("written");
    let other = edas::run::checkpoint::manifest::sha256(&bytes);
    let (status, said) = search(&["--resume"]);
    assert_eq!(status, Some(2), "{said}");
    let line = format!("plugin darts-ops: {hash} then, {other} now");
    assert!(said.contains(&line), "`{line}` is not in\n{said}");
    let (status, said) = search(&["--resume", "--accept-changes"]);
    assert_eq!((status, said.contains(&format!("accepted: {line}"))), (Some(0), true), "{said}");
}

#[test]
fn other_changes_that_are_accepted_are_noted_and_what_was_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, space) = (folder.path().join("run"), folder.path().join("space.yaml"));
    fs::copy(repository("specs/spaces/darts.yaml"), &space).expect("copied");
    let key = format!("space={}", space.display());
    interrupted(&small_spec(&[&key]), &run, 6);
    let old = fs::read_to_string(&space).expect("text");
    fs::write(&space, format!("{old}\n# the same, with a word more\n")).expect("written");
    let spec = small_spec(&[&key, "search.epochs=5"]);
    let accept = Resume { accept_changes: true, ..Resume::default() };
    let resumed = Search::resume(spec.clone(), &run, accept).expect("it goes on").expect("not finished");
    assert_eq!(resumed.iteration, 6);
    let mut directory = resumed.directory;
    resumed.stage.run(&mut [&mut directory]).expect("it runs");
    drop(directory);
    let sessions = edas::run::session::Session::read(&run).expect("sessions");
    let whats: Vec<&str> = sessions[1].accepted.iter().map(|change| change.what.as_str()).collect();
    assert_eq!(whats, ["spec search.epochs", "inputs/space.yaml"]);
    assert_eq!(sessions[1].iteration, 6);
    // What the checkpoint cannot be put into is refused though it would be accepted, and the run is as it was.
    let before = fs::read(run.join("spec.yaml")).expect("a spec");
    for (keys, part) in [
        ("network.channels=6", "has another shape"),
        ("network.cells=4", "has no tensor"),
        ("search.batch=8", "another number of iterations"),
        ("search.epochs=1", "of a longer search"),
    ] {
        let error =
            Search::resume(small_spec(&[&key, "search.epochs=5", keys]), &run, accept).err().expect("it does not fit");
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(before == fs::read(run.join("spec.yaml")).expect("a spec") && run.join("genotype.json").is_file());
    assert_eq!(fs::read_to_string(run.join("inputs/until-6/inputs/space.yaml")).expect("kept"), old);
    assert!(fs::read_to_string(run.join("inputs/until-6/spec.yaml")).expect("kept").contains("epochs: 2"));
    assert!(fs::read_to_string(run.join("spec.yaml")).expect("a spec").contains("epochs: 5"));
    assert_eq!(
        fs::read_to_string(run.join("metrics.jsonl")).expect("metrics").matches("\"kind\":\"epoch\"").count(),
        5
    );
    // A finished run goes on once more where more is accepted.
    let spec = small_spec(&[&key, "search.epochs=6"]);
    assert!(
        Search::resume(spec.clone(), &run, Resume::default()).is_err(),
        "a finished run is not that of another spec"
    );
    let resumed = Search::resume(spec, &run, accept).expect("it goes on").expect("more epochs");
    assert_eq!(resumed.iteration, 20);
    let mut directory = resumed.directory;
    resumed.stage.run(&mut [&mut directory]).expect("it runs");
}

#[test]
fn the_newest_are_kept_and_the_best() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    whole(&small_spec(&["search.epochs=6", "checkpoint={keep: 2, share: null}"]), &run);
    let names = |ending: &str| {
        let entries = fs::read_dir(run.join("checkpoints")).expect("checkpoints");
        let names =
            entries.filter_map(|e| e.expect("one").file_name().to_str()?.strip_suffix(ending).map(str::to_owned));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let genotypes = fs::read_to_string(run.join("genotypes.jsonl")).expect("genotypes");
    let accuracy = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        (value["derived_accuracy"].as_f64().expect("a number"), value["iteration"].as_u64().expect("a number") + 1)
    };
    let best = genotypes.lines().map(accuracy).max_by(|a, b| a.0.total_cmp(&b.0)).expect("epochs").1;
    let mut expected: Vec<String> = [best, 20, 24].iter().map(|n| format!("{n:09}")).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(names(".json"), expected);
    expected.push("final".to_owned());
    assert_eq!(names(".safetensors"), expected);
    // By the clock: every iteration takes longer than half a millisecond.
    let often = folder.path().join("often");
    whole(&small_spec(&["checkpoint={every: null, minutes: 0.00001, keep: 100}"]), &often);
    let manifests = fs::read_dir(often.join("checkpoints")).expect("checkpoints");
    let manifests = manifests.filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|e| e == "json")));
    assert_eq!(manifests.count(), 8);
    // Never, but at the end.
    let seldom = folder.path().join("seldom");
    whole(&small_spec(&["checkpoint={every: null, minutes: null}"]), &seldom);
    assert!(seldom.join("checkpoints/000000008.json").is_file() && !seldom.join("checkpoints/000000004.json").exists());
}

#[test]
fn the_command_line_goes_on_by_spec_and_by_folder_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/mobile-digits.yaml");
    let small = ["--set", "search.epochs=2", "--set", "data.limit=100", "--set", "threads=1"];
    let search = |args: &[&str]| {
        let output = edas(folder.path()).arg("search").args(args).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let spec = spec.to_str().expect("text");
    let all = |more: &[&'static str]| [&[spec, "--run", "run"], &small[..], more].concat();
    // A job that is started again and again has one command.
    let (status, said) = search(&all(&["--resume"]));
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = search(&all(&["--resume"]));
    assert_eq!((status, said.contains("has come to its end")), (Some(0), true), "{said}");
    let (status, said) = search(&all(&[]));
    assert_eq!((status, said.contains("--resume")), (Some(2), true), "{said}");
    fs::remove_file(folder.path().join("run/genotype.json")).expect("removed");
    let (status, said) = search(&["run", "--resume"]);
    assert_eq!((status, said.contains("goes on after 2")), (Some(0), true), "{said}");
    let (status, said) = search(&["run"]);
    assert_eq!((status, said.contains("`--resume` goes on with it")), (Some(2), true), "{said}");
    // A finished run is not taken for another one, either.
    let (status, said) = search(&all(&["--resume", "--set", "seed=1"]));
    assert_eq!((status, said.contains("spec seed: 0 then, 1 now")), (Some(2), true), "{said}");
    fs::remove_file(folder.path().join("run/genotype.json")).expect("removed");
    let (status, said) = search(&all(&["--resume", "--set", "seed=1"]));
    assert_eq!((status, said.contains("spec seed: 0 then, 1 now")), (Some(2), true), "{said}");
    let (status, said) = search(&["run/spec.yaml", "--resume"]);
    assert_eq!((status, said.contains("goes on after 2")), (Some(0), true), "{said}");
    // What the run has written and kept is not to be edited.
    let script = fs::read_dir(folder.path().join("run/inputs")).expect("inputs").map(|e| e.expect("one").path());
    let script = script.into_iter().find(|path| path.extension().is_some_and(|e| e == "rhai")).expect("a script");
    for (file, part) in [(folder.path().join("run/spec.yaml"), "as the run wrote it"), (script, "the one that ran")] {
        let text = fs::read_to_string(&file).expect("text");
        fs::write(&file, format!("{text}\n")).expect("written");
        let (status, said) = search(&["run", "--resume"]);
        assert_eq!((status, said.contains(part)), (Some(2), true), "{said}");
        fs::write(&file, text).expect("written");
    }
    let (status, said) = search(&all(&["--accept-changes"]));
    assert_eq!((status, said.contains("--resume")), (Some(2), true), "{said}");
}
