//! Tensors as plain data, and as safetensors files.

use crate::error::{Error, Result, room};
use crate::supernet::Parameters;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorInfo, TensorView};
use std::collections::{HashMap, HashSet};
use tch::{Kind, Tensor};

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
        let numbers = tensor.numel();
        let mut bytes = room(numbers * size, "a copy of the network")?;
        bytes.resize(numbers * size, 0);
        // From wherever it lies, in row-major order, whatever its layout.
        tensor.f_copy_data_u8(&mut bytes, numbers)?;
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

/// Copies of all weights and buffers, and of α as `alpha.<edge index>`; with room for so many more tensors.
///
/// # Errors
/// As [`Saved::of`], and where there is not enough memory.
pub fn network(parameters: &Parameters, alpha: &[Vec<f64>], more: usize) -> Result<Vec<Saved>> {
    let mut tensors = room(parameters.len() + alpha.len() + more, "the list of a checkpoint's tensors")?;
    for parameter in parameters.iter() {
        tensors.push(Saved::of(parameter.name.clone(), &parameter.tensor)?);
    }
    tensors.extend(alpha.iter().enumerate().map(|(edge, row)| Saved::row(format!("alpha.{edge}"), row)));
    Ok(tensors)
}

/// More than the header of a safetensors file says of a tensor besides its name.
const HEADER: usize = 200;

/// Tensors as the content of a safetensors file, as the format's own crate orders them; it would end the process where memory runs out.
///
/// # Errors
/// Where two have one name, and where there is not enough memory.
pub fn serialize(tensors: &[Saved]) -> Result<Vec<u8>> {
    serialize_with(tensors, None)
}

/// The same, with metadata in the header.
///
/// # Errors
/// As [`serialize`].
pub fn serialize_with(tensors: &[Saved], metadata: Option<HashMap<String, String>>) -> Result<Vec<u8>> {
    let mut order: Vec<&Saved> = tensors.iter().collect();
    order.sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.name.cmp(&b.name)));
    let failed = |e: &dyn std::fmt::Display| Error::new(format!("the tensors cannot be saved: {e}"));
    let mut names = HashSet::new();
    if let Some(twice) = order.iter().find(|s| !names.insert(&s.name)) {
        return Err(failed(&format!("two are named `{}`", twice.name)));
    }
    let mut end = 0;
    let info = |s: &&Saved| {
        let begin = end;
        end += s.bytes.len();
        (s.name.clone(), TensorInfo { dtype: s.dtype, shape: s.shape.clone(), data_offsets: (begin, end) })
    };
    let more: usize = metadata.iter().flatten().map(|(key, value)| key.len() + 2 * value.len() + HEADER).sum();
    let metadata = Metadata::new(metadata, order.iter().map(info).collect()).map_err(|e| failed(&e))?;
    let mut header = room(order.iter().map(|s| s.name.len() + HEADER).sum::<usize>() + more, "a checkpoint's file")?;
    serde_json::to_writer(&mut header, &metadata).map_err(|e| failed(&e))?;
    header.resize(header.len().next_multiple_of(size_of::<u64>()), b' ');
    let mut file = room(size_of::<u64>() + header.len() + end, "a checkpoint's file")?;
    file.extend_from_slice(&(header.len() as u64).to_le_bytes());
    file.extend_from_slice(&header);
    order.iter().for_each(|s| file.extend_from_slice(&s.bytes));
    Ok(file)
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
