//! A network as a TorchScript program: traced through libtorch's operations, the weights inside, for Python and C++.

use super::Model;
use crate::error::{Error, Result};
use crate::execute::Norm;
use crate::graph::Layer;
use std::path::Path;
use tch::{CModule, Tensor};

impl Model {
    /// Writes the network as a TorchScript file whose `forward` takes pixels (batch, channels, height, width) from 0 to 1, for any batch, and
    /// returns logits (batch, classes).
    ///
    /// # Errors
    /// Where an operation has code of a plugin's own, where a node is fed by nothing, what libtorch refuses.
    pub fn write_torchscript(&self, path: &Path) -> Result<()> {
        self.can_be_traced()?;
        let [channels, height, width] = self.description.input.shape.map(|size| size as i64);
        let kind = self.network.settings.kind;
        let pixels = Tensor::f_zeros([2, channels, height, width], (kind, self.network.settings.device))?;
        let mixture = self.plan.gates.iter().map(|_| None).collect();
        let mut failure = None;
        let module = tch::no_grad(|| {
            CModule::create_by_tracing("Network", "forward", &[pixels], &mut |inputs| {
                let logits = self
                    .normalised(&inputs[0])
                    .and_then(|images| self.network.forward(&images, &self.plan, &mixture, Norm::Running));
                match logits {
                    Ok(logits) => vec![logits],
                    Err(error) => {
                        failure = Some(error);
                        vec![inputs[0].shallow_clone()]
                    }
                }
            })
        });
        if let Some(error) = failure {
            return Err(error.context("tracing the network"));
        }
        let module = module?;
        self.takes_any_batch(&module)?;
        Ok(module.save(path)?)
    }

    /// A trace keeps the sizes of what it made: an operation that makes tensors of its own may have kept the batch.
    fn takes_any_batch(&self, module: &CModule) -> Result<()> {
        let [channels, height, width] = self.description.input.shape.map(|size| size as i64);
        for batch in [1, 3] {
            let kind = (self.network.settings.kind, self.network.settings.device);
            let pixels = Tensor::f_zeros([batch, channels, height, width], kind)?;
            let logits = tch::no_grad(|| module.forward_ts(&[pixels]));
            if logits.is_ok_and(|logits| logits.size() == [batch, self.network.settings.classes]) {
                continue;
            }
            return Err(Error::new("the network cannot be written as TorchScript")
                .expected("operations that take any batch")
                .found(
                    "one that makes a tensor (`zero`, or weights that take part as values) with the batch of the trace",
                )
                .help("export it as pytorch or safetensors"));
        }
        Ok(())
    }

    /// Kernels and code of plugins do not come along; zeros in place of a node that nothing feeds would keep the batch of the trace.
    fn can_be_traced(&self) -> Result<()> {
        for block in self.network.running(&self.plan) {
            let own = |layer: &Layer| matches!(layer, Layer::Kernel(_) | Layer::Native(_));
            if let Some(node) = block.graph.nodes.iter().find(|node| own(&node.layer)) {
                return Err(Error::new(format!("`{}` ({}) cannot be written as TorchScript", block.name, block.owner))
                    .found(format!("layer `{}`, which is code of the plugin's own", node.layer))
                    .help("export it as pytorch or safetensors"));
            }
        }
        match self.network.unfed(&self.plan) {
            None => Ok(()),
            Some((cell, node)) => Err(Error::new("the network cannot be written as TorchScript")
                .found(format!("node {node} of cell {cell}, which nothing feeds"))
                .help("export it as pytorch or safetensors")),
        }
    }
}
