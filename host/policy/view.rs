//! The space as policies see it: edges, candidates, costs.

use crate::space::Space;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a candidate costs, over all cells of its edge's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CandidateCost {
    /// Trained numbers.
    pub parameters: i64,
    /// Multiplications with an addition, for one example.
    pub multiply_adds: i64,
}

/// An edge as a policy sees it.
#[derive(Debug, Clone, PartialEq)]
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

/// The space as a policy sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceView {
    /// All edges, by index.
    pub edges: Vec<EdgeView>,
    /// The names of the cell types.
    pub cells: Vec<String>,
}

impl SpaceView {
    /// The view of a space; `costs[edge][candidate]` may be left empty where nothing was built.
    pub fn new(space: &Space, costs: &[Vec<CandidateCost>]) -> Self {
        let edges = space.edges().enumerate().map(|(index, (cell, edge))| EdgeView {
            index,
            cell: cell.name.clone(),
            position: index - cell.first_edge,
            from: edge.from,
            to: edge.to,
            candidates: edge.candidates.iter().map(|c| c.name.clone()).collect(),
            costs: costs.get(index).cloned().unwrap_or_else(|| vec![CandidateCost::default(); edge.candidates.len()]),
        });
        let edges: Vec<EdgeView> = edges.collect();
        Self { edges, cells: space.cell_types.iter().map(|c| c.name.clone()).collect() }
    }

    /// The space in which the edges named here keep these candidates.
    ///
    /// # Panics
    /// Where an edge or a candidate is not there.
    pub fn keeping(&self, keep: &BTreeMap<usize, Vec<usize>>) -> Self {
        let mut view = self.clone();
        for (edge, kept) in keep {
            let EdgeView { candidates, costs, .. } = &mut view.edges[*edge];
            *candidates = kept.iter().map(|c| candidates[*c].clone()).collect();
            *costs = kept.iter().map(|c| costs[*c]).collect();
        }
        view
    }
}
