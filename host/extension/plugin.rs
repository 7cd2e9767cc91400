//! A loaded plugin: its descriptor, and the extensions it offers.

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
    get_extension: unsafe extern "C" fn(abi::Text) -> *const c_void,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.name, self.version, self.origin)
    }
}

/// Collects the text that a plugin writes to a sink.
#[derive(Default)]
pub struct Message(String);

impl Message {
    /// The sink. It points to `self`, which must stay where it is while the sink is used.
    pub fn sink(&mut self) -> abi::Sink {
        abi::Sink { context: std::ptr::from_mut(self).cast(), write: Some(write) }
    }

    /// What was written, or `otherwise` where that is nothing.
    pub fn text(self, otherwise: &str) -> String {
        if self.0.is_empty() { otherwise.to_owned() } else { self.0 }
    }
}

/// The most bytes that a message keeps.
const LONGEST_MESSAGE: usize = 1 << 16;

unsafe extern "C" fn write(context: *mut c_void, text: abi::Text) {
    // SAFETY: `context` is the `Message` that `sink` was made of; nobody else uses it during the call that was given it.
    let Some(message) = (unsafe { context.cast::<Message>().as_mut() }) else { return };
    // SAFETY: the plugin passes a text that is valid until this returns.
    let text = unsafe { text.as_str() }.unwrap_or("(a message that is not valid UTF-8)");
    if message.0.len() + text.len() <= LONGEST_MESSAGE {
        message.0.push_str(text);
    }
}

impl Plugin {
    /// Checks a descriptor and initialises its plugin. Must be called once per plugin and process.
    ///
    /// # Errors
    /// Where versions or sizes do not fit, something is missing, or `init` fails.
    pub fn open(entry: &'static abi::Entry, origin: Origin) -> Result<Self> {
        let what = || match &origin {
            Origin::Bundled => "the bundled plugin".to_owned(),
            Origin::Library { path, .. } => format!("the plugin {}", path.display()),
        };
        if entry.abi_major != abi::ABI_MAJOR {
            return Err(Error::new(format!("{} was built for another version of the interface", what()))
                .expected(format!("ABI {}.x, as this host has {}.{}", abi::ABI_MAJOR, abi::ABI_MAJOR, abi::ABI_MINOR))
                .found(format!("ABI {}.{}", entry.abi_major, entry.abi_minor))
                .help("build the plugin with the SDK or header of this host's version"));
        }
        if entry.size < size_of::<abi::Entry>() {
            return Err(Error::new(format!("{} has a descriptor that is too small", what()))
                .expected(format!("{} bytes", size_of::<abi::Entry>()))
                .found(format!("{} bytes", entry.size))
                .help("build the plugin with the SDK or header of this host's version"));
        }
        // SAFETY: a descriptor's texts live as long as the library, which is never unloaded.
        let text = |text: abi::Text| unsafe { text.as_str() }.filter(|t| t.len() < 4096).map(str::to_owned);
        let (Some(name), Some(version), Some(description)) =
            (text(entry.name), text(entry.version), text(entry.description))
        else {
            return Err(Error::new(format!("{} has a name, version or description that is not valid UTF-8", what())));
        };
        let Some(get_extension) = entry.get_extension else {
            return Err(Error::new(format!("{} has no function `get_extension`", what()))
                .expected("a function")
                .found("null"));
        };
        if let Some(init) = entry.init {
            let mut message = Message::default();
            let sink = message.sink();
            // SAFETY: the versions fit, so the function has the interface's signature; host table and sink are valid.
            let status = unsafe { init(&HOST, &sink) };
            if status != abi::OK {
                let text = message.text("it failed without a message");
                return Err(Error::new(format!("plugin `{name}` could not be initialised: {text}")));
            }
        }
        Ok(Self { name, version, description, abi: (entry.abi_major, entry.abi_minor), origin, get_extension })
    }

    /// The table of an extension, or `None` where the plugin lacks it. `T` must be the type that belongs to
    /// `id`; the caller checks the table's size.
    pub(crate) fn extension<T>(&self, id: &str) -> Option<&'static T> {
        // SAFETY: the function is the plugin's; the id lives until it returns; the table lives as long as the library.
        unsafe { (self.get_extension)(abi::Text::new(id)).cast::<T>().as_ref() }
    }
}

static LOG: abi::Log = abi::Log { size: size_of::<abi::Log>(), write: Some(log) };

static HOST: abi::Host = abi::Host {
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    size: size_of::<abi::Host>(),
    name: abi::Text::new("edas"),
    version: abi::Text::new(env!("CARGO_PKG_VERSION")),
    get_extension: Some(host_extension),
};

unsafe extern "C" fn host_extension(id: abi::Text) -> *const c_void {
    // SAFETY: the plugin passes a text that is valid until this returns.
    match unsafe { id.as_str() } {
        Some(abi::HOST_LOG) => std::ptr::from_ref(&LOG).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn log(severity: u32, message: abi::Text) {
    // SAFETY: the plugin passes a text that is valid until this returns.
    let text = unsafe { message.as_str() }.unwrap_or("(a message that is not valid UTF-8)");
    match severity {
        0 => tracing::error!(target: "edas::plugin", "{text}"),
        1 => tracing::warn!(target: "edas::plugin", "{text}"),
        2 => tracing::info!(target: "edas::plugin", "{text}"),
        3 => tracing::debug!(target: "edas::plugin", "{text}"),
        _ => tracing::trace!(target: "edas::plugin", "{text}"),
    }
}
