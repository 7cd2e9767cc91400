//! Gates: what one edge does in one step, and what can be set of them.

use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// The sign of α in a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sign {
    /// α as it is (eq. 1 and 2 of the paper).
    #[default]
    Plus,
    /// −α: inverted (eq. 3).
    Minus,
}

impl Sign {
    /// The factor.
    pub fn factor(self) -> f64 {
        match self {
            Sign::Plus => 1.0,
            Sign::Minus => -1.0,
        }
    }
}

/// What one edge does in one step. Candidates are positions in the edge's row of α; a subset of `None` is all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// The candidate of a subset for which sign · α is largest, alone (eq. 2).
    Strongest(Option<Vec<usize>>),
    /// One candidate, alone.
    Only(usize),
    /// The sum of a subset's candidates, weighted by softmax((sign · α + noise) / temperature) over the subset (eq. 1 and 3).
    Relaxed(Option<Vec<usize>>),
    /// One candidate's output, with a gradient to α through the softmax over a subset.
    StraightThrough(StraightThrough),
    /// Nothing.
    Off,
}

/// A straight-through gate: the values are the active candidate's, the gradient is that of the relaxed gate over the subset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StraightThrough {
    /// The candidates of the softmax.
    pub subset: Option<Vec<usize>>,
    /// The candidate whose output counts, of the subset; `None` is the one for which sign · α + noise is largest.
    pub active: Option<usize>,
    /// Compute the active candidate only: α gets the gradient of the active entry's path (GDAS's cheap form). Otherwise the
    /// others are computed too, for the gradient of the subset's whole row.
    pub active_only: bool,
}

impl Gate {
    /// The candidates that it names.
    pub fn named(&self) -> &[usize] {
        match self {
            Gate::Only(candidate) => std::slice::from_ref(candidate),
            Gate::Strongest(Some(subset)) | Gate::Relaxed(Some(subset)) => subset,
            Gate::StraightThrough(StraightThrough { subset: Some(subset), .. }) => subset,
            Gate::StraightThrough(StraightThrough { active: Some(active), .. }) => std::slice::from_ref(active),
            _ => &[],
        }
    }
}

/// What is added to sign · α within the softmax of a gate.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// Gumbel noise from a stream of this seed.
    Gumbel(u64),
    /// These numbers, one per candidate of the edge.
    Given(Vec<f64>),
}

/// What is set for one edge alone; it wins over what is set for the whole plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EdgeSettings {
    /// The sign of α.
    pub sign: Option<Sign>,
    /// The temperature.
    pub temperature: Option<f64>,
    /// The noise.
    pub noise: Option<Noise>,
    /// The probability, per candidate, with which an example's output is dropped in training.
    pub drop: BTreeMap<usize, f64>,
}

/// The lowest temperature. Below it, α divided by it leaves the range of the numbers that the softmax is computed in.
pub const LEAST_TEMPERATURE: f64 = 1e-6;

/// Whether relaxed gates can be computed at a temperature.
///
/// # Errors
/// Where it is below [`LEAST_TEMPERATURE`], or not finite.
pub fn check_temperature(temperature: f64) -> Result<()> {
    if temperature >= LEAST_TEMPERATURE && temperature.is_finite() {
        return Ok(());
    }
    Err(Error::new("the temperature is out of range")
        .expected(format!("a number of at least {LEAST_TEMPERATURE:?}"))
        .found(format!("{temperature:?}")))
}

/// Whether outputs can be dropped with a probability: what remains is divided by 1 − p.
///
/// # Errors
/// Where it is not from 0 to below 1.
pub fn check_drop(probability: f64) -> Result<()> {
    if (0.0..1.0).contains(&probability) {
        return Ok(());
    }
    Err(Error::new("the probability of a drop is out of range")
        .expected("a number from 0 to below 1")
        .found(format!("{probability:?}")))
}

/// Whether a list has one finite number per candidate of an edge. `what` says what the list is.
///
/// # Errors
/// Where it has not.
pub fn check_row(what: &str, values: &[f64], edge: usize, candidates: usize) -> Result<()> {
    let wrong = |found: String| {
        Err(Error::new(format!("{what} of edge {edge} cannot be this"))
            .expected(format!("{candidates} finite numbers, one per candidate"))
            .found(found))
    };
    if values.len() != candidates {
        return wrong(format!("{} numbers", values.len()));
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(c) => wrong(format!("{} for candidate {c}", values[c])),
        None => Ok(()),
    }
}
