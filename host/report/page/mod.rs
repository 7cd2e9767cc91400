//! The report: one page of HTML that needs nothing besides itself.
//!
//! - `about`: what was run
//! - `result`: what it came to
//! - `compared`: several runs side by side
//! - `cells`: the derived cell over the search
//! - `alpha`: α over the search
//! - `figure`: a plot in the page
//! - `sized`: a run, and the sizes of what it derived

mod about;
mod alpha;
mod cells;
mod compared;
mod figure;
mod result;
mod sized;

use super::figures;
use super::history::History;
use super::picture::colour;
use crate::error::Result;
use figure::figure;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sized::Sized;

/// A page about runs: one, or several to be compared. It asks for nothing from elsewhere, and a browser that honours its policy would refuse
/// to. Texts of the runs (names, classes, messages) are shown as text, whatever they hold.
///
/// # Errors
/// Where a plot cannot be drawn.
pub fn page(runs: &[History]) -> Result<String> {
    let sized: Vec<Sized> = runs.iter().map(Sized::of).collect();
    let title = match runs {
        [run] => run.spec.as_ref().map_or_else(|| run.name.clone(), |spec| spec.name.clone()),
        _ => format!("{} runs side by side", runs.len()),
    };
    let sections = sections(runs, &sized)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(concat!("edas ", env!("CARGO_PKG_VERSION")));
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(include_str!("page.css"))) (PreEscaped(hidden_curves(runs.len()))) }
            }
            body {
                h1 dir="auto" { (title) }
                (legend(runs))
                nav { @for section in &sections { a href={ "#" (section.id) } { (section.title) } } }
                @for section in &sections {
                    section id=(section.id) { h2 { (section.title) } (section.body) }
                }
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    Ok(page.into_string())
}

/// A section of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

fn sections(runs: &[History], sized: &[Sized]) -> Result<Vec<Section>> {
    let searches: Vec<&Sized> = sized.iter().filter(|sized| sized.run.is_search()).collect();
    let of_searches = |part: &dyn Fn(&Sized, &str) -> Result<Markup>| per_run(runs, searches.iter().copied(), part);
    let of_all = |part: &dyn Fn(&Sized, &str) -> Result<Markup>| per_run(runs, sized.iter(), part);
    let mut sections = Vec::new();
    let mut add = |id, title, body| sections.push(Section { id, title, body });
    add("about", "What was run", of_all(&|sized, _| Ok(about::about(sized.run)))?);
    if runs.len() > 1 {
        add("compared", "Side by side", compared::compared(runs));
    }
    add("result", "Result", of_all(&|sized, prefix| Ok(result::result(sized, prefix)))?);
    add("accuracy", "Accuracy", accuracy(runs)?);
    if !searches.is_empty() {
        add("cells", "The derived cell over the search", of_searches(&cells::cells)?);
        let alphas = |sized: &Sized, prefix: &str| match &sized.run.alpha {
            Some(history) => alpha::alpha(sized.run, history, prefix),
            None => Ok(html! {}),
        };
        add("alpha", "α over the search", of_searches(&alphas)?);
        add("draws", "What was drawn", of_searches(&draws)?);
    }
    add("losses", "Losses and learning rates", losses(runs, sized)?);
    add("time", "Time", time(runs, sized)?);
    Ok(sections)
}

/// A part for each of some runs, under its name where the page has several.
fn per_run<'a>(
    runs: &[History],
    sized: impl Iterator<Item = &'a Sized<'a>>,
    part: &dyn Fn(&Sized, &str) -> Result<Markup>,
) -> Result<Markup> {
    let mut parts = Vec::new();
    for sized in sized {
        let number = runs.iter().position(|run| std::ptr::eq(run, sized.run)).unwrap_or_default();
        let prefix = if runs.len() > 1 { format!("run-{number}-") } else { String::new() };
        parts.push((number, sized.run, part(sized, &prefix)?));
    }
    Ok(html! {
        @for (number, run, body) in &parts {
            div data-of-run=(number) {
                @if runs.len() > 1 { h3 dir="auto" { (swatch(*number)) (run.name) } }
                (body)
            }
        }
    })
}

fn swatch(number: usize) -> Markup {
    html! { span.swatch style={ "background:" (colour::curve(number)) } {} }
}

/// Which runs are shown.
fn legend(runs: &[History]) -> Markup {
    if runs.len() == 1 {
        return html! {};
    }
    html! {
        div.runs.several {
            @for (number, run) in runs.iter().enumerate() {
                label { input type="checkbox" checked data-run=(number); " " (swatch(number)) bdi { (run.name) } }
            }
        }
    }
}

/// The rules by which a run that is not wanted loses its curves: these have a colour of their own in plots that all runs share.
fn hidden_curves(runs: usize) -> String {
    let rule = |number: usize| {
        let colour = colour::curve(number);
        format!(
            ".without-{number} .shared [stroke=\"{colour}\"], .without-{number} .shared [fill=\"{colour}\"] {{ display: none; }}\n"
        )
    };
    if runs > 1 { (0..runs).map(rule).collect() } else { String::new() }
}

fn accuracy(runs: &[History]) -> Result<Markup> {
    let has_evaluation = runs.iter().any(|run| !run.is_search());
    Ok(html! {
        div.plots.shared {
            (figure(&figures::derived_accuracy(runs), "", None)?)
            (figure(&figures::gap(runs), "", None)?)
            @if has_evaluation { (figure(&figures::test_accuracy(runs), "", None)?) }
        }
        @if let [run] = runs { div.plots {
            @if run.is_search() { (figure(&figures::supernet_and_derived(run), "", None)?) }
        } }
    })
}

fn draws(sized: &Sized, prefix: &str) -> Result<Markup> {
    let run = sized.run;
    let draws = &run.draws;
    Ok(html! {
        p.note { (draws.steps) " steps, " (draws.inverted) " of them with the sign of α flipped." }
        div.plots {
            (figure(&figures::drawn_edges(run), prefix, None)?)
            (figure(&figures::candidates_run(run), prefix, None)?)
        }
    })
}

fn losses(runs: &[History], sized: &[Sized]) -> Result<Markup> {
    let own = |sized: &Sized, prefix: &str| {
        Ok(html! { div.plots {
            (figure(&figures::losses(sized.run), prefix, None)?)
            (figure(&figures::training_accuracy(sized.run), prefix, None)?)
        } })
    };
    Ok(html! {
        div.plots.shared { (figure(&figures::learning_rate(runs), "", None)?) }
        (per_run(runs, sized.iter(), &own)?)
    })
}

fn time(runs: &[History], sized: &[Sized]) -> Result<Markup> {
    let own = |sized: &Sized, prefix: &str| {
        let note = "Each phase by itself where the run was made with --profile, whose first iterations tell how all of them divide.";
        figure(&figures::time(sized.run), prefix, Some(note))
    };
    Ok(html! {
        div.plots.shared {
            (figure(&figures::epoch_seconds(runs), "", None)?)
            (figure(&figures::iteration_seconds(runs), "", None)?)
        }
        (per_run(runs, sized.iter(), &own)?)
    })
}
