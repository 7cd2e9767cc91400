//! A plugin that says it was built for another version of the interface: a host must refuse it.

use edas_plugin::{Graph, Op, Operation, Plugin, Value, abi};

/// The plugin.
pub struct OtherAbi;

impl Plugin for OtherAbi {
    const NAME: &'static str = "other-abi";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Built for another version of the interface";
    const OPERATIONS: &'static [Operation] = &[Operation::candidate("same", "its input", same)];
}

fn same(_: &Op, x: &[Value], _: &mut Graph) -> Vec<Value> {
    x.to_vec()
}

/// What a host looks for.
// SAFETY: the name belongs to the interface, and this library exports one plugin.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is fixed by the interface")]
pub static edas_plugin_entry: abi::Entry =
    abi::Entry { abi_major: abi::ABI_MAJOR + 1, abi_minor: 3, ..edas_plugin::entry::<OtherAbi>() };
