//! `edas plugin`: what concerns plugins themselves, without a spec.
//!
//! - `new`: `edas plugin new`
//! - `scaffold`: the project that it writes

mod new;
mod scaffold;

use super::Done;
use clap::Subcommand;

/// The subcommands of `edas plugin`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Write a small, whole project for a plugin, with the SDK or the header beside it.
    #[command(after_help = "Example:\n  edas plugin new my-ops && cd my-ops && cargo build --release")]
    New(new::Options),
}

pub(super) fn run(command: &Command, json: bool) -> Done {
    match command {
        Command::New(options) => new::run(options, json),
    }
}
