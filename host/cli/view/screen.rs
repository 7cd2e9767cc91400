//! The terminal while the view has it. Whatever is written to stderr meanwhile is caught and shown in the view's log; however the program
//! ends, the terminal is given back as it was, and what was caught is written to it.

use crate::error::{Error, Result};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, PipeReader, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is drawn on.
pub(super) type Drawn = Terminal<CrosstermBackend<BufWriter<File>>>;

/// The terminal that the view has, if it has one: also for who ends the program from another thread.
static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);

/// A terminal that the view has.
pub(super) struct Screen {
    pub(super) terminal: Drawn,
    tty: File,
}

/// Refuses where stdin or stderr is no terminal: keys could not be read, or nothing be seen.
///
/// # Errors
/// Where that is so.
pub(in super::super) fn needed(what: &str) -> Result<()> {
    let missing = [("stdin", std::io::stdin().is_terminal()), ("stderr", std::io::stderr().is_terminal())];
    match missing.into_iter().find(|(_, is_terminal)| !is_terminal) {
        Some((stream, _)) => Err(Error::new(format!("{what} needs a terminal"))
            .expected("stdin and stderr that are a terminal")
            .found(format!("{stream} that is none"))
            .help("without a terminal, progress is printed line by line; `edas report RUN` makes a page")),
        None => Ok(()),
    }
}

/// The screen, when nobody else has it.
pub(super) fn screen() -> MutexGuard<'static, Option<Screen>> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal. What is written to stderr (and stdout) from here on comes out of the pipe.
///
/// # Errors
/// Where the system refuses.
pub(super) fn take() -> Result<PipeReader> {
    let take = || {
        let tty = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
        let (reader, writer) = std::io::pipe()?;
        let mut terminal = Terminal::new(CrosstermBackend::new(BufWriter::new(tty.try_clone()?)))?;
        enable_raw_mode()?;
        let entered = execute!(terminal.backend_mut(), EnterAlternateScreen, Hide, Clear(ClearType::All));
        // From here on it has to be given back.
        *screen() = Some(Screen { terminal, tty });
        entered?;
        rustix::stdio::dup2_stderr(&writer)?;
        rustix::stdio::dup2_stdout(&writer)?;
        Ok(reader)
    };
    take().map_err(|e: std::io::Error| {
        give_back();
        Error::new(format!("the terminal cannot be had: {e}"))
    })
}

/// Whoever has it gives the terminal back when it ends, however that is.
pub(super) struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back. Who calls it a second time does nothing.
pub(in super::super) fn give_back() {
    let Some(mut held) = screen().take() else { return };
    // Nothing can be done about a terminal that has gone.
    let _ = execute!(held.terminal.backend_mut(), LeaveAlternateScreen, Show);
    let _ = held.terminal.backend_mut().flush();
    let _ = disable_raw_mode();
    let _ = rustix::stdio::dup2_stdout(&held.tty);
    let _ = rustix::stdio::dup2_stderr(&held.tty);
}

/// Hands on the lines of a pipe until all who write to it have gone, or the terminal was given back.
pub(super) fn each_line(pipe: PipeReader, mut take: impl FnMut(&str)) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        take(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}
