//! From a [`Plugin`] to the C tables: what crosses the boundary on the plugin's side.
//!
//! Every function here catches panics: none reaches the host.

mod kernel;
mod op_set;
mod policy;
mod space;

use crate::abi::{self, Status, Text};
use crate::boundary::guard;
use crate::operation::Operation;
use crate::policy::PolicyEntry;
use crate::space::Space;
use std::ffi::c_void;
use std::marker::PhantomData;

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
