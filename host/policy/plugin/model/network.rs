//! One model: its layers, its weights, what Adam remembers, and the tensors that are alive.

use crate::error::{Error, Result};
use crate::execute::{Norm, reference};
use crate::extension::Attribute;
use crate::graph::{LayerGraph, Shape, shape_text};
use crate::random::{Purpose, Source};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use tch::{Kind, Tensor};

/// The most tensors that may be alive.
const MOST_TENSORS: usize = 1 << 20;

/// A model.
pub(super) struct Network {
    pub(super) name: String,
    graph: LayerGraph,
    inputs: Vec<Shape>,
    /// Weights and buffers, in the graph's order. Buffers stay as they start.
    tensors: Vec<Tensor>,
    trained: Vec<Trained>,
    /// Adam's steps.
    steps: u64,
    alive: HashMap<u64, Tensor>,
    next: u64,
}

/// What a model learns by: Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// The learning rate.
    pub learning_rate: f64,
    /// The decay of the mean of gradients.
    pub beta1: f64,
    /// The decay of the mean of squared gradients.
    pub beta2: f64,
    /// The largest norm of all gradients together; 0 for no limit.
    pub clip: f64,
}

impl Default for Step {
    fn default() -> Self {
        Self { learning_rate: f64::NAN, beta1: 0.9, beta2: 0.999, clip: 0.0 }
    }
}

impl Step {
    /// The settings of a step, by name.
    ///
    /// # Errors
    /// Where a name is unknown, or a value of another kind.
    pub(super) fn read(settings: Vec<(String, Attribute)>) -> Result<Self> {
        let mut step = Self::default();
        for (name, value) in settings {
            let place = match (name.as_str(), &value) {
                ("rule", Attribute::Text(rule)) if rule == "adam" => continue,
                ("learning_rate", _) => &mut step.learning_rate,
                ("beta1", _) => &mut step.beta1,
                ("beta2", _) => &mut step.beta2,
                ("clip", _) => &mut step.clip,
                _ => {
                    return Err(Error::new("a model cannot learn by this setting")
                        .expected("`rule` (adam), `learning_rate`, `beta1`, `beta2`, `clip`")
                        .found(format!("`{name}`: {value:?}")));
                }
            };
            *place = match value {
                Attribute::Number(number) => number,
                Attribute::Integer(number) => number as f64,
                other => {
                    return Err(Error::new(format!("the setting `{name}` is no number")).found(format!("{other:?}")));
                }
            };
        }
        Ok(step)
    }
}

/// A weight's name and position, and what Adam remembers of it.
struct Trained {
    name: String,
    index: usize,
    first: Vec<f64>,
    second: Vec<f64>,
    /// The gradients that were added up since the last step.
    gradient: Option<Vec<f64>>,
}

impl Network {
    /// A model of this graph; its weights start from `seed`, by their names.
    pub(super) fn new(name: &str, graph: LayerGraph, inputs: Vec<Shape>, seed: u64) -> Result<Self> {
        let source = Source::new(seed, Purpose::Initialisation);
        let (mut tensors, mut trained) = (Vec::new(), Vec::new());
        for (index, spec) in graph.tensors.iter().enumerate() {
            let elements: i64 = spec.shape.iter().product();
            let mut stream = source.named(&format!("policy.{name}.{}", spec.name));
            let values = spec.initialiser.values(elements as usize, &mut stream);
            let tensor = Tensor::f_from_slice(&values)?.f_view(spec.shape.as_slice())?;
            if spec.trained {
                let zeros = vec![0.0; values.len()];
                let (first, second) = (zeros.clone(), zeros);
                trained.push(Trained { name: spec.name.clone(), index, first, second, gradient: None });
                tensors.push(tensor.f_set_requires_grad(true)?);
            } else {
                tensors.push(tensor);
            }
        }
        let name = name.to_owned();
        Ok(Self { name, graph, inputs, tensors, trained, steps: 0, alive: HashMap::new(), next: 1 })
    }

    fn keep(&mut self, tensor: Tensor) -> Result<u64> {
        if self.alive.len() >= MOST_TENSORS {
            return Err(Error::new(format!("model `{}` has {MOST_TENSORS} tensors alive", self.name))
                .help("forget them with `clear`, once in every turn"));
        }
        let number = self.next;
        self.next += 1;
        self.alive.insert(number, tensor);
        Ok(number)
    }

    fn get(&self, number: u64) -> Result<&Tensor> {
        self.alive.get(&number).ok_or_else(|| {
            Error::new(format!("model `{}` has no tensor {number}", self.name))
                .help("tensors belong to the model that made them, and are gone after `clear` and `restore`")
        })
    }

    /// A tensor of these numbers.
    pub(super) fn tensor(&mut self, data: &[f64], shape: &[i64]) -> Result<u64> {
        let tensor = Tensor::f_from_slice(data)?.f_view(shape)?;
        self.keep(tensor)
    }

    /// The outputs for these inputs.
    ///
    /// # Shapes
    /// Inputs and outputs are (batch, …).
    pub(super) fn forward(&mut self, inputs: &[u64], outputs: usize) -> Result<Vec<u64>> {
        let values: Vec<&Tensor> = inputs.iter().map(|number| self.get(*number)).collect::<Result<_>>()?;
        let wrong = |expected: String, found: String| {
            Error::new(format!("the inputs of model `{}` do not fit", self.name)).expected(expected).found(found)
        };
        if values.len() != self.inputs.len() || outputs != self.graph.outputs.len() {
            return Err(wrong(
                format!("{} inputs, {} outputs", self.inputs.len(), self.graph.outputs.len()),
                format!("{} inputs, {outputs} outputs", values.len()),
            ));
        }
        let batch = values.first().and_then(|x| x.size().first().copied()).unwrap_or(1);
        for (x, shape) in values.iter().zip(&self.inputs) {
            let expected: Vec<i64> = std::iter::once(batch).chain(shape.iter().copied()).collect();
            if x.size() != expected {
                return Err(wrong(shape_text(&expected), shape_text(&x.size())));
            }
        }
        let tensors: Vec<&Tensor> = self.tensors.iter().collect();
        let results = tch::with_grad(|| reference::run(&self.graph, &values, &tensors, Norm::Batch))?;
        results.into_iter().map(|tensor| self.keep(tensor)).collect()
    }

    /// The numbers of a tensor.
    pub(super) fn read(&self, tensor: u64) -> Result<Vec<f64>> {
        numbers(self.get(tensor)?)
    }

    /// The number of numbers of a tensor.
    pub(super) fn length(&self, tensor: u64) -> Result<usize> {
        Ok(self.get(tensor)?.numel())
    }

    /// Adds the gradient of Σ tensor · gradient to those of the weights.
    pub(super) fn backward(&mut self, pairs: &[(u64, &[f64])]) -> Result<()> {
        let sum = tch::with_grad(|| {
            let mut sum: Option<Tensor> = None;
            for (number, gradient) in pairs {
                let tensor = self.get(*number)?;
                let gradient = Tensor::f_from_slice(gradient)?.f_view(tensor.size().as_slice())?;
                let product = tensor.f_mul(&gradient)?.f_sum(Kind::Double)?;
                sum = Some(match sum {
                    Some(sum) => sum.f_add(&product)?,
                    None => product,
                });
            }
            Ok::<_, Error>(sum)
        })?;
        let Some(sum) = sum.filter(Tensor::requires_grad) else {
            return Err(Error::new(format!(
                "nothing that model `{}` is to learn from depends on its weights",
                self.name
            )));
        };
        let leaves: Vec<&Tensor> = self.trained.iter().map(|t| &self.tensors[t.index]).collect();
        let found = Tensor::f_run_backward(&[&sum], &leaves, false, false)?;
        for (trained, gradient) in self.trained.iter_mut().zip(&found) {
            if gradient.defined() {
                let gradient = numbers(gradient)?;
                match &mut trained.gradient {
                    Some(sum) => sum.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g),
                    none => *none = Some(gradient),
                }
            }
        }
        Ok(())
    }

    /// Adam on all weights that have a gradient, as PyTorch's: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
    /// w ← w − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + 1e-8).
    pub(super) fn step(&mut self, step: &Step) -> Result<()> {
        let inside = |x: f64, low: f64, high: f64| (low..high).contains(&x);
        if !step.learning_rate.is_finite()
            || !inside(step.beta1, 0.0, 1.0)
            || !inside(step.beta2, 0.0, 1.0)
            || !inside(step.clip, 0.0, f64::INFINITY)
        {
            return Err(Error::new(format!("model `{}` cannot learn like this", self.name))
                .expected("a finite learning rate, betas from 0 to below 1, a clip from 0")
                .found(format!(
                    "learning rate {}, betas {} and {}, clip {}",
                    step.learning_rate, step.beta1, step.beta2, step.clip
                )));
        }
        let squares: f64 = self.trained.iter().flat_map(|t| t.gradient.iter().flatten()).map(|g| g * g).sum();
        let norm = libm::sqrt(squares);
        if !norm.is_finite() {
            return Err(Error::new(format!("the gradients of model `{}` are not finite", self.name))
                .help("lower its learning rate, or the gradients that the policy passes"));
        }
        let scale = if step.clip > 0.0 { (step.clip / (norm + 1e-6)).min(1.0) } else { 1.0 };
        self.steps += 1;
        let t = self.steps as f64;
        let rate = step.learning_rate / (1.0 - libm::pow(step.beta1, t));
        let correction = libm::sqrt(1.0 - libm::pow(step.beta2, t));
        for trained in &mut self.trained {
            let Some(gradient) = trained.gradient.take() else { continue };
            let mut weight = numbers(&self.tensors[trained.index])?;
            for (i, g) in gradient.into_iter().enumerate() {
                let g = g * scale;
                let (m, v) = (&mut trained.first[i], &mut trained.second[i]);
                *m += (1.0 - step.beta1) * (g - *m);
                *v = step.beta2 * *v + (1.0 - step.beta2) * g * g;
                weight[i] -= rate * *m / (libm::sqrt(*v) / correction + 1e-8);
            }
            put(&mut self.tensors[trained.index], &weight)?;
        }
        Ok(())
    }

    /// Forgets all tensors.
    pub(super) fn clear(&mut self) {
        self.alive.clear();
    }

    /// Everything that was learnt.
    pub(super) fn state(&self) -> Result<Value> {
        let weight = |t: &Trained| {
            let mut map = Map::new();
            map.insert("value".to_owned(), encode(&numbers(&self.tensors[t.index])?));
            map.insert("first".to_owned(), encode(&t.first));
            map.insert("second".to_owned(), encode(&t.second));
            if let Some(gradient) = &t.gradient {
                map.insert("gradient".to_owned(), encode(gradient));
            }
            Ok((t.name.clone(), Value::Object(map)))
        };
        let weights = self.trained.iter().map(weight).collect::<Result<Map<_, _>>>()?;
        Ok(json!({ "steps": self.steps, "weights": weights }))
    }

    /// Puts back what [`Network::state`] returned.
    pub(super) fn set_state(&mut self, state: &Value) -> Result<()> {
        let foreign = || Error::new("the saved state is not one of this model");
        let weights = state["weights"].as_object().filter(|w| w.len() == self.trained.len()).ok_or_else(foreign)?;
        self.clear();
        self.steps = state["steps"].as_u64().ok_or_else(foreign)?;
        for trained in &mut self.trained {
            let saved = weights.get(&trained.name).ok_or_else(foreign)?;
            let part = |name: &str| decode(&saved[name], trained.first.len()).ok_or_else(foreign);
            put(&mut self.tensors[trained.index], &part("value")?)?;
            let gradient = saved.get("gradient").map(|_| part("gradient")).transpose()?;
            (trained.first, trained.second, trained.gradient) = (part("first")?, part("second")?, gradient);
        }
        Ok(())
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(Vec::<f64>::try_from(tensor.f_detach()?.f_contiguous()?.f_view(-1)?)?)
}

/// Writes numbers into a weight. Graphs that were computed with it before can no longer be differentiated.
fn put(weight: &mut Tensor, numbers: &[f64]) -> Result<()> {
    let value = Tensor::f_from_slice(numbers)?.f_view(weight.size().as_slice())?;
    tch::no_grad(|| weight.f_copy_(&value))?;
    Ok(())
}

/// Numbers by their bytes, so that they come back to the same bits.
fn encode(numbers: &[f64]) -> Value {
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    Value::from(BASE64_STANDARD.encode(bytes))
}

fn decode(value: &Value, count: usize) -> Option<Vec<f64>> {
    let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
    let (chunks, rest) = bytes.as_chunks::<8>();
    (rest.is_empty() && chunks.len() == count).then(|| chunks.iter().map(|c| f64::from_le_bytes(*c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::builder::Build;
    use edas_plugin::abi;

    /// y = x · w with w of two numbers that start at 0.5.
    fn network() -> Network {
        let mut build = Build::new(&[vec![2]], "a test");
        let x = build.inputs();
        let table = build.table();
        let mut y = 0;
        // SAFETY: the graph that the table was made of is alive; texts and lists outlive the calls.
        unsafe {
            let name = abi::Text::new("w");
            let parameter = table.parameter.expect("a function");
            let start = crate::extension::Attribute::Number(0.5).to_abi("constant");
            let w = parameter(table.context, name, [2].as_ptr(), 1, &start, 1);
            let layer = table.layer.expect("a function");
            let inputs = [x[0], w];
            layer(table.context, abi::Text::new("mul"), inputs.as_ptr(), 2, std::ptr::null(), 0, &mut y, 1);
        }
        drop(table);
        let graph = build.close(Ok(()), &[y]).expect("a graph");
        Network::new("test", graph, vec![vec![2]], 1).expect("a model")
    }

    fn adam(learning_rate: f64, clip: f64) -> Step {
        Step { learning_rate, clip, ..Step::default() }
    }

    #[test]
    fn gradients_add_up_and_adam_is_pytorchs() {
        let mut network = network();
        let x = network.tensor(&[1.0, 2.0, 3.0, 4.0], &[2, 2]).expect("a tensor");
        let weight = |network: &Network| numbers(&network.tensors[0]).expect("numbers");
        let mut expected = [0.5, 0.5];
        let (mut m, mut v) = ([0.0; 2], [0.0; 2]);
        for t in 1..=5 {
            for _ in 0..2 {
                let y = network.forward(&[x], 1).expect("it fits")[0];
                let w = weight(&network);
                let expected = [w[0], 2.0 * w[1], 3.0 * w[0], 4.0 * w[1]];
                assert_eq!(network.read(y).expect("numbers"), expected);
                network.backward(&[(y, &[1.0, -1.0, 1.0, 0.5])]).expect("it depends on w");
                assert!(network.backward(&[(x, &[1.0; 4])]).is_err(), "x does not depend on w");
            }
            // Twice the sum over the batch, and clipped to a norm of 4.
            let g = [2.0 * (1.0 + 3.0), 2.0 * (-2.0 + 2.0)];
            let scale = (4.0 / (8.0 + 1e-6_f64)).min(1.0);
            network.step(&adam(0.1, 4.0)).expect("finite");
            for i in 0..2 {
                let g = g[i] * scale;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                let mean = m[i] / (1.0 - 0.9_f64.powi(t));
                let square: f64 = v[i] / (1.0 - 0.999_f64.powi(t));
                expected[i] -= 0.1 * mean / (square.sqrt() + 1e-8);
            }
            for (found, expected) in weight(&network).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
            }
        }
        network.clear();
        assert!(network.read(x).is_err());
    }

    #[test]
    fn what_a_model_cannot_do_is_refused() {
        let mut network = network();
        let x = network.tensor(&[1.0, 2.0], &[1, 2]).expect("a tensor");
        let wide = network.tensor(&[1.0, 2.0, 3.0], &[1, 3]).expect("a tensor");
        for inputs in [&[wide][..], &[x, x], &[], &[99]] {
            assert!(network.forward(inputs, 1).is_err(), "{inputs:?}");
        }
        assert!(network.forward(&[x], 2).is_err());
        assert!(network.step(&adam(f64::NAN, 0.0)).is_err());
        let y = network.forward(&[x], 1).expect("it fits")[0];
        network.backward(&[(y, &[f64::INFINITY, 1.0])]).expect("it depends on w");
        let message = network.step(&adam(0.1, 0.0)).expect_err("not finite").to_string();
        assert!(message.contains("not finite"), "{message}");
    }
}
