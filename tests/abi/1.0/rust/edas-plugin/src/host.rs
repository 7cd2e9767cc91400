//! What the host offers: its log, its threads, and whether the run is to end.

use crate::abi;
use std::ffi::c_void;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something failed.
    Error = abi::SEVERITY_ERROR as isize,
    /// Something looks wrong.
    Warning = abi::SEVERITY_WARNING as isize,
    /// Something worth knowing.
    Information = abi::SEVERITY_INFORMATION as isize,
    /// A detail.
    Detail = abi::SEVERITY_DETAIL as isize,
    /// A detail of details.
    Trace = abi::SEVERITY_TRACE as isize,
}

static HOST: OnceLock<&'static abi::Host> = OnceLock::new();

/// Keeps the host's table, as `init` received it.
pub(crate) fn keep(host: &'static abi::Host) {
    let _ = HOST.set(host);
}

/// The table of a host extension; `T` must be the type that belongs to the id.
pub(crate) fn extension<T>(id: &str) -> Option<&'static T> {
    let get = HOST.get()?.get_extension?;
    // SAFETY: the host's tables live as long as the process and are of the type that belongs to the id.
    unsafe { get(abi::Text::new(id)).cast::<T>().as_ref() }
}

/// Writes a message to the host's log; does nothing before `init` and in hosts without a log. Any thread.
pub fn log(severity: Severity, message: &str) {
    if let Some(write) = extension::<abi::Log>(abi::HOST_LOG).and_then(|table| table.write) {
        // SAFETY: the text outlives the call.
        unsafe { write(severity as u32, abi::Text::new(message)) }
    }
}

/// Whether the run that this thread works for is to end: what takes long asks now and then, and returns an error.
pub fn cancelled() -> bool {
    let requested = extension::<abi::Cancel>(abi::HOST_CANCEL).and_then(|table| table.requested);
    // SAFETY: the function takes nothing.
    requested.is_some_and(|requested| unsafe { requested() } != 0)
}

struct Loop<'a> {
    body: &'a (dyn Fn(Range<usize>) + Sync),
    panicked: AtomicBool,
    message: Mutex<String>,
}

unsafe extern "C-unwind" fn part(context: *mut c_void, begin: usize, end: usize) {
    // SAFETY: `context` is the `Loop` that `parallel` keeps until the loop is over.
    let this = unsafe { &*context.cast::<Loop>() };
    if let Err(panic) = crate::boundary::quietly(|| catch_unwind(AssertUnwindSafe(|| (this.body)(begin..end)))) {
        this.panicked.store(true, Ordering::Relaxed);
        *this.message.lock().unwrap_or_else(PoisonError::into_inner) = crate::boundary::panic_message(&*panic);
    }
}

/// Runs `body` over the numbers below `count` in parts of at least `grain`, on the threads that the host computes with. Which
/// thread gets which part is not said: the result must not depend on it. A panic in a part is a panic of this call. Any thread.
pub fn parallel(count: usize, grain: usize, body: impl Fn(Range<usize>) + Sync) {
    let Some(run) = extension::<abi::Parallel>(abi::HOST_PARALLEL).and_then(|table| table.run) else {
        return body(0..count);
    };
    let mut this = Loop { body: &body, panicked: AtomicBool::new(false), message: Mutex::default() };
    // SAFETY: `this` lives until the call returns, when all parts are done; parts share it for reading alone.
    let status = unsafe { run(count, grain, Some(part), std::ptr::from_mut(&mut this).cast(), std::ptr::null()) };
    if this.panicked.into_inner() {
        panic!("{}", this.message.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    assert!(status == abi::OK, "the host could not run a loop");
}

/// Runs `body` over the chunks of `data`, each with its number, on the threads that the host computes with; the last chunk may be
/// shorter. A panic in a chunk is a panic of this call. Any thread.
pub fn parallel_chunks<T: Send>(data: &mut [T], chunk: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    struct Start<T>(*mut T);
    // SAFETY: every part of the loop takes chunks of its own.
    unsafe impl<T: Send> Sync for Start<T> {}
    impl<T> Start<T> {
        /// # Safety
        /// The part lies within the data, and nobody else has any of it.
        #[allow(clippy::mut_from_ref, reason = "the caller vouches that no two parts overlap")]
        unsafe fn part(&self, from: usize, length: usize) -> &mut [T] {
            // SAFETY: the caller vouches for it.
            unsafe { std::slice::from_raw_parts_mut(self.0.add(from), length) }
        }
    }
    let (length, chunk) = (data.len(), chunk.max(1));
    let start = Start(data.as_mut_ptr());
    parallel(length.div_ceil(chunk), 1, |range| {
        for number in range {
            let from = number * chunk;
            // SAFETY: chunk `number` is within the data; the loop runs every number once.
            body(number, unsafe { start.part(from, chunk.min(length - from)) });
        }
    });
}
