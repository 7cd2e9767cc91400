//! Kernels: layers that are computed by code of the plugin's own, over slices of numbers.

use crate::abi;
use crate::boundary;
use crate::graph::{Graph, Value};
use std::marker::PhantomData;
use std::slice;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl Sealed for u8 {}
}

/// What a kernel may save: `f32`, `f64`, `i64` or `u8`.
pub trait Element: Copy + Send + Sync + Default + 'static + sealed::Sealed {
    /// As the interface has it.
    const DTYPE: u32;
}

impl Element for f32 {
    const DTYPE: u32 = abi::DTYPE_FLOAT32;
}

impl Element for f64 {
    const DTYPE: u32 = abi::DTYPE_FLOAT64;
}

impl Element for i64 {
    const DTYPE: u32 = abi::DTYPE_INT64;
}

impl Element for u8 {
    const DTYPE: u32 = abi::DTYPE_UINT8;
}

/// A type of number that kernels compute with: `f32` or `f64`.
pub trait Number: Element {}

impl Number for f32 {}
impl Number for f64 {}

/// A tensor that the forward saves for the backward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub(crate) shape: Vec<i64>,
    pub(crate) dtype: u32,
    pub(crate) batched: bool,
}

impl Saved {
    /// Numbers as those of the call, for each example.
    pub fn numbers(shape: &[i64]) -> Self {
        Self { shape: shape.to_vec(), dtype: 0, batched: true }
    }

    /// Elements of this type, for each example: positions, say.
    pub fn of<T: Element>(shape: &[i64]) -> Self {
        Self { dtype: T::DTYPE, ..Self::numbers(shape) }
    }

    /// The same once for the whole batch.
    pub fn for_the_batch(mut self) -> Self {
        self.batched = false;
        self
    }
}

/// How the network runs: what batch norm and the like do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The statistics of the batch; running ones move.
    Train,
    /// The statistics of the batch; running ones stay.
    Batch,
    /// The running statistics.
    Running,
    /// The statistics of the batch; running ones become the mean over batches.
    Recalibrate,
}

/// The order of a map's elements in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In the order of the sizes, the last one fastest.
    Contiguous,
    /// Of a (batch, channels, height, width) map: channels fastest, then width, then height.
    ChannelsLast,
}

/// Which layouts a kernel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layouts {
    /// Contiguous maps alone: the host makes others so.
    Contiguous,
    /// Channels-last maps alone: the host makes others so.
    ChannelsLast,
    /// Both, as they come.
    Both,
}

/// What the host must know of a kernel.
#[derive(Debug, Clone)]
pub struct KernelInfo {
    /// Its name, for messages and the text form of graphs.
    pub name: String,
    /// The shapes of the outputs, without the batch.
    pub outputs: Vec<Vec<i64>>,
    /// Which layouts it takes.
    pub layouts: Layouts,
    /// Whether the backward reads the inputs.
    pub keeps_inputs: bool,
    /// Whether the backward reads the outputs.
    pub keeps_outputs: bool,
    /// What the forward saves for the backward.
    pub saved: Vec<Saved>,
    /// Bytes to work in, whatever the batch.
    pub scratch: usize,
    /// Bytes to work in, for each example.
    pub scratch_per_example: usize,
    /// Multiply-adds for one example, for the cost of the network.
    pub multiply_adds: i64,
}

impl KernelInfo {
    /// A kernel with one output of this shape, whose backward reads the inputs and which takes any layout.
    pub fn new(name: &str, output: &[i64]) -> Self {
        Self {
            name: name.to_owned(),
            outputs: vec![output.to_vec()],
            layouts: Layouts::Both,
            keeps_inputs: true,
            keeps_outputs: false,
            saved: Vec::new(),
            scratch: 0,
            scratch_per_example: 0,
            multiply_adds: 0,
        }
    }
}

/// A forward and backward of one's own, for `f32`, `f64` or both. Several threads may call it at once; the results must not depend
/// on the number of threads.
pub trait Kernel: Send + Sync + 'static {
    /// Whether it computes in `f32`.
    const FLOAT32: bool = true;
    /// Whether it computes in `f64`.
    const FLOAT64: bool = true;
    /// Whether it has a backward: without one it cannot be trained through.
    const BACKWARD: bool = true;
    /// Whether it has a reference graph.
    const REFERENCE: bool = true;

    /// What the host must know.
    fn info(&self) -> KernelInfo;

    /// Writes the outputs, and what is saved.
    ///
    /// # Errors
    /// Whatever keeps it from computing; it ends the run.
    fn forward(&self, call: &mut Call) -> Result<(), String>;

    /// Writes the gradients of the inputs that are wanted.
    ///
    /// # Errors
    /// As [`Kernel::forward`].
    fn backward(&self, call: &mut Call) -> Result<(), String> {
        let _ = call;
        Err("it has no backward".to_owned())
    }

    /// Builds what the kernel computes from layers, which serves where the kernel cannot: other dtypes and devices, second
    /// derivatives, export; and against which it is checked. The inputs are those of the kernel.
    fn reference(&self, inputs: &[Value], g: &mut Graph) -> Vec<Value> {
        let _ = (inputs, g);
        Vec::new()
    }
}

/// Numbers that a kernel reads.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    /// The numbers, in the call's layout; contiguous for weights and buffers.
    pub data: &'a [T],
    /// The sizes: (batch, …) for values, without the batch for weights and buffers.
    pub sizes: &'a [i64],
    /// The distance of neighbours along each dimension.
    pub strides: &'a [i64],
}

/// Numbers that a kernel writes. They hold anything before: write all of them.
#[derive(Debug)]
pub struct ViewMut<'a, T> {
    /// The numbers, in the call's layout; contiguous for weights and buffers.
    pub data: &'a mut [T],
    /// The sizes: (batch, …) for values, without the batch for weights and buffers.
    pub sizes: &'a [i64],
    /// The distance of neighbours along each dimension.
    pub strides: &'a [i64],
}

/// One call of a kernel's forward or backward. Asking for a number type that the call is not of, or for something that is not
/// there, panics: the host reports it as the plugin's mistake.
pub struct Call<'a> {
    raw: &'a abi::KernelCall,
    backward: bool,
    taken: Vec<*const abi::Buffer>,
    scratch_taken: bool,
    lifetime: PhantomData<&'a mut ()>,
}

impl<'a> Call<'a> {
    /// # Safety
    /// The table and all its buffers are valid for `'a`, and nobody else uses those that are written.
    pub(crate) unsafe fn new(raw: &'a abi::KernelCall, backward: bool) -> Self {
        Self { raw, backward, taken: Vec::new(), scratch_taken: false, lifetime: PhantomData }
    }

    /// The number of examples.
    pub fn batch(&self) -> usize {
        self.raw.batch as usize
    }

    /// The layout of the values.
    pub fn layout(&self) -> Layout {
        if self.raw.layout == abi::LAYOUT_CHANNELS_LAST { Layout::ChannelsLast } else { Layout::Contiguous }
    }

    /// How the network runs.
    pub fn mode(&self) -> Mode {
        match self.raw.mode {
            abi::MODE_TRAIN => Mode::Train,
            abi::MODE_BATCH => Mode::Batch,
            abi::MODE_RUNNING => Mode::Running,
            _ => Mode::Recalibrate,
        }
    }

    /// Whether the numbers are `T`.
    pub fn is<T: Number>(&self) -> bool {
        self.raw.dtype == T::DTYPE
    }

    /// Whether the gradient of an input is wanted; in the forward: whether a backward may follow for it.
    pub fn wanted(&self, input: usize) -> bool {
        self.raw.wanted >> input & 1 != 0
    }

    fn buffer(&self, list: *const abi::Buffer, count: usize, position: usize, what: &str) -> &'a abi::Buffer {
        assert!(!list.is_null() && position < count, "the kernel has no {what} number {position} here");
        // SAFETY: `new` vouches for the lists, and the position was checked.
        unsafe { &*list.add(position) }
    }

    fn length<T: Element>(&self, buffer: &abi::Buffer, what: &str) -> (usize, &'a [i64], &'a [i64]) {
        assert!(buffer.dtype == T::DTYPE, "{what} is of another type than was asked for");
        // SAFETY: `new` vouches for the buffers' lists.
        let (sizes, strides) =
            unsafe { (boundary::slice(buffer.sizes, buffer.rank), boundary::slice(buffer.strides, buffer.rank)) };
        let length = sizes.iter().product::<i64>() as usize;
        assert!(!buffer.data.is_null() || length == 0, "{what} is not there: the kernel's info does not ask for it");
        (length, sizes, strides)
    }

    fn read<T: Element>(&self, buffer: &'a abi::Buffer, what: &str) -> View<'a, T> {
        let (length, sizes, strides) = self.length::<T>(buffer, what);
        // SAFETY: the buffer holds as many numbers as its sizes say, without gaps, and nobody writes to it during the call:
        // `written` hands out other buffers.
        let data = if length == 0 { &[] } else { unsafe { slice::from_raw_parts(buffer.data.cast::<T>(), length) } };
        View { data, sizes, strides }
    }

    fn written<T: Element>(&mut self, buffer: &'a abi::Buffer, what: &str) -> ViewMut<'a, T> {
        let (length, sizes, strides) = self.length::<T>(buffer, what);
        assert!(!self.taken.contains(&std::ptr::from_ref(buffer)), "{what} was asked for twice");
        self.taken.push(buffer);
        if length == 0 {
            return ViewMut { data: &mut [], sizes, strides };
        }
        // SAFETY: as in `read`; the buffer is handed out once. Its numbers may be anything, which every bit pattern of `T` is.
        let data = unsafe { slice::from_raw_parts_mut(buffer.data.cast::<T>(), length) };
        ViewMut { data, sizes, strides }
    }

    /// What the layer takes; in the backward only where the kernel keeps its inputs.
    pub fn input<T: Number>(&self, position: usize) -> View<'a, T> {
        self.read(self.buffer(self.raw.inputs, self.raw.input_count, position, "input"), "an input")
    }

    /// The sizes of an input, also in a backward that does not keep the inputs.
    pub fn input_sizes(&self, position: usize) -> &'a [i64] {
        let buffer = self.buffer(self.raw.inputs, self.raw.input_count, position, "input");
        // SAFETY: `new` vouches for the buffers' lists.
        unsafe { boundary::slice(buffer.sizes, buffer.rank) }
    }

    /// What the forward returns. May be asked for once.
    pub fn output<T: Number>(&mut self, position: usize) -> ViewMut<'a, T> {
        assert!(!self.backward, "the backward reads outputs by `kept_output`");
        let buffer = self.buffer(self.raw.outputs, self.raw.output_count, position, "output");
        self.written(buffer, "an output")
    }

    /// What the forward returned, for the backward of a kernel that keeps its outputs.
    pub fn kept_output<T: Number>(&self, position: usize) -> View<'a, T> {
        assert!(self.backward, "the forward writes outputs by `output`");
        self.read(self.buffer(self.raw.outputs, self.raw.output_count, position, "output"), "an output")
    }

    /// What the forward saves. May be asked for once.
    pub fn save<T: Element>(&mut self, position: usize) -> ViewMut<'a, T> {
        assert!(!self.backward, "the backward reads what was saved by `saved`");
        let buffer = self.buffer(self.raw.saved, self.raw.saved_count, position, "saved tensor");
        self.written(buffer, "a saved tensor")
    }

    /// What the forward saved, for the backward.
    pub fn saved<T: Element>(&self, position: usize) -> View<'a, T> {
        assert!(self.backward, "the forward saves by `save`");
        self.read(self.buffer(self.raw.saved, self.raw.saved_count, position, "saved tensor"), "a saved tensor")
    }

    /// The gradient of an output; only in the backward.
    pub fn output_gradient<T: Number>(&self, position: usize) -> View<'a, T> {
        self.read(self.buffer(self.raw.output_gradients, self.raw.output_count, position, "gradient"), "a gradient")
    }

    /// The gradient of an input, to be written; `None` where it is not wanted. May be asked for once.
    pub fn input_gradient<T: Number>(&mut self, position: usize) -> Option<ViewMut<'a, T>> {
        let buffer = self.buffer(self.raw.input_gradients, self.raw.input_count, position, "gradient");
        (self.wanted(position) && !buffer.data.is_null()).then(|| self.written(buffer, "a gradient"))
    }

    /// Memory to work in, as many bytes as the kernel's info says, as numbers. May be asked for once.
    pub fn scratch<T: Number>(&mut self) -> &'a mut [T] {
        assert!(!self.scratch_taken, "the scratch memory was asked for twice");
        self.scratch_taken = true;
        let length = self.raw.scratch_size / size_of::<T>();
        if length == 0 || self.raw.scratch.is_null() {
            return &mut [];
        }
        // SAFETY: the memory is aligned to 64 bytes, as long as it says, and handed out once; every bit pattern is a number.
        unsafe { slice::from_raw_parts_mut(self.raw.scratch.cast::<T>(), length) }
    }
}
