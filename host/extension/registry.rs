//! From the names in a spec to plugins: bundled ones first, then the spec's folder, `EDAS_PLUGIN_PATH`, and the
//! folder of the executable.

use super::library;
use super::plugin::Plugin;
use crate::error::{Error, Result, nearest};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Finds plugins by name or path.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Where names are looked for after the bundled plugins, in this order.
    pub folders: Vec<PathBuf>,
}

impl Registry {
    /// A registry that looks beside the spec, in `EDAS_PLUGIN_PATH`, and beside the executable.
    pub fn new(spec_folder: Option<&Path>) -> Self {
        let mut folders: Vec<PathBuf> = spec_folder.map(Path::to_owned).into_iter().collect();
        if let Some(list) = std::env::var_os("EDAS_PLUGIN_PATH") {
            folders.extend(std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty()));
        }
        if let Ok(program) = std::env::current_exe() {
            folders.extend(program.parent().map(Path::to_owned));
        }
        Self { folders }
    }

    /// The plugin of a name.
    ///
    /// # Errors
    /// Where no plugin bears the name, or the one found cannot be used.
    pub fn named(&self, name: &str) -> Result<Arc<Plugin>> {
        if let Some(plugin) = bundled::find(name) {
            return plugin;
        }
        let file =
            format!("{}{}{}", std::env::consts::DLL_PREFIX, name.replace('-', "_"), std::env::consts::DLL_SUFFIX);
        if let Some(path) = self.folders.iter().map(|folder| folder.join(&file)).find(|p| p.is_file()) {
            return library::open(&path);
        }
        let shown = |folder: &PathBuf| match folder.display().to_string() {
            empty if empty.is_empty() => "the current folder".to_owned(),
            folder => folder,
        };
        let looked: Vec<_> = self.folders.iter().map(shown).collect();
        Err(Error::new(format!("there is no plugin named `{name}`"))
            .expected(format!(
                "a bundled plugin ({}), or a file {file} in {}",
                bundled::NAMES.join(", "),
                looked.join(", ")
            ))
            .help_if(nearest(name, bundled::NAMES.iter().copied()))
            .found(format!("`{name}`")))
    }

    /// The plugin of a library file.
    ///
    /// # Errors
    /// As [`library::open`].
    pub fn at(&self, path: &Path) -> Result<Arc<Plugin>> {
        library::open(path)
    }
}

/// The plugins that are linked into this program.
pub mod bundled {
    use super::{Arc, Plugin, Result};
    use crate::extension::Origin;
    use crate::extension::offer::HOST;
    use edas_plugin::abi;
    use std::sync::OnceLock;

    /// A plugin that is linked into this program, opened on first use.
    struct Bundled {
        name: &'static str,
        entry: &'static abi::Entry,
        plugin: OnceLock<Result<Arc<Plugin>>>,
    }

    /// The table: feature, which is the name too, and the plugin's type.
    macro_rules! bundled {
        ($($name:literal => $type:ty),* $(,)?) => {
            /// Their names.
            pub const NAMES: &[&str] = &[$(#[cfg(feature = $name)] $name),*];

            static BUNDLED: [Bundled; NAMES.len()] = [$(#[cfg(feature = $name)] Bundled {
                name: $name,
                entry: {
                    static ENTRY: abi::Entry = edas_plugin::entry::<$type>();
                    &ENTRY
                },
                plugin: OnceLock::new(),
            }),*];
        };
    }

    bundled! {
        "darts-ops" => edas_darts_ops::DartsOps,
        "nb201" => edas_nb201::Nb201,
        "mobile-ops" => edas_mobile_ops::MobileOps,
        "edas-policies" => edas_policies::EdasPolicies,
    }

    /// The bundled plugin of a name.
    pub fn find(name: &str) -> Option<Result<Arc<Plugin>>> {
        let bundled = BUNDLED.iter().find(|b| b.name == name)?;
        Some(bundled.plugin.get_or_init(|| Plugin::open(bundled.entry, Origin::Bundled, &HOST).map(Arc::new)).clone())
    }
}
