//! Whole searches: the quickstart's accuracy, a space with planted useless candidates, and traces.

mod common;

use common::{edas, library, repository, small_spec};
use edas::Search;
use edas::extension::Cancellation;
use edas::run::{Event, Observer};
use edas::spec::{ArchitectureOptimizer, PluginRef, Spec};
use edas::train::optimizer::Architecture;
use serde_json::Value;

/// The quickstart, whole: its derived network, with the supernet's weights, on digits that trained nothing.
#[test]
fn the_quickstart_reaches_95_percent() {
    let spec = Spec::load(repository("specs/quickstart.yaml"), &[]).expect("a sound spec");
    let outcome = Search::from_spec(spec).expect("it can be prepared").run(&mut []).expect("it runs");
    let accuracy = outcome.validation.derived_accuracy;
    assert!(accuracy >= 0.95, "derived accuracy {accuracy}");
}

/// A wish to end is heard after the iteration that runs; what was found so far is measured.
#[test]
fn a_cancelled_search_ends_in_order() {
    struct Canceller(Cancellation, u64);
    impl Observer for Canceller {
        fn event(&mut self, event: &Event) -> edas::Result<()> {
            if let Event::Iteration(record, _) = event {
                self.1 = record.iteration;
                if record.iteration == 2 {
                    self.0.request();
                }
            }
            Ok(())
        }
    }
    let cancellation = Cancellation::default();
    let mut observer = Canceller(cancellation.clone(), 0);
    let search = Search::from_spec(small_spec(&[])).expect("it can be prepared").cancelled_by(&cancellation);
    let outcome = search.run(&mut [&mut observer]).expect("it ends in order");
    assert!(outcome.stopped);
    assert_eq!((observer.1, outcome.validation.iteration), (2, 2));
}

/// The planted space with a seed.
fn planted(seed: u64) -> Search {
    let mut spec = Spec::load(repository("tests/specs/planted.yaml"), &[format!("seed={seed}"), "threads=1".into()])
        .expect("a sound spec");
    spec.plugins = vec![PluginRef::Name("darts-ops".into()), PluginRef::Path(library("planted-ops").into())];
    Search::from_spec(spec).expect("it can be prepared")
}

/// The share of edges on which the useful candidate is the strongest, over seeds, when α learns at `rate`. A rate of 0 stands
/// for a gradient of zero, a negative one for a negated gradient.
fn share_of_useful(seeds: u64, rate: f64) -> f64 {
    let (mut useful, mut all) = (0, 0);
    for seed in 0..seeds {
        let search = planted(seed);
        let names: Vec<Vec<String>> = search.setup().view.edges.iter().map(|e| e.candidates.clone()).collect();
        let iterations = search.iterations_per_epoch() * u64::from(search.setup().spec.search.epochs);
        let mut running = search.start().expect("it starts");
        let settings = ArchitectureOptimizer { learning_rate: rate, ..ArchitectureOptimizer::default() };
        running.trainer.architecture = Architecture::new(running.trainer.architecture.alpha.clone(), &settings);
        for _ in 0..iterations {
            running.iteration(&mut []).expect("it runs");
        }
        for (row, names) in running.trainer.architecture.alpha.iter().zip(&names) {
            useful += usize::from(names[edas::space::derive::strongest(row)] == "useful");
            all += 1;
        }
    }
    useful as f64 / all as f64
}

#[test]
fn a_search_keeps_the_useful_candidate() {
    let share = share_of_useful(10, 0.1);
    assert!(share >= 0.8, "the useful candidate was kept on {share} of the edges");
}

/// The test above can fail: without α's gradient, or against it, the useful candidate is not kept.
#[test]
fn without_its_gradient_it_does_not() {
    let (zeroed, negated) = (share_of_useful(4, 0.0), share_of_useful(4, -0.1));
    assert!(zeroed < 0.5, "kept on {zeroed} of the edges with a gradient of zero");
    assert!(negated < 0.5, "kept on {negated} of the edges with a negated gradient");
}

/// `edas trace` prints the plans that `edas search` then runs, when α stays where it started.
#[test]
fn trace_gives_the_plans_that_search_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml");
    for policy in ["edas", "edas_inversion", "alpha_max", "darts"] {
        let script = format!("policy.script={}", repository(&format!("scripts/{policy}.rhai")).display());
        let mut settings = vec![script, "policy.params={}".to_owned()];
        if policy == "edas_inversion" {
            settings.push("policy.params.warmup_epochs=1".to_owned());
            settings.push("policy.params.phases=weights".to_owned());
        }
        settings.extend(
            [
                "search.architecture.learning_rate=0",
                "search.architecture.weight_decay=0",
                "search.epochs=2",
                "data.limit=120",
                "search.batch=16",
                "network.cells=3",
                "network.channels=4",
                "threads=1",
            ]
            .map(str::to_owned),
        );
        let with_settings = |arguments: &[&str]| {
            let mut command = edas(folder.path());
            command.args(arguments).arg(&spec).args(["--seed", "5"]);
            for setting in &settings {
                command.args(["--set", setting]);
            }
            command
        };
        with_settings(&["search", "--quiet", "--run", policy]).assert().success();
        let ran = std::fs::read_to_string(folder.path().join(policy).join("trace.jsonl")).expect("a trace");
        let last: Value = serde_json::from_str(ran.lines().next_back().expect("a line")).expect("JSON");
        let iterations = last["iteration"].as_u64().expect("a number") + 1;
        let traced = with_settings(&["trace", "--iterations", &iterations.to_string()]).assert().success();
        let traced = String::from_utf8_lossy(&traced.get_output().stdout).into_owned();
        assert!(ran.lines().count() >= 6);
        for (a, b) in traced.lines().zip(ran.lines()) {
            assert_eq!(a, b, "{policy}");
        }
        assert_eq!(traced.lines().count(), ran.lines().count(), "{policy}");
    }
}

#[test]
fn validations_within_epochs_and_the_other_statistics_of_batch_norm() {
    for (keys, lines) in [
        (&["validation.every=2", "validation.data=search"][..], 4),
        (&["validation.batch_norm=running"][..], 2),
        (&["validation.batch_norm={recalibrate: 3}"][..], 2),
    ] {
        struct Count(usize);
        impl edas::run::Observer for Count {
            fn event(&mut self, event: &edas::run::Event) -> edas::Result<()> {
                self.0 += usize::from(matches!(event, edas::run::Event::Validation { .. }));
                Ok(())
            }
        }
        let mut count = Count(0);
        let search = Search::from_spec(small_spec(keys)).expect("a sound spec");
        assert_eq!(search.iterations_per_epoch(), if keys.len() == 2 { 5 } else { 4 });
        search.run(&mut [&mut count]).expect("it runs");
        // Every two of 5 iterations, twice: after 2, 4, 5, 6, 8, 10, of which 10 is an end as well.
        assert_eq!(count.0, if lines == 4 { 6 } else { lines }, "{keys:?}");
    }
}
