//! What a policy script sees, and how it answers.
//!
//! - `space`: the space and its edges
//! - `random`: random numbers
//! - `turn`: turns
//! - `plan`: plans, steps
//! - `hooks`: what hooks are given and what they return
//!
//! Every function is registered together with its signature and meaning: [`reference()`] is all that there is.

mod hooks;
mod plan;
mod random;
mod space;
mod turn;

pub use hooks::{HOOKS, Hook};
pub(super) use hooks::{after_epoch, alpha_rows, choices, epoch, results};
pub(super) use plan::steps;
pub(super) use space::SpaceValue;
pub(super) use turn::TurnValue;

use super::params;
use crate::error::Error;
use crate::extension::interface::{Entry, Interface};
use crate::extension::script::{self, raise};
use rhai::{Dynamic, Engine, EvalAltResult, FLOAT};
use std::sync::LazyLock;

type Raised<T> = Result<T, Box<EvalAltResult>>;

static REFERENCE: LazyLock<Vec<Entry>> = LazyLock::new(|| all(&mut Engine::new_raw()));
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let fields = HOOKS.iter().flat_map(|hook| hook.fields.iter().map(|(field, _)| *field));
    REFERENCE.iter().map(Entry::name).chain(fields).collect()
});

/// All that policy scripts can use, beyond the language itself.
pub fn reference() -> &'static [Entry] {
    &REFERENCE
}

/// The definition file of it, for editors.
pub fn definitions() -> String {
    script::definitions(register)
}

/// The names of it, for suggestions.
pub(super) fn names() -> &'static [&'static str] {
    &NAMES
}

/// Registers it all.
pub(super) fn register(engine: &mut Engine) {
    all(engine);
}

fn all(engine: &mut Engine) -> Vec<Entry> {
    let mut api = Interface::new(engine);
    turn::register(&mut api);
    space::register(&mut api);
    random::register(&mut api);
    plan::register(&mut api);
    params::declare(&mut api);
    api.entries()
}

/// A number, whole or not.
fn float(value: &Dynamic) -> Option<FLOAT> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|i| i as FLOAT))
}

/// The numbers of an array.
fn floats(array: &[Dynamic]) -> Raised<Vec<FLOAT>> {
    let number = |(i, value): (usize, &Dynamic)| {
        float(value).ok_or_else(|| {
            raise(
                Error::new("these are no numbers")
                    .expected("an array of numbers")
                    .found(format!("an array whose entry {i} is a value of type {}", super::type_name(value))),
            )
        })
    };
    array.iter().enumerate().map(number).collect()
}
