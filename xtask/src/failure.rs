//! Why a command did not succeed, as a message and an exit status.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};

/// The result of everything here that can fail.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// What went wrong, what was expected, what was found and what to do; or only another program's status.
#[derive(Debug, PartialEq)]
pub struct Failure {
    status: u8,
    what: Option<String>,
    notes: Vec<(&'static str, String)>,
}

impl Failure {
    /// Something that the user can put right: exit status 2.
    pub fn new(what: impl Into<String>) -> Self {
        Self { status: 2, what: Some(what.into()), notes: Vec::new() }
    }

    /// Something that went wrong on the way: exit status 1.
    pub fn later(what: impl Into<String>) -> Self {
        Self { status: 1, ..Self::new(what) }
    }

    /// Another program failed and has said why: its own exit status, as a shell would give it.
    pub fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        Self { status: code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1), what: None, notes: Vec::new() }
    }

    /// An operation on a file or folder failed. A full disk gets the message that says so.
    pub fn io(action: &str, path: &Path, error: &std::io::Error) -> Self {
        let failure = Self::new(format!("cannot {action} {}", path.display())).found(error.to_string());
        match error.kind() {
            ErrorKind::StorageFull => Self::disk_full(path),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                failure.help("if this is the cache: set EDAS_CACHE to a folder that you may write")
            }
            _ => failure,
        }
    }

    /// No space is left where `path` lies.
    pub fn disk_full(path: &Path) -> Self {
        Self::new(format!("the disk is full: no space is left at {}", path.display()))
            .help("free some; if this is the cache, set EDAS_CACHE to a folder on another disk")
    }

    /// Adds what was expected.
    pub fn expected(self, text: impl Into<String>) -> Self {
        self.note("expected", text)
    }

    /// Adds what was found instead.
    pub fn found(self, text: impl Into<String>) -> Self {
        self.note("found", text)
    }

    /// Adds what to do.
    pub fn help(self, text: impl Into<String>) -> Self {
        self.note("help", text)
    }

    fn note(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.notes.push((label, text.into()));
        self
    }

    /// Prints the message, if there is one, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        if self.what.is_some() {
            eprintln!("error: {self}");
        }
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what.as_deref().unwrap_or_default())?;
        for (label, text) in &self.notes {
            write!(f, "\n  {label}: {}", text.trim_end().replace('\n', "\n    "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn messages_have_one_form() {
        let failure = Failure::new("no pip").expected("pip").found("a\nb").help("install it");
        assert_eq!(failure.to_string(), "no pip\n  expected: pip\n  found: a\n    b\n  help: install it");
    }

    #[test]
    fn statuses_are_a_shells() {
        assert_eq!(Failure::of(ExitStatus::from_raw(101 << 8)).status, 101);
        assert_eq!(Failure::of(ExitStatus::from_raw(9)).status, 137);
    }
}
