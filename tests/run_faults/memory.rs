//! Memory that runs out: a message that says what the network needs, never an end without a word.

use crate::common::repository;
use crate::trial::{Ended, edas, goes_on, plant, resume, run, search};
use std::path::Path;
use std::process::Command;

/// Has the n-th request for so many bytes or more refused, once the spec is read.
fn refuse(command: &mut Command, bytes: &str, nth: &str) {
    plant(command, "memory", "quickstart.yaml", nth, "");
    command.env("EDAS_TEST_BYTES", bytes);
}

fn ran_out(ended: &Ended, path: &Path) {
    let begun = ended.code == Some(1);
    ended.says(if begun { 1 } else { 2 }, &["memory ran out", "lower `search.batch`"]);
    assert_eq!(begun, path.join("metrics.jsonl").exists(), "{ended:?}");
}

/// Every large request may be refused: for images, weights, batches, activations, copies of the network, files of checkpoints.
#[test]
fn any_request_may_be_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    // From larger to smaller ones: those of checkpoints, which are few; those of the network.
    for (bytes, first, step) in [("100000", 1, 9), ("60000", 2, 5)] {
        let (mut failed, mut unharmed) = (0, 0);
        for nth in (first..).step_by(step) {
            let path = folder.path().join(format!("{bytes}-{nth}"));
            let mut command = search(&path);
            refuse(&mut command, bytes, &nth.to_string());
            let ended = run(command);
            // A library may do with less.
            if ended.code == Some(0) {
                unharmed += 1;
                ended.is_sound();
            } else {
                failed += 1;
                ran_out(&ended, &path);
                goes_on(&path, &format!("request {nth} for {bytes} bytes"));
            }
            if unharmed == 2 || failed == 8 {
                break;
            }
        }
        assert!(failed > 2, "{bytes}: {failed}");
    }
}

/// The same while a run is taken up: its checkpoints are as they were.
#[test]
fn requests_while_a_run_is_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    crate::trial::unfinished(&path);
    let mut failed = 0;
    for nth in [1, 2, 3, 5, 7, 11] {
        let mut command = resume(&path);
        refuse(&mut command, "100000", &nth.to_string());
        let ended = run(command);
        ended.is_sound();
        if ended.code == Some(0) {
            break;
        }
        if !ended.err.contains("has come to its end") {
            failed += 1;
            assert!(ended.err.contains("memory ran out"), "{ended:?}");
        }
    }
    assert!(failed > 2, "{failed}");
    goes_on(&path, "enough memory again");
}

/// A process that may have 1 GiB, and a batch that needs more: the message has the figure of `edas check`.
#[test]
fn a_network_that_needs_more_than_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    let large = [
        "--set",
        "network.channels=64",
        "--set",
        "network.cells=5",
        "--set",
        "search.batch=400",
        "--set",
        "data.limit=null",
    ];
    let mut check = edas();
    check.args(["check", "--json", "--no-timing"]).arg(repository("specs/quickstart.yaml")).args(large);
    let report: serde_json::Value = serde_json::from_str(&run(check).out).expect("JSON");
    let needed = report["memory_estimate_bytes"].as_f64().expect("a number");
    for kibibytes in [700_000, 1_000_000] {
        let path = path.with_extension(kibibytes.to_string());
        let mut search = search(&path);
        search.args(large);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -v {kibibytes} && exec \"$@\""), "sh"]);
        limited.arg(search.get_program()).args(search.get_args()).env("NO_COLOR", "1");
        let needs = format!("by the estimate of `edas check` this network needs about {:.1} MiB", needed / 1_048_576.0);
        run(limited).says(1, &["memory ran out", "while iteration 0", &needs, "lower `search.batch`"]);
        // So does `edas check`, which tries some iterations.
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit -v {kibibytes} && exec \"$@\""), "sh"])
            .arg(assert_cmd::cargo::cargo_bin!("edas"));
        limited.arg("check").arg(repository("specs/quickstart.yaml")).args(large).env("NO_COLOR", "1");
        run(limited).says(1, &["memory ran out", &needs]);
    }
}
