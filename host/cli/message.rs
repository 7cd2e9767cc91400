//! Errors as text: what, where with the line, expected, found, what to do.

use super::output::{colours, say};
use super::{Done, Failure};
use crate::error::{Error, Place, panic_text};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

/// Does a command's work. What the program did not foresee becomes an error like others; other threads' panics say nothing.
pub(super) fn without_panics(work: impl FnOnce() -> Done) -> Done {
    static PLACE: Mutex<Option<String>> = Mutex::new(None);
    panic::set_hook(Box::new(|info| {
        tracing::debug!("{info}");
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let text = panic_text(&*panic);
        Err(Failure::Later(
            Error::new("edas made a mistake")
                .found(place.map_or_else(|| text.clone(), |place| format!("{text}, at {place}")))
                .help("this is a bug: please report it, with what `edas doctor` prints"),
        ))
    })
}

/// Writes an error to stderr.
pub(super) fn show(error: &Error) {
    let text = render(error, colours(&std::io::stderr()));
    say(text.trim_end());
}

/// The byte range of the word at a place, in its file's text.
fn span(place: &Place, text: &str) -> Option<std::ops::Range<usize>> {
    let line_start = match place.line {
        0 => return None,
        1 => 0,
        line => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let line = text[line_start..].split('\n').next()?;
    let start = line.char_indices().nth(place.column.max(1) - 1).map_or(line.len(), |(at, _)| at);
    let word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let length = line[start..].find(|c: char| !word(c)).unwrap_or(line.len() - start);
    let length = if length == 0 { line[start..].chars().next().map_or(0, char::len_utf8) } else { length };
    Some(line_start + start..line_start + start + length)
}

/// An error as text.
pub(super) fn render(error: &Error, colour: bool) -> String {
    let fields = error.fields();
    let mut group = Group::with_title(Level::ERROR.primary_title(&fields.what));
    let path = fields.place.as_ref().map(|p| p.file.display().to_string());
    let snippet = fields.place.as_ref().and_then(|place| {
        let text = place.text.as_deref()?;
        Some((text, span(place, text)?))
    });
    let mut plain_place = None;
    match (&snippet, &path) {
        (Some((text, span)), Some(path)) => {
            let annotation = AnnotationKind::Primary.span(span.clone());
            group = group.element(Snippet::source(*text).path(path.as_str()).annotation(annotation));
        }
        _ => plain_place = fields.place.as_ref().map(Place::to_string),
    }
    let notes =
        [("at", plain_place.as_ref()), ("expected", fields.expected.as_ref()), ("found", fields.found.as_ref())];
    let mut lines: Vec<String> =
        notes.iter().filter_map(|(name, text)| text.map(|text| format!("{name}: {text}"))).collect();
    lines.extend(fields.context.iter().map(|context| format!("while {context}")));
    for line in &lines {
        group = group.element(Level::NOTE.no_name().message(line.as_str()));
    }
    if let Some(help) = &fields.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let done = without_panics(|| panic!("no such {}", "thing"));
        drop(panic::take_hook());
        let Err(Failure::Later(error)) = done else { panic!("it did panic") };
        let found = error.fields().found.clone().unwrap_or_default();
        assert!(found.starts_with("no such thing, at host/cli/message.rs:"), "{error}");
        assert!(without_panics(|| Ok(())).is_ok());
        drop(panic::take_hook());
    }
}
