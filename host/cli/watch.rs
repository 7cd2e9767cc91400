//! `edas watch`: the terminal view of a run that another process makes.

use super::{Done, Failure, signals, view};
use crate::report::History;
use std::path::PathBuf;

/// The options of `edas watch`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The run directory, also on a disk that another machine writes.
    run: PathBuf,
}

pub(super) fn run(options: &Options) -> Done {
    let about = History::describe(&options.run)?;
    view::needed("`edas watch`", "`edas report RUN` makes a page of what the run was until now")?;
    let interruption = signals::interruption_of_view()?;
    view::watch(&about, &interruption)?;
    if interruption.requested() { Err(Failure::Interrupted) } else { Ok(()) }
}
