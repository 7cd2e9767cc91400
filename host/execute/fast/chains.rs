//! What graphs were recognised as, remembered from pass to pass.

use super::stage::{Chain, recognise, side_by_side};
use crate::graph::LayerGraph;
use std::collections::HashMap;
use std::sync::Arc;

/// A graph by its address, which stays its own as long as it is kept.
type Key = usize;

fn key(graph: &Arc<LayerGraph>) -> Key {
    Arc::as_ptr(graph) as usize
}

/// The passes of operations, and of pairs of operations that read one value.
#[derive(Debug, Default)]
pub struct Chains {
    single: HashMap<Key, (Arc<LayerGraph>, Option<Arc<Chain>>)>,
    pairs: HashMap<[Key; 2], Option<Arc<Chain>>>,
}

impl Chains {
    /// The passes of an operation; `None` where it is unknown.
    pub fn of(&mut self, graph: &Arc<LayerGraph>) -> Option<Arc<Chain>> {
        let new = || (graph.clone(), recognise(graph).map(Arc::new));
        self.single.entry(key(graph)).or_insert_with(new).1.clone()
    }

    /// Two operations as one pass; `None` where they do not run together.
    pub fn of_both(&mut self, [first, second]: [&Arc<LayerGraph>; 2]) -> Option<Arc<Chain>> {
        let keys = [key(first), key(second)];
        if let Some(chain) = self.pairs.get(&keys) {
            return chain.clone();
        }
        // Both graphs are kept with their own passes.
        let both = self.of(first).zip(self.of(second));
        let chain = both.and_then(|(a, b)| side_by_side(&a, &b, first.tensors.len())).map(Arc::new);
        self.pairs.insert(keys, chain.clone());
        chain
    }
}
