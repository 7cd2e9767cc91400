//! Several processes at one run directory.

use crate::trial::{finish, goes_on, resume, run, search, signal, stopped, unfinished};
use std::fs;

/// Whoever comes second is told who has the directory, whether it begins or goes on; when the holder dies, however it does, its hold goes.
#[test]
fn one_process_per_run_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    for nth in ["5", "2"] {
        let command = if path.exists() { resume(&path) } else { search(&path) };
        let child = stopped(command, "write", "trace.jsonl", nth);
        let holder = format!("process {} has it", child.id());
        run(resume(&path)).says(2, &["the run directory is in use", &path.display().to_string(), &holder]);
        // A new run does not even look who has it.
        run(search(&path)).says(2, &["exists", "--resume"]);
        let mut derive = crate::trial::edas();
        derive.arg("derive").arg(&path);
        run(derive).is_sound();
        signal(child.id(), "KILL");
        assert_eq!(finish(child).code, None);
        assert!(path.join("lock").exists(), "nobody cleared up");
    }
    goes_on(&path, "after two kills");
}

/// Many at once: one has it, the others are refused; what comes out is whole.
#[test]
fn several_go_on_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    unfinished(&path);
    let children: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn({
                let path = path.clone();
                move || run(resume(&path))
            })
        })
        .collect();
    let ended: Vec<_> = children.into_iter().map(|child| child.join().expect("it ends")).collect();
    assert!(ended.iter().any(|ended| ended.code == Some(0)), "{ended:?}");
    for ended in ended {
        if ended.code != Some(0) {
            ended.says(2, &["the run directory is in use"]);
        }
    }
    goes_on(&path, "several at once");
}

/// Two that begin the same run at once: one makes the directory, the other is refused.
#[test]
fn two_begin_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    // The first has made the folder, and not yet its lock.
    let child = stopped(search(&path), "open", "run/lock$", "1");
    assert!(path.is_dir() && !path.join("lock").exists());
    run(search(&path)).says(2, &["exists"]);
    let second = run(resume(&path));
    assert_eq!(second.code, Some(0), "{second:?}");
    signal(child.id(), "CONT");
    // By now another run is there, finished: it must stay as it is.
    finish(child).says(2, &["exists"]);
    goes_on(&path, "the one that came second");
    assert_eq!(fs::read_to_string(path.join("sessions.jsonl")).expect("sessions").lines().count(), 1);
}
