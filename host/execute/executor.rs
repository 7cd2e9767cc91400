//! What a network asks of an executor.

use super::{Norm, reference};
use crate::error::{Error, Result};
use crate::graph::LayerGraph;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// What one edge brings to a node.
#[derive(Debug)]
pub struct Brought<V> {
    /// What its candidate returned.
    pub value: V,
    /// The weights of the edge's candidates, and which of them is this one's; `None`: 1.
    pub mixture: Option<(Tensor, usize)>,
    /// What drop-path makes of each example: a factor.
    pub drop: Option<Vec<f64>>,
}

/// Runs the operations of a pass, and what joins them. Shapes are without the batch.
pub trait Executor {
    /// A value of a pass.
    type Value;
    /// Room for values that will be concatenated.
    type Area;

    /// The number of examples.
    fn batch(&self) -> usize;

    /// The same value once more, for another who reads it.
    fn share(&self, value: &Self::Value) -> Self::Value;

    /// Says what the operations to come are called; only those who measure want to know.
    fn name(&mut self, _name: &str) {}

    /// A batch of images, (batch, channels, height, width), as a value.
    ///
    /// # Errors
    /// What libtorch refuses.
    fn images(&mut self, images: &Tensor) -> Result<Self::Value>;

    /// Runs an operation; `tensors` are the graph's.
    ///
    /// # Errors
    /// As [`reference::run`].
    fn run(&mut self, graph: &Arc<LayerGraph>, input: &Self::Value, tensors: &[&Tensor]) -> Result<Vec<Self::Value>>;

    /// Runs two operations that read the same value, over one read of it, and returns the one output of each; `None` where nothing
    /// is won by it: then each is to be run by itself.
    ///
    /// # Errors
    /// As [`reference::run`].
    fn run_both(
        &mut self,
        _graphs: [&Arc<LayerGraph>; 2],
        _input: &Self::Value,
        _tensors: [&[&Tensor]; 2],
    ) -> Result<Option<[Self::Value; 2]>> {
        Ok(None)
    }

    /// Runs the operation that ends the network.
    ///
    /// # Errors
    /// As [`reference::run`].
    fn run_last(&mut self, graph: &LayerGraph, input: &Self::Value, tensors: &[&Tensor]) -> Result<Tensor>;

    /// Room for values of this height and width that have so many channels together; `None` where nothing is won by it.
    ///
    /// # Errors
    /// Where memory runs out.
    fn area(&mut self, channels: i64, shape: &[i64]) -> Result<Option<Self::Area>>;

    /// `factor` times the sum, in order, of what edges bring to a node of this shape; zeros where that is nothing. It lies in the
    /// area where one is given.
    ///
    /// # Errors
    /// What libtorch refuses.
    fn sum(
        &mut self,
        brought: Vec<Brought<Self::Value>>,
        factor: Option<f64>,
        shape: &[i64],
        area: Option<&mut Self::Area>,
    ) -> Result<Self::Value>;

    /// Values joined along their channels; those of an area were made in this order.
    ///
    /// # Errors
    /// What libtorch refuses.
    fn concat(&mut self, values: &[Self::Value], area: Option<Self::Area>) -> Result<Self::Value>;
}

/// The reference executor: libtorch's own operations, which libtorch differentiates where gradients are recorded.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// What batch norm does.
    pub norm: Norm,
    /// The element type.
    pub kind: Kind,
    /// Where tensors lie.
    pub device: Device,
    /// The number of examples.
    pub batch: i64,
}

impl Executor for Reference {
    type Value = Tensor;
    type Area = ();

    fn batch(&self) -> usize {
        self.batch as usize
    }

    fn share(&self, value: &Tensor) -> Tensor {
        value.shallow_clone()
    }

    fn images(&mut self, images: &Tensor) -> Result<Tensor> {
        Ok(images.shallow_clone())
    }

    fn run(&mut self, graph: &Arc<LayerGraph>, input: &Tensor, tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
        reference::run(graph, &[input], tensors, self.norm)
    }

    fn run_last(&mut self, graph: &LayerGraph, input: &Tensor, tensors: &[&Tensor]) -> Result<Tensor> {
        let mut outputs = reference::run(graph, &[input], tensors, self.norm)?;
        outputs.pop().ok_or_else(|| Error::new("the head returned nothing"))
    }

    fn area(&mut self, _: i64, _: &[i64]) -> Result<Option<()>> {
        Ok(None)
    }

    fn sum(
        &mut self,
        brought: Vec<Brought<Tensor>>,
        factor: Option<f64>,
        shape: &[i64],
        _: Option<&mut ()>,
    ) -> Result<Tensor> {
        let mut sum = Sum::default();
        for Brought { value, mixture, drop } in brought {
            let value = match drop {
                Some(factors) => thinned(&value, &factors)?,
                None => value,
            };
            sum.add(match mixture {
                Some((weights, position)) => value.f_mul(&weights.f_select(0, position as i64)?)?,
                None => value,
            })?;
        }
        Ok(match (sum.value, factor) {
            (Some(sum), None) => sum,
            (Some(sum), Some(factor)) => sum.f_mul_scalar(factor)?,
            (None, _) => {
                let size: Vec<i64> = std::iter::once(self.batch).chain(shape.iter().copied()).collect();
                Tensor::f_zeros(size, (self.kind, self.device))?
            }
        })
    }

    fn concat(&mut self, values: &[Tensor], _: Option<()>) -> Result<Tensor> {
        Ok(Tensor::f_cat(values, 1)?)
    }
}

/// A sum that is made of its first two terms anew, and then in place: nothing else reads it, and the way back of an addition needs
/// neither of its terms.
#[derive(Default)]
struct Sum {
    value: Option<Tensor>,
    owned: bool,
}

impl Sum {
    fn add(&mut self, term: Tensor) -> Result<()> {
        self.value = Some(match (self.value.take(), self.owned) {
            (None, _) => term,
            (Some(mut sum), true) => sum.f_add_(&term)?,
            (Some(sum), false) => {
                self.owned = true;
                sum.f_add(&term)?
            }
        });
        Ok(())
    }
}

/// A value (batch, …), each example times its factor.
fn thinned(value: &Tensor, factors: &[f64]) -> Result<Tensor> {
    let mut size = value.size();
    size[1..].fill(1);
    let factors =
        Tensor::f_from_slice(factors)?.f_view(size.as_slice())?.f_to_kind(value.kind())?.f_to_device(value.device())?;
    Ok(value.f_mul(&factors)?)
}
