//! Kernels and native layers: computation of a plugin's own, with what the host must know of it.

use super::{LayerGraph, Shape};
use crate::error::{Error, Result};
use crate::extension::call::{Message, guarded};
use crate::extension::memory;
use crate::native;
use edas_plugin::abi;
use std::ffi::c_void;
use std::fmt;
use std::sync::Arc;

type Destroy = Option<unsafe extern "C-unwind" fn(*mut c_void)>;

/// What the functions of a kernel or native layer are handed; freed when the last user is gone.
pub(super) struct UserData {
    pointer: *mut c_void,
    destroy: Destroy,
}

// SAFETY: the interface says that several threads may use it at once, and that any may free it.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(super) fn new(pointer: *mut c_void, destroy: Destroy) -> Self {
        Self { pointer, destroy }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: nobody uses the data any more.
            let freed = guarded(|| unsafe { destroy(self.pointer) });
            if let Err(thrown) = freed {
                tracing::warn!(target: "edas::plugin", "an exception was thrown while freeing a kernel: {thrown}");
            }
        }
    }
}

/// A tensor that a kernel returns or saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub shape: Shape,
    pub dtype: u32,
    pub batched: bool,
}

/// Tensors that a table points to.
struct Tensors {
    list: Vec<abi::KernelTensor>,
    // What the list points to.
    _sizes: Vec<Shape>,
}

// SAFETY: the pointers lead to vectors of the same struct, which nobody changes.
unsafe impl Send for Tensors {}
// SAFETY: as above.
unsafe impl Sync for Tensors {}

impl Tensors {
    fn new(tensors: &[Described]) -> Self {
        let sizes: Vec<Shape> = tensors.iter().map(|t| t.shape.clone()).collect();
        let tensor = |(t, shape): (&Described, &Shape)| abi::KernelTensor {
            sizes: shape.as_ptr(),
            rank: shape.len(),
            dtype: t.dtype,
            batched: u32::from(t.batched),
        };
        Self { list: tensors.iter().zip(&sizes).map(tensor).collect(), _sizes: sizes }
    }
}

/// The most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 16;

/// # Safety
/// As [`memory::slice`], for the list and each of its entries.
pub(super) unsafe fn described(list: *const abi::KernelTensor, count: usize) -> Result<Vec<Described>> {
    // SAFETY: the caller vouches for the memory.
    let list = unsafe { memory::slice(list, count)? };
    list.iter()
        .map(|t| {
            // SAFETY: as above.
            let shape = unsafe { sizes(t.sizes, t.rank)? };
            Ok(Described { shape, dtype: t.dtype, batched: t.batched != 0 })
        })
        .collect()
}

/// # Safety
/// As [`memory::slice`].
unsafe fn sizes(data: *const i64, rank: usize) -> Result<Shape> {
    if rank > MOST_DIMENSIONS {
        return Err(Error::new("a tensor has an impossible number of dimensions")
            .expected(format!("at most {MOST_DIMENSIONS}"))
            .found(rank.to_string()));
    }
    // SAFETY: the caller vouches for the memory.
    Ok(unsafe { memory::slice(data, rank)? }.to_vec())
}

/// # Safety
/// As [`memory::slice`], for the list and each of its entries.
pub(super) unsafe fn shapes(list: *const abi::Shape, count: usize) -> Result<Vec<Shape>> {
    // SAFETY: the caller vouches for the memory.
    let list = unsafe { memory::slice(list, count)? };
    // SAFETY: as above.
    list.iter().map(|s| unsafe { sizes(s.sizes, s.rank) }).collect()
}

/// Checks that a table is of this revision.
pub(super) fn check_size(what: &str, found: usize, expected: usize) -> Result<()> {
    if found >= expected {
        return Ok(());
    }
    Err(Error::new(format!("the table of a {what} is too small"))
        .expected(format!("{expected} bytes"))
        .found(format!("{found} bytes"))
        .help("build the plugin anew with the current SDK or header"))
}

/// A forward and backward of a plugin's own, as one layer.
pub struct Kernel {
    name: String,
    /// `operation x of plugin y`
    owner: String,
    table: abi::Kernel,
    reference: Option<LayerGraph>,
    // What the table points to.
    _outputs: Tensors,
    _saved: Tensors,
    _user: UserData,
}

// SAFETY: the table's pointers lead to what the struct owns, and its functions may be called from any thread.
unsafe impl Send for Kernel {}
// SAFETY: as above.
unsafe impl Sync for Kernel {}

/// What of a kernel's table is not copied as it is.
pub(super) struct KernelParts {
    pub name: String,
    pub owner: String,
    pub outputs: Vec<Described>,
    pub saved: Vec<Described>,
    pub reference: Option<LayerGraph>,
    pub user: UserData,
}

impl Kernel {
    /// # Safety
    /// The table's functions are those of the interface.
    pub(super) unsafe fn new(table: &abi::Kernel, parts: KernelParts) -> Self {
        let (outputs, saved) = (Tensors::new(&parts.outputs), Tensors::new(&parts.saved));
        let mut kernel = Self {
            name: parts.name,
            owner: parts.owner,
            table: abi::Kernel { size: size_of::<abi::Kernel>(), ..*table },
            reference: parts.reference,
            _outputs: outputs,
            _saved: saved,
            _user: parts.user,
        };
        kernel.table.name = abi::Text::new(&kernel.name);
        (kernel.table.outputs, kernel.table.output_count) = (kernel._outputs.list.as_ptr(), kernel._outputs.list.len());
        (kernel.table.saved, kernel.table.saved_count) = (kernel._saved.list.as_ptr(), kernel._saved.list.len());
        kernel
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What one example costs, as the plugin says.
    pub fn multiply_adds(&self) -> i64 {
        self.table.multiply_adds
    }

    /// Whether it has a backward.
    pub fn has_backward(&self) -> bool {
        self.table.backward.is_some()
    }

    /// Whether it serves tensors of this dtype on this device (`DTYPE_FLOAT32` and so on).
    pub fn serves(&self, dtype: u32, device: u32) -> bool {
        self.table.dtypes & dtype != 0 && self.table.devices & device != 0
    }

    /// The layout in which it takes values; where it takes both, the one that they have.
    pub fn layout(&self, channels_last: bool) -> u32 {
        match self.table.layouts {
            both if both == abi::LAYOUT_CONTIGUOUS | abi::LAYOUT_CHANNELS_LAST => {
                if channels_last {
                    abi::LAYOUT_CHANNELS_LAST
                } else {
                    abi::LAYOUT_CONTIGUOUS
                }
            }
            one => one,
        }
    }

    /// The graph of layers that computes the same.
    ///
    /// # Errors
    /// Where the plugin gave none.
    pub fn reference(&self) -> Result<&LayerGraph> {
        self.reference.as_ref().ok_or_else(|| {
            Error::new(format!("kernel `{}` of {} has no reference graph", self.name, self.owner))
                .expected(
                    "one, where a kernel cannot serve: other dtypes and devices, second derivatives, tracing, export",
                )
                .help("give the kernel a reference graph, built from layers")
        })
    }
}

impl native::kernel::Callable for Kernel {
    fn table(&self) -> &abi::Kernel {
        &self.table
    }

    fn call(&self, backward: bool, call: &abi::KernelCall) -> Result<(), String> {
        let way = if backward { "backward" } else { "forward" };
        let failed = |why: String| format!("the {way} of kernel `{}` of {} failed: {why}", self.name, self.owner);
        let function = if backward { self.table.backward } else { self.table.forward };
        let Some(function) = function else { return Err(failed("there is none".to_owned())) };
        let mut message = Message::default();
        let sink = message.sink();
        // SAFETY: the function comes from the plugin's table; call and sink live until it returns.
        match guarded(|| unsafe { function(self.table.user_data, call, &sink) }) {
            Ok(abi::OK) => Ok(()),
            Ok(_) => Err(failed(message.text("it gave no message"))),
            Err(thrown) => Err(failed(format!("an exception was thrown: {thrown}"))),
        }
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({} of {})", self.name, self.owner)
    }
}

type NativeForward = unsafe extern "C-unwind" fn(
    *mut c_void,
    *const *const c_void,
    usize,
    *const *mut c_void,
    usize,
    *const abi::Sink,
) -> abi::Status;

/// A function of a plugin's own over libtorch's tensors, as one layer.
pub struct Native {
    name: String,
    owner: String,
    multiply_adds: i64,
    shapes: Vec<Shape>,
    forward: NativeForward,
    user: UserData,
}

impl Native {
    /// # Safety
    /// The function is one of the interface, and may be called with this user data.
    pub(super) unsafe fn new(
        names: (String, String),
        multiply_adds: i64,
        shapes: Vec<Shape>,
        forward: NativeForward,
        user: UserData,
    ) -> Self {
        Self { name: names.0, owner: names.1, multiply_adds, shapes, forward, user }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What one example costs, as the plugin says.
    pub fn multiply_adds(&self) -> i64 {
        self.multiply_adds
    }

    /// Computes. Inputs are (batch, …), weights and buffers without the batch; outputs are (batch, …).
    ///
    /// # Errors
    /// What the plugin says or throws, and outputs of another shape or dtype than declared.
    pub fn call(self: &Arc<Self>, batch: i64, inputs: &[&tch::Tensor]) -> Result<Vec<tch::Tensor>> {
        let failed = |why: String| Error::new(format!("native layer `{}` of {} failed: {why}", self.name, self.owner));
        let mut outputs: Vec<tch::Tensor> = self.shapes.iter().map(|_| tch::Tensor::new()).collect();
        let pointers = native::operator::pointers(inputs);
        let targets = native::operator::targets(&mut outputs);
        let mut message = Message::default();
        let sink = message.sink();
        let status = guarded(|| {
            // SAFETY: the function comes from the plugin's table; tensors and sink live until it returns.
            unsafe {
                (self.forward)(
                    self.user.pointer,
                    pointers.as_ptr(),
                    pointers.len(),
                    targets.as_ptr(),
                    targets.len(),
                    &sink,
                )
            }
        });
        match status {
            Ok(abi::OK) => {}
            Ok(_) => return Err(failed(message.text("it gave no message"))),
            Err(thrown) => return Err(failed(format!("an exception was thrown: {thrown}"))),
        }
        for (output, shape) in outputs.iter().zip(&self.shapes) {
            let expected: Vec<i64> = std::iter::once(batch).chain(shape.iter().copied()).collect();
            if !output.defined() {
                return Err(failed("an output was not assigned".to_owned()));
            }
            if output.size() != expected || inputs.first().is_some_and(|x| x.kind() != output.kind()) {
                return Err(failed("an output is not what was declared".to_owned())
                    .expected(format!("{expected:?} of the inputs' dtype"))
                    .found(format!("{:?} of {:?}", output.size(), output.kind())));
            }
        }
        Ok(outputs)
    }
}

impl PartialEq for Native {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Native({} of {})", self.name, self.owner)
    }
}
