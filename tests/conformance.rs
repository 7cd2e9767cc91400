//! `edas plugin check` finds planted faults, one library each, and passes the plugins that ship.

mod common;

use common::{compiled, edas, library};

/// Runs the check; status, and the checks as JSON.
fn check(plugin: &str, arguments: &[&str]) -> (i32, Vec<serde_json::Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let output =
        edas(folder.path()).args(["plugin", "check", plugin, "--json"]).args(arguments).output().expect("it runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{plugin}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
    let checks = report["checks"].as_array().expect("checks").clone();
    (output.status.code().unwrap_or(-1), checks)
}

/// The names of the checks that failed, and what they found.
fn failed(checks: &[serde_json::Value]) -> Vec<(String, String)> {
    let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
    checks.iter().filter(|c| c["outcome"] == "failed").map(|c| (text(&c["name"]), text(&c["found"]))).collect()
}

fn planted(fault: &str) -> String {
    compiled("tests/plugins/planted.c", fault, &[&format!("-DFAULT={fault}")]).display().to_string()
}

#[test]
fn planted_faults_are_found() {
    let (status, checks) = check(&planted("NO_FAULT"), &[]);
    assert_eq!((status, failed(&checks)), (0, Vec::new()), "without its fault the plugin passes");
    for (fault, name, found) in [
        ("INPUT_GRADIENT", "gradients", "the gradient of input 0"),
        ("PARAMETER_GRADIENT", "gradients", "the gradient of parameter `scale`"),
        ("AT_STRIDE_2", "gradients", "stride 2"),
        ("UNLIKE_REFERENCE", "kernel as its reference", "apart from the reference graph's"),
        ("NOT_REPEATABLE", "same bits", "run twice"),
        ("BY_THREADS", "kernel on threads", "with more threads"),
        ("IGNORES_MASK", "kernel's mask", "when no other is wanted"),
        ("NOT_FINITE", "finite", "not finite"),
    ] {
        let (status, checks) = check(&planted(fault), &[]);
        assert_eq!(status, 1, "{fault}");
        let all = failed(&checks);
        assert!(all.iter().any(|(n, f)| n == name && f.contains(found)), "{fault}: {all:?}");
    }
    // Only what is at stride 2 is blamed on stride 2.
    let (_, checks) = check(&planted("AT_STRIDE_2"), &[]);
    assert!(failed(&checks).iter().all(|(_, found)| found.contains("stride 2")), "{checks:?}");
}

#[test]
fn operations_that_go_wrong_are_found() {
    let faults = library("faults").display().to_string();
    let (status, checks) = check(&faults, &["--only", "masked"]);
    assert_eq!((status, failed(&checks)), (0, Vec::new()), "a weight may be computed");
    for (operation, name, found) in [
        ("build_panics", "shapes", "no idea how to build this"),
        ("wrong_shape", "shapes", "instead of"),
        ("foreign", "same graph", "built once more, it fails"),
        ("forward_panics", "gradients", "lost the way forward"),
        ("gradient_nan", "finite", "the gradient of input 0 is not finite"),
        ("no_reference", "gradients", "has no reference graph"),
    ] {
        let (status, checks) = check(&faults, &["--only", operation]);
        let all = failed(&checks);
        assert_eq!(status, 1, "{operation}: {all:?}");
        assert!(all.iter().any(|(n, f)| n == name && f.contains(found)), "{operation}: {all:?}");
    }
}

#[test]
fn policies_that_go_wrong_are_found() {
    let faults = library("faults").display().to_string();
    let (status, checks) = check(&faults, &["--only", "remembers"]);
    assert_eq!((status, failed(&checks)), (0, Vec::new()));
    for (policy, name, found) in [
        ("forgets", "state", "saved and restored after iteration 1: the plans differ from iteration 1 on"),
        ("shares", "same seed, same plans", "made twice: the plans differ"),
        ("strays", "plans", "iteration 9"),
    ] {
        let (status, checks) = check(&faults, &["--only", policy]);
        let all = failed(&checks);
        assert_eq!(status, 1, "{policy}: {all:?}");
        assert!(all.iter().any(|(n, f)| n == name && f.contains(found)), "{policy}: {all:?}");
    }
}

#[test]
fn the_plugins_that_ship_pass() {
    for plugin in edas::extension::registry::bundled::NAMES {
        let (status, checks) = check(plugin, &[]);
        assert_eq!((status, failed(&checks)), (0, Vec::new()), "{plugin}");
        assert!(checks.len() >= 8, "{plugin}");
    }
}

/// What a kernel computes of a weight alone is like a weight, and its reference graph takes its place in 64 bits.
#[test]
fn a_kernel_over_a_weight_alone() {
    let plugin = compiled("tests/plugins/weight_kernel.c", "sound", &[]).display().to_string();
    let (status, checks) = check(&plugin, &[]);
    assert_eq!((status, failed(&checks)), (0, Vec::new()));
}

/// What `inspect` and `list` say of a library.
#[test]
fn plugins_are_listed_and_inspected() {
    let path = planted("NO_FAULT");
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("{}planted{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    std::fs::copy(&path, folder.path().join(&name)).expect("a copy");
    let run = |arguments: &[&str]| {
        let output =
            edas(folder.path()).args(arguments).env("EDAS_PLUGIN_PATH", folder.path()).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let list: serde_json::Value = serde_json::from_str(&run(&["plugin", "list", "--json"])).expect("JSON");
    let rows = list.as_array().expect("rows");
    assert!(rows.iter().any(|r| r["name"] == "darts-ops" && r["where"] == "bundled"));
    assert!(rows.iter().any(|r| r["name"] == "planted" && r["where"].as_str().is_some_and(|w| w.ends_with(&name))));
    let text = run(&["plugin", "inspect", &path]);
    for part in ["operation scaled: every channel times a weight", "kernel scale", "tensor scale", "ABI 1.0"] {
        assert!(text.contains(part), "{text}");
    }
    let report: serde_json::Value =
        serde_json::from_str(&run(&["plugin", "inspect", "mobile-ops", "--operation", "mbconv", "--json"]))
            .expect("JSON");
    let parameters = report["operations"][0]["parameters"].as_array().expect("parameters");
    assert_eq!(parameters[0]["name"], "expand");
    assert_eq!(parameters[0]["accepts"], "a whole number from 1 to 10");
}
