//! Which nodes, edges and operations of a network a plan needs: what leads nowhere is not computed.

use super::network::{Block, Cell, Network, Part};
use crate::graph::Cost;
use crate::policy::{Resolved, ResolvedGate};
use crate::space::{CellType, Output};

/// What one cell computes under a plan; of a fixed operation nothing.
#[derive(Debug, Default)]
pub struct Route {
    /// Per node of the cell type: whether something that is computed reads it.
    pub needed: Vec<bool>,
    /// Per edge: whether it carries something to a node that is needed.
    pub active: Vec<bool>,
}

/// Whether an edge carries anything under its gate.
fn carries(gate: &ResolvedGate, candidates: &[Option<Block>]) -> bool {
    gate.running().iter().any(|c| candidates[*c].is_some())
}

impl Route {
    /// What a cell computes: backwards from its output, along the edges that carry something.
    pub(crate) fn of(form: &CellType, cell: &Cell, plan: &Resolved) -> Self {
        let mut needed = vec![false; form.inputs + form.nodes];
        match &form.output {
            Output::Concat(nodes) | Output::Sum(nodes) => nodes.iter().for_each(|n| needed[*n] = true),
            Output::Node(node) => needed[*node] = true,
        }
        let mut active = vec![false; form.edges.len()];
        // Edges are ordered by the node that they lead to, so from the last one on every node's readers are known.
        for (position, edge) in form.edges.iter().enumerate().rev() {
            let gate = &plan.gates[form.first_edge + position];
            if needed[edge.to] && carries(gate, &cell.edges[position]) {
                active[position] = true;
                needed[edge.from] = true;
            }
        }
        Self { needed, active }
    }
}

/// The operations of an edge that run under its gate.
pub fn running<'a>(gate: &ResolvedGate, candidates: &'a [Option<Block>]) -> Vec<&'a Block> {
    gate.running().iter().filter_map(|c| candidates[*c].as_ref()).collect()
}

impl Network {
    /// Per stage: what it computes under a plan; `None` where nothing reads it. With `auxiliary` the second classifier reads, too.
    pub fn routes(&self, plan: &Resolved, auxiliary: bool) -> Vec<Option<Route>> {
        // Per map, in order: the stage that returns it; the stem's are of none.
        let mut makers: Vec<Option<usize>> = vec![None; self.stem.graph.outputs.len()];
        let mut before = Vec::with_capacity(self.parts.len());
        for (stage, part) in self.parts.iter().enumerate() {
            before.push(makers.len());
            let outputs = if let Part::Fixed(block) = part { block.graph.outputs.len() } else { 1 };
            makers.extend(std::iter::repeat_n(Some(stage), outputs));
        }
        let mut read = vec![false; self.parts.len()];
        let second = self.auxiliary.as_ref().filter(|_| auxiliary).map(|second| second.after);
        makers.last().copied().flatten().into_iter().chain(second).for_each(|stage| read[stage] = true);
        let mut routes: Vec<Option<Route>> = Vec::new();
        for (stage, part) in self.parts.iter().enumerate().rev() {
            routes.push(read[stage].then(|| match part {
                Part::Fixed(_) => {
                    makers[before[stage] - 1].into_iter().for_each(|maker| read[maker] = true);
                    Route::default()
                }
                Part::Cell(cell) => {
                    let form = &self.space.cell_types[cell.cell_type];
                    let route = Route::of(form, cell, plan);
                    let inputs = &makers[before[stage] - form.inputs..before[stage]];
                    let needed = inputs.iter().zip(&route.needed).filter(|(_, needed)| **needed);
                    needed.filter_map(|(maker, _)| *maker).for_each(|maker| read[maker] = true);
                    route
                }
            }));
        }
        routes.reverse();
        routes
    }

    /// A node that is needed under a plan, and that nothing feeds, where there is one: the number of its cell, and its own.
    pub fn unfed(&self, plan: &Resolved) -> Option<(usize, usize)> {
        let routes = self.routes(plan, false);
        let cells = self.parts.iter().zip(&routes).enumerate();
        let mut cells = cells.filter_map(|(number, pair)| match pair {
            (Part::Cell(cell), Some(route)) => Some((number, cell, route)),
            _ => None,
        });
        cells.find_map(|(number, cell, route)| {
            let form = &self.space.cell_types[cell.cell_type];
            let fed =
                |node: usize| form.edges.iter().zip(&route.active).any(|(edge, active)| edge.to == node && *active);
            let node = (form.inputs..form.inputs + form.nodes).find(|node| route.needed[*node] && !fed(*node))?;
            Some((number, node))
        })
    }

    /// All operations that run under a plan.
    pub fn running(&self, plan: &Resolved) -> Vec<&Block> {
        let mut blocks = vec![&self.stem];
        for (part, route) in self.parts.iter().zip(self.routes(plan, false)) {
            let Some(route) = route else { continue };
            match part {
                Part::Fixed(block) => blocks.push(block),
                Part::Cell(cell) => {
                    let form = &self.space.cell_types[cell.cell_type];
                    let inputs = cell.preprocess.iter().zip(&route.needed).filter(|(_, needed)| **needed);
                    blocks.extend(inputs.filter_map(|(block, _)| block.as_ref()));
                    for position in (0..form.edges.len()).filter(|p| route.active[*p]) {
                        let gate = &plan.gates[form.first_edge + position];
                        blocks.extend(running(gate, &cell.edges[position]));
                    }
                }
            }
        }
        blocks.push(&self.head);
        blocks
    }

    /// The weights that take part under a plan, by position in the parameters.
    pub fn weights_in_use(&self, plan: &Resolved) -> Vec<usize> {
        let tensors = self.running(plan).into_iter().flat_map(|block| block.tensors.iter().copied());
        tensors.filter(|t| self.parameters.get(*t).trained).collect()
    }

    /// What the network costs under a plan, for one example.
    pub fn cost(&self, plan: &Resolved) -> Cost {
        self.running(plan).into_iter().map(|block| block.graph.cost()).sum()
    }
}
