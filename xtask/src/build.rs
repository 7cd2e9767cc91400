//! Builds, then hands over: to `edas`, to the tests, to the benchmarks.

use crate::failure::{Failure, Result};
use crate::libtorch;
use crate::requirements;
use crate::workspace::{Workspace, finish, hand_over};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
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

/// Becomes the bench that compares with PyTorch. Whether there is one is asked first, before anything is built.
pub fn peer(workspace: &Workspace, python: &Path, args: &[OsString]) -> Result {
    let python = from_anywhere(python)?;
    let help = "name the Python of an environment in which `pip install torch==2.13.0 numpy` was run";
    requirements::pytorch(&python, &["numpy"], "be compared with", help)?;
    libtorch::set_up(workspace, None, false)?;
    hand_over(workspace.cargo("bench").args(["--bench", "peer", "--", "--peer"]).arg(python).args(args))
}

/// A program by a path that holds in every folder, for cargo runs benches in the package's own; a bare name is looked for on the PATH.
fn from_anywhere(program: &Path) -> Result<PathBuf> {
    if program.components().count() < 2 {
        return Ok(program.to_owned());
    }
    std::path::absolute(program).map_err(|error| Failure::io("find", program, &error))
}
