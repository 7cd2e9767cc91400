//! Disks that are full, fail, or can only be read, and run directories that vanish.

use crate::trial::{Ended, finish, goes_on, plant, resume, run, search, signal, stopped, unfinished};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a message says to do about a fault.
fn remedy(act: &str) -> &'static str {
    match act {
        "EROFS" => "can only be read",
        "EIO" => "that disk fails",
        _ => "make room on that disk",
    }
}

/// Whatever call fails, while the directory is made, while logs, checkpoints or the result are written: a message that names the file, and
/// a run that can go on.
#[test]
fn every_call_may_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("rename", "ENOSPC", 3, 9),
        ("fsync", "EIO", 2, 21),
        ("open", "EROFS", 1, 10),
        ("write", "ENOSPC", 4, 17),
        ("write", "half", 1, 13),
        ("unlink", "EIO", 2, 7),
        ("mkdir", "EROFS", 1, 7),
        ("rename,write", "ENOSPC", 90, 7),
    ];
    for (call, act, first, step) in cases {
        let mut failed = 0;
        for nth in (first..).step_by(step) {
            let path = folder.path().join(format!("{call}-{act}-{nth}"));
            let mut command = search(&path);
            plant(&mut command, call, &path.display().to_string(), &nth.to_string(), act);
            let ended = run(command);
            if ended.code == Some(0) {
                break;
            }
            failed += 1;
            fails_well(&ended, &path, act);
            goes_on(&path, &format!("{call} {nth} {act}"));
        }
        assert!(failed > 0, "{call} never failed");
    }
}

/// A run that ends over a disk says which file and what to do; where it had begun, its directory says why it ended.
fn fails_well(ended: &Ended, path: &Path, act: &str) {
    // Before the first iteration nothing has been started.
    let begun = fs::read(path.join("spec.yaml")).is_ok() && ended.code == Some(1);
    let file = path.display().to_string();
    ended.says(if begun { 1 } else { 2 }, &[&file, "os error", remedy(act)]);
    let reason = fs::read_to_string(path.join("failure.txt")).unwrap_or_default();
    assert_eq!(begun, reason.contains(remedy(act)), "{reason}");
    if begun {
        let saved = fs::read_dir(path.join("checkpoints")).is_ok_and(|list| {
            list.filter_map(Result::ok).any(|entry| entry.path().extension().is_some_and(|e| e == "json"))
        });
        let how = format!("`edas search {file} --resume` goes on from the run's newest checkpoint");
        assert_eq!(ended.err.contains(&how), saved, "{ended:?}");
    }
}

/// Once it fails, everything that writes fails: even the reason cannot be noted. So does taking a run up.
#[test]
fn a_disk_that_fails_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    for (nth, act) in [("40+", "EROFS"), ("70+", "ENOSPC")] {
        let path = folder.path().join(act);
        let all = "open,write,rename,unlink,mkdir,truncate";
        let mut command = search(&path);
        plant(&mut command, all, &path.display().to_string(), nth, act);
        run(command).says(1, &[remedy(act)]);
        let before = listing(&path);
        for first in ["1+", "2+", "3+"] {
            let mut command = resume(&path);
            plant(&mut command, all, &path.display().to_string(), first, act);
            run(command).says(2, &[remedy(act)]);
        }
        assert_eq!(listing(&path), before);
        goes_on(&path, act);
    }
}

/// The names and sizes of a run's files, but that of the lock.
fn listing(run: &Path) -> Vec<(PathBuf, u64)> {
    let mut list = Vec::new();
    for folder in [run.to_owned(), run.join("checkpoints"), run.join("inputs")] {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if !path.ends_with("lock") && path.is_file() {
                list.push((path.clone(), path.metadata().expect("a file").len()));
            }
        }
    }
    list.sort();
    list
}

/// A disk of its own.
struct Disk(PathBuf);

impl Disk {
    /// So many KiB; none where this system lets nobody mount, which is said.
    fn mounted(folder: &Path, size: u32) -> Option<Self> {
        fs::create_dir(folder).expect("a new folder");
        match mount(&["-t", "tmpfs", "-o", &format!("size={size}k"), "tmpfs"], folder) {
            Ok(()) => Some(Self(folder.to_owned())),
            Err(why) => {
                println!("skipped: no disk can be mounted here: {why}");
                None
            }
        }
    }

    fn change(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0).expect("it can be changed");
    }

    fn fill(&self) {
        let mut size = 1 << 20;
        for n in 0.. {
            let file = self.0.join(format!("filler-{n}"));
            while size > 0 && fs::write(&file, vec![1; size]).is_err() {
                size /= 2;
            }
            if size == 0 {
                return;
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(options: &[&str], folder: &Path) -> Result<(), String> {
    let output = Command::new("mount").args(options).arg(folder).output().map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = |size: u32, checkpoint: &str| {
        let disk = Disk::mounted(&folder.path().join(format!("{size}")), size)?;
        let path = disk.0.join("run");
        let mut command = search(&path);
        command.args(["--set", &format!("checkpoint={checkpoint}")]);
        Some((run(command), path, disk))
    };
    let often = "{every: 2, minutes: null}";
    let never = "{every: null, minutes: null}";
    // Room for two checkpoints; for some of the logs; for the last checkpoint, but not for the result beside it.
    for (size, checkpoint, file, after) in [
        (500, often, "checkpoints/0", Some("goes on after")),
        (60, never, ".jsonl", None),
        (330, never, "final.safetensors", Some("goes on after 24 iterations")),
    ] {
        let Some((ended, path, disk)) = full(size, checkpoint) else { return };
        ended.says(1, &["No space left", file, "make room on that disk"]);
        // What was not written to its end is not there.
        disk.change("size=10m");
        let said = goes_on(&path, &format!("a disk of {size} KiB"));
        assert!(said.contains(after.unwrap_or("the run begins")), "{said}");
    }
    let Some(disk) = Disk::mounted(&folder.path().join("none"), 100) else { return };
    disk.fill();
    let path = disk.0.join("run");
    run(search(&path)).says(2, &["No space left", "make room on that disk"]);
    fs::remove_file(disk.0.join("filler-0")).expect("it is there");
    disk.change("size=10m");
    goes_on(&path, "a full disk");
}

/// A disk that can only be read takes no new run, and lets none go on; who only reads a run does not mind.
#[test]
fn a_disk_that_can_only_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mounted(&folder.path().join("disk"), 10_000) else { return };
    let path = disk.0.join("run");
    unfinished(&path);
    disk.change("ro");
    let before = listing(&path);
    run(resume(&path)).says(2, &["lock", "can only be read"]);
    run(search(&disk.0.join("new"))).says(2, &["new", "can only be read"]);
    let mut derive = crate::trial::edas();
    derive.arg("derive").arg(&path).args(["--epoch", "1"]);
    assert_eq!(run(derive).code, Some(0));
    assert_eq!(listing(&path), before);
    disk.change("rw");
    goes_on(&path, "a disk that can be written again");
}

#[test]
fn a_run_directory_that_vanishes_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for nth in ["4", "9"] {
        let path = folder.path().join("run");
        let child = stopped(search(&path), "rename", ".json$", nth);
        fs::remove_dir_all(&path).expect("it can be removed");
        signal(child.id(), "CONT");
        finish(child).says(1, &["the run directory is no longer where it was", "put it back"]);
        assert!(!path.exists());
    }
}

#[test]
fn a_run_directory_that_is_moved_goes_on_where_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, elsewhere) = (folder.path().join("run"), folder.path().join("elsewhere"));
    let child = stopped(search(&path), "write", "trace.jsonl", "12");
    fs::rename(&path, &elsewhere).expect("it can be moved");
    fs::create_dir(&path).expect("a new folder in its place");
    // Whoever finds the moved one finds it in use.
    run(resume(&elsewhere)).says(2, &["in use", &child.id().to_string()]);
    signal(child.id(), "CONT");
    finish(child).says(1, &["the run directory is no longer where it was", "`--run DIR --resume`"]);
    // A checkpoint that is on its way may still have made its folder; it puts nothing there.
    for file in ["failure.txt", "lock", "trace.jsonl", "spec.yaml", "genotype.json"] {
        assert!(!path.join(file).exists(), "{file} is written to another folder");
    }
    fs::remove_file(elsewhere.join("lock")).expect("it was let go");
    goes_on(&elsewhere, "a moved directory");
}
