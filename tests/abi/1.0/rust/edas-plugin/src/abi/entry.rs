//! What a library exports.

use super::{Host, Sink, Status, Text};
use std::ffi::c_void;

/// The name of the one data symbol that a library exports: an [`Entry`].
pub const ENTRY_SYMBOL: &str = "edas_plugin_entry";

/// What a library exports under [`ENTRY_SYMBOL`].
#[repr(C)]
pub struct Entry {
    /// `ABI_MAJOR` as the library was built. Checked before anything else is read.
    pub abi_major: u32,
    /// `ABI_MINOR` as the library was built.
    pub abi_minor: u32,
    /// The size of this table in bytes.
    pub size: usize,
    /// The plugin's name, as specs write it: `darts-ops`.
    pub name: Text,
    /// The plugin's version.
    pub version: Text,
    /// One line about the plugin.
    pub description: Text,
    /// Called once per process, before everything else. The host's table lives as long as the process.
    /// May be null. Thread: the one that loads the library.
    pub init: Option<unsafe extern "C-unwind" fn(host: *const Host, error: *const Sink) -> Status>,
    /// Called when the process ends in order, if at all. May be null. Thread: the one that ends the process.
    pub deinit: Option<unsafe extern "C-unwind" fn()>,
    /// The table of an extension (`OP_SET`, `SEARCH_SPACE`, `POLICY`), or null where the plugin lacks it. Tables live as long
    /// as the library. Must not be null. Any thread.
    pub get_extension: Option<unsafe extern "C-unwind" fn(id: Text) -> *const c_void>,
}

// SAFETY: the table holds constants, function pointers and texts that nobody changes after they were made.
unsafe impl Sync for Entry {}
