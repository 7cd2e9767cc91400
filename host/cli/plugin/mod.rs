//! `edas plugin`: what plugins there are, what they hold, whether they hold up, and projects for new ones. Op sets and spaces
//! that are scripts are inspected and checked as plugins are.
//!
//! - `list`, `inspect`, `check`, `new`: one subcommand each
//! - `scaffold`: the project that `new` writes

mod check;
mod inspect;
mod list;
mod new;
mod scaffold;

use super::Done;
use crate::error::Result;
use crate::extension::{Plugin, Registry};
use crate::graph::OpScript;
use crate::space::ScriptSpace;
use crate::spec::{Sandbox, read_text};
use std::path::Path;
use std::sync::Arc;

/// The subcommands of `edas plugin`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the plugins that specs can name: bundled ones, and those found in EDAS_PLUGIN_PATH and beside the program.
    #[command(after_help = "Example:\n  EDAS_PLUGIN_PATH=plugins edas plugin list")]
    List,
    /// Show all that a plugin describes: operations, parameters, ranges, layer graphs, costs; spaces; policies.
    #[command(after_help = "Examples:\n  edas plugin inspect darts-ops\n  edas plugin inspect scripts/ops/darts.rhai")]
    Inspect(inspect::Options),
    /// Write a small, whole project for a plugin, with the SDK or the header beside it.
    #[command(after_help = "Example:\n  edas plugin new my-ops && cd my-ops && cargo build --release")]
    New(new::Options),
    /// Check a plugin: shapes, gradients, kernels, repeatability of its operations; its spaces; its policies.
    #[command(after_help = "Example:\n  edas plugin check target/release/libmy_ops.so")]
    Check(check::Options),
}

pub(super) fn run(command: &Command, json: bool) -> Done {
    match command {
        Command::List => list::run(json),
        Command::Inspect(options) => inspect::run(options, json),
        Command::New(options) => new::run(options, json),
        Command::Check(options) => check::run(options, json),
    }
}

/// What an argument names.
enum Opened {
    Plugin(Arc<Plugin>),
    OpSet(Arc<OpScript>),
    Space(Box<ScriptSpace>),
}

/// The script or plugin of a path, or the plugin of a name where no file is called so.
fn open(path_or_name: &str) -> Result<Opened> {
    let path = Path::new(path_or_name);
    if path.extension().is_none_or(|e| e != "rhai") {
        return plugin(path_or_name).map(Opened::Plugin);
    }
    let text = read_text(path, "script")?;
    let limits = Sandbox::default();
    if ScriptSpace::is_in(&text) {
        ScriptSpace::new(path, &text, &limits).map(|space| Opened::Space(Box::new(space)))
    } else {
        OpScript::new(path, &text, &limits).map(|script| Opened::OpSet(Arc::new(script)))
    }
}

/// The plugin of a path, or of a name where no file is called so.
pub(super) fn plugin(path_or_name: &str) -> Result<Arc<Plugin>> {
    // What plugins may ask for in `init` is there, whatever is to be done with them.
    crate::policy::plugin::model::offer();
    let registry = Registry::new(Some(Path::new("")));
    let path = Path::new(path_or_name);
    let library = path.extension().is_some_and(|e| e == std::env::consts::DLL_EXTENSION);
    if library || path.exists() || path.components().count() > 1 {
        registry.at(path)
    } else {
        registry.named(path_or_name)
    }
}
