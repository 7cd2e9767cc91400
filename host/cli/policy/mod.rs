//! `edas policy`: policies to begin with, what they say of themselves, how they do, where they differ.
//!
//! - `new`, `inspect`, `test`, `diff`: one subcommand each
//! - `source`: a policy as the command line names it
//! - `report`: what `test` prints
//! - `spaces`: whether two traces are of the same space
//! - `traces`: a trace as the command line names it

mod diff;
mod inspect;
mod new;
mod report;
mod source;
mod spaces;
mod test;
mod traces;

use super::Done;

/// The subcommands of `edas policy`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Write a policy script to begin with, and a spec that searches under it.
    #[command(
        after_help = "Examples:\n  edas policy new mine && edas policy test mine.rhai\n  edas policy new my_edas --from edas"
    )]
    New(new::Options),
    /// Show what a policy says of itself: its parameters, its hooks, what it imports; or the functions of a module.
    #[command(after_help = "Examples:\n  edas policy inspect edas_inversion\n  edas policy inspect lib/schedules")]
    Inspect(inspect::Options),
    /// Try a policy on small problems with known answers, beside uniform sampling, full relaxation and EDAS.
    #[command(after_help = "Example:\n  edas policy test mine.rhai --params \"{warmup_epochs: 5}\" --seeds 10")]
    Test(test::Options),
    /// Show where the plans of two policies part: exit status 0 when they are equal, 1 when they differ.
    #[command(after_help = "Example:\n  edas policy diff edas mine.rhai --spec specs/quickstart.yaml")]
    Diff(diff::Options),
}

pub(super) fn run(command: &Command, json: bool) -> Done {
    match command {
        Command::New(options) => new::run(options, json),
        Command::Inspect(options) => inspect::run(options, json),
        Command::Test(options) => test::run(options, json),
        Command::Diff(options) => diff::run(options, json),
    }
}
