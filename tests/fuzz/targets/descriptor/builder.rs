//! A hostile `build`: calls of the builder's functions, in any order and with anything.

use super::hostile::{Source, take};
use edas_plugin::abi;
use std::ffi::c_void;
use std::ptr;

/// The most calls of one `build`.
const CALLS: usize = 24;
/// The most outputs that there is room for.
const ROOM: usize = 8;

/// Says something to a sink.
pub unsafe fn say(sink: *const abi::Sink) {
    let text = take(Source::text);
    // SAFETY: the host passes a valid sink or null; texts that say more than they hold are left out.
    unsafe {
        if let (Some(sink), true) = (sink.as_ref(), !text.data.is_null() && text.length < 64)
            && let Some(write) = sink.write
        {
            write(sink.context, text.data, text.length);
        }
    }
}

/// A value: mostly one that there is.
fn value(values: &[u64]) -> u64 {
    take(|s| match s.byte() {
        known @ 0..=239 if !values.is_empty() => values[usize::from(known) % values.len()],
        _ => s.number(),
    })
}

/// Asks for layers, and returns outputs.
///
/// # Safety
/// As the interface says of `build`.
pub unsafe extern "C-unwind" fn build(
    _: usize,
    _: *const abi::Arguments,
    builder: *const abi::Builder,
    inputs: *const u64,
    input_count: usize,
    outputs: *mut u64,
    output_count: usize,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: passed on as they came.
    unsafe { any(ptr::null_mut(), builder, inputs, input_count, outputs, output_count, error) }
}

/// The same as a reference graph, or as a model.
///
/// # Safety
/// As the interface says of `reference`.
pub unsafe extern "C-unwind" fn any(
    _: *mut c_void,
    builder: *const abi::Builder,
    inputs: *const u64,
    input_count: usize,
    outputs: *mut u64,
    output_count: usize,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the host passes a valid table, and lists of the lengths that it says.
    let (builder, inputs, outputs) = unsafe {
        let outputs = if output_count == 0 { &mut [] } else { std::slice::from_raw_parts_mut(outputs, output_count) };
        (&*builder, std::slice::from_raw_parts(inputs, input_count), outputs)
    };
    let mut values = inputs.to_vec();
    for _ in 0..CALLS {
        if take(|s| s.is_over()) {
            break;
        }
        // SAFETY: the table is the host's, and this is the call that it was given for.
        unsafe { ask(builder, &mut values) };
    }
    for output in outputs {
        *output = value(&values);
    }
    // SAFETY: the sink came with the call.
    unsafe { say(error) };
    take(Source::status)
}

/// One call.
///
/// # Safety
/// The table works.
unsafe fn ask(builder: &abi::Builder, values: &mut Vec<u64>) {
    let context = builder.context;
    let kind = take(Source::byte);
    let given: Vec<u64> = (0..take(Source::byte) % 5).map(|_| value(values)).collect();
    let mut room = [0u64; ROOM];
    // SAFETY: texts and lists are as valid as the interface demands, and there is room for the outputs.
    unsafe {
        match kind {
            0..=159 => {
                let (name, outputs) = take(|s| (s.text(), count(s)));
                let (attributes, attribute_count) = take(|s| s.list(8, Source::attribute));
                let Some(layer) = builder.layer else { return };
                let out = if take(|s| s.byte() == 255) { ptr::null_mut() } else { room.as_mut_ptr() };
                let status =
                    layer(context, name, given.as_ptr(), given.len(), attributes, attribute_count, out, outputs);
                keep(status, &room[..outputs], values);
            }
            160..=199 => {
                let (name, shape) = take(|s| (s.text(), s.shape()));
                let (attributes, count) = take(|s| s.list(3, Source::attribute));
                let make = if kind % 2 == 0 { builder.parameter } else { builder.buffer };
                let Some(make) = make else { return };
                values.push(make(context, name, shape.sizes, shape.rank, attributes, count));
            }
            200..=209 => {
                let mut sizes = [0i64; 4];
                let Some(shape) = builder.shape else { return };
                let rank = shape(context, value(values), sizes.as_mut_ptr(), sizes.len());
                assert!(rank == -1 || (1..=64).contains(&rank) && sizes[..4.min(rank as usize)].iter().all(|s| *s > 0));
            }
            210..=239 => {
                let Some(add) = builder.kernel else { return };
                let table = take(kernel);
                let outputs = take(|s| if s.rarely() { count(s) } else { table.output_count.min(ROOM) });
                let status = add(context, given.as_ptr(), given.len(), &table, room.as_mut_ptr(), outputs);
                keep(status, &room[..outputs], values);
            }
            _ => {
                let Some(add) = builder.native else { return };
                let table = take(native);
                let outputs = take(|s| if s.rarely() { count(s) } else { table.output_count.min(ROOM) });
                let status = add(context, given.as_ptr(), given.len(), &table, room.as_mut_ptr(), outputs);
                keep(status, &room[..outputs], values);
            }
        }
    }
}

/// How many outputs are asked for.
fn count(s: &mut Source) -> usize {
    match s.byte() {
        0..=223 => 1,
        other => usize::from(other) % (ROOM + 1),
    }
}

fn keep(status: abi::Status, room: &[u64], values: &mut Vec<u64>) {
    if status == abi::OK {
        values.extend_from_slice(room);
    }
}

fn tensor(s: &mut Source) -> abi::KernelTensor {
    let abi::Shape { sizes, rank } = s.shape();
    abi::KernelTensor { sizes, rank, dtype: u32::from(s.byte()), batched: u32::from(s.byte() < 128) }
}

fn kernel(s: &mut Source) -> abi::Kernel {
    let name = s.text();
    let ((outputs, output_count), (saved, saved_count)) = (s.list(4, tensor), s.list(4, tensor));
    s.handed += 1;
    abi::Kernel {
        size: if s.rarely() { s.size() } else { size_of::<abi::Kernel>() },
        name,
        dtypes: u32::from(s.byte()),
        layouts: u32::from(s.byte()),
        devices: u32::from(s.byte()),
        keeps_inputs: u32::from(s.byte()),
        keeps_outputs: u32::from(s.byte()),
        outputs,
        output_count,
        saved,
        saved_count,
        scratch: s.size(),
        scratch_per_example: s.size(),
        multiply_adds: s.integer(),
        forward: if s.rarely() { None } else { Some(compute) },
        backward: if s.rarely() { None } else { Some(compute) },
        reference: if s.byte() < 128 { Some(any) } else { None },
        destroy: Some(destroy),
        user_data: ptr::without_provenance_mut(s.size()),
    }
}

fn native(s: &mut Source) -> abi::Native {
    let (name, libtorch) = (s.text(), s.text());
    let (outputs, output_count) = s.list(4, Source::shape);
    s.handed += 1;
    abi::Native {
        size: if s.rarely() { s.size() } else { size_of::<abi::Native>() },
        name,
        libtorch,
        outputs,
        output_count,
        multiply_adds: s.integer(),
        forward: if s.rarely() { None } else { Some(run) },
        destroy: Some(destroy),
        user_data: ptr::without_provenance_mut(s.size()),
    }
}

unsafe extern "C-unwind" fn destroy(_: *mut c_void) {
    take(|s| s.freed += 1);
}

/// Graphs are built here, never run.
unsafe extern "C-unwind" fn compute(_: *mut c_void, _: *const abi::KernelCall, _: *const abi::Sink) -> abi::Status {
    abi::FAILED
}

unsafe extern "C-unwind" fn run(
    _: *mut c_void,
    _: *const *const c_void,
    _: usize,
    _: *const *mut c_void,
    _: usize,
    _: *const abi::Sink,
) -> abi::Status {
    abi::FAILED
}
