//! What a run came to: cells, genotype, sizes, accuracies.

use super::figure::files;
use super::sized::Sized;
use crate::report::history::{History, State};
use crate::report::picture::diagram::svg;
use crate::report::sizes::{count, paths};
use crate::run::EvaluationResult;
use crate::space::{Architecture, Genotype, text};
use maud::{Markup, html};

/// The result of a run, or what it has come to so far.
pub(super) fn result(sized: &Sized, prefix: &str) -> Markup {
    let run = sized.run;
    let Some(genotype) = run.newest() else {
        return html! { p.note { "The run has derived nothing that can be shown." } };
    };
    let note = match (&run.genotype, &run.state) {
        (Some(_), _) => None,
        (None, State::Finished) => Some("What the run has come to cannot be read: this is what it derived last."),
        (None, _) => Some("The run has not come to its end: this is what it derived last."),
    };
    html! {
        @if let Some(note) = note { p.note { (note) } }
        table.facts { (facts(sized)) }
        figure id={ (prefix) "cells-found" } {
            div.scroll.cells { (svg(&sized.pictures(&genotype.cells), Some("cell"))) }
            (files(&format!("{prefix}cells-found"), None))
        }
        @for (form, text) in texts(&genotype) { details { summary { (form) } pre { (text) } } }
        @if let Some(evaluation) = &run.evaluation { (confusion(evaluation)) }
    }
}

fn facts(sized: &Sized) -> Markup {
    let fact = |name: &str, value: String| html! { tr { th { (name) } td { (value) } } };
    let accuracy = |value: f64| format!("{value:.4}");
    let run: &History = sized.run;
    html! {
        @if let Some(result) = &run.evaluation {
            (fact("test accuracy", format!("{}, after the last epoch", accuracy(result.last.test_accuracy))))
            @if let Some(top5) = result.last.test_top5 { (fact("among the first five", accuracy(top5))) }
            (fact("best, selected on test", accuracy(result.best_selected_on_test.test_accuracy)))
        } @else if let (Some(derived), Some(supernet)) =
            (run.metrics.derived_accuracy.last(), run.metrics.supernet_accuracy.last())
        {
            (fact("derived network", format!("{}, with the supernet's weights", accuracy(derived))))
            (fact("supernet", accuracy(supernet)))
        }
        @if let Some(cost) = &sized.cost {
            (fact("parameters", count(cost.parameters)))
            (fact("multiply-adds", count(cost.multiply_adds)))
            (fact("longest paths", paths(&cost.longest_paths)))
            @if let Some(setting) = sized.setting.as_ref().filter(|_| run.evaluation.is_none()) {
                (fact("as a network of", setting.to_string()))
            }
        }
    }
}

/// A genotype as text, in the forms that it has.
fn texts(genotype: &Genotype) -> Vec<(&'static str, String)> {
    let mut forms = Vec::new();
    if let Ok(text) = text::darts(genotype) {
        forms.push(("the genotype as DARTS prints it", text));
    }
    if let Ok(architecture) = Architecture::of(genotype) {
        forms.push(("the architecture string of NAS-Bench-201", architecture.to_string()));
    }
    let edges = genotype.cells.0.iter().flat_map(|(name, cell)| {
        cell.edges.iter().map(move |edge| format!("{name} {} → {}: {}", edge.from, edge.to, edge.candidate))
    });
    forms.push(("the genotype, edge by edge", edges.collect::<Vec<_>>().join("\n")));
    forms
}

/// The most classes whose confusion is shown in whole.
const CLASSES: usize = 32;

/// What the network takes images of each class for.
fn confusion(result: &EvaluationResult) -> Markup {
    let rows = || result.confusion.iter().zip(&result.classes);
    let share = |row: &[u64], count: u64| count as f64 / row.iter().sum::<u64>().max(1) as f64;
    let hits = |at: usize, row: &[u64]| share(row, row.get(at).copied().unwrap_or(0));
    html! {
        h3 { "Classes" }
        @if result.classes.len() <= CLASSES {
            p.note { "Rows: the class of a test image; columns: what the network takes it for." }
            div.scroll { table.wide {
                thead { tr { th {} @for name in &result.classes { th.number dir="auto" { (name) } } th.number { "right" } } }
                tbody { @for (at, (row, name)) in rows().enumerate() {
                    tr {
                        th dir="auto" { (name) }
                        @for count in row { td.number.hit style={ "--share:" (format!("{:.3}", share(row, *count))) } { (count) } }
                        td.number { (format!("{:.1} %", 100.0 * hits(at, row))) }
                    }
                } }
            } }
        } @else {
            details { summary { "the share of each class that is recognised" } div.scroll { table.wide {
                thead { tr { th { "class" } th.number { "right" } } }
                tbody { @for (at, (row, name)) in rows().enumerate() {
                    tr { th dir="auto" { (name) } td.number { (format!("{:.1} %", 100.0 * hits(at, row))) } }
                } }
            } } }
        }
    }
}
