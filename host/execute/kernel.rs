//! Kernels of plugins, where they serve.

use super::Norm;
use crate::error::{Error, Result};
use crate::graph::kernel::Kernel;
use crate::native::kernel::{Inputs, call, gradients_enabled};
use edas_plugin::abi;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// Runs a kernel; `None` where it does not serve the inputs' dtype or device, or has no backward although one may follow: its
/// reference graph has to run instead.
///
/// # Shapes
/// `x`: (batch, …) where `batched`, otherwise weights and buffers as they are; the outputs are (batch, …).
///
/// # Errors
/// What the kernel says.
pub fn run(
    kernel: &Arc<Kernel>,
    x: &[&Tensor],
    batched: &[bool],
    batch: i64,
    norm: Norm,
) -> Result<Option<Vec<Tensor>>> {
    let first = x.first().ok_or_else(|| Error::new(format!("kernel `{}` has no input", kernel.name())))?;
    let dtype = match first.kind() {
        Kind::Float => abi::DTYPE_FLOAT32,
        Kind::Double => abi::DTYPE_FLOAT64,
        _ => 0,
    };
    let device = if matches!(first.device(), Device::Cpu) { abi::DEVICE_CPU } else { abi::DEVICE_CUDA };
    let differentiated = gradients_enabled() && x.iter().any(|x| x.requires_grad());
    if !kernel.serves(dtype, device) || (differentiated && !kernel.has_backward()) {
        return Ok(None);
    }
    let channels_last = x.iter().zip(batched).any(|(x, batched)| *batched && x.dim() == 4 && channels_last(x));
    let mask = batched.iter().enumerate().fold(0, |mask, (k, batched)| mask | u64::from(*batched) << k);
    let mode = match norm {
        Norm::Train => abi::MODE_TRAIN,
        Norm::Batch => abi::MODE_BATCH,
        Norm::Running => abi::MODE_RUNNING,
        Norm::Recalibrate(_) => abi::MODE_RECALIBRATE,
    };
    let how = Inputs { batched: mask, layout: kernel.layout(channels_last), mode, batch };
    call(kernel, how, x).map(Some).map_err(Error::new)
}

/// Whether the channels of a map are neighbours in memory.
fn channels_last(x: &Tensor) -> bool {
    let (size, stride) = (x.size(), x.stride());
    size[1] > 1 && stride[1] == 1 && stride[3] >= size[1]
}
