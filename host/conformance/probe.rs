//! Running a layer graph on known numbers, with the gradients of everything that can have one.

use crate::error::Result;
use crate::execute::{Norm, reference};
use crate::graph::{Initialiser, LayerGraph, TensorSpec};
use crate::random::{Purpose, Source};
use tch::{Device, Kind, Tensor};

/// The numbers of one case.
pub struct Probe<'a> {
    graph: &'a LayerGraph,
    /// The inputs, (batch, …).
    pub inputs: Vec<Tensor>,
    /// Weights and buffers.
    pub tensors: Vec<Tensor>,
    // By what each output is multiplied before it is summed up to the number that is differentiated.
    factors: Vec<Tensor>,
}

/// What came of a run.
pub struct Outcome {
    /// The outputs.
    pub outputs: Vec<Tensor>,
    /// Σ factor · output.
    pub sum: Tensor,
    /// The gradient of the sum with respect to each input, then each trained tensor; `None` where nothing leads to it.
    pub gradients: Vec<Option<Tensor>>,
}

/// Normal draws of a shape, from a stream of a name.
fn normal(source: &Source, name: &str, shape: &[i64], kind: Kind) -> Result<Tensor> {
    let mut stream = source.named(name);
    let count: i64 = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| stream.normal()).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view(shape)?.f_to_kind(kind)?)
}

impl<'a> Probe<'a> {
    /// Known numbers for a graph; another seed gives others. Inputs are channels-last where `channels_last`.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn new(graph: &'a LayerGraph, batch: i64, kind: Kind, channels_last: bool, seed: u64) -> Result<Self> {
        let source = Source::new(seed, Purpose::Initialisation);
        let whole = |v: usize| -> Vec<i64> {
            let batch = graph.batched[v].then_some(batch);
            batch.into_iter().chain(graph.shapes[v].iter().copied()).collect()
        };
        let inputs = (0..graph.inputs)
            .map(|v| {
                let x = normal(&source, &format!("input {v}"), &whole(v), kind)?;
                if channels_last && graph.batched[v] { in_channels_last(&x) } else { Ok(x) }
            })
            .collect::<Result<_>>()?;
        let tensors = graph.tensors.iter().map(|spec| tensor(&source, spec, kind)).collect::<Result<_>>()?;
        let factors = graph
            .outputs
            .iter()
            .enumerate()
            .map(|(k, v)| {
                let sizes: Vec<i64> = std::iter::once(batch).chain(graph.shapes[*v].iter().copied()).collect();
                normal(&source, &format!("factor {k}"), &sizes, kind)
            })
            .collect::<Result<_>>()?;
        Ok(Self { graph, inputs, tensors, factors })
    }

    /// The same numbers in another dtype.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn in_kind(&self, kind: Kind) -> Result<Self> {
        let all = |list: &[Tensor]| list.iter().map(|t| Ok(t.f_to_kind(kind)?)).collect::<Result<Vec<_>>>();
        Ok(Self {
            graph: self.graph,
            inputs: all(&self.inputs)?,
            tensors: all(&self.tensors)?,
            factors: all(&self.factors)?,
        })
    }

    /// The same numbers for another graph of the same signature.
    pub fn of<'b>(&self, graph: &'b LayerGraph) -> Probe<'b> {
        let all = |list: &[Tensor]| list.iter().map(Tensor::shallow_clone).collect();
        Probe { graph, inputs: all(&self.inputs), tensors: all(&self.tensors), factors: all(&self.factors) }
    }

    /// Inputs and trained tensors: what a gradient is taken for, with names.
    pub fn leaves(&self) -> Vec<(String, &Tensor)> {
        let inputs = self.inputs.iter().enumerate().map(|(k, x)| (format!("input {k}"), x));
        let trained = self.graph.tensors.iter().zip(&self.tensors).filter(|(spec, _)| spec.trained);
        inputs.chain(trained.map(|(spec, t)| (format!("parameter `{}`", spec.name), t))).collect()
    }

    /// Σ factor · output, for these values of inputs and tensors, without gradients.
    ///
    /// # Errors
    /// What the graph refuses.
    pub fn sum(&self, inputs: &[Tensor], tensors: &[Tensor]) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let outputs = self.forward(inputs, tensors)?;
        Ok(self.weighted(&outputs)?.f_double_value(&[])?)
    }

    fn forward(&self, inputs: &[Tensor], tensors: &[Tensor]) -> Result<Vec<Tensor>> {
        let (inputs, tensors): (Vec<&Tensor>, Vec<&Tensor>) = (inputs.iter().collect(), tensors.iter().collect());
        // Running statistics must not move: a second run has to give the same.
        reference::run(self.graph, &inputs, &tensors, Norm::Batch)
    }

    fn weighted(&self, outputs: &[Tensor]) -> Result<Tensor> {
        let mut sum = Tensor::f_zeros(&[0i64; 0][..], (self.factors[0].kind(), Device::Cpu))?;
        for (output, factor) in outputs.iter().zip(&self.factors) {
            sum = sum.f_add(&output.f_mul(factor)?.f_sum(factor.kind())?)?;
        }
        Ok(sum)
    }

    /// Runs the graph forward and back.
    ///
    /// # Errors
    /// What the graph refuses.
    pub fn run(&self) -> Result<Outcome> {
        let leaf = |t: &Tensor, wanted: bool| -> Result<Tensor> { Ok(t.f_detach()?.f_set_requires_grad(wanted)?) };
        let inputs: Vec<Tensor> = self.inputs.iter().map(|x| leaf(x, true)).collect::<Result<_>>()?;
        let pairs = self.graph.tensors.iter().zip(&self.tensors);
        let tensors: Vec<Tensor> = pairs.map(|(spec, t)| leaf(t, spec.trained)).collect::<Result<_>>()?;
        let outputs = self.forward(&inputs, &tensors)?;
        let sum = self.weighted(&outputs)?;
        let trained = self.graph.tensors.iter().zip(&tensors).filter(|(spec, _)| spec.trained).map(|(_, t)| t);
        let leaves: Vec<&Tensor> = inputs.iter().chain(trained).collect();
        let gradients = if sum.requires_grad() {
            let found = Tensor::f_run_backward(&[&sum], &leaves, false, false)?;
            found.into_iter().map(|g| g.defined().then_some(g)).collect()
        } else {
            leaves.iter().map(|_| None).collect()
        };
        let outputs = outputs.iter().map(|y| Ok(y.f_detach()?)).collect::<Result<_>>()?;
        Ok(Outcome { outputs, sum: sum.f_detach()?, gradients })
    }

    /// The gradient of the sum with respect to one input alone.
    ///
    /// # Errors
    /// What the graph refuses.
    pub fn gradient_of(&self, input: usize) -> Result<Option<Tensor>> {
        let leaf = |(k, x): (usize, &Tensor)| -> Result<Tensor> { Ok(x.f_detach()?.f_set_requires_grad(k == input)?) };
        let inputs: Vec<Tensor> = self.inputs.iter().enumerate().map(leaf).collect::<Result<_>>()?;
        let sum = self.weighted(&self.forward(&inputs, &self.tensors)?)?;
        if !sum.requires_grad() {
            return Ok(None);
        }
        let mut found = Tensor::f_run_backward(&[&sum], &[&inputs[input]], false, false)?;
        Ok(found.pop().filter(Tensor::defined))
    }

    /// Compares the gradients with central differences of the sum along a random direction of each leaf. Returns, for each leaf,
    /// how far they are apart, relative to the size of what is compared.
    ///
    /// # Errors
    /// What the graph refuses.
    pub fn differences(&self, step: f64, seed: u64) -> Result<Vec<f64>> {
        let found = self.run()?;
        let source = Source::new(seed, Purpose::Split);
        let trained: Vec<usize> = (0..self.tensors.len()).filter(|t| self.graph.tensors[*t].trained).collect();
        let count = self.inputs.len() + trained.len();
        let mut apart = Vec::with_capacity(count);
        for leaf in 0..count {
            let value = if leaf < self.inputs.len() {
                &self.inputs[leaf]
            } else {
                &self.tensors[trained[leaf - self.inputs.len()]]
            };
            let direction = normal(&source, &format!("direction {leaf}"), &value.size(), value.kind())?;
            let at = |sign: f64| -> Result<f64> {
                let moved = value.f_add(&direction.f_mul_scalar(sign * step)?)?;
                let replace = |list: &[Tensor], position: Option<usize>| -> Vec<Tensor> {
                    let pick = |(k, t): (usize, &Tensor)| {
                        if Some(k) == position { moved.shallow_clone() } else { t.shallow_clone() }
                    };
                    list.iter().enumerate().map(pick).collect()
                };
                let input = (leaf < self.inputs.len()).then_some(leaf);
                let tensor = leaf.checked_sub(self.inputs.len()).map(|k| trained[k]);
                self.sum(&replace(&self.inputs, input), &replace(&self.tensors, tensor))
            };
            let numeric = (at(1.0)? - at(-1.0)?) / (2.0 * step);
            let (analytic, size) = match &found.gradients[leaf] {
                None => (0.0, 0.0),
                Some(gradient) => {
                    let product = gradient.f_mul(&direction)?.f_to_kind(Kind::Double)?;
                    (
                        product.f_sum(Kind::Double)?.f_double_value(&[])?,
                        product.f_abs()?.f_sum(Kind::Double)?.f_double_value(&[])?,
                    )
                }
            };
            let distance = (numeric - analytic).abs() / size.max(numeric.abs()).max(1e-6);
            apart.push(if distance.is_nan() { f64::INFINITY } else { distance });
        }
        Ok(apart)
    }
}

/// The start of a weight or buffer: its own where it is constant, so that a variance stays one; otherwise normal draws.
fn tensor(source: &Source, spec: &TensorSpec, kind: Kind) -> Result<Tensor> {
    match spec.initialiser {
        Initialiser::Constant(value) => Ok(Tensor::f_full(spec.shape.as_slice(), value, (kind, Device::Cpu))?),
        Initialiser::Uniform(scale) | Initialiser::Normal(scale) => {
            Ok(normal(source, &spec.name, &spec.shape, kind)?.f_mul_scalar(scale)?)
        }
    }
}

/// The same numbers with the channels as neighbours in memory.
///
/// # Errors
/// What libtorch refuses.
pub fn in_channels_last(x: &Tensor) -> Result<Tensor> {
    if x.dim() != 4 {
        return Ok(x.shallow_clone());
    }
    Ok(x.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?)
}

/// max |a − b| / max |b|; infinite where either is not finite or the shapes differ.
///
/// # Errors
/// What libtorch refuses.
pub fn distance(a: &Tensor, b: &Tensor) -> Result<f64> {
    if a.size() != b.size() {
        return Ok(f64::INFINITY);
    }
    if a.numel() == 0 {
        return Ok(0.0);
    }
    let (a, b) = (a.f_to_kind(Kind::Double)?, b.f_to_kind(Kind::Double)?);
    let most = |t: &Tensor| -> Result<f64> { Ok(t.f_abs()?.f_max()?.f_double_value(&[])?) };
    let apart = most(&a.f_sub(&b)?)? / most(&b)?.max(1e-12);
    Ok(if apart.is_nan() { f64::INFINITY } else { apart })
}

/// Whether two tensors hold the same bits, in the order of their sizes.
///
/// # Errors
/// What libtorch refuses.
pub fn same_bits(a: &Tensor, b: &Tensor) -> Result<bool> {
    if a.size() != b.size() || a.kind() != b.kind() {
        return Ok(false);
    }
    let bits = |t: &Tensor| -> Result<Vec<u64>> {
        // f64 holds every f32, so that equal bits stay equal and different ones different.
        let values = Vec::<f64>::try_from(t.f_contiguous()?.f_view(-1)?.f_to_kind(Kind::Double)?)?;
        Ok(values.into_iter().map(f64::to_bits).collect())
    };
    Ok(bits(a)? == bits(b)?)
}

/// Whether all numbers are finite.
///
/// # Errors
/// What libtorch refuses.
pub fn finite(t: &Tensor) -> Result<bool> {
    Ok(t.f_isfinite()?.f_all()?.f_int64_value(&[])? != 0)
}
