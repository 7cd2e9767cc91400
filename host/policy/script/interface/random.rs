//! Random numbers as scripts draw them.

use super::{Raised, floats};
use crate::error::Error;
use crate::extension::interface::Interface;
use crate::extension::script::raise;
use crate::random::Stream;
use rhai::{Array, Dynamic, FLOAT, INT};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A stream of random numbers; all copies draw from the same one.
#[derive(Clone)]
pub(super) struct RandomValue(Arc<Mutex<Stream>>);

impl RandomValue {
    pub(super) fn new(stream: Stream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    pub(super) fn stream(&self) -> MutexGuard<'_, Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn below(&self, n: usize) -> Raised<usize> {
        match n {
            0 => Err(raise(Error::new("nothing can be drawn from an empty array"))),
            n => Ok(self.stream().index(n as u64) as usize),
        }
    }

    fn index(&mut self, n: INT) -> Raised<INT> {
        match usize::try_from(n) {
            Ok(n) if n > 0 => self.below(n).map(|i| i as INT),
            _ => Err(raise(
                Error::new("`index(n)` draws a whole number from 0 to n - 1")
                    .expected("an n of at least 1")
                    .found(n.to_string()),
            )),
        }
    }

    fn weighted(&mut self, weights: Array) -> Raised<INT> {
        let weights = floats(&weights)?;
        let sum: FLOAT = weights.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) || weights.iter().any(|w| *w < 0.0) {
            return Err(raise(
                Error::new("these are no weights to draw by")
                    .expected("numbers from 0 up, with a sum above 0")
                    .found(format!("{weights:?}")),
            ));
        }
        let mut left = self.stream().uniform() * sum;
        let last = weights.iter().rposition(|w| *w > 0.0).unwrap_or(0);
        for (i, weight) in weights.iter().enumerate().take(last) {
            if left < *weight {
                return Ok(i as INT);
            }
            left -= weight;
        }
        Ok(last as INT)
    }
}

pub(super) fn register(api: &mut Interface) {
    api.subject("Random numbers")
        .named::<RandomValue>("Random")
        .function("index(rng: Random, n: int) -> int", "A whole number from 0 to n - 1.", RandomValue::index)
        .function("uniform(rng: Random) -> float", "A number from 0 to below 1.", |r: &mut RandomValue| {
            r.stream().uniform()
        })
        .function(
            "normal(rng: Random) -> float",
            "A draw from the standard normal distribution.",
            |r: &mut RandomValue| r.stream().normal(),
        )
        .function(
            "gumbel(rng: Random) -> float",
            "A draw from the standard Gumbel distribution.",
            |r: &mut RandomValue| r.stream().gumbel(),
        )
        .function(
            "choose(rng: Random, array: Array) -> ?",
            "An entry of the array, each equally likely.",
            |r: &mut RandomValue, array: Array| -> Raised<Dynamic> {
                let index = r.below(array.len())?;
                Ok(array[index].clone())
            },
        )
        .function(
            "weighted(rng: Random, weights: Array) -> int",
            "A position in the array, with a probability in proportion to the number there.",
            RandomValue::weighted,
        )
        .function(
            "shuffle(rng: Random, array: Array) -> Array",
            "The array in a random order.",
            |r: &mut RandomValue, mut array: Array| -> Array {
                r.stream().shuffle(&mut array);
                array
            },
        );
}
