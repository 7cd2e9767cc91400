//! Policy scripts: what their functions mean, their hooks, their state, their random numbers.

mod common;

use common::{darts_space, small_spec};
use edas::Search;
use edas::policy::turn::Clock;
use edas::policy::{EpochEnd, Gate, Phase, Plan, Policy, ScriptPolicy, Sign, SpaceView, StepResult, Steps, Turn};
use edas::spec::{Node, Sandbox};
use std::path::Path;
use std::sync::Arc;

fn view() -> Arc<SpaceView> {
    Arc::new(SpaceView::new(&darts_space(), &[]))
}

fn policy(text: &str) -> ScriptPolicy {
    ScriptPolicy::new(Path::new("policy.rhai"), text, &Node::empty("spec"), &Sandbox::default(), &view())
        .expect("a sound script")
}

fn turn(iteration: u64) -> Turn {
    let alpha = Arc::new((0..28).map(|e| (0..8).map(|c| f64::from((e * 7 + c * 5) % 8)).collect()).collect());
    Turn::new(Clock::at(iteration, 10, 5), &view(), &alpha, 1)
}

fn steps(body: &str) -> Steps {
    policy(&format!("fn plan(turn) {{ {body} }}")).plan(&turn(7)).expect("a plan")
}

fn plan(body: &str) -> Plan {
    match steps(body) {
        Steps::Both(plan) => plan,
        other => panic!("one plan, not {other:?}"),
    }
}

#[test]
fn plan_functions_mean_what_they_say() {
    assert_eq!(plan("turn.strongest()"), Plan::strongest(28));
    assert_eq!(plan("turn.empty()"), Plan::empty(28));
    assert_eq!(plan("turn.strongest().relax(3)"), Plan::strongest(28).relax(3));
    assert_eq!(plan("turn.strongest().relax(turn.space.edges[20])"), Plan::strongest(28).relax(20));
    assert_eq!(plan("turn.empty().relax_all()"), Plan::empty(28).relax_all());
    let gates = plan(r#"turn.strongest().relax(0, ["none", 4]).strongest(1, ["sep_conv_5x5"]).only(2, "skip_connect").only(3, 7).off(4)"#).gates;
    let expected = [
        Gate::Relaxed(Some(vec![0, 4])),
        Gate::Strongest(Some(vec![5])),
        Gate::Only(3),
        Gate::Only(7),
        Gate::Off,
        Gate::Strongest(None),
    ];
    assert_eq!(gates[..6], expected);
    assert_eq!(plan("turn.strongest().invert()").sign, Sign::Minus);
    let one = plan("turn.strongest().invert(2)");
    assert_eq!((one.sign, one.sign_of(2), one.sign_of(3)), (Sign::Plus, Sign::Minus, Sign::Plus));
    assert_eq!(plan("turn.strongest().temperature(2)").temperature, 2.0);
    assert!(plan("turn.strongest().gumbel(turn.rng)").gumbel.is_some());
    // The lowest temperature is the same for scripts and for plans made in Rust.
    assert_eq!(plan("turn.strongest().temperature(0.000001)").temperature, 1e-6);
    for (temperature, fits) in [(1e-6, true), (1e-7, false), (0.0, false), (f64::NAN, false), (f64::INFINITY, false)] {
        let plan = Plan { temperature, ..Plan::strongest(28) };
        assert_eq!(plan.check(&view()).is_ok(), fits, "{temperature}");
    }
}

/// A plan function changes the plan that it is called on and returns that same plan; assigning copies.
#[test]
fn plans_change_in_place_and_are_copied_by_assignment() {
    assert_eq!(plan("let p = turn.strongest(); p.relax(3).invert(); p"), Plan::strongest(28).relax(3).invert());
    assert_eq!(plan("let p = turn.strongest(); let q = p; q.relax(3); p"), Plan::strongest(28));
    assert_eq!(plan("let p = turn.strongest(); let q = p; q.relax(3); q"), Plan::strongest(28).relax(3));
}

#[test]
fn lists_of_steps() {
    let Steps::List(list) =
        steps("let p = turn.strongest(); [measure(p), architecture(p.relax(1)), weights(turn.empty())]")
    else {
        panic!("a list")
    };
    assert_eq!(list.iter().map(|s| s.phase).collect::<Vec<_>>(), [Phase::Measure, Phase::Architecture, Phase::Weights]);
    assert_eq!(list[0].plan, Plan::strongest(28));
    assert_eq!(list[1].plan, Plan::strongest(28).relax(1));
    assert_eq!(list[2].plan, Plan::empty(28));
}

#[test]
fn what_a_turn_shows() {
    let check = |condition: &str| {
        let body = format!("if !({condition}) {{ throw `not so: {condition}`; }} turn.strongest()");
        policy(&format!("fn plan(turn) {{ {body} }}")).plan(&turn(7)).expect("it holds");
    };
    check("turn.iteration == 7 && turn.epoch == 1 && turn.iteration_in_epoch == 2 && turn.iterations_per_epoch == 5");
    check("turn.epochs == 10 && turn.round == 0");
    check(r#"turn.space.cells == ["normal", "reduce"] && turn.space.edges.len == 28"#);
    check(
        r#"turn.space.edges[18].cell == "reduce" && turn.space.edges[18].position == 4 && turn.space.edges[18].index == 18"#,
    );
    check("turn.space.edges[18].from == 2 && turn.space.edges[18].to == 3");
    check(r#"turn.space.edges[0].candidates[4] == "sep_conv_3x3""#);
    check("turn.alpha(0) == [0.0, 5.0, 2.0, 7.0, 4.0, 1.0, 6.0, 3.0]");
    check("abs(turn.probabilities(5).reduce(|sum, p| sum + p, 0.0) - 1.0) < 0.000001");
    check("turn.cost(0, 4).parameters == 0 && turn.cost(0, 4).multiply_adds == 0");
    // Mathematics is libm's, the power operator too.
    check(
        "abs(exp(1.0) - E()) < 1e-15 && abs(2.0 ** 0.5 - sqrt(2.0)) < 1e-15 && cos(PI()) == -1.0 && to_int(-1.7) == -1 && to_float(3) == 3.0",
    );
}

#[test]
fn random_numbers_are_the_turns_own() {
    let text = "fn plan(turn) { let p = turn.empty(); p.relax(turn.rng.index(28)); p.off(turn.rng.choose(turn.space.edges)); p }";
    let plans = |iterations: [u64; 3]| iterations.map(|i| policy(text).plan(&turn(i)).expect("a plan"));
    assert_eq!(plans([3, 4, 5]), plans([3, 4, 5]), "the same iteration draws the same");
    let [a, b, c] = plans([3, 4, 5]);
    assert!(a != b || b != c);
    // A share of draws, with fixed seeds.
    let share = |condition: &str| {
        let mut p =
            policy(&format!("fn plan(turn) {{ if {condition} {{ turn.empty() }} else {{ turn.strongest() }} }}"));
        let yes = |i: &u64| p.plan(&turn(*i)).expect("a plan") == Steps::Both(Plan::empty(28));
        (0..2000).filter(yes).count() as f64 / 2000.0
    };
    for (condition, expected) in [
        ("turn.rng.uniform() < 0.3", 0.3),
        ("turn.rng.normal() < 1.0", 0.8413),
        ("turn.rng.gumbel() < 0.0", 0.3679),
        ("turn.rng.weighted([1, 0, 3]) == 2", 0.75),
        ("turn.rng.shuffle([1, 2, 3, 4])[0] == 2", 0.25),
    ] {
        let found = share(condition);
        assert!((found - expected).abs() < 0.035, "{condition}: {found}");
    }
}

#[test]
fn hooks_and_state() {
    let text = "
        const LIMIT = 2;
        fn init(space, params) { #{ seen: 0, losses: [], edges: space.edges.len } }
        fn count() { this.seen += 1; }
        fn plan(turn) { this.count(); turn.strongest().relax(this.seen) }
        fn feedback(turn, results) { this.losses.push(results[0].loss); if results[1].phase != \"weights\" { throw 1; } }
        fn end_epoch(epoch) { if this.losses.len > global::LIMIT { #{ stop: true } } }
    ";
    let mut p = policy(text);
    assert_eq!(p.state().expect("a state"), serde_json::json!({ "edges": 28, "losses": [], "seen": 0 }));
    let results = [Phase::Architecture, Phase::Weights].map(|phase| StepResult { phase, loss: 0.5, accuracy: 1.0 });
    let end = EpochEnd { index: 0, derived_accuracy: None, alpha: turn(0).alpha, space: view() };
    for i in 0..3 {
        assert_eq!(p.plan(&turn(i)).expect("a plan"), Steps::Both(Plan::strongest(28).relax(i as usize + 1)));
        p.feedback(&turn(i), &results).expect("heard");
        assert_eq!(p.end_epoch(&end).expect("heard").stop, i == 2);
    }
    // State put back gives the same plans again, numbers of both kinds as they were.
    let state = p.state().expect("a state");
    assert_eq!(state, serde_json::json!({ "edges": 28, "losses": [0.5, 0.5, 0.5], "seen": 3 }));
    let next = p.plan(&turn(3)).expect("a plan");
    let mut other = policy(text);
    other.set_state(&state).expect("its own state");
    assert_eq!(other.plan(&turn(3)).expect("a plan"), next);
}

/// What a state holds comes back as it was, also where it looks like the form in which something else is written.
#[test]
fn state_comes_back_as_it_was() {
    let text = r#"
        fn init(space, params) {
            let zero = 0.0;
            #{ a: #{ float: "1.5" }, b: -1.0 / zero, c: 'x', d: "x", e: #{ char: "x" }, f: #{ map: #{ float: "NaN" } },
               g: 3.0, h: 3, i: [#{ map: 1 }, ()], j: #{ float: 2.0 }, k: #{ float: "1.5", map: 2 }, l: -0.0 }
        }
        fn plan(turn) {
            let checks = [
                this.a.type_of() == "map", this.a.float == "1.5", `${this.b}` == "-inf", this.c.type_of() == "char",
                this.d.type_of() == "string", this.e.char == "x", this.f.map.float == "NaN", this.g.type_of() == "f64",
                this.h.type_of() == "i64", this.i[0].map == 1, this.i[1] == (), this.j.float == 2.0,
                this.k.float == "1.5", this.k.map == 2, this.l == 0.0
            ];
            for (same, i) in checks { if !same { throw `number ${i} of ${this}`; } }
            turn.strongest()
        }
    "#;
    let mut first = policy(text);
    first.plan(&turn(0)).expect("as it was made");
    let saved = serde_json::to_string(&first.state().expect("a state")).expect("JSON");
    let mut second = policy("fn init(space, params) { #{} } fn plan(turn) { turn.strongest() }");
    second.set_state(&serde_json::from_str(&saved).expect("JSON")).expect("a state");
    assert_eq!(second.state(), first.state());
    let mut third = policy(text);
    third.set_state(&serde_json::from_str(&saved).expect("JSON")).expect("a state");
    third.plan(&turn(0)).expect("as it was saved");
}

/// A search whose policy ends it, and whose state the validation's own question must not disturb.
#[test]
fn a_policy_can_end_a_search_and_is_asked_aside_on_a_copy_of_its_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.rhai");
    let script = "
        fn init(space, params) { #{ plans: 0 } }
        fn plan(turn) { if turn.epoch >= turn.epochs { throw `epoch ${turn.epoch}`; } if this.plans > turn.iteration { throw `asked ${this.plans} times`; } this.plans += 1; turn.strongest() }
        fn end_epoch(epoch) { #{ stop: epoch.index == 1 } }
    ";
    std::fs::write(&path, script).expect("written");
    let keys = [format!("policy.script={}", path.display()), "policy.params={}".into(), "search.epochs=5".into()];
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let outcome = Search::from_spec(small_spec(&keys)).expect("a sound spec").run(&mut []).expect("it runs");
    assert!(outcome.stopped);
    assert_eq!(outcome.validation.epoch, 1);
}

#[test]
fn declared_parameters_and_their_defaults() {
    let text = r#"
        fn params() { #{ n: param(3, 0, 9, "how many"), rate: param(0.5, 0.0, 1.0, "how fast"), on: param(true, "whether"),
                         mode: param("a", ["a", "b"], "which"), mixed: param(0.5, 0, 1, "whole numbers among others") } }
        fn plan(turn) { turn.strongest() }
    "#;
    let given = Node::parse("{rate: 1, mode: b}", "spec.yaml").expect("YAML");
    let p = ScriptPolicy::new(Path::new("p.rhai"), text, &given, &Sandbox::default(), &view()).expect("a sound script");
    assert_eq!(p.params().to_json(), serde_json::json!({ "mixed": 0.5, "mode": "b", "n": 3, "on": true, "rate": 1.0 }));
    let docs: Vec<_> = p.declared().iter().map(|d| (d.name.as_str(), d.doc.as_str(), d.kind.describe())).collect();
    assert_eq!(docs[0].2, "a number from 0 to 1");
    assert_eq!(docs[2], ("n", "how many", "a whole number from 0 to 9".to_owned()));
    assert_eq!(docs[1], ("mode", "which", "one of a, b".to_owned()));
}

/// Noise is drawn when a plan is resolved, by edge, then candidate; a low temperature lets the largest sum decide alone.
#[test]
fn gumbel_noise_follows_the_plan_and_the_step() {
    let plan = plan("turn.strongest().relax(0).relax(1, [2, 3]).gumbel(turn.rng).temperature(0.5)");
    let alpha = turn(0).alpha;
    let noise = |step| {
        let resolved = plan.resolve(&alpha, step);
        let of = |e: usize| match &resolved.gates[e] {
            edas::policy::ResolvedGate::Relaxed(gate) => (gate.noise.clone(), gate.temperature),
            other => panic!("relaxed, not {other:?}"),
        };
        (of(0), of(1))
    };
    let ((a, t), (b, _)) = noise(0);
    assert_eq!((a.len(), b.len(), t), (8, 2, 0.5));
    assert_eq!(noise(0), noise(0));
    assert_ne!(noise(0).0, noise(1).0);
    // A plan made in Rust draws the same seed from the same turn, and another one in the next.
    let drawn = |iteration| Plan::strongest(28).gumbel(&mut turn(iteration).random).gumbel;
    assert_eq!(drawn(7), plan.gumbel);
    assert_ne!(drawn(7), drawn(8));
}
