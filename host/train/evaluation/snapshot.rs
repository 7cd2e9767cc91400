//! A running evaluation as plain data, and back.

use super::{Setup, Training};
use crate::data::Split;
use crate::error::{Error, Result};
use crate::run::Snapshot;
use crate::run::checkpoint::State;
use crate::run::tensors::{Saved, network};
use crate::train::progress::Time;
use crate::train::search::iterations_per_epoch;
use crate::train::snapshot::{MOMENTUM, Tensors, foreign, longer};

/// How the tensors of the best epoch are called.
const BEST: &str = "best.";

impl Training {
    /// All that the evaluation has come to, as a copy.
    ///
    /// # Errors
    /// What libtorch refuses, and where there is not enough memory.
    pub fn copy(&self) -> Result<Snapshot> {
        let parameters = &self.setup.network.parameters;
        let mut tensors = network(parameters, &[], self.optimizer.momentum.len() + self.best.len())?;
        for (index, momentum) in &self.optimizer.momentum {
            tensors.push(Saved::of(format!("{MOMENTUM}{}", parameters.get(*index).name), momentum)?);
        }
        tensors.extend(self.best.iter().map(|saved| Saved { name: format!("{BEST}{}", saved.name), ..saved.clone() }));
        let state = State {
            iteration: self.next,
            pending: self.pending,
            train_accuracy: self.accuracy,
            seconds: self.time.seconds(),
            epoch_seconds: self.epoch_time.seconds(),
            evaluation: Some(self.state.clone()),
            ..State::default()
        };
        Ok(Snapshot { state, tensors })
    }

    /// Puts an evaluation that has made no iteration where a snapshot says.
    ///
    /// # Errors
    /// Where the snapshot is not of this evaluation.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        let Snapshot { state, tensors } = snapshot;
        let Some(evaluation) = &state.evaluation else { return Err(of_a_search()) };
        self.next = state.iteration;
        self.pending = state.pending;
        self.accuracy = state.train_accuracy;
        self.time = Time::from(state.seconds);
        self.epoch_time = Time::from(state.epoch_seconds);
        self.state = evaluation.clone();
        let (best, now): (Vec<&Saved>, Vec<&Saved>) = tensors.iter().partition(|saved| saved.name.starts_with(BEST));
        let mut now = Tensors::new(now);
        let parameters = &self.setup.network.parameters;
        now.weights(parameters)?;
        now.momentum(parameters, &mut self.optimizer)?;
        now.none_left()?;
        self.best = best
            .into_iter()
            .map(|saved| Saved { name: saved.name[BEST.len()..].to_owned(), ..saved.clone() })
            .collect();
        if self.state.best.is_some() && self.best.len() != parameters.len() {
            return Err(foreign("the weights of the best epoch are not whole"));
        }
        Ok(())
    }
}

fn of_a_search() -> Error {
    foreign("the checkpoint is one of a search")
}

/// Whether an evaluation could go on from there, as far as can be told without putting it back.
///
/// # Errors
/// Where not.
pub(super) fn can_go_on_from(setup: &Setup, split: &Split, snapshot: &Snapshot) -> Result<()> {
    let state = &snapshot.state;
    if state.evaluation.is_none() {
        return Err(of_a_search());
    }
    let evaluate = setup.evaluate();
    let total = iterations_per_epoch(split.train.len(), evaluate.batch) * u64::from(evaluate.epochs);
    if state.iteration > total {
        return Err(longer(total, state.iteration));
    }
    let parameters = &setup.network.parameters;
    for saved in &snapshot.tensors {
        let plain = [MOMENTUM, BEST].iter().find_map(|prefix| saved.name.strip_prefix(prefix)).unwrap_or(&saved.name);
        let shape = parameters.named(plain).map(|p| p.tensor.size().iter().map(|s| *s as usize).collect::<Vec<_>>());
        if shape.as_ref() != Some(&saved.shape) {
            return Err(foreign(format!("`{}` does not fit the network", saved.name)));
        }
    }
    Ok(())
}
