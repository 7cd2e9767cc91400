//! A network as a safetensors file. Its header holds the description as JSON, under the key `edas`, so that the file is whole in itself.

use super::{Description, Model};
use crate::error::{Error, Place, Result};
use crate::run::tensors;
use crate::spec::PluginRef;
use safetensors::SafeTensors;
use std::path::Path;

/// The key of the description in the header's metadata.
const KEY: &str = "edas";

impl Model {
    /// The network as the content of a safetensors file.
    ///
    /// # Errors
    /// Where there is not enough memory.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let description = serde_json::to_string(&self.description)
            .map_err(|e| Error::new(format!("the network's description cannot be written: {e}")))?;
        tensors::serialize_with(&self.weights()?, Some([(KEY.to_owned(), description)].into()))
    }

    /// Reads a file that [`Model::to_safetensors`] made.
    ///
    /// # Errors
    /// Where it is none, or is not whole.
    pub fn read(path: &Path, plugins: &[PluginRef]) -> Result<Self> {
        let place = || Place::file(path);
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, &e).at(place()))?;
        let no = |e: &dyn std::fmt::Display| Error::new(format!("this is no network's file: {e}")).at(place());
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| {
            no(&e).expected("a safetensors file that `edas export --format safetensors` wrote, or the run directory of an evaluation")
        })?;
        let metadata = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = metadata.ok_or_else(|| {
            no(&"it has weights, but no description of their network")
                .expected("a safetensors file that `edas export --format safetensors` wrote")
        })?;
        let description = Description::parse(text, path)?;
        let weights = tensors::deserialize(&bytes).map_err(|e| e.at(place()))?;
        Self::new(description, &weights, plugins).map_err(|e| e.at(place()))
    }
}
