//! Errors as data: what went wrong, where, what was expected, what was found, and what to do.
//!
//! Nothing in the library prints. The command line turns an [`Error`] into a message at its edge; an
//! embedder reads the fields.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in a file that a user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, or a name in angle brackets for text that has none (`<command line>`).
    pub file: PathBuf,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 where the whole line is meant.
    pub column: usize,
    /// The file's text, for showing the line.
    pub text: Option<Arc<str>>,
    /// The dotted path of a value within what a script returned, which stands on no line.
    pub keys: Option<Arc<str>>,
}

impl Place {
    /// The whole of a file.
    pub fn file(file: impl AsRef<Path>) -> Self {
        Self { file: file.as_ref().to_owned(), line: 0, column: 0, text: None, keys: None }
    }

    /// A position within a file, both numbers from 1.
    pub fn at(file: impl AsRef<Path>, line: usize, column: usize) -> Self {
        Self { file: file.as_ref().to_owned(), line, column, text: None, keys: None }
    }

    /// The same place with the file's text, for showing the line.
    pub fn with_text(mut self, text: impl Into<Arc<str>>) -> Self {
        self.text = Some(text.into());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match (self.line, self.column) {
            (0, _) => {}
            (line, 0) => write!(f, ":{line}")?,
            (line, column) => write!(f, ":{line}:{column}")?,
        }
        match &self.keys {
            Some(keys) => write!(f, ", {keys}"),
            None => Ok(()),
        }
    }
}

/// One thing that went wrong. Every field but `what` may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Fields>);

/// The parts of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// What went wrong, in one line without a full stop.
    pub what: String,
    /// Where.
    pub place: Option<Place>,
    /// What would have been right.
    pub expected: Option<String>,
    /// What stood there instead.
    pub found: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// What the program was doing, innermost first.
    pub context: Vec<String>,
    /// Whether it is that memory ran out.
    pub exhausted: bool,
}

impl Error {
    /// An error that says what went wrong.
    pub fn new(what: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            what: what.into(),
            place: None,
            expected: None,
            found: None,
            help: None,
            context: Vec::new(),
            exhausted: false,
        }))
    }

    /// A file could not be read or written.
    pub fn io(action: &str, path: impl AsRef<Path>, error: &std::io::Error) -> Self {
        let path = path.as_ref();
        let what = format!("cannot {action} {}: {error}", path.display());
        if error.kind() == ErrorKind::OutOfMemory {
            return Self::new(format!("memory ran out: {what}")).running_out();
        }
        let io = Self::new(what);
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => io.help("make room on that disk"),
            ErrorKind::ReadOnlyFilesystem => io.help("that disk can only be read: make it writable, or use another"),
            _ if error.raw_os_error() == Some(EIO) => io.help("that disk fails: the system's log may say more"),
            _ => io,
        }
    }

    /// So many bytes of memory could not be had for something.
    pub fn exhausted(bytes: usize, what: &str) -> Self {
        Self::new(format!("memory ran out: {bytes} bytes for {what} cannot be had")).running_out()
    }

    fn running_out(mut self) -> Self {
        self.0.exhausted = true;
        self
    }

    /// Adds the place; a place that is already known stays.
    pub fn at(mut self, place: Place) -> Self {
        self.0.place.get_or_insert(place);
        self
    }

    /// Adds what would have been right.
    pub fn expected(mut self, text: impl Into<String>) -> Self {
        self.0.expected = Some(text.into());
        self
    }

    /// Adds what stood there instead.
    pub fn found(mut self, text: impl Into<String>) -> Self {
        self.0.found = Some(text.into());
        self
    }

    /// Adds what to do about it.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.0.help = Some(text.into());
        self
    }

    /// Adds what to do about it, where something is known.
    pub fn help_if(mut self, text: Option<String>) -> Self {
        if text.is_some() {
            self.0.help = text;
        }
        self
    }

    /// Adds what to do about it, unless something better is known already.
    pub fn help_if_none(mut self, text: String) -> Self {
        self.0.help.get_or_insert(text);
        self
    }

    /// Adds what else to do about it.
    pub fn help_too(mut self, text: &str) -> Self {
        self.0.help = Some(self.0.help.map_or_else(|| text.to_owned(), |help| format!("{help}; {text}")));
        self
    }

    /// Adds what the program was doing.
    pub fn context(mut self, text: impl Into<String>) -> Self {
        self.0.context.push(text.into());
        self
    }

    /// The parts.
    pub fn fields(&self) -> &Fields {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &self.0;
        if let Some(place) = &e.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", e.what)?;
        for context in &e.context {
            write!(f, "\n  while {context}")?;
        }
        for (name, text) in [("expected", &e.expected), ("found", &e.found), ("help", &e.help)] {
            if let Some(text) = text {
                write!(f, "\n  {name}: {text}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        // libtorch appends its own C++ backtrace; the first line says what happened.
        let text = error.to_string();
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("unknown error");
        if EXHAUSTED.iter().any(|sign| line.contains(sign)) {
            let line = line.trim_start_matches("Internal torch error: ");
            return Error::new(format!("memory ran out: libtorch: {line}")).running_out();
        }
        Error::new(format!("libtorch: {line}"))
    }
}

/// A vector with room for so many elements, where there is enough memory: a plain one would end the process.
///
/// # Errors
/// Where there is not.
pub(crate) fn room<T>(elements: usize, what: &str) -> Result<Vec<T>> {
    let mut vector = Vec::new();
    match vector.try_reserve_exact(elements) {
        Ok(()) => Ok(vector),
        Err(_) => Err(Error::exhausted(elements.saturating_mul(size_of::<T>()), what)),
    }
}

/// A panic's message.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// The system's number for a disk that fails.
const EIO: i32 = 5;

/// By what libtorch's message says that memory ran out; the last three are those of its library of primitives, which says no more.
const EXHAUSTED: [&str; 7] = [
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "could not create a memory",
    "could not create a primitive",
    "could not execute a primitive",
];

/// The candidate that is nearest to a misspelt name, phrased as help, if any is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<(usize, &str)> = known.into_iter().map(|k| (strsim::damerau_levenshtein(name, k), k)).collect();
    if known.iter().any(|(distance, _)| *distance == 0) {
        // It is spelt rightly: something else is wrong.
        return None;
    }
    known
        .into_iter()
        .filter(|(distance, k)| *distance <= 1 + k.len().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| format!("did you mean `{k}`?"))
}
