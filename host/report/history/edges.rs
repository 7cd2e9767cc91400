//! The edges of a run's space, by name.

use crate::policy::SpaceView;
use std::fmt;

/// An edge, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EdgeName {
    /// Its cell type.
    pub cell: String,
    /// Its number within that.
    pub position: usize,
    /// The nodes that it comes from and leads to.
    pub ends: Option<(usize, usize)>,
    /// Its candidates, all that it began with.
    pub candidates: Vec<String>,
}

impl fmt::Display for EdgeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ends {
            Some((from, to)) => write!(f, "{} {from} → {to}", self.cell),
            None => write!(f, "{}, edge {}", self.cell, self.position),
        }
    }
}

/// The edges of a space.
pub fn of_space(space: &SpaceView) -> Vec<EdgeName> {
    let name = |edge: &crate::policy::EdgeView| EdgeName {
        cell: edge.cell.clone(),
        position: edge.position,
        ends: Some((edge.from, edge.to)),
        candidates: edge.candidates.clone(),
    };
    space.edges.iter().map(name).collect()
}
