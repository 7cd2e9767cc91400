//! `edas plugin list`: the plugins that specs can name.

use super::super::{Done, output};
use crate::error::Result;
use crate::extension::registry::bundled;
use crate::extension::{Origin, Plugin, Registry, library};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn run(json_wanted: bool) -> Done {
    let mut rows: Vec<Value> = Vec::new();
    for name in bundled::NAMES {
        rows.extend(bundled::find(name).map(|plugin| row(name, &plugin)));
    }
    for path in found() {
        let plugin = library::open(&path);
        rows.push(row(&path.display().to_string(), &plugin));
    }
    if json_wanted {
        return output::json(&Value::Array(rows));
    }
    let mut table = output::table(["plugin", "version", "offers", "ABI", "where"]);
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        if row["error"].is_string() {
            table.add_row([text("name"), "–".to_owned(), text("error"), "–".to_owned(), text("where")]);
        } else {
            table.add_row([text("name"), text("version"), text("offers"), text("abi"), text("where")]);
        }
    }
    output::print(&(table.trim_fmt() + "\n"))
}

/// Libraries in the folders where names are looked for, that say they are plugins.
fn found() -> Vec<PathBuf> {
    let mut list = Vec::new();
    for folder in Registry::new(None).folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let library = |path: &Path| {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.starts_with(std::env::consts::DLL_PREFIX) && name.ends_with(std::env::consts::DLL_SUFFIX)
        };
        let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| library(p) && is_plugin(p)).collect();
        paths.sort();
        list.append(&mut paths);
    }
    list
}

/// Whether a library names the symbol of plugins: others are not opened, which would run their code.
fn is_plugin(path: &Path) -> bool {
    let symbol = edas_plugin::abi::ENTRY_SYMBOL.as_bytes();
    std::fs::read(path).is_ok_and(|bytes| bytes.windows(symbol.len()).any(|w| w == symbol))
}

fn row(name: &str, plugin: &Result<Arc<Plugin>>) -> Value {
    match plugin {
        Err(_) => {
            let file =
                Path::new(name).file_name().map_or_else(|| name.to_owned(), |n| n.to_string_lossy().into_owned());
            json!({ "name": file, "error": "cannot be used: `edas plugin inspect` says why", "where": name })
        }
        Ok(plugin) => json!({
            "name": plugin.name,
            "version": plugin.version,
            "description": plugin.description,
            "abi": format!("{}.{}", plugin.abi.0, plugin.abi.1),
            "offers": super::inspect::offers(plugin),
            "where": match &plugin.origin {
                Origin::Bundled => "bundled".to_owned(),
                Origin::Library { path, .. } => path.display().to_string(),
            },
        }),
    }
}
