//! `edas plugin new`: what it writes builds with one command and searches at once; what it refuses.

mod common;

use common::edas;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes a project, and returns its folder and what the command printed.
fn new(parent: &Path, name: &str, kind: &str, language: &str) -> (PathBuf, String) {
    let arguments = ["plugin", "new", name, "--kind", kind, "--lang", language];
    let output = edas(parent).args(arguments).assert().success();
    (parent.join(name), String::from_utf8_lossy(&output.get_output().stdout).into_owned())
}

/// Builds a project as its author would, with the command that `edas plugin new` printed.
fn build(folder: &Path, command: &str) {
    let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).current_dir(folder);
    // What cargo tells its tests, and a user's own target folder, are not the project's.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME") {
        command.env_remove(name);
    }
    if program == "cargo" {
        // No registry is asked: the SDK is all that the project needs.
        command.env("CARGO_NET_OFFLINE", "true").env("CARGO_HOME", folder.join("cargo-home"));
    }
    let output = command.output().expect("the build tool runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

/// From nothing to a finished search.
fn whole(name: &str, kind: &str, language: &str, command: &str) {
    let parent = tempfile::tempdir().expect("a folder");
    let (folder, text) = new(parent.path(), name, kind, language);
    for part in [&format!("cd {name}"), command, "edas search spec.yaml"] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    // Nothing of the template's own name is left.
    for file in ["README.md", "spec.yaml"] {
        let text = std::fs::read_to_string(folder.join(file)).expect("it was written");
        assert!(text.contains(name) && !text.contains("my-plugin") && !text.contains("my_plugin"), "{text}");
    }
    build(&folder, command);
    let checked = edas(&folder).args(["check", "spec.yaml", "--no-timing"]).assert().success();
    let checked = String::from_utf8_lossy(&checked.get_output().stdout).into_owned();
    assert!(checked.contains("The spec is sound"), "{checked}");
    let snake = name.replace('-', "_");
    let library = match language {
        "rust" => {
            format!("target/release/{}{snake}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
        }
        _ => format!("lib{snake}.so"),
    };
    let mut check = edas(&folder);
    // Threads that spin while they wait take minutes on a machine that is busy with other tests.
    check.env("OMP_WAIT_POLICY", "passive").args(["plugin", "check", &library]);
    let kept = check.assert().success();
    let kept = String::from_utf8_lossy(&kept.get_output().stdout).into_owned();
    assert!(kept.contains("All checks passed"), "{kept}");
    let mut search = edas(&folder);
    search.args(["search", "spec.yaml", "--quiet", "--set", "search.epochs=1", "--set", "data.limit=200"]);
    search.assert().success();
    let genotype = folder.join(format!("runs/{name}-0/genotype.json"));
    assert!(genotype.is_file(), "the search has a result");
    if language == "rust" {
        let size = std::fs::metadata(folder.join(&library)).expect("built").len();
        assert!(size < 1_000_000, "{size} bytes");
    }
}

#[test]
fn an_op_set_in_rust() {
    whole("first-ops", "op-set", "rust", "cargo build --release");
}

#[test]
fn an_op_set_in_c() {
    whole("c-ops2", "op-set", "c", "make");
}

#[test]
fn an_op_set_in_cpp() {
    whole("cpp-ops", "op-set", "cpp", "make");
}

#[test]
fn a_space_in_rust() {
    whole("two-nodes", "space", "rust", "cargo build --release");
}

#[test]
fn a_policy_in_rust() {
    whole("least-decided", "policy", "rust", "cargo build --release");
}

#[test]
fn what_is_refused() {
    let parent = tempfile::tempdir().expect("a folder");
    let refused = |arguments: &[&str]| {
        let output = edas(parent.path()).args(["plugin", "new"]).args(arguments).assert().code(2);
        String::from_utf8_lossy(&output.get_output().stderr).into_owned()
    };
    std::fs::create_dir(parent.path().join("full")).expect("a folder");
    std::fs::write(parent.path().join("full/notes.txt"), "mine").expect("a file");
    std::fs::write(parent.path().join("a-file"), "mine").expect("a file");
    for (arguments, parts) in [
        (&["full"][..], ["something in the folder already", "notes.txt"]),
        (&["a-file"], ["the folder cannot be used", "a-file"]),
        (&["My_Ops"], ["cannot be the name of a plugin", "`my-ops`"]),
        (&["2nd"], ["cannot be the name of a plugin", "a letter first"]),
        (&["a--b"], ["cannot be the name of a plugin", "`a--b`"]),
        (&[".."], ["cannot be the name of a plugin", "``"]),
        (&["darts-ops"], ["a bundled plugin has this name", "another name than"]),
        (&["match"], ["no Rust crate may bear it", "`match-ops`"]),
        (&["mine", "--kind", "policy", "--lang", "c"], ["no project for a policy in C", "--lang rust"]),
        (&["mine", "--kind", "network"], ["possible values", "op-set"]),
    ] {
        let error = refused(arguments);
        for part in parts {
            assert!(error.contains(part), "`{part}` is not in `{error}`");
        }
    }
    let left: Vec<_> = std::fs::read_dir(parent.path()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "nothing was written: {left:?}");
    // An empty folder is fine.
    std::fs::create_dir(parent.path().join("empty")).expect("a folder");
    new(parent.path(), "empty", "op-set", "c");
}

/// The SDK has an exponential function of its own, so that it needs no registry. It is `libm`'s to the bit, which scripts use.
#[test]
fn the_exponential_function_is_libms() {
    let mut state = 1u64;
    let check = |x: f64| {
        let (ours, theirs) = (edas_plugin::exp(x), libm::exp(x));
        assert!(ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan(), "{x:e}: {ours:e}, {theirs:e}");
    };
    for x in [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 709.782_712_893_384, 709.8, -745.133_2, -745.2] {
        check(x);
    }
    for _ in 0..500_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 11) as f64 / (1u64 << 53) as f64;
        for x in [f64::from_bits(state), uniform * 1500.0 - 750.0, uniform * 4.0 - 2.0, uniform * 40.0 - 745.2] {
            check(x);
        }
    }
}

/// The code blocks of `plugins/README.md` stand in the templates, which the tests above build, or in plugins that other tests
/// build; its tables hold all that there is.
#[test]
fn the_readme_of_plugins_says_what_is() {
    let text = std::fs::read_to_string(common::repository("plugins/README.md")).expect("it is there");
    let mut sources = Vec::new();
    for (language, file) in [
        ("rust", "op-set-rust/src/lib.rs"),
        ("rust", "space-rust/src/lib.rs"),
        ("rust", "policy-rust/src/lib.rs"),
        ("c", "op-set-c/my_plugin.c"),
        ("cpp", "op-set-cpp/my_plugin.cpp"),
    ] {
        let path = common::repository(&format!("plugins/templates/files/{file}"));
        sources.push((language, std::fs::read_to_string(path).expect("it is there")));
    }
    // The first is frozen for good, and built by `tests/abi.rs`.
    for file in
        ["tests/abi/1.0/rust/src/lib.rs", "plugins/edas-policies/src/lib.rs", "tests/plugins/gates-policies/src/lib.rs"]
    {
        sources.push(("rust", std::fs::read_to_string(common::repository(file)).expect("it is there")));
    }
    let mut blocks = 0;
    for block in text.split("\n```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').expect("a block has lines");
        let found = sources.iter().any(|(l, source)| *l == language && source.contains(&format!("{code}\n")));
        assert!(found, "no template in {language} has\n{code}");
        blocks += 1;
    }
    assert!(blocks >= 11, "{blocks} blocks");
    let table = |heading: &str| -> Vec<Vec<&str>> {
        let rows = text.split(heading).nth(1).unwrap_or_else(|| panic!("no table {heading}")).lines().skip(2);
        rows.take_while(|row| row.starts_with('|'))
            .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
            .collect()
    };
    use edas::policy::plugin::{ANSWERS, GATES, SETTINGS};
    let header = std::fs::read_to_string(common::repository("plugins/sdk/header/helpers.h")).expect("it is there");
    for (heading, known) in [
        ("| gate | the edge | in Rust | in C |", &GATES[..]),
        ("| setting of a plan | value | holds for | in Rust | in C |", &SETTINGS),
        ("| answer to the end of an epoch | value | in Rust | in C |", &ANSWERS),
    ] {
        let rows = table(heading);
        assert_eq!(rows.iter().map(|row| row[0].trim_matches('`')).collect::<Vec<_>>(), known);
        for helper in rows.iter().flat_map(|row| row[row.len() - 1].split('`').skip(1).step_by(2)) {
            assert!(header.contains(&format!(" {helper}(")), "there is no helper {helper}");
        }
    }
    use edas::extension::Attribute;
    use edas::graph::layer::{KINDS, Layer};
    let layers = table("| kind | attributes | computes |");
    let kinds: Vec<_> = layers.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(kinds, KINDS);
    for row in layers.iter().filter(|row| row[0] != "`aten`") {
        // With all attributes of the table and one unknown, the host names those that it knows.
        let names: Vec<&str> = row[1].split('`').skip(1).step_by(2).collect();
        let given = |name: &&str| ((*name).to_owned(), value_of(name));
        let attributes = names.iter().map(given).chain([("unknown".to_owned(), Attribute::Integer(1))]).collect();
        let error = Layer::read(row[0].trim_matches('`'), attributes).expect_err("refused");
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        assert_eq!(error.fields().expected.as_deref(), Some(known.as_str()), "{}", row[0]);
        // And those without a default are all that are needed.
        let parts = row[1].split(", ").filter(|part| !part.contains('=') && part.contains('`'));
        let needed = parts.map(|part| part.split('`').nth(1).expect("a name"));
        let attributes = needed.map(|name| (name.to_owned(), value_of(name))).collect();
        Layer::read(row[0].trim_matches('`'), attributes).unwrap_or_else(|e| panic!("{}: {e}", row[0]));
    }
    fn value_of(name: &str) -> Attribute {
        match name {
            "bias" | "affine" => Attribute::Boolean(true),
            "epsilon" | "momentum" | "factor" => Attribute::Number(0.5),
            _ => Attribute::Integer(1),
        }
    }
}
