//! `cargo x`: sets up libtorch, builds, and runs; also tests, benchmarks, CI's checks and fixtures.
//!
//! - [`command`]: the command line
//! - [`libtorch`]: puts libtorch in place; [`cache`]: brings it, once per machine; [`wheels`]: which files;
//!   [`download`], [`unpack`]: how
//! - [`requirements`]: what must be there: Python with pip, a C++ compiler, space on the disk; for some chores PyTorch
//! - [`build`]: builds and hands over to `edas`, the tests or the benchmarks
//! - [`checks`]: what CI checks
//! - [`gpu`]: what is looked at on a machine with an NVIDIA GPU
//! - [`dist`]: an archive to install
//! - [`header`]: the C header of the plugin interface
//! - [`fixtures`]: the numbers from PyTorch; [`compare`] tells two sets of them apart
//! - [`workspace`]: folders, and cargo itself; [`failure`]: messages and exit statuses

mod build;
mod cache;
mod checks;
mod command;
mod compare;
mod dist;
mod download;
mod failure;
mod fixtures;
mod gpu;
mod header;
mod libtorch;
mod requirements;
mod unpack;
mod wheels;
mod workspace;

use crate::command::Command;
use crate::failure::Result;
use crate::workspace::Workspace;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result {
    let command = Command::parse(std::env::args_os().skip(1).collect())?;
    let workspace = Workspace::find()?;
    match command {
        Command::Help => {
            print!("{}", command::HELP);
            Ok(())
        }
        Command::Setup { flavour } => libtorch::set_up(&workspace, flavour, true),
        Command::Edas { args } => build::edas(&workspace, &args),
        Command::Test { args } => build::test(&workspace, &args),
        Command::Bench { args } => build::bench(&workspace, &args),
        Command::Peer { python, args } => build::peer(&workspace, &python, &args),
        Command::Ci => checks::run(&workspace),
        Command::GpuCheck { report } => gpu::run(&workspace, &report),
        Command::Dist => dist::run(&workspace),
        Command::Header { check } => header::run(&workspace, check),
        Command::Fixtures { check, python } => fixtures::run(&workspace, check, python),
    }
}
