//! Runs other programs.

use crate::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Runs a program in the root of the repository; its failure is ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.current_dir(root()).status().map_err(|e| format!("cannot run `{name}`: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{name}` failed ({status}); its own message is above")) }
}

/// Cargo, as it was called itself.
pub(crate) fn cargo_command(subcommand: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).args(arguments);
    command
}

/// Runs a cargo command.
pub(crate) fn cargo(subcommand: &str, arguments: &[&str]) -> Result<()> {
    run(&mut cargo_command(subcommand, arguments))
}

/// The output of a program, or `None` where it is missing or fails.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Replaces this process by a program, so that signals and the exit status are its own.
#[cfg(unix)]
pub(crate) fn become_program(program: &Path, arguments: &[&str]) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = Command::new(program).args(arguments).exec();
    Err(format!("cannot run {}: {error}", program.display()))
}

/// Runs a program and ends with its exit status.
#[cfg(not(unix))]
pub(crate) fn become_program(program: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program).args(arguments).status();
    let status = status.map_err(|e| format!("cannot run {}: {e}", program.display()))?;
    std::process::exit(status.code().unwrap_or(1))
}
