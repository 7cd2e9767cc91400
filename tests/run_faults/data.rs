//! Data that changes under a run, and loader threads that die.

use crate::common::record::{assert_same, record};
use crate::trial::{finish, plant, run, search, signal, stopped};
use edas::data::{Augment, DataSet, Loader, LoaderSettings, Part, Split};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// 320 images in CIFAR-10's layout, in two files.
fn images(folder: &Path) -> [PathBuf; 2] {
    [1, 2].map(|file| {
        let pixel = |image: usize, at: usize| (image * 37 + at * (image % 10 + 3) + file * 11) as u8;
        let record = |image| std::iter::once((image % 10) as u8).chain((0..3072).map(move |at| pixel(image, at)));
        let path = folder.join(format!("data_batch_{file}.bin"));
        fs::write(&path, (0..160).flat_map(record).collect::<Vec<u8>>()).expect("it can be written");
        path
    })
}

/// The small search, on these images.
fn on_images(root: &Path, run: &Path) -> Command {
    let mut command = search(run);
    command.args(["--set", "data.name=cifar10", "--set", &format!("data.root={}", root.display())]);
    command.args(["--set", "search.epochs=2"]);
    command
}

#[test]
fn a_data_file_that_changes_between_two_sessions() {
    let folder = tempfile::tempdir().expect("a folder");
    let [file, _] = images(folder.path());
    let (whole, path) = (folder.path().join("whole"), folder.path().join("run"));
    assert_eq!(run(on_images(folder.path(), &whole)).code, Some(0));
    // Changed while a process has it: that goes on with what it read.
    let bytes = fs::read(&file).expect("it can be read");
    let mut changed = bytes.clone();
    changed[5000] ^= 1;
    let child = stopped(on_images(folder.path(), &path), "write", "trace.jsonl", "3");
    fs::write(&file, &changed).expect("it can be written");
    signal(child.id(), "TERM");
    signal(child.id(), "CONT");
    assert_eq!(finish(child).code, Some(130));
    let resume = || {
        let mut command = on_images(folder.path(), &path);
        command.arg("--resume");
        command
    };
    let hash = |run: &Path| {
        let text = fs::read_to_string(run.join("inputs/hashes.json")).expect("hashes");
        let hashes: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        hashes["data cifar10"].as_str().expect("a hash").to_owned()
    };
    let refused = run(resume());
    let then = hash(&path);
    refused.says(2, &["the run in", "was made with something else", "data cifar10: ", &format!("{then} then, ")]);
    let now = refused.err.split(&format!("{then} then, ")).nth(1).and_then(|rest| rest.split(' ').next());
    assert!(now.is_some_and(|now| now.len() == 64 && now != then), "{refused:?}");
    fs::write(&file, &bytes[..bytes.len() - 100]).expect("it can be written");
    run(resume()).says(2, &["cut short", "data_batch_1.bin", "a multiple of 3073 bytes"]);
    fs::remove_file(&file).expect("it can be removed");
    run(resume()).says(2, &["data_batch_1.bin"]);
    fs::write(&file, bytes).expect("it can be written");
    assert_eq!(run(resume()).code, Some(0));
    assert_same(&record(&whole), &record(&path), "the data as they were");
}

/// Cut at the end of an image, so that what is left would look whole; made longer; written anew.
#[test]
fn a_data_file_that_changes_while_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let [file, _] = images(folder.path());
    let bytes = fs::read(&file).expect("it can be read");
    let longer = [&bytes[..], &bytes[..3073]].concat();
    let other: Vec<u8> = bytes.iter().map(|byte| byte & 1).collect();
    for (name, content) in [("shorter", &bytes[..100 * 3073]), ("longer", &longer), ("other", &other)] {
        let path = folder.path().join(name);
        let child = stopped(on_images(folder.path(), &path), "read", "data_batch_1.bin", "1");
        let open = fs::OpenOptions::new().write(true).open(&file).expect("it can be written");
        open.set_len(content.len() as u64).expect("it can be cut");
        std::os::unix::fs::FileExt::write_all_at(&open, content, 0).expect("it can be written");
        signal(child.id(), "CONT");
        finish(child).says(2, &["data_batch_1.bin", "this file changed while it was read", "begin again"]);
        assert!(!path.exists(), "nothing was started");
        fs::write(&file, &bytes).expect("it can be written");
    }
    let mut command = on_images(folder.path(), &folder.path().join("failing"));
    plant(&mut command, "read", "data_batch_2.bin", "1", "EIO");
    run(command).says(2, &["cannot read", "data_batch_2.bin", "that disk fails"]);
}

/// Whoever waits for a batch hears of the death of the thread that makes it, and of its reason; afterwards too.
#[test]
fn a_loader_thread_that_dies() {
    let mut data = DataSet::load("digits", None, Part::Train, 1).expect("it is embedded");
    data.images.pixels.truncate(64 * 1000);
    let split = Split::new(&data.images.labels, None, 0.0, 0.5, 1).expect("a split");
    let augment = Augment::default();
    for workers in [1, 3] {
        let settings = LoaderSettings { batch: 16, augment, seed: 1, workers, first_iteration: 0 };
        let mut loader = Loader::start(Arc::new(data.clone()), &split, settings).expect("threads");
        let error = (0..1000).find_map(|_| loader.next().err()).expect("images are missing");
        let fields = error.fields();
        assert_eq!(fields.what, "a loader thread died");
        assert!(fields.found.as_ref().is_some_and(|found| found.contains("out of range")), "{error}");
        assert!((0..2 * workers).any(|_| loader.next().is_err()));
    }
}
