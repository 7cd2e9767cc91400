//! Plans: what every edge does in one step.

use super::random::Random;
use super::view::EdgeView;
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
pub(super) enum Gate {
    Strongest(Option<Vec<usize>>),
    Only(usize),
    Relaxed(Option<Vec<usize>>),
    StraightThrough { subset: Option<Vec<usize>>, active: Option<usize>, active_only: bool },
    Off,
}

/// What is set for one edge alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct EdgeSettings {
    pub(super) inverted: Option<bool>,
    pub(super) temperature: Option<f64>,
    pub(super) noise: Option<Noise>,
    pub(super) drop: BTreeMap<usize, f64>,
    pub(super) penalties: Vec<Vec<f64>>,
    pub(super) alpha: Option<Vec<f64>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Noise {
    Gumbel(u64),
    Given(Vec<f64>),
}

/// The gates of all edges for one step, and what holds for all of them or for one. Candidates are named by their numbers
/// ([`EdgeView::candidate`]). What cannot be (an edge or candidate that the space lacks, a temperature of 0) is an error when
/// the policy answers.
///
/// What is set for the whole plan holds for every edge, whenever it is set; what is set for one edge wins over it.
///
/// ```
/// use edas_plugin::{Plan, Turn};
///
/// /// Every edge runs one candidate, drawn by Gumbel noise; edge 0 sees sharper differences, and its last candidate is dear.
/// fn drawn(turn: &mut Turn) -> Plan {
///     let mut plan = turn.empty().gumbel(&mut turn.random).temperature(2.0).temperature_edge(0, 0.5);
///     for edge in &turn.space.edges {
///         plan = plan.straight_through(edge);
///     }
///     plan.penalise(0, &[0.0, 0.0, 1.0])
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(super) all: Gate,
    pub(super) gates: BTreeMap<usize, Gate>,
    pub(super) edges: BTreeMap<usize, EdgeSettings>,
    pub(super) inverted: bool,
    pub(super) temperature: Option<f64>,
    pub(super) gumbel: Option<u64>,
    pub(super) drop: BTreeMap<String, f64>,
}

impl Plan {
    fn filled(all: Gate) -> Self {
        Self {
            all,
            gates: BTreeMap::new(),
            edges: BTreeMap::new(),
            inverted: false,
            temperature: None,
            gumbel: None,
            drop: BTreeMap::new(),
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
}

/// Gates: what an edge does.
impl Plan {
    fn gate(mut self, edge: impl Into<EdgeIndex>, gate: Gate) -> Self {
        self.gates.insert(edge.into().0, gate);
        self
    }

    /// Relaxes an edge over all of its candidates: their sum, weighted by softmax((sign · α + noise) / temperature).
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

    /// The edge runs its strongest candidate: the one for which sign · α is largest.
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

    /// The output is that of one candidate, the active one: the one for which sign · α + noise is largest. α gets the gradient of
    /// a relaxed edge, for which all candidates are computed in the architecture phase.
    pub fn straight_through(self, edge: impl Into<EdgeIndex>) -> Self {
        self.gate(edge, Gate::StraightThrough { subset: None, active: None, active_only: false })
    }

    /// The same over some of the edge's candidates. `active` is the number of one of them; with `None` it is the one for which
    /// sign · α + noise is largest.
    pub fn straight_through_subset(
        self,
        edge: impl Into<EdgeIndex>,
        candidates: &[usize],
        active: impl Into<Option<usize>>,
    ) -> Self {
        let subset = Some(candidates.to_vec());
        self.gate(edge, Gate::StraightThrough { subset, active: active.into(), active_only: false })
    }

    /// As [`Plan::straight_through`], but the active candidate alone is computed: α gets the gradient that its own share of the
    /// softmax has.
    pub fn straight_through_active(self, edge: impl Into<EdgeIndex>) -> Self {
        self.gate(edge, Gate::StraightThrough { subset: None, active: None, active_only: true })
    }

    /// As [`Plan::straight_through_subset`], but the active candidate alone is computed.
    pub fn straight_through_active_subset(
        self,
        edge: impl Into<EdgeIndex>,
        candidates: &[usize],
        active: impl Into<Option<usize>>,
    ) -> Self {
        let subset = Some(candidates.to_vec());
        self.gate(edge, Gate::StraightThrough { subset, active: active.into(), active_only: true })
    }

    /// The edge is off: it carries nothing.
    pub fn off(self, edge: impl Into<EdgeIndex>) -> Self {
        self.gate(edge, Gate::Off)
    }
}

/// Settings.
impl Plan {
    fn own(mut self, edge: impl Into<EdgeIndex>, set: impl FnOnce(&mut EdgeSettings)) -> Self {
        set(self.edges.entry(edge.into().0).or_default());
        self
    }

    /// −α in place of α on every edge.
    pub fn invert(mut self) -> Self {
        self.inverted = true;
        self
    }

    /// −α in place of α on one edge.
    pub fn invert_edge(self, edge: impl Into<EdgeIndex>) -> Self {
        self.invert_edge_if(edge, true)
    }

    /// Whether one edge is inverted, whatever the plan says.
    pub fn invert_edge_if(self, edge: impl Into<EdgeIndex>, inverted: bool) -> Self {
        self.own(edge, |own| own.inverted = Some(inverted))
    }

    /// The temperature of every softmax; at least 0.000001.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// The temperature of one edge's softmax.
    pub fn temperature_edge(self, edge: impl Into<EdgeIndex>, temperature: f64) -> Self {
        self.own(edge, |own| own.temperature = Some(temperature))
    }

    /// Gumbel noise within every softmax. It is drawn when the plan is resolved, by edge, then candidate, from a seed that is
    /// drawn here.
    pub fn gumbel(mut self, random: &mut Random) -> Self {
        self.gumbel = Some(random.below(u64::MAX));
        self
    }

    /// Gumbel noise within one edge's softmax, from a seed that is drawn here.
    pub fn gumbel_edge(self, edge: impl Into<EdgeIndex>, random: &mut Random) -> Self {
        let seed = random.below(u64::MAX);
        self.own(edge, |own| own.noise = Some(Noise::Gumbel(seed)))
    }

    /// Adds these numbers, one per candidate, within an edge's softmax.
    pub fn noise(self, edge: impl Into<EdgeIndex>, values: &[f64]) -> Self {
        self.own(edge, |own| own.noise = Some(Noise::Given(values.to_vec())))
    }

    /// In training an example's output of the candidate of this name is left out with a probability, and divided by
    /// 1 − probability otherwise, on all edges that have it. Where none has it, that is an error when the policy answers.
    pub fn drop(mut self, candidate: &str, probability: f64) -> Self {
        self.drop.insert(candidate.to_owned(), probability);
        self
    }

    /// The same for one edge's candidate, by its number.
    pub fn drop_edge(self, edge: impl Into<EdgeIndex>, candidate: usize, probability: f64) -> Self {
        self.own(edge, |own| {
            own.drop.insert(candidate, probability);
        })
    }

    /// Adds costs · softmax(α), with a cost per candidate, to the loss of the architecture phase; the edge's α then moves too,
    /// relaxed or not. Costs of several calls add up.
    pub fn penalise(self, edge: impl Into<EdgeIndex>, costs: &[f64]) -> Self {
        self.own(edge, |own| own.penalties.push(costs.to_vec()))
    }

    /// α of an edge becomes these numbers, one per candidate, before the plan is resolved, and stays so.
    pub fn set_alpha(self, edge: impl Into<EdgeIndex>, values: &[f64]) -> Self {
        self.own(edge, |own| own.alpha = Some(values.to_vec()))
    }
}
