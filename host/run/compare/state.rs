//! Two checkpoints: their states, then their tensors, one by one.

use super::difference::Difference;
use super::line::part;
use crate::error::{Error, Result};
use crate::run::checkpoint::{Snapshot, State};
use crate::run::contents::NOTHING;
use crate::run::tensors::Saved;
use safetensors::tensor::Dtype;
use serde_json::Value;
use std::collections::HashMap;

/// The first difference between two states of a run after the same number of iterations.
///
/// # Errors
/// Where a state cannot be written as JSON.
pub fn difference(expected: &Snapshot, found: &Snapshot) -> Result<Option<Difference>> {
    let iteration = found.state.iteration.saturating_sub(1);
    if let Some(parting) = part(&plain(&expected.state)?, &plain(&found.state)?) {
        let quantity = format!("the state's {} after it", parting.way());
        return Ok(Some(parting.difference(iteration, quantity)));
    }
    Ok(tensors(&expected.tensors, &found.tensors, iteration))
}

/// A state without the time that it took.
fn plain(state: &State) -> Result<Value> {
    let mut state = State { seconds: 0.0, epoch_seconds: 0.0, ..state.clone() };
    if let Some(evaluation) = &mut state.evaluation {
        evaluation.last.iter_mut().chain(&mut evaluation.best).for_each(|record| record.seconds = 0.0);
    }
    serde_json::to_value(state).map_err(|e| Error::new(format!("the state cannot be compared: {e}")))
}

/// The first difference between tensors, in the order of the second list.
pub fn tensors(expected: &[Saved], found: &[Saved], iteration: u64) -> Option<Difference> {
    let mut rest: HashMap<&str, &Saved> = expected.iter().map(|saved| (saved.name.as_str(), saved)).collect();
    for now in found {
        let differs = |at: &str, expected: String, found: String| {
            Some(Difference::new(iteration, format!("`{}`{at} after it", now.name), expected, found))
        };
        let Some(then) = rest.remove(now.name.as_str()) else {
            return differs("", NOTHING.to_owned(), form(now));
        };
        if then.dtype != now.dtype || then.shape != now.shape {
            return differs("", form(then), form(now));
        }
        if then.bytes != now.bytes
            && let Some((element, a, b)) = first(then, now)
        {
            return differs(&position(element, &now.shape), a, b);
        }
    }
    let left = rest.into_values().min_by(|a, b| a.name.cmp(&b.name))?;
    Some(Difference::new(iteration, format!("`{}` after it", left.name), form(left), NOTHING))
}

fn form(saved: &Saved) -> String {
    format!("{:?} {:?}", saved.dtype, saved.shape)
}

/// The first element in which two tensors of one form differ, with both values. What is no number is like any other such.
fn first(a: &Saved, b: &Saved) -> Option<(usize, String, String)> {
    if a.dtype == Dtype::F64 {
        let numbers = |saved: &Saved| saved.bytes.as_chunks().0.iter().map(|c| f64::from_le_bytes(*c)).collect();
        unlike(numbers(a), numbers(b), f64::to_bits, f64::is_nan)
    } else {
        let numbers = |saved: &Saved| saved.bytes.as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
        unlike(numbers(a), numbers(b), f32::to_bits, f32::is_nan)
    }
}

fn unlike<T: Copy + std::fmt::Debug, B: PartialEq>(
    a: Vec<T>,
    b: Vec<T>,
    bits: fn(T) -> B,
    nan: fn(T) -> bool,
) -> Option<(usize, String, String)> {
    let pairs = a.into_iter().zip(b).enumerate();
    let mut differing = pairs.filter(|(_, (a, b))| bits(*a) != bits(*b) && !(nan(*a) && nan(*b)));
    differing.next().map(|(at, (a, b))| (at, format!("{a:?}"), format!("{b:?}")))
}

/// Where in a tensor an element is: `[2, 0, 1]`.
fn position(element: usize, shape: &[usize]) -> String {
    let mut rest = element;
    let mut indices: Vec<usize> = Vec::new();
    for size in shape.iter().rev() {
        indices.push(rest % size.max(&1));
        rest /= size.max(&1);
    }
    indices.reverse();
    format!("{indices:?}")
}
