//! A hostile use of models: a sound network, called in any order and with anything.

use super::hostile::{Source, take};
use edas_plugin::abi;
use std::ffi::c_void;
use std::ptr;

/// As many numbers as lie behind every pointer to numbers.
const NUMBERS: usize = 256;
/// The most outputs that there is room for.
const ROOM: usize = 4;

/// The host's table of models.
///
/// # Safety
/// A host was given to `init`.
unsafe fn table() -> Option<&'static abi::Model> {
    let host = take(|s| s.host);
    // SAFETY: the host's tables live as long as the process.
    unsafe { host.as_ref()?.get_extension?(abi::Text::new(abi::HOST_MODEL)).cast::<abi::Model>().as_ref() }
}

/// A shape whose numbers there are, or one that the host must refuse.
fn shape(s: &mut Source) -> abi::Shape {
    let (sizes, rank) = s.list(4, |s| i64::from(s.byte() % 5) - i64::from(s.rarely()));
    abi::Shape { sizes, rank }
}

fn numbers(s: &mut Source) -> *const f64 {
    match s.byte() {
        255 => ptr::null(),
        _ => {
            let start: Vec<f64> = (0..4).map(|_| s.float()).collect();
            s.keep((0..NUMBERS).map(|at| start[at % start.len()]).collect())
        }
    }
}

/// Makes models for a policy that is being made.
///
/// # Safety
/// The owner came with `create`.
pub unsafe fn make(owner: *mut abi::Owner) {
    for _ in 0..take(|s| s.byte() % 3) {
        // SAFETY: the host was given to `init`.
        let Some(create) = (unsafe { table() }).and_then(|table| table.create) else { return };
        let (name, (inputs, input_count), outputs) = take(|s| (s.text(), s.list(3, shape), s.size()));
        let (build, null) = take(|s| (if s.rarely() { None } else { Some(network as _) }, s.byte() == 255));
        let mut model = 0;
        let room = if null { ptr::null_mut() } else { &raw mut model };
        // SAFETY: texts and lists are as valid as the interface demands.
        let status =
            unsafe { create(owner, name, inputs, input_count, outputs, build, ptr::null_mut(), room, ptr::null()) };
        assert!(status != abi::OK || model < 3);
    }
    take(|s| s.owner = owner);
}

/// tanh of a linear layer of the first input.
unsafe extern "C-unwind" fn network(
    _: *mut c_void,
    builder: *const abi::Builder,
    inputs: *const u64,
    _: usize,
    outputs: *mut u64,
    output_count: usize,
    _: *const abi::Sink,
) -> abi::Status {
    let features = abi::Attribute { name: abi::Text::new("features"), integer: 3, ..abi::Attribute::EMPTY };
    let mut values = [0; 2];
    // SAFETY: the host passes a table that works, at least one input, and room for the outputs.
    unsafe {
        let builder = &*builder;
        let Some(layer) = builder.layer else { panic!("a function of the builder is null") };
        let [linear, tanh] = values.each_mut();
        let _ = layer(builder.context, abi::Text::new("linear"), inputs, 1, &features, 1, linear, 1);
        let _ = layer(builder.context, abi::Text::new("tanh"), linear, 1, ptr::null(), 0, tanh, 1);
        (0..output_count).for_each(|at| *outputs.add(at) = values[1]);
    }
    abi::OK
}

/// One call of the models' functions.
///
/// # Safety
/// The policy that the models belong to is not destroyed.
pub unsafe fn call() {
    // SAFETY: the host was given to `init`.
    let (owner, Some(table)) = (take(|s| s.owner), (unsafe { table() })) else { return };
    let (Some(tensor), Some(forward), Some(read), Some(backward), Some(step), Some(clear)) =
        (table.tensor, table.forward, table.read, table.backward, table.step, table.clear)
    else {
        panic!("a function of the models is null");
    };
    if owner.is_null() {
        return;
    }
    let (kind, model) = take(|s| (s.byte() % 6, if s.rarely() { s.number() } else { u64::from(s.byte() % 2) }));
    let none = ptr::null();
    // SAFETY: behind every pointer lies as much as the interface demands.
    unsafe {
        match kind {
            0 => {
                let (data, shape) = take(|s| (numbers(s), shape(s)));
                let mut made = 0;
                let _ = tensor(owner, model, data, shape, &mut made, none);
            }
            1 => {
                let (inputs, count) = take(|s| s.list(3, known));
                let outputs = take(|s| usize::from(s.byte()) % (ROOM + 1));
                let mut room = [0; ROOM];
                let _ = forward(owner, model, inputs, count, room.as_mut_ptr(), outputs, none);
            }
            2 => {
                let (which, capacity) = take(|s| (known(s), usize::from(s.byte()) % NUMBERS));
                let (mut room, mut length) = ([0.0; NUMBERS], usize::MAX);
                let status = read(owner, model, which, room.as_mut_ptr(), capacity, &mut length, none);
                assert!(status != abi::OK || length <= NUMBERS);
            }
            3 => {
                let tensors = take(|s| (0..s.byte() % 3).map(|_| known(s)).collect::<Vec<u64>>());
                let gradients: Vec<_> = tensors.iter().map(|_| take(numbers)).collect();
                let _ = backward(owner, model, tensors.as_ptr(), gradients.as_ptr(), tensors.len(), none);
            }
            4 => {
                let (settings, count) = take(|s| s.list(5, Source::attribute));
                let _ = step(owner, model, settings, count, none);
            }
            _ => clear(owner, model),
        }
    }
}

/// A tensor's number: mostly one that there may be.
fn known(s: &mut Source) -> u64 {
    if s.rarely() { s.number() } else { u64::from(s.byte() % 8) }
}
