//! Runs that are killed at random moments and go on.

use super::record::{assert_same, record};
use super::{compiled, repository};
use edas::random::{Purpose, Stream};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How a session ends before its time.
#[derive(Debug, Clone)]
pub enum Stop {
    /// A signal after a while: `KILL`, `TERM`.
    Signal(&'static str, Duration),
    /// SIGKILL at a call of the C library: its name, part of the path, which of them, before or after it.
    Planted(&'static str, &'static str, u64, &'static str),
}

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The run came to its end.
    Finished,
    /// It was killed.
    Killed,
    /// It was interrupted, and saved.
    Saved,
}

/// A small search.
pub struct Trial {
    epochs: u64,
    interposed: PathBuf,
}

/// Points between a checkpoint's temporary file and the flush of its folder, and around the logs and the result.
const POINTS: [(&str, &str, &str); 10] = [
    ("open", ".part$", "kill-after"),
    ("write", ".part$", "kill-half"),
    ("fsync", ".part$", "kill-before"),
    ("rename", ".safetensors$", "kill-before"),
    ("rename", ".safetensors$", "kill-after"),
    ("rename", ".json$", "kill-before"),
    ("rename", ".json$", "kill-after"),
    ("fsync", "checkpoints$", "kill-before"),
    ("fsync", "checkpoints$", "kill-after"),
    ("unlink", "checkpoints/", "kill-after"),
];

impl Trial {
    /// A search of so many epochs of 4 iterations, about 0.1 s each, that saves every third iteration.
    pub fn new(epochs: u64) -> Self {
        Self { epochs, interposed: compiled("tests/interpose/interpose.c", "kill", &["-ldl"]) }
    }

    fn command(&self, run: &Path, workers: u64) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("edas"));
        command.arg("search").arg(repository("specs/quickstart.yaml")).args(["--quiet", "--resume", "--run"]).arg(run);
        for setting in [
            "network.cells=3",
            "network.channels=2",
            "data.limit=160",
            "search.batch=16",
            "threads=1",
            "validation.every=6",
            "policy.params.warmup_epochs=3",
            "checkpoint={every: 3, minutes: null, keep: 2}",
        ] {
            command.args(["--set", setting]);
        }
        command.args(["--set", &format!("search.epochs={}", self.epochs), "--set", &format!("data.workers={workers}")]);
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// One session of a run, begun or taken up.
    pub fn session(&self, run: &Path, workers: u64, stop: Option<&Stop>) -> Ended {
        let mut command = self.command(run, workers);
        if let Some(Stop::Planted(call, path, nth, act)) = stop {
            command.env("LD_PRELOAD", &self.interposed).env("EDAS_TEST_CALL", call).env("EDAS_TEST_PATH", path);
            command.env("EDAS_TEST_NTH", nth.to_string()).env("EDAS_TEST_DO", act);
        }
        let mut child = command.spawn().expect("it starts");
        if let Some(Stop::Signal(signal, after)) = stop {
            let begun = Instant::now();
            while begun.elapsed() < *after && child.try_wait().expect("it can be asked").is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
            // It may have ended by itself.
            let _ = Command::new("kill")
                .args([&format!("-{signal}"), &child.id().to_string()])
                .stderr(Stdio::null())
                .status();
        }
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => Ended::Finished,
            Some(130) => Ended::Saved,
            None => Ended::Killed,
            Some(code) => panic!("{stop:?}: exit status {code}\n{said}"),
        }
    }

    /// Stops runs as often as is wanted, begins another where one came to its end, and compares each with one that was never
    /// stopped. Returns how often planted points killed, how often moments did, how often a signal made it save, and how many runs it took.
    pub fn endure(&self, stops: impl IntoIterator<Item = Stop>) -> [u64; 4] {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = folder.path().join("whole");
        assert_eq!(self.session(&whole, 2, None), Ended::Finished);
        let whole = record(&whole);
        let [mut planted, mut killed, mut saved, mut runs] = [0; 4];
        let mut stops = stops.into_iter();
        loop {
            runs += 1;
            let run = folder.path().join(format!("run-{runs}"));
            let finished = stops.by_ref().zip(1..).any(|(stop, n)| {
                let ended = self.session(&run, 1 + n % 3, Some(&stop));
                match (ended, &stop) {
                    (Ended::Killed, Stop::Planted(..)) => planted += 1,
                    (Ended::Killed, Stop::Signal(..)) => killed += 1,
                    (Ended::Saved, _) => saved += 1,
                    (Ended::Finished, _) => {}
                }
                ended == Ended::Finished
            });
            if !finished {
                assert_eq!(self.session(&run, 2, None), Ended::Finished);
            }
            assert_same(&whole, &record(&run), &format!("run {runs}"));
            assert_no_left_overs(&run);
            if !finished {
                return [planted, killed, saved, runs];
            }
        }
    }
}

/// Nothing half-written is left behind.
fn assert_no_left_overs(run: &Path) {
    for folder in [run.to_owned(), run.join("checkpoints"), run.join("inputs")] {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            assert!(!name.ends_with(".part") && name != "lock", "{} is left in {}", name, folder.display());
            let tensors = name.strip_suffix(".safetensors").filter(|name| *name != "final");
            assert!(
                tensors.is_none_or(|name| folder.join(name).with_extension("json").exists()),
                "{name} is no checkpoint"
            );
        }
    }
}

/// So many stops: `planted` of ten at points between calls, the others by this signal at random moments within 1.2 seconds.
pub fn stops(seed: u64, count: u64, planted: u64, signal: &'static str) -> Vec<Stop> {
    let mut stream = Stream::new(seed, Purpose::Split, 0);
    let stop = |_| {
        if stream.index(10) < planted {
            let (call, path, act) = POINTS[stream.index(POINTS.len() as u64) as usize];
            Stop::Planted(call, path, 1 + stream.index(12), act)
        } else {
            Stop::Signal(signal, Duration::from_micros(stream.index(1_200_000)))
        }
    };
    (0..count).map(stop).collect()
}
