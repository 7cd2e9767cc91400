//! Operations one by one: outputs, gradients of input and weights, and running statistics of everything that the executor computes in
//! passes of its own, for any size.

use crate::near::{By, Results, compare};
use edas::execute::fast::Level;
use edas::execute::fast::{State, Tape, stage};
use edas::execute::{Executor, Norm, reference};
use edas::graph::layer::{Activation, Layer, Window};
use edas::graph::{Initialiser, LayerGraph, Node, TensorSpec, shape};
use edas::random::Purpose;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::sync::Arc;
use tch::{Kind, Tensor};

/// A layer graph, one layer after the other.
pub struct Chain(pub LayerGraph);

impl Chain {
    /// What returns its input, of this shape.
    pub fn of(shape: [i64; 3]) -> Self {
        let (shapes, batched) = (vec![shape.to_vec()], vec![true]);
        Self(LayerGraph { inputs: 1, shapes, batched, nodes: Vec::new(), outputs: vec![0], tensors: Vec::new() })
    }

    /// The shape of what it returns.
    pub fn shape(&self) -> &[i64] {
        &self.0.shapes[self.0.outputs[0]]
    }

    /// Adds a layer that reads what the last one returned; `None` where it does not fit.
    pub fn add(mut self, layer: Layer) -> Option<Self> {
        let input = self.0.outputs[0];
        let shapes = [self.0.shapes[input].clone()];
        let inputs: Vec<&[i64]> = shapes.iter().map(Vec::as_slice).collect();
        let shape = shape::infer(&layer, &inputs).ok()?;
        let (number, first) = (self.0.nodes.len(), self.0.tensors.len());
        for (name, shape, initialiser, trained) in layer.tensors(&inputs) {
            self.0.tensors.push(TensorSpec { name: format!("{number}.{name}"), shape, initialiser, trained });
        }
        let tensors = (first..self.0.tensors.len()).collect();
        self.0.outputs = vec![self.0.shapes.len()];
        self.0.nodes.push(Node { layer, inputs: vec![input], outputs: self.0.outputs.clone(), tensors });
        self.0.shapes.push(shape);
        self.0.batched.push(true);
        Some(self)
    }
}

/// The same graph with every number that a layer returns, and with it every gradient that comes back to the layer, a unit in the last
/// place off: the rounding that any executor may do between layers.
fn nudged(graph: &LayerGraph) -> LayerGraph {
    let mut made = LayerGraph { nodes: Vec::new(), ..graph.clone() };
    let mut named: Vec<usize> = (0..graph.shapes.len()).collect();
    for (number, node) in graph.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().map(|v| named[*v]).collect();
        made.nodes.push(Node { inputs, ..node.clone() });
        let (value, name) = (node.outputs[0], format!("nudge_{number}"));
        let shape = graph.shapes[value].clone();
        let [factors, product] = [made.shapes.len(), made.shapes.len() + 1];
        made.shapes.extend([shape.clone(), shape.clone()]);
        made.batched.extend([false, true]);
        let tensor = made.tensors.len();
        made.tensors.push(TensorSpec {
            name: name.clone(),
            shape,
            initialiser: Initialiser::Constant(1.0),
            trained: false,
        });
        made.nodes.push(Node {
            layer: Layer::Tensor { name },
            inputs: Vec::new(),
            outputs: vec![factors],
            tensors: vec![tensor],
        });
        made.nodes.push(Node {
            layer: Layer::Mul,
            inputs: vec![value, factors],
            outputs: vec![product],
            tensors: Vec::new(),
        });
        named[value] = product;
    }
    made.outputs = graph.outputs.iter().map(|v| named[*v]).collect();
    made
}

/// Random numbers; those of double precision are those of single precision.
fn numbers(size: &[i64], kind: Kind, name: &str, seed: u64, of: impl Fn(f64) -> f64) -> Tensor {
    let mut stream = edas::random::Source::new(seed, Purpose::Initialisation).named(name);
    let values: Vec<f32> = (0..size.iter().product()).map(|_: i64| of(stream.normal()) as f32).collect();
    Tensor::from_slice(&values).view(size).to_kind(kind)
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).expect("numbers")
}

/// A pass over one operation, and what its result is asked for: the gradient of a sum in which every number counts otherwise.
pub struct Trial {
    pub graph: Arc<LayerGraph>,
    pub batch: i64,
    pub norm: Norm,
}

impl Trial {
    pub fn run(&self, by: By, seed: u64) -> Results {
        tch::set_num_threads(1);
        let kind = by.kind();
        let graph = if by == By::Nudged { Arc::new(nudged(&self.graph)) } else { self.graph.clone() };
        let size: Vec<i64> = std::iter::once(self.batch).chain(graph.shapes[0].iter().copied()).collect();
        let images = numbers(&size, kind, "input", seed, |v| v + 0.1);
        let images = by.nudged(&images).permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        let of = |spec: &TensorSpec| {
            let (variance, weight) = (spec.name.ends_with("running_var"), spec.shape.len() > 1);
            // Of weights the sum of squares is about 1 for each number that comes out; batch norms' own are of any sign.
            let scale = if weight { 1.0 / (spec.shape[1..].iter().product::<i64>() as f64).sqrt() } else { 1.0 };
            let nudge = spec.name.starts_with("nudge");
            let of = |v: f64| {
                if nudge {
                    1.0
                } else if variance {
                    0.5 + v * v
                } else {
                    scale * v
                }
            };
            let tensor = numbers(&spec.shape, kind, &spec.name, seed, of);
            by.nudged(&tensor).set_requires_grad(spec.trained)
        };
        let tensors: Vec<Tensor> = graph.tensors.iter().map(of).collect();
        let read: Vec<&Tensor> = tensors.iter().collect();
        let shape = &graph.shapes[graph.outputs[0]];
        let head = Chain::of([shape[0], shape[1], shape[2]]).add(Layer::Linear { features: 1, bias: false });
        let head = head.expect("a linear map fits every shape").0;
        let factors = by.nudged(&numbers(&head.tensors[0].shape, kind, "factors", seed, |v| v));
        // Powers of two: their products with the factors are exact.
        let of_images: Vec<f64> = (0..self.batch).map(|n| [1.0, -2.0, 0.5, -1.0][n as usize % 4]).collect();
        let of_images = Tensor::from_slice(&of_images).view([self.batch, 1]).to_kind(kind);
        let (output, of_input, of_weights) = match by {
            By::Fast(level) => {
                let mut tape = Tape::new(State::default(), self.norm, self.batch, true).with_level(level);
                let leaf = tape.leaf(&images).expect("a value");
                let value = tape.run(&graph, &leaf, &read).expect("it runs").remove(0);
                let output = tape.tensor(&value).expect("a tensor").copy();
                let _ = tape.run_last(&head, &value, &[&factors]).expect("it runs");
                let found = tape.backward(&[of_images]).expect("a way back");
                let of_input = tape.gradient(&leaf).expect("a tensor").expect("everything reaches the result");
                (output, of_input, read.iter().filter(|t| t.requires_grad()).map(|t| found.of(t)).collect())
            }
            _ => {
                let images = images.set_requires_grad(true);
                let output = reference::run(&graph, &[&images], &read, self.norm).expect("it runs").remove(0);
                let result = reference::run(&head, &[&output], &[&factors], self.norm).expect("it runs").remove(0);
                let leaves: Vec<&Tensor> =
                    std::iter::once(&images).chain(read.iter().copied().filter(|t| t.requires_grad())).collect();
                let mut found = Tensor::run_backward(&[(result * of_images).sum(kind)], &leaves, false, false);
                let of_weights = found.split_off(1);
                (output, found.remove(0), of_weights)
            }
        };
        let mut results = vec![("output".to_owned(), flat(&output)), ("input".to_owned(), flat(&of_input))];
        let specs = graph.tensors.iter();
        results.extend(specs.clone().filter(|t| t.trained).zip(&of_weights).map(|(t, g)| (t.name.clone(), flat(g))));
        results.extend(
            specs
                .zip(&tensors)
                .filter(|(t, _)| t.name.contains("running"))
                .map(|(spec, t)| (spec.name.clone(), flat(t))),
        );
        results
    }

    /// Compares the executors.
    pub fn check(&self) -> Result<(), String> {
        assert!(stage::recognise(&self.graph).is_some(), "it is to be computed in passes of its own: {}", self.graph);
        let compared = compare(2.5e-7, |by, seed| self.run(by, seed));
        compared.map_err(|e| format!("{self:?}: {e}"))
    }
}

/// A part of an operation, with sizes that may not fit what it reads.
#[derive(Debug, Clone)]
enum Part {
    Depthwise(Window, [i64; 2]),
    Dense { features: i64, window: Window, dilation: [i64; 2] },
    Separable { features: i64, window: Window, dilation: [i64; 2] },
    Maximum(Window),
    Mean(Window),
}

/// A part with what is around it.
#[derive(Debug, Clone)]
struct Stage {
    relu: bool,
    part: Part,
    /// Whether a batch norm follows, and whether it is affine.
    norm: Option<bool>,
}

fn pair(side: impl Strategy<Value = i64> + Clone + 'static) -> impl Strategy<Value = [i64; 2]> {
    [side.clone(), side]
}

/// A window; `padding` is a share of what is possible, in quarters, or none, or as much as keeps the size.
fn window(most: i64) -> impl Strategy<Value = (Window, [i64; 2])> {
    let square = (1..=most).prop_map(|k| [k, k]);
    let kernel = prop_oneof![square, pair(1..=most), Just([1, 7]), Just([7, 1])];
    let dilation = prop_oneof![Just([1, 1]), Just([2, 2]), pair(1..=3i64)];
    (kernel, pair(1..=3i64), dilation, prop_oneof![Just(2i64), 0..=4i64]).prop_map(
        |(kernel, stride, dilation, share)| {
            let padding = [0, 1].map(|k| (kernel[k] - 1) * dilation[k] * share / 4);
            (Window { kernel, stride, padding }, dilation)
        },
    )
}

/// A pool's window: its padding is at most half of it.
fn pool() -> impl Strategy<Value = Window> {
    (prop_oneof![9 => window(5), 1 => window(19)], 0..=2i64).prop_map(|((window, _), share)| {
        let padding = window.kernel.map(|k| k / 2 * share / 2);
        Window { padding, ..window }
    })
}

fn part() -> impl Strategy<Value = Part> {
    let features = 1..=40i64;
    prop_oneof![
        window(7).prop_map(|(window, dilation)| Part::Depthwise(window, dilation)),
        (features.clone(), window(4)).prop_map(|(features, (window, dilation))| Part::Dense {
            features,
            window,
            dilation
        }),
        features.clone().prop_map(|features| {
            let window = Window { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };
            Part::Dense { features, window, dilation: [1, 1] }
        }),
        (features, window(7)).prop_map(|(features, (window, dilation))| Part::Separable { features, window, dilation }),
        pool().prop_map(Part::Maximum),
        pool().prop_map(Part::Mean),
    ]
}

fn batch_norm(affine: bool) -> Layer {
    Layer::BatchNorm { affine, epsilon: if affine { 1e-3 } else { 1e-5 }, momentum: 0.1 }
}

/// An operation of these parts; `None` where one does not fit.
fn operation(shape: [i64; 3], stages: &[Stage]) -> Option<Chain> {
    let mut chain = Chain::of(shape);
    for Stage { relu, part, norm } in stages {
        let channels = chain.shape()[0];
        let conv = |channels, window: &Window, dilation: &[i64; 2], groups| Layer::Conv {
            channels,
            window: *window,
            dilation: *dilation,
            groups,
            bias: false,
        };
        let pointwise = Window { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };
        let is_pool = matches!(part, Part::Maximum(_) | Part::Mean(_));
        if *relu && !is_pool {
            chain = chain.add(Layer::Activation(Activation::Relu))?;
        }
        chain = match part {
            Part::Depthwise(window, dilation) => chain.add(conv(channels, window, dilation, channels))?,
            Part::Dense { features, window, dilation } => chain.add(conv(*features, window, dilation, 1))?,
            Part::Separable { features, window, dilation } => {
                chain.add(conv(channels, window, dilation, channels))?.add(conv(*features, &pointwise, &[1, 1], 1))?
            }
            Part::Maximum(window) => chain.add(Layer::MaxPool(*window))?,
            Part::Mean(window) => chain.add(Layer::AvgPool(*window))?,
        };
        if let Some(affine) = norm {
            chain = chain.add(batch_norm(*affine))?;
        }
    }
    Some(chain)
}

fn any_trial() -> impl Strategy<Value = Trial> {
    let stage = (any::<bool>(), part(), prop_oneof![Just(None), Just(Some(false)), Just(Some(true))])
        .prop_map(|(relu, part, norm)| Stage { relu, part, norm });
    let side = prop_oneof![4 => 1..=11i64, 1 => 1..=20i64];
    let shape = (1..=40i64, side.clone(), side).prop_map(|(c, h, w)| [c, h, w]);
    let batch = prop_oneof![Just(1i64), 1..=5i64, Just(17i64), Just(33i64)];
    let norm = prop_oneof![
        3 => Just(Norm::Train),
        1 => Just(Norm::Batch),
        1 => Just(Norm::Running),
        1 => (1..4u32).prop_map(Norm::Recalibrate),
    ];
    (shape, prop::collection::vec(stage, 1..=3), batch, norm).prop_filter_map(
        "it does not fit",
        |(shape, stages, batch, norm)| {
            let graph = Arc::new(operation(shape, &stages)?.0);
            Some(Trial { graph, batch, norm })
        },
    )
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, batch {}, {:?}", self.graph, self.batch, self.norm)
    }
}

proptest! {
    // `PROPTEST_RNG_SEED=… PROPTEST_CASES=5000` looks further. In one of about 15,000 cases several batch norms of one or two numbers stand
    // one after the other, and nothing is left of what is compared but rounding.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_operation(trial in any_trial()) {
        prop_assert_eq!(trial.check(), Ok(()));
    }

    /// The kernels' vectors, and one number at a time: the same bits.
    #[test]
    fn any_instructions(trial in any_trial()) {
        let bits = |level| -> Vec<Vec<u64>> {
            let results = trial.run(By::Fast(level), 1);
            results.into_iter().map(|(_, values)| values.into_iter().map(f64::to_bits).collect()).collect()
        };
        let scalar = bits(Level::Scalar);
        prop_assert_eq!(&bits(Level::Best), &scalar);
        prop_assert_eq!(&bits(Level::Half), &scalar);
    }
}
