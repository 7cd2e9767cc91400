//! Searches that collapse: cells most of whose edges became nothing, or hand on their input as it is. Such networks train fast at first,
//! which is what draws a search to them, and end poorly (Zela et al.: "Understanding and robustifying differentiable architecture
//! search"; Chen, Xie, Wu, Tian: "Progressive differentiable architecture search").

use super::genotype::Choices;
use super::resolve::{Candidate, Space};
use crate::graph::{Arguments, Form};

/// A cell type that collapsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collapse {
    /// Its name.
    pub cell: String,
    /// Edges that became nothing, or hand on their input.
    pub idle: usize,
    /// All of its edges.
    pub edges: usize,
}

/// Whether an edge computes nothing as this candidate: it carries nothing, or at a stride of 1 its input as it is.
fn is_idle(candidate: &Candidate) -> bool {
    if !candidate.carries {
        return true;
    }
    let arguments = Arguments { channels_out: 16, stride: 1, form: Form::Final, classes: 10 };
    let graph = candidate.operation.build(&candidate.parameters, &arguments, &[vec![16, 16, 16]]);
    graph.is_ok_and(|graph| graph.nodes.is_empty())
}

/// The cell types of a genotype of which more than half of the edges are idle; an edge that was cut does not count.
pub fn collapsed(space: &Space, choices: &Choices) -> Vec<Collapse> {
    let of_cell = |cell: &super::CellType| {
        let kept = cell
            .edges
            .iter()
            .zip(&choices[cell.first_edge..])
            .filter_map(|(edge, choice)| choice.map(|choice| &edge.candidates[choice]));
        let (idle, edges) =
            kept.fold((0, 0), |(idle, all), candidate| (idle + usize::from(is_idle(candidate)), all + 1));
        (2 * idle > edges).then(|| Collapse { cell: cell.name.clone(), idle, edges })
    };
    space.cell_types.iter().filter_map(of_cell).collect()
}
