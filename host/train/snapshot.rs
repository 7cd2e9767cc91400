//! A running search as plain data, and back.

use super::optimizer::{Architecture, Sgd};
use super::progress::Time;
use super::running::Running;
use super::search::Search;
use crate::error::{Error, Result};
use crate::policy::SpaceView;
use crate::run::Snapshot;
use crate::run::checkpoint::{State, Validated};
use crate::run::tensors::{Saved, network};
use crate::space::{Genotype, Space};
use crate::supernet::Parameters;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// How the tensors of a snapshot are called, besides the network's own.
pub(super) const MOMENTUM: &str = "momentum.";
const ALPHA: &str = "alpha.";
const FIRST: &str = "first_moment.";
const SECOND: &str = "second_moment.";

impl Running {
    /// All that the search has come to, as a copy.
    ///
    /// # Errors
    /// Where the policy cannot say what it remembers, and what libtorch refuses.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let Architecture { alpha, first, second, steps, .. } = &self.trainer.architecture;
        let parameters = &self.trainer.network.parameters;
        let more = self.trainer.weights.momentum.len() + first.len() + second.len();
        let mut tensors = network(parameters, alpha, more)?;
        for (index, momentum) in &self.trainer.weights.momentum {
            tensors.push(Saved::of(format!("{MOMENTUM}{}", parameters.get(*index).name), momentum)?);
        }
        for (prefix, rows) in [(FIRST, first), (SECOND, second)] {
            tensors.extend(rows.iter().enumerate().map(|(edge, row)| Saved::row(format!("{prefix}{edge}"), row)));
        }
        let progress = &self.progress;
        let candidates = || self.space.edges.iter().map(|edge| edge.candidates.clone()).collect();
        let state = State {
            iteration: self.next,
            pending: progress.pending,
            stopped: progress.stopped,
            train_accuracy: progress.train,
            validation: progress
                .validation
                .as_ref()
                .map(|(record, genotype)| Validated { record: *record, cells: genotype.cells.clone() }),
            candidates: self.pruned().then(candidates),
            alpha_steps: steps.clone(),
            policy: self.policy.state()?,
            seconds: progress.time.seconds(),
            epoch_seconds: progress.epoch_time.seconds(),
            evaluation: None,
        };
        Ok(Snapshot { state, tensors })
    }

    /// Whether edges have lost candidates.
    pub(super) fn pruned(&self) -> bool {
        !Arc::ptr_eq(&self.whole, &self.trainer.network.space)
    }

    /// Puts a search that has made no iteration where a snapshot says.
    ///
    /// # Errors
    /// Where the snapshot is not of this search.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        let Snapshot { state, tensors } = snapshot;
        if state.iteration > self.iterations() || (state.pending && state.iteration == 0) {
            return Err(longer(self.iterations(), state.iteration));
        }
        self.next = state.iteration;
        self.progress.pending = state.pending;
        self.progress.stopped = state.stopped;
        self.progress.train = state.train_accuracy;
        self.progress.time = Time::from(state.seconds);
        self.progress.epoch_time = Time::from(state.epoch_seconds);
        self.progress.validation = match &state.validation {
            Some(validated) => Some((validated.record, genotype(validated, &self.trainer.network.space)?)),
            None => None,
        };
        if let Some(names) = &state.candidates {
            self.trainer.keep(&positions(&self.trainer.network.space, names)?);
            let network = &self.trainer.network;
            self.space = Arc::new(SpaceView::new(&network.space, &network.candidate_costs()));
        }
        let mut tensors = Tensors::new(tensors);
        tensors.weights(&self.trainer.network.parameters)?;
        tensors.momentum(&self.trainer.network.parameters, &mut self.trainer.weights)?;
        let architecture = &mut self.trainer.architecture;
        for (prefix, rows) in
            [(ALPHA, &mut architecture.alpha), (FIRST, &mut architecture.first), (SECOND, &mut architecture.second)]
        {
            tensors.rows(prefix, rows)?;
        }
        tensors.none_left()?;
        if state.alpha_steps.len() != architecture.steps.len() {
            return Err(foreign("α has another number of rows"));
        }
        architecture.steps.clone_from(&state.alpha_steps);
        if let Some(scripts) = &mut self.scripts {
            scripts.go_to(self.next, &mut self.policy, &self.space)?;
        }
        self.policy.set_state(&state.policy).map_err(|e| e.context("giving the policy its state back"))
    }
}

impl Search {
    /// Whether a search of this spec could go on from there, as far as can be told without putting it back.
    ///
    /// # Errors
    /// Where not.
    pub(super) fn can_go_on_from(&self, state: &State, tensors: &[Saved]) -> Result<()> {
        let total = self.iterations_per_epoch() * u64::from(self.setup().spec.search.epochs);
        if state.iteration > total {
            return Err(longer(total, state.iteration));
        }
        let parameters = &self.setup().network.parameters;
        for saved in tensors {
            // Of an edge that lost candidates α has a row of another length; the rest is compared when it is put back.
            let name = saved.name.strip_prefix(MOMENTUM).unwrap_or(&saved.name);
            let Some(parameter) = parameters.named(name) else { continue };
            let shape: Vec<usize> = parameter.tensor.size().iter().map(|size| *size as usize).collect();
            if shape != saved.shape {
                return Err(foreign(format!("`{}` has another shape", saved.name))
                    .expected(format!("{shape:?}"))
                    .found(format!("{:?}", saved.shape)));
            }
        }
        let saved: HashSet<&str> = tensors.iter().map(|saved| saved.name.as_str()).collect();
        match parameters.iter().find(|parameter| !saved.contains(parameter.name.as_str())) {
            Some(parameter) if state.candidates.is_none() => {
                Err(foreign(format!("the checkpoint has no tensor `{}`", parameter.name)))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn longer(total: u64, found: u64) -> Error {
    Error::new("the checkpoint is of a longer search")
        .expected(format!("at most {total} iterations"))
        .found(found.to_string())
}

pub(super) fn foreign(what: impl Into<String>) -> Error {
    Error::new(what).help("the checkpoint is one of another spec")
}

/// The genotype that a validation derived.
fn genotype(validated: &Validated, space: &Space) -> Result<Genotype> {
    let none = Genotype::new(space, &vec![None; space.edge_count()]);
    let choices = Genotype { cells: validated.cells.clone(), ..none }.choices(space)?;
    Ok(Genotype::new(space, &choices))
}

/// Per edge, the positions of the candidates of these names.
fn positions(space: &Space, names: &[Vec<String>]) -> Result<BTreeMap<usize, Vec<usize>>> {
    if names.len() != space.edge_count() {
        return Err(foreign("the space has another number of edges"));
    }
    let of_edge = |(index, (names, (_, edge))): (usize, (&Vec<String>, (_, &crate::space::Edge)))| {
        let position = |name: &String| {
            let found = edge.candidates.iter().position(|candidate| candidate.name == *name);
            found.ok_or_else(|| foreign(format!("edge {index} has no candidate `{name}`")))
        };
        let positions = names.iter().map(position).collect::<Result<Vec<usize>>>()?;
        if positions.is_empty() {
            return Err(foreign(format!("edge {index} has no candidate left")));
        }
        if positions.iter().enumerate().any(|(at, position)| positions[..at].contains(position)) {
            return Err(foreign(format!("edge {index} has a candidate twice")));
        }
        Ok((index, positions))
    };
    names.iter().zip(space.edges()).enumerate().map(of_edge).collect()
}

/// The tensors of a snapshot that are not put back yet.
pub(super) struct Tensors<'a>(HashMap<&'a str, &'a Saved>);

impl<'a> Tensors<'a> {
    pub(super) fn new(tensors: impl IntoIterator<Item = &'a Saved>) -> Self {
        Self(tensors.into_iter().map(|saved| (saved.name.as_str(), saved)).collect())
    }

    fn take(&mut self, name: &str) -> Result<&'a Saved> {
        self.0.remove(name).ok_or_else(|| foreign(format!("the checkpoint has no tensor `{name}`")))
    }

    pub(super) fn weights(&mut self, parameters: &Parameters) -> Result<()> {
        for parameter in parameters.iter() {
            let tensor = self.take(&parameter.name)?.tensor()?;
            if tensor.kind() != parameters.kind() {
                return Err(foreign(format!("`{}` has another element type", parameter.name)));
            }
            parameters.set(&parameter.name, &tensor)?;
        }
        Ok(())
    }

    pub(super) fn momentum(&mut self, parameters: &Parameters, optimizer: &mut Sgd) -> Result<()> {
        optimizer.momentum.clear();
        for (index, parameter) in parameters.iter().enumerate() {
            let Some(saved) = self.0.remove(format!("{MOMENTUM}{}", parameter.name).as_str()) else { continue };
            let tensor = saved.tensor()?;
            if tensor.kind() != parameters.kind() || tensor.size() != parameter.tensor.size() {
                return Err(foreign(format!("the momentum of `{}` does not fit", parameter.name)));
            }
            optimizer.momentum.insert(index, tensor.f_to_device(parameters.device())?);
        }
        Ok(())
    }

    fn rows(&mut self, prefix: &str, rows: &mut [Vec<f64>]) -> Result<()> {
        for (edge, row) in rows.iter_mut().enumerate() {
            let saved = self.take(&format!("{prefix}{edge}"))?;
            let numbers = saved.numbers().filter(|numbers| numbers.len() == row.len());
            *row = numbers.ok_or_else(|| foreign(format!("`{}` does not fit its edge", saved.name)))?;
        }
        Ok(())
    }

    pub(super) fn none_left(&self) -> Result<()> {
        match self.0.keys().min() {
            None => Ok(()),
            Some(name) => Err(foreign(format!("the checkpoint has a tensor `{name}` that the network lacks"))),
        }
    }
}
