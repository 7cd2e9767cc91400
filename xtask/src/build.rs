//! Builds, then hands over: to `edas`, to the tests, to the benchmarks.

use crate::failure::Result;
use crate::libtorch;
use crate::workspace::{Workspace, finish, hand_over};
use std::ffi::OsString;
use std::process::Command;

/// Builds `edas` in release and becomes it.
pub fn edas(workspace: &Workspace, args: &[OsString]) -> Result {
    libtorch::set_up(workspace, None, false)?;
    finish(workspace.cargo("build").args(["--release", "--package", "edas", "--bin", "edas"]))?;
    hand_over(Command::new(workspace.target.join("release/edas")).args(args))
}

/// Builds what the tests need and becomes `cargo test`.
///
/// In release, because libtorch's wrappers are slow without optimisation, and a second profile would
/// compile them a second time.
pub fn test(workspace: &Workspace, args: &[OsString]) -> Result {
    libtorch::set_up(workspace, None, false)?;
    // `cargo test` alone does not make the libraries that tests open at run time (plugins).
    finish(workspace.cargo("build").args(["--release", "--workspace"]))?;
    hand_over(workspace.cargo("test").args(["--release", "--workspace"]).args(args))
}

/// Becomes `cargo bench`.
pub fn bench(workspace: &Workspace, args: &[OsString]) -> Result {
    libtorch::set_up(workspace, None, false)?;
    hand_over(workspace.cargo("bench").args(args))
}
