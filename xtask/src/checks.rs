//! `cargo x ci`: every check, cheapest first, up to the first that fails.
//!
//! All of them use the release profile, because torch-sys takes minutes to compile in each profile.

use crate::failure::Result;
use crate::header;
use crate::libtorch;
use crate::workspace::{Workspace, finish};
use std::time::Instant;

/// A check that is a cargo command: its name, the command, and the environment it needs.
type Check = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const FORMAT: Check = ("format", &["fmt", "--all", "--check"], &[]);

/// What needs libtorch.
const CHECKS: [Check; 6] = [
    ("clippy", &["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
    (
        "clippy, library without features",
        &["clippy", "--release", "--package", "edas", "--lib", "--no-default-features", "--", "-D", "warnings"],
        &[],
    ),
    (
        "clippy, library with pictures alone",
        &[
            "clippy",
            "--release",
            "--package",
            "edas",
            "--lib",
            "--no-default-features",
            "--features",
            "report",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    ),
    ("docs", &["doc", "--release", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]),
    ("build", &["build", "--release", "--workspace", "--examples"], &[]),
    // What the README tells a reader to run, `cargo x test`, whose build has just been done.
    ("test", &["test", "--release", "--workspace"], &[]),
];

/// Runs the checks and prints how long each took.
pub fn run(workspace: &Workspace) -> Result {
    let cargo = |(_, command, environment): &Check| {
        eprintln!("    cargo {}", command.join(" "));
        finish(workspace.cargo(command[0]).args(&command[1..]).envs(environment.iter().copied()))
    };
    let mut durations = Vec::new();
    let mut check = |name: &'static str, run: &dyn Fn() -> Result| {
        eprintln!("\nci: {name}");
        let start = Instant::now();
        let result = run();
        let seconds = start.elapsed().as_secs_f64();
        durations.push((name, seconds));
        eprintln!("ci: {name} {} {seconds:.1} s", if result.is_ok() { "took" } else { "failed after" });
        result
    };

    check(FORMAT.0, &|| cargo(&FORMAT))?;
    check("C header", &|| header::run(workspace, true))?;
    check("set-up", &|| libtorch::set_up(workspace, None, true))?;
    for each in &CHECKS {
        check(each.0, &|| cargo(each))?;
    }

    let total = durations.iter().map(|(_, seconds)| seconds).sum();
    eprintln!("\nci: all checks passed");
    for (name, seconds) in durations.into_iter().chain([("total", total)]) {
        eprintln!("  {name:<34}{seconds:>8.1} s");
    }
    Ok(())
}
