//! Trampolines in C++: what foreign code throws becomes an error. Rust cannot catch a C++ exception, it may only let it pass
//! through functions that are `extern "C-unwind"`.

use edas_plugin::abi::Sink;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The text that the other side writes to a sink.
#[derive(Default)]
pub struct Message(Vec<u8>);

/// The most bytes that a message keeps.
const LONGEST: usize = 1 << 16;
/// The most bytes of state, or of a description.
const MOST: usize = 1 << 30;

impl Message {
    /// The sink. It points to `self`, which must stay where it is while the sink is used.
    pub fn sink(&mut self) -> Sink {
        Sink { context: std::ptr::from_mut(self).cast(), write: Some(write::<LONGEST>) }
    }

    /// A sink for state or a description: what is too long for a message may still be right.
    pub fn long_sink(&mut self) -> Sink {
        Sink { context: std::ptr::from_mut(self).cast(), write: Some(write::<MOST>) }
    }

    /// What was written, or `otherwise` where that is nothing.
    pub fn text(self, otherwise: &str) -> String {
        if self.0.is_empty() { otherwise.to_owned() } else { String::from_utf8_lossy(&self.0).into_owned() }
    }

    /// What was written; `None` where it was too long to be kept.
    pub fn whole(self) -> Option<Vec<u8>> {
        (self.0.len() < MOST).then_some(self.0)
    }
}

unsafe extern "C-unwind" fn write<const MOST: usize>(context: *mut c_void, data: *const u8, length: usize) {
    // SAFETY: `context` is the `Message` that the sink was made of; nobody else uses it during the call that was given it.
    let Some(message) = (unsafe { context.cast::<Message>().as_mut() }) else { return };
    if data.is_null() || length == 0 {
        return;
    }
    // SAFETY: the other side passes bytes that are valid until this returns; null was excluded.
    let bytes = unsafe { std::slice::from_raw_parts(data, length) };
    let room = MOST.saturating_sub(message.0.len());
    message.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// What the trampoline takes text by.
#[repr(C)]
pub(crate) struct NativeMessage {
    context: *mut c_void,
    write: unsafe extern "C-unwind" fn(*mut c_void, *const u8, usize),
}

impl NativeMessage {
    /// It points to `message`, which must stay where it is while this is used.
    pub(crate) fn new(message: &mut Message) -> Self {
        Self { context: std::ptr::from_mut(message).cast(), write: write::<LONGEST> }
    }

    /// Adds text to the message.
    pub(crate) fn say(&self, text: &str) {
        // SAFETY: whoever made this vouches that the message is still there; the text outlives the call.
        unsafe { (self.write)(self.context, text.as_ptr(), text.len()) }
    }
}

unsafe extern "C" {
    fn edas_native_threads() -> usize;
    fn edas_native_parallel(
        count: i64,
        grain: i64,
        body: unsafe extern "C-unwind" fn(*mut c_void, usize, usize),
        context: *mut c_void,
        message: *const NativeMessage,
    ) -> i32;
    fn edas_native_guard(
        body: unsafe extern "C-unwind" fn(*mut c_void),
        context: *mut c_void,
        message: *const NativeMessage,
    ) -> i32;
}

struct Pending<F, T> {
    body: Option<F>,
    result: Option<T>,
}

unsafe extern "C-unwind" fn run<F: FnOnce() -> T, T>(context: *mut c_void) {
    // SAFETY: `context` is the `Pending` that `guarded` keeps until the trampoline returns.
    let pending = unsafe { &mut *context.cast::<Pending<F, T>>() };
    if let Some(body) = pending.body.take() {
        pending.result = Some(body());
    }
}

/// Runs `body`, which calls a plugin's function and does nothing else that could panic: Rust cannot catch a C++ exception, it
/// may only let it pass. The error is what the exception says.
pub fn guarded<T>(body: impl FnOnce() -> T) -> std::result::Result<T, String> {
    fn through<F: FnOnce() -> T, T>(body: F) -> std::result::Result<T, String> {
        let mut pending = Pending { body: Some(body), result: None };
        let mut text = Message::default();
        let message = NativeMessage::new(&mut text);
        // SAFETY: `run` is made for this type of `Pending`; it and the message outlive the call.
        let status = unsafe { edas_native_guard(run::<F, T>, std::ptr::from_mut(&mut pending).cast(), &message) };
        match pending.result {
            Some(result) if status == 0 => Ok(result),
            _ => Err(text.text("an exception that says nothing of itself")),
        }
    }
    through(body)
}

/// The number of threads that libtorch computes with.
pub fn threads() -> usize {
    // SAFETY: the function takes nothing.
    unsafe { edas_native_threads() }
}

/// Runs `body` over parts of 0 to `count` − 1 on libtorch's threads. The error is what an exception of a part says.
///
/// # Errors
/// Where a part throws.
///
/// # Safety
/// `body` may be called with `context` from several threads at once until this returns.
pub unsafe fn parallel(
    count: i64,
    grain: i64,
    body: unsafe extern "C-unwind" fn(*mut c_void, usize, usize),
    context: *mut c_void,
) -> Result<(), String> {
    let mut text = Message::default();
    let message = NativeMessage::new(&mut text);
    // SAFETY: the caller vouches for body and context; the message outlives the call.
    match unsafe { edas_native_parallel(count, grain, body, context, &message) } {
        0 => Ok(()),
        _ => Err(text.text("an exception that says nothing of itself")),
    }
}

/// A task, and what one of its calls panicked with.
struct Tasks<'a> {
    task: &'a (dyn Fn(usize) + Sync),
    count: usize,
    /// Per thread: how many tasks of its share are taken.
    taken: Vec<AtomicUsize>,
    panic: std::sync::Mutex<Option<Box<dyn std::any::Any + Send>>>,
}

impl Tasks<'_> {
    /// A thread's own share, then what others have not begun: a thread that the system has put aside holds up one task, not a
    /// share. Shares stay with their threads, and so do caches.
    fn work(&self, thread: usize) {
        let threads = self.taken.len();
        let first = |share: usize| share * self.count / threads;
        for share in (thread..threads).chain(0..thread) {
            loop {
                let at = first(share) + self.taken[share].fetch_add(1, Ordering::Relaxed);
                if at >= first(share + 1) {
                    break;
                }
                (self.task)(at);
            }
        }
    }
}

unsafe extern "C-unwind" fn tasks(context: *mut c_void, begin: usize, end: usize) {
    // SAFETY: `context` is the `Tasks` that `parallel_tasks` keeps until the loop is over; it is only read here.
    let tasks = unsafe { &*context.cast::<Tasks>() };
    // A panic must not reach libtorch's threads.
    let work = || (begin..end).for_each(|thread| tasks.work(thread));
    if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        && let Ok(mut first) = tasks.panic.lock()
    {
        first.get_or_insert(panic);
    }
}

/// Calls `task` with 0 to `count` − 1, each once, on libtorch's threads.
///
/// # Panics
/// Where a task does, once all threads are done.
pub fn parallel_tasks(count: usize, task: &(dyn Fn(usize) + Sync)) {
    let threads = threads().min(count).max(1);
    let taken = (0..threads).map(|_| AtomicUsize::new(0)).collect();
    let mut context = Tasks { task, count, taken, panic: std::sync::Mutex::new(None) };
    // SAFETY: the task may be called from several threads at once, and context outlives the loop.
    let ended = unsafe { parallel(threads as i64, 1, tasks, std::ptr::from_mut(&mut context).cast()) };
    if let Some(panic) = context.panic.into_inner().unwrap_or(None) {
        std::panic::resume_unwind(panic);
    }
    assert!(ended.is_ok(), "libtorch's loop over parts failed");
}
