//! All that CI checks, cheapest first.

use crate::{Result, libtorch, tool};
use std::time::Instant;

type Check = (&'static str, fn() -> Result<()>);

/// Everything runs in the release profile: libtorch's bindings take minutes to compile, once per profile.
const CHECKS: &[Check] = &[
    ("format", || tool::cargo("fmt", &["--all", "--check"])),
    ("libtorch", || libtorch::provision(false)),
    ("lints", || tool::cargo("clippy", &["--release", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("lints without default features", || {
        tool::cargo("clippy", &["--release", "--lib", "--no-default-features", "--", "-D", "warnings"])
    }),
    ("documentation", || {
        let mut command = tool::cargo_command("doc", &["--release", "--workspace", "--no-deps"]);
        tool::run(command.env("RUSTDOCFLAGS", "-D warnings"))
    }),
    ("build", || tool::cargo("build", &["--release", "--workspace", "--examples"])),
    // The README's test command.
    ("tests", || tool::cargo("x", &["test"])),
];

/// Runs every check; the first that fails ends it.
pub(crate) fn all() -> Result<()> {
    let mut times = Vec::new();
    for (name, check) in CHECKS {
        eprintln!("== {name}");
        let begun = Instant::now();
        check().map_err(|e| format!("the check `{name}` failed: {e}"))?;
        times.push((name, begun.elapsed().as_secs_f64()));
    }
    eprintln!("\nall checks passed:");
    for (name, seconds) in times {
        eprintln!("  {seconds:7.1} s  {name}");
    }
    Ok(())
}

/// Builds and runs the tests, in the release profile: a search without optimisation is not worth waiting for.
pub(crate) fn test(arguments: &[&str]) -> Result<()> {
    // Plugins are libraries that tests load at run time: nothing else would build them.
    tool::cargo("build", &["--quiet", "--release", "--workspace"])?;
    let mut all = vec!["--release", "--workspace"];
    all.extend(arguments);
    tool::cargo("test", &all)
}
