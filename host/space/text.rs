//! Genotypes as text: as DARTS prints them, and as graphs for Graphviz's `dot`.

use super::genotype::{Genotype, GenotypeCell};
use crate::error::{Error, Result};
use std::fmt::Write;

/// The form that quark0/darts prints: `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), …)`. Two
/// entries stand for each node, so only genotypes with two edges per node can be written.
///
/// # Errors
/// Where a node has not two edges.
pub fn darts(genotype: &Genotype) -> Result<String> {
    let mut parts = Vec::new();
    for (name, cell) in &genotype.cells.0 {
        let nodes: std::collections::BTreeSet<usize> = cell.edges.iter().map(|e| e.to).collect();
        let form = genotype.space.cell_types.iter().find(|c| &c.name == name);
        let expected = form.map_or(nodes.len(), |c| c.nodes);
        let per_node = |node: &usize| cell.edges.iter().filter(|e| e.to == *node).count();
        if nodes.len() != expected || nodes.iter().any(|n| per_node(n) != 2) {
            return Err(Error::new("this genotype cannot be written in DARTS's form")
                .expected("two edges into every node")
                .found(format!("{} edges into {expected} nodes of `{name}`", cell.edges.len()))
                .help("derive it with `--rule top2`, or export it as json or dot"));
        }
        let edges: Vec<_> = cell.edges.iter().map(|e| format!("('{}', {})", e.candidate, e.from)).collect();
        parts.push(format!("{name}=[{}], {name}_concat={}", edges.join(", "), concat(&cell.output)));
    }
    Ok(format!("Genotype({})", parts.join(", ")))
}

fn concat(nodes: &[usize]) -> String {
    match nodes {
        [first, .., last] if nodes.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) => {
            format!("range({first}, {})", last.saturating_add(1))
        }
        _ => format!("{nodes:?}"),
    }
}

/// One graph per cell type for `dot`, in one file: inputs, nodes, and edges labelled with their candidates.
pub fn dot(genotype: &Genotype) -> String {
    let mut text = String::from("digraph genotype {\n  rankdir=LR;\n  node [shape=circle, fontname=\"sans-serif\"];\n");
    text.push_str("  edge [fontname=\"sans-serif\"];\n");
    for (name, cell) in &genotype.cells.0 {
        let inputs = genotype.space.cell_types.iter().find(|c| &c.name == name).map_or(0, |c| c.inputs);
        cluster(&mut text, name, cell, inputs);
    }
    text.push_str("}\n");
    text
}

fn cluster(text: &mut String, name: &str, cell: &GenotypeCell, inputs: usize) {
    let id = |node: usize| format!("{}_{node}", quoted(name));
    let _ = writeln!(text, "  subgraph \"cluster_{}\" {{\n    label=\"{}\";", quoted(name), quoted(name));
    for input in 0..inputs {
        let _ = writeln!(text, "    \"{}\" [label=\"in {input}\", shape=box];", id(input));
    }
    let mut nodes: Vec<usize> = cell.edges.iter().map(|e| e.to).chain(cell.output.iter().copied()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes {
        let _ = writeln!(text, "    \"{}\" [label=\"{node}\"];", id(node));
    }
    let _ = writeln!(text, "    \"{}_out\" [label=\"out\", shape=box];", quoted(name));
    for edge in &cell.edges {
        let label = quoted(&edge.candidate);
        let _ = writeln!(text, "    \"{}\" -> \"{}\" [label=\"{label}\"];", id(edge.from), id(edge.to));
    }
    for node in &cell.output {
        let _ = writeln!(text, "    \"{}\" -> \"{}_out\" [style=dashed];", id(*node), quoted(name));
    }
    text.push_str("  }\n");
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
