//! Calls into plugins, through a C++ trampoline: what a plugin throws becomes an error.

use crate::error::{Error, Result};
pub use crate::native::guard::{Message, guarded};
use edas_plugin::abi::{self, Sink, Status};

/// Runs `body`, which calls a plugin's function with the sink that it is given. `what` says what the plugin was to do.
///
/// # Errors
/// Where the function returns another status than `OK`, or throws.
pub fn call(what: &str, body: impl FnOnce(&Sink) -> Status) -> Result<()> {
    run(body).map_err(|e| e.context(what))
}

/// As [`call`]; the caller says what the plugin was to do.
///
/// # Errors
/// As [`call`].
pub fn run(body: impl FnOnce(&Sink) -> Status) -> Result<()> {
    let mut message = Message::default();
    let sink = message.sink();
    let mistake = |e: Error| e.help("this is a mistake in the plugin: tell its author");
    match guarded(|| body(&sink)) {
        Ok(abi::OK) => Ok(()),
        Ok(abi::PANICKED) => Err(mistake(Error::new(message.text("it panicked without a message")))),
        Ok(_) => Err(Error::new(message.text("it failed without a message"))),
        Err(thrown) => Err(mistake(Error::new(format!("an exception was thrown: {thrown}")))),
    }
}
