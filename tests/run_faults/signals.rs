//! SIGINT and SIGTERM at any moment: the first lets a run save, the second ends it at once; nothing is lost by either.

use crate::common::record::{assert_same, record};
use crate::trial::{goes_on, plant, resume, run, search, undisturbed};
use std::fs;

/// Moments of a run: a call of the C library, part of its path, which of these calls.
const MOMENTS: [(&str, &str, &str); 14] = [
    // While the directory is made, and before the first iteration.
    ("open", "run/lock", "1"),
    ("fsync", "inputs/darts.yaml", "1"),
    ("rename", "spec.yaml", "1"),
    // Within an iteration, the first and others.
    ("write", "trace.jsonl", "1"),
    ("write", "trace.jsonl", "9"),
    // While a checkpoint is written, at its begin and its end.
    ("open", "000000006.safetensors", "1"),
    ("fsync", "000000006.safetensors", "1"),
    ("rename", "000000010.json", "1"),
    ("unlink", "checkpoints/", "4"),
    // At the end of an epoch, and after a validation.
    ("write", "genotypes.jsonl", "1"),
    ("write", "alpha.jsonl", "2"),
    // The last checkpoint and the result.
    ("rename", "000000024.safetensors", "1"),
    ("write", "final.safetensors", "1"),
    ("rename", "genotype.json", "1"),
];

/// Interrupted there, a run saves and says how it goes on, or comes to its end where there is nothing left to do.
#[test]
fn one_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    for (n, (call, place, nth)) in MOMENTS.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}/run"));
        let what = format!("{call} {place} {nth}");
        let mut command = search(&path);
        plant(&mut command, call, place, nth, if n % 2 == 0 { "SIGINT" } else { "SIGTERM" });
        let ended = run(command);
        ended.is_sound();
        assert!(!path.join("lock").exists() && !path.join("failure.txt").exists(), "{what}");
        if ended.code == Some(0) {
            assert!(n >= MOMENTS.len() - 3, "{what}: it did not listen");
            assert_same(undisturbed(), &record(&path), &what);
            continue;
        }
        assert_eq!(ended.code, Some(130), "{what}: {ended:?}");
        let how = format!("and saved; `edas search {} --resume` goes on", path.display());
        assert!(ended.err.contains("interrupted after ") && ended.err.contains(&how), "{what}: {ended:?}");
        assert!(ended.out.is_empty() && !path.join("genotype.json").exists(), "{what}");
        let said = goes_on(&path, &what);
        assert!(said.contains("goes on after ") && !said.contains("passed over"), "{what}: {said}");
    }
}

/// Two at once end it there: the checkpoint before is intact.
#[test]
fn two_signals() {
    let folder = tempfile::tempdir().expect("a folder");
    for (n, (call, place, nth)) in MOMENTS.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}/run"));
        let what = format!("twice at {call} {place} {nth}");
        let mut command = search(&path);
        plant(&mut command, call, place, nth, "SIGTERM,SIGINT");
        let ended = run(command);
        assert_eq!(ended.code, Some(130), "{what}: {ended:?}");
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{what}");
        let saved = fs::read_dir(path.join("checkpoints")).is_ok_and(|list| {
            list.filter_map(Result::ok).any(|entry| entry.path().extension().is_some_and(|e| e == "json"))
        });
        let said = goes_on(&path, &what);
        assert!(!said.contains("passed over"), "{what}: {said}");
        assert_eq!(said.contains("goes on after "), saved, "{what}: {said}");
    }
}

/// A run that is taken up is interrupted as well, also before it has made an iteration of its own, again and again.
#[test]
fn signals_while_a_run_is_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    let mut sessions = 0;
    for (call, place, nth, act) in [
        ("open", "run/lock", "1", "SIGINT"),
        ("truncate", "trace.jsonl", "1", "SIGINT"),
        ("truncate", "metrics.jsonl", "1", "SIGINT,SIGINT"),
        ("write", "sessions.jsonl", "1", "SIGTERM"),
        ("write", "sessions.jsonl", "1", "SIGTERM,SIGTERM"),
        ("write", "trace.jsonl", "1", "SIGHUP"),
        ("write", "alpha.jsonl", "1", "SIGHUP"),
    ] {
        let mut command = resume(&path);
        plant(&mut command, call, place, nth, act);
        let ended = run(command);
        assert_eq!(ended.code, Some(130), "{call} {place}: {ended:?}");
        ended.is_sound();
        sessions += 1;
    }
    let said = goes_on(&path, "after many signals");
    assert!(sessions == 7 && said.contains("goes on after "), "{said}");
}
