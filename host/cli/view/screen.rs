//! The terminal while the view has it. Whatever is written to stderr meanwhile is caught and shown in the view's log; when the view ends, the
//! terminal is given back as it was.
//!
//! What is drawn goes to memory first, and from there to the terminal by the view's own thread, which holds nothing meanwhile: a terminal
//! that takes no more (nobody reads it) holds up that thread and nobody else.

use crate::error::{Error, Result};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Frame, Terminal};
use rustix::event::{PollFd, PollFlags, poll};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, PipeReader, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The terminal that the view has, if it has one: also for who ends the program from another thread.
static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);

/// How long a terminal is waited for that takes no more, when it is given back.
const PATIENCE: Duration = Duration::from_millis(200);

/// A terminal that the view has.
struct Screen {
    terminal: Terminal<CrosstermBackend<Outbox>>,
    outbox: Outbox,
    tty: File,
}

/// What was drawn, before it is written.
#[derive(Debug, Clone, Default)]
struct Outbox(Arc<Mutex<Vec<u8>>>);

impl Outbox {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Refuses where stdin or stderr is no terminal: keys could not be read, or nothing be seen.
///
/// # Errors
/// Where that is so.
pub(in super::super) fn needed(what: &str, help: &str) -> Result<()> {
    let missing = [("stdin", std::io::stdin().is_terminal()), ("stderr", std::io::stderr().is_terminal())];
    match missing.into_iter().find(|(_, is_terminal)| !is_terminal) {
        Some((stream, _)) => Err(Error::new(format!("{what} needs a terminal"))
            .expected("stdin and stderr that are a terminal")
            .found(format!("{stream} that is none"))
            .help(help)),
        None => Ok(()),
    }
}

fn screen() -> MutexGuard<'static, Option<Screen>> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal. What is written to stderr (and stdout) from here on comes out of the pipe.
///
/// # Errors
/// Where the system refuses.
pub(super) fn take() -> Result<PipeReader> {
    let take = || {
        let mut tty = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
        let (reader, writer) = std::io::pipe()?;
        let outbox = Outbox::default();
        let terminal = Terminal::new(CrosstermBackend::new(outbox.clone()))?;
        enable_raw_mode()?;
        let entered = execute!(tty, EnterAlternateScreen, Hide, Clear(ClearType::All));
        // From here on it has to be given back.
        *screen() = Some(Screen { terminal, outbox, tty });
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

/// What drawing changes on the terminal, and where to write it; `None` where the terminal was given back.
///
/// # Errors
/// Where it has gone.
pub(super) fn drawn(draw: impl FnOnce(&mut Frame)) -> std::io::Result<Option<(Vec<u8>, File)>> {
    let mut screen = screen();
    let Some(Screen { terminal, outbox, tty }) = screen.as_mut() else { return Ok(None) };
    terminal.draw(draw)?;
    let bytes = std::mem::take(&mut *outbox.bytes());
    Ok(Some((bytes, tty.try_clone()?)))
}

/// Waits until there is something to read from the terminal, for so long at most.
///
/// # Errors
/// Where it has gone.
pub(super) fn wait(time: Duration) -> std::io::Result<()> {
    let stdin = std::io::stdin();
    let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
    match ready(&mut wanted, time) {
        Ok(()) if wanted[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        other => other,
    }
}

/// Waits until one of several is ready, for so long at most; a signal ends the wait.
fn ready(wanted: &mut [PollFd], time: Duration) -> std::io::Result<()> {
    let time = time.try_into().ok();
    match poll(wanted, time.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
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
    let mut wanted = [PollFd::new(&held.tty, PollFlags::OUT)];
    let is_ready = ready(&mut wanted, PATIENCE).is_ok() && wanted[0].revents() == PollFlags::OUT;
    // Nothing can be done about a terminal that has gone, or that takes no more.
    if is_ready {
        let _ = execute!(held.tty, LeaveAlternateScreen, Show);
    }
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

/// Writes what was drawn. Nothing is held meanwhile.
///
/// # Errors
/// Where the terminal has gone.
pub(super) fn write((bytes, mut tty): (Vec<u8>, File)) -> std::io::Result<()> {
    tty.write_all(&bytes)
}
