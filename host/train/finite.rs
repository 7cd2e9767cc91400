//! Where a loss that is not finite came from: the pass is made again, and every operation's output is looked at.

use super::batch::TensorBatch;
use crate::error::Error;
use crate::execute::Norm;
use crate::graph::Layer;
use crate::policy::Resolved;
use crate::supernet::{Block, DropPath, Mixture, Mode, Network};
use std::collections::BTreeSet;
use tch::Tensor;

fn finite(tensor: &Tensor) -> bool {
    // A sum is finite unless an element is not, or the elements are so large that training is over anyway.
    tensor.f_sum(tch::Kind::Double).and_then(|sum| sum.f_double_value(&[])).is_ok_and(f64::is_finite)
}

/// The error for a loss that is not finite: it names the edge whose weights are not, or the first operation whose output
/// is not.
pub(super) fn explain(
    network: &Network,
    batch: &TensorBatch,
    plan: &Resolved,
    mixture: &Mixture,
    drop: Option<&DropPath>,
    loss: f64,
) -> Error {
    let not_finite = |by: String| Error::new(format!("the loss is not finite: {loss}")).found(by);
    // What goes into the pass is looked at first: every operation would only hand it on.
    if let Some(edge) = mixture.iter().position(|weights| weights.as_ref().is_some_and(|w| !finite(w))) {
        return not_finite(format!(
            "the weights of the candidates of edge {edge}, which follow from α, are not finite"
        ))
        .help("lower `search.architecture.learning_rate`, or raise the plan's temperature");
    }
    let parameters = &network.parameters;
    let mut first = None;
    let mut watch = |block: &Block, outputs: &[Tensor]| {
        if outputs.iter().all(finite) {
            return Ok(());
        }
        let broken = block.tensors.iter().map(|t| parameters.get(*t)).find(|p| !finite(&p.tensor));
        first = Some(match broken {
            Some(parameter) => format!("`{}` ({}), whose `{}` is not finite", block.name, block.owner, parameter.name),
            None => format!("`{}` ({})", block.name, block.owner),
        });
        Err(Error::new("found"))
    };
    let _guard = tch::no_grad_guard();
    // The error that ends this pass is our own.
    let mode = Mode { norm: Norm::Batch, drop, auxiliary: false };
    let _ = network.forward_watched(&batch.images, plan, mixture, mode, &mut watch);
    let by = if finite(&batch.images) {
        first.unwrap_or_else(|| "the loss itself".to_owned())
    } else {
        "the images".to_owned()
    };
    not_finite(format!("the first output that is not finite comes from {by}"))
        .help("lower `search.weights.learning_rate`, or look at that operation and the data")
}

/// The error for gradients that are not finite. What goes wrong on the way back spoils everything before it: the weight that
/// is nearest to the head tells where it began.
pub(super) fn explain_gradients(network: &Network, plan: &Resolved, weights: &[usize], gradients: &[Tensor]) -> Error {
    let broken = weights.iter().zip(gradients).filter(|(_, g)| g.defined() && !finite(g)).map(|(w, _)| *w).max();
    let blocks = network.blocks();
    let by = broken.map_or_else(
        || "all of them together: they are too large".to_owned(),
        |weight| {
            let owner = blocks.iter().find(|block| block.tensors.contains(&weight)).map_or("", |block| &block.owner);
            format!("`{}` ({owner})", network.parameters.get(weight).name)
        },
    );
    // libtorch's own layers seldom go wrong on the way back.
    let running = network.running(plan);
    let own = |layer: &Layer| matches!(layer, Layer::Kernel(_) | Layer::Native(_));
    let suspects: BTreeSet<&str> = running
        .iter()
        .filter(|block| block.graph.nodes.iter().any(|node| own(&node.layer)))
        .map(|block| block.owner.as_str())
        .collect();
    let suspects = match suspects.len() {
        0 => String::new(),
        _ => format!("; code of plugins' own ran in {}", Vec::from_iter(suspects).join(", ")),
    };
    Error::new("the gradient of the weights is not finite")
        .found(format!("nearest to the head that of {by}{suspects}"))
        .help("look at that operation and those after it, or lower `search.weights.learning_rate`")
}
