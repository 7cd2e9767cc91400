//! A plot in a page: the picture, and its numbers as a file.

use crate::error::Result;
use crate::report::picture::Plot;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};

/// A plot as a figure; `prefix` tells the plots of several runs apart. Nothing where the plot has nothing to show.
///
/// # Errors
/// Where it cannot be drawn.
pub(super) fn figure(plot: &Plot, prefix: &str, note: Option<&str>) -> Result<Markup> {
    if plot.is_empty() {
        return Ok(html! {});
    }
    let name = format!("{prefix}{}", plot.name);
    let each = plot.each();
    let svg = plot.svg()?.replacen("<svg ", "<svg class=\"plot\" role=\"img\" ", 1);
    Ok(html! {
        figure id={ "plot-" (name) } {
            figcaption dir="auto" { (plot.title) }
            (PreEscaped(svg))
            @if each > 1 {
                p { "Each point is the mean of up to " (each) " values; the band reaches from the smallest to the largest." }
            }
            @if let Some(note) = note { p { (note) } }
            (files(&name, Some(&plot.csv()?)))
        }
    })
}

/// Links to a picture and to its numbers as files.
pub(super) fn files(name: &str, csv: Option<&str>) -> Markup {
    html! {
        p {
            a href="#" data-svg="" download={ (name) ".svg" } { "SVG" }
            @if let Some(csv) = csv {
                a href={ "data:text/csv;charset=utf-8;base64," (STANDARD.encode(csv)) } download={ (name) ".csv" } { "CSV" }
            }
        }
    }
}
