//! The plugins that a spec names: in `plugins`, under `space`, under `policy`.

use crate::error::{Error, Place, Result};
use crate::extension::{Plugin, Registry};
use crate::policy;
use crate::spec::{PluginRef, Spec};
use std::path::Path;
use std::sync::Arc;

/// The plugin that `reference`, which stands under the key `key`, names.
///
/// # Errors
/// Where it cannot be loaded.
pub(super) fn load(spec: &Spec, key: &str, reference: &PluginRef) -> Result<Arc<Plugin>> {
    // Before any plugin is opened: it may ask for models when it is.
    policy::plugin::model::offer();
    let place = spec.place(key);
    let folder = place.as_ref().and_then(|place| place.file.parent().map(Path::to_owned));
    let place = || place.unwrap_or_else(|| Place::file(&spec.name));
    let registry = Registry::new(folder.as_deref());
    match reference {
        PluginRef::Name(name) => registry.named(name).map_err(|e| e.at(place())),
        PluginRef::Path(path) if path.extension().is_some_and(|e| e == "rhai") => {
            Err(Error::new("op sets as scripts are not supported by this version")
                .at(place())
                .expected("a plugin")
                .found(path.display().to_string()))
        }
        PluginRef::Path(path) => registry.at(path).map_err(|e| e.context(format!("loading what {} names", place()))),
    }
}

/// The plugins of `plugins`.
///
/// # Errors
/// Where one cannot be loaded, or two have the same name.
pub(super) fn listed(spec: &Spec) -> Result<Vec<Arc<Plugin>>> {
    let mut plugins: Vec<Arc<Plugin>> = Vec::new();
    for (i, reference) in spec.plugins.iter().enumerate() {
        let key = format!("plugins.{i}");
        let plugin = load(spec, &key, reference)?;
        if plugins.iter().any(|p| p.name == plugin.name) {
            return Err(Error::new(format!("two plugins are named `{}`", plugin.name))
                .at(place(spec, &key))
                .help("name one of them only: a plugin is known by the name that it gives itself"));
        }
        plugins.push(plugin);
    }
    Ok(plugins)
}

/// Refuses a plugin that bears the name of another one.
pub(super) fn check_name(plugins: &[Arc<Plugin>], plugin: &Plugin) -> Result<()> {
    match plugins.iter().find(|p| p.name == plugin.name && p.origin != plugin.origin) {
        Some(other) => Err(Error::new(format!("two plugins are named `{}`", plugin.name))
            .expected(format!("the same one as under `plugins`: {other:?}"))
            .found(format!("{plugin:?}"))),
        None => Ok(()),
    }
}

/// Where a key stands.
pub(super) fn place(spec: &Spec, key: &str) -> Place {
    spec.place(key).unwrap_or_else(|| Place::file(&spec.name))
}
