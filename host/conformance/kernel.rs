//! Kernels, each alone: against the reference graph, and on one thread against several.

use super::probe::{Outcome, Probe, distance, same_bits};
use super::{Case, Checks, line};
use crate::error::{Error, Result};
use crate::graph::{Layer, LayerGraph, Node};
use tch::Kind;

/// A graph that is one kernel; its weights are inputs.
fn alone(graph: &LayerGraph, node: &Node) -> LayerGraph {
    let of = |v: &usize| (graph.shapes[*v].clone(), graph.batched[*v]);
    let (shapes, batched): (Vec<_>, Vec<_>) = node.inputs.iter().chain(&node.outputs).map(of).unzip();
    let inputs = node.inputs.len();
    let outputs: Vec<usize> = (inputs..inputs + node.outputs.len()).collect();
    let kernel = Node {
        layer: node.layer.clone(),
        inputs: (0..inputs).collect(),
        outputs: outputs.clone(),
        tensors: Vec::new(),
    };
    LayerGraph { inputs, shapes, batched, nodes: vec![kernel], outputs, tensors: Vec::new() }
}

/// Every kernel of the graphs, alone.
fn kernels(graphs: &[(&str, &LayerGraph)]) -> Vec<(String, LayerGraph)> {
    let mut list = Vec::new();
    for (place, graph) in graphs {
        for node in &graph.nodes {
            if let Layer::Kernel(kernel) = &node.layer {
                list.push((format!("{place}: kernel {}", kernel.name()), alone(graph, node)));
            }
        }
    }
    list
}

/// Adds what kernels must hold; nothing where there are none.
pub(super) fn check(checks: &mut Checks, graphs: &[(&str, &LayerGraph)]) {
    let kernels = kernels(graphs);
    if kernels.is_empty() {
        return;
    }
    let told = |(place, graph): &(String, LayerGraph), check: &dyn Fn(&LayerGraph) -> Result<Case>| match check(graph) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(found)) => Err(format!("{place}: {found}")),
        Err(error) => Err(format!("{place}: {}", line(&error))),
    };
    let with_reference = kernels.iter().filter(|(_, graph)| graph.kernels().all(|k| k.reference().is_ok()));
    checks.add(
        "kernel as its reference",
        "make kernel and reference graph compute the same, forward and backward",
        with_reference.map(|k| told(k, &as_reference)),
    );
    checks.add(
        "kernel on threads",
        "give the same bits whatever the number of threads: split work by the data, not by the threads",
        kernels.iter().map(|k| told(k, &on_threads)),
    );
    checks.add(
        "kernel's mask",
        "write a gradient where it is wanted, whichever others are",
        kernels.iter().map(|k| told(k, &masks)),
    );
}

fn as_reference(graph: &LayerGraph) -> Result<Case> {
    let reference = graph.without_kernels()?;
    for kind in [Kind::Float, Kind::Double] {
        let tolerance = if kind == Kind::Float { 1e-4 } else { 1e-9 };
        for channels_last in [false, true] {
            for batch in [1, 3] {
                let probe = Probe::new(graph, batch, kind, channels_last, 11)?;
                // The reference in double precision is the better one of the two.
                let (found, expected) = (probe.run()?, probe.of(&reference).in_kind(Kind::Double)?.run()?);
                for (k, (a, b)) in found.outputs.iter().zip(&expected.outputs).enumerate() {
                    let apart = distance(a, b)?;
                    if apart > tolerance {
                        return Ok(Err(format!(
                            "output {k} is {apart:.1e} apart from the reference graph's in {kind:?}"
                        )));
                    }
                }
                for (k, (a, b)) in found.gradients.iter().zip(&expected.gradients).enumerate() {
                    let apart = match (a, b) {
                        (Some(a), Some(b)) => distance(a, b)?,
                        _ => continue,
                    };
                    if apart > tolerance {
                        return Ok(Err(format!(
                            "the gradient of input {k} is {apart:.1e} apart from the reference graph's in {kind:?}"
                        )));
                    }
                }
            }
        }
    }
    Ok(Ok(()))
}

/// Runs `body` on one, two and three threads; the number of threads is afterwards what it was.
///
/// # Errors
/// What `body` returns.
pub(super) fn with_threads<T>(body: impl Fn() -> Result<T>) -> Result<Vec<T>> {
    let before = tch::get_num_threads();
    let runs = [1, 2, 3].map(|threads| {
        tch::set_num_threads(threads);
        body()
    });
    tch::set_num_threads(before);
    runs.into_iter().collect()
}

fn on_threads(graph: &LayerGraph) -> Result<Case> {
    let probe = Probe::new(graph, 5, Kind::Float, true, 12)?;
    let runs = with_threads(|| probe.run())?;
    for other in &runs[1..] {
        for (k, (a, b)) in runs[0].outputs.iter().zip(&other.outputs).enumerate() {
            if !same_bits(a, b)? {
                return Ok(Err(format!("output {k} has other bits with more threads")));
            }
        }
        for (k, (a, b)) in runs[0].gradients.iter().zip(&other.gradients).enumerate() {
            if let (Some(a), Some(b)) = (a, b)
                && !same_bits(a, b)?
            {
                return Ok(Err(format!("the gradient of input {k} has other bits with more threads")));
            }
        }
    }
    Ok(Ok(()))
}

/// The gradient of each input alone is the one that it is among all.
fn masks(graph: &LayerGraph) -> Result<Case> {
    let probe = Probe::new(graph, 2, Kind::Float, true, 13)?;
    let Outcome { gradients: all, .. } = probe.run()?;
    for (k, expected) in all.iter().enumerate() {
        let Some(expected) = expected else { continue };
        let alone = probe.gradient_of(k)?.ok_or_else(|| Error::new(format!("input {k} alone has no gradient")))?;
        if !same_bits(&alone, expected)? {
            return Ok(Err(format!("the gradient of input {k} is another when no other is wanted")));
        }
    }
    Ok(Ok(()))
}
