//! Values of a pass: feature maps in memory, with the batch norm that their readers apply.

use super::kernels::map::{Map, Source};
use super::memory::Buffer;
use super::norm::Norm;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

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

    /// Some of its channels, as a value of its own.
    pub(super) fn channels(&self, range: Range<usize>) -> Self {
        Self {
            buffer: self.buffer.clone(),
            map: self.map.channels(range.start, range.len()),
            norm: self.norm.as_ref().map(|norm| Rc::new(norm.channels(range.clone()))),
            slot: self.slot.map(|(slot, first)| (slot, first + range.start)),
            maker: None,
            readers: Cell::new(0),
        }
    }

    /// Counts a reader.
    pub(super) fn read(&self) {
        self.readers.set(self.readers.get() + 1);
    }
}
