//! Several runs side by side: the paper's table 2, and where their genotypes differ.

use crate::report::Comparison;
use crate::report::history::{History, State};
use crate::space::Genotype;
use maud::{Markup, html};

/// Several runs side by side.
pub(super) fn compared(runs: &[History]) -> Markup {
    let mut rows = Comparison::default();
    let mut left_out: Vec<String> = Vec::new();
    for run in runs {
        if run.state != State::Finished {
            left_out.push(format!("{}: it is not finished", run.name));
        } else if let Err(e) = rows.add(&run.path) {
            left_out.push(format!("{}: {e}", run.name));
        }
    }
    html! {
        @if !rows.rows.is_empty() { div.scroll { table.wide {
            thead { tr { @for heading in rows.headings() { th { (heading) } } } }
            tbody { @for row in rows.cells() { tr { @for cell in row { td.text dir="auto" { (cell) } } } } }
        } } }
        @if !left_out.is_empty() {
            div.warn { "Not in the table:" ul { @for what in &left_out { li dir="auto" { (what) } } } }
        }
        h3 { "Where their genotypes differ" }
        (differences(runs))
    }
}

/// An edge of a genotype: cell type, from, to, and which of several between the same nodes.
type Key = (String, usize, usize, usize);

fn edges(genotype: &Genotype) -> Vec<(Key, String)> {
    let mut list: Vec<(Key, String)> = Vec::new();
    for (name, cell) in &genotype.cells.0 {
        for edge in &cell.edges {
            let same = list.iter().filter(|((cell, from, to, _), _)| (cell, from, to) == (name, &edge.from, &edge.to));
            let number = same.count();
            list.push(((name.clone(), edge.from, edge.to, number), edge.candidate.clone()));
        }
    }
    list
}

fn differences(runs: &[History]) -> Markup {
    let known: Vec<(&History, Vec<(Key, String)>)> =
        runs.iter().filter_map(|run| Some((run, edges(&run.newest()?)))).collect();
    let mut keys: Vec<&Key> = known.iter().flat_map(|(_, edges)| edges.iter().map(|(key, _)| key)).collect();
    keys.sort_by_key(|(cell, from, to, number)| (cell, to, from, number));
    keys.dedup();
    let all = keys.len();
    let became = |edges: &[(Key, String)], key: &Key| {
        edges.iter().find(|(known, _)| known == key).map_or_else(|| "–".to_owned(), |(_, name)| name.clone())
    };
    let rows: Vec<(&Key, Vec<String>)> = keys
        .into_iter()
        .map(|key| (key, known.iter().map(|(_, edges)| became(edges, key)).collect::<Vec<String>>()))
        .filter(|(_, names)| names.windows(2).any(|pair| pair[0] != pair[1]))
        .collect();
    html! {
        @if known.len() < 2 {
            p.note { "Fewer than two of the runs have derived anything." }
        } @else if rows.is_empty() {
            p { "Nowhere: all became the same." }
        } @else {
            p.note { (rows.len()) " of " (all) " edges became different things; – where an edge was cut." }
            div.scroll { table.wide {
                thead { tr { th { "edge" } @for (run, _) in &known { th dir="auto" { (run.name) } } } }
                tbody { @for ((cell, from, to, _), names) in &rows {
                    tr { td.text { (cell) " " (from) " → " (to) } @for name in names { td.text dir="auto" { (name) } } }
                } }
            } }
        }
    }
}
