//! The terminal view in a terminal: started, resized, steered by keys, ended in every way. However a run ends, the terminal is left as it was.

#![cfg(unix)]

mod common;

use common::{edas, repository};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A program in a terminal.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<Mutex<vt100::Parser>>,
    modes: String,
}

impl Terminal {
    fn new(folder: &Path, arguments: &[&str]) -> Self {
        let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let modes = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(assert_cmd::cargo::cargo_bin!("edas"));
        command.args(arguments);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env_remove("RUST_LOG");
        let child = pair.slave.spawn_command(command).expect("it starts");
        drop(pair.slave);
        let shown = Arc::new(Mutex::new(vt100::Parser::new(40, 120, 1000)));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let screen = shown.clone();
        thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                screen.lock().expect("whole").process(&buffer[..count]);
            }
        });
        let keys = pair.master.take_writer().expect("a writer");
        Self { master: pair.master, keys, child, shown, modes }
    }

    fn text(&self) -> String {
        self.shown.lock().expect("whole").screen().contents()
    }

    /// Waits until something is shown. The limit is for a program that hangs.
    fn wait_for(&self, what: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if text.contains(what) {
                return text;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "`{what}` is not shown:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("a key");
    }

    fn resize(&self, rows: u16, cols: u16) {
        self.shown.lock().expect("whole").screen_mut().set_size(rows, cols);
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).expect("resized");
    }

    fn signal(&self, signal: &str) {
        let process = self.child.process_id().expect("it runs").to_string();
        let status = std::process::Command::new("kill").args(["-s", signal, &process]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end; the terminal is then as it was.
    fn end(mut self) -> (u32, String) {
        let code = self.child.wait().expect("it ends").exit_code();
        // What it wrote last is still on its way.
        thread::sleep(Duration::from_millis(300));
        let shown = self.shown.lock().expect("whole");
        let screen = shown.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{}", screen.contents());
        assert_eq!(format!("{:?}", self.master.get_termios()), self.modes);
        (code, screen.contents())
    }
}

/// The settings of a small search with so many epochs of 4 iterations.
fn small(epochs: u64) -> Vec<String> {
    let settings = ["network.cells=3", "network.channels=4", "data.limit=160", "search.batch=16", "threads=1"];
    let epochs = format!("search.epochs={epochs}");
    settings.iter().copied().chain([epochs.as_str()]).flat_map(|s| ["--set".to_owned(), s.to_owned()]).collect()
}

fn search(folder: &Path, run: &Path, epochs: u64, more: &[&str]) -> Terminal {
    let (spec, run, settings) = (repository("specs/quickstart.yaml"), run.display().to_string(), small(epochs));
    let mut arguments = vec!["search", spec.to_str().expect("a path"), "--tui", "--run", &run];
    arguments.extend(settings.iter().map(String::as_str));
    arguments.extend(more);
    Terminal::new(folder, &arguments)
}

/// How many of so many iterations are over, as the view says.
fn iterations(text: &str, all: u64) -> Option<String> {
    Some(text.split(&format!(" of {all} iterations")).next()?.rsplit(' ').next()?.to_owned())
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    (folder, run)
}

#[test]
fn a_search_is_watched_paused_saved_stopped_and_resumed() {
    let (folder, run) = folder();
    let mut view = search(folder.path(), &run, 60, &[]);
    view.wait_for("loss architecture");
    view.wait_for("running");
    assert!(view.shown.lock().expect("whole").screen().alternate_screen());
    view.press("p");
    view.wait_for("paused");
    // The iteration that ran when the key came may still end.
    thread::sleep(Duration::from_millis(1500));
    let paused = iterations(&view.text(), 240).expect("a number");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(iterations(&view.text(), 240), Some(paused.clone()));
    view.press("s");
    view.wait_for(&format!("saved after {paused} iterations"));
    assert_eq!(iterations(&view.text(), 240), Some(paused));

    // An edge is chosen, and another.
    view.press("\u{1b}[C");
    view.wait_for("(chosen)");
    view.press("f");
    view.wait_for("(as drawn)");
    view.press("?");
    view.wait_for("choose the edge whose");
    view.press("?");
    // Any size will do.
    for (rows, cols) in [(16, 50), (3, 8), (60, 200), (24, 80)] {
        view.resize(rows, cols);
        view.press("\u{1b}[A");
        thread::sleep(Duration::from_millis(300));
    }
    view.wait_for("q stop");
    view.press("p");
    view.wait_for("running");
    view.press("q");
    let (code, text) = view.end();
    assert_eq!(code, 130, "{text}");
    assert!(text.contains("interrupted after") && text.contains("--resume` goes on"), "{text}");

    // The same bits as without a view, and without an interruption.
    let view = search(folder.path(), &run, 60, &["--resume"]);
    let (code, text) = view.end();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("derived network") && text.contains("edas report"), "{text}");
    let other = folder.path().join("other");
    let mut plain = edas(folder.path());
    plain.arg("search").arg(repository("specs/quickstart.yaml")).arg("-q").arg("--run").arg(&other).args(small(60));
    plain.assert().success();
    edas(folder.path()).arg("diff").args([&run, &other]).assert().success();
}

#[test]
fn signals_leave_a_clean_terminal() {
    let (folder, run) = folder();
    let view = search(folder.path(), &run, 500, &[]);
    view.wait_for("loss architecture");
    view.signal("TERM");
    let (code, text) = view.end();
    assert_eq!(code, 130, "{text}");
    assert!(text.contains("interrupted after"), "{text}");

    // A run that waits hears it, too.
    let mut view = search(folder.path(), &run, 500, &["--resume"]);
    view.wait_for("loss architecture");
    view.press("p");
    view.wait_for("paused");
    thread::sleep(Duration::from_millis(1500));
    let paused = iterations(&view.text(), 2000).expect("a number");
    view.signal("TERM");
    let (code, text) = view.end();
    assert_eq!(code, 130, "{text}");
    assert!(text.contains(&format!("interrupted after {paused} iterations")), "{paused}: {text}");

    // A second one ends it at once, in the middle of an iteration.
    let large = [
        "--set",
        "network.cells=20",
        "--set",
        "network.channels=32",
        "--set",
        "search.batch=256",
        "--set",
        "data.limit=1024",
    ];
    let view = search(folder.path(), &folder.path().join("large"), 500, &large);
    view.wait_for("images train weights");
    view.signal("TERM");
    thread::sleep(Duration::from_millis(50));
    view.signal("TERM");
    assert_eq!(view.end().0, 130);
}

/// A search in a terminal that nobody reads.
fn unread(folder: &Path, run: &Path) -> (Box<dyn MasterPty + Send>, Box<dyn Child + Send + Sync>) {
    let pair = native_pty_system().openpty(PtySize::default()).expect("a terminal");
    let mut command = CommandBuilder::new(assert_cmd::cargo::cargo_bin!("edas"));
    command.arg("search");
    command.arg(repository("specs/quickstart.yaml"));
    command.args(["--tui", "--run"]);
    command.arg(run);
    command.args(small(5000));
    command.cwd(folder);
    (pair.master, pair.slave.spawn_command(command).expect("it starts"))
}

/// Waits until a log is so long.
fn wait_until(run: &Path, length: u64) {
    let begun = Instant::now();
    while !fs::metadata(run.join("metrics.jsonl")).is_ok_and(|about| about.len() > length) {
        assert!(begun.elapsed() < Duration::from_secs(120), "the run does not go on");
        thread::sleep(Duration::from_millis(20));
    }
}

fn end(mut child: Box<dyn Child + Send + Sync>) -> u32 {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("known") {
            return status.exit_code();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_terminal_that_nobody_reads_holds_up_nothing() {
    let (folder, run) = folder();
    let (master, child) = unread(folder.path(), &run);
    // Longer than what a terminal keeps for its reader takes to be drawn.
    wait_until(&run, 0);
    thread::sleep(Duration::from_secs(3));
    let length = fs::metadata(run.join("metrics.jsonl")).expect("the log").len();
    wait_until(&run, length + 10_000);
    for _ in 0..2 {
        let process = child.process_id().expect("it runs").to_string();
        std::process::Command::new("kill").args(["-s", "TERM", &process]).status().expect("kill runs");
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(end(child), 130);
    drop(master);
}

#[test]
fn a_terminal_that_closes_ends_the_run_in_order() {
    let (folder, run) = folder();
    let (master, child) = unread(folder.path(), &run);
    wait_until(&run, 0);
    drop(master);
    assert_eq!(end(child), 130);
    assert!(fs::read_dir(run.join("checkpoints")).expect("a folder").count() > 1 && !run.join("lock").exists());
}

#[test]
fn a_small_terminal_shows_whole_names_and_numbers() {
    let (folder, run) = folder();
    let mut view = search(folder.path(), &run, 400, &[]);
    view.resize(24, 80);
    thread::sleep(Duration::from_millis(300));
    // After the first validation.
    view.wait_for("dil_conv_5x5");
    view.wait_for(" more");
    view.press("p");
    view.wait_for("paused");
    let text = view.text();
    assert!(["none", "skip_connect", "max_pool_3x3", "dil_conv_5x5"].iter().all(|name| text.contains(name)), "{text}");
    let derived = text.split("derived so far").nth(1).expect("it");
    assert!(derived.contains("→") && derived.contains("more"), "{text}");
    assert!(!text.contains("weights 0 "), "{text}");
    view.press("q");
    assert_eq!(view.end().0, 130);
}

#[test]
fn an_error_leaves_a_clean_terminal_and_its_message() {
    let (folder, run) = folder();
    let script = folder.path().join("fails.rhai");
    let text = fs::read_to_string(repository("scripts/edas.rhai")).expect("the script");
    let body = text.find("fn plan(").and_then(|at| Some(at + text[at..].find('{')? + 1)).expect("its plan");
    let failing =
        format!("{}\n if turn.iteration == 9 {{ throw \"enough of it\"; }}\n{}", &text[..body], &text[body..]);
    fs::write(&script, failing).expect("written");
    let policy = format!("policy={{script: {}}}", script.display());
    let view = search(folder.path(), &run, 500, &["--set", &policy]);
    let (code, text) = view.end();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("enough of it") && text.contains("fails.rhai"), "{text}");
    assert!(run.join("failure.txt").is_file());
}

#[test]
fn another_process_is_watched() {
    let (folder, run) = folder();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("edas"));
    command.arg("search").arg(repository("specs/quickstart.yaml")).arg("-q").arg("--run").arg(&run).args(small(2000));
    let mut searching = command.spawn().expect("it starts");
    let begun = Instant::now();
    while !fs::metadata(run.join("metrics.jsonl")).is_ok_and(|about| about.len() > 0) {
        assert!(begun.elapsed() < Duration::from_secs(120));
        thread::sleep(Duration::from_millis(20));
    }
    let path = run.display().to_string();
    let mut view = Terminal::new(folder.path(), &["watch", &path]);
    view.wait_for("loss architecture");
    let text = view.wait_for("derived so far");
    assert!(text.contains("running") && text.contains("the run goes on"), "{text}");
    // Keys that steer are the other process's.
    view.press("ps");
    view.press("q");
    assert_eq!(view.end().0, 0);
    let view = Terminal::new(folder.path(), &["watch", &path]);
    view.wait_for("loss architecture");
    view.signal("TERM");
    assert_eq!(view.end().0, 130);
    assert!(searching.try_wait().expect("known").is_none(), "the run has ended");
    let status = std::process::Command::new("kill").args(["-s", "TERM", &searching.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
    searching.wait().expect("it ends");

    let mut view = Terminal::new(folder.path(), &["watch", &path]);
    view.wait_for("no process has it");
    view.press("q");
    assert_eq!(view.end().0, 0);

    // One that was killed leaves its lock, and is silent from then on.
    fs::write(run.join("lock"), "1\n").expect("written");
    let log = fs::File::options().append(true).open(run.join("metrics.jsonl")).expect("the log");
    log.set_modified(SystemTime::now() - Duration::from_secs(600)).expect("set back");
    let mut view = Terminal::new(folder.path(), &["watch", &path]);
    view.wait_for("nothing was written for 10 min");
    view.press("q");
    assert_eq!(view.end().0, 0);
}

#[test]
fn an_evaluation_is_seen_too() {
    let (folder, run) = folder();
    let (genotype, spec) = (repository("specs/genotypes/darts_v2.txt"), repository("specs/evaluate-digits.yaml"));
    let [genotype, spec, path] = [&genotype, &spec, &run].map(|path| path.display().to_string());
    let settings = ["evaluate.epochs=40", "evaluate.cells=3", "evaluate.channels=4", "threads=1"];
    let mut arguments = vec!["evaluate", &genotype, "--spec", &spec, "--run", &path, "--tui", "--tensorboard"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let mut view = Terminal::new(folder.path(), &arguments);
    view.wait_for("accuracy train");
    let text = view.text();
    assert!(!text.contains("derived so far") && !text.contains("←→ edge"), "{text}");
    view.press("q");
    let (code, text) = view.end();
    assert_eq!(code, 130, "{text}");
    assert!(fs::metadata(run.join("tensorboard/events.out.tfevents.edas")).is_ok_and(|about| about.len() > 1000));
    let mut view = Terminal::new(folder.path(), &["watch", &path]);
    view.wait_for("accuracy train");
    view.press("q");
    assert_eq!(view.end().0, 0);
}

#[test]
fn without_a_terminal_it_is_refused() {
    let (folder, run) = folder();
    let mut command = edas(folder.path());
    command.arg("search").arg(repository("specs/quickstart.yaml")).arg("--tui").arg("--run").arg(&run);
    let output = command.assert().code(2);
    let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(text.contains("`--tui` needs a terminal") && text.contains("stdin that is none"), "{text}");
    assert!(!run.exists());
    let output = edas(folder.path()).args(["watch", "nowhere"]).assert().code(2);
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("nowhere is no run directory"));
}
