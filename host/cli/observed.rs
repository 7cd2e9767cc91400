//! Who listens to a run besides its directory: TensorBoard's files, and what the user sees.

use super::progress::Progress;
use super::signals;
use super::view::{self, Live};
use crate::error::Result;
use crate::report::{TensorBoard, tensorboard};
use crate::run::{Observer, RunDirectory};
use crate::train::Interruption;

/// What is shown of a run while it goes.
#[derive(clap::Args, Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    /// Show no progress.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Show the run on the whole terminal: curves, α, the drawn edge, the derived cells; keys pause, save and stop it.
    #[arg(long, conflicts_with = "quiet")]
    pub(super) tui: bool,
    /// Write event files for TensorBoard to `tensorboard` in the run directory. A run that has them goes on with them.
    #[arg(long)]
    pub(super) tensorboard: bool,
}

impl Shown {
    /// What ends the run before its time.
    ///
    /// # Errors
    /// Where a view is wanted, and there is no terminal for it.
    pub(super) fn interruption(&self) -> Result<Interruption> {
        if self.tui {
            view::needed("`--tui`", "without it, progress is printed line by line")?;
            return signals::interruption_of_view();
        }
        signals::interruption()
    }
}

/// Runs something under the eyes of all who are to see it, and ends their view when it is over.
pub(super) fn observed<R>(
    shown: Shown,
    directory: &mut RunDirectory,
    interruption: &Interruption,
    run: impl FnOnce(&mut [&mut dyn Observer]) -> Result<R>,
) -> Result<R> {
    let path = directory.path().to_owned();
    let has_board = shown.tensorboard || path.join(tensorboard::FOLDER).is_dir();
    let mut board = has_board.then(|| TensorBoard::new(&path));
    let (mut live, mut progress);
    let view: &mut dyn Observer = if shown.tui {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        live = Live::new(&name, interruption)?;
        &mut live
    } else {
        progress = Progress::new(shown.quiet);
        &mut progress
    };
    match &mut board {
        Some(board) => run(&mut [directory, board, view]),
        None => run(&mut [directory, view]),
    }
}
