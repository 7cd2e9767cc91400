//! Where the gradients of values gather. Values that lie side by side have their gradients side by side, too.

use super::kernels::combine;
use super::kernels::map::Map;
use super::memory::Buffer;
use super::tape::Tape;
use super::value::Value;
use crate::error::Result;
use std::ops::Range;
use std::rc::Rc;

/// Where the gradient of a map gathers, from the first time on that something reaches it.
#[derive(Debug)]
pub(super) struct Slot {
    sizes: [usize; 3],
    buffer: Option<Rc<Buffer>>,
    /// Per channel: whether something has been gathered.
    written: Vec<bool>,
    /// Per channel: whether the result depends on it by a factor of 0: there is a gradient, and it is zero where nothing else gathers.
    zero: Vec<bool>,
}

impl Slot {
    pub fn new(sizes: [usize; 3]) -> Self {
        Self { sizes, buffer: None, written: vec![false; sizes[2]], zero: vec![false; sizes[2]] }
    }
}

fn channels(value: &Value) -> Option<(usize, Range<usize>)> {
    value.slot.map(|(slot, first)| (slot, first..first + value.map.channels))
}

impl Tape {
    pub(super) fn slot(&mut self, sizes: [usize; 3]) -> usize {
        self.slots.push(Slot::new(sizes));
        self.slots.len() - 1
    }

    /// The gradient that has gathered for a value; `None` where nothing reaches the result from it.
    pub(super) fn gathered(&mut self, value: &Value) -> Option<(Map, Rc<Buffer>)> {
        let (number, range) = channels(value)?;
        let slot = &self.slots[number];
        let buffer = slot.buffer.clone().filter(|_| slot.written[range.clone()].contains(&true))?;
        let map = whole(&buffer, slot.sizes);
        self.fill(number, &map, range.clone());
        Some((map.channels(range.start, range.len()), buffer))
    }

    /// Whether anything, be it zeros alone, reaches the result from some channels of a value.
    pub(super) fn is_reached(&self, value: &Value, range: Range<usize>) -> bool {
        let Some((number, first)) = value.slot else { return false };
        let (slot, range) = (&self.slots[number], first + range.start..first + range.end);
        slot.written[range.clone()].contains(&true) || slot.zero[range].contains(&true)
    }

    /// Where the gradient of a value gathers, and whether something is there already.
    pub(super) fn gathering(&mut self, value: &Value) -> Result<Option<(Map, bool)>> {
        let Some((number, range)) = channels(value) else { return Ok(None) };
        let sizes = self.slots[number].sizes;
        let map = match &self.slots[number].buffer {
            Some(buffer) => whole(buffer, sizes),
            None => {
                let (buffer, map) = self.map(sizes)?;
                self.slots[number].buffer = Some(buffer);
                map
            }
        };
        let add = self.slots[number].written[range.clone()].contains(&true);
        if add {
            self.fill(number, &map, range.clone());
        }
        self.slots[number].written[range.clone()].fill(true);
        Ok(Some((map.channels(range.start, range.len()), add)))
    }

    /// Zeros where nothing has gathered among some channels.
    fn fill(&mut self, number: usize, map: &Map, range: Range<usize>) {
        let mut first = range.start;
        for run in self.slots[number].written[range.clone()].chunk_by(|a, b| a == b) {
            if !run[0] {
                combine::sum(self.go(), &[], &map.channels(first, run.len()), false, self.batch);
            }
            first += run.len();
        }
        self.slots[number].written[range].fill(true);
    }

    /// Notes that a value has a gradient, zero where nothing else gathers.
    pub(super) fn note_zero(&mut self, value: &Value) {
        if let Some((number, range)) = channels(value) {
            self.slots[number].zero[range].fill(true);
        }
    }

    /// Whether nothing but zeros reaches the result from a value for which nothing has gathered.
    pub(super) fn is_zero(&self, value: &Value) -> bool {
        channels(value).is_some_and(|(number, range)| self.slots[number].zero[range].contains(&true))
    }

    /// Gives back the memory of all that lies beside a value: nobody reads it any more.
    pub(super) fn release(&mut self, value: &Value) {
        if let Some((number, _)) = value.slot {
            self.slots[number].buffer = None;
            self.slots[number].written.fill(false);
        }
    }
}

fn whole(buffer: &Buffer, sizes: [usize; 3]) -> Map {
    Map::dense(buffer.data(), sizes)
}
