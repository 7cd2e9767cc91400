//! Bad input: every kind ends in a message that names the place, what was expected and what was found, with exit status 2 before
//! the run and 1 in it. The texts are kept in `tests/snapshots`, so that a reader can judge them.

mod common;

use common::{edas, library, repository};
use std::fs;
use std::path::Path;

/// A folder with a spec that is sound, and what it names.
struct Case {
    folder: tempfile::TempDir,
}

const SPEC: &str = "\
edas: 1
name: small
space: darts.yaml
network: {cells: 3, channels: 4}
policy: {script: policy.rhai}
data:
  name: digits
  limit: 160
  augment: {crop: 0, flip: false}
search:
  epochs: 1
  batch: 8
";

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let case = Self { folder };
        case.write("spec.yaml", SPEC);
        case.write("darts.yaml", &fs::read_to_string(repository("specs/spaces/darts.yaml")).expect("the space"));
        case.write("policy.rhai", &fs::read_to_string(repository("scripts/edas.rhai")).expect("the script"));
        case
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    }

    /// Replaces a part of the spec.
    fn spec(self, from: &str, to: &str) -> Self {
        assert!(SPEC.contains(from));
        self.write("spec.yaml", &SPEC.replacen(from, to, 1));
        self
    }

    fn policy(self, text: &str) -> Self {
        self.write("policy.rhai", text);
        self
    }

    /// What `edas search spec.yaml` says on stderr, with an exit status, paths and what differs between systems taken out.
    fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let output = edas(self.folder.path())
            .args(["search", "--quiet", "--run", "run", "spec.yaml", "--set", "threads=1"])
            .args(arguments)
            .assert()
            .code(status);
        let output = output.get_output();
        assert!(output.stdout.is_empty(), "an error belongs to stderr");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!text.contains("panicked"), "{text}");
        assert_eq!(self.path("run").exists(), status == 1, "a run directory is made when the run begins");
        self.clean(&text)
    }

    fn clean(&self, text: &str) -> String {
        let real = self.folder.path().canonicalize().expect("the folder is there");
        text.replace(&real.display().to_string(), "FOLDER")
            .replace(&self.folder.path().display().to_string(), "FOLDER")
            .replace(&common::profile_folder().display().to_string(), "TARGET")
    }
}

#[test]
fn the_sound_spec_runs() {
    let case = Case::new();
    edas(case.folder.path()).args(["search", "--quiet", "--run", "run", "spec.yaml"]).assert().success();
}

/// One snapshot of what a case says before its run.
macro_rules! refused {
    ($($name:ident: $case:expr $(, $argument:expr)*;)*) => { $(
        #[test]
        fn $name() {
            let case: Case = $case;
            insta::assert_snapshot!(case.fails(2, &[$($argument),*]));
        }
    )* };
}

refused! {
    unknown_key: Case::new().spec("  limit: 160", "  lmit: 160");
    wrong_type: Case::new().spec("epochs: 1", "epochs: soon");
    missing_key: Case::new().spec("policy: {script: policy.rhai}\n", "");
    duplicate_key: Case::new().spec("  batch: 8", "  batch: 8\n  epochs: 2");
    value_out_of_range: Case::new().spec("batch: 8", "batch: 8\n  weights: {momentum: 1.5}");
    value_out_of_range_in_set: Case::new(), "--set", "data.split=1.5";
    no_yaml: Case::new().spec("data:\n", "data: {\n");
    missing_spec_file: { let case = Case::new(); fs::remove_file(case.path("spec.yaml")).expect("it was there"); case };
    missing_script: Case::new().spec("policy.rhai", "polcy.rhai");
    unknown_candidate: {
        let case = Case::new();
        let text = fs::read_to_string(case.path("darts.yaml")).expect("the space");
        case.write("darts.yaml", &text.replace("- sep_conv_3x3", "- sep_cnv_3x3"));
        case
    };
    unknown_cell_type: {
        let case = Case::new();
        let text = fs::read_to_string(case.path("darts.yaml")).expect("the space");
        case.write("darts.yaml", &text.replace("type: normal", "type: norml"));
        case
    };
    a_space_that_cannot_be_built: {
        let case = Case::new();
        let text = fs::read_to_string(case.path("darts.yaml")).expect("the space");
        case.write("darts.yaml", &text.replace("3 * channels", "3 * chanels"));
        case
    };
    unknown_plugin: Case::new().spec("space:", "plugins: [drats-ops]\nspace:");
    a_missing_library: Case::new().spec("space:", "plugins: [./none.so]\nspace:");
    a_script_with_a_syntax_error: Case::new().policy("fn plan(turn) {\n    turn.strongest(;\n}\n");
    a_script_without_a_plan: Case::new().policy("fn pln(turn) { turn.strongest() }\n");
    a_script_with_another_signature: Case::new().policy("fn plan(turn, more) { turn.strongest() }\n");
    a_script_with_a_statement: Case::new().policy("let x = 1;\nfn plan(turn) { turn.strongest() }\n");
    a_misspelt_parameter_in_the_spec: Case::new()
        .spec("{script: policy.rhai}", "{script: policy.rhai, params: {perid: 2}}")
        .policy(r#"fn params() { #{ period: param(2, 1, 9, "every how many") } } fn plan(turn) { turn.strongest() }"#);
    a_parameter_out_of_range: Case::new()
        .spec("{script: policy.rhai}", "{script: policy.rhai, params: {period: 12}}")
        .policy(r#"fn params() { #{ period: param(2, 1, 9, "every how many") } } fn plan(turn) { turn.strongest() }"#);
    a_parameter_of_the_wrong_type: Case::new()
        .spec("{script: policy.rhai}", "{script: policy.rhai, params: {phases: both}}")
        .policy(r#"fn params() { #{ phases: param("all", ["all", "weights"], "which") } } fn plan(turn) { turn.strongest() }"#);
    a_parameter_that_is_no_number: Case::new()
        .policy(r#"fn params() { #{ rate: param("a", 0, 1, "how fast") } } fn plan(turn) { turn.strongest() }"#);
    a_parameter_without_its_meaning: Case::new()
        .policy(r#"fn params() { #{ rate: param(0.5, 0, 1) } } fn plan(turn) { turn.strongest() }"#);
    a_constant_without_its_prefix: Case::new()
        .policy("const LIMIT = 3;\nfn plan(turn) {\n    if turn.epoch < LIMIT { return turn.empty(); }\n    turn.strongest()\n}\n");
    cifar_that_is_missing: Case::new().spec("name: digits", "name: cifar10\n  root: nowhere");
    cifar_without_a_root: Case::new().spec("name: digits", "name: cifar10");
    cifar_that_is_cut_short: {
        let case = Case::new().spec("name: digits", "name: cifar10\n  root: cifar");
        case.write("cifar/data_batch_1.bin", &"\0".repeat(3072));
        case
    };
    cifar_with_a_label_out_of_range: {
        let case = Case::new().spec("name: digits", "name: cifar10\n  root: cifar");
        case.write("cifar/data_batch_1.bin", &format!("{}\x0b{}", "\0".repeat(3073), "\0".repeat(3072)));
        case
    };
    a_broken_image: {
        let case = Case::new().spec("name: digits", "name: images\n  root: images");
        for class in ["cat", "dog"] {
            case.write(&format!("images/train/{class}/1.png"), "this is no image");
        }
        case
    };
    one_class_only: {
        let case = Case::new().spec("name: digits", "name: images\n  root: images");
        case.write("images/train/cat/1.png", "");
        case
    };
    more_images_than_there_are: Case::new(), "--set", "data.limit=5000";
    too_few_images: Case::new(), "--set", "data.limit=1";
}

#[test]
fn a_file_that_is_no_library() {
    let case = Case::new().spec("space:", "plugins: [./text.so]\nspace:");
    case.write("text.so", "this is no library");
    // What the system says of it is the system's.
    let text = case.fails(2, &[]);
    let lines = text.lines().map(|l| if l.contains("found:") { " = found: (the system's words)" } else { l });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

/// As above, where the message holds the system's own words: the part that is ours is compared.
#[test]
fn a_library_that_is_no_plugin() {
    let case = Case::new();
    // libtorch's own small library: it loads, and exports no descriptor.
    let name = "libc10.so";
    let lib = repository(".libtorch/torch/lib").join(name);
    let lib = if lib.exists() {
        lib
    } else {
        Path::new(&std::env::var("LIBTORCH").expect("a libtorch")).join("lib").join(name)
    };
    case.write("spec.yaml", &SPEC.replace("space:", &format!("plugins: [{}]\nspace:", lib.display())));
    let text = case.fails(2, &[]).replace(&lib.canonicalize().expect("it is there").display().to_string(), "LIBRARY");
    insta::assert_snapshot!(text.replace(&lib.display().to_string(), "LIBRARY"));
}

#[test]
fn a_plugin_of_another_abi_version() {
    let case = Case::new();
    let path = library("other-abi");
    case.write("spec.yaml", &SPEC.replace("space:", &format!("plugins: [{}]\nspace:", path.display())));
    insta::assert_snapshot!(case.fails(2, &[]));
}

#[test]
fn a_script_that_loops_forever() {
    let case = Case::new()
        .policy("fn init(space, params) { let n = 0; loop { n += 1; } }\nfn plan(turn) { turn.strongest() }\n");
    insta::assert_snapshot!(case.fails(2, &["--set", "sandbox.milliseconds=60000"]));
}

#[test]
fn a_script_that_fills_memory() {
    for (name, body) in [
        ("array", "let list = []; loop { list.push([0, 0, 0, 0]); }"),
        ("string", "let text = \"x\"; loop { text += text; }"),
        ("map", "let map = #{}; let n = 0; loop { map[`k${n}`] = n; n += 1; }"),
        ("depth", "fill(0)"),
    ] {
        let script = format!(
            "fn fill(n) {{ fill(n + 1) }}\nfn init(space, params) {{ {body} }}\nfn plan(turn) {{ turn.strongest() }}\n"
        );
        let case = Case::new().policy(&script);
        // The clock is not what is tried here: on a busy machine it would be the first.
        let text = case.fails(2, &["--set", "sandbox.milliseconds=60000"]);
        insta::assert_snapshot!(format!("a_script_that_fills_memory_{name}"), text);
    }
}

#[test]
fn a_run_directory_that_exists() {
    let case = Case::new();
    fs::create_dir(case.path("there")).expect("a folder");
    let output = edas(case.folder.path()).args(["search", "-q", "--run", "there", "spec.yaml"]).assert().code(2);
    insta::assert_snapshot!(case.clean(&String::from_utf8_lossy(&output.get_output().stderr)));
    assert_eq!(fs::read_dir(case.path("there")).expect("it is there").count(), 0, "nothing was written into it");
}

/// One snapshot of what a case says in its run; the run directory says it too, and keeps what was written before.
macro_rules! fails_in_the_run {
    ($($name:ident: $script:expr;)*) => { $(
        #[test]
        fn $name() {
            let case = Case::new().policy($script);
            let text = case.fails(1, &[]);
            let noted = fs::read_to_string(case.path("run/failure.txt")).expect("the run directory says why");
            assert!(noted.contains("iteration"), "{noted}");
            insta::assert_snapshot!(text);
        }
    )* };
}

fails_in_the_run! {
    a_script_that_fails_at_iteration_10:
        "fn plan(turn) {\n    if turn.iteration == 9 { throw \"enough\"; }\n    turn.strongest()\n}\n";
    a_misspelt_parameter_in_the_script:
        "fn params() { #{ warmup_epochs: param(1, 0, 9, \"epochs\") } }\n\
         fn plan(turn) {\n    if turn.epoch < turn.params.warmup_epoch { return turn.strongest().invert(); }\n    turn.strongest()\n}\n";
    a_misspelt_property: "fn plan(turn) {\n    let e = turn.epoc;\n    turn.strongest()\n}\n";
    a_misspelt_function: "fn plan(turn) {\n    turn.strongst()\n}\n";
    an_unknown_edge: "fn plan(turn) {\n    turn.strongest().relax(28)\n}\n";
    an_unknown_candidate: "fn plan(turn) {\n    turn.strongest().only(0, \"sep_conv_3\")\n}\n";
    no_plan_returned: "fn plan(turn) {\n    let plan = turn.strongest();\n}\n";
    a_loop_in_mid_run: "fn plan(turn) {\n    if turn.iteration == 3 { loop { } }\n    turn.strongest()\n}\n";
    state_that_cannot_be_saved: "fn plan(turn) {\n    this.edge = turn.space.edges[0];\n    turn.strongest()\n}\n";
    a_closure_over_what_it_is_called_on:
        "fn plan(turn) {\n    let e = turn.space.edges.filter(|e| e.index == turn.iteration);\n    turn.strongest()\n}\n";
    state_without_a_start: "fn plan(turn) {\n    this.count += 1;\n    turn.strongest()\n}\n";
    state_that_is_read_before_it_is_there:
        "fn plan(turn) {\n    let n = this.count;\n    turn.strongest()\n}\n";
    an_index_below_nothing: "fn plan(turn) {\n    turn.strongest().relax(turn.rng.index(-5))\n}\n";
    a_temperature_that_is_too_low: "fn plan(turn) {\n    turn.strongest().relax(0).temperature(1e-300)\n}\n";
    this_outside_of_a_hook: "fn count() { this.n = 1; }\nfn plan(turn) {\n    count();\n    turn.strongest()\n}\n";
}

/// Lines that were written before a failure are there afterwards.
#[test]
fn what_was_written_before_a_failure_is_kept() {
    let case = Case::new().policy("fn plan(turn) { if turn.iteration == 9 { throw 1; } turn.strongest() }");
    case.fails(1, &[]);
    let metrics = fs::read_to_string(case.path("run/metrics.jsonl")).expect("it was written");
    assert_eq!(metrics.lines().count(), 9);
    let trace = fs::read_to_string(case.path("run/trace.jsonl")).expect("it was written");
    assert_eq!(trace.lines().count(), 9);
}

/// An operation that leaves the range of numbers: the message names iteration, phase, edge and operation.
#[test]
fn a_loss_that_is_not_finite() {
    let case = Case::new();
    let spec = fs::read_to_string(repository("tests/specs/planted.yaml")).expect("a spec");
    let plugin = format!("[darts-ops, {}]", library("planted-ops").display());
    let spec = spec
        .replace("[darts-ops, planted-ops]", &plugin)
        .replace("../../scripts/edas.rhai", "policy.rhai")
        .replace("noise", "burst");
    case.write("spec.yaml", &spec);
    let case = case.policy(
        "fn plan(turn) {\n    let plan = turn.empty().only(0, \"useful\");\n    \
         if turn.iteration == 2 { plan.only(1, \"burst\"); }\n    plan\n}\n",
    );
    insta::assert_snapshot!(case.fails(1, &[]));
}
