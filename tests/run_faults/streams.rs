//! Streams that nobody reads, that are full or closed, and terminals that disappear.

use crate::common::record::{assert_same, record};
use crate::common::repository;
use crate::trial::{Ended, edas, finish, run, search, undisturbed};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Commands of all kinds, with their arguments; `run` is a finished run.
fn commands(run: &Path) -> Vec<Vec<OsString>> {
    let (spec, script) = (repository("specs/quickstart.yaml"), repository("scripts/edas.rhai"));
    let small = ["--set", "threads=1", "--set", "network.cells=1", "--set", "data.limit=160"].map(OsString::from);
    let of = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
    let mut list = vec![
        of(&["--version"]),
        of(&["help", "search"]),
        of(&["doctor"]),
        of(&["schema"]),
        of(&["completions", "bash"]),
        of(&["plugin", "list"]),
        of(&["plugin", "inspect", "darts-ops"]),
    ];
    for name in ["check", "trace"] {
        let mut command = of(&[name]);
        command.push(spec.clone().into());
        command.extend(small.clone());
        command.extend(of(if name == "check" { &["--no-timing"] } else { &["--iterations", "30"] }));
        list.push(command);
    }
    for [name, option, value] in [["derive", "--rule", "top2"], ["export", "--format", "dot"]] {
        list.push(vec![name.into(), run.into(), option.into(), value.into()]);
    }
    list.push(vec!["policy".into(), "inspect".into(), script.into()]);
    list
}

/// A finished run.
fn finished(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("run");
    assert_eq!(run(search(&path)).code, Some(0));
    path
}

fn with(arguments: &[OsString]) -> Command {
    let mut command = edas();
    command.args(arguments);
    command
}

/// Runs a command under `sh`, which closes streams before it: `2>&-` say.
fn redirected(command: &Command, how: &str) -> Ended {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$@\" {how}"), "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env("NO_COLOR", "1").stdin(Stdio::null());
    run(shell)
}

/// A reader that goes, as `head -0` does, ends any command without a word: what it did is done.
#[test]
fn nobody_reads_the_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    for arguments in commands(&path) {
        let mut child = with(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let ended = finish(child);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments:?}");
    }
    let path = folder.path().join("unread");
    let mut child = search(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let ended = finish(child);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert_same(undisturbed(), &record(&path), "a search that nobody reads");
}

/// Results that cannot be written are an error.
#[test]
fn results_that_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    for arguments in commands(&path) {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a full device");
        let child = with(&arguments).stdout(full).stderr(Stdio::piped()).spawn().expect("it starts");
        let ended = finish(child);
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        // clap's own texts fail without one.
        if !["--version", "help"].contains(&arguments[0].to_str().expect("text")) {
            ended.says(1, &["cannot write to stdout", "No space left"]);
        }
    }
}

/// Nobody reads the messages, or there is no stderr at all: the work is done all the same, and the status says what came of it.
#[test]
fn nobody_reads_the_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = finished(folder.path());
    for arguments in commands(&path) {
        for how in ["2>&-", "<&- >&- 2>&-"] {
            let ended = redirected(&with(&arguments), how);
            assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments:?} {how}");
        }
    }
    for (n, how) in ["2>&-", "<&- >&- 2>&-"].into_iter().enumerate() {
        let path = folder.path().join(format!("closed-{n}"));
        // Not quiet: there is much to say.
        let mut command = search(&path);
        command.arg("-vv");
        assert_eq!(redirected(&command, how).code, Some(0));
        assert_same(undisturbed(), &record(&path), how);
    }
    let script = folder.path().join("policy.rhai");
    // A misspelt hook is warned of.
    fs::write(&script, "fn plan(turn) { turn.strongest().relax(3) }\nfn feedbak(turn, results) { }").expect("written");
    let broken = folder.path().join("broken");
    let cases = [(vec!["--run", "new"], 0), (vec!["--run", "run"], 2), (vec!["--set", "no.such.key=1"], 2)];
    for (arguments, code) in cases {
        let mut command = search(&broken);
        command.current_dir(folder.path()).args(["--set", &format!("policy={{script: {}}}", script.display())]);
        let command_arguments: Vec<OsString> =
            // Without the option of `env`, and the program.
            command.get_args().skip(2).filter(|a| *a != broken.as_os_str() && *a != "--run").map(OsString::from).collect();
        let mut command = edas();
        command.current_dir(folder.path()).args(command_arguments).args(&arguments).env("RUST_LOG", "debug");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stderr.take());
        assert_eq!(finish(child).code, Some(code), "{arguments:?}");
    }
}

/// Runs a search in a terminal of its own, and takes the terminal away after some iterations.
fn without_terminal(path: &Path, prefix: &str) -> Option<()> {
    let search = search(path);
    let quote = |text: &std::ffi::OsStr| format!("'{}'", text.to_string_lossy());
    // `env` and its option come before what the program is to run under.
    let mut line: Vec<String> = std::iter::once(search.get_program()).chain(search.get_args()).map(quote).collect();
    line.insert(2, prefix.to_owned());
    // Long enough to be hit in its middle; `--quiet` would draw nothing.
    let line = line.join(" ").replace("'--quiet'", "").replace("search.epochs=3", "search.epochs=400");
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", &format!("exec {line}"), "/dev/null"]);
    script
        .current_dir(path.parent().expect("a folder"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut script) = script.spawn() else {
        println!("skipped: there is no program `script` that makes terminals");
        return None;
    };
    let begun = Instant::now();
    while fs::read_to_string(path.join("metrics.jsonl")).unwrap_or_default().lines().count() < 20 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The terminal goes with the program that made it.
    script.kill().expect("it can be ended");
    script.wait().expect("it ends");
    Some(())
}

/// Waits until nobody has a run directory any more.
fn let_go(path: &Path) {
    let begun = Instant::now();
    while path.join("lock").exists() {
        assert!(begun.elapsed() < Duration::from_secs(100), "it never ends");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_terminal_that_disappears() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    if without_terminal(&path, "").is_none() {
        return;
    }
    let_go(&path);
    assert!(!path.join("genotype.json").exists() && !path.join("failure.txt").exists());
    let text = fs::read_to_string(path.join("metrics.jsonl")).expect("a log");
    let iterations = text.lines().filter(|line| line.contains("\"iteration\",")).count();
    let newest = format!("checkpoints/{iterations:09}");
    let saved = ["", "-unvalidated"].iter().any(|name| path.join(format!("{newest}{name}.json")).is_file());
    assert!(saved, "{newest} was saved last");
    // Under `nohup` it outlives its terminal.
    let path = folder.path().join("nohup");
    without_terminal(&path, "nohup").expect("a terminal");
    let lines = || fs::read_to_string(path.join("metrics.jsonl")).unwrap_or_default().lines().count();
    let (before, begun) = (lines(), Instant::now());
    while lines() < before + 30 {
        assert!(path.join("lock").exists() && begun.elapsed() < Duration::from_secs(60), "it does not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = fs::read_to_string(path.join("lock")).expect("its holder");
    crate::trial::signal(pid.trim().parse().expect("a number"), "TERM");
    let_go(&path);
}
