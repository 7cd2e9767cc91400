//! The derived cell over a search (figure 4), its longest path and its parameters.

use super::figure::{figure, files};
use super::sized::Sized;
use crate::error::Result;
use crate::report::figures::steps;
use crate::report::picture::diagram::svg;
use crate::report::picture::plot::Point;
use crate::report::sizes::{count, paths};
use maud::{Markup, html};

/// A slider over what was derived, and its size as curves.
pub(super) fn cells(sized: &Sized, prefix: &str) -> Result<Markup> {
    if sized.frames.is_empty() {
        return Ok(html! { p.note { "Nothing was derived yet." } });
    }
    let id = format!("{prefix}derived-cells");
    let frames = sized.frames.len();
    let run = sized.run;
    let thinned = (run.derived.each() > 1).then(|| {
        format!("Of {} validations, one of {} is shown, and the last.", run.derived.count(), run.derived.each())
    });
    Ok(html! {
        p.note {
            "From one validation to the next the derived genotype became another one " (run.derived_changed) " times."
            @if let Some(thinned) = thinned { " " (thinned) }
        }
        label for={ (id) "-at" } { "epoch" }
        input id={ (id) "-at" } type="range" min="0" max=(frames - 1) value=(frames - 1) data-shows=(id);
        figure id=(id) {
            @for (at, (derived, genotype)) in sized.frames.iter().enumerate() {
                figcaption data-part=(at) data-uses=(genotype) hidden[at + 1 != frames] {
                    "epoch " (derived.epoch) ", iteration " (derived.iteration) ": accuracy "
                    (format!("{:.4}", derived.accuracy))
                    @if let Some(cost) = &sized.genotypes[*genotype].1 {
                        "; longest paths: " (paths(&cost.longest_paths)) "; " (count(cost.parameters)) " parameters"
                    }
                }
            }
            div.scroll.cells {
                @for (at, (cells, _)) in sized.genotypes.iter().enumerate() {
                    @let shown = sized.frames.last().is_some_and(|(_, last)| *last == at);
                    div data-picture=(at) hidden[!shown] { (svg(&sized.pictures(cells), Some("cell"))) }
                }
            }
            (files(&id, None))
        }
        div.plots {
            (figure(&longest_paths(sized), prefix, None)?)
            (figure(&parameters(sized), prefix, sized.setting.as_ref().map(|s| format!("As a network of {s}.")).as_deref())?)
        }
    })
}

fn longest_paths(sized: &Sized) -> crate::report::picture::Plot {
    let of_cell = |name: String| {
        let point = |(derived, at): &(crate::report::history::Derived, usize)| {
            let length = sized.genotypes[*at].1.as_ref()?.longest_paths.get(&name).copied()?;
            Some(Point::new(derived.iteration as f64, length as f64))
        };
        let points = sized.frames.iter().filter_map(point).collect();
        (name, points)
    };
    let curves = sized.cell_types().into_iter().map(of_cell).collect();
    steps("longest-paths", "Edges on the longest path of the derived cell", "edges", curves)
}

fn parameters(sized: &Sized) -> crate::report::picture::Plot {
    let point = |(derived, at): &(crate::report::history::Derived, usize)| {
        Some(Point::new(derived.iteration as f64, sized.genotypes[*at].1.as_ref()?.parameters as f64))
    };
    let points = sized.frames.iter().filter_map(point).collect();
    steps("parameters", "Parameters of the derived network", "parameters", vec![("parameters".to_owned(), points)])
}
