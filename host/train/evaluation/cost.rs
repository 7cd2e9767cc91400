//! The size of a derived network.

use crate::policy::Resolved;
use crate::supernet::Network;
use std::collections::BTreeMap;

/// The size of a derived network. What is said of the network leaves its second classifier out, which serves in training alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The number of its trained numbers.
    pub parameters: i64,
    /// The number of those of its second classifier.
    pub auxiliary: i64,
    /// Multiply-adds for one image.
    pub multiply_adds: i64,
    /// Per cell type: the most edges on a way from an input to an output node, of those that compute something.
    pub longest_paths: BTreeMap<String, usize>,
}

impl Cost {
    /// That of a network under its plan.
    pub fn of(network: &Network, plan: &Resolved) -> Self {
        let trained = |tensors: &mut dyn Iterator<Item = usize>| -> i64 {
            let parameters = tensors.map(|at| network.parameters.get(at));
            parameters.filter(|parameter| parameter.trained).map(|parameter| parameter.tensor.numel() as i64).sum()
        };
        let blocks = network.blocks();
        let parameters = trained(&mut blocks.iter().flat_map(|block| &block.tensors).copied());
        Self {
            parameters,
            auxiliary: trained(&mut (0..network.parameters.len())) - parameters,
            multiply_adds: network.cost(plan).multiply_adds,
            longest_paths: longest_paths(network),
        }
    }
}

fn longest_paths(network: &Network) -> BTreeMap<String, usize> {
    let mut paths = BTreeMap::new();
    for cell in network.cells() {
        let form = &network.space.cell_types[cell.cell_type];
        let mut longest = vec![0; form.inputs + form.nodes];
        for (edge, candidates) in form.edges.iter().zip(&cell.edges) {
            // An edge that hands on its input leads on, too.
            for block in candidates.iter().flatten() {
                let length = longest[edge.from] + usize::from(!block.graph.nodes.is_empty());
                longest[edge.to] = longest[edge.to].max(length);
            }
        }
        let most = longest.into_iter().max().unwrap_or(0);
        let of_type = paths.entry(form.name.clone()).or_insert(0);
        *of_type = most.max(*of_type);
    }
    paths
}
