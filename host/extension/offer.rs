//! What the host offers to every plugin: its log, random numbers, libtorch's threads, cancellation, and what the folders above
//! this one add.

use super::memory;
use crate::native;
use crate::random::Stream;
use edas_plugin::abi;
use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The host's table.
pub static HOST: abi::Host = host(abi::ABI_MINOR);

/// The host's table as it would be with this minor revision.
pub const fn host(minor: u32) -> abi::Host {
    abi::Host {
        abi_major: abi::ABI_MAJOR,
        abi_minor: minor,
        size: size_of::<abi::Host>(),
        name: abi::Text::new("edas"),
        version: abi::Text::new(env!("CARGO_PKG_VERSION")),
        get_extension: Some(get_extension),
    }
}

static LOG: abi::Log = abi::Log { size: size_of::<abi::Log>(), write: Some(log) };

static RANDOM: abi::Random = abi::Random {
    size: size_of::<abi::Random>(),
    index: Some(random_index),
    uniform: Some(random_uniform),
    normal: Some(random_normal),
    gumbel: Some(random_gumbel),
};

static PARALLEL: abi::Parallel =
    abi::Parallel { size: size_of::<abi::Parallel>(), threads: Some(threads), run: Some(parallel) };

static CANCEL: abi::Cancel = abi::Cancel { size: size_of::<abi::Cancel>(), requested: Some(requested) };

static LIBTORCH: abi::Libtorch =
    abi::Libtorch { size: size_of::<abi::Libtorch>(), version: abi::Text::new(native::LIBTORCH) };

/// A table that a folder above this one offers.
#[derive(Clone, Copy)]
struct Further {
    id: &'static str,
    table: *const c_void,
}

// SAFETY: the table is a static that may be shared (`offer` asks for `Sync`); it is never written through this pointer.
unsafe impl Send for Further {}

/// What the folders above add: constants of this program, kept here because a plugin asks without saying for which search.
static FURTHER: Mutex<Vec<Further>> = Mutex::new(Vec::new());

/// Offers a table under an id that the folders here do not know. `T` must be the type that belongs to the id.
pub(crate) fn offer<T: Sync>(id: &'static str, table: &'static T) {
    let mut further = FURTHER.lock().unwrap_or_else(PoisonError::into_inner);
    if further.iter().all(|f| f.id != id) {
        further.push(Further { id, table: std::ptr::from_ref(table).cast() });
    }
}

unsafe extern "C-unwind" fn get_extension(id: abi::Text) -> *const c_void {
    // SAFETY: the plugin passes a text that is valid until this returns.
    match unsafe { id.as_str() } {
        Some(abi::HOST_LOG) => std::ptr::from_ref(&LOG).cast(),
        Some(abi::HOST_RANDOM) => std::ptr::from_ref(&RANDOM).cast(),
        Some(abi::HOST_PARALLEL) => std::ptr::from_ref(&PARALLEL).cast(),
        Some(abi::HOST_CANCEL) => std::ptr::from_ref(&CANCEL).cast(),
        Some(abi::HOST_LIBTORCH) => std::ptr::from_ref(&LIBTORCH).cast(),
        Some(id) => {
            let further = FURTHER.lock().unwrap_or_else(PoisonError::into_inner);
            further.iter().find(|f| f.id == id).map_or(std::ptr::null(), |f| f.table)
        }
        None => std::ptr::null(),
    }
}

unsafe extern "C-unwind" fn log(severity: u32, message: abi::Text) {
    // SAFETY: the plugin passes a text that is valid until this returns.
    let text = unsafe { memory::text(message) }.unwrap_or("(a message that is not valid UTF-8)");
    match severity {
        abi::SEVERITY_ERROR => tracing::error!(target: "edas::plugin", "{text}"),
        abi::SEVERITY_WARNING => tracing::warn!(target: "edas::plugin", "{text}"),
        abi::SEVERITY_INFORMATION => tracing::info!(target: "edas::plugin", "{text}"),
        abi::SEVERITY_DETAIL => tracing::debug!(target: "edas::plugin", "{text}"),
        _ => tracing::trace!(target: "edas::plugin", "{text}"),
    }
}

/// A stream as plugins get it. It points to `stream`, which must stay where it is while this is used.
pub fn stream(stream: &mut Stream) -> *mut abi::RandomStream {
    std::ptr::from_mut(stream).cast()
}

/// # Safety
/// `stream` is what [`stream`] made, and nobody else uses it during the call.
unsafe fn drawn<T>(stream: *mut abi::RandomStream, otherwise: T, draw: impl FnOnce(&mut Stream) -> T) -> T {
    // SAFETY: the caller vouches for the pointer.
    unsafe { stream.cast::<Stream>().as_mut() }.map_or(otherwise, draw)
}

unsafe extern "C-unwind" fn random_index(stream: *mut abi::RandomStream, n: u64) -> u64 {
    // SAFETY: the plugin passes on the stream that it was given, on the thread that was given it.
    unsafe { drawn(stream, 0, |s| if n == 0 { 0 } else { s.index(n) }) }
}

unsafe extern "C-unwind" fn random_uniform(stream: *mut abi::RandomStream) -> f64 {
    // SAFETY: as above.
    unsafe { drawn(stream, 0.0, Stream::uniform) }
}

unsafe extern "C-unwind" fn random_normal(stream: *mut abi::RandomStream) -> f64 {
    // SAFETY: as above.
    unsafe { drawn(stream, 0.0, Stream::normal) }
}

unsafe extern "C-unwind" fn random_gumbel(stream: *mut abi::RandomStream) -> f64 {
    // SAFETY: as above.
    unsafe { drawn(stream, 0.0, Stream::gumbel) }
}

unsafe extern "C-unwind" fn threads() -> usize {
    native::guard::threads()
}

unsafe extern "C-unwind" fn parallel(
    count: usize,
    grain: usize,
    body: abi::LoopBody,
    context: *mut c_void,
    error: *const abi::Sink,
) -> abi::Status {
    let (Some(body), Ok(count)) = (body, i64::try_from(count)) else { return abi::FAILED };
    let grain = i64::try_from(grain).unwrap_or(i64::MAX).max(1);
    // SAFETY: the plugin vouches for body and context until this returns.
    match unsafe { native::guard::parallel(count, grain, body, context) } {
        Ok(()) => abi::OK,
        Err(thrown) => {
            // SAFETY: the plugin passes a valid sink or null.
            unsafe { memory::say(error, &format!("a part of a parallel loop threw an exception: {thrown}")) };
            abi::FAILED
        }
    }
}

/// The user's wish that a run ends: set by whoever embeds the search, heard by the run and by plugins that work for it.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

thread_local! {
    static CURRENT: RefCell<Option<Cancellation>> = const { RefCell::new(None) };
}

impl Cancellation {
    /// Wishes the end. Any thread, also a signal handler's.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end is wished.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Runs `body`; plugins that this thread calls meanwhile hear of this wish.
    pub fn during<T>(&self, body: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(self.clone()));
        let result = body();
        CURRENT.set(before);
        result
    }
}

unsafe extern "C-unwind" fn requested() -> u32 {
    CURRENT.with_borrow(|current| u32::from(current.as_ref().is_some_and(Cancellation::requested)))
}
