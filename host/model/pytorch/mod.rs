//! A network as PyTorch source: one file of Python that a reader can follow and change, and that loads the network's safetensors file.
//!
//! An operation becomes a class of its own, a cell type too. What is written of them, their form, is the same for all blocks of a class;
//! the numbers in which they differ are what the class is told.
//!
//! - `graph`: a layer graph as modules and lines of a `forward`
//! - `module`, `layer`: a layer as a module, and as an expression
//! - `code`: pieces of Python whose numbers are left open
//! - `numbers`: what becomes of these numbers
//! - `class`: classes of what has the same form
//! - `cell`, `network`: cells, and the network around them with what loads its weights
//! - `names`: names and values as Python writes them

mod cell;
mod class;
mod code;
mod graph;
mod layer;
mod module;
mod names;
mod network;
mod numbers;

use super::Model;
use crate::error::{Error, Result};
use crate::graph::{Layer, LayerGraph, Operation};
use crate::supernet::Block;
use cell::Operations;
use class::{Classes, Item};
use graph::Body;
use names::{Names, within_doc};
use std::collections::HashMap;

impl Model {
    /// The network as a Python program, which loads the file that [`Model::to_safetensors`] makes, gives the same logits, and needs `torch`
    /// and `safetensors` alone. It takes any batch; the same network gives the same text. Kernels are written as their reference graphs.
    ///
    /// # Errors
    /// Where an operation has code of a plugin's own without a reference graph.
    pub fn to_pytorch(&self) -> Result<String> {
        let mut names = Names::default();
        let operations = self.operations(&mut names)?;
        let items = self.network.cells().map(|cell| cell::item(self, cell, &operations)).collect::<Result<Vec<_>>>()?;
        let cells = Classes::of(&items, &mut names);
        let classes: Vec<String> = operations.classes.texts.iter().chain(&cells.texts).cloned().collect();
        let classes = classes.join("\n\n");
        let constants = network::constants(self, classes.contains("F."));
        let whole = network::network(self, &operations, &cells);
        let program = network::program(self);
        Ok(format!("{}{constants}\n\n{classes}\n\n{whole}\n\n{program}", network::header(self)))
    }

    /// The classes of all operations that do anything.
    fn operations(&self, names: &mut Names) -> Result<Operations> {
        let network = &self.network;
        let known: HashMap<String, &Operation> =
            network.space.operations().map(|operation| (operation.to_string(), operation)).collect();
        let (mut list, mut items) = (Vec::new(), HashMap::new());
        for block in network.blocks() {
            let graph = without_kernels(block)?;
            if graph.nodes.is_empty() && graph.tensors.is_empty() && graph.outputs == [0] {
                continue;
            }
            let body = Body::of(&graph).map_err(|e| cannot_be_written(block).found(e.to_string()))?;
            let operation = known.get(&block.owner);
            let candidate = block.name.split_once(".edges.").and_then(|(_, rest)| rest.split_once('.'));
            let candidate = candidate.map(|(_, name)| name);
            let wanted = candidate.or(operation.map(|operation| operation.name.as_str())).unwrap_or("operation");
            let doc = operation.map(|operation| operation.doc.trim()).unwrap_or_default();
            let owner = block.owner.strip_prefix("operation ").unwrap_or(&block.owner);
            let doc = if doc.is_empty() { format!("{owner}.") } else { format!("{} ({owner}).", capital(doc)) };
            let first = |shape: &[i64]| shape.first().copied().unwrap_or(1);
            let output = graph.output_shapes().last().map_or(1, |shape| first(shape));
            let bases = vec![("c_in".to_owned(), first(&graph.shapes[0])), ("c_out".to_owned(), output)];
            items.insert(block.name.clone(), list.len());
            list.push(Item {
                wanted: wanted.to_owned(),
                candidate: candidate.filter(|_| !graph.tensors.is_empty()).map(str::to_owned),
                doc: within_doc(&doc).replace('\n', " "),
                modules: Vec::new(),
                inputs: vec!["x".to_owned()],
                body,
                bases,
            });
        }
        Ok(Operations { classes: Classes::of(&list, names), items })
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn cannot_be_written(block: &Block) -> Error {
    Error::new(format!("`{}` ({}) cannot be written as PyTorch source", block.name, block.owner))
        .help("export it as safetensors")
}

/// A block's layers, with those of its kernels in their places.
fn without_kernels(block: &Block) -> Result<LayerGraph> {
    let own =
        |what: &Layer| cannot_be_written(block).found(format!("layer `{what}`, which is code of the plugin's own"));
    let graph = block.graph.without_kernels().map_err(|e| cannot_be_written(block).found(e.to_string()))?;
    match graph.nodes.iter().find(|node| matches!(node.layer, Layer::Native(_))) {
        Some(node) => Err(own(&node.layer)),
        None => Ok(graph),
    }
}
