//! The space as policies see it: edges, candidates, costs.

use crate::abi;
use crate::boundary::slice;

/// What a candidate costs, over all cells of its edge's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CandidateCost {
    /// Trained numbers.
    pub parameters: i64,
    /// Multiplications with an addition, for one example.
    pub multiply_adds: i64,
}

/// An edge of a cell type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeView {
    /// Its number over all cell types.
    pub index: usize,
    /// Its cell type.
    pub cell: String,
    /// Its number within the cell type.
    pub position: usize,
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// The names of its candidates.
    pub candidates: Vec<String>,
    /// What each candidate costs.
    pub costs: Vec<CandidateCost>,
}

impl EdgeView {
    /// The number of the candidate of this name.
    pub fn candidate(&self, name: &str) -> Option<usize> {
        self.candidates.iter().position(|c| c == name)
    }
}

/// A search space.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpaceView {
    /// All edges, by index.
    pub edges: Vec<EdgeView>,
    /// The names of the cell types.
    pub cells: Vec<String>,
}

impl SpaceView {
    /// # Safety
    /// The table and all that it points to live until this returns.
    pub(crate) unsafe fn read(table: &abi::Space) -> Result<Self, String> {
        let text = |text: abi::Text| {
            // SAFETY: the caller vouches for the text.
            unsafe { text.as_str() }.map(str::to_owned).ok_or("a name of the space is not valid UTF-8")
        };
        // SAFETY: the caller vouches for the lists.
        let (cells, edges) = unsafe { (slice(table.cells, table.cell_count), slice(table.edges, table.edge_count)) };
        let cells: Vec<String> = cells.iter().map(|cell| text(*cell)).collect::<Result<_, _>>()?;
        let edge = |(index, edge): (usize, &abi::Edge)| {
            // SAFETY: as above.
            let candidates = unsafe { slice(edge.candidates, edge.candidate_count) };
            Ok(EdgeView {
                index,
                cell: cells.get(edge.cell).cloned().ok_or("an edge is of no cell type")?,
                position: edge.position,
                from: edge.from,
                to: edge.to,
                candidates: candidates.iter().map(|c| text(c.name)).collect::<Result<_, _>>()?,
                costs: candidates
                    .iter()
                    .map(|c| CandidateCost { parameters: c.parameters, multiply_adds: c.multiply_adds })
                    .collect(),
            })
        };
        let edges = edges.iter().enumerate().map(edge).collect::<Result<_, &str>>()?;
        Ok(Self { edges, cells })
    }
}
