//! Pictures of cells: what each edge became, from left to right, as the papers draw them.

use super::diagram::{Arrow, Box, Diagram, Drawing, Look, file};
use crate::space::Genotype;
use crate::space::genotype::GenotypeCell;
use serde_json::{Map, Value};

/// Operations of these names carry nothing.
const NOTHING: [&str; 2] = ["none", "zero"];

/// What colours operations: those of one kind have one colour, whatever their sizes. Kinds are numbered in the order in which the space
/// names its candidates, so that all genotypes of a space have the same colours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds {
    /// Each candidate, with the operation that it is.
    candidates: Vec<(String, String)>,
    /// The operations that carry something, each once.
    kinds: Vec<String>,
}

impl Kinds {
    /// Those of candidates as a genotype describes them.
    pub fn of(candidates: &Map<String, Value>) -> Self {
        let operation = |(name, source): (&String, &Value)| {
            let operation = source.get("op").and_then(Value::as_str).unwrap_or(name);
            (name.clone(), operation.to_owned())
        };
        let candidates: Vec<(String, String)> = candidates.iter().map(operation).collect();
        let mut kinds: Vec<String> = Vec::new();
        for (_, operation) in &candidates {
            if !kinds.contains(operation) && !NOTHING.contains(&operation.as_str()) {
                kinds.push(operation.clone());
            }
        }
        Self { candidates, kinds }
    }

    fn look(&self, candidate: &str) -> Look {
        let operation = self.candidates.iter().find(|(name, _)| name == candidate).map_or(candidate, |(_, op)| op);
        if NOTHING.contains(&operation) {
            return Look::Nothing;
        }
        Look::Operation(self.kinds.iter().position(|kind| kind == operation).unwrap_or(self.kinds.len()))
    }
}

/// The diagram of a cell type with so many input nodes.
pub fn diagram(name: &str, cell: &GenotypeCell, inputs: usize, kinds: &Kinds) -> Diagram {
    let ends = cell.edges.iter().flat_map(|edge| [edge.from, edge.to]).chain(cell.output.iter().copied());
    let mut nodes: Vec<usize> = (0..inputs).chain(ends).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let at = |node: usize| nodes.iter().position(|n| *n == node).unwrap_or_default();
    let node = |node: &usize| match *node < inputs {
        true => Box { text: format!("input {node}"), look: Look::Port },
        false => Box { text: node.to_string(), look: Look::Node },
    };
    let mut boxes: Vec<Box> = nodes.iter().map(node).collect();
    let mut arrows = Vec::new();
    for edge in &cell.edges {
        let look = kinds.look(&edge.candidate);
        let (pale, operation) = (look == Look::Nothing, boxes.len());
        boxes.push(Box { text: edge.candidate.clone(), look });
        arrows.push(Arrow { from: at(edge.from), to: operation, head: false, pale });
        arrows.push(Arrow { from: operation, to: at(edge.to), head: true, pale });
    }
    let mut output = cell.output.clone();
    output.sort_unstable();
    output.dedup();
    let end = boxes.len();
    boxes.push(Box { text: "output".to_owned(), look: Look::Port });
    arrows.extend(output.iter().map(|node| Arrow { from: at(*node), to: end, head: true, pale: false }));
    Diagram { title: name.to_owned(), boxes, arrows }
}

/// The drawings of a genotype: one per cell type.
pub fn drawings(genotype: &Genotype) -> Vec<Drawing> {
    let kinds = Kinds::of(&genotype.candidates);
    let inputs = |name: &str| genotype.space.cell_types.iter().find(|c| c.name == name).map_or(0, |c| c.inputs);
    genotype.cells.0.iter().map(|(name, cell)| diagram(name, cell, inputs(name), &kinds).draw()).collect()
}

/// A genotype as a file of SVG: its cell types below each other. The same picture for the same genotype.
pub fn svg(genotype: &Genotype) -> String {
    file(&drawings(genotype))
}
