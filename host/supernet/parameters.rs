//! Named tensors: weights that training moves, and buffers that it does not.

use crate::error::{Error, Result};
use crate::graph::TensorSpec;
use crate::random::{Purpose, Source};
use std::collections::HashMap;
use tch::{Device, Kind, Tensor};

/// A weight or buffer of a network.
#[derive(Debug)]
pub struct Parameter {
    /// Its full name: `cells.3.edges.5.sep_conv_3x3.1.weight`.
    pub name: String,
    /// Its value.
    pub tensor: Tensor,
    /// Whether training moves it.
    pub trained: bool,
}

/// All weights and buffers of a network. Names are unique and stable.
#[derive(Debug)]
pub struct Parameters {
    list: Vec<Parameter>,
    by_name: HashMap<String, usize>,
    source: Source,
    kind: Kind,
    device: Device,
}

impl Parameters {
    /// None yet; those that are added start as `seed` says.
    pub fn new(seed: u64, kind: Kind, device: Device) -> Self {
        let source = Source::new(seed, Purpose::Initialisation);
        Self { list: Vec::new(), by_name: HashMap::new(), source, kind, device }
    }

    /// Adds a tensor, started from the stream of its full name.
    ///
    /// # Errors
    /// Where the name is taken.
    pub fn add(&mut self, name: String, spec: &TensorSpec) -> Result<usize> {
        let tensor = self.start(&name, spec)?;
        let index = self.list.len();
        if self.by_name.insert(name.clone(), index).is_some() {
            return Err(Error::new(format!("two parameters are named `{name}`")));
        }
        self.list.push(Parameter { name, tensor, trained: spec.trained });
        Ok(index)
    }

    /// What a tensor of this name starts as.
    fn start(&self, name: &str, spec: &TensorSpec) -> Result<Tensor> {
        let elements: i64 = spec.shape.iter().product();
        let mut stream = self.source.named(name);
        let values = spec.initialiser.values(usize::try_from(elements).unwrap_or(0), &mut stream);
        let tensor = Tensor::f_from_slice(&values)?.f_view(spec.shape.as_slice())?;
        Ok(tensor.f_to_kind(self.kind)?.f_to_device(self.device)?)
    }

    /// Puts the tensor at a position back to what it started as; `spec` is what it was added with.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn restart(&self, index: usize, spec: &TensorSpec) -> Result<()> {
        let parameter = self.get(index);
        self.set(&parameter.name, &self.start(&parameter.name, spec)?)
    }

    /// Keeps the tensors at these positions alone, in their order. Returns the new position of each, by its old one.
    pub(super) fn retain(&mut self, used: &[bool]) -> Vec<Option<usize>> {
        let mut moved = vec![None; used.len()];
        let list = std::mem::take(&mut self.list);
        for (old, parameter) in list.into_iter().enumerate().filter(|(old, _)| used[*old]) {
            moved[old] = Some(self.list.len());
            self.list.push(parameter);
        }
        self.by_name = self.list.iter().enumerate().map(|(at, p)| (p.name.clone(), at)).collect();
        moved
    }

    /// The parameter at a position.
    pub fn get(&self, index: usize) -> &Parameter {
        &self.list[index]
    }

    /// The parameter of a name.
    pub fn named(&self, name: &str) -> Option<&Parameter> {
        self.by_name.get(name).map(|index| &self.list[*index])
    }

    /// All parameters, in the order in which the network was built.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.list.iter()
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The element type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the tensors lie.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Copies a value into a parameter.
    ///
    /// # Errors
    /// Where there is no parameter of this name, or its shape is another.
    pub fn set(&self, name: &str, value: &Tensor) -> Result<()> {
        let parameter =
            self.named(name).ok_or_else(|| Error::new(format!("the network has no parameter named `{name}`")))?;
        if parameter.tensor.size() != value.size() {
            return Err(Error::new(format!("the value for `{name}` has another shape"))
                .expected(format!("{:?}", parameter.tensor.size()))
                .found(format!("{:?}", value.size())));
        }
        let mut tensor = parameter.tensor.shallow_clone();
        tch::no_grad(|| tensor.f_copy_(value))?;
        Ok(())
    }

    /// Copies the values of all parameters that `other` has under the same names.
    ///
    /// # Errors
    /// Where `other` lacks one.
    pub fn copy_from(&self, other: &Parameters) -> Result<()> {
        for parameter in &self.list {
            let value = other
                .named(&parameter.name)
                .ok_or_else(|| Error::new(format!("the other network has no parameter named `{}`", parameter.name)))?;
            self.set(&parameter.name, &value.tensor)?;
        }
        Ok(())
    }
}
