//! What every crossing between plugin and host needs: panics caught, text sent, memory read.

use crate::abi::{self, Status};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs `body`; panics in it print nothing: whoever called gets their message.
pub(crate) fn quietly<T>(body: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let other = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                PLACE.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
            } else {
                other(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = body();
    QUIET.set(before);
    result
}

/// Runs `body`; writes what went wrong, a panic included, to the sink.
///
/// # Safety
/// `error` is null or a valid sink for the time of the call.
pub(crate) unsafe fn guard(error: *const abi::Sink, body: impl FnOnce() -> Result<(), String>) -> Status {
    let (status, message) = match quietly(|| catch_unwind(AssertUnwindSafe(body))) {
        Ok(Ok(())) => return abi::OK,
        Ok(Err(message)) => (abi::FAILED, message),
        Err(panic) => (abi::PANICKED, panic_message(&*panic)),
    };
    // SAFETY: the caller vouches for the sink.
    unsafe { send(error, message.as_bytes()) };
    status
}

/// # Safety
/// `sink` is null or a valid sink for the time of the call.
pub(crate) unsafe fn send(sink: *const abi::Sink, bytes: &[u8]) {
    // SAFETY: the caller vouches for the sink; the bytes outlive the call.
    unsafe {
        if let Some(sink) = sink.as_ref()
            && let Some(write) = sink.write
        {
            write(sink.context, bytes.as_ptr(), bytes.len());
        }
    }
}

/// What a panic said, and where it was.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    };
    match PLACE.take() {
        Some(place) => format!("panicked at {place}: {text}"),
        None => format!("panicked: {text}"),
    }
}

/// # Safety
/// `data` points to `length` elements that live until the caller returns, or `length` is 0.
pub(crate) unsafe fn slice<'a, T>(data: *const T, length: usize) -> &'a [T] {
    if length == 0 || data.is_null() {
        return &[];
    }
    // SAFETY: the caller vouches for the memory; null was excluded.
    unsafe { std::slice::from_raw_parts(data, length) }
}
