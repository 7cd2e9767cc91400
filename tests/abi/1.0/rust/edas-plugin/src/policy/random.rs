//! Draws from a stream that the host handed over: the same seed gives the same numbers on every machine, and the same as a
//! script's `rng`.

use crate::abi;
use crate::host::extension;
use std::marker::PhantomData;

/// A stream of random numbers: those of one turn.
pub struct Random<'a> {
    table: &'static abi::Random,
    stream: *mut abi::RandomStream,
    turn: PhantomData<&'a mut ()>,
}

impl Random<'_> {
    /// # Safety
    /// `stream` is the host's, valid and used by nobody else for the lifetime, on this thread.
    pub(crate) unsafe fn new(stream: *mut abi::RandomStream) -> Result<Self, String> {
        let table = extension::<abi::Random>(abi::HOST_RANDOM).ok_or("this host offers no random numbers")?;
        Ok(Self { table, stream, turn: PhantomData })
    }

    fn number(&mut self, draw: Option<unsafe extern "C-unwind" fn(*mut abi::RandomStream) -> f64>) -> f64 {
        // SAFETY: `new` vouches for the stream.
        draw.map_or(0.0, |draw| unsafe { draw(self.stream) })
    }

    /// A whole number from 0 to n − 1, every one equally likely.
    ///
    /// # Panics
    /// Where n is 0.
    pub fn index(&mut self, n: usize) -> usize {
        assert!(n > 0, "nothing can be drawn from nothing");
        self.below(n as u64) as usize
    }

    /// A whole number from 0 to n − 1; 0 where n is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        // SAFETY: `new` vouches for the stream.
        self.table.index.map_or(0, |draw| unsafe { draw(self.stream, n) })
    }

    /// A number in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.number(self.table.uniform)
    }

    /// A draw from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        self.number(self.table.normal)
    }

    /// A draw from the standard Gumbel distribution.
    pub fn gumbel(&mut self) -> f64 {
        self.number(self.table.gumbel)
    }

    /// One of a list, every one equally likely.
    ///
    /// # Panics
    /// Where the list is empty.
    pub fn choose<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.index(list.len())]
    }

    /// A position of a list, as likely as its number is large.
    ///
    /// # Panics
    /// Where a number is negative, or their sum is not above 0 and finite.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let sum: f64 = weights.iter().sum();
        let sound = sum > 0.0 && sum.is_finite() && weights.iter().all(|w| *w >= 0.0);
        assert!(sound, "these are no weights to draw by: {weights:?}");
        let mut left = self.uniform() * sum;
        let last = weights.iter().rposition(|w| *w > 0.0).unwrap_or(0);
        for (i, weight) in weights.iter().enumerate().take(last) {
            if left < *weight {
                return i;
            }
            left -= weight;
        }
        last
    }

    /// Puts a list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}
