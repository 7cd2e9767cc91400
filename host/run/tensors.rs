//! Tensors as plain data, and as safetensors files.

use crate::error::{Error, Result, room};
use crate::supernet::Parameters;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use tch::{Device, Kind, Tensor};

/// A tensor's name, shape, element type and bytes: a copy that the training no longer touches.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// `F32` or `F64`.
    pub dtype: Dtype,
    /// Its elements, little-endian, in row-major order.
    pub bytes: Vec<u8>,
}

impl Saved {
    /// Copies a tensor.
    ///
    /// # Errors
    /// Where its elements are of another type than 32- or 64-bit floats, and what libtorch refuses.
    pub fn of(name: String, tensor: &Tensor) -> Result<Self> {
        let (dtype, size) = match tensor.kind() {
            Kind::Float => (Dtype::F32, 4),
            Kind::Double => (Dtype::F64, 8),
            kind => return Err(Error::new(format!("`{name}` has an element type that is not saved: {kind:?}"))),
        };
        let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
        let mut bytes = room(flat.numel() * size, "a copy of the network")?;
        bytes.resize(flat.numel() * size, 0);
        flat.f_copy_data_u8(&mut bytes, flat.numel())?;
        Ok(Self { name, shape: tensor.size().iter().map(|size| *size as usize).collect(), dtype, bytes })
    }

    /// A row of numbers.
    pub fn row(name: String, row: &[f64]) -> Self {
        let bytes = row.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, shape: vec![row.len()], dtype: Dtype::F64, bytes }
    }

    /// The numbers of a row of 64-bit floats; `None` for anything else.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let whole = self.dtype == Dtype::F64 && self.shape.len() == 1;
        whole.then(|| self.bytes.as_chunks().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect())
    }

    /// The tensor, on the CPU.
    ///
    /// # Errors
    /// Where there are not as many bytes as the shape says, and what libtorch refuses.
    pub fn tensor(&self) -> Result<Tensor> {
        let shape: Vec<i64> = self.shape.iter().map(|size| *size as i64).collect();
        let kind = if self.dtype == Dtype::F64 { Kind::Double } else { Kind::Float };
        let elements = self.shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
        if elements.and_then(|n| n.checked_mul(kind.elt_size_in_bytes())) != Some(self.bytes.len()) {
            return Err(Error::new(format!("`{}` has another size than its shape says", self.name)));
        }
        Ok(Tensor::f_from_data_size(&self.bytes, &shape, kind)?)
    }
}

/// More than the header of a safetensors file says of a tensor besides its name.
const HEADER: usize = 160;

/// Copies of all weights and buffers, and of α as `alpha.<edge index>`.
///
/// # Errors
/// As [`Saved::of`].
pub fn network(parameters: &Parameters, alpha: &[Vec<f64>]) -> Result<Vec<Saved>> {
    let weights = parameters.iter().map(|p| Saved::of(p.name.clone(), &p.tensor));
    let alpha = alpha.iter().enumerate().map(|(edge, row)| Ok(Saved::row(format!("alpha.{edge}"), row)));
    weights.chain(alpha).collect()
}

/// Tensors as the content of a safetensors file.
///
/// # Errors
/// Where there is not enough memory.
pub fn serialize(tensors: &[Saved]) -> Result<Vec<u8>> {
    // What serializes would end the process where there is no room for the whole.
    let header: usize = tensors.iter().map(|s| s.name.len() + HEADER).sum();
    drop(room::<u8>(header + tensors.iter().map(|s| s.bytes.len()).sum::<usize>(), "a checkpoint's file")?);
    tensors
        .iter()
        .map(|s| Ok((s.name.as_str(), TensorView::new(s.dtype, s.shape.clone(), &s.bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .and_then(|views| safetensors::serialize(views, None))
        .map_err(|e| Error::new(format!("the tensors cannot be saved: {e}")))
}

/// The tensors of a safetensors file's content.
///
/// # Errors
/// Where it is none, or holds other elements than 32- and 64-bit floats.
pub fn deserialize(bytes: &[u8]) -> Result<Vec<Saved>> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| Error::new(format!("this is no safetensors file: {e}")))?;
    let saved = |(name, view): (&str, TensorView)| match view.dtype() {
        dtype @ (Dtype::F32 | Dtype::F64) => {
            let mut bytes = room(view.data().len(), "a checkpoint's tensors")?;
            bytes.extend_from_slice(view.data());
            Ok(Saved { name: name.to_owned(), shape: view.shape().to_vec(), dtype, bytes })
        }
        other => Err(Error::new(format!("`{name}` has another element type"))
            .expected("F32 or F64")
            .found(format!("{other:?}"))),
    };
    file.iter().map(saved).collect()
}
