//! Recognises what operations are made of: chains of ReLU, depthwise convolution, convolution and batch norm, and pools with their
//! batch norm, each of which is one pass over memory.

use super::kernels::convolution::{Convolution, Front};
use super::kernels::window::Window;
use crate::graph::layer::Activation;
use crate::graph::{Layer, LayerGraph, Node};

/// A batch norm of a layer graph.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// Its tensors, by position in the graph's: running mean, running variance; weight and bias where it is affine. Of operations
    /// that run side by side, those of each.
    pub tensors: Vec<Vec<usize>>,
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
        /// The weights of the product over channels: one, several side by side, or none.
        products: Vec<usize>,
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
    let mut reader = Reader { graph, nodes: &graph.nodes, at: 0 };
    let mut stages = Vec::new();
    while !reader.nodes.is_empty() {
        stages.push(reader.stage()?);
    }
    let (at, outputs) = (reader.at, &graph.outputs);
    outputs.iter().all(|output| *output == at).then_some(Chain { stages, outputs: outputs.len() })
}

/// Two operations that read one value, as one pass: products over the same pixels side by side, the channels of the first before those
/// of the second. In its tensors the second graph's follow the first's, of which there are `tensors`. `None` where they are of another
/// kind.
pub fn side_by_side(first: &Chain, second: &Chain, tensors: usize) -> Option<Chain> {
    let ([Stage { body: a, output, norm: norm_a }], [Stage { body: b, output: other, norm: norm_b }]) =
        (&first.stages[..], &second.stages[..])
    else {
        return None;
    };
    let product = |body: &Body| match body {
        Body::Convolution { sizes, relu, depthwise: None, products } if sizes.front == Front::Pixels => {
            Some((*sizes, *relu, products.clone()))
        }
        _ => None,
    };
    let ((a, relu, mut products), (b, other_relu, more)) = (product(a)?, product(b)?);
    let (norm_a, norm_b) = (norm_a.as_ref()?, norm_b.as_ref()?);
    let alike = a.input == b.input && relu == other_relu && first.outputs == 1 && second.outputs == 1;
    let kind = |norm: &BatchNorm| (norm.epsilon.to_bits(), norm.momentum.to_bits(), norm.tensors[0].len());
    if !alike || kind(norm_a) != kind(norm_b) {
        return None;
    }
    products.extend(more.iter().map(|t| tensors + t));
    let mut norm = norm_a.clone();
    norm.tensors.extend(norm_b.tensors.iter().map(|list| list.iter().map(|t| tensors + t).collect()));
    let channels = output[2] + other[2];
    let sizes = Convolution { features: Some(channels), ..a };
    let body = Body::Convolution { sizes, relu, depthwise: None, products };
    let stage = Stage { body, output: [output[0], output[1], channels], norm: Some(norm) };
    Some(Chain { stages: vec![stage], outputs: 1 })
}

/// Reads nodes that form a chain.
struct Reader<'a> {
    graph: &'a LayerGraph,
    /// The nodes that are left.
    nodes: &'a [Node],
    /// The value that the next one has to read.
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self, wanted: impl Fn(&Layer) -> bool) -> Option<&'a Node> {
        let (node, rest) = self.nodes.split_first()?;
        if node.inputs != [self.at] || node.outputs.len() != 1 || !wanted(&node.layer) {
            return None;
        }
        (self.nodes, self.at) = (rest, node.outputs[0]);
        Some(node)
    }

    fn stage(&mut self) -> Option<Stage> {
        let start = self.at;
        let pool = self.next(|l| matches!(l, Layer::MaxPool(_) | Layer::AvgPool(_)));
        let body = match pool.map(|node| &node.layer) {
            Some(Layer::MaxPool(w)) => Body::Maximum(window(w, [1, 1])),
            Some(Layer::AvgPool(w)) => Body::Mean(window(w, [1, 1])),
            _ => self.convolution(start)?,
        };
        let norm = self.next(|l| matches!(l, Layer::BatchNorm { .. })).and_then(|node| match node.layer {
            Layer::BatchNorm { epsilon, momentum, .. } => {
                Some(BatchNorm { tensors: vec![node.tensors.clone()], epsilon, momentum })
            }
            _ => None,
        });
        Some(Stage { body, output: sizes(&self.graph.shapes[self.at]), norm })
    }

    fn convolution(&mut self, start: usize) -> Option<Body> {
        let relu = self.next(|l| matches!(l, Layer::Activation(Activation::Relu))).is_some();
        let channels = self.graph.shapes[self.at][0];
        let depthwise = self.next(|l| is_depthwise(l, channels));
        let (front, products) = match depthwise {
            Some(node) => {
                let product = self.next(|l| is_dense(l) && is_pointwise(l));
                (
                    Front::Depthwise(convolution_window(&node.layer)?),
                    product.map(|n| n.tensors[0]).into_iter().collect(),
                )
            }
            None => match self.shifted() {
                Some(found) => found,
                None => {
                    let node = self.next(is_dense)?;
                    let front = match is_pointwise(&node.layer) {
                        true => Front::Pixels,
                        false => Front::Patches(convolution_window(&node.layer)?),
                    };
                    (front, vec![node.tensors[0]])
                }
            },
        };
        let out = sizes(&self.graph.shapes[self.at]);
        let sizes = Convolution {
            input: sizes(&self.graph.shapes[start]),
            output: [out[0], out[1]],
            front,
            features: (!products.is_empty()).then_some(out[2]),
        };
        let depthwise = depthwise.map(|node| node.tensors[0]);
        sizes.is_served().then_some(Body::Convolution { sizes, relu, depthwise, products })
    }

    /// Two convolutions of one pixel with a stride, the second on a grid that is shifted by one pixel, concatenated: DARTS's factorized
    /// reduction.
    fn shifted(&mut self) -> Option<(Front, Vec<usize>)> {
        let [even, pad, odd, both, rest @ ..] = self.nodes else { return None };
        let strided = |node: &Node| match &node.layer {
            Layer::Conv { window: w, groups: 1, bias: false, .. } if w.kernel == [1, 1] && w.padding == [0, 0] => {
                Some(w.stride)
            }
            _ => None,
        };
        let stride = strided(even)?;
        let reads = even.inputs == [self.at]
            && pad.inputs == [self.at]
            && odd.inputs == pad.outputs
            && both.inputs == [even.outputs[0], odd.outputs[0]];
        let shift = matches!(pad.layer, Layer::Pad { top: -1, left: -1, bottom: 1, right: 1 });
        if !reads || !shift || strided(odd) != Some(stride) || !matches!(both.layer, Layer::Concat) {
            return None;
        }
        (self.nodes, self.at) = (rest, both.outputs[0]);
        let pair = |v: i64| [v as usize; 2];
        let stride = stride.map(|v| v as usize);
        let window = Window { kernel: pair(2), stride, padding: pair(0), dilation: pair(1) };
        Some((Front::Diagonal(window), vec![even.tensors[0], odd.tensors[0]]))
    }
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
