//! The table of a kernel.

use crate::abi::{self, Status, Text};
use crate::boundary::{guard, slice};
use crate::graph::{Graph, Value, write_values};
use crate::kernel::{Call, Kernel, KernelInfo, Layouts};
use std::ffi::c_void;

impl Graph<'_> {
    /// A kernel: code of the plugin's own as a layer. Inputs may be values, weights and buffers; weights of the kernel are made
    /// by [`Graph::parameter`] and passed as inputs.
    pub fn kernel<K: Kernel>(&mut self, inputs: &[Value], kernel: K) -> Vec<Value> {
        let info = kernel.info();
        let inputs: Vec<u64> = inputs.iter().map(|v| v.0).collect();
        let mut outputs = vec![0; info.outputs.len()];
        register(self, &inputs, kernel, &info, &mut outputs);
        outputs.into_iter().map(Value).collect()
    }
}

fn register<K: Kernel>(graph: &Graph, inputs: &[u64], kernel: K, info: &KernelInfo, outputs: &mut [u64]) {
    let (builder, affine) = (graph.builder, graph.affine);
    let tensor = |shape: &Vec<i64>, dtype, batched| abi::KernelTensor {
        sizes: shape.as_ptr(),
        rank: shape.len(),
        dtype,
        batched: u32::from(batched),
    };
    let output_shapes: Vec<_> = info.outputs.iter().map(|shape| tensor(shape, 0, true)).collect();
    let saved_shapes: Vec<_> = info.saved.iter().map(|s| tensor(&s.shape, s.dtype, s.batched)).collect();
    let dtypes = [(K::FLOAT32, abi::DTYPE_FLOAT32), (K::FLOAT64, abi::DTYPE_FLOAT64)];
    // Freed by `destroy`, which the host calls in any case.
    let user_data = Box::into_raw(Box::new(Held { kernel, affine })).cast();
    let table = abi::Kernel {
        size: size_of::<abi::Kernel>(),
        name: Text::new(&info.name),
        dtypes: dtypes.iter().filter(|(has, _)| *has).map(|(_, dtype)| dtype).sum(),
        layouts: match info.layouts {
            Layouts::Contiguous => abi::LAYOUT_CONTIGUOUS,
            Layouts::ChannelsLast => abi::LAYOUT_CHANNELS_LAST,
            Layouts::Both => abi::LAYOUT_CONTIGUOUS + abi::LAYOUT_CHANNELS_LAST,
        },
        devices: abi::DEVICE_CPU,
        keeps_inputs: u32::from(info.keeps_inputs),
        keeps_outputs: u32::from(info.keeps_outputs),
        outputs: output_shapes.as_ptr(),
        output_count: output_shapes.len(),
        saved: saved_shapes.as_ptr(),
        saved_count: saved_shapes.len(),
        scratch: info.scratch,
        scratch_per_example: info.scratch_per_example,
        multiply_adds: info.multiply_adds,
        forward: Some(forward::<K>),
        backward: if K::BACKWARD { Some(backward::<K>) } else { None },
        reference: if K::REFERENCE { Some(reference::<K>) } else { None },
        destroy: Some(destroy::<K>),
        user_data,
    };
    match builder.kernel {
        // SAFETY: the graph vouches for the builder; table and lists live until the call returns.
        Some(add) => unsafe {
            add(builder.context, inputs.as_ptr(), inputs.len(), &table, outputs.as_mut_ptr(), outputs.len());
        },
        // SAFETY: the host did not take the kernel.
        None => unsafe { destroy::<K>(user_data) },
    }
}

struct Held<K> {
    kernel: K,
    affine: bool,
}

unsafe extern "C-unwind" fn forward<K: Kernel>(
    user_data: *mut c_void,
    call: *const abi::KernelCall,
    error: *const abi::Sink,
) -> Status {
    // SAFETY: the host passes what `register` gave it, a valid call, and a valid sink or null.
    unsafe {
        let kernel = &(*user_data.cast::<Held<K>>()).kernel;
        guard(error, || kernel.forward(&mut Call::new(&*call, false)))
    }
}

unsafe extern "C-unwind" fn backward<K: Kernel>(
    user_data: *mut c_void,
    call: *const abi::KernelCall,
    error: *const abi::Sink,
) -> Status {
    // SAFETY: as above.
    unsafe {
        let kernel = &(*user_data.cast::<Held<K>>()).kernel;
        guard(error, || kernel.backward(&mut Call::new(&*call, true)))
    }
}

unsafe extern "C-unwind" fn reference<K: Kernel>(
    user_data: *mut c_void,
    builder: *const abi::Builder,
    inputs: *const u64,
    input_count: usize,
    outputs: *mut u64,
    output_count: usize,
    error: *const abi::Sink,
) -> Status {
    let body = || {
        // SAFETY: the host passes what `register` gave it, and valid tables and arrays for the time of the call.
        unsafe {
            let held = &*user_data.cast::<Held<K>>();
            let mut graph = Graph::new(builder.as_ref().ok_or("the builder is null")?, held.affine);
            let inputs: Vec<Value> = slice(inputs, input_count).iter().map(|v| Value(*v)).collect();
            write_values(&held.kernel.reference(&inputs, &mut graph), outputs, output_count)
        }
    };
    // SAFETY: the host passes a valid sink or null.
    unsafe { guard(error, body) }
}

unsafe extern "C-unwind" fn destroy<K: Kernel>(user_data: *mut c_void) {
    // SAFETY: `register` made the box, and the host gives it back once. A panic while it is dropped must not cross.
    unsafe {
        guard(std::ptr::null(), || {
            drop(Box::from_raw(user_data.cast::<Held<K>>()));
            Ok(())
        });
    }
}
