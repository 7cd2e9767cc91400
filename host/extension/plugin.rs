//! A loaded plugin: its descriptor, and the extensions it offers.

use super::call::{call, guarded};
use crate::error::{Error, Result};
use edas_plugin::abi;
use std::ffi::c_void;
use std::fmt;
use std::path::PathBuf;

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Linked into this program.
    Bundled,
    /// A library.
    Library {
        /// Its file.
        path: PathBuf,
        /// The SHA-256 of that file, as hexadecimal digits.
        hash: String,
    },
}

/// A plugin that was loaded, checked and initialised. It stays in memory as long as the process.
#[derive(Clone)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line about it.
    pub description: String,
    /// The revision of the interface that it was built with: major, minor.
    pub abi: (u32, u32),
    /// Where it comes from.
    pub origin: Origin,
    get_extension: unsafe extern "C-unwind" fn(abi::Text) -> *const c_void,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.name, self.version, self.origin)
    }
}

impl Plugin {
    /// Checks a descriptor and initialises its plugin. Must be called once per plugin and process.
    ///
    /// # Errors
    /// Where versions or sizes do not fit, something is missing, or `init` fails.
    pub fn open(entry: &'static abi::Entry, origin: Origin, host: &'static abi::Host) -> Result<Self> {
        let what = || match &origin {
            Origin::Bundled => "the bundled plugin".to_owned(),
            Origin::Library { path, .. } => format!("the plugin {}", path.display()),
        };
        if entry.abi_major != host.abi_major {
            return Err(Error::new(format!("{} was built for another version of the interface", what()))
                .expected(format!("ABI {}.x, as this host has {}.{}", host.abi_major, host.abi_major, host.abi_minor))
                .found(format!("ABI {}.{}", entry.abi_major, entry.abi_minor))
                .help("build the plugin with the SDK or header of this host's version"));
        }
        if entry.size < size_of::<abi::Entry>() {
            return Err(Error::new(format!("{} has a descriptor that is too small", what()))
                .expected(format!("{} bytes", size_of::<abi::Entry>()))
                .found(format!("{} bytes", entry.size))
                .help("build the plugin with the SDK or header of this host's version"));
        }
        let text = |text: abi::Text| match text.length {
            // SAFETY: a descriptor's texts live as long as the library, which is never unloaded.
            0..4096 => unsafe { text.as_str() }.map(str::to_owned),
            _ => None,
        };
        let (Some(name), Some(version), Some(description)) =
            (text(entry.name), text(entry.version), text(entry.description))
        else {
            return Err(Error::new(format!("{} has a name, version or description that is not valid UTF-8", what()))
                .expected("texts of less than 4096 bytes"));
        };
        if !super::memory::is_name(&name) {
            return Err(Error::new(format!("{} has a name that cannot be written in a spec", what()))
                .expected("no spaces, colons or control characters")
                .found(format!("{name:?}")));
        }
        let Some(get_extension) = entry.get_extension else {
            return Err(Error::new(format!("{} has no function `get_extension`", what()))
                .expected("a function")
                .found("null"));
        };
        if let Some(init) = entry.init {
            // SAFETY: the versions fit, so the function has the interface's signature; host table and sink are valid.
            call(&format!("initialising plugin `{name}`"), |error| unsafe { init(host, error) })?;
        }
        Ok(Self { name, version, description, abi: (entry.abi_major, entry.abi_minor), origin, get_extension })
    }

    /// The table of an extension, or `None` where the plugin lacks it. `T` must be the type that belongs to `id`, and begin
    /// with its size.
    ///
    /// # Errors
    /// Where the table is smaller than this revision's.
    pub(crate) fn extension<T>(&self, id: &str) -> Result<Option<&'static T>> {
        let table = guarded(|| {
            // SAFETY: the function is the plugin's; the id lives until it returns.
            unsafe { (self.get_extension)(abi::Text::new(id)) }
        });
        let table = table.map_err(|thrown| self.broken(id, &format!("an exception was thrown: {thrown}")))?;
        if table.is_null() {
            return Ok(None);
        }
        if !table.cast::<T>().is_aligned() {
            return Err(self.broken(id, "its table does not lie where a table can"));
        }
        // SAFETY: every table begins with its size and lives as long as the library.
        let size = unsafe { *table.cast::<usize>() };
        if size < size_of::<T>() {
            return Err(self.broken(id, &format!("its table has {size} bytes instead of {}", size_of::<T>())));
        }
        // SAFETY: the size fits; the id says that the table is of this type.
        Ok(Some(unsafe { &*table.cast::<T>() }))
    }

    /// An extension cannot be used.
    pub(crate) fn broken(&self, id: &str, why: &str) -> Error {
        let name = id.strip_prefix("edas.").and_then(|id| id.split('/').next()).unwrap_or(id);
        let error = Error::new(format!("the {name} of plugin `{}` cannot be used: {why}", self.name))
            .help("build the plugin anew with the current SDK or header");
        match &self.origin {
            Origin::Bundled => error,
            Origin::Library { path, .. } => error.at(crate::error::Place::file(path)),
        }
    }
}
