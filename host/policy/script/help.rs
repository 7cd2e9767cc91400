//! What the author of a policy may have meant: help for errors that the script engine words without knowing of policies.

use super::interface::{HOOKS, reference};
use super::params::FORMS;
use crate::error::{Error, Fields, Place, nearest};

/// Functions of numbers that are not whole.
const OF_FLOATS: [&str; 13] =
    ["sin", "cos", "tan", "tanh", "exp", "ln", "log2", "log10", "sqrt", "floor", "ceiling", "round", "pow"];

/// The word between the backquotes that follow `before`, in an error of the script engine.
fn quoted<'a>(what: &'a str, before: &str) -> Option<&'a str> {
    what.strip_prefix(before)?.strip_prefix('`')?.strip_suffix('`')
}

/// The error with help, where there is some. `parameters` are the names that the script declares.
pub(super) fn explain(error: Error, parameters: &[&str]) -> Error {
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
            Some("epoch") => {
                let fields = HOOKS.iter().find(|hook| hook.name == "end_epoch").map_or(&[][..], |hook| hook.fields);
                let names: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
                let help =
                    (name == "params").then(|| "let `init` keep what `end_epoch` needs of the parameters".to_owned());
                error.expected(names.join(", ")).help_if(help)
            }
            Some(owner) => {
                let own = reference()
                    .iter()
                    .filter_map(|e| e.signature.strip_prefix(owner)?.strip_prefix('.')?.split(':').next());
                let names: Vec<&str> = own.collect();
                if names.is_empty() { error } else { error.expected(names.join(", ")) }
            }
            None => error,
        };
    }
    if let Some((name, types)) = what.strip_prefix("there is no function ").and_then(|rest| rest.split_once(" (")) {
        // `this.count += 1` where nothing has been put into `this.count`.
        let operand = place.and_then(before).filter(|_| types.starts_with("()")).map(last_word);
        let state = operand.filter(|(owner, _)| last_word(owner.strip_suffix('.').unwrap_or_default()).1 == "this");
        if let Some((_, key)) = state {
            return error.help(first_state(key));
        }
        let forms = || reference().iter().filter(|e| e.signature.contains('(') && e.name() == name);
        return match name {
            "param" => error.help(format!("it is {FORMS}")),
            name if OF_FLOATS.contains(&name) && types.contains("i64") => {
                error.help("it takes numbers that are not whole: write `x.to_float()`, or `2.0` for `2`")
            }
            _ if forms().next().is_some() => {
                let forms: Vec<String> = forms().map(|e| format!("`{}`", e.signature)).collect();
                error.help(format!("it is {}", forms.join(" or ")))
            }
            _ if types.contains("()") => error.help("`()` is nothing: in `edas trace`, say, accuracies are `()`"),
            _ => error,
        };
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
