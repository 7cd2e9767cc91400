//! Checkpoints and logs that are not what was written.

use crate::common::record::{assert_same, record};
use crate::trial::{copy, goes_on, resume, run, search, undisturbed, unfinished};
use edas::random::{Purpose, Stream};
use edas::run::checkpoint::{Checkpoint, Manifest};
use edas::run::{Found, Unfinished};
use std::fs;
use std::path::{Path, PathBuf};

/// An unfinished run, and the number of iterations of its checkpoints, oldest first.
fn run_with_checkpoints(folder: &Path) -> (PathBuf, Vec<u64>) {
    let path = folder.join("run");
    unfinished(&path);
    let numbers = numbers(&path);
    assert!(numbers.len() >= 3, "{numbers:?}");
    (path, numbers)
}

/// The iterations of the manifests that are there, in order.
fn numbers(path: &Path) -> Vec<u64> {
    let names = fs::read_dir(path.join("checkpoints")).expect("checkpoints");
    let names = names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut numbers: Vec<u64> =
        names.filter_map(|name| name.strip_suffix(".json")?.trim_end_matches("-unvalidated").parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// A manifest by its number of iterations.
fn manifest(path: &Path, number: u64) -> PathBuf {
    let path = path.join(format!("checkpoints/{number:09}.json"));
    if path.exists() { path } else { path.with_file_name(format!("{number:09}-unvalidated.json")) }
}

fn open(path: &Path) -> Box<Unfinished> {
    match Unfinished::open(path).expect("it can be opened") {
        Found::Run(run) => run,
        Found::Nothing(_) => panic!("a run had begun"),
    }
}

fn flip(file: &Path, byte: usize, bit: u8) {
    let mut bytes = fs::read(file).expect("it can be read");
    bytes[byte] ^= 1 << bit;
    fs::write(file, bytes).expect("it can be written");
}

/// 100 single bits of the manifest and 100 of the tensors: each is found, and the checkpoint before is taken.
#[test]
fn a_flipped_bit_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, numbers) = run_with_checkpoints(folder.path());
    let [before, newest] = [numbers.len() - 2, numbers.len() - 1].map(|at| manifest(&path, numbers[at]));
    Checkpoint::read(&newest).expect("it is whole");
    let mut stream = Stream::new(3, Purpose::Split, 0);
    for n in 0..200 {
        let file = if n % 2 == 0 { newest.clone() } else { newest.with_extension("safetensors") };
        let byte = stream.index(fs::metadata(&file).expect("a file").len()) as usize;
        let bit = stream.index(8) as u8;
        flip(&file, byte, bit);
        let what = format!("bit {bit} of byte {byte} of {}", file.display());
        let read = Checkpoint::read(&newest);
        let fault = read.expect_err(&what);
        assert!(fault.fields().place.is_some(), "{what}: {fault}");
        let (found, passed) = open(&path).newest().expect("an older one is whole");
        assert_eq!(found.expect("a checkpoint").path, before, "{what}");
        assert_eq!((passed.len(), &passed[0].0), (1, &newest), "{what}");
        flip(&file, byte, bit);
    }
    Checkpoint::read(&newest).expect("it is whole again");
    goes_on(&path, "flipped back");
}

/// What the program says, and what it comes to: with the bits of an older checkpoint; where there is none, it refuses.
#[test]
fn the_program_passes_a_broken_checkpoint_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, numbers) = run_with_checkpoints(folder.path());
    let mut stream = Stream::new(4, Purpose::Split, 0);
    for n in 0..4 {
        let path = folder.path().join(format!("flip-{n}"));
        copy(&whole, &path);
        // The newest, and in the end the one before too.
        for number in numbers.iter().rev().take(1 + n / 3) {
            let json = manifest(&path, *number);
            let file = if n % 2 == 0 { json } else { json.with_extension("safetensors") };
            let byte = stream.index(fs::metadata(&file).expect("a file").len()) as usize;
            flip(&file, byte, stream.index(8) as u8);
        }
        let said = goes_on(&path, "a flipped bit");
        let taken = manifest(&whole, numbers[numbers.len() - 2 - n / 3]);
        let taken = taken.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(said.contains("passed over ") && said.contains("which cannot be used"), "{said}");
        assert!(said.contains("goes on after ") && said.contains(&taken), "{said}");
    }
    let path = folder.path().join("none");
    copy(&whole, &path);
    for number in numbers {
        flip(&manifest(&path, number).with_extension("safetensors"), 1000, 0);
    }
    let before = fs::read(path.join("metrics.jsonl")).expect("a log");
    run(resume(&path)).says(2, &["none of the run's checkpoints can be used", "checksum", "nothing has been changed"]);
    assert_eq!(fs::read(path.join("metrics.jsonl")).expect("a log"), before);
    // As the message says.
    fs::remove_dir_all(path.join("checkpoints")).expect("it can be removed");
    goes_on(&path, "without checkpoints");
}

#[test]
fn files_that_are_cut_short_or_are_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, numbers) = run_with_checkpoints(folder.path());
    let [before, newest] = [numbers.len() - 2, numbers.len() - 1].map(|at| manifest(&path, numbers[at]));
    let tensors = newest.with_extension("safetensors");
    let passed = |what: &str, part: &str| {
        let (found, passed) = open(&path).newest().expect("an older one is whole");
        assert_eq!(found.expect("a checkpoint").path, before, "{what}");
        assert_eq!(passed[0].0, newest);
        assert!(passed[0].1.to_string().contains(part), "{what}: {}", passed[0].1);
    };
    for file in [&newest, &tensors] {
        let bytes = fs::read(file).expect("it can be read");
        let length = bytes.len();
        for end in [0, 1, 7, 8, 9, 100, length / 2, length - 2] {
            fs::write(file, &bytes[..end]).expect("it can be written");
            passed(&format!("{} of {length} bytes of {}", end, file.display()), "");
        }
        fs::write(file, [&bytes[..], b"x"].concat()).expect("it can be written");
        passed("one byte more", "");
        fs::remove_file(file).expect("it can be removed");
        if *file == tensors {
            passed("no tensors", "cannot read");
        }
        fs::create_dir(file).expect("a folder");
        passed("a folder in its place", "cannot read");
        fs::remove_dir(file).expect("it can be removed");
        fs::write(file, bytes).expect("it can be written");
    }
    let text = fs::read_to_string(&newest).expect("text");
    let bytes = fs::read(&tensors).expect("it can be read");
    // Tensors of another checkpoint; a manifest of another; one that is sound and names another file.
    fs::copy(before.with_extension("safetensors"), &tensors).expect("it can be copied");
    passed("the tensors of another checkpoint", "than its manifest says");
    fs::write(&tensors, &bytes).expect("it can be written");
    fs::copy(&before, &newest).expect("it can be copied");
    passed("the manifest of another checkpoint", "another name than it was written under");
    for name in ["../spec.yaml", "/etc/passwd", "000000002.safetensors", ""] {
        let mut manifest = Manifest::parse(&text, &newest).expect("a manifest");
        name.clone_into(&mut manifest.tensors.file);
        fs::write(&newest, manifest.to_text().expect("text")).expect("it can be written");
        passed("a manifest that names another file", "another name than it was written under");
    }
    let mut later = Manifest::parse(&text, &newest).expect("a manifest");
    later.version += 1;
    fs::write(&newest, later.to_text().expect("text")).expect("it can be written");
    passed("a later version", "version 2");
    // The checkpoint of another run, at the same place.
    let other = folder.path().join("other");
    let mut command = search(&other);
    command.args(["--seed", "1"]);
    assert_eq!(run(command).code, Some(0));
    let theirs = manifest(&other, *self::numbers(&other).last().expect("a checkpoint"));
    let ours = path.join("checkpoints").join(theirs.file_name().expect("a name"));
    for ending in ["json", "safetensors"] {
        fs::copy(theirs.with_extension(ending), ours.with_extension(ending)).expect("it can be copied");
    }
    fs::write(&newest, text).expect("it can be written");
    let (found, over) = open(&path).newest().expect("an older one is whole");
    assert_eq!(found.expect("a checkpoint").path, newest);
    assert_eq!((over.len(), over[0].1.fields().what.as_str()), (1, "this is the checkpoint of another run"));
    goes_on(&path, "another run's checkpoint");
}

/// A log that lacks lines which a checkpoint counts on leaves the checkpoints before; one that has more is cut back.
#[test]
fn logs_that_are_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, numbers) = run_with_checkpoints(folder.path());
    let newest = manifest(&whole, *numbers.last().expect("checkpoints"));
    let length = |name: &str, number: u64| {
        let path = manifest(&whole, number);
        Manifest::parse(&fs::read_to_string(&path).expect("text"), &path).expect("a manifest").logs[name] as usize
    };
    for (n, (log, back, passed)) in
        [("trace.jsonl", 1, 1), ("metrics.jsonl", 30, 1), ("alpha.jsonl", 3, 1)].into_iter().enumerate()
    {
        let path = folder.path().join(format!("short-{n}"));
        copy(&whole, &path);
        let bytes = fs::read(path.join(log)).expect("a log");
        let end = length(log, *numbers.last().expect("checkpoints")) - back;
        fs::write(path.join(log), &bytes[..end]).expect("it can be written");
        let said = goes_on(&path, log);
        assert!(said.matches("passed over ").count() >= passed && said.contains("is not the one"), "{said}");
    }
    // Half a line more than was saved, as a killed process leaves it, and rubbish.
    for (n, rest) in ["{\"kind\":\"iter", "\u{0}\u{0}\u{0}\n", "{}\n{}\n"].into_iter().enumerate() {
        let path = folder.path().join(format!("long-{n}"));
        copy(&whole, &path);
        for log in ["trace.jsonl", "metrics.jsonl", "alpha.jsonl", "genotypes.jsonl"] {
            let mut bytes = fs::read(path.join(log)).expect("a log");
            bytes.extend_from_slice(rest.as_bytes());
            fs::write(path.join(log), bytes).expect("it can be written");
        }
        let said = goes_on(&path, "longer logs");
        assert!(said.contains(newest.file_name().expect("a name").to_str().expect("text")), "{said}");
    }
    let path = folder.path().join("empty");
    copy(&whole, &path);
    fs::write(path.join("trace.jsonl"), "").expect("it can be written");
    run(resume(&path)).says(2, &["none of the run's checkpoints can be used", "trace.jsonl"]);
    fs::remove_file(path.join("trace.jsonl")).expect("it can be removed");
    run(resume(&path)).says(2, &["none of the run's checkpoints can be used", "trace.jsonl"]);
}

/// The files that say what a run is: without them it is none, with nonsense in them the message names the place.
#[test]
fn what_describes_a_run_is_broken() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, _) = run_with_checkpoints(folder.path());
    for (n, (file, content, part)) in [
        ("sessions.jsonl", "", "the run has no session"),
        ("sessions.jsonl", "{\"run\": 3}\n", "sessions.jsonl:1"),
        ("inputs/hashes.json", "{\"data", "hashes.json:1"),
        ("spec.yaml", "edas: 1\nname: [", "spec.yaml"),
        ("spec.yaml", "", "spec.yaml"),
        ("inputs/darts.yaml", "space: 1\n", "darts.yaml"),
        ("inputs/edas_inversion.rhai", "fn plan(turn) { turn.strongest() }", "is no longer the one that ran"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("run-{n}"));
        copy(&whole, &path);
        fs::write(path.join(file), content).expect("it can be written");
        let mut command = crate::trial::edas();
        command.args(["search", "--resume"]).arg(&path);
        run(command).says(2, &[part]);
        fs::copy(whole.join(file), path.join(file)).expect("it can be copied");
        goes_on(&path, file);
    }
}

/// A finished run is finished, whatever became of its checkpoints.
#[test]
fn a_finished_run_needs_no_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    assert_eq!(run(search(&path)).code, Some(0));
    for entry in fs::read_dir(path.join("checkpoints")).expect("checkpoints") {
        let file = entry.expect("an entry").path();
        if !file.ends_with("final.safetensors") {
            fs::write(file, "nonsense").expect("it can be written");
        }
    }
    let ended = run(resume(&path));
    assert!(ended.code == Some(0) && ended.err.contains("has come to its end"), "{ended:?}");
    assert_same(undisturbed(), &record(&path), "a finished run");
}
