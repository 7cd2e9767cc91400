//! Opens plugin libraries. A library is opened once per process and never unloaded.

use super::offer::HOST;
use super::plugin::{Origin, Plugin};
use crate::error::{Error, Place, Result};
use edas_plugin::abi;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What has been opened in this process. `init` must run once per process, so this one table outlives every search.
#[derive(Default)]
struct Opened {
    /// By canonical path.
    paths: HashMap<PathBuf, Arc<Plugin>>,
    /// By the address of the descriptor; failures too, since `init` may have run.
    entries: HashMap<usize, Result<Arc<Plugin>>>,
}

static OPENED: Mutex<Option<Opened>> = Mutex::new(None);

/// The plugin of a library file.
///
/// # Errors
/// Where there is no such file, it is no library, no plugin, or one that this host cannot use.
pub fn open(path: &Path) -> Result<Arc<Plugin>> {
    open_for(path, &HOST)
}

/// As [`open`], for a host that describes itself by another table: tests of a newer host load old plugins so.
///
/// # Errors
/// As [`open`].
pub fn open_for(path: &Path, host: &'static abi::Host) -> Result<Arc<Plugin>> {
    let place = || Place::file(path);
    let canonical = path.canonicalize().map_err(|e| {
        Error::new("the plugin cannot be found")
            .at(place())
            .expected("a library (.so, .dylib or .dll)")
            .found(e.to_string())
    })?;
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let opened = opened.get_or_insert_default();
    if let Some(plugin) = opened.paths.get(&canonical) {
        return Ok(plugin.clone());
    }
    if !canonical.is_file() {
        return Err(Error::new("a plugin is a file")
            .at(place())
            .expected("a library (.so, .dylib or .dll)")
            .found("something else")
            .help("name the library itself"));
    }
    let bytes = std::fs::read(&canonical).map_err(|e| Error::io("read the plugin", path, &e).at(place()))?;
    let hash = hexadecimal(&Sha256::digest(&bytes));
    // SAFETY: opening runs the library's constructors. A plugin is code that the user chose to run, like any program.
    let library = unsafe { load(&canonical) }.map_err(|e| {
        Error::new("this is no library that can be loaded")
            .at(place())
            .expected("a plugin built for this system")
            .found(std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string))
            .help("build the plugin as a shared library (in Rust: crate-type = [\"cdylib\"])")
    })?;
    // Leaked on purpose: tables, texts and functions of a plugin are used until the process ends.
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    // SAFETY: the symbol, where it exists, is the interface's descriptor; what it says is checked before it is believed.
    let entry: &'static abi::Entry = unsafe {
        let symbol = library.get::<*const abi::Entry>(abi::ENTRY_SYMBOL).map_err(|_| {
            Error::new("this library is no plugin")
                .at(place())
                .expected(format!("a data symbol named `{}`", abi::ENTRY_SYMBOL))
                .found("none")
                .help("export it with `edas_plugin::export!` in Rust, or define it in C")
        })?;
        symbol.as_ref().ok_or_else(|| Error::new("this library's descriptor is null").at(place()))?
    };
    // The system may have this library in memory already, by another name of the same file.
    let address = std::ptr::from_ref(entry).addr();
    let result = opened.entries.entry(address).or_insert_with(|| {
        let origin = Origin::Library { path: canonical.clone(), hash };
        Plugin::open(entry, origin, host).map(Arc::new).map_err(|e| e.at(place()))
    });
    let plugin = result.clone()?;
    opened.paths.insert(canonical, plugin.clone());
    Ok(plugin)
}

/// Loads a library with all that it needs: what is missing shows here, not when it is called.
///
/// # Safety
/// As [`libloading::Library::new`].
unsafe fn load(path: &Path) -> Result<libloading::Library, libloading::Error> {
    #[cfg(unix)]
    {
        use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
        // SAFETY: the caller vouches for the library.
        unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(Into::into)
    }
    #[cfg(not(unix))]
    // SAFETY: the caller vouches for the library.
    unsafe {
        libloading::Library::new(path)
    }
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
