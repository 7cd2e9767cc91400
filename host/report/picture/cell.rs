//! Pictures of cells: what each edge became, from left to right, as the papers draw them.

use super::diagram::{Arrow, Diagram, Drawing, Look, Shape, file};
use super::dot;
use crate::space::Genotype;
use crate::space::form::{CandidateForm, NamedCandidate};
use crate::space::genotype::GenotypeCell;
use serde_json::Value;

/// Operations of these names carry nothing.
const NOTHING: [&str; 2] = ["none", "zero"];

/// What colours operations: those of one kind have one colour. Kinds are numbered in the order in which a space names its candidates, so that
/// all genotypes of a space have the same colours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds {
    kinds: Vec<String>,
    nothing: Vec<String>,
}

impl Kinds {
    /// Those of a genotype's space.
    pub fn of(genotype: &Genotype) -> Self {
        let mut kinds = Self::default();
        let name = |candidate: &CandidateForm| match candidate {
            CandidateForm::Name(name) => name.clone(),
            CandidateForm::Named(NamedCandidate { name, .. }) => name.clone(),
        };
        for cell in &genotype.space.cell_types {
            let own = cell.edges.list.iter().flatten().filter_map(|edge| edge.candidates.as_ref()).flatten();
            cell.edges.candidates.iter().chain(own).for_each(|candidate| kinds.add(&name(candidate)));
        }
        for (name, source) in &genotype.candidates {
            let operation = source.get("op").and_then(Value::as_str).unwrap_or(name);
            if NOTHING.contains(&operation) {
                kinds.nothing.push(name.clone());
            }
        }
        kinds
    }

    fn add(&mut self, candidate: &str) {
        let kind = kind(candidate);
        if !NOTHING.contains(&kind) && !self.kinds.iter().any(|known| known == kind) {
            self.kinds.push(kind.to_owned());
        }
    }

    fn look(&self, candidate: &str) -> Look {
        let kind = kind(candidate);
        if NOTHING.contains(&kind) || self.nothing.iter().any(|name| name == candidate) {
            return Look::Nothing;
        }
        Look::Operation(self.kinds.iter().position(|known| known == kind).unwrap_or(self.kinds.len()))
    }
}

/// What a candidate is besides its size: `sep_conv` of `sep_conv_3x3`, without the op set that may stand before it.
fn kind(candidate: &str) -> &str {
    let name = candidate.rsplit(':').next().unwrap_or(candidate);
    let end = name.match_indices('_').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    end.map_or(name, |(at, _)| &name[..at])
}

/// The diagram of a cell type with so many input nodes.
pub fn diagram(name: &str, cell: &GenotypeCell, inputs: usize, kinds: &Kinds) -> Diagram {
    let ends = cell.edges.iter().flat_map(|edge| [edge.from, edge.to]).chain(cell.output.iter().copied());
    let mut nodes: Vec<usize> = (0..inputs).chain(ends).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let at = |node: usize| nodes.iter().position(|n| *n == node).unwrap_or_default();
    let node = |node: &usize| match *node < inputs {
        true => Shape { text: format!("input {node}"), look: Look::Port },
        false => Shape { text: node.to_string(), look: Look::Node },
    };
    let mut shapes: Vec<Shape> = nodes.iter().map(node).collect();
    let mut arrows = Vec::new();
    for edge in &cell.edges {
        let look = kinds.look(&edge.candidate);
        let (pale, operation) = (look == Look::Nothing, shapes.len());
        shapes.push(Shape { text: edge.candidate.clone(), look });
        arrows.push(Arrow { from: at(edge.from), to: operation, head: false, pale });
        arrows.push(Arrow { from: operation, to: at(edge.to), head: true, pale });
    }
    let mut output = cell.output.clone();
    output.sort_unstable();
    output.dedup();
    let end = shapes.len();
    shapes.push(Shape { text: "output".to_owned(), look: Look::Port });
    arrows.extend(output.iter().map(|node| Arrow { from: at(*node), to: end, head: true, pale: false }));
    Diagram { title: name.to_owned(), shapes, arrows }
}

/// The diagrams of a genotype: one per cell type.
pub fn diagrams(genotype: &Genotype) -> Vec<Diagram> {
    let kinds = Kinds::of(genotype);
    let inputs = |name: &str| genotype.space.cell_types.iter().find(|c| c.name == name).map_or(0, |c| c.inputs);
    genotype.cells.0.iter().map(|(name, cell)| diagram(name, cell, inputs(name), &kinds)).collect()
}

/// The drawings of a genotype: one per cell type.
pub fn drawings(genotype: &Genotype) -> Vec<Drawing> {
    diagrams(genotype).iter().map(Diagram::draw).collect()
}

/// A genotype as a file of SVG: its cell types below each other. The same picture for the same genotype.
pub fn svg(genotype: &Genotype) -> String {
    file(&drawings(genotype))
}

/// A genotype as a file for Graphviz's `dot`: a cluster per cell type.
pub fn dot(genotype: &Genotype) -> String {
    dot::dot(&diagrams(genotype))
}
