//! A small search, run by the program, and what disturbs it.

use crate::common::record::{assert_same, record};
use crate::common::{compiled, repository};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// More than anything here takes.
const LONG: Duration = Duration::from_secs(120);

/// A search of 24 iterations in three epochs that saves every second one.
pub fn search(run: &Path) -> Command {
    let mut command = small(run);
    command.arg("--quiet");
    command
}

fn small(run: &Path) -> Command {
    let mut command = edas();
    command.arg("search").arg(repository("specs/quickstart.yaml")).arg("--run").arg(run);
    for setting in [
        "threads=1",
        "network.cells=1",
        "network.channels=4",
        "data.limit=160",
        "search.batch=8",
        "search.epochs=3",
        "checkpoint={every: 2, minutes: null}",
    ] {
        command.args(["--set", setting]);
    }
    command
}

/// The program, without what would change what it does.
pub fn edas() -> Command {
    // Whoever runs the tests may have told them to ignore a signal, as `nohup` does.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT,TERM,HUP").arg(assert_cmd::cargo::cargo_bin!("edas"));
    command.env_remove("RUST_LOG").env_remove("EDAS_PLUGIN_PATH").env("NO_COLOR", "1").env("RUST_BACKTRACE", "1");
    command.stdin(Stdio::null());
    command
}

/// The same, going on where it stands.
pub fn resume(run: &Path) -> Command {
    let mut command = small(run);
    command.arg("--resume");
    command
}

/// Plants something in a call of the C library: which call, part of the path, which of them, what happens.
pub fn plant(command: &mut Command, call: &str, path: &str, nth: &str, act: &str) {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| compiled("tests/interpose/interpose.c", "faults", &["-ldl"]));
    command.env("LD_PRELOAD", library).env("EDAS_TEST_CALL", call).env("EDAS_TEST_PATH", path);
    command.env("EDAS_TEST_NTH", nth).env("EDAS_TEST_DO", act);
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

impl Ended {
    /// Asserts that it ended in this status with a message that says these things, and without a panic.
    pub fn says(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains("error: "), "{self:?}");
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not in {}", self.err);
        }
        self.is_sound();
    }

    /// Asserts that nothing came to the light that is not for users.
    pub fn is_sound(&self) {
        for sign in
            ["panicked", "backtrace", "RUST_", "terminate called", "memory allocation of", "edas made a mistake"]
        {
            assert!(!self.err.contains(sign), "{self:?}");
        }
    }
}

/// Runs a program to its end, which must come.
pub fn run(mut command: Command) -> Ended {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().expect("it starts"))
}

/// Waits for a program's end, which must come.
pub fn finish(child: Child) -> Ended {
    let (pid, (sender, receiver)) = (child.id(), channel());
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = match receiver.recv_timeout(LONG) {
        Ok(output) => output.expect("it can be waited for"),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            signal(pid, "KILL");
            panic!("it hangs");
        }
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Starts a program in which SIGSTOP is planted, and waits until it has stopped.
pub fn stopped(mut command: Command, call: &str, path: &str, nth: &str) -> Child {
    plant(&mut command, call, path, nth, "SIGSTOP");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begun = Instant::now();
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        match status.lines().find_map(|line| line.strip_prefix("State:")).map(str::trim) {
            Some(state) if state.starts_with('T') => return child,
            Some(state) if state.starts_with('Z') => panic!("it ended before: {:?}", finish(child)),
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
        assert!(begun.elapsed() < LONG, "it never stops");
    }
}

/// Sends a signal to a process.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
    assert!(sent.is_ok(), "there is no program `kill`");
}

/// What a run that nobody disturbed wrote.
pub fn undisturbed() -> &'static BTreeMap<&'static str, Vec<u8>> {
    static RECORD: OnceLock<BTreeMap<&'static str, Vec<u8>>> = OnceLock::new();
    RECORD.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run");
        let ended = self::run(search(&run));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        record(&run)
    })
}

/// Lets a run go on without a fault: it comes to the bits of one that was never disturbed, and leaves nothing half-written. Returns what it
/// says.
pub fn goes_on(run: &Path, what: &str) -> String {
    let ended = self::run(resume(run));
    assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
    ended.is_sound();
    assert_same(undisturbed(), &record(run), what);
    for folder in [run.to_owned(), run.join("checkpoints"), run.join("inputs")] {
        let names = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let left = names.map(|name| name.to_string_lossy().into_owned());
        let left: Vec<String> = left.filter(|n| n.ends_with(".part") || n == "lock" || n == "failure.txt").collect();
        assert!(left.is_empty(), "{what}: {left:?} is left in {}", folder.display());
    }
    ended.err
}

/// A run that was ended after some iterations, and can go on.
pub fn unfinished(run: &Path) {
    let mut command = search(run);
    plant(&mut command, "write", "trace.jsonl", "9", "SIGTERM");
    let ended = self::run(command);
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

/// A copy of a folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}
