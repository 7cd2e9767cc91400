//! From a [`Plugin`] to the C tables: what crosses the boundary on the plugin's side.
//!
//! Every function here catches panics: none reaches the host.

mod kernel;
mod op_set;
mod policy;
mod space;

pub(crate) use kernel::register as register_kernel;
pub(crate) use op_set::write_values;

use crate::abi::{self, Status, Text};
use crate::operation::Operation;
use crate::policy::PolicyEntry;
use crate::space::Space;
use std::any::Any;
use std::cell::Cell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// A plugin: its name, and what it offers.
pub trait Plugin: 'static {
    /// The name, as specs write it: `darts-ops`.
    const NAME: &'static str;
    /// The version: `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One line about the plugin.
    const DESCRIPTION: &'static str;
    /// The operations of its op set.
    const OPERATIONS: &'static [Operation] = &[];
    /// Its search spaces.
    const SPACES: &'static [Space] = &[];
    /// Its policies.
    const POLICIES: &'static [PolicyEntry] = &[];

    /// Called once per process, before everything else; an error keeps the plugin from being used.
    fn init() -> Result<(), String> {
        Ok(())
    }
}

/// The table that a library exports, and that a host can also link directly.
pub const fn entry<P: Plugin>() -> abi::Entry {
    abi::Entry {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        size: size_of::<abi::Entry>(),
        name: Text::new(P::NAME),
        version: Text::new(P::VERSION),
        description: Text::new(P::DESCRIPTION),
        init: Some(init::<P>),
        deinit: None,
        get_extension: Some(get_extension::<P>),
    }
}

/// The tables of a plugin, one per extension.
struct Tables<P>(PhantomData<P>);

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
unsafe fn send(sink: *const abi::Sink, bytes: &[u8]) {
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

unsafe extern "C-unwind" fn init<P: Plugin>(host: *const abi::Host, error: *const abi::Sink) -> Status {
    // SAFETY: the host's table lives as long as the process (see `abi::Entry::init`).
    if let Some(host) = unsafe { host.as_ref() } {
        crate::host::keep(host);
    }
    // SAFETY: the host passes a valid sink or null.
    unsafe { guard(error, P::init) }
}

unsafe extern "C-unwind" fn get_extension<P: Plugin>(id: Text) -> *const c_void {
    // SAFETY: the host passes a text that lives until this returns.
    match unsafe { id.as_str() } {
        Some(abi::OP_SET) if !P::OPERATIONS.is_empty() => std::ptr::from_ref(Tables::<P>::OP_SET).cast(),
        Some(abi::POLICY) if !P::POLICIES.is_empty() => std::ptr::from_ref(Tables::<P>::POLICY).cast(),
        Some(abi::SEARCH_SPACE) if !P::SPACES.is_empty() => std::ptr::from_ref(Tables::<P>::SEARCH_SPACE).cast(),
        _ => std::ptr::null(),
    }
}
