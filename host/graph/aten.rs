//! ATen operators as layers: found by their schema names, checked when the graph is built, differentiated by libtorch.

use super::{Shape, shape_text};
use crate::error::{Error, Result};
use crate::extension::Attribute;
use crate::native::operator::Operator;
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
            match value {
                Attribute::Integer(v) => write!(f, " {name}={v}")?,
                Attribute::Number(v) => write!(f, " {name}={v}")?,
                Attribute::Boolean(v) => write!(f, " {name}={v}")?,
                Attribute::Text(v) => write!(f, " {name}={v}")?,
                Attribute::Integers(v) => write!(f, " {name}={v:?}")?,
                Attribute::Numbers(v) => write!(f, " {name}={v:?}")?,
            }
        }
        Ok(())
    }
}

/// The batch with which an operator is tried: a number that no other size is likely to have.
const BATCH: i64 = 5;

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

    /// The shapes of its outputs, found by running it on zeros.
    ///
    /// # Errors
    /// Where it refuses inputs of these shapes, or does not keep the batch.
    pub fn shapes(&self, inputs: &[(&[i64], bool)]) -> Result<Vec<Shape>> {
        let _guard = tch::no_grad_guard();
        let zeros = |(shape, batched): &(&[i64], bool)| {
            let sizes: Vec<i64> = batched.then_some(BATCH).into_iter().chain(shape.iter().copied()).collect();
            Tensor::f_zeros(sizes, (Kind::Float, Device::Cpu))
        };
        let inputs: Vec<Tensor> = inputs.iter().map(zeros).collect::<Result<_, _>>()?;
        let outputs = self.call(&inputs.iter().collect::<Vec<_>>())?;
        let shape = |output: &Tensor| {
            let sizes = output.size();
            if sizes.first() != Some(&BATCH) || output.kind() != Kind::Float {
                return Err(Error::new(format!("layer `aten {self}` returns no value of a graph"))
                    .expected(format!("floating-point numbers, the batch ({BATCH}) in front"))
                    .found(format!("{} of {:?}", shape_text(&sizes), output.kind())));
            }
            Ok(sizes[1..].to_vec())
        };
        outputs.iter().map(shape).collect()
    }

    /// Calls the operator. Inputs are (batch, …), weights and buffers without the batch; outputs are (batch, …).
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn call(&self, inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
        let refused = |e| Error::new(format!("layer `aten {self}` was refused by libtorch: {e}"));
        self.operator.call(inputs).map_err(refused)
    }
}
