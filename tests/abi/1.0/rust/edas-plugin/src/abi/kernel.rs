//! Computation of the plugin's own: kernels over raw buffers, and native layers over libtorch's tensors.

use super::{Builder, Sink, Status, Text};
use std::ffi::c_void;

/// 32-bit floating point.
pub const DTYPE_FLOAT32: u32 = 1;
/// 64-bit floating point.
pub const DTYPE_FLOAT64: u32 = 2;
/// 64-bit whole numbers; only of what a kernel saves.
pub const DTYPE_INT64: u32 = 4;
/// Bytes; only of what a kernel saves.
pub const DTYPE_UINT8: u32 = 8;
/// Batch norm and the like use the statistics of the batch; running ones move.
pub const MODE_TRAIN: u32 = 0;
/// They use the statistics of the batch; running ones stay.
pub const MODE_BATCH: u32 = 1;
/// They use the running statistics.
pub const MODE_RUNNING: u32 = 2;
/// They use the statistics of the batch; running ones become the mean over batches.
pub const MODE_RECALIBRATE: u32 = 3;
/// Elements in the order of the sizes, the last one fastest.
pub const LAYOUT_CONTIGUOUS: u32 = 1;
/// Of a (batch, channels, height, width) map: channels fastest, then width, then height.
pub const LAYOUT_CHANNELS_LAST: u32 = 2;
/// The host's processor.
pub const DEVICE_CPU: u32 = 1;
/// A GPU; buffers are device pointers, and the kernel computes on the stream of the call.
pub const DEVICE_CUDA: u32 = 2;

/// The sizes of a tensor.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Shape {
    /// The sizes.
    pub sizes: *const i64,
    /// Their number.
    pub rank: usize,
}

/// A tensor that a kernel returns or saves.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KernelTensor {
    /// The sizes, without the batch.
    pub sizes: *const i64,
    /// Their number.
    pub rank: usize,
    /// What it holds: 0 for the dtype of the call (always for outputs), or one of the dtypes.
    pub dtype: u32,
    /// Whether it has the batch in front: 0 or 1.
    pub batched: u32,
}

/// Memory that a kernel reads or writes. It is aligned to its elements; more is not said.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Buffer {
    /// The first element; null where a gradient is not wanted.
    pub data: *mut c_void,
    /// The sizes: with the batch in front for values, without it for weights and buffers of the graph.
    pub sizes: *const i64,
    /// The distance of neighbours along each dimension, in elements.
    pub strides: *const i64,
    /// The number of dimensions.
    pub rank: usize,
    /// What it holds: `DTYPE_FLOAT32` and so on.
    pub dtype: u32,
}

/// One call of a kernel. All buffers but what is saved are of one dtype; all are on one device; values are all in one layout.
/// Buffers that are written hold undefined numbers before.
#[repr(C)]
pub struct KernelCall {
    /// The size of this table in bytes.
    pub size: usize,
    /// The number of examples.
    pub batch: i64,
    /// One of the kernel's dtypes.
    pub dtype: u32,
    /// One of the kernel's layouts. Weights and buffers of the graph are always contiguous.
    pub layout: u32,
    /// One of the kernel's devices.
    pub device: u32,
    /// Which of the devices of this kind, from 0.
    pub device_index: i32,
    /// In which mode the network runs: `MODE_TRAIN` and so on. A kernel cannot change the graph's buffers.
    pub mode: u32,
    /// What the layer takes. In the backward only where the kernel says `keeps_inputs`, otherwise null data.
    pub inputs: *const Buffer,
    /// Their number.
    pub input_count: usize,
    /// What the layer returns: written by the forward, read by the backward where the kernel says `keeps_outputs`, otherwise
    /// null data there.
    pub outputs: *const Buffer,
    /// Their number.
    pub output_count: usize,
    /// What the kernel saves: written by the forward, read by the backward.
    pub saved: *const Buffer,
    /// Their number.
    pub saved_count: usize,
    /// The gradients of the outputs; only in the backward.
    pub output_gradients: *const Buffer,
    /// The gradients of the inputs, written by the backward where they are wanted; data is null elsewhere.
    pub input_gradients: *const Buffer,
    /// Which gradients are wanted: bit k for input k. In the forward: whether a backward may follow for it.
    pub wanted: u64,
    /// Memory to work in, aligned to 64 bytes.
    pub scratch: *mut c_void,
    /// Its size in bytes.
    pub scratch_size: usize,
    /// The CUDA stream to compute on, where the device is one; null stands for the default stream.
    pub stream: *mut c_void,
}

/// A forward or backward of a kernel.
pub type KernelFunction =
    Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, call: *const KernelCall, error: *const Sink) -> Status>;

/// A layer that is computed by functions of the plugin's own. The host makes it into one node of libtorch's autograd. It
/// can be differentiated once; where it cannot serve (another dtype or device, second derivatives, tracing, export) its
/// reference graph does, and without one the host refuses.
#[repr(C)]
pub struct Kernel {
    /// The size of this table in bytes.
    pub size: usize,
    /// Its name, for messages and the text form of graphs.
    pub name: Text,
    /// Which dtypes it takes: `DTYPE_FLOAT32` and `DTYPE_FLOAT64`, added.
    pub dtypes: u32,
    /// Which layouts it takes: `LAYOUT_CONTIGUOUS` and `LAYOUT_CHANNELS_LAST`, added.
    pub layouts: u32,
    /// On which devices it runs: `DEVICE_CPU` and `DEVICE_CUDA`, added.
    pub devices: u32,
    /// Whether the backward reads the inputs: 0 or 1.
    pub keeps_inputs: u32,
    /// Whether the backward reads the outputs: 0 or 1.
    pub keeps_outputs: u32,
    /// The outputs. One without a batch is a value like a weight or buffer.
    pub outputs: *const KernelTensor,
    /// Their number.
    pub output_count: usize,
    /// What it saves for the backward.
    pub saved: *const KernelTensor,
    /// Their number.
    pub saved_count: usize,
    /// Bytes that it needs to work in, whatever the batch.
    pub scratch: usize,
    /// Bytes that it needs to work in, for each example.
    pub scratch_per_example: usize,
    /// Multiply-adds for one example, for the cost of the network.
    pub multiply_adds: i64,
    /// Writes the outputs, and what is saved. Must not be null. Any thread.
    pub forward: KernelFunction,
    /// Writes the gradients that are wanted. Null where it has none: then it cannot be trained through. Any thread.
    pub backward: KernelFunction,
    /// Builds the reference graph: what the kernel computes, from layers. The inputs are those of the kernel, in its order.
    /// May be null. Called once, before the call of `Builder::kernel` returns, on the same thread.
    pub reference: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            builder: *const Builder,
            inputs: *const u64,
            input_count: usize,
            outputs: *mut u64,
            output_count: usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Frees `user_data`, when the graph and all that was computed with it are gone. May be null. Any thread.
    pub destroy: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// Handed to every function. Several threads may use it at once.
    pub user_data: *mut c_void,
}

/// A layer that computes on libtorch's own tensors, for plugins in C++ that link libtorch. Its gradients are libtorch's.
#[repr(C)]
pub struct Native {
    /// The size of this table in bytes.
    pub size: usize,
    /// Its name, for messages and the text form of graphs.
    pub name: Text,
    /// The version of libtorch that the plugin was built with (`TORCH_VERSION`): another than the host's is refused.
    pub libtorch: Text,
    /// The shapes of the outputs, without the batch.
    pub outputs: *const Shape,
    /// Their number.
    pub output_count: usize,
    /// Multiply-adds for one example, for the cost of the network.
    pub multiply_adds: i64,
    /// Computes. `inputs` points to `at::Tensor*`s that are only read: (batch, …) for values, without the batch for
    /// weights and buffers. `outputs` points to `at::Tensor*`s, undefined tensors that the function assigns. It must not use
    /// libtorch's random numbers. Must not be null. Any thread.
    pub forward: Option<
        unsafe extern "C-unwind" fn(
            user_data: *mut c_void,
            inputs: *const *const c_void,
            input_count: usize,
            outputs: *const *mut c_void,
            output_count: usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Frees `user_data`, when the graph is gone. May be null. Any thread.
    pub destroy: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
    /// Handed to every function. Several threads may use it at once.
    pub user_data: *mut c_void,
}
