//! The supernet of the synthetic problem: the weights of all candidates, forward and backward under a resolved plan.
//!
//! Its gates mean what those of a network mean: sign, temperature, noise and subsets of a softmax, straight-through in both forms,
//! drops per example in training, penalties in the architecture phase.

use super::Problem;
use super::cell::{Cell, EDGES};
use super::data::{Data, NOISE};
use super::operation::{Filter, MODES, OPERATIONS, add, dot};
use crate::error::{Error, Result};
use crate::policy::resolve::Relaxed;
use crate::policy::{Phase, Resolved, ResolvedGate};
use crate::random::{Purpose, Source};
use crate::space::Alpha;
use crate::space::derive::softmax;
use std::collections::BTreeMap;

/// The weights of every operation on every edge, over both cell types.
pub type Weights = Vec<Vec<Vec<f64>>>;

/// The weights of all candidates, with their momentum, and which candidates edges have.
#[derive(Debug, Clone)]
pub struct Supernet<'a> {
    /// The problem that it learns.
    pub problem: &'a Problem,
    /// The weights.
    pub weights: Weights,
    /// Per edge, the operations that its candidates are.
    pub kept: Vec<Vec<usize>>,
    momentum: BTreeMap<(usize, usize), Vec<f64>>,
}

/// What a pass over some examples comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// The loss, penalties included.
    pub loss: f64,
    /// The share of the targets' variance that is explained, from 0 to 1: it stands for accuracy.
    pub accuracy: f64,
    /// Per edge the gradient of its row of α, where the gate gives one or there is a penalty.
    pub alpha: Vec<Option<Vec<f64>>>,
    /// The gradient of each operation's weights, by edge and operation; of those in use alone.
    pub weights: BTreeMap<(usize, usize), Vec<f64>>,
}

/// The examples of a step.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The examples of both cell types.
    pub data: &'a [Data; 2],
    /// Which of them.
    pub examples: &'a [usize],
    /// Iteration and step, which random drops belong to.
    pub position: (u64, usize),
}

/// A candidate that runs.
struct Member {
    /// Its position in the edge's row.
    candidate: usize,
    operation: usize,
    filter: Filter,
    /// Its share of the edge's output.
    share: f64,
    /// What each example's output is multiplied by, where it is dropped in training.
    kept: Option<Vec<f64>>,
}

impl Member {
    fn factor(&self, example: usize) -> f64 {
        self.kept.as_ref().map_or(1.0, |kept| kept[example])
    }
}

impl<'a> Supernet<'a> {
    /// A supernet before its first step.
    pub fn new(problem: &'a Problem) -> Self {
        let kept = vec![(0..OPERATIONS.len()).collect(); problem.space.edges.len()];
        Self { problem, weights: initial(problem), kept, momentum: BTreeMap::new() }
    }

    /// Puts the weights back to where they started.
    pub fn reset(&mut self) {
        self.weights = initial(self.problem);
        self.momentum.clear();
    }

    /// Leaves the edges named here with these candidates.
    pub fn keep(&mut self, keep: &BTreeMap<usize, Vec<usize>>) {
        for (edge, kept) in keep {
            self.kept[*edge] = kept.iter().map(|candidate| self.kept[*edge][*candidate]).collect();
        }
    }

    /// Loss and gradients of a step.
    ///
    /// # Errors
    /// Where the loss or a gradient is not finite.
    ///
    /// # Panics
    /// Where plan or α are of another space.
    pub fn gradients(&self, phase: Phase, alpha: &Alpha, plan: &Resolved, batch: &Batch) -> Result<Gradients> {
        let without;
        let architecture = phase == Phase::Architecture;
        let plan = if architecture {
            plan
        } else {
            without = plan.without_gradient();
            &without
        };
        let mut all = Gradients { loss: 0.0, accuracy: 0.0, alpha: vec![None; alpha.len()], weights: BTreeMap::new() };
        for number in 0..self.problem.cells.len() {
            self.cell(number, phase, alpha, plan, batch, &mut all);
        }
        // What returning nothing would cost.
        let noise = if self.problem.settings.traps.noise { NOISE } else { 0.0 };
        let nothing = self.problem.cells.len() as f64 * (1.0 + noise);
        all.accuracy = (1.0 - all.loss / nothing).clamp(0.0, 1.0);
        if architecture {
            penalise(&mut all, alpha, plan);
        }
        let alpha = all.alpha.iter().flatten().flatten();
        if !all.loss.is_finite() || alpha.chain(all.weights.values().flatten()).any(|v| !v.is_finite()) {
            return Err(Error::new("the loss is not finite")
                .found(format!("{}", all.loss))
                .help("what the policy did before made the weights grow without bound"));
        }
        Ok(all)
    }

    fn cell(&self, number: usize, phase: Phase, alpha: &Alpha, plan: &Resolved, batch: &Batch, all: &mut Gradients) {
        let cell = &self.problem.cells[number];
        let first = number * EDGES.len();
        let members: Vec<Vec<Member>> =
            (0..EDGES.len()).map(|e| self.members(cell, first, e, phase, &alpha[first + e], plan, batch)).collect();
        let sets = if members.iter().flatten().any(|m| m.kept.is_some()) { batch.examples.len() } else { 1 };
        let output = |members: &[Member], set: usize| {
            let mut filter = [0.0; MODES];
            members.iter().for_each(|m| add(&mut filter, m.share * m.factor(set), &m.filter));
            filter
        };
        let filters: Vec<[Filter; EDGES.len()]> =
            (0..sets).map(|set| std::array::from_fn(|e| output(&members[e], set))).collect();
        let data = &batch.data[number];
        let (loss, slopes) = cell.pass(data, batch.examples, &filters);
        all.loss += loss;
        // The slope of the loss along the filter of a candidate, if its share were 1.
        let along = |member: &Member, edge: usize, slopes: &[[Filter; EDGES.len()]]| {
            let mut slope = [0.0; MODES];
            slopes.iter().enumerate().for_each(|(set, s)| add(&mut slope, member.factor(set), &s[edge]));
            slope
        };
        for (edge, members) in members.iter().enumerate() {
            let gate = &plan.gates[first + edge];
            if phase == Phase::Architecture
                && let Some(softmax) = gate.softmax()
            {
                let row = &alpha[first + edge];
                let mut scores = vec![0.0; row.len()];
                members.iter().for_each(|m| scores[m.candidate] = dot(&along(m, edge, &slopes), &m.filter));
                all.alpha[first + edge] = Some(through_softmax(softmax, row, &scores));
            }
            if phase != Phase::Weights {
                continue;
            }
            for member in members {
                let slope = if self.problem.settings.traps.sharing || members.len() == 1 {
                    along(member, edge, &slopes).map(|v| member.share * v)
                } else {
                    // As if it ran alone on its edge.
                    let mut alone = filters.clone();
                    for (set, filters) in alone.iter_mut().enumerate() {
                        filters[edge] = member.filter.map(|v| member.factor(set) * v);
                    }
                    along(member, edge, &cell.pass(data, batch.examples, &alone).1)
                };
                let speed = cell.speed(member.operation);
                let gradient = cell.basis(edge, member.operation).iter().map(|basis| speed * dot(&slope, basis));
                all.weights.insert((first + edge, member.operation), gradient.collect());
            }
        }
    }

    /// The candidates that run on an edge.
    #[expect(clippy::too_many_arguments, reason = "they are what a step is made of")]
    fn members(
        &self,
        cell: &Cell,
        first: usize,
        position: usize,
        phase: Phase,
        row: &[f64],
        plan: &Resolved,
        batch: &Batch,
    ) -> Vec<Member> {
        let edge = first + position;
        let gate = &plan.gates[edge];
        let shares: Vec<(usize, f64)> = match gate {
            ResolvedGate::Off => Vec::new(),
            ResolvedGate::Single(candidate) => vec![(*candidate, 1.0)],
            ResolvedGate::Relaxed(over) => over.subset.iter().copied().zip(shares(over, row)).collect(),
            ResolvedGate::StraightThrough { active, active_only: true, .. } => vec![(*active, 1.0)],
            ResolvedGate::StraightThrough { over, active, .. } => {
                over.subset.iter().map(|c| (*c, if c == active { 1.0 } else { 0.0 })).collect()
            }
        };
        let member = |(candidate, share): (usize, f64)| {
            let operation = self.kept[edge][candidate];
            let filter = cell.filter(position, operation, &self.weights[edge][operation]);
            let drop = plan.drop.get(&(edge, candidate)).filter(|_| phase != Phase::Measure);
            let kept = drop.map(|probability| {
                let (iteration, step) = batch.position;
                let name = format!("drop.{iteration}.{step}.{edge}.{operation}");
                let mut stream = Source::new(self.problem.settings.seed, Purpose::Problem).named(&name);
                let keep = |_: &usize| if stream.uniform() < *probability { 0.0 } else { 1.0 / (1.0 - probability) };
                batch.examples.iter().map(keep).collect()
            });
            Member { candidate, operation, filter, share, kept }
        };
        shares.into_iter().map(member).collect()
    }

    /// Moves the weights that have a gradient: SGD with momentum, the gradient's norm limited.
    pub fn step(&mut self, gradients: &BTreeMap<(usize, usize), Vec<f64>>, rate: f64) {
        let settings = &self.problem.settings;
        let norm = libm::sqrt(gradients.values().flatten().map(|g| g * g).sum());
        let scale = (settings.clip / (norm + 1e-6)).min(1.0);
        for ((edge, operation), gradient) in gradients {
            let momentum = self.momentum.entry((*edge, *operation)).or_insert_with(|| vec![0.0; gradient.len()]);
            let weights = &mut self.weights[*edge][*operation];
            for ((w, m), g) in weights.iter_mut().zip(momentum).zip(gradient) {
                *m = settings.momentum * *m + scale * g;
                *w -= rate * *m;
            }
        }
    }
}

/// Weights as they start: near zero, or trained alone on what the edge should do.
fn initial(problem: &Problem) -> Weights {
    let source = Source::new(problem.settings.seed, Purpose::Problem);
    let edge = |edge: usize| {
        let (cell, position) = (&problem.cells[edge / EDGES.len()], edge % EDGES.len());
        let weights = |operation: usize| -> Vec<f64> {
            let basis = cell.basis(position, operation);
            if !cell.speeds {
                return basis.iter().map(|b| dot(b, &cell.filters[position])).collect();
            }
            let mut stream = source.named(&format!("weights.{edge}.{operation}"));
            basis.iter().map(|_| 0.1 * stream.normal()).collect()
        };
        (0..OPERATIONS.len()).map(weights).collect()
    };
    (0..problem.space.edges.len()).map(edge).collect()
}

/// softmax((sign · α + noise) / temperature) over the subset.
fn shares(over: &Relaxed, row: &[f64]) -> Vec<f64> {
    let noise = over.noise.iter().chain(std::iter::repeat(&0.0));
    let logit = |(c, noise): (&usize, &f64)| (over.sign.factor() * row[*c] + noise) / over.temperature;
    softmax(&over.subset.iter().zip(noise).map(logit).collect::<Vec<f64>>())
}

/// The gradient of α from the slopes along the shares: sign / temperature · p_c (s_c − Σ p s).
fn through_softmax(over: &Relaxed, row: &[f64], scores: &[f64]) -> Vec<f64> {
    let shares = shares(over, row);
    let mean: f64 = over.subset.iter().zip(&shares).map(|(c, p)| p * scores[*c]).sum();
    let mut gradient = vec![0.0; row.len()];
    for (c, p) in over.subset.iter().zip(&shares) {
        gradient[*c] = over.sign.factor() / over.temperature * p * (scores[*c] - mean);
    }
    gradient
}

/// Adds costs · softmax(α) to the loss, and its gradient to that of α.
fn penalise(all: &mut Gradients, alpha: &Alpha, plan: &Resolved) {
    for (edge, costs) in &plan.penalties {
        let shares = softmax(&alpha[*edge]);
        let expected: f64 = shares.iter().zip(costs).map(|(p, cost)| p * cost).sum();
        all.loss += expected;
        let row = all.alpha[*edge].get_or_insert_with(|| vec![0.0; costs.len()]);
        for ((gradient, p), cost) in row.iter_mut().zip(&shares).zip(costs) {
            *gradient += p * (cost - expected);
        }
    }
}
