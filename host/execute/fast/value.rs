//! Values of a pass: feature maps in memory, with the batch norm that their readers apply.

use super::kernels::map::{Fold, Map, Source};
use super::memory::Buffer;
use std::cell::Cell;
use std::rc::Rc;

/// A batch norm whose application is left to the readers: scale · x + shift per channel.
#[derive(Debug)]
pub struct Norm {
    /// Per channel.
    pub scale: Vec<f32>,
    /// Per channel.
    pub shift: Vec<f32>,
    /// Per channel: the mean that was taken off.
    pub mean: Vec<f32>,
    /// Per channel: 1 / √(variance + ε).
    pub inverse: Vec<f64>,
    /// Whether mean and variance are the batch's, through which gradients flow, too.
    pub of_batch: bool,
}

impl Norm {
    /// As a reader applies it.
    pub fn fold(&self) -> Fold<'_> {
        Fold { scale: &self.scale, shift: &self.shift }
    }
}

/// A feature map (batch, height, width, channels): some channels of a stretch of memory.
#[derive(Debug)]
pub struct Value {
    pub(super) buffer: Rc<Buffer>,
    pub(super) map: Map,
    pub(super) norm: Option<Rc<Norm>>,
    /// Where its gradient gathers: a slot of the tape, and the first channel within it.
    pub(super) slot: Option<(usize, usize)>,
    /// The entry of the tape that made it, where that can take its gradient as a part of another one's.
    pub(super) maker: Option<usize>,
    /// How many read it.
    pub(super) readers: Cell<usize>,
}

/// A value, shared among its readers.
pub type Handle = Rc<Value>;

impl Value {
    /// The value as its readers see it.
    pub fn source(&self, relu: bool) -> Source<'_> {
        Source { map: self.map, fold: self.norm.as_ref().map(|norm| norm.fold()), relu }
    }

    /// Counts a reader.
    pub(super) fn read(&self) {
        self.readers.set(self.readers.get() + 1);
    }
}
