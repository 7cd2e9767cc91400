//! Genotypes as DARTS prints them.

use super::genotype::Genotype;
use crate::error::{Error, Result};

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
