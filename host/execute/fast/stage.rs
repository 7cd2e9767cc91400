//! Recognises what operations are made of: chains of ReLU, depthwise convolution, convolution and batch norm, and pools with their
//! batch norm, each of which is one pass over memory.

use super::kernels::convolution::{Convolution, Front};
use super::kernels::window::Window;
use crate::graph::layer::Activation;
use crate::graph::{Layer, LayerGraph, Node};

/// A batch norm of a layer graph.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// Its tensors, by position in the graph's: running mean, running variance; weight and bias where it is affine.
    pub tensors: Vec<usize>,
    /// Added to the variance.
    pub epsilon: f64,
    /// The share of a new batch in the running statistics.
    pub momentum: f64,
}

/// What a stage computes before its batch norm.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A convolution, ReLU before it where `relu`.
    Convolution {
        /// Its sizes.
        sizes: Convolution,
        /// Whether it reads through a ReLU.
        relu: bool,
        /// The depthwise weight, by position in the graph's tensors.
        depthwise: Option<usize>,
        /// The weight of the product over channels.
        product: Option<usize>,
    },
    /// The maximum of each window.
    Maximum(Window),
    /// The mean of each window.
    Mean(Window),
}

/// One pass over memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What is computed.
    pub body: Body,
    /// Height, width, channels of what comes out.
    pub output: [usize; 3],
    /// The batch norm that follows.
    pub norm: Option<BatchNorm>,
}

/// An operation as the passes that compute it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// In order; none where the operation returns its input.
    pub stages: Vec<Stage>,
    /// How often the operation returns its result.
    pub outputs: usize,
}

/// The passes of an operation; `None` where it is made of anything else.
pub fn recognise(graph: &LayerGraph) -> Option<Chain> {
    if graph.inputs != 1 || graph.batched.iter().any(|batched| !batched) || graph.shapes.iter().any(|s| s.len() != 3) {
        return None;
    }
    let mut nodes = graph.nodes.iter().peekable();
    let (mut at, mut stages) = (0, Vec::new());
    while nodes.peek().is_some() {
        let mut next = |wanted: &dyn Fn(&Layer) -> bool, at: &mut usize| -> Option<&Node> {
            let node = nodes.next_if(|n| n.inputs == [*at] && n.outputs.len() == 1 && wanted(&n.layer))?;
            *at = node.outputs[0];
            Some(node)
        };
        let start = at;
        let pool = next(&|l| matches!(l, Layer::MaxPool(_) | Layer::AvgPool(_)), &mut at);
        let body = match pool.map(|node| &node.layer) {
            Some(Layer::MaxPool(w)) => Body::Maximum(window(w, [1, 1])),
            Some(Layer::AvgPool(w)) => Body::Mean(window(w, [1, 1])),
            _ => {
                let relu = next(&|l| matches!(l, Layer::Activation(Activation::Relu)), &mut at).is_some();
                let channels = graph.shapes[at][0];
                let depthwise = next(&|l| is_depthwise(l, channels), &mut at);
                let product = if depthwise.is_some() {
                    next(&|l| is_dense(l) && is_pointwise(l), &mut at)
                } else {
                    next(&is_dense, &mut at)
                };
                let front = match (depthwise, product) {
                    (None, None) => return None,
                    (Some(node), _) => Front::Depthwise(convolution_window(&node.layer)?),
                    (None, Some(node)) if is_pointwise(&node.layer) => Front::Pixels,
                    (None, Some(node)) => Front::Patches(convolution_window(&node.layer)?),
                };
                let out = sizes(&graph.shapes[at]);
                let sizes = Convolution {
                    input: sizes(&graph.shapes[start]),
                    output: [out[0], out[1]],
                    front,
                    features: product.map(|_| out[2]),
                };
                if !sizes.is_served() {
                    return None;
                }
                let weight = |node: Option<&Node>| node.map(|n| n.tensors[0]);
                Body::Convolution { sizes, relu, depthwise: weight(depthwise), product: weight(product) }
            }
        };
        let norm = next(&|l| matches!(l, Layer::BatchNorm { .. }), &mut at).and_then(|node| match node.layer {
            Layer::BatchNorm { epsilon, momentum, .. } => {
                Some(BatchNorm { tensors: node.tensors.clone(), epsilon, momentum })
            }
            _ => None,
        });
        stages.push(Stage { body, output: sizes(&graph.shapes[at]), norm });
    }
    graph.outputs.iter().all(|output| *output == at).then_some(Chain { stages, outputs: graph.outputs.len() })
}

/// (channels, height, width) as height, width, channels.
fn sizes(shape: &[i64]) -> [usize; 3] {
    [shape[1] as usize, shape[2] as usize, shape[0] as usize]
}

fn window(w: &crate::graph::layer::Window, dilation: [i64; 2]) -> Window {
    let sizes = |pair: [i64; 2]| pair.map(|v| v as usize);
    Window { kernel: sizes(w.kernel), stride: sizes(w.stride), padding: sizes(w.padding), dilation: sizes(dilation) }
}

fn convolution_window(layer: &Layer) -> Option<Window> {
    match layer {
        Layer::Conv { window: w, dilation, .. } => Some(window(w, *dilation)),
        _ => None,
    }
}

fn is_depthwise(layer: &Layer, inputs: i64) -> bool {
    matches!(layer, Layer::Conv { channels, groups, bias: false, .. } if *groups == inputs && *channels == inputs && inputs > 1)
}

fn is_dense(layer: &Layer) -> bool {
    matches!(layer, Layer::Conv { groups: 1, bias: false, .. })
}

fn is_pointwise(layer: &Layer) -> bool {
    matches!(layer, Layer::Conv { window: w, .. } if w.kernel == [1, 1] && w.stride == [1, 1] && w.padding == [0, 0])
}
