//! Plans and steps: how a policy answers.

use super::random::Random;
use super::view::EdgeView;
use crate::abi;
use std::collections::BTreeMap;

/// The number of an edge over all cell types: made from a number or from an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeIndex(pub usize);

impl From<usize> for EdgeIndex {
    fn from(index: usize) -> Self {
        Self(index)
    }
}

impl From<&EdgeView> for EdgeIndex {
    fn from(edge: &EdgeView) -> Self {
        Self(edge.index)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Gate {
    Strongest(Option<Vec<usize>>),
    Only(usize),
    Relaxed(Option<Vec<usize>>),
    Off,
}

/// The gates of all edges for one step, and what holds for all of them. Candidates are named by their numbers
/// ([`EdgeView::candidate`]). An edge or candidate that the space lacks is an error when the policy answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    all: Gate,
    gates: BTreeMap<usize, Gate>,
    inverted: bool,
    inverted_edges: Vec<usize>,
    temperature: Option<f64>,
    gumbel: Option<u64>,
}

impl Plan {
    fn filled(all: Gate) -> Self {
        Self {
            all,
            gates: BTreeMap::new(),
            inverted: false,
            inverted_edges: Vec::new(),
            temperature: None,
            gumbel: None,
        }
    }

    /// Every edge runs its strongest candidate.
    pub fn all_strongest() -> Self {
        Self::filled(Gate::Strongest(None))
    }

    /// Every edge is off.
    pub fn empty() -> Self {
        Self::filled(Gate::Off)
    }

    fn gate(mut self, edge: impl Into<EdgeIndex>, gate: Gate) -> Self {
        self.gates.insert(edge.into().0, gate);
        self
    }

    /// Relaxes an edge over all of its candidates.
    pub fn relax(self, edge: impl Into<EdgeIndex>) -> Self {
        self.gate(edge, Gate::Relaxed(None))
    }

    /// Relaxes an edge over some of its candidates.
    pub fn relax_subset(self, edge: impl Into<EdgeIndex>, candidates: &[usize]) -> Self {
        self.gate(edge, Gate::Relaxed(Some(candidates.to_vec())))
    }

    /// Relaxes every edge.
    pub fn relax_all(mut self) -> Self {
        self.all = Gate::Relaxed(None);
        self.gates.clear();
        self
    }

    /// The edge runs its strongest candidate.
    pub fn strongest(self, edge: impl Into<EdgeIndex>) -> Self {
        self.gate(edge, Gate::Strongest(None))
    }

    /// The edge runs the strongest of some of its candidates.
    pub fn strongest_subset(self, edge: impl Into<EdgeIndex>, candidates: &[usize]) -> Self {
        self.gate(edge, Gate::Strongest(Some(candidates.to_vec())))
    }

    /// The edge runs one candidate.
    pub fn only(self, edge: impl Into<EdgeIndex>, candidate: usize) -> Self {
        self.gate(edge, Gate::Only(candidate))
    }

    /// The edge is off.
    pub fn off(self, edge: impl Into<EdgeIndex>) -> Self {
        self.gate(edge, Gate::Off)
    }

    /// −α in place of α on every edge.
    pub fn invert(mut self) -> Self {
        self.inverted = true;
        self
    }

    /// −α in place of α on one edge.
    pub fn invert_edge(mut self, edge: impl Into<EdgeIndex>) -> Self {
        self.inverted_edges.push(edge.into().0);
        self
    }

    /// The temperature of all relaxed gates.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Gumbel noise on all relaxed gates, from a seed that is drawn here.
    pub fn gumbel(mut self, random: &mut Random) -> Self {
        self.gumbel = Some(random.below(u64::MAX));
        self
    }
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Updates α on the search split.
    Architecture,
    /// Updates weights on the train split.
    Weights,
    /// Looks at a batch of the search split; nothing changes.
    Measure,
}

impl Phase {
    fn to_abi(self) -> u32 {
        match self {
            Phase::Architecture => abi::PHASE_ARCHITECTURE,
            Phase::Weights => abi::PHASE_WEIGHTS,
            Phase::Measure => abi::PHASE_MEASURE,
        }
    }

    pub(super) fn from_abi(phase: u32) -> Result<Self, String> {
        match phase {
            abi::PHASE_ARCHITECTURE => Ok(Phase::Architecture),
            abi::PHASE_WEIGHTS => Ok(Phase::Weights),
            abi::PHASE_MEASURE => Ok(Phase::Measure),
            other => Err(format!("there is no phase {other}")),
        }
    }
}

/// One entry of an iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the step updates.
    pub phase: Phase,
    /// What the edges do.
    pub plan: Plan,
}

impl Step {
    /// Updates α on the search split.
    pub fn architecture(plan: Plan) -> Self {
        Self { phase: Phase::Architecture, plan }
    }

    /// Updates weights on the train split.
    pub fn weights(plan: Plan) -> Self {
        Self { phase: Phase::Weights, plan }
    }

    /// Looks at a batch of the search split.
    pub fn measure(plan: Plan) -> Self {
        Self { phase: Phase::Measure, plan }
    }
}

/// What a policy answers for one iteration.
#[derive(Debug, Clone, PartialEq)]
pub enum Steps {
    /// One plan for the architecture phase and then the weights phase, resolved once.
    Both(Plan),
    /// Any steps; each is resolved when its turn comes.
    List(Vec<Step>),
}

impl From<Plan> for Steps {
    fn from(plan: Plan) -> Self {
        Self::Both(plan)
    }
}

impl From<Vec<Step>> for Steps {
    fn from(steps: Vec<Step>) -> Self {
        Self::List(steps)
    }
}

/// Hands an answer to the host.
///
/// # Safety
/// The table and its context are valid for the time of the call, and used on this thread alone.
pub(crate) unsafe fn send(steps: &Steps, planner: &abi::Planner) -> Result<(), String> {
    let to = Sender { planner };
    match steps {
        Steps::Both(plan) => to.step(abi::PHASE_BOTH, plan),
        Steps::List(steps) => steps.iter().try_for_each(|step| to.step(step.phase.to_abi(), &step.plan)),
    }
}

/// The host keeps the first error and reports it: here nothing is checked but what the tables cannot say.
struct Sender<'a> {
    planner: &'a abi::Planner,
}

impl Sender<'_> {
    fn step(&self, phase: u32, plan: &Plan) -> Result<(), String> {
        let (Some(make), Some(step)) = (self.planner.plan, self.planner.step) else {
            return Err("the host's planner is incomplete".to_owned());
        };
        // SAFETY: `send` vouches for the table.
        let number = unsafe { make(self.planner.context) };
        if plan.all != Gate::Strongest(None) {
            self.gate(number, abi::ALL_EDGES, &plan.all)?;
        }
        for (edge, gate) in plan.gates.iter().filter(|(_, gate)| **gate != plan.all) {
            self.gate(number, *edge, gate)?;
        }
        let set = |edge: usize, setting: abi::Attribute| {
            if let Some(set) = self.planner.set {
                // SAFETY: `send` vouches for the table; the setting outlives the call.
                unsafe { set(self.planner.context, number, edge, &setting) };
            }
        };
        let integer = |name: &'static str, integer: i64| abi::Attribute {
            name: abi::Text::new(name),
            integer,
            ..abi::Attribute::EMPTY
        };
        if plan.inverted {
            set(abi::ALL_EDGES, integer("sign", -1));
        }
        for edge in &plan.inverted_edges {
            set(*edge, integer("sign", -1));
        }
        if let Some(temperature) = plan.temperature {
            let name = abi::Text::new("temperature");
            let setting = abi::Attribute { name, kind: abi::KIND_NUMBER, number: temperature, ..abi::Attribute::EMPTY };
            set(abi::ALL_EDGES, setting);
        }
        if let Some(seed) = plan.gumbel {
            set(abi::ALL_EDGES, integer("gumbel", seed.cast_signed()));
        }
        // SAFETY: `send` vouches for the table.
        unsafe { step(self.planner.context, phase, number) };
        Ok(())
    }

    fn gate(&self, plan: u64, edge: usize, gate: &Gate) -> Result<(), String> {
        let (kind, candidates): (&str, &[usize]) = match gate {
            Gate::Strongest(subset) => ("strongest", subset.as_deref().unwrap_or_default()),
            Gate::Relaxed(subset) => ("relaxed", subset.as_deref().unwrap_or_default()),
            Gate::Only(candidate) => ("only", std::slice::from_ref(candidate)),
            Gate::Off => ("off", &[]),
        };
        // No candidates would stand for all.
        if let Gate::Strongest(Some(subset)) | Gate::Relaxed(Some(subset)) = gate
            && subset.is_empty()
        {
            return Err(format!("the gate of edge {edge} has an empty subset"));
        }
        if let Some(set) = self.planner.gate {
            // SAFETY: `send` vouches for the table; text and list outlive the call.
            unsafe {
                let kind = abi::Text::new(kind);
                set(self.planner.context, plan, edge, kind, candidates.as_ptr(), candidates.len());
            }
        }
        Ok(())
    }
}
