//! What was run: spec, versions, machine, time.

use crate::report::history::{History, State};
use crate::report::sizes::duration;
use crate::spec::{Policy, Space, Spec};
use maud::{Markup, html};
use std::path::Path;

/// The facts of a run.
pub(super) fn about(run: &History) -> Markup {
    let fact = |name: &str, value: String| {
        html! { tr { th { (name) } td dir="auto" { (value) } } }
    };
    html! {
        table.facts {
            (fact("run", run.path.display().to_string()))
            (fact("state", state(run)))
            @if let Some(spec) = &run.spec {
                (fact("name, seed", format!("{}, {}", spec.name, spec.seed)))
                @if run.is_search() {
                    (fact("space", space(spec)))
                    (fact("policy", policy(spec)))
                    (fact("network", format!("{} cells of {} channels", spec.network.cells, spec.network.channels)))
                } @else {
                    @let evaluate = spec.evaluate.as_ref().or(spec.transfer.as_ref());
                    @if let Some(evaluate) = evaluate {
                        (fact("network", format!("{} cells of {} channels", evaluate.cells, evaluate.channels)))
                    }
                }
                (fact("data", spec.data.name.name().to_owned()))
            }
            (fact("iterations", format!("{} in {} whole epochs", run.metrics.iterations, run.metrics.epochs)))
            (fact("time of whole epochs", duration(run.seconds())))
            @for session in &run.sessions {
                (fact("ran on", format!("{}, from iteration {} on", session.machine, session.iteration)))
            }
        }
        @if !run.missing.is_empty() {
            div.warn { "Of this run, something is missing:" ul { @for what in &run.missing { li dir="auto" { (what) } } } }
        }
        @if !run.spec_text.is_empty() { details { summary { "the whole spec" } pre { (run.spec_text) } } }
    }
}

fn state(run: &History) -> String {
    match &run.state {
        State::Finished => "finished".to_owned(),
        State::Failed(why) => format!("failed: {why}"),
        State::Unfinished => "not finished: it still goes on, or was interrupted".to_owned(),
    }
}

fn space(spec: &Spec) -> String {
    match &spec.space {
        Some(Space::File(path)) => file(path),
        Some(Space::Script(space)) => file(&space.script),
        Some(Space::Plugin(space)) => format!("{}, of the plugin {}", space.name, space.plugin),
        Some(Space::Inline(_)) => "in the spec".to_owned(),
        None => "none".to_owned(),
    }
}

fn policy(spec: &Spec) -> String {
    match &spec.policy {
        Some(Policy::Script(policy)) => file(&policy.script),
        Some(Policy::Plugin(policy)) => format!("{}, of the plugin {}", policy.name, policy.plugin),
        None => "none".to_owned(),
    }
}

/// The name of a file that a run has a copy of.
fn file(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
