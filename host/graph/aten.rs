//! ATen operators as layers: found by their schema names, checked when the graph is built, differentiated by libtorch.

use super::{Shape, shape_text};
use crate::error::{Error, Result};
use crate::extension::Attribute;
use crate::native::operator::{Operator, Signature};
use std::fmt;
use tch::{Device, Kind, Tensor};

/// An ATen operator with all arguments but its tensors.
#[derive(Debug)]
pub struct Aten {
    name: String,
    arguments: Vec<(String, Attribute)>,
    operator: Operator,
}

impl PartialEq for Aten {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.arguments) == (&other.name, &other.arguments)
    }
}

impl fmt::Display for Aten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        for (name, value) in &self.arguments {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// The batches with which an operator is tried: numbers that no other size is likely to have.
const BATCHES: [i64; 2] = [5, 7];
/// The most numbers that an operator is tried on.
const MOST_TRIED: i64 = 1 << 27;

impl Aten {
    /// The operator that a layer of kind `aten` names; its attributes `operator` and `overload` are taken out.
    ///
    /// # Errors
    /// Where there is no such operator, an argument is missing, unknown or of another type, or it returns something else
    /// than `outputs` tensors.
    pub fn new(mut attributes: Vec<(String, Attribute)>, inputs: usize, outputs: usize) -> Result<Self> {
        let mut take = |wanted: &str| {
            let at = attributes.iter().position(|(name, _)| name == wanted)?;
            match attributes.swap_remove(at).1 {
                Attribute::Text(text) => Some(text),
                _ => None,
            }
        };
        let operator = take("operator").ok_or_else(|| {
            Error::new("layer `aten` needs the attribute `operator`").expected("the schema name of an ATen operator")
        })?;
        let overload = take("overload").unwrap_or_default();
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        let name = if overload.is_empty() { operator.clone() } else { format!("{operator}.{overload}") };
        let arguments: Vec<_> = attributes.iter().map(|(name, value)| value.to_abi(name)).collect();
        let operator = Operator::find(&operator, &overload, inputs, &arguments, outputs)
            .map_err(|e| Error::new(format!("layer `aten {name}` cannot be used")).found(e))?;
        Ok(Self { name, arguments: attributes, operator })
    }

    /// The shapes of its outputs without the batch, found by running it on zeros. Where no input has a batch, no output has.
    ///
    /// # Errors
    /// Where it refuses inputs of these shapes, or does not keep the batch.
    pub fn shapes(&self, inputs: &[(&[i64], bool)]) -> Result<Vec<Shape>> {
        if inputs.iter().map(|(shape, _)| shape.iter().product::<i64>()).sum::<i64>() > MOST_TRIED / BATCHES[1] {
            return Err(Error::new(format!("layer `aten {self}` has inputs that are too large to try it on")));
        }
        if inputs.iter().all(|(_, batched)| !batched) {
            return self.tried(inputs, None);
        }
        let [first, second] = BATCHES.map(|batch| self.tried(inputs, Some(batch)));
        let (first, second) = (first?, second?);
        if first != second {
            return Err(Error::new(format!("layer `aten {self}` returns other shapes for other batches")));
        }
        Ok(first)
    }

    fn tried(&self, inputs: &[(&[i64], bool)], batch: Option<i64>) -> Result<Vec<Shape>> {
        let _guard = tch::no_grad_guard();
        let zeros = |(shape, batched): &(&[i64], bool)| {
            let batch = batch.filter(|_| *batched);
            let sizes: Vec<i64> = batch.into_iter().chain(shape.iter().copied()).collect();
            Tensor::f_zeros(sizes, (Kind::Float, Device::Cpu))
        };
        let inputs: Vec<Tensor> = inputs.iter().map(zeros).collect::<Result<_, _>>()?;
        let outputs = self.call(&inputs.iter().collect::<Vec<_>>())?;
        let shape = |output: &Tensor| {
            let sizes = output.size();
            match batch {
                Some(batch) if sizes.first() != Some(&batch) => {
                    Err(Error::new(format!("layer `aten {self}` returns no value of a graph"))
                        .expected(format!("the batch ({batch}) in front"))
                        .found(shape_text(&sizes)))
                }
                _ => Ok(sizes[usize::from(batch.is_some())..].to_vec()),
            }
        };
        outputs.iter().map(shape).collect()
    }

    /// Its arguments besides its tensors, by name.
    pub fn arguments(&self) -> &[(String, Attribute)] {
        &self.arguments
    }

    /// How it is called.
    ///
    /// # Errors
    /// Where libtorch does not say.
    pub fn signature(&self) -> Result<Signature> {
        self.operator.signature().map_err(|e| Error::new(format!("layer `aten {self}` cannot be described: {e}")))
    }

    /// Calls the operator. Inputs are (batch, …), weights and buffers without the batch; outputs are (batch, …), or without it
    /// where all inputs are.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn call(&self, inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
        let refused = |e| Error::new(format!("layer `aten {self}` was refused by libtorch: {e}"));
        self.operator.call(inputs).map_err(refused)
    }
}
