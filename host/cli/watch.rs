//! `edas watch`: the terminal view of a run that another process makes.

use super::{Done, view};
use std::path::PathBuf;

/// The options of `edas watch`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The run directory, also on a disk that another machine writes.
    run: PathBuf,
}

pub(super) fn run(options: &Options) -> Done {
    view::needed("`edas watch`")?;
    Ok(view::watch(&options.run)?)
}
