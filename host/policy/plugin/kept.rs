//! Candidates that edges lost. A plugin's policy knows the space that it was made for, and its tables say no lengths: so it goes
//! on counting candidates as then, and what it hears and answers is translated here.
//!
//! It sees α of a candidate that is gone as −∞; to name one in a gate is an error, in a list over all candidates it does not count.

use crate::error::{Error, Result};
use crate::policy::gate::{Gate, Noise, StraightThrough};
use crate::policy::plan::Plan;
use crate::policy::step::Steps;
use crate::policy::view::SpaceView;
use crate::policy::{AfterEpoch, EdgeSettings};
use crate::space::Alpha;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is left of the space that a policy was made for.
pub(super) struct Kept<'a> {
    now: &'a SpaceView,
    made_for: &'a SpaceView,
    /// Per edge, for each candidate now, its number then; nothing where all are the same.
    then: Option<Vec<Vec<usize>>>,
}

impl<'a> Kept<'a> {
    /// # Errors
    /// Where there is something in the space that was not there when the policy was made.
    pub(super) fn of(made_for: &'a SpaceView, now: &'a SpaceView) -> Result<Self> {
        let pairs = || made_for.edges.iter().zip(&now.edges);
        let same = made_for.edges.len() == now.edges.len();
        if std::ptr::eq(made_for, now) || same && pairs().all(|(then, now)| then.candidates == now.candidates) {
            return Ok(Self { now, made_for, then: None });
        }
        let numbers = pairs().map(|(then, now)| {
            let number = |name| then.candidates.iter().position(|n| n == name);
            now.candidates.iter().map(number).collect::<Option<Vec<usize>>>()
        });
        let then = numbers.collect::<Option<Vec<_>>>().filter(|_| same);
        if then.is_none() {
            return Err(Error::new("the policy was made for another space"));
        }
        Ok(Self { now, made_for, then })
    }

    /// α as the policy sees it: one number per candidate of the space that it was made for.
    ///
    /// # Errors
    /// Where α is of another space: the policy would read what is not there.
    pub(super) fn alpha<'b>(&self, alpha: &'b Alpha) -> Result<Cow<'b, Alpha>> {
        let lengths = self.now.edges.iter().map(|edge| edge.candidates.len());
        if !alpha.iter().map(Vec::len).eq(lengths) {
            return Err(Error::new("α is one of another space"));
        }
        let Some(then) = &self.then else { return Ok(Cow::Borrowed(alpha)) };
        let rows = alpha.iter().zip(then).zip(&self.made_for.edges).map(|((row, then), edge)| {
            let mut all = vec![f64::NEG_INFINITY; edge.candidates.len()];
            then.iter().zip(row).for_each(|(number, value)| all[*number] = *value);
            all
        });
        Ok(Cow::Owned(rows.collect()))
    }

    /// Steps that the planner checked, in the numbers of now.
    ///
    /// # Errors
    /// Where a gate names a candidate that is gone.
    pub(super) fn steps(&self, mut steps: Steps) -> Result<Steps> {
        if self.then.is_some() {
            match &mut steps {
                Steps::Both(plan) => self.plan(plan)?,
                Steps::List(list) => list.iter_mut().try_for_each(|step| self.plan(&mut step.plan))?,
            }
        }
        Ok(steps)
    }

    /// What the policy answered to the end of an epoch, in the numbers of now.
    ///
    /// # Errors
    /// Where it keeps a candidate that is gone.
    pub(super) fn after(&self, mut after: AfterEpoch) -> Result<AfterEpoch> {
        after.check(self.made_for)?;
        for (edge, kept) in &mut after.keep {
            *kept = self.all(*edge, kept)?;
        }
        Ok(after)
    }

    fn plan(&self, plan: &mut Plan) -> Result<()> {
        for (edge, gate) in plan.gates.iter_mut().enumerate() {
            self.gate(edge, gate)?;
        }
        for (edge, EdgeSettings { noise, drop, .. }) in &mut plan.edges {
            if let Some(Noise::Given(row)) = noise {
                *row = self.row(*edge, row);
            }
            let kept = drop.iter().filter_map(|(candidate, p)| Some((self.number(*edge, *candidate)?, *p)));
            *drop = kept.collect::<BTreeMap<_, _>>();
        }
        for rows in [&mut plan.penalties, &mut plan.alpha] {
            rows.iter_mut().for_each(|(edge, row)| *row = self.row(*edge, row));
        }
        Ok(())
    }

    fn gate(&self, edge: usize, gate: &mut Gate) -> Result<()> {
        match gate {
            Gate::Strongest(Some(subset)) | Gate::Relaxed(Some(subset)) => *subset = self.all(edge, subset)?,
            Gate::Only(candidate) => *candidate = self.one(edge, *candidate)?,
            Gate::StraightThrough(StraightThrough { subset, active, .. }) => {
                *subset = subset.as_ref().map(|list| self.all(edge, list)).transpose()?;
                *active = active.map(|candidate| self.one(edge, candidate)).transpose()?;
            }
            Gate::Strongest(None) | Gate::Relaxed(None) | Gate::Off => {}
        }
        Ok(())
    }

    /// A candidate's number now, where it is still there.
    fn number(&self, edge: usize, candidate: usize) -> Option<usize> {
        match &self.then {
            Some(then) => then[edge].iter().position(|number| *number == candidate),
            None => Some(candidate),
        }
    }

    fn one(&self, edge: usize, candidate: usize) -> Result<usize> {
        self.number(edge, candidate).ok_or_else(|| {
            Error::new(format!("edge {edge} no longer has this candidate"))
                .expected(format!("one of {}", self.now.edges[edge].candidates.join(", ")))
                .found(format!("{candidate}: {}", self.made_for.edges[edge].candidates[candidate]))
                .help("α of a candidate that is gone is −∞")
        })
    }

    fn all(&self, edge: usize, candidates: &[usize]) -> Result<Vec<usize>> {
        let mut list = candidates.iter().map(|c| self.one(edge, *c)).collect::<Result<Vec<usize>>>()?;
        list.sort_unstable();
        Ok(list)
    }

    fn row(&self, edge: usize, row: &[f64]) -> Vec<f64> {
        match &self.then {
            Some(then) => then[edge].iter().map(|number| row[*number]).collect(),
            None => row.to_vec(),
        }
    }
}
