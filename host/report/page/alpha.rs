//! α of every edge over the epochs (figure 5), and how often its order changed.

use super::figure::figure;
use crate::error::Result;
use crate::report::figures;
use crate::report::history::{AlphaHistory, EdgeName, History};
use maud::{Markup, html};

/// A plot of the edge that is chosen, and a table of all.
pub(super) fn alpha(run: &History, alpha: &AlphaHistory, prefix: &str) -> Result<Markup> {
    if alpha.epochs.count() == 0 {
        return Ok(html! { p.note { "No epoch is whole yet, so there is no α." } });
    }
    let edges = run.edges.len().min(alpha.strongest_changed.len());
    let id = format!("{prefix}edges");
    let note = (alpha.epochs.each() > 1)
        .then(|| format!("Of {} epochs, one of {} is drawn, and the last.", alpha.epochs.count(), alpha.epochs.each()));
    Ok(html! {
        label {
            "edge "
            select data-shows=(id) {
                @for (at, edge) in run.edges.iter().take(edges).enumerate() { option value=(at) { (edge) } }
            }
        }
        div id=(id) {
            @for at in 0..edges {
                div data-part=(at) hidden[at > 0] { (figure(&figures::alpha(run, at), prefix, note.as_deref())?) }
            }
        }
        details {
            summary { "how often the order of the candidates changed, edge by edge" }
            div.scroll { (changes(&run.edges[..edges], alpha)) }
        }
    })
}

fn changes(edges: &[EdgeName], alpha: &AlphaHistory) -> Markup {
    let strongest = alpha.strongest();
    let name = |edge: usize| strongest.get(edge).and_then(|at| edges[edge].candidates.get(*at).cloned());
    html! {
        table.wide {
            thead { tr {
                th { "edge" } th { "strongest at the end" } th.number { "times that another became the strongest" }
                th.number { "epochs after which the order was another" }
            } }
            tbody {
                @for (at, edge) in edges.iter().enumerate() {
                    tr {
                        td.text { (edge) } td.text { (name(at).unwrap_or_default()) }
                        td.number { (alpha.strongest_changed[at]) } td.number { (alpha.order_changed[at]) }
                    }
                }
                tr {
                    td { "all" } td {}
                    td.number { (alpha.strongest_changed.iter().sum::<u64>()) } td.number { (alpha.order_changed.iter().sum::<u64>()) }
                }
            }
        }
    }
}
