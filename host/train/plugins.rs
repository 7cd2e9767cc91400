//! The plugins and scripted op sets that a spec names: in `plugins`, under `space`, under `policy`.

use crate::error::{Error, Place, Result};
use crate::extension::{Plugin, Registry};
use crate::graph::{OpScript, Provider};
use crate::policy;
use crate::spec::{PluginRef, Spec, read_text};
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
        PluginRef::Path(path) if is_script(path) => Err(Error::new("a script is no plugin")
            .at(place())
            .expected("a plugin")
            .found(path.display().to_string())
            .help("name a script by `script: …` in place of `plugin: …`")),
        PluginRef::Path(path) => registry.at(path).map_err(|e| e.context(format!("loading what {} names", place()))),
    }
}

fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rhai")
}

/// The plugins and scripted op sets of `plugins`.
///
/// # Errors
/// Where one cannot be loaded, or two have the same name.
pub(super) fn listed(spec: &Spec) -> Result<Vec<Provider>> {
    let mut providers: Vec<Provider> = Vec::new();
    for (i, reference) in spec.plugins.iter().enumerate() {
        let key = format!("plugins.{i}");
        let provider = match reference {
            PluginRef::Path(path) if is_script(path) => {
                let text = read_text(path, "op set script").map_err(|e| e.at(place(spec, &key)))?;
                Provider::Script(Arc::new(OpScript::new(path, &text, &spec.sandbox)?))
            }
            _ => Provider::Plugin(load(spec, &key, reference)?),
        };
        if let Some(other) = providers.iter().find(|s| are_alike(s, &provider)) {
            let error = match (other, &provider) {
                (Provider::Plugin(_), Provider::Plugin(_)) => {
                    Error::new(format!("two plugins are named `{}`", provider.name()))
                        .help("name one of them only: a plugin is known by the name that it gives itself")
                }
                _ => Error::new(format!("two op sets are named `{}`", provider.name()))
                    .help("let the script say another name: fn op_set() { #{ name: \"my-ops\" } }"),
            };
            return Err(error.at(place(spec, &key)));
        }
        providers.push(provider);
    }
    Ok(providers)
}

/// Whether two op sets cannot be told apart. Scripts are copied under their names, which differ by more than capitals.
fn are_alike(a: &Provider, b: &Provider) -> bool {
    match (a, b) {
        (Provider::Script(a), Provider::Script(b)) => a.name().eq_ignore_ascii_case(b.name()),
        _ => a.name() == b.name(),
    }
}

/// Refuses a plugin that bears the name of another one, or of a scripted op set.
pub(super) fn check_name(providers: &[Provider], plugin: &Plugin) -> Result<()> {
    let other = |provider: &&Provider| match provider {
        Provider::Plugin(other) => other.name == plugin.name && other.origin != plugin.origin,
        Provider::Script(script) => script.name() == plugin.name,
    };
    match providers.iter().find(other) {
        Some(Provider::Plugin(other)) => Err(Error::new(format!("two plugins are named `{}`", plugin.name))
            .expected(format!("the same one as under `plugins`: {other:?}"))
            .found(format!("{plugin:?}"))),
        Some(Provider::Script(other)) => {
            Err(Error::new(format!("a plugin and an op set under `plugins` are named `{}`", plugin.name))
                .found(format!("{plugin:?}, {other:?}"))
                .help("let the script say another name: fn op_set() { #{ name: \"my-ops\" } }"))
        }
        None => Ok(()),
    }
}

/// Where a key stands.
pub(super) fn place(spec: &Spec, key: &str) -> Place {
    spec.place(key).unwrap_or_else(|| Place::file(&spec.name))
}
