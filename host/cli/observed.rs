//! Who listens to a run besides its directory: TensorBoard's files, and what the user sees.

use super::progress::Progress;
use super::search::How;
use super::view::Live;
use crate::error::Result;
use crate::report::TensorBoard;
use crate::run::{Observer, RunDirectory};
use crate::train::Interruption;

/// Runs something under the eyes of all who are to see it, and ends their view when it is over.
pub(super) fn observed<R>(
    how: &How,
    directory: &mut RunDirectory,
    interruption: &Interruption,
    run: impl FnOnce(&mut [&mut dyn Observer]) -> Result<R>,
) -> Result<R> {
    let mut board = TensorBoard::new(directory.path());
    if how.tui {
        let name = directory.path().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut live = Live::new(&name, interruption)?;
        run(&mut [directory, &mut board, &mut live])
    } else {
        let mut progress = Progress::new(how.quiet);
        run(&mut [directory, &mut board, &mut progress])
    }
}
