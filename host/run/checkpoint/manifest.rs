//! The manifest of a checkpoint: one JSON document that carries the checksum of its own body, byte by byte.

use super::State;
use crate::error::{Error, Place, Result};
use crate::extension::library::hexadecimal;
use crate::run::machine::Machine;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the form that this program reads and writes.
pub const VERSION: u32 = 1;

/// What a checkpoint is, besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this form.
    pub version: u32,
    /// The run that it belongs to.
    pub run: String,
    /// SHA-256 of what the run was made of when it was written: spec, scripts, plugins, data.
    pub hashes: BTreeMap<String, String>,
    /// Where the run was then.
    pub machine: Machine,
    /// The length of each of the run's logs, in bytes.
    pub logs: BTreeMap<String, u64>,
    /// The file of tensors.
    pub tensors: TensorFile,
    /// Where the run stands.
    pub state: State,
}

/// The file beside a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorFile {
    /// Its name.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// A manifest and the checksum of its text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    sha256: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

/// The version of a form that may be a later one.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// SHA-256 as hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

impl Manifest {
    /// The text of the manifest's file.
    ///
    /// # Errors
    /// None for a manifest whose numbers are finite.
    pub fn to_text(&self) -> Result<String> {
        let failed = |e: serde_json::Error| Error::new(format!("the manifest cannot be written: {e}"));
        let body = serde_json::value::to_raw_value(self).map_err(failed)?;
        let sealed = Sealed { sha256: sha256(body.get().as_bytes()), manifest: &body };
        Ok(serde_json::to_string(&sealed).map_err(failed)? + "\n")
    }

    /// Reads the text of a manifest's file; `path` is for messages.
    ///
    /// # Errors
    /// Where it is none, of another version, or not what was written.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let none = |e: &serde_json::Error| {
            Error::new(format!("this is no manifest of a checkpoint: {e}")).at(Place::at(path, e.line(), e.column()))
        };
        let sealed: Sealed = serde_json::from_str(text).map_err(|e| none(&e))?;
        let body = sealed.manifest.get();
        let found = sha256(body.as_bytes());
        if sealed.sha256 != found {
            return Err(Error::new("the manifest has another checksum than was written with it")
                .at(Place::file(path))
                .expected(sealed.sha256)
                .found(found));
        }
        let Versioned { version } = serde_json::from_str(body).map_err(|e| none(&e))?;
        if version != VERSION {
            return Err(Error::new("this checkpoint is written in another version of the form")
                .at(Place::file(path))
                .expected(format!("version {VERSION}"))
                .found(format!("version {version}"))
                .help("go on with the version of edas that wrote it"));
        }
        serde_json::from_str(body).map_err(|e| none(&e))
    }
}
