//! libtorch's CUDA part, which is opened where it is there, and its autocast. Untested: no machine with a GPU has been at hand.

use std::marker::PhantomData;
use tch::Device;

unsafe extern "C" {
    fn edas_native_cuda_settings();
    fn edas_native_autocast_begin(cuda: bool);
    fn edas_native_autocast_end(cuda: bool);
}

/// The number of CUDA devices that libtorch sees. The program links no CUDA: libtorch's CUDA part is opened here, where it
/// is there at all.
pub fn cuda_devices() -> i64 {
    open_cuda();
    tch::Cuda::device_count()
}

/// Opens libtorch's CUDA part, once per process, before the first question about CUDA; opening it registers it.
#[cfg(target_os = "linux")]
fn open_cuda() {
    static OPENED: std::sync::Once = std::sync::Once::new();
    OPENED.call_once(|| {
        use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
        // SAFETY: the library is libtorch's own; its constructors register kernels and nothing else.
        match unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) } {
            // Never closed: its kernels stay registered as long as the process.
            Ok(library) => {
                std::mem::forget(library);
                // SAFETY: it sets switches of libtorch's.
                unsafe { edas_native_cuda_settings() };
            }
            Err(e) => tracing::debug!("no CUDA part of libtorch: {e}"),
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn open_cuda() {}

/// While it lives, what libtorch's autocast lists name (convolutions and matrix products) is computed in bfloat16 on this thread and
/// a device of this kind. Not to be had twice at a time.
#[derive(Debug)]
pub struct Autocast {
    cuda: bool,
    /// The switch is the thread's own.
    _thread: PhantomData<*const ()>,
}

impl Autocast {
    /// Begins.
    pub fn begin(device: Device) -> Self {
        let cuda = device.is_cuda();
        // SAFETY: it sets libtorch's own switch of this thread; `drop` sets it back on the same thread.
        unsafe { edas_native_autocast_begin(cuda) };
        Self { cuda, _thread: PhantomData }
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { edas_native_autocast_end(self.cuda) };
    }
}
