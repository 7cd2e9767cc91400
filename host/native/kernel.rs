//! Kernels of plugins as nodes of libtorch's autograd.

use super::guard::{Message, NativeMessage};
use super::operator::{pointers, targets};
use edas_plugin::abi;
use std::ffi::c_void;
use std::sync::Arc;
use tch::Tensor;

/// A kernel that can be run: its table, and how to call its functions.
pub trait Callable: Send + Sync + 'static {
    /// The table; what it points to lives as long as `self`.
    fn table(&self) -> &abi::Kernel;

    /// Calls the forward or backward.
    ///
    /// # Errors
    /// What the plugin says, or threw, with the names of plugin and operation.
    fn call(&self, backward: bool, call: &abi::KernelCall) -> Result<(), String>;
}

#[repr(C)]
struct NativeKernel {
    kernel: *const abi::Kernel,
    owner: *mut c_void,
    retain: unsafe extern "C" fn(*mut c_void),
    release: unsafe extern "C" fn(*mut c_void),
    run: unsafe extern "C" fn(*mut c_void, i32, *const abi::KernelCall, *const NativeMessage) -> i32,
}

unsafe extern "C" {
    fn edas_native_gradients() -> i32;
    fn edas_native_kernel(
        kernel: *const NativeKernel,
        values: u64,
        layout: u32,
        mode: u32,
        batch: i64,
        inputs: *const *const c_void,
        input_count: usize,
        outputs: *const *mut c_void,
        message: *const NativeMessage,
    ) -> i32;
}

unsafe extern "C" fn retain<K: Callable>(owner: *mut c_void) {
    // SAFETY: `owner` came from `Arc::as_ptr` of an Arc that is alive.
    unsafe { Arc::increment_strong_count(owner.cast_const().cast::<K>()) }
}

unsafe extern "C" fn release<K: Callable>(owner: *mut c_void) {
    // SAFETY: each release belongs to one retain.
    unsafe { Arc::decrement_strong_count(owner.cast_const().cast::<K>()) }
}

unsafe extern "C" fn run<K: Callable>(
    owner: *mut c_void,
    backward: i32,
    call: *const abi::KernelCall,
    message: *const NativeMessage,
) -> i32 {
    // SAFETY: the owner is retained; call and message live until this returns.
    let (kernel, call, message) = unsafe { (&*owner.cast_const().cast::<K>(), &*call, &*message) };
    match kernel.call(backward != 0, call) {
        Ok(()) => 0,
        Err(text) => {
            message.say(&text);
            1
        }
    }
}

/// How the inputs of a kernel's call are to be taken.
#[derive(Debug, Clone, Copy)]
pub struct Inputs {
    /// Bit k: input k has a batch.
    pub batched: u64,
    /// One of the kernel's layouts.
    pub layout: u32,
    /// `MODE_TRAIN` and so on.
    pub mode: u32,
    /// The number of examples.
    pub batch: i64,
}

/// Whether libtorch records on this thread how values are computed.
pub fn gradients_enabled() -> bool {
    // SAFETY: the function takes nothing.
    unsafe { edas_native_gradients() != 0 }
}

/// Runs a kernel as one node of autograd.
///
/// # Errors
/// What the kernel says.
pub fn call<K: Callable>(kernel: &Arc<K>, how: Inputs, inputs: &[&Tensor]) -> Result<Vec<Tensor>, String> {
    let native = NativeKernel {
        kernel: kernel.table(),
        owner: Arc::as_ptr(kernel).cast_mut().cast(),
        retain: retain::<K>,
        release: release::<K>,
        run: run::<K>,
    };
    let mut outputs: Vec<Tensor> = (0..kernel.table().output_count).map(|_| Tensor::new()).collect();
    let inputs = pointers(inputs);
    let targets = targets(&mut outputs);
    let mut text = Message::default();
    let message = NativeMessage::new(&mut text);
    // SAFETY: the kernel is retained by whatever outlives the call; tensors and message live until it returns.
    let status = unsafe {
        edas_native_kernel(
            &native,
            how.batched,
            how.layout,
            how.mode,
            how.batch,
            inputs.as_ptr(),
            inputs.len(),
            targets.as_ptr(),
            &message,
        )
    };
    if status == 0 { Ok(outputs) } else { Err(text.text("libtorch does not say why")) }
}
