//! The plugin's tables, filled anew for each input, and the functions that list and describe.

use super::builder::{build, say};
use super::hostile::{Source, take};
use super::policy;
use edas_plugin::abi;
use std::ffi::c_void;

/// All tables of a plugin.
struct Tables {
    entry: abi::Entry,
    op_set: abi::OpSet,
    space: abi::SearchSpace,
    policy: abi::Policy,
    /// Which extensions there are, by bits.
    offered: u8,
}

thread_local! {
    /// Where the tables lie. A plugin's tables live as long as its library, so these are never freed.
    static TABLES: *mut Tables = Box::leak(Box::new(Tables {
        entry: abi::Entry {
            abi_major: 0,
            abi_minor: 0,
            size: 0,
            name: abi::Text::EMPTY,
            version: abi::Text::EMPTY,
            description: abi::Text::EMPTY,
            init: None,
            deinit: None,
            get_extension: None,
        },
        op_set: abi::OpSet { size: 0, count: None, describe: None, describe_parameter: None, build: None },
        space: abi::SearchSpace { size: 0, count: None, describe: None, describe_parameter: None, write: None },
        policy: abi::Policy {
            size: 0,
            count: None,
            describe: None,
            describe_parameter: None,
            create: None,
            destroy: None,
            plan: None,
            feedback: None,
            end_epoch: None,
            save: None,
            restore: None,
        },
        offered: 0,
    }));
}

/// Something that is mostly there.
fn perhaps<T>(s: &mut Source, value: T) -> Option<T> {
    if s.byte() >= 250 { None } else { Some(value) }
}

/// A table's size: mostly right.
fn size<T>(s: &mut Source) -> usize {
    if s.byte() >= 250 { s.size() } else { size_of::<T>() }
}

/// Fills the tables from the input's bytes.
pub fn fill() -> &'static abi::Entry {
    let tables = TABLES.with(|tables| *tables);
    let filled = take(|s| Tables {
        offered: s.byte(),
        entry: abi::Entry {
            abi_major: if s.rarely() { s.number() as u32 } else { abi::ABI_MAJOR },
            abi_minor: s.number() as u32,
            size: size::<abi::Entry>(s),
            name: s.text(),
            version: s.text(),
            description: s.text(),
            init: perhaps(s, init),
            deinit: perhaps(s, deinit),
            get_extension: perhaps(s, get_extension),
        },
        op_set: abi::OpSet {
            size: size::<abi::OpSet>(s),
            count: perhaps(s, count),
            describe: perhaps(s, describe_operation),
            describe_parameter: perhaps(s, describe_parameter),
            build: perhaps(s, build),
        },
        space: abi::SearchSpace {
            size: size::<abi::SearchSpace>(s),
            count: perhaps(s, count),
            describe: perhaps(s, describe),
            describe_parameter: perhaps(s, describe_parameter),
            write: perhaps(s, write),
        },
        policy: abi::Policy {
            size: size::<abi::Policy>(s),
            count: perhaps(s, count),
            describe: perhaps(s, describe),
            describe_parameter: perhaps(s, describe_parameter),
            create: perhaps(s, policy::create),
            destroy: Some(policy::destroy),
            plan: perhaps(s, policy::plan),
            feedback: perhaps(s, policy::feedback),
            end_epoch: perhaps(s, policy::end_epoch),
            save: perhaps(s, policy::save),
            restore: perhaps(s, policy::restore),
        },
    });
    // SAFETY: the tables are this thread's own and never freed, and no plugin of the last input is left that would read them.
    unsafe {
        *tables = filled;
        &(*tables).entry
    }
}

unsafe extern "C-unwind" fn init(host: *const abi::Host, error: *const abi::Sink) -> abi::Status {
    take(|s| s.host = host);
    // SAFETY: the sink came with the call.
    unsafe { say(error) };
    take(Source::status)
}

unsafe extern "C-unwind" fn deinit() {}

unsafe extern "C-unwind" fn get_extension(id: abi::Text) -> *const c_void {
    let tables = TABLES.with(|tables| *tables);
    // SAFETY: the host passes a text that lives until this returns; the tables are never freed.
    unsafe {
        let (bit, table): (u8, *const c_void) = match id.as_str() {
            Some(abi::OP_SET) => (1, (&raw const (*tables).op_set).cast()),
            Some(abi::SEARCH_SPACE) => (2, (&raw const (*tables).space).cast()),
            Some(abi::POLICY) => (4, (&raw const (*tables).policy).cast()),
            _ => return std::ptr::null(),
        };
        match (*tables).offered {
            offered if offered & bit == 0 => std::ptr::null(),
            // Where no table can lie.
            offered if offered & 0xf0 == 0xf0 => table.cast::<u8>().wrapping_add(1).cast(),
            _ => table,
        }
    }
}

unsafe extern "C-unwind" fn count() -> usize {
    take(Source::size)
}

unsafe extern "C-unwind" fn describe_operation(_: usize, info: *mut abi::OperationInfo) -> abi::Status {
    let (filled, status) = take(|s| {
        let filled = abi::OperationInfo {
            size: size::<abi::OperationInfo>(s),
            name: s.text(),
            doc: s.text(),
            inputs: s.size(),
            outputs: s.size(),
            parameter_count: s.size(),
        };
        (filled, s.status())
    });
    // SAFETY: the host passes a table to be filled.
    unsafe { *info = filled };
    status
}

unsafe extern "C-unwind" fn describe(_: usize, info: *mut abi::Info) -> abi::Status {
    let (filled, status) = take(|s| {
        let filled = abi::Info { size: size::<abi::Info>(s), name: s.text(), doc: s.text(), parameter_count: s.size() };
        (filled, s.status())
    });
    // SAFETY: the host passes a table to be filled.
    unsafe { *info = filled };
    status
}

unsafe extern "C-unwind" fn describe_parameter(_: usize, _: usize, info: *mut abi::ParameterInfo) -> abi::Status {
    let (filled, status) = take(|s| (s.parameter(), s.status()));
    // SAFETY: the host passes a table to be filled.
    unsafe { *info = filled };
    status
}

unsafe extern "C-unwind" fn write(
    _: usize,
    _: *const abi::Attribute,
    _: usize,
    text: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the sinks came with the call.
    unsafe {
        for _ in 0..take(|s| s.byte() % 8) {
            say(text);
        }
        say(error);
    }
    take(Source::status)
}
