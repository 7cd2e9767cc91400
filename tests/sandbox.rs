//! Scripts that mean harm, or do it by mistake: each ends in a message of its own, in time and within memory, run as a program of
//! its own. What numbers mean in scripts is at the end.

mod common;

use common::{darts_space, repository};
use edas::policy::{ScriptPolicy, SpaceView};
use edas::spec::{Node, Sandbox};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SPEC: &str = "\
edas: 1
name: small
space: darts.yaml
network: {cells: 3, channels: 4}
policy: {script: scripts/policy.rhai}
data:
  name: digits
  limit: 160
  augment: {crop: 0, flip: false}
search:
  epochs: 1
  batch: 8
";

/// What a program that should end does at most: far more than it needs, so that a busy machine does not fail the test.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The memory of the program itself, what a script may add by default, and what it may go beyond between two looks.
const MEMORY: u64 = 900_000;

struct Case(tempfile::TempDir);

/// How a program ended.
struct Ended {
    status: Option<i32>,
    stderr: String,
    seconds: f64,
    /// In kilobytes, where the system tells.
    peak: u64,
}

impl Case {
    fn new(script: impl AsRef<[u8]>) -> Self {
        let case = Self(tempfile::tempdir().expect("a folder"));
        case.write("spec.yaml", SPEC);
        case.write("darts.yaml", fs::read(repository("specs/spaces/darts.yaml")).expect("the space"));
        case.write("scripts/policy.rhai", script);
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().expect("a parent")).expect("a folder");
        fs::write(self.path(name), text).expect("it can be written");
    }

    /// Traces three iterations.
    fn trace(&self, arguments: &[&str]) -> Ended {
        let started = Instant::now();
        let errors = self.path("stderr");
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("edas"))
            .args(["trace", "spec.yaml", "--iterations", "3", "--set", "threads=1"])
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&errors).expect("a file"))
            .spawn()
            .expect("the program runs");
        let mut peak = 0;
        let status = loop {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                break status;
            }
            peak = peak.max(peak_of(child.id()));
            if started.elapsed() > TIMEOUT {
                child.kill().expect("it can be ended");
                panic!("it runs for longer than {TIMEOUT:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let seconds = started.elapsed().as_secs_f64();
        let stderr = String::from_utf8_lossy(&fs::read(errors).expect("it was written")).into_owned();
        Ended { status: status.code(), stderr, seconds, peak }
    }

    /// What it says where it fails with a status, without a panic or a signal.
    fn fails(&self, status: i32) -> String {
        let ended = self.trace(&[]);
        assert_eq!(ended.status, Some(status), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        assert!(ended.peak < MEMORY, "{} kB", ended.peak);
        println!("{:.2} s, {} MB", ended.seconds, ended.peak / 1000);
        ended.stderr
    }
}

/// The most memory that a process had, in kilobytes; 0 where the system does not tell.
fn peak_of(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

/// A script, the exit status, and what the message says.
macro_rules! hostile {
    ($($name:ident: $script:expr, $status:literal, [$($word:expr),+];)*) => { $(
        #[test]
        fn $name() {
            let text = Case::new($script).fails($status);
            for word in [$($word),+] {
                assert!(text.contains(word), "no {word:?} in:\n{text}");
            }
        }
    )* };
}

hostile! {
    an_infinite_loop: "fn plan(turn) {\n    loop { }\n}", 1, ["sandbox.operations", "policy.rhai:2:10"];
    an_infinite_loop_at_the_top: "const X = f();\nfn f() {\n    loop { }\n}\nfn plan(turn) { }", 1, ["sandbox.operations", "policy.rhai:3:10"];
    an_infinite_loop_in_a_callback: "fn plan(turn) {\n    [1, 2].map(|x| {\n        loop { }\n    });\n}", 1,
        ["sandbox.operations", "policy.rhai:3:14"];
    an_infinite_loop_in_a_comparison: "fn plan(turn) {\n    [1, 2].sort(|a, b| {\n        loop { }\n    });\n}", 1,
        ["sandbox.operations", "policy.rhai:3:14"];
    a_loop_that_catches: "fn plan(turn) {\n    loop { try { loop { } } catch { } }\n}", 1, ["sandbox.operations", "policy.rhai:2:"];
    callbacks_without_end: "fn plan(turn) {\n    let a = [];\n    a.pad(90000, 0);\n    loop {\n        a.filter(|x| x == 0);\n    }\n}", 1,
        ["the script was stopped", "policy.rhai:5:"];
    copies_without_end: "fn plan(turn) {\n    let a = [];\n    a.pad(90000, \"x\");\n    loop {\n        let b = a;\n    }\n}", 1,
        ["sandbox.milliseconds", "policy.rhai:"];
    infinite_recursion: "fn f(n) {\n    f(n + 1)\n}\nfn plan(turn) {\n    f(0)\n}", 1, ["sandbox.depth: 64", "policy.rhai:2:5"];
    recursion_through_callbacks: "fn f(n) {\n    [n].map(|x| f(x + 1))\n}\nfn plan(turn) {\n    f(0)\n}", 1,
        ["sandbox.depth: 64", "policy.rhai:2:"];
    a_string_bomb: "fn plan(turn) {\n    let s = \"x\";\n    loop {\n        s += s;\n    }\n}", 1, ["sandbox.string", "policy.rhai:4:"];
    a_string_bomb_by_replacing: "fn plan(turn) {\n    let s = \"\";\n    s.pad(1000000, \"x\");\n    s.replace(\"x\", s);\n}", 1,
        ["sandbox.string", "policy.rhai:4:"];
    an_array_bomb: "fn plan(turn) {\n    let a = [1];\n    loop {\n        a += a;\n    }\n}", 1, ["sandbox.array", "policy.rhai:4:"];
    // The size is computed as a product that overflows.
    an_array_bomb_by_padding: "fn plan(turn) {\n    [].pad(4611686018427387904, [1, 2, 3]);\n}", 1, ["sandbox.array", "policy.rhai:2:"];
    an_array_bomb_through_a_callback: "fn plan(turn) {\n    let s = \"\";\n    s.pad(900000, \"x\");\n    let a = [];\n    a.pad(90000, 0);\n    \
        a.map(|x| s + \"y\");\n}", 1, ["the script was stopped", "policy.rhai:6:"];
    closures_that_keep_texts: "fn plan(turn) {\n    let s = \"\";\n    s.pad(900000, \"x\");\n    let list = [];\n    loop {\n        \
        let t = s + \"y\";\n        list.push(|| t);\n    }\n}", 1, ["the script was stopped", "policy.rhai:"];
    a_map_bomb: "fn plan(turn) {\n    let m = #{};\n    for n in 0..1000000 {\n        m.set(`k${n}`, 0);\n    }\n}", 1, ["the script was stopped", "policy.rhai:4:"];
    arrays_in_each_other: "fn plan(turn) {\n    let a = [];\n    loop { a = [a]; }\n}", 1, ["more than 64 deep", "policy.rhai:3:"];
    arrays_in_each_other_by_a_callback: "fn plan(turn) {\n    let a = [];\n    loop { let b = a; a = [0].map(|x| b); }\n}", 1,
        ["more than 64 deep", "policy.rhai:3:"];
    closures_in_each_other: "fn plan(turn) {\n    let f = |x| x;\n    loop { let g = f; f = |x| g.call(x); }\n}", 1,
        ["more than 64 deep", "policy.rhai:3:"];
    eval: "fn plan(turn) {\n    eval(\"1\")\n}", 2, ["'eval' is disabled", "policy.rhai:2:5"];
    sleep: "fn plan(turn) {\n    sleep(1000)\n}", 1, ["there is no function sleep", "policy.rhai:2:5"];
    exit: "fn plan(turn) {\n    exit()\n}", 1, ["there is no function exit", "policy.rhai:2:5"];
    time: "fn plan(turn) {\n    timestamp()\n}", 1, ["there is no function timestamp", "policy.rhai:2:5"];
    import_above: "import \"../other\" as o;\nfn plan(turn) { }", 2, ["outside of the script's folder", "policy.rhai:1:8"];
    import_absolute: "import \"/etc/passwd\" as o;\nfn plan(turn) { }", 2, ["outside of the script's folder", "policy.rhai:1:8"];
    import_of_what_is_computed: "fn plan(turn) {\n    let name = \"lib/top\";\n    import name as t;\n}", 2, ["known before the script runs", "policy.rhai:3:"];
    an_edge_kept: "fn plan(turn) {\n    this.edge = turn.space.edges[0];\n    turn.strongest()\n}", 1, ["cannot be saved", "Edge"];
    a_plan_kept: "fn plan(turn) {\n    this.plan = turn.strongest();\n    turn.strongest()\n}", 1, ["cannot be saved", "Plan"];
    an_edge_that_is_not: "fn plan(turn) {\n    turn.strongest().relax(99)\n}", 1, ["no such edge", "policy.rhai:2:"];
    a_closure_in_the_state: "fn plan(turn) {\n    this.f = |x| x + 1;\n    turn.strongest()\n}", 1, ["cannot be saved", "Fn"];
    a_state_within_itself: "fn plan(turn) {\n    this.a = 1;\n    loop {\n        this.a = this;\n    }\n}", 1, ["more than 64 deep", "policy.rhai:4:"];
    a_state_nested_deeply: "fn plan(turn) {\n    this.a = 1;\n    for i in 0..100 {\n        this.a = [this.a];\n    }\n    turn.strongest()\n}", 1,
        ["more than 64 deep", "policy.rhai:4:"];
    the_wrong_type: "fn plan(turn) {\n    42\n}", 1, ["`plan(turn)` returned something else", "i64"];
    a_hook_with_other_arguments: "fn plan(turn, more) {\n    turn.strongest()\n}", 2, ["takes other arguments", "fn plan(turn)"];
    a_text_thrown: "fn plan(turn) {\n    throw \"enough\";\n}", 1, ["threw an error: enough", "policy.rhai:2:5"];
    a_map_thrown: "fn plan(turn) {\n    throw #{ a: 1 };\n}", 1, ["threw an error: #{\"a\": 1}", "policy.rhai:2:5"];
    nothing_thrown: "fn plan(turn) {\n    throw;\n}", 1, ["threw an error without a message", "policy.rhai:2:5"];
    a_closure_thrown: "fn plan(turn) {\n    throw |x| x;\n}", 1, ["threw a closure", "policy.rhai:2:5"];
    alpha_that_is_no_number: "fn plan(turn) {\n    let a = turn.alpha(0);\n    a[0] = 0.0 / 0.0;\n    turn.strongest().set_alpha(0, a)\n}", 1,
        ["edge 0", "policy.rhai:4:"];
    a_shadowed_turn: "fn plan(turn) {\n    let turn = 1;\n    turn.strongest()\n}", 1, ["there is no function strongest (i64)", "policy.rhai:3:"];
    a_function_named_as_the_hosts: "fn relax(edge) { 3 }\nfn plan(turn) {\n    turn.strongest().relax(0)\n}", 1, ["returned something else"];
    a_script_of_10_megabytes: format!("fn plan(turn) {{ turn.strongest() }}\n{}", "// more\n".repeat(1_250_000)), 2, ["too long", "at most 1000000 bytes"];
    no_utf_8: b"fn plan(turn) { \xff\xfe }", 2, ["UTF-8", "policy.rhai"];
    parentheses_in_each_other: format!("fn plan(turn) {{ {}1{} }}", "(".repeat(300_000), ")".repeat(300_000)), 2, ["maximum complexity", "policy.rhai:1:"];
    a_sum_of_many: format!("fn plan(turn) {{ let x = 1; x{}; turn.strongest() }}", " + x".repeat(200_000)), 2, ["maximum complexity", "policy.rhai:1:"];
}

/// Functions that call each other below expressions that lie in each other, as deeply as both may: the stack is enough, or the
/// script is stopped.
#[test]
fn recursion_within_nested_expressions() {
    for depth in [4, 8, 16, 24] {
        let script =
            format!("fn f(n) {{ {}f(n + 1){} }}\nfn plan(turn) {{ f(0) }}", "1 + (".repeat(depth), ")".repeat(depth));
        let case = Case::new(script);
        case.write("spec.yaml", format!("{SPEC}sandbox: {{depth: 256}}\n"));
        let text = case.fails(1);
        assert!(text.contains("the script was stopped") && text.contains("policy.rhai:1:"), "{text}");
    }
}

/// Memory that no single value holds: an array in the making, and what closures capture.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_no_value_shows() {
    for body in [
        "let a = []; a.pad(90000, 0); a.map(|x| s + \"y\");",
        "let list = []; loop { let t = s + \"y\"; list.push(|| t); }",
    ] {
        let case = Case::new(format!("fn plan(turn) {{\n    let s = \"\"; s.pad(900000, \"x\");\n    {body}\n}}"));
        case.write("spec.yaml", format!("{SPEC}sandbox: {{memory: 50000000, milliseconds: 60000}}\n"));
        let text = case.fails(1);
        assert!(text.contains("`sandbox.memory: 50000000`") && text.contains("policy.rhai:3:"), "{text}");
    }
}

/// A link within the folder that leads out of it.
#[cfg(unix)]
#[test]
fn import_through_a_link() {
    let case = Case::new("import \"inside/other\" as o;\nfn plan(turn) { }");
    case.write("other.rhai", "fn f() { 1 }");
    std::os::unix::fs::symlink(case.0.path(), case.path("scripts/inside")).expect("a link");
    let text = case.fails(2);
    assert!(text.contains("outside of the script's folder") && text.contains("policy.rhai:1:8"), "{text}");
}

/// What a script prints goes to the log, so many lines of it, and does not stop the script.
#[test]
fn printing_without_end() {
    let case = Case::new("fn plan(turn) {\n    for i in 0..100000 { print(`line ${i}`); }\n    turn.strongest()\n}");
    let ended = case.trace(&["-v"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let printed = |word: &str| ended.stderr.lines().filter(|line| line.contains(word)).count();
    assert_eq!(printed("line 99"), 3, "the 100th line of each of three calls:\n{}", ended.stderr);
    assert_eq!(printed("line 100"), 0);
    assert_eq!(printed("the rest is left out"), 3);
    let long = Case::new(
        "fn plan(turn) {\n    let s = \"\";\n    s.pad(100000, \"x\");\n    print(s);\n    print(\"after\");\n    turn.strongest()\n}",
    );
    let ended = long.trace(&["-v"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("xxx") && !ended.stderr.contains("after"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the rest is left out"));
}

/// Each limit is the spec's, and says its own name.
#[test]
fn limits_are_the_specs() {
    for (key, value, body) in [
        ("operations", 1000, "let n = 0; for i in 0..1000 { n += 1; }"),
        ("milliseconds", 10, "let a = []; a.pad(90000, 0); for i in 0..1000000 { let b = a; }"),
        ("depth", 5, "f(0)"),
        ("string", 1000, "let s = \"\"; s.pad(2000, \"x\")"),
        ("array", 100, "let a = []; a.pad(200, 0)"),
        ("map", 100, "let m = #{}; for i in 0..200 { m.set(`${i}`, 0); }"),
    ] {
        let limits = Node::parse(&format!("{{{key}: {value}}}"), "limits").expect("YAML").to_json();
        let limits: Sandbox = serde_json::from_value(limits).expect("limits");
        let text = format!(
            "fn f(n) {{ if n < 9 {{ f(n + 1) }} }}\nfn init(space, params) {{\n    {body};\n    #{{}}\n}}\nfn plan(turn) {{ }}"
        );
        let error = policy(&text, &limits).err().unwrap_or_else(|| panic!("{key}: it uses more"));
        assert!(error.to_string().contains(&format!("`sandbox.{key}: {value}`")), "{error}");
        let line = error.fields().place.as_ref().map_or(0, |place| place.line);
        assert_eq!(line, if key == "depth" { 1 } else { 3 }, "{error}");
        // Without that limit it ends; what takes too long would take longer still.
        let ample = Sandbox { milliseconds: 60_000, ..Sandbox::default() };
        assert!(key == "milliseconds" || policy(&text, &ample).is_ok(), "{key}");
    }
}

fn policy(text: &str, limits: &Sandbox) -> edas::Result<ScriptPolicy> {
    let view = Arc::new(SpaceView::new(&darts_space(), &[]));
    ScriptPolicy::new(Path::new("policy.rhai"), text, &Node::empty("spec"), limits, &view)
}

/// Conditions that hold.
fn holds(conditions: &[&str]) {
    for condition in conditions {
        let text = format!(
            "fn init(space, params) {{ let zero = 0.0; let inf = 1.0 / zero; let nan = zero / zero; \
             if !({condition}) {{ throw \"it does not\"; }} #{{}} }}\nfn plan(turn) {{ }}"
        );
        if let Err(error) = policy(&text, &Sandbox::default()) {
            panic!("{condition}: {error}");
        }
    }
}

#[test]
fn infinities_are_compared() {
    holds(&[
        "-inf < 0.0",
        "inf > 5.0",
        "-inf == -inf",
        "inf == inf",
        "-inf != inf",
        "inf >= inf",
        "-inf <= -inf",
        "!(inf < inf)",
        "-inf < 0",
        "inf > 5",
        "5 < inf",
        "0 > -inf",
        "inf != 5",
        "!(5 == inf)",
        "0 >= -inf",
        "inf >= 9223372036854775807",
        "[-inf, 1.0] == [-inf, 1.0]",
        "[1.0, -inf].contains(-inf)",
        "[1.0, -inf].index_of(-inf) == 1",
        "{ let best = -inf; for x in [-3.0, -1.0, -2.0] { if x > best { best = x; } } best == -1.0 }",
    ]);
}

#[test]
fn what_is_no_number_compares_as_nothing() {
    holds(&[
        "nan != nan",
        "!(nan == nan)",
        "!(nan < 1.0)",
        "!(nan > 1.0)",
        "!(nan <= nan)",
        "!(nan >= 1)",
        "nan != 1",
        "1 != nan",
        "!(1 < nan)",
        "!(1 >= nan)",
        "nan.is_nan()",
    ]);
}

#[test]
fn comparisons_are_exact() {
    holds(&[
        "0.1 + 0.2 != 0.3",
        "1.0 < 1.0000000000000002",
        "1.0 != 1.0000000000000002",
        "0.0 == -0.0",
        "1 == 1.0",
        "2.5 > 2",
        "2 < 2.5",
        "-2 > -2.5",
        "-2.5 < -2",
        "3 <= 3.0",
        "9007199254740993 > 9007199254740992.0",
        "9007199254740992.0 < 9007199254740993",
        "9007199254740993 != 9007199254740992.0",
        "9223372036854775807 < 9223372036854775808.0",
        "-9223372036854775807 > -9223372036854775808.0",
    ]);
}

#[test]
fn sorting_keeps_the_order_of_equals_and_hands_errors_on() {
    holds(&[
        "[3, 1, 2].order() == [1, 2, 3]",
        "[2.5, 1, 2].order() == [1, 2, 2.5]",
        "[1, 3, 2].order_desc() == [3, 2, 1]",
        "[\"b\", \"a\"].order() == [\"a\", \"b\"]",
        "[inf, -inf, 0.0].order() == [-inf, 0.0, inf]",
        "[nan, 1.0].order()[0] == 1.0",
        "{ let a = [[1, 0], [0, 1], [1, 2], [0, 3]]; a.sort(|x, y| x[0] < y[0]); a == [[0, 1], [0, 3], [1, 0], [1, 2]] }",
        "{ let a = [[1, 0], [0, 1], [1, 2], [0, 3]]; a.sort(|x, y| x[0] - y[0]); a == [[0, 1], [0, 3], [1, 0], [1, 2]] }",
        "{ let a = [1, 2, 3]; a.sort(|x, y| 1.5); a.len == 3 }",
        "{ let said = \"\"; try { [1, 2].sort(|x, y| { throw \"mine\"; }); } catch (e) { said = e; } said == \"mine\" }",
        "{ let said = \"\"; try { [1, 2].sort(|x, y| \"no\"); } catch (e) { said = \"no order\"; } said == \"no order\" }",
        "{ let said = \"\"; try { [1, \"a\"].sort(); } catch (e) { said = \"no order\"; } said == \"no order\" }",
        "{ let a = []; a.pad(3, [1]); a == [[1], [1], [1]] }",
        "{ let a = [1]; a.pad(-5, 0); a == [1] }",
        "{ let s = \"a-b\"; s.replace(\"-\", \"++\"); s == \"a++b\" }",
        "{ let s = \"aa\"; s.replace('a', \"b\"); s == \"bb\" }",
    ]);
}

/// Constants of constants, which must not be computed before a limit holds.
#[test]
fn constants_that_grow() {
    let arrays: String =
        (1..9).map(|n| format!("const A{n} = [{}];\n", [format!("A{}", n - 1); 10].join(","))).collect();
    let texts: String = (1..16).map(|n| format!("const A{n} = `${{A{0}}}${{A{0}}}${{A{0}}}`;\n", n - 1)).collect();
    for (first, grown) in [("[0,1,2,3,4,5,6,7,8,9]".to_owned(), arrays), (format!("`{}`", "x".repeat(1000)), texts)] {
        let text = Case::new(format!("fn plan(turn) {{\nconst A0 = {first};\n{grown}turn.strongest() }}")).fails(1);
        assert!(text.contains("the script was stopped"), "{text}");
    }
}
