//! An engine that can compute, and nothing else.
//!
//! It starts raw: no module files of its own, no clock, no `eval`, no `sleep` or `exit`, nothing printed to stdout.

use super::budget::{self, Printed};
use super::guard::{self, Bodies};
use super::{mathematics, replaced};
use crate::spec::Sandbox;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage,
    LogicPackage, MoreStringPackage, Package,
};
use rhai::{Engine, Position};

/// An engine with these limits.
pub(super) fn engine(limits: &Sandbox, bodies: &Bodies) -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    mathematics::register(&mut engine);
    replaced::register(&mut engine);
    guard::register(&mut engine, bodies);
    restrict(&mut engine, limits);
    engine.on_print(|text| {
        log(text, || tracing::info!(target: "edas::script", "{text}"));
    });
    engine.on_debug(|text, source, position| {
        let place = match (source, position.line()) {
            (Some(source), Some(line)) => format!("{source}:{line}: "),
            (None, Some(line)) => format!("line {line}: "),
            _ => String::new(),
        };
        log(text, || tracing::debug!(target: "edas::script", "{place}{text}"));
    });
    engine
}

fn restrict(engine: &mut Engine, limits: &Sandbox) {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    // Every limit is set: the defaults differ between debug and release builds.
    engine
        // Operations are counted in `on_progress`, which sees those in callbacks too.
        .set_max_operations(0)
        .set_max_call_levels(limits.depth as usize)
        .set_max_expr_depths(64, 64)
        .set_max_string_size(size(limits.string))
        .set_max_array_size(size(limits.array))
        .set_max_map_size(size(limits.map))
        .set_max_variables(1000)
        .set_max_functions(1000)
        .set_max_modules(1000)
        // A misspelt key would otherwise read as (), and a comparison with () is false.
        .set_fail_on_invalid_map_property(true)
        .set_strict_variables(true)
        // Others compute while compiling, where no limit holds: constants in constants without end, host functions.
        .set_optimization_level(rhai::OptimizationLevel::None)
        .disable_symbol("eval");
    engine.on_progress(|_| budget::tick());
}

/// Logs what a script prints, as far as a call may.
fn log(text: &str, all: impl FnOnce()) {
    match budget::current().map_or(Printed::All, |budget| budget.print(text)) {
        Printed::All => all(),
        Printed::TooMuch => tracing::info!(
            target: "edas::script",
            "(the script prints more than a call may: `sandbox.print_lines`, `sandbox.print_bytes`; the rest is left out)"
        ),
        Printed::Nothing => {}
    }
}

/// A position's line and column; 0 where there is none.
pub(super) fn line_and_column(position: Position) -> (usize, usize) {
    (position.line().unwrap_or(0), position.position().unwrap_or(0))
}
