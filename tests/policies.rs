//! Policies and spaces from plugins: the same plans as scripts, a controller that learns, errors, state.

mod common;

use common::record::{assert_same, record};
use common::{compiled, darts_space, library, library_named, repository, small_spec};
use edas::extension::{Plugin, Registry};
use edas::policy::turn::Clock;
use edas::policy::{
    AfterEpoch, EpochEnd, Phase, Plan, PluginPolicies, PluginPolicy, Policy, ScriptPolicy, SpaceView, StepResult,
    Steps, Turn,
};
use edas::random::{Purpose, Stream};
use edas::run::RunDirectory;
use edas::spec::{Node, Sandbox, Spec};
use edas::train::Setup;
use edas::{Error, Search};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

static FAULTY: LazyLock<Arc<Plugin>> = LazyLock::new(|| plugin(&library("faulty-policies")));

fn plugin(path: &Path) -> Arc<Plugin> {
    Registry::new(None).at(path).expect("the library can be opened")
}

fn view() -> Arc<SpaceView> {
    Arc::new(SpaceView::new(&darts_space(), &[]))
}

fn params(text: &str) -> Node {
    Node::parse(text, "spec.yaml").expect("YAML")
}

fn make(plugin: &Arc<Plugin>, name: &str, given: &str) -> Result<PluginPolicy, Error> {
    PluginPolicies::expected(plugin)?.create(name, &params(given), &view(), 7)
}

fn faulty(name: &str, given: &str) -> PluginPolicy {
    make(&FAULTY, name, given).expect("it can be made")
}

fn turn(iteration: u64, alpha: &Arc<Vec<Vec<f64>>>, view: &Arc<SpaceView>) -> Turn {
    Turn::new(Clock::at(iteration, 100, 391), view, alpha, 3)
}

fn any_alpha(seed: u64) -> Arc<Vec<Vec<f64>>> {
    let mut stream = Stream::new(seed, Purpose::Policy, 0);
    Arc::new((0..28).map(|_| (0..8).map(|_| stream.normal()).collect()).collect())
}

fn results(iteration: u64) -> Vec<StepResult> {
    let accuracy = (iteration % 7) as f64 / 7.0;
    [Phase::Architecture, Phase::Weights].map(|phase| StepResult { phase, loss: 1.0, accuracy }).to_vec()
}

/// The trace lines of an answer.
fn trace(steps: &Steps, iteration: u64, alpha: &[Vec<f64>], view: &SpaceView) -> Vec<String> {
    steps.check(view).expect("sound plans");
    let mut alpha = alpha.to_vec();
    let mut line = |(k, (phase, plan)): (usize, (Option<Phase>, &Plan))| {
        plan.set_alpha(&mut alpha);
        let plan = plan.resolve(&alpha, k as u64);
        edas::policy::record::trace_line(iteration, iteration / 391, phase, &plan, view).to_string()
    };
    steps.plans().into_iter().enumerate().map(&mut line).collect()
}

/// The policies of the paper, as they stand in scripts and in the plugin.
const TWINS: [(&str, &str, &str); 7] = [
    ("edas.rhai", "uniform-single-edge", "{}"),
    ("edas_inversion.rhai", "inversion", "{}"),
    ("edas_inversion.rhai", "inversion", "{warmup_epochs: 20, period: 3, phases: weights}"),
    ("edas_inversion.rhai", "inversion", "{warmup_epochs: 5, period: 1}"),
    ("alpha_max.rhai", "alpha-max", "{}"),
    ("gdas.rhai", "gdas", "{}"),
    ("gdas.rhai", "gdas", "{first_temperature: 3.5, last_temperature: 0.7}"),
];

#[test]
fn policies_in_rust_and_as_scripts_make_the_same_plans() {
    let bundled = Registry::new(None).named("edas-policies").expect("it is bundled");
    let loaded = plugin(&library_named("edas-policies-library", "edas_policies"));
    let view = view();
    for (file, name, given) in TWINS {
        let mut script = script(&repository("scripts").join(file), given, &view);
        let mut policies = [&bundled, &loaded].map(|p| make(p, name, given).expect("it can be made"));
        plan_the_same(&mut script, &mut policies, &view, &format!("{name} {given}"));
        assert_eq!(script.params().to_json().as_object().map(serde_json::Map::len), params_of(&policies[0]));
        assert!(policies[0].state().expect("a state").is_null());
    }
}

fn script(path: &Path, given: &str, view: &Arc<SpaceView>) -> ScriptPolicy {
    let text = std::fs::read_to_string(path).expect("the script is there");
    ScriptPolicy::new(path, &text, &params(given), &Sandbox::default(), view).expect("a sound script")
}

/// Compares traces line by line, over 10,000 iterations of a script.
fn plan_the_same(script: &mut ScriptPolicy, policies: &mut [PluginPolicy], view: &Arc<SpaceView>, what: &str) {
    let mut alpha = any_alpha(1);
    for iteration in 0..10_000 {
        if iteration % 1000 == 0 {
            alpha = any_alpha(iteration);
        }
        let turn = turn(iteration, &alpha, view);
        let expected = trace(&script.plan(&turn).expect("a plan"), iteration, &alpha, view);
        for policy in &mut *policies {
            let found = trace(&policy.plan(&turn).expect("a plan"), iteration, &alpha, view);
            assert_eq!(found, expected, "{what}");
        }
    }
}

/// A policy that uses every gate and every setting: in Rust, in C and as a script.
#[test]
fn every_gate_and_setting_says_the_same_in_rust_in_c_and_in_scripts() {
    let view = view();
    let mut script = script(&repository("tests/plugins/gates-policies/every_gate.rhai"), "{}", &view);
    let in_c = compiled("tests/plugins/c-gates/policy.c", "gates", &["-pedantic"]);
    let plugins = [plugin(&library("gates-policies")), plugin(&in_c)];
    let mut policies = plugins.map(|p| make(&p, "every-gate", "{}").expect("it can be made"));
    plan_the_same(&mut script, &mut policies, &view, "every-gate");
    // All that there is appears in the trace.
    let alpha = any_alpha(0);
    let lines = (0..18).flat_map(|i| trace(&script.plan(&turn(i, &alpha, &view)).expect("a plan"), i, &alpha, &view));
    let text: String = lines.collect();
    for word in ["only", "relaxed", "straight_through", "active", "active_only", "sign", "temperature", "noise", "drop"]
    {
        assert!(text.contains(&format!("\"{word}\":")), "{word}");
    }
    for word in ["\"penalties\":", "\"alpha\":", "null", "\"inverted\":", "\"phase\":\"both\"", "\"measure\""] {
        assert!(text.contains(word), "{word}");
    }
}

fn params_of(policy: &PluginPolicy) -> Option<usize> {
    policy.params().to_json().as_object().map(serde_json::Map::len)
}

/// Everything that a search writes, times taken out.
fn written(spec: Spec) -> BTreeMap<&'static str, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    run(spec, &path);
    record(&path)
}

fn run(spec: Spec, path: &Path) {
    let search = Search::from_spec(spec).expect("a sound spec");
    let mut directory = RunDirectory::create(path, &search.setup().contents()).expect("a new folder");
    search.run(&mut [&mut directory]).expect("it runs");
}

#[test]
fn a_search_under_a_plugins_policy_gives_the_bits_of_the_scripts() {
    let script = format!(
        "policy={{script: {}, params: {{warmup_epochs: 1}}}}",
        repository("scripts/edas_inversion.rhai").display()
    );
    let plugin = "policy={plugin: edas-policies, name: inversion, params: {warmup_epochs: 1}}";
    assert_same(&written(small_spec(&[&script])), &written(small_spec(&[plugin])), "inversion");
}

/// Edges lose candidates and the weights start anew: a plugin's policy goes on counting as the space was, a script as it is.
#[test]
fn a_search_in_which_edges_lose_candidates_gives_the_bits_of_the_scripts() {
    let script = format!("policy={{script: {}}}", repository("tests/plugins/gates-policies/shrinking.rhai").display());
    let library = library("gates-policies");
    let policy = |library: &Path| format!("policy={{plugin: {}, name: shrinking}}", library.display());
    let of = |policy: &str| written(small_spec(&[policy, "search.epochs=4"]));
    let expected = of(&script);
    assert_same(&of(&policy(&library)), &expected, "shrinking in Rust");
    let in_c = compiled("tests/plugins/c-gates/policy.c", "gates", &["-pedantic"]);
    assert_same(&of(&policy(&in_c)), &expected, "shrinking in C");
    // Eight candidates, four, two, one.
    let text = std::str::from_utf8(&expected["alpha.jsonl"]).expect("text");
    let widths = text.lines().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        value["cells"]["normal"][3].as_array().expect("a row").len()
    });
    assert_eq!(widths.collect::<Vec<_>>(), [8, 4, 2, 1]);
}

#[test]
fn a_candidate_that_is_gone_cannot_be_named() {
    let policy = format!(
        "policy={{plugin: {}, name: shrinking, params: {{forgets: true}}}}",
        library("gates-policies").display()
    );
    let search = Search::from_spec(small_spec(&[&policy, "search.epochs=3", "seed=2"])).expect("a sound spec");
    let message = search.run(&mut []).expect_err("an error").to_string();
    for part in ["no longer has this candidate", "0: none", "policy `shrinking` of plugin `gates-policies`"] {
        assert!(message.contains(part), "`{part}` is not in\n{message}");
    }
}

/// A policy that hands everything on, and notes the accuracies of `measure` steps.
struct Noting {
    policy: Box<dyn Policy>,
    rewards: Arc<Mutex<Vec<f64>>>,
}

impl Policy for Noting {
    fn plan(&mut self, turn: &Turn) -> edas::Result<Steps> {
        self.policy.plan(turn)
    }

    fn feedback(&mut self, turn: &Turn, results: &[StepResult]) -> edas::Result<()> {
        let measured: Vec<f64> = results.iter().filter(|r| r.phase == Phase::Measure).map(|r| r.accuracy).collect();
        let mean = measured.iter().sum::<f64>() / measured.len() as f64;
        self.rewards.lock().expect("nobody panicked").push(mean);
        self.policy.feedback(turn, results)
    }

    fn end_epoch(&mut self, epoch: &EpochEnd) -> edas::Result<AfterEpoch> {
        self.policy.end_epoch(epoch)
    }

    fn state(&self) -> edas::Result<serde_json::Value> {
        self.policy.state()
    }

    fn set_state(&mut self, state: &serde_json::Value) -> edas::Result<()> {
        self.policy.set_state(state)
    }
}

/// The controller's mean reward in every iteration of a search.
fn rewards(library: &Path, keys: &[String]) -> Vec<f64> {
    let policy = format!("policy.plugin={}", library.display());
    let keys: Vec<String> = keys.iter().cloned().chain([policy]).collect();
    let spec = Spec::load(repository("specs/controller-quickstart.yaml"), &keys).expect("a sound spec");
    let setup = Setup::new(spec.clone(), edas::train::setup::Need::Sizes, None).expect("a sound spec");
    let rewards = Arc::new(Mutex::new(Vec::new()));
    let policy = Noting { policy: setup.policy, rewards: rewards.clone() };
    Search::with_policy(spec, Box::new(policy)).expect("a sound spec").run(&mut []).expect("it runs");
    Arc::into_inner(rewards).expect("the search is over").into_inner().expect("nobody panicked")
}

fn last_tenth(rewards: &[f64]) -> f64 {
    let last = &rewards[rewards.len() - rewards.len() / 10..];
    last.iter().sum::<f64>() / last.len() as f64
}

/// In three seeds, the controller's architectures do better in the last tenth of a search than those of one that does not learn.
fn controller_learns(keys: &[&str]) {
    let library = library("example-controller");
    for seed in 0..3 {
        let of = |learn: bool| {
            let more = [format!("seed={seed}"), format!("policy.params.learn={learn}"), "threads=1".to_owned()];
            let keys: Vec<String> = keys.iter().map(|k| (*k).to_owned()).chain(more).collect();
            last_tenth(&rewards(&library, &keys))
        };
        let (learnt, not) = (of(true), of(false));
        println!("seed {seed}: {learnt:.4} with a controller that learns, {not:.4} with one that does not");
        assert!(learnt > not, "seed {seed}: {learnt} with a controller that learns, {not} with one that does not");
    }
}

#[test]
fn a_controller_that_learns_does_better_than_one_that_does_not() {
    controller_learns(&["network.cells=3", "network.channels=4", "search.batch=32", "search.epochs=12"]);
}

#[test]
#[ignore = "takes minutes: the quickstart's own size"]
fn a_controller_learns_at_the_size_of_the_quickstart() {
    controller_learns(&[]);
}

#[test]
fn models_and_memory_come_back_to_the_same_bits() {
    let view = view();
    let alpha = any_alpha(2);
    for name in ["counting", "learning"] {
        let mut policy = faulty(name, "{}");
        let go = |policy: &mut PluginPolicy, from: u64, to: u64| -> Vec<Steps> {
            let go = |i| {
                let turn = turn(i, &alpha, &view);
                let steps = policy.plan(&turn).expect("a plan");
                policy.feedback(&turn, &results(i)).expect("heard");
                steps
            };
            (from..to).map(go).collect()
        };
        let first = go(&mut policy, 0, 11);
        let state = policy.state().expect("a state");
        // Through text, as a checkpoint would hold it.
        let text = state.to_string();
        let state: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let after = go(&mut policy, 11, 30);
        let end = policy.state().expect("a state");
        let mut other = faulty(name, "{}");
        other.set_state(&state).expect("its own state");
        assert_eq!(other.state().expect("a state").to_string(), text, "{name}");
        assert_eq!(go(&mut other, 11, 30), after, "{name}");
        assert_eq!(other.state().expect("a state"), end, "{name}");
        policy.set_state(&state).expect("its own state");
        assert_eq!(go(&mut policy, 11, 30), after, "{name}");
        assert!(first.windows(2).any(|pair| pair[0] != pair[1]), "{name} does not move");
        // A policy of another search starts otherwise; what is not a state is refused.
        assert!(other.set_state(&serde_json::json!({ "memory": "AAAA", "models": null })).is_err(), "{name}");
        assert!(other.set_state(&serde_json::json!([])).is_err(), "{name}");
    }
}

#[test]
fn a_validation_asks_on_a_copy_of_the_state_and_a_policy_can_end_a_search() {
    let path = library("faulty-policies");
    let policy = format!("policy={{plugin: {}, name: counting, params: {{stop: 1}}}}", path.display());
    let outcome = Search::from_spec(small_spec(&[&policy, "search.epochs=5"])).expect("a sound spec");
    let outcome = outcome.run(&mut []).expect("it runs");
    assert!(outcome.stopped);
    assert_eq!(outcome.validation.epoch, 1);
}

#[test]
fn what_a_policy_does_wrong_is_named() {
    let view = view();
    let alpha = any_alpha(0);
    let refused = |result: Result<(), Error>, what: &[&str]| {
        let message = result.expect_err("an error").to_string();
        for what in what {
            assert!(message.contains(what), "`{what}` is not in\n{message}");
        }
    };
    let create = |fault: &str| make(&FAULTY, "faulty", &format!("{{fault: {fault}}}")).map(|_| ());
    let owner = "policy `faulty` of plugin `faulty-policies`";
    refused(create("panic-create"), &["panicked at", "made of glass", "while making", owner, "tell its author"]);
    refused(create("error-create"), &["no space for this", owner]);
    let plan = |fault: &str| {
        let mut policy = faulty("faulty", &format!("{{fault: {fault}}}"));
        let first = policy.plan(&turn(4, &alpha, &view)).map(|_| ());
        (first, policy)
    };
    let asking = format!("while asking for the plan of {owner}");
    let (first, mut policy) = plan("panic-plan");
    refused(first, &["panicked at", "no idea at iteration 4", &asking]);
    refused(policy.plan(&turn(5, &alpha, &view)).map(|_| ()), &["panicked before", &asking]);
    refused(policy.state().map(|_| ()), &["panicked before"]);
    refused(plan("error-plan").0, &["no idea at iteration 4", &asking]);
    refused(plan("wrong-edge").0, &["no such edge", "0 to 27", "33", &asking]);
    refused(plan("wrong-candidate").0, &["edge 0 has no such candidate", "99", &asking]);
    refused(plan("cold").0, &["the temperature is out of range", "at least", &asking]);
    refused(plan("unknown-drop").0, &["no edge has a candidate `skip` to drop", &asking]);
    refused(plan("wrong-drop").0, &["edge 3 has no candidate number 8 to drop", &asking]);
    refused(plan("wrong-active").0, &["the active candidate of edge 1 is not in its subset", &asking]);
    refused(plan("empty-straight").0, &["edge 1 has an empty subset", &asking]);
    refused(
        plan("short-penalty").0,
        &["the penalty of edge 0 cannot be this", "8 finite numbers", "1 numbers", &asking],
    );
    refused(plan("empty-subset").0, &["edge 2 has an empty subset", &asking]);
    refused(plan("empty-answer").0, &["answered without a step", &asking]);
    let (answer, mut policy) = plan("none");
    answer.expect("a plan");
    policy.feedback(&turn(4, &alpha, &view), &results(4)).expect("heard");
    plan("stolen-model").0.expect("a plan");
    let (answer, mut policy) = plan("panic-feedback");
    answer.expect("a plan");
    let heard = policy.feedback(&turn(4, &alpha, &view), &results(4));
    refused(heard, &["2 results are too many", "while telling the results to", owner]);
    let (answer, policy) = plan("panic-save");
    answer.expect("a plan");
    refused(policy.state().map(|_| ()), &["nothing to tell", "while saving", owner]);
}

#[test]
fn what_a_spec_asks_of_a_policy_or_space_is_checked_at_its_place() {
    let path = library("faulty-policies").display().to_string();
    // The place is where `token` stands.
    let refused = |setting: &str, token: &str, what: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("spec.yaml");
        let setting = setting.replace("LIBRARY", &path);
        let text = format!("extends: {}\n{setting}\n", repository("specs/quickstart.yaml").display());
        std::fs::write(&file, text).expect("written");
        let spec = Spec::load(&file, &[]).expect("a readable spec");
        let Err(error) = Search::from_spec(spec) else { panic!("an error for {setting}") };
        let message = error.to_string();
        for what in what {
            assert!(message.contains(what), "`{what}` is not in\n{message}");
        }
        let place = error.fields().place.clone().expect("a place");
        if !token.is_empty() {
            let column = setting.find(token).expect("it stands there") + 1;
            assert_eq!((place.file, place.line, place.column), (file, 2, column), "{message}");
        }
    };
    let wrong = ["no policy named `invertion`", "did you mean `inversion`?"];
    refused("policy: {plugin: edas-policies, name: invertion}", "invertion", &wrong);
    refused("policy: {plugin: darts-ops, name: x}", "darts-ops", &["plugin `darts-ops` has no policy"]);
    let wrong = ["no plugin named", "did you mean `edas-policies`?"];
    refused("policy: {plugin: edas-polices, name: x}", "edas-polices", &wrong);
    let wrong = ["no parameter `perid`", "did you mean `period`?", "policy `inversion` of plugin `edas-policies`"];
    refused("policy: {plugin: edas-policies, name: inversion, params: {perid: 2}}", "perid", &wrong);
    let wrong = ["parameter `period`", "out of range", "a whole number from 1 to 1000", "found: 0"];
    refused("policy: {plugin: edas-policies, name: inversion, params: {period: 0}}", "0}", &wrong);
    let wrong = ["no space named `tny`", "did you mean `tiny`?"];
    refused("space: {plugin: LIBRARY, name: tny}", "tny", &wrong);
    let wrong = ["parameter `nodes`", "1 to 4"];
    refused("space: {plugin: LIBRARY, name: tiny, params: {nodes: 9}}", "9}", &wrong);
    let wrong = ["not today", "writing space `refusing` of plugin `faulty-policies`"];
    refused("space: {plugin: LIBRARY, name: refusing}", "refusing", &wrong);
    refused("space: {plugin: LIBRARY, name: broken}", "", &["<space `broken` of plugin `faulty-policies`>"]);
}

/// A plugin's space is made of its own operations, though `plugins` offers others of the same names; what is written repeats it.
#[test]
fn a_plugins_space_is_made_of_its_own_operations() {
    let space = "space={plugin: nb201, name: nb201}";
    let policy = "policy={plugin: edas-policies, name: uniform-single-edge}";
    let search = Search::from_spec(small_spec(&[space, policy])).expect("a sound spec");
    let setup = search.setup();
    let operations: Vec<&str> =
        setup.space.cell_types[0].edges[0].candidates.iter().map(|c| c.operation.op_set()).collect();
    assert_eq!(operations, ["nb201"; 5]);
    let written = setup.contents().spec.to_yaml().expect("YAML");
    for line in ["plugins:\n- nb201\nspace: inputs/nb201.yaml\n", "plugin: edas-policies\n"] {
        assert!(written.contains(line), "`{line}` is not in\n{written}");
    }
}

/// A run whose space, policy and operations come from libraries is repeated from a copy of its folder.
#[test]
fn a_run_from_libraries_is_whole_in_itself() {
    let path = library("faulty-policies");
    let folder = tempfile::tempdir().expect("a folder");
    let (library, other) = (folder.path().join("lib.so"), folder.path().join("elsewhere/lib.so"));
    std::fs::create_dir(folder.path().join("elsewhere")).expect("a folder");
    std::fs::copy(&path, &library).expect("copied");
    // Two inputs of one file name.
    std::fs::copy(common::library("edas-darts-ops-library"), &other).expect("copied");
    let keys = [
        format!("plugins=[{}]", other.display()),
        format!("space={{plugin: {}, name: tiny, params: {{nodes: 2}}}}", library.display()),
        format!("policy={{plugin: {}, name: learning}}", library.display()),
    ];
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let first = folder.path().join("first");
    run(small_spec(&keys), &first);
    for file in [&library, &other] {
        std::fs::remove_file(file).expect("removed");
    }
    let copy = folder.path().join("copy");
    std::fs::create_dir_all(copy.join("inputs")).expect("a folder");
    for name in ["spec.yaml", "inputs/tiny.yaml", "inputs/lib.so", "inputs/lib-2.so"] {
        std::fs::copy(first.join(name), copy.join(name)).expect("the run wrote it");
    }
    std::fs::rename(&first, folder.path().join("moved")).expect("moved");
    let second = folder.path().join("second");
    run(Spec::load(copy.join("spec.yaml"), &[]).expect("a sound spec"), &second);
    for name in ["trace.jsonl", "alpha.jsonl", "checkpoints/final.safetensors"] {
        let read = |run: &str| std::fs::read(folder.path().join(run).join(name)).expect("the run wrote it");
        assert!(read("moved") == read("second"), "{name} differs");
    }
}
