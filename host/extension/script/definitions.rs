//! Definition files: all that scripts can use, in the form that editors read.

use super::{engine, guard};
use crate::spec::Sandbox;
use rhai::Engine;
use std::collections::HashSet;

fn bare() -> Engine {
    engine::engine(&Sandbox::default(), &guard::Bodies::default())
}

/// What stands between two definitions.
const BETWEEN: &str = "\n\n";

/// The definitions of what `register` adds to the engine.
pub fn definitions(register: impl FnOnce(&mut Engine)) -> String {
    let common = common_definitions();
    let common: HashSet<&str> = common.split(BETWEEN).collect();
    let mut engine = bare();
    register(&mut engine);
    let all = engine.definitions().static_module().replace('\r', "");
    let own: Vec<&str> = all.trim_end().split(BETWEEN).filter(|definition| !common.contains(definition)).collect();
    format!("module static;{BETWEEN}{}\n", own.join(BETWEEN))
}

/// The definitions of what the engine can for any script: texts, arrays, maps, numbers.
pub fn common_definitions() -> String {
    let engine = bare();
    let definitions = engine.definitions();
    let (of_packages, of_the_engine) = (definitions.static_module(), definitions.builtin_functions());
    let text = format!("module static;{BETWEEN}{}{BETWEEN}{}\n", of_packages.trim_end(), of_the_engine.trim_end());
    // Some of the engine's own comments have other line ends.
    text.replace('\r', "")
}
