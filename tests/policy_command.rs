//! `edas policy new`, `inspect`, `test` and `diff`, as a user calls them.

mod common;

use common::edas;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Runs a command and returns what it printed to stdout and stderr.
fn run(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = edas(folder).args(arguments).assert().code(code);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.get_output().stdout), text(&output.get_output().stderr))
}

fn json(folder: &Path, arguments: &[&str], code: i32) -> Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&run(folder, &all, code).0).expect("JSON")
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("it can be written");
}

#[test]
fn a_new_policy_runs_as_it_is() {
    let folder = folder();
    let (text, _) = run(folder.path(), &["policy", "new", "first_one"], 0);
    has(&text, &["first_one.rhai", "first_one.yaml", "edas policy test first_one.rhai", "edas search first_one.yaml"]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("it was written");
    let (script, spec) = (read("first_one.rhai"), read("first_one.yaml"));
    assert!(!script.contains("my_policy") && !spec.contains("my_policy"), "{script}{spec}");
    // Every hook is in it, with the arguments that it takes; the params have ranges.
    for hook in edas::policy::script::interface::HOOKS {
        has(&script, &[&format!("fn {}({})", hook.name, hook.arguments.join(", "))]);
    }
    let first = spec.lines().next().expect("a line");
    let schema = first.strip_prefix("# yaml-language-server: $schema=./").expect("editors are told the schema");
    let schema: Value = serde_json::from_str(&read(schema)).expect("a schema");
    assert_eq!(schema, edas::spec::schema());
    // What is commented out is sound, too.
    let whole: String =
        script.lines().map(|l| format!("{}\n", l.replace("// fn", "fn").replacen("//     ", "    ", 1))).collect();
    let whole = whole.replace("// }", "}").replace("\n    edas ", "\n// edas ");
    write(folder.path(), "whole.rhai", &whole);
    let hooks = json(folder.path(), &["policy", "inspect", "whole.rhai"], 0);
    assert_eq!(hooks["hooks"].as_array().map(Vec::len), Some(6), "{whole}");
    let trace = run(folder.path(), &["trace", "first_one.yaml", "--iterations", "90"], 0).0;
    assert_eq!(trace.lines().count(), 90);
    has(trace.lines().next().expect("a line"), &["\"phase\":\"weights\""]);
    let limit = ["--set", "search.epochs=1", "--set", "data.limit=200"];
    run(folder.path(), &[&["search", "first_one.yaml", "--quiet"][..], &limit].concat(), 0);
    assert!(folder.path().join("runs/first_one-0/genotype.json").is_file());
    // A second policy shares the schema; into another folder it comes with its own.
    assert_eq!(json(folder.path(), &["policy", "new", "second"], 0)["files"].as_array().map(Vec::len), Some(2));
    let files = json(folder.path(), &["policy", "new", "third", "--folder", "deeper/still"], 0);
    assert_eq!(files["files"][2], "deeper/still/edas.schema.json");
}

#[test]
fn new_refuses_what_cannot_be() {
    let folder = folder();
    write(folder.path(), "mine.yaml", "mine");
    for (name, parts) in [
        ("mine", ["this file exists", "mine.yaml"]),
        ("edas", ["comes with the program", "`edas policy new my_edas --from edas`"]),
        ("My", ["cannot be the name of a policy", "lower-case"]),
        ("2nd", ["cannot be the name of a policy", "a letter first"]),
        ("a/b", ["cannot be the name of a policy", "`a/b`"]),
        ("mine.rhai", ["cannot be the name of a policy", "leave the ending out: `mine`"]),
    ] {
        has(&run(folder.path(), &["policy", "new", name], 2).1, &parts);
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("mine.yaml")).expect("still there"), "mine");
    assert!(!folder.path().join("mine.rhai").exists());
}

#[test]
fn new_copies_a_policy_of_the_program() {
    let folder = folder();
    for shipped in edas::policy::shipped::SHIPPED {
        let name = format!("my_{}", shipped.name);
        let (text, _) = run(folder.path(), &["policy", "new", &name, "--from", shipped.name], 0);
        has(&text, &[&format!("edas policy diff {} {name}.rhai", shipped.name)]);
        let script = std::fs::read_to_string(folder.path().join(format!("{name}.rhai"))).expect("it was written");
        assert_eq!(script, shipped.text);
        let trace = run(folder.path(), &["trace", &format!("{name}.yaml"), "--iterations", "3"], 0).0;
        assert!(trace.lines().count() >= 3, "{name}: {trace}");
        run(folder.path(), &["policy", "diff", shipped.name, &format!("{name}.rhai"), "--iterations", "40"], 0);
    }
    let (_, error) = run(folder.path(), &["policy", "new", "mine", "--from", "edsa"], 2);
    has(&error, &["no policy named `edsa`", "did you mean `edas`?"]);
    assert!(!folder.path().join("mine.rhai").exists());
}

#[test]
fn names_of_the_program_win_over_files() {
    let folder = folder();
    let path = folder.path();
    for name in ["edas", "darts", "uniform_paths"] {
        std::fs::write(path.join(name), [0x7f, b'E', b'L', b'F', 0xff]).expect("it can be written");
    }
    std::fs::create_dir(path.join("gdas")).expect("a folder");
    has(&run(path, &["policy", "inspect", "edas"], 0).0, &["edas, which comes with the program"]);
    write(path, "mine.rhai", "fn plan(turn) { turn.strongest().relax(turn.rng.choose(turn.space.edges)) }");
    has(&run(path, &["policy", "diff", "mine.rhai", "edas"], 0).0, &["the same in all 2500"]);
    run(path, &["policy", "diff", "gdas", "gdas", "--iterations", "1"], 0);
    let value = json(path, &["policy", "test", "mine.rhai", "--seeds", "1"], 0);
    assert_eq!(value["results"].as_array().map(Vec::len), Some(4));
    // A script's file is one, whatever its name; where there is none, the policy may be meant.
    for command in [&["policy", "diff", "edas.rhai", "edas"][..], &["policy", "inspect", "edas.rhai"]] {
        has(
            &run(path, command, 2).1,
            &["there is no file edas.rhai", "did you mean `edas`, which comes with the program?"],
        );
    }
    write(path, "edas.rhai", "fn plan(turn) { turn.strongest() }");
    run(path, &["policy", "diff", "edas.rhai", "edas"], 1);
}

#[test]
fn inspect_shows_modules_and_does_not_run_the_policy() {
    let folder = folder();
    let path = folder.path();
    for (name, _) in edas::extension::script::embedded() {
        let value = json(path, &["policy", "inspect", name], 0);
        assert_eq!(value["kind"], "module");
        assert!(value["doc"].as_str().is_some_and(|doc| doc.contains(&format!("import \"{name}\""))), "{value}");
        let functions = value["functions"].as_array().expect("a list");
        assert!(!functions.is_empty() && functions.iter().all(|f| f["doc"] != ""), "{value}");
    }
    let (text, _) = run(path, &["policy", "inspect", "lib/schedules"], 0);
    has(&text, &["a module that comes with the program", "progress_between(turn, first_epoch, last_epoch)"]);
    has(&text, &["How much of the iterations from one epoch up to another is over"]);
    let own = "// Mine.\nimport \"lib/top\" as top;\n\n/// Twice.\nfn twice(x) { hidden(x) }\nprivate fn hidden(x) { 2 * x }\n";
    std::fs::create_dir(path.join("own")).expect("a folder");
    write(path, "own/helpers.rhai", own);
    let (text, _) = run(path, &["policy", "inspect", "own/helpers.rhai"], 0);
    has(&text, &["helpers, own/helpers.rhai: a module", "Mine.", "twice(x)\n    Twice.", "imports: lib/top"]);
    assert!(!text.contains("hidden("), "{text}");
    for (name, parts) in [
        ("lib/schedule", ["there is no policy `lib/schedule`", "did you mean `lib/schedules`?"]),
        ("lib/schedules.rhai", ["there is no file", "did you mean `lib/schedules`"]),
    ] {
        has(&run(path, &["policy", "inspect", name], 2).1, &parts);
    }
    has(&run(path, &["policy", "test", "lib/top"], 2).1, &["is a module", "`edas policy inspect lib/top`"]);
    // `init` is not called; what looks like a misspelt hook is said, by `test` too.
    let hooks = "fn init(space, params) { throw \"called\" }\nfn feedbak(turn, results) { }\nfn plan(turn) { turn.strongest() }";
    write(path, "hooks.rhai", hooks);
    let (text, _) = run(path, &["policy", "inspect", "hooks.rhai"], 0);
    has(&text, &["hooks: init, plan", "warning: nothing calls `feedbak`: is it a misspelt `feedback`?"]);
    has(&run(path, &["policy", "test", "hooks.rhai"], 2).1, &["called", "hooks.rhai:1"]);
    write(path, "hooks.rhai", &hooks.replace("throw \"called\"", "#{}"));
    let value = json(path, &["policy", "test", "hooks.rhai", "--seeds", "1"], 0);
    assert_eq!(value["warnings"][0], "nothing calls `feedbak`: is it a misspelt `feedback`?");
    has(&run(path, &["policy", "test", "hooks.rhai", "--seeds", "1"], 0).0, &["warning  nothing calls `feedbak`"]);
}

#[test]
fn a_spec_is_no_policy() {
    let folder = folder();
    run(folder.path(), &["policy", "new", "mine"], 0);
    write(folder.path(), "broken.yaml", "edas: 1\npolicy: [");
    for command in ["inspect", "test"] {
        let say = |file: &str| run(folder.path(), &["policy", command, file], 2).1;
        has(&say("mine.yaml"), &["this is a spec", "at: mine.yaml", "name its policy: `mine.rhai`"]);
        has(&say("broken.yaml"), &["this is a spec", "name its script"]);
        has(&say("gone.yaml"), &["there is no file gone.yaml"]);
    }
}

#[test]
fn inspect_says_what_a_policy_says_of_itself() {
    let folder = folder();
    let script = "// Two of them.\n// And more.\n\nimport \"lib/top\" as top;\n\nfn params() { #{ often: param(3, 1, 9, \"how often\") } }\n\
                  /// The first of a list.\nfn first(list) { top::top_k([1.0, 2.0], 1); list[0] }\nfn plan(turn) { \
                  turn.strongest().relax(first(turn.space.edges)) }\n";
    write(folder.path(), "mine.rhai", script);
    let (text, _) = run(folder.path(), &["policy", "inspect", "mine.rhai"], 0);
    has(&text, &["Two of them.\nAnd more.", "often", "a whole number from 1 to 9", "how often", "hooks: params, plan"]);
    has(&text, &["first(list)", "The first of a list.", "imports: lib/top"]);
    let value = json(folder.path(), &["policy", "inspect", "mine.rhai"], 0);
    assert_eq!(value["parameters"][0]["default"], 3);
    assert_eq!(value["helpers"][0]["signature"], "first(list)");
    assert_eq!(value["modules"][0]["name"], "lib/top");
    // Every shipped policy documents itself, by name; so does one of a plugin.
    for shipped in edas::policy::shipped::SHIPPED {
        let value = json(folder.path(), &["policy", "inspect", shipped.name], 0);
        assert!(value["doc"].as_str().is_some_and(|doc| doc.len() > 80), "{value}");
        let parameters = value["parameters"].as_array().expect("a list");
        assert!(parameters.iter().all(|p| p["doc"].as_str().is_some_and(|d| !d.is_empty())), "{value}");
    }
    let (text, _) = run(folder.path(), &["policy", "inspect", "edas-policies:inversion"], 0);
    has(&text, &["edas-policies:inversion", "warmup_epochs"]);
    for (name, parts) in [
        ("edsa", ["there is no policy `edsa`", "did you mean `edas`?"]),
        ("mine", ["there is no policy `mine`", "did you mean the script mine.rhai?"]),
        ("nine.rhai", ["there is no file nine.rhai", "policy script"]),
        ("edas-policies:inversoin", ["has no policy `inversoin`", "did you mean `inversion`?"]),
        ("edas-polices:inversion", ["no plugin named `edas-polices`", "did you mean `edas-policies`?"]),
    ] {
        has(&run(folder.path(), &["policy", "inspect", name], 2).1, &parts);
    }
}

#[test]
fn test_shows_all_of_a_policy_and_the_same_numbers_twice() {
    let folder = folder();
    let arguments = ["policy", "test", "edas_inversion", "--seeds", "2", "--params", "{warmup_epochs: 5}"];
    let (text, _) = run(folder.path(), &arguments, 0);
    has(&text, &["passed   plans", "passed   state", "seeds 0 to 1", "uniform_paths", "darts", "edas"]);
    has(&text, &["edge", "0 (normal 0 → 2)", "9 (reduce 2 → 3)", "5000 architecture steps", "softmax(α)", "▁", "best"]);
    has(&text, &["Derived on the problem of seed 0", "a regret of", "What stands out"]);
    assert_eq!(run(folder.path(), &arguments, 0).0, text, "the same numbers twice");
    let value = json(folder.path(), &arguments, 0);
    assert_eq!(value["params"]["warmup_epochs"], 5);
    assert_eq!(value["results"].as_array().map(Vec::len), Some(4));
    let trial = &value["results"][0]["trials"][0];
    assert_eq!(trial["epochs"].as_array().map(Vec::len), Some(25));
    assert_eq!(trial["draws"]["edges"].as_array().map(Vec::len), Some(10));
    // The same table as text.
    let mean = value["results"][0]["mean"].as_f64().expect("a number");
    has(&text, &[&format!("{mean:.3}")]);
    // Other parameters, other seeds: other numbers.
    let other = json(folder.path(), &["policy", "test", "edas_inversion", "--seeds", "2"], 0);
    assert_ne!(other["results"][0]["mean"], value["results"][0]["mean"]);
    assert_eq!(other["results"][1]["mean"], value["results"][1]["mean"]);
    let later = json(folder.path(), &["policy", "test", "darts", "--seeds", "1", "--first-seed", "7"], 0);
    assert_eq!(later["seeds"], serde_json::json!([7]));
    // A plugin's policy makes the numbers of its script.
    let plugin = json(folder.path(), &["policy", "test", "edas-policies:uniform-single-edge", "--seeds", "1"], 0);
    let of = |name: &str| {
        let results = plugin["results"].as_array().expect("a list");
        results.iter().find(|r| r["name"] == name).map(|r| r["mean"].clone())
    };
    assert!(of("edas").is_some());
    assert_eq!(of("edas-policies:uniform-single-edge"), of("edas"));
}

#[test]
fn test_ranks_all_shipped_policies() {
    let folder = folder();
    let value = json(folder.path(), &["policy", "test", "--all", "--seeds", "1"], 0);
    let names: Vec<&str> =
        value["results"].as_array().expect("a list").iter().filter_map(|r| r["name"].as_str()).collect();
    for shipped in edas::policy::shipped::SHIPPED {
        assert!(names.contains(&shipped.name), "{} is not in {names:?}", shipped.name);
    }
    assert!(names.contains(&"(always edge 0)"));
    run(folder.path(), &["policy", "test", "--all", "--params", "{a: 1}"], 2);
    run(folder.path(), &["policy", "test"], 2);
}

#[test]
fn test_says_what_a_policy_does_wrong() {
    let folder = folder();
    let mut seen = Vec::new();
    for (name, script, parts) in [
        ("same", "fn plan(turn) { turn.strongest().relax(0) }", ["α never moves on edges 1, 2", "its regret is"]),
        ("weights", "fn plan(turn) { [weights(turn.strongest())] }", ["no architecture step", "drawn at random"]),
        (
            "few",
            "fn plan(turn) { turn.strongest().relax(turn.rng.choose(turn.space.edges), [0, 1, 3]).only(3, 1) }",
            ["the weights phase never runs `conv_5x5`", "never looks good"],
        ),
        (
            "still",
            "fn plan(turn) { [architecture(turn.strongest().relax_all())] }",
            ["no weights step", "stay as they start"],
        ),
        (
            "easy",
            "fn plan(turn) { [architecture(turn.strongest().relax_all()), weights(turn.strongest())] }",
            ["has nothing to learn", "its regret is"],
        ),
    ] {
        let file = format!("{name}.rhai");
        // On so many it is clearly worse.
        let seeds = if name == "same" { "5" } else { "2" };
        write(folder.path(), &file, script);
        let (text, _) = run(folder.path(), &["policy", "test", &file, "--seeds", seeds], 0);
        has(&text, &parts);
        // The finding says what the table says.
        has(&text, &["more than twice its standard error"]);
        let row =
            text.lines().find(|line| line.trim_start().starts_with(name) && line.contains(&format!(" of {seeds})")));
        let row = row.expect("the policy's row");
        let worse = text.contains("does clearly worse");
        assert_eq!(worse, row.contains("  worse (worse on"), "{text}");
        assert_eq!(text.contains("does not clearly beat"), row.contains("no clear difference"), "{text}");
        seen.push(worse);
    }
    assert!(seen.contains(&true) && seen.contains(&false), "{seen:?}");
    // On one problem nothing is clear.
    let (text, _) = run(folder.path(), &["policy", "test", "still.rhai", "--seeds", "1"], 0);
    has(&text, &["On one problem nothing is clear", "no clear difference"]);
    assert!(!text.contains("does clearly worse") && !text.contains("does not clearly beat"), "{text}");
}

#[test]
fn test_fails_where_the_policy_fails() {
    let folder = folder();
    let test = |name: &str, script: &str, more: &[&str], code: i32| {
        let file = format!("{name}.rhai");
        write(folder.path(), &file, script);
        run(folder.path(), &[&["policy", "test", &file, "--seeds", "1"][..], more].concat(), code)
    };
    // Wrong from the start: nothing was begun.
    let (out, error) = test("syntax", "fn plan(turn) { turn.strongest( }", &[], 2);
    assert!(out.is_empty());
    has(&error, &["syntax.rhai:1"]);
    has(&test("none", "fn plam(turn) { }", &[], 2).1, &["defines no policy", "misspelt `plan`"]);
    let params =
        "fn params() { #{ often: param(3, 1, 9, \"how often\") } }\nfn plan(turn) { turn.strongest().relax_all() }";
    has(&test("range", params, &["--params", "often: 12"], 2).1, &["`often`", "from 1 to 9", "12"]);
    has(&test("unknown", params, &["--params", "{oftn: 2}"], 2).1, &["no parameter `oftn`", "did you mean `often`?"]);
    for written in ["often=2", "{often = 2}", "often:2"] {
        has(&test("equals", params, &["--params", written], 2).1, &["no parameter with its value", "write `often: 2`"]);
    }
    has(&test("list", params, &["--params", "{often: [}"], 2).1, &["<command line>"]);
    // In mid-run: the checks are printed, then it says when.
    let late = "fn plan(turn) {\n  if turn.iteration == 1234 { throw \"enough\"; }\n  turn.strongest().relax_all()\n}";
    let (out, error) = test("late", late, &[], 1);
    has(&out, &["passed   plans"]);
    has(&error, &["enough", "late.rhai:2", "iteration 1234 of epoch 12", "trying `late` on the problem of seed 0"]);
    // A policy that breaks what all must hold: the trial goes on, the answer is no.
    let counting = "fn plan(turn) { this.n = if this.contains(\"n\") { this.n + 1 } else { 0 };\n turn.strongest().relax(this.n % 10) }";
    let (out, _) = test("counting", counting, &[], 0);
    has(&out, &["passed   state"]);
    // What fails in every case is said once, with its place.
    let (out, error) =
        test("wrong", "fn plan(turn) {\n  if turn.iteration == 3 { return 7; }\n  turn.strongest()\n}", &[], 1);
    assert!(out.is_empty(), "{out}");
    has(&error, &["returned something else", "iteration 3", "wrong.rhai"]);
    let fails = "fn plan(turn) { turn.strongest() }\nfn feedback(turn, results) {\n  this.sum = results[0].los;\n}";
    let (out, error) = test("fails", fails, &[], 1);
    assert!(out.is_empty() && error.matches("there is no property").count() == 1, "{out}{error}");
    has(&error, &["there is no property `los`", "fails.rhai:3", "iteration 0", "asking `fails` for plans"]);
    // A policy that does not keep what all must: each failing check says what was found.
    let forgets = "fn plan(turn) { if !this.contains(\"n\") { this.n = turn.iteration; }\n turn.strongest().relax((turn.iteration - this.n) % 10) }";
    has(&test("forgets", forgets, &[], 0).0, &["passed   state"]);
}

#[test]
fn checks_of_a_policy_that_fails_say_what_was_found() {
    use edas::conformance::{Outcome, policy};
    use edas::policy::ScriptPolicy;
    use edas::spec::{Node, Sandbox};
    let space = policy::space();
    let text = "fn plan(turn) {\n  if turn.iteration == 7 { throw \"enough\"; }\n  turn.strongest()\n}";
    let make = || -> edas::Result<Box<dyn edas::policy::Policy>> {
        let (given, limits) = (Node::empty("<test>"), Sandbox::default());
        Ok(Box::new(ScriptPolicy::new(Path::new("late.rhai"), text, &given, &limits, &space)?))
    };
    let checks = policy::check("late", &space, &make);
    let [plans, others @ ..] = &checks[..] else { panic!("{checks:?}") };
    let Outcome::Failed { found, .. } = &plans.outcome else { panic!("{plans:?}") };
    has(found, &["iteration 7", "late.rhai:2", "enough"]);
    assert!(!found.contains("found: ;") && !found.trim_end().ends_with("found:"), "{found}");
    assert!(others.len() == 3 && others.iter().all(|c| matches!(c.outcome, Outcome::Skipped { .. })), "{others:?}");
    let error = policy::lives(&space, &make).expect_err("it fails");
    assert_eq!(error.fields().place.as_ref().map(|place| place.line), Some(2));
}

#[test]
fn diff_shows_where_two_policies_part() {
    let folder = folder();
    let path = folder.path();
    let (text, _) = run(path, &["policy", "diff", "edas", "edas-policies:uniform-single-edge"], 0);
    has(&text, &["are the same in all 2500 iterations"]);
    let (text, _) = run(path, &["policy", "diff", "edas", "alpha_max", "--iterations", "40"], 1);
    has(&text, &["differ in 40 of 40 iterations, first in iteration 0", "step 1, weights", "A  {\"relaxed\":"]);
    has(&text, &["traced with a random α"]);
    // What follows α parts only where α is not nearly 0.
    write(
        path,
        "sure.rhai",
        "fn plan(turn) {\n  let edge = turn.rng.choose(turn.space.edges);\n  \
                 if turn.alpha(edge)[0] > 0.5 { turn.strongest().relax_all() } else { turn.strongest().relax(edge) }\n}",
    );
    let (text, _) = run(path, &["policy", "diff", "sure.rhai", "edas", "--alpha", "init"], 0);
    has(&text, &["the same in all 2500", "traced with α as a search starts"]);
    let value = json(path, &["policy", "diff", "sure.rhai", "edas"], 1);
    assert_eq!(value["alpha"], serde_json::json!({ "a": "random", "b": "random" }));
    assert!(value["differing"].as_u64().is_some_and(|n| n > 100 && n < 2500), "{value}");
    let (text, _) = run(path, &["policy", "diff", "edas", "edas", "--iterations", "1"], 0);
    has(&text, &["the same in the one iteration."]);
    let (text, _) = run(path, &["policy", "diff", "edas", "edas_inversion"], 1);
    has(&text, &["differ in 500 of 2500 iterations, first in iteration 1", "\"sign\":-1"]);
    // With no epoch of warm-up it is EDAS.
    run(path, &["policy", "diff", "edas", "edas_inversion", "--params-b", "{warmup_epochs: 0}"], 0);
    let value = json(path, &["policy", "diff", "edas", "edas_inversion", "--params-b", "warmup_epochs: 1"], 1);
    assert_eq!((&value["differing"], &value["first"]["iteration"]), (&50.into(), &1.into()));
    let edges = value["first"]["differences"].as_array().expect("a list");
    assert!(edges.iter().all(|d| d["a"] != d["b"] && d["edge"].is_u64()), "{value}");
    assert_eq!(json(path, &["policy", "diff", "edas", "edas"], 0)["first"], Value::Null);
    // Steps that only one of them has, and a search that only one of them ends.
    write(path, "some.rhai", "fn plan(turn) { [weights(turn.strongest())] }");
    let (text, _) = run(path, &["policy", "diff", "edas", "some.rhai"], 1);
    has(&text, &["steps", "A  [\"architecture\",\"weights\"]", "B  [\"weights\"]"]);
    let end = "fn plan(turn) { turn.strongest().relax_all() }\nfn end_epoch(epoch) { #{ stop: epoch.index == 2 } }";
    write(path, "end.rhai", end);
    let (text, _) = run(path, &["policy", "diff", "darts", "end.rhai"], 1);
    has(&text, &["are the same in all 300", "end.rhai ends the search after 300 iterations"]);
}

#[test]
fn diff_reads_specs_traces_and_runs() {
    let folder = folder();
    let path = folder.path();
    run(path, &["policy", "new", "mine"], 0);
    let limit = ["--set", "search.epochs=1", "--set", "data.limit=200"];
    run(path, &[&["search", "mine.yaml", "--quiet"][..], &limit].concat(), 0);
    // The two epochs of warm-up leave α alone, so the run makes the plans that a trace shows.
    let (text, _) = run(path, &["policy", "diff", "runs/mine-0", "mine.rhai"], 0);
    has(&text, &["the same in all 2 iterations", "mine.rhai is traced with α as a search starts"]);
    let trace = run(path, &["trace", "mine.yaml", "--iterations", "60"], 0).0;
    write(path, "a.jsonl", &trace);
    let (text, _) = run(path, &["policy", "diff", "a.jsonl", "mine.yaml"], 0);
    has(&text, &["the same in all 60 iterations", "A has 60 iterations, B 90"]);
    let random = run(path, &["trace", "mine.yaml", "--iterations", "60", "--alpha", "random"], 0).0;
    write(path, "random.jsonl", &random);
    run(path, &["policy", "diff", "random.jsonl", "mine.rhai", "--spec", "mine.yaml", "--alpha", "random"], 0);
    // The synthetic problem has as many edges, with other candidates.
    let (_, error) = run(path, &["policy", "diff", "a.jsonl", "mine.rhai"], 2);
    has(&error, &["a.jsonl is of another space than the synthetic problem's", "`max_pool_3x3`", "--spec"]);
    run(path, &["policy", "diff", "a.jsonl", "mine.rhai", "--spec", "mine.yaml"], 0);
    // What a spec lets scripts use holds for those that are traced on it.
    let slow = "fn plan(turn) { let n = 0; for i in 0..20000 { n += 1; } turn.strongest() }";
    write(path, "slow.rhai", slow);
    let spec = std::fs::read_to_string(path.join("mine.yaml")).expect("it was written");
    write(path, "tight.yaml", &format!("{spec}sandbox: {{operations: 10000}}\n"));
    run(path, &["policy", "diff", "slow.rhai", "slow.rhai", "--spec", "mine.yaml", "--iterations", "2"], 0);
    let tight = ["policy", "diff", "slow.rhai", "slow.rhai", "--spec", "tight.yaml", "--iterations", "2"];
    has(&run(path, &tight, 1).1, &["slow.rhai:1", "operations"]);
    // One line changed.
    let mut lines: Vec<String> = trace.lines().map(str::to_owned).collect();
    let mut line: Value = serde_json::from_str(&lines[19]).expect("JSON");
    line["gates"][3] = Value::Null;
    lines[19] = line.to_string();
    write(path, "b.jsonl", &(lines.join("\n") + "\n"));
    let (text, _) = run(path, &["policy", "diff", "a.jsonl", "b.jsonl"], 1);
    has(&text, &["differ in 1 of 60 iterations, first in iteration 19", "edge 3", "B  null"]);
    // Another space.
    let (_, error) = run(path, &["policy", "diff", "a.jsonl", "edas", "--spec", "mine.yaml", "--seed", "x"], 2);
    has(&error, &["--seed"]);
    run(path, &["policy", "diff", "mine.yaml", "edas", "--seed", "3"], 1);
    write(path, "c.jsonl", "{\"iteration\":0,\"epoch\":0,\"phase\":\"both\",\"gates\":[\"none\"]}\n");
    has(&run(path, &["policy", "diff", "c.jsonl", "a.jsonl"], 2).1, &["of different spaces", "1 and 10 edges"]);
    for (file, text, parts) in [
        ("d.jsonl", "", ["the trace is empty", "at least one line"]),
        ("e.jsonl", "{\n", ["no line of a trace", "e.jsonl:1"]),
        ("f.jsonl", "{\"iteration\":0}\n", ["no line of a trace", "f.jsonl:1"]),
        ("g.jsonl", "{\"iteration\":5,\"phase\":\"both\",\"gates\":[]}\n", ["the trace has a gap", "iteration 0"]),
    ] {
        write(path, file, text);
        has(&run(path, &["policy", "diff", file, "a.jsonl"], 2).1, &parts);
    }
    for (name, parts) in [
        ("gone.jsonl", ["cannot read", "gone.jsonl"]),
        ("runs", ["is no run directory", "trace.jsonl"]),
        ("gone.yaml", ["gone.yaml", "no file"]),
        ("daarts", ["there is no policy `daarts`", "did you mean `darts`?"]),
    ] {
        has(&run(path, &["policy", "diff", name, "edas"], 2).1, &parts);
    }
}
