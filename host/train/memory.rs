//! How much memory a search needs: before it runs, and where it ran out.

use super::estimate;
use super::running::Running;
use super::search::Search;
use super::setup::Setup;
use crate::error::{Error, Result};
use crate::policy::turn::Clock;

impl Search {
    /// About how many bytes the search will need besides its images and the program.
    ///
    /// # Errors
    /// Where the policy fails.
    pub fn memory(&mut self) -> Result<u64> {
        let first = self.first_plans(estimate::FIRST)?;
        let Setup { network, spec, .. } = self.setup();
        Ok(estimate::memory(network, spec, first))
    }

    /// Says of an error, where it is that memory ran out, how much the search needs and what to lower.
    pub(super) fn explain(&mut self, error: Error) -> Error {
        let needed = if error.fields().exhausted { self.memory().ok() } else { None };
        estimate::explain(error, needed)
    }
}

impl Running {
    /// Says of an error that ended the search, where it is that memory ran out, how much the search needs and what to lower. Its policy is
    /// asked for its first plans once more: the search cannot go on.
    pub fn explain(&mut self, error: Error) -> Error {
        if !error.fields().exhausted {
            return error;
        }
        let clock = |iteration| Clock::at(iteration, u64::from(self.spec.search.epochs), self.iterations_per_epoch);
        let alpha = self.trainer.architecture.alpha.clone();
        let turns = (0..estimate::FIRST.min(self.iterations())).map(clock);
        let plans = estimate::plans(self.policy.as_mut(), turns, &self.space, alpha, self.spec.seed);
        estimate::explain(error, plans.ok().map(|plans| estimate::memory(&self.trainer.network, &self.spec, plans)))
    }
}
