//! `edas doctor`: what a bug report needs.

use super::{Done, output};
use crate::extension::registry::bundled;
use crate::native;
use serde_json::json;

pub(super) fn run(json_wanted: bool) -> Done {
    let plugins: Vec<String> = bundled::NAMES
        .iter()
        .map(|name| match bundled::find(name) {
            Some(Ok(plugin)) => {
                format!("{} {} (ABI {}.{}, bundled)", plugin.name, plugin.version, plugin.abi.0, plugin.abi.1)
            }
            Some(Err(error)) => format!("{name}: {error}"),
            None => format!("{name}: missing"),
        })
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = native::memory();
    let report = json!({
        "edas": env!("CARGO_PKG_VERSION"),
        "abi": format!("{}.{}", edas_plugin::abi::ABI_MAJOR, edas_plugin::abi::ABI_MINOR),
        "libtorch": native::LIBTORCH,
        "libtorch_folder": native::libtorch_folder(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "cpu": native::cpu_features(),
        "threads": threads,
        "memory": memory.map(|m| output::bytes(m as f64)),
        "cuda_devices": native::cuda_devices(),
        "plugins": plugins,
        "plugin_path": std::env::var("EDAS_PLUGIN_PATH").ok(),
        "executable": std::env::current_exe().ok().map(|p| p.display().to_string()),
    });
    if json_wanted {
        return output::json(&report);
    }
    let mut table = output::table(["what", "found"]);
    for (name, value) in report.as_object().into_iter().flatten() {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => "–".to_owned(),
            serde_json::Value::Array(list) => list.iter().filter_map(|v| v.as_str()).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        };
        table.add_row([name.replace('_', " "), text]);
    }
    output::print(&(table.trim_fmt() + "\n"))
}
