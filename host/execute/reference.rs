//! The reference executor: every layer by libtorch's own operations, kernels by their own or by their reference graphs.

use super::{Norm, kernel};
use crate::error::{Error, Result};
use crate::graph::layer::{Activation, Layer};
use crate::graph::{LayerGraph, Node};
use tch::Tensor;

/// Runs a graph.
///
/// # Shapes
/// `inputs` are (batch, channels, height, width) or (batch, features), in channels-last layout where they are maps;
/// `tensors` are the graph's weights and buffers in its own order. The outputs are shaped alike.
///
/// # Errors
/// What libtorch refuses (out of memory, above all), and what kernels and native layers say.
pub fn run(graph: &LayerGraph, inputs: &[&Tensor], tensors: &[&Tensor], norm: Norm) -> Result<Vec<Tensor>> {
    let batch = inputs.iter().zip(&graph.batched).find(|(_, batched)| **batched).map_or(1, |(x, _)| x.size()[0]);
    let outputs = run_raw(graph, inputs, tensors, batch, norm)?;
    let whole = |(v, output): (&usize, Tensor)| if graph.batched[*v] { Ok(output) } else { expanded(&output, batch) };
    graph.outputs.iter().zip(outputs).map(whole).collect()
}

/// As [`run`]; outputs without a batch stay as they are, since a kernel's place is taken by its reference graph.
fn run_raw(graph: &LayerGraph, inputs: &[&Tensor], tensors: &[&Tensor], batch: i64, norm: Norm) -> Result<Vec<Tensor>> {
    let mut values: Vec<Option<Tensor>> = graph.shapes.iter().map(|_| None).collect();
    let mut last_use = vec![usize::MAX; graph.shapes.len()];
    for (number, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            last_use[*input] = number;
        }
    }
    for output in &graph.outputs {
        last_use[*output] = usize::MAX;
    }
    let whole = Whole { graph, batch, norm };
    for (number, node) in graph.nodes.iter().enumerate() {
        let results = {
            let arguments: Vec<&Tensor> = node
                .inputs
                .iter()
                .filter_map(|v| if *v < graph.inputs { inputs.get(*v).copied() } else { values[*v].as_ref() })
                .collect();
            let own: Vec<&Tensor> = node.tensors.iter().map(|t| tensors[*t]).collect();
            whole.node(node, &arguments, &own)?
        };
        for (output, result) in node.outputs.iter().zip(results) {
            values[*output] = Some(result);
        }
        // What nothing reads any more is freed at once.
        for input in node.inputs.iter().filter(|v| last_use[**v] == number) {
            values[*input] = None;
        }
    }
    let output = |v: &usize| {
        let value = match values[*v].as_ref() {
            Some(value) => value,
            None => inputs[*v],
        };
        value.shallow_clone()
    };
    Ok(graph.outputs.iter().map(output).collect())
}

/// A weight or buffer as a value, the same for every example.
fn expanded(tensor: &Tensor, batch: i64) -> Result<Tensor> {
    let size: Vec<i64> = std::iter::once(batch).chain(tensor.size()).collect();
    Ok(tensor.f_unsqueeze(0)?.f_expand(size, false)?)
}

/// What holds for all layers of one run.
struct Whole<'a> {
    graph: &'a LayerGraph,
    batch: i64,
    norm: Norm,
}

impl Whole<'_> {
    fn node(&self, node: &Node, x: &[&Tensor], own: &[&Tensor]) -> Result<Vec<Tensor>> {
        match &node.layer {
            Layer::Aten(aten) => self.as_declared(node, aten.call(x)?),
            Layer::Native(native) => native.call(self.batch, x),
            Layer::Kernel(kernel) => {
                let batched: Vec<bool> = node.inputs.iter().map(|v| self.graph.batched[*v]).collect();
                match kernel::run(kernel, x, &batched, self.batch, self.norm)? {
                    Some(outputs) => Ok(outputs),
                    None => run_raw(kernel.reference()?, x, &[], self.batch, self.norm),
                }
            }
            _ if node.inputs.iter().all(|v| self.graph.batched[*v]) || !self.graph.batched[node.outputs[0]] => {
                let shape = &self.graph.shapes[node.outputs[0]];
                Ok(vec![layer(node, x, own, shape, self.batch, self.norm)?])
            }
            _ => {
                // Values and weights together: the weights are the same for every example.
                let values: Vec<Option<Tensor>> = node
                    .inputs
                    .iter()
                    .zip(x)
                    .map(|(v, x)| if self.graph.batched[*v] { Ok(None) } else { expanded(x, self.batch).map(Some) })
                    .collect::<Result<_>>()?;
                let x: Vec<&Tensor> = values.iter().zip(x).map(|(value, x)| value.as_ref().unwrap_or(x)).collect();
                let shape = &self.graph.shapes[node.outputs[0]];
                Ok(vec![layer(node, &x, own, shape, self.batch, self.norm)?])
            }
        }
    }

    /// Checks that outputs are what they were found to be when the graph was built: later layers rely on it.
    fn as_declared(&self, node: &Node, outputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
        for (value, output) in node.outputs.iter().zip(&outputs) {
            let batch = self.graph.batched[*value].then_some(self.batch);
            let expected: Vec<i64> = batch.into_iter().chain(self.graph.shapes[*value].iter().copied()).collect();
            if output.size() != expected {
                return Err(Error::new(format!("layer `{}` returned another shape than it was found to", node.layer))
                    .expected(format!("{expected:?}"))
                    .found(format!("{:?}", output.size()))
                    .help("what it returns must depend on its inputs' sizes alone, and keep the batch"));
            }
        }
        Ok(outputs)
    }
}

fn layer(node: &Node, x: &[&Tensor], own: &[&Tensor], shape: &[i64], batch: i64, norm: Norm) -> Result<Tensor> {
    Ok(match &node.layer {
        Layer::Activation(activation) => match activation {
            Activation::Relu => x[0].f_relu()?,
            Activation::Relu6 => x[0].f_relu6()?,
            Activation::Sigmoid => x[0].f_sigmoid()?,
            Activation::Tanh => x[0].f_tanh()?,
            Activation::Silu => x[0].f_silu()?,
            Activation::HardSwish => x[0].f_hardswish()?,
        },
        Layer::Conv { window: w, dilation, groups, .. } => {
            let (weight, bias) = (own[0], own.get(1).copied());
            if w.kernel == [1, 1] && w.stride != [1, 1] && w.padding == [0, 0] {
                // oneDNN's weight gradient of a strided 1×1 convolution writes out of bounds with several threads (12 channels,
                // batch 25: libtorch 2.13 crashes from Python too). On the pixels that it reads, the stride is 1.
                let x = x[0].f_slice(2, None, None, w.stride[0])?.f_slice(3, None, None, w.stride[1])?;
                x.f_conv2d(weight, bias, [1, 1], [0, 0], [1, 1], *groups)?
            } else {
                x[0].f_conv2d(weight, bias, w.stride, w.padding, dilation, *groups)?
            }
        }
        Layer::BatchNorm { epsilon, momentum, .. } => {
            let (mean, variance) = (own[0], own[1]);
            let (weight, bias) = (own.get(2).copied(), own.get(3).copied());
            // Of one value per channel the unbiased variance is not defined: it must not reach the running statistics.
            let single = x[0].numel() as i64 == shape[0];
            let (running, training, momentum) = match norm {
                Norm::Train | Norm::Recalibrate(_) if single => (None, true, 0.0),
                Norm::Train => (Some((mean, variance)), true, *momentum),
                Norm::Batch => (None, true, 0.0),
                Norm::Running => (Some((mean, variance)), false, 0.0),
                Norm::Recalibrate(n) => (Some((mean, variance)), true, 1.0 / f64::from(n)),
            };
            let (mean, variance) = (running.map(|r| r.0), running.map(|r| r.1));
            x[0].f_batch_norm(weight, bias, mean, variance, training, momentum, *epsilon, true)?
        }
        Layer::MaxPool(w) => x[0].f_max_pool2d(w.kernel, w.stride, w.padding, [1, 1], false)?,
        Layer::AvgPool(w) => x[0].f_avg_pool2d(w.kernel, w.stride, w.padding, false, false, None::<i64>)?,
        Layer::GlobalAvgPool => x[0].f_mean_dim(&[2i64, 3][..], true, None)?,
        Layer::Linear { .. } => x[0].f_flatten(1, -1)?.f_linear(own[0], own.get(1).copied())?,
        Layer::Add => x[0].f_add(x[1])?,
        Layer::Mul => x[0].f_mul(x[1])?,
        Layer::Scale { factor } => x[0].f_mul_scalar(*factor)?,
        Layer::Concat => Tensor::f_cat(x, 1)?,
        Layer::Narrow { start, length } => x[0].f_narrow(1, *start, *length)?,
        Layer::Pad { top, left, bottom, right } => x[0].f_constant_pad_nd([*left, *right, *top, *bottom])?,
        Layer::Zero { .. } => {
            let size: Vec<i64> = std::iter::once(batch).chain(shape.iter().copied()).collect();
            Tensor::f_zeros(size, (x[0].kind(), x[0].device()))?
        }
        Layer::Tensor { .. } => own[0].shallow_clone(),
        Layer::Aten(_) | Layer::Kernel(_) | Layer::Native(_) => {
            return Err(Error::new(format!("layer `{}` was taken for one of libtorch's", node.layer)));
        }
    })
}
