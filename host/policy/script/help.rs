//! What the author of a policy may have meant: help for errors that the script engine words without knowing of policies.

use super::params::FORMS;
use crate::error::{Error, Fields, Place, nearest};

/// The word between the backquotes that follow `before`, in an error of the script engine.
fn quoted<'a>(what: &'a str, before: &str) -> Option<&'a str> {
    what.strip_prefix(before)?.strip_prefix('`')?.strip_suffix('`')
}

/// The error with help, where there is some. `parameters` are the names that the script declares, `known` those of the
/// interface.
pub(super) fn explain(error: Error, parameters: &[&str], known: &[&str]) -> Error {
    let Fields { what, place, .. } = error.fields().clone();
    let (what, place) = (what.as_str(), place.as_ref());
    if let Some(name) = what.strip_prefix("the script cannot be read: Undefined variable: ") {
        let constant = place.is_some_and(|place| constants(place).any(|constant| constant == name));
        let help = constant.then(|| format!("within functions a constant of the script is written `global::{name}`"));
        return error.help_if(help);
    }
    if let Some(name) = quoted(what, "there is no property ") {
        return match place.and_then(owner) {
            Some("params") => {
                let help = nearest(name, parameters.iter().copied());
                let help = help.unwrap_or_else(|| format!("`params()` of the script has to declare `{name}`"));
                let none = parameters.is_empty();
                error.expected(if none { "no parameters".to_owned() } else { parameters.join(", ") }).help(help)
            }
            Some("this") => error.help(first_state(name)),
            _ => error,
        };
    }
    if let Some((name, types)) = what.strip_prefix("there is no function ").and_then(|rest| rest.split_once(" (")) {
        // `this.count += 1` where nothing has been put into `this.count`.
        let operand = place.and_then(before).filter(|_| types.starts_with("()")).map(last_word);
        let state = operand.filter(|(owner, _)| last_word(owner.strip_suffix('.').unwrap_or_default()).1 == "this");
        if let Some((_, key)) = state {
            return error.help(first_state(key));
        }
        let help = match name {
            "param" => Some(format!("it is {FORMS}")),
            name if known.contains(&name) => Some(format!("there is a function `{name}` that takes other arguments")),
            _ => None,
        };
        return error.help_if(help);
    }
    error
}

/// The names of the constants in a script.
fn constants(place: &Place) -> impl Iterator<Item = &str> {
    let lines = place.text.as_deref().unwrap_or_default().lines();
    lines.filter_map(|line| line.trim_start().strip_prefix("const ")?.split(['=', ' ']).find(|word| !word.is_empty()))
}

/// How a state gets its first value.
fn first_state(key: &str) -> String {
    format!(
        "the policy's state starts as an empty map: let `init` fill it, fn init(space, params) {{ #{{ {key}: … }} }}"
    )
}

/// What stands before a place on its line.
fn before(place: &Place) -> Option<&str> {
    let line = place.text.as_deref()?.lines().nth(place.line.checked_sub(1)?)?;
    let (end, _) = line.char_indices().nth(place.column.checked_sub(1)?)?;
    Some(line[..end].trim_end())
}

/// A text without its last word, and that word.
fn last_word(text: &str) -> (&str, &str) {
    let start = text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    text.split_at(start)
}

/// What stands before the dot before a place, if that is a word: `params` in `turn.params.x`, with the place at `x`.
fn owner(place: &Place) -> Option<&str> {
    Some(last_word(before(place)?.strip_suffix('.')?.trim_end()).1)
}
