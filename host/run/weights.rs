//! Tensors as safetensors files, written whole or not at all.

use crate::error::{Error, Result};
use crate::supernet::Parameters;
use safetensors::tensor::{Dtype, TensorView};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// A tensor's bytes, shape and element type.
struct Saved {
    name: String,
    shape: Vec<usize>,
    dtype: Dtype,
    bytes: Vec<u8>,
}

fn save(name: &str, tensor: &Tensor) -> Result<Saved> {
    let dtype = match tensor.kind() {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        kind => return Err(Error::new(format!("`{name}` has an element type that is not saved: {kind:?}"))),
    };
    let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?.f_view(-1)?;
    let bytes = match dtype {
        Dtype::F32 => Vec::<f32>::try_from(flat)?.iter().flat_map(|v| v.to_le_bytes()).collect(),
        _ => Vec::<f64>::try_from(flat)?.iter().flat_map(|v| v.to_le_bytes()).collect(),
    };
    let shape = tensor.size().iter().map(|size| *size as usize).collect();
    Ok(Saved { name: name.to_owned(), shape, dtype, bytes })
}

/// Writes all weights and buffers, and α as `alpha.<edge index>`.
///
/// # Errors
/// Where the file cannot be written; nothing half-written is left under its name.
pub fn write(path: &Path, parameters: &Parameters, alpha: &[Vec<f64>]) -> Result<()> {
    let mut saved: Vec<Saved> = parameters.iter().map(|p| save(&p.name, &p.tensor)).collect::<Result<_>>()?;
    for (edge, row) in alpha.iter().enumerate() {
        saved.push(save(&format!("alpha.{edge}"), &Tensor::f_from_slice(row)?)?);
    }
    let views = saved
        .iter()
        .map(|s| Ok((s.name.as_str(), TensorView::new(s.dtype, s.shape.clone(), &s.bytes)?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>();
    let bytes = views
        .and_then(|views| safetensors::serialize(views, None))
        .map_err(|e| Error::new(format!("the weights cannot be saved: {e}")))?;
    write_whole(path, &bytes)
}

/// Writes a file under a temporary name, flushes it to disk, and renames it.
///
/// # Errors
/// Where any of this fails.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("part");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|e: std::io::Error| {
        let _ = std::fs::remove_file(&temporary);
        Error::io("write", path, &e)
    })
}
