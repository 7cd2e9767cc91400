//! What the host offers to plugins. A plugin asks [`Host`] for an extension by id and gets a table, or null.

use super::{Sink, Status, Text};
use std::ffi::c_void;

/// The id of the host's [`Log`].
pub const HOST_LOG: &str = "edas.host.log/1";
/// The id of the host's [`Random`].
pub const HOST_RANDOM: &str = "edas.host.random/1";
/// The id of the host's [`Parallel`].
pub const HOST_PARALLEL: &str = "edas.host.parallel/1";
/// The id of the host's [`Cancel`].
pub const HOST_CANCEL: &str = "edas.host.cancel/1";
/// The id of the host's [`Libtorch`].
pub const HOST_LIBTORCH: &str = "edas.host.libtorch/1";

/// What the host offers to a plugin. It lives as long as the process.
#[repr(C)]
pub struct Host {
    /// The host's `ABI_MAJOR`.
    pub abi_major: u32,
    /// The host's `ABI_MINOR`.
    pub abi_minor: u32,
    /// The size of this table in bytes.
    pub size: usize,
    /// The host's name.
    pub name: Text,
    /// The host's version.
    pub version: Text,
    /// The table of a host extension, or null where the host lacks it. Tables live as long as the process. Any thread.
    pub get_extension: Option<unsafe extern "C-unwind" fn(id: Text) -> *const c_void>,
}

// SAFETY: the table holds constants, function pointers and texts that nobody changes after they were made.
unsafe impl Sync for Host {}
// SAFETY: as above.
unsafe impl Send for Host {}

/// Something failed.
pub const SEVERITY_ERROR: u32 = 0;
/// Something looks wrong.
pub const SEVERITY_WARNING: u32 = 1;
/// Something worth knowing.
pub const SEVERITY_INFORMATION: u32 = 2;
/// A detail.
pub const SEVERITY_DETAIL: u32 = 3;
/// A detail of details.
pub const SEVERITY_TRACE: u32 = 4;

/// Host extension [`HOST_LOG`]: messages for the user's log. A plugin does not write to stdout: results go there.
#[repr(C)]
pub struct Log {
    /// The size of this table in bytes.
    pub size: usize,
    /// Writes a message with one of the severities. Any thread.
    pub write: Option<unsafe extern "C-unwind" fn(severity: u32, message: Text)>,
}

/// A stream of random numbers that the host handed over. It belongs to the host.
#[repr(C)]
pub struct RandomStream {
    _private: [u8; 0],
}

/// Host extension [`HOST_RANDOM`]: draws from a stream that the host handed over (a turn's, say). The same seed gives the
/// same numbers on every machine. Thread: the one that was given the stream, until that call returns.
#[repr(C)]
pub struct Random {
    /// The size of this table in bytes.
    pub size: usize,
    /// A whole number from 0 to n − 1, every one equally likely; 0 where n is 0.
    pub index: Option<unsafe extern "C-unwind" fn(stream: *mut RandomStream, n: u64) -> u64>,
    /// A number in [0, 1).
    pub uniform: Option<unsafe extern "C-unwind" fn(stream: *mut RandomStream) -> f64>,
    /// A draw from the standard normal distribution.
    pub normal: Option<unsafe extern "C-unwind" fn(stream: *mut RandomStream) -> f64>,
    /// A draw from the standard Gumbel distribution.
    pub gumbel: Option<unsafe extern "C-unwind" fn(stream: *mut RandomStream) -> f64>,
}

/// Part of a loop: the numbers from `begin` to `end` − 1. Called on several threads at once.
pub type LoopBody = Option<unsafe extern "C-unwind" fn(context: *mut c_void, begin: usize, end: usize)>;

/// Host extension [`HOST_PARALLEL`]: loops on the threads that libtorch computes with. A pool of one's own beside them
/// costs more than it gives.
#[repr(C)]
pub struct Parallel {
    /// The size of this table in bytes.
    pub size: usize,
    /// The number of threads. Any thread.
    pub threads: Option<unsafe extern "C-unwind" fn() -> usize>,
    /// Runs `body` over 0 to `count` − 1 in parts of at least `grain` (0 counts as 1), and returns when all are done. Which
    /// thread gets which part is not said: a result must not depend on it. `FAILED`, with its text in `error` (which may be
    /// null), where a part threw an exception. Any thread; within a part it runs on that part's thread alone.
    pub run: Option<
        unsafe extern "C-unwind" fn(
            count: usize,
            grain: usize,
            body: LoopBody,
            context: *mut c_void,
            error: *const Sink,
        ) -> Status,
    >,
}

/// Host extension [`HOST_CANCEL`]: whether the user wants the run to end. What takes long should ask now and then, and
/// return `FAILED`.
#[repr(C)]
pub struct Cancel {
    /// The size of this table in bytes.
    pub size: usize,
    /// 1 where the run that this thread works for is to end, otherwise 0. Thread: one that the host called the plugin on.
    pub requested: Option<unsafe extern "C-unwind" fn() -> u32>,
}

/// Host extension [`HOST_LIBTORCH`]: which libtorch the host runs on. A plugin that links libtorch needs the same one.
#[repr(C)]
pub struct Libtorch {
    /// The size of this table in bytes.
    pub size: usize,
    /// Its version: `2.13.0`.
    pub version: Text,
}

// SAFETY: the table holds constants and texts that nobody changes.
unsafe impl Sync for Libtorch {}
