//! Batches as tensors.

use crate::data;
use crate::error::Result;
use tch::{Device, Kind, Tensor};

/// A tensor on a device. To a GPU it goes from memory that stays where it is, so that nobody waits for the copy; libtorch keeps that
/// memory until the copy is made.
fn sent(tensor: Tensor, device: Device) -> Result<Tensor> {
    if !device.is_cuda() {
        return Ok(tensor.f_to_device(device)?);
    }
    let kind = tensor.kind();
    Ok(tensor.f_pin_memory(device)?.f_to_device_(device, kind, true, false)?)
}

/// Images and labels on the network's device.
#[derive(Debug)]
pub struct TensorBatch {
    /// (batch, channels, height, width), channels-last.
    pub images: Tensor,
    /// (batch), the numbers of the classes.
    pub labels: Tensor,
}

impl TensorBatch {
    /// The tensors of a batch whose images have this shape (channels, height, width).
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn new(batch: &data::Batch, shape: [i64; 3], kind: Kind, device: Device) -> Result<Self> {
        let [channels, height, width] = shape;
        // The batch lies as (batch, height, width, channels): seen through a permutation, that is channels-last.
        let images = Tensor::f_from_slice(&batch.images)?
            .f_view([-1, height, width, channels])?
            .f_permute([0, 3, 1, 2])?
            .f_to_kind(kind)?;
        let labels = Tensor::f_from_slice(&batch.labels)?;
        Ok(Self { images: sent(images, device)?, labels: sent(labels, device)? })
    }

    /// The number of examples.
    pub fn len(&self) -> i64 {
        self.labels.size()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
