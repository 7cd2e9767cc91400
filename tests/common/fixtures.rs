//! PyTorch's numbers: the formula behind inputs and weights, the files, and how far two tensors are apart. The formula is that
//! of `tests/fixtures/network.py`.

use super::repository;
use edas::execute::{Norm, reference};
use edas::graph::LayerGraph;
use edas::supernet::Parameters;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
use tch::{Device, Kind, Tensor};

/// Numbers in [−1, 1) that follow from a name.
pub fn values(name: &str, shape: &[i64]) -> Tensor {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    let count: i64 = shape.iter().product();
    let number = |i: i64| {
        let mut z = hash.wrapping_add((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        2.0 * ((z >> 11) as f64 / (1u64 << 53) as f64) - 1.0
    };
    Tensor::from_slice(&(0..count).map(number).collect::<Vec<f64>>()).view(shape)
}

/// The start of a weight or buffer by its formula name.
pub fn start(name: &str, shape: &[i64]) -> Tensor {
    let layer = name.rsplit('.').next().unwrap_or(name);
    match (layer, shape.len()) {
        ("running_mean", _) => Tensor::zeros(shape, (Kind::Double, Device::Cpu)),
        ("running_var", _) => Tensor::ones(shape, (Kind::Double, Device::Cpu)),
        ("weight", 1) => values(name, shape) * 0.1 + 1.0,
        ("weight", _) => {
            let inputs: i64 = shape[1..].iter().product();
            values(name, shape) * (3.0 / inputs as f64).sqrt()
        }
        _ => values(name, shape) * 0.1,
    }
}

/// Gives every parameter of a network its start; `prefix` is put before the names.
pub fn fill(parameters: &Parameters) {
    for parameter in parameters.iter() {
        let value = start(&parameter.name, &parameter.tensor.size()).to_kind(parameters.kind());
        parameters.set(&parameter.name, &value).expect("the shapes fit");
    }
}

/// A fixture file.
pub struct Fixture {
    tensors: HashMap<String, Tensor>,
}

impl Fixture {
    /// Reads `tests/fixtures/<name>.safetensors`.
    pub fn read(name: &str) -> Self {
        let path = repository(&format!("tests/fixtures/{name}.safetensors"));
        let bytes = std::fs::read(&path).expect("the fixture is there");
        let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let tensor = |(name, view): (String, safetensors::tensor::TensorView)| {
            let shape: Vec<i64> = view.shape().iter().map(|s| *s as i64).collect();
            let kind = if view.dtype() == Dtype::F64 { Kind::Double } else { Kind::Float };
            (name, Tensor::from_data_size(view.data(), &shape, kind))
        };
        Self { tensors: file.tensors().into_iter().map(tensor).collect() }
    }

    /// A tensor of the file.
    pub fn get(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("the fixture has no tensor `{name}`"))
    }

    /// A tensor of the file, if it is there.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The names that begin with a prefix, without it.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.tensors.keys().filter_map(move |name| name.strip_prefix(prefix))
    }
}

/// A map, its channels next to each other in memory.
pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// Names of precisions in fixtures, and how far tensors in them may be apart.
pub const PRECISIONS: [(&str, Kind, f64); 2] = [("f32", Kind::Float, 1e-4), ("f64", Kind::Double, 1e-9)];

/// max |a − b| / max |b|; absolute where b is zero throughout.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    let (a, b) = (a.detach().to_device(Device::Cpu).to_kind(Kind::Double), b.to_kind(Kind::Double));
    if b.numel() == 0 {
        return 0.0;
    }
    let (difference, scale) = ((&a - &b).abs().max().double_value(&[]), b.abs().max().double_value(&[]));
    if scale == 0.0 { difference } else { difference / scale }
}

/// Asserts that two tensors agree within a tolerance.
pub fn assert_near(a: &Tensor, b: &Tensor, tolerance: f64, what: &str) {
    let distance = distance(a, b);
    assert!(distance <= tolerance, "{what}: {distance:e} apart, more than {tolerance:e}");
}

/// Compares an operation's output and gradients with those of a fixture, in f64 within 1e-9: `{case}.{form}.` + `y`, `gx`,
/// `g.{layer}.{weight|bias}`. Weights are named by `{case}.{layer}.…`. Returns the number of tensors.
pub fn operation_matches(fixture: &Fixture, case: &str, form: &str, graph: &LayerGraph) -> usize {
    let tensor = |spec: &edas::graph::TensorSpec| {
        start(&format!("{case}.{}", spec.name), &spec.shape).set_requires_grad(spec.trained)
    };
    let tensors: Vec<Tensor> = graph.tensors.iter().map(tensor).collect();
    let size: Vec<i64> = std::iter::once(2).chain(graph.shapes[0].iter().copied()).collect();
    let x = (values("x", &size) * 1.5).set_requires_grad(true);
    let references: Vec<&Tensor> = tensors.iter().collect();
    let y = reference::run(graph, &[&x], &references, Norm::Train).expect("it runs").remove(0);
    let leaves: Vec<&Tensor> = std::iter::once(&x).chain(tensors.iter().filter(|t| t.requires_grad())).collect();
    let names = graph.tensors.iter().filter(|t| t.trained).map(|t| format!("g.{}", t.name));
    let names: Vec<String> = ["y", "gx"].map(str::to_owned).into_iter().chain(names).collect();
    let loss = (&y * values("gy", &y.size())).sum(Kind::Double);
    let gradients = Tensor::run_backward(&[&loss], &leaves, false, false);
    for (name, found) in names.iter().zip(std::iter::once(&y).chain(&gradients)) {
        let key = format!("{case}.{form}.{name}");
        assert_near(found, fixture.get(&key), 1e-9, &key);
    }
    names.len()
}
