//! Whole networks under plans: loss, gradients of α and of every weight, running statistics, first and second order.

use crate::common::{darts_space, op_sets, settings, space_of};
use crate::near::{By, Results, compare};
use edas::execute::Norm;
use edas::graph::OpSets;
use edas::policy::gate::{EdgeSettings, Gate, Noise, Sign, StraightThrough};
use edas::policy::{Plan, Resolved};
use edas::random::{Purpose, Stream};
use edas::space::{Alpha, Space};
use edas::spec::{ArchitectureOptimizer, CpuExecutor, Node, Order, WeightsOptimizer};
use edas::supernet::{Include, Network, Settings};
use edas::train::optimizer::{Architecture, Sgd};
use edas::train::{StepInput, TensorBatch, Trainer};
use std::collections::BTreeMap;
use std::sync::Arc;
use tch::{Kind, Tensor};

/// A network of some size and a batch for it.
#[derive(Clone)]
pub struct Case {
    pub space: Arc<Space>,
    pub cells: i64,
    pub channels: i64,
    pub side: i64,
    pub examples: i64,
    pub order: Order,
    /// As `compare` has it.
    pub rounding: f64,
}

/// What a pass is differentiated by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Of {
    Alpha,
    Weights,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cell = &self.space.form.cell_types[0];
        write!(
            f,
            "{} inputs, {} nodes, {:?}, {:?}, {:?}; ",
            cell.inputs, cell.nodes, cell.edges, cell.combine, cell.output
        )?;
        write!(f, "{} cells, {} channels, images of {}, batch {}", self.cells, self.channels, self.side, self.examples)
    }
}

impl Case {
    pub fn new(space: Arc<Space>, (cells, channels, side): (i64, i64, i64), examples: i64) -> Self {
        Self { space, cells, channels, side, examples, order: Order::First, rounding: 1e-6 }
    }

    /// α of this space; numbers of single precision.
    pub fn alpha(&self, seed: u64) -> Alpha {
        let mut stream = Stream::new(seed, Purpose::Initialisation, 0);
        self.space
            .edges()
            .map(|(_, e)| e.candidates.iter().map(|_| f64::from(stream.normal() as f32)).collect())
            .collect()
    }

    pub fn settings(&self, kind: Kind, cpu: CpuExecutor, seed: u64) -> Settings {
        Settings { cpu, seed, ..settings(self.cells, self.channels, self.side, kind) }
    }

    /// A network in training; in double precision its weights are those of single precision.
    pub fn trainer(&self, kind: Kind, cpu: CpuExecutor, alpha: &Alpha, seed: u64) -> Trainer {
        // Tests run beside each other; libtorch's threads would spin on each other's processors.
        tch::set_num_threads(1);
        let build = |kind| {
            let network = Network::build(&self.space, &self.settings(kind, cpu, seed), Include::All);
            network.unwrap_or_else(|e| panic!("it cannot be built: {e}"))
        };
        let network = build(kind);
        if kind == Kind::Double {
            network.parameters.copy_from(&build(Kind::Float).parameters).expect("the same network");
        }
        let architecture = ArchitectureOptimizer { order: self.order, ..ArchitectureOptimizer::default() };
        let architecture = Architecture::new(alpha.clone(), &architecture);
        Trainer { network, architecture, weights: Sgd::new(&WeightsOptimizer::default()) }
    }

    pub fn batch(&self, kind: Kind, examples: i64, seed: u64) -> TensorBatch {
        let mut stream = Stream::new(seed, Purpose::AugmentTrain, 0);
        let side = self.side;
        let values: Vec<f32> = (0..examples * 3 * side * side).map(|_| stream.normal() as f32).collect();
        let images = Tensor::from_slice(&values).view([examples, side, side, 3]).permute([0, 3, 1, 2]).to_kind(kind);
        let labels: Vec<i64> = (0..examples).map(|_| stream.index(10) as i64).collect();
        TensorBatch { images, labels: Tensor::from_slice(&labels) }
    }

    /// Compares the executors under a plan.
    pub fn check(&self, plan: &Plan, of: Of) -> Result<(), String> {
        let alpha = self.alpha(1);
        let mut ours = alpha.clone();
        plan.set_alpha(&mut ours);
        let plan = plan.resolve(&ours, 0);
        compare(self.rounding, |by, draw| {
            let cpu = if let By::Fast(_) = by { CpuExecutor::Fast } else { CpuExecutor::Reference };
            let mut trainer = self.trainer(by.kind(), cpu, &ours, draw);
            for parameter in trainer.network.parameters.iter().filter(|p| p.trained) {
                parameter.tensor.shallow_clone().copy_(&by.nudged(&parameter.tensor));
            }
            let [search, train] = [0, 1].map(|k| {
                let batch = self.batch(by.kind(), self.examples, 2 * draw + k);
                TensorBatch { images: by.nudged(&batch.images), ..batch }
            });
            everything(&mut trainer, &plan, [&search, &train], of)
        })
    }

    /// As [`Case::check`], for both phases.
    pub fn check_both(&self, plan: &Plan) {
        for of in [Of::Alpha, Of::Weights] {
            self.check(plan, of).unwrap_or_else(|e| panic!("{of:?} of {self:?}, {:?}: {e}", plan.gates));
        }
    }
}

pub fn flat(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).expect("numbers")
}

/// Everything that a pass finds: loss, all rows of α's gradient together, every weight's gradient, running statistics afterwards.
pub fn everything(trainer: &mut Trainer, plan: &Resolved, [search, train]: [&TensorBatch; 2], of: Of) -> Results {
    let input = StepInput { search, train, rate: 0.1, iteration: 3, step: 1 };
    let mut all = Results::new();
    match of {
        Of::Alpha => {
            let found = trainer.alpha_gradient(plan, &input).expect("it runs");
            let edges: Vec<usize> = (0..found.rows.len()).filter(|edge| found.rows[*edge].is_some()).collect();
            all.push(("loss".to_owned(), vec![found.loss]));
            all.push((format!("α of the edges {edges:?}"), found.rows.into_iter().flatten().flatten().collect()));
        }
        Of::Weights => {
            let plan = plan.without_gradient();
            let weights = trainer.network.weights_in_use(&plan);
            let found = trainer.gradients(&plan, train, Norm::Train, &input, false, &weights).expect("it runs");
            all.push(("loss".to_owned(), vec![found.read.0]));
            for (weight, gradient) in weights.iter().zip(&found.weights) {
                let name = &trainer.network.parameters.get(*weight).name;
                all.push((name.clone(), if gradient.defined() { flat(gradient) } else { Vec::new() }));
            }
        }
    }
    let buffers = trainer.network.parameters.iter().filter(|p| !p.trained);
    all.extend(buffers.map(|p| (p.name.clone(), flat(&p.tensor))));
    all
}

/// One of a list.
fn one<'a, T>(stream: &mut Stream, list: &'a [T]) -> &'a T {
    &list[stream.index(list.len() as u64) as usize]
}

/// Some of the numbers below `n`, at least one, in order.
fn some(stream: &mut Stream, n: usize) -> Vec<usize> {
    let first = stream.index(n as u64) as usize;
    (0..n).filter(|k| *k == first || stream.uniform() < 0.5).collect()
}

const CANDIDATES: [&str; 14] = [
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "conv_7x1_1x7",
    "relu_conv_bn",
    "{name: sep_conv_1x1, op: sep_conv, params: {kernel: 1}}",
    "{name: dil_conv_7x7, op: dil_conv, params: {kernel: 7}}",
    "{name: sep_conv_9x9, op: sep_conv, params: {kernel: 9}}",
];

/// A space of one cell type and one that halves the resolution, drawn by a seed.
pub fn random_space(seed: u64, candidates: &[&str], op_sets: &OpSets) -> Arc<Space> {
    let stream = &mut Stream::new(seed, Purpose::Split, 1);
    let inputs = 1 + stream.index(2) as usize;
    let nodes = 1 + stream.index(3) as usize;
    let chosen: Vec<&str> = some(stream, candidates.len()).into_iter().take(5).map(|c| candidates[c]).collect();
    let mut returned: Vec<usize> = some(stream, nodes).into_iter().map(|n| inputs + n).collect();
    if stream.uniform() < 0.3 {
        returned.reverse();
    }
    let output = match stream.index(3) {
        0 => format!("{{concat: {returned:?}}}"),
        1 => format!("{{sum: {returned:?}}}"),
        _ => format!("{{node: {}}}", returned[0]),
    };
    let (from, combine) = (one(stream, &["all_before", "previous", "inputs"]), one(stream, &["sum", "mean"]));
    let (stem, at) = (one(stream, &["channels", "3 * channels"]), stream.index(2));
    let text = format!(
        "space: 1\nname: random\ncell_types:\n  - name: normal\n    inputs: {inputs}\n    nodes: {nodes}\n    \
         edges: {{from: {from}, candidates: [{}]}}\n    combine: {combine}\n    output: {output}\n    \
         preprocess: {{op: relu_conv_bn, after_reduction: factorized_reduce}}\n  \
         - {{name: reduce, like: normal, stride: {{from_inputs: 2}}, channels: \"× 2\"}}\n\
         backbone:\n  stem: {{op: stem_cifar, channels: {stem}}}\n  \
         cells: {{repeat: cells, type: normal, except: [{{at: [{at}], type: reduce}}]}}\n  head: {{op: pool_linear}}\n",
        chosen.join(", ")
    );
    let node = Node::parse(&text, "space.yaml").expect("valid YAML");
    Arc::new(Space::from_node(&node, op_sets).unwrap_or_else(|e| panic!("{text}: {e}")))
}

/// A plan with every kind of gate and setting, drawn by a seed.
pub fn random_plan(seed: u64, space: &Space) -> Plan {
    let stream = &mut Stream::new(seed, Purpose::Policy, 2);
    let rows: Vec<usize> = space.edges().map(|(_, e)| e.candidates.len()).collect();
    let mut plan = Plan::strongest(rows.len());
    for (edge, count) in rows.iter().enumerate() {
        let subset = (stream.uniform() < 0.5).then(|| some(stream, *count));
        plan.gates[edge] = match stream.index(10) {
            0 => Gate::Off,
            1 => Gate::Only(stream.index(*count as u64) as usize),
            2 | 3 => Gate::Strongest(subset),
            4..=6 => Gate::Relaxed(subset),
            _ => {
                let of = subset.clone().unwrap_or_else(|| (0..*count).collect());
                let active = (stream.uniform() < 0.5).then(|| *one(stream, &of));
                Gate::StraightThrough(StraightThrough { subset, active, active_only: stream.uniform() < 0.4 })
            }
        };
        if stream.uniform() < 0.3 {
            let given: Vec<f64> = (0..*count).map(|_| f64::from(stream.normal() as f32)).collect();
            let noise = *one(stream, &[0, 1, 2]);
            let noise = [None, Some(Noise::Given(given)), Some(Noise::Gumbel(seed))][noise].clone();
            let sign = *one(stream, &[None, Some(Sign::Plus), Some(Sign::Minus)]);
            *plan.edge(edge) = EdgeSettings { sign, temperature: Some(0.5), noise, drop: BTreeMap::new() };
        }
        if stream.uniform() < 0.2 {
            plan.penalise(edge, &(0..*count).map(|c| c as f64 / 8.0).collect::<Vec<_>>());
        }
        for candidate in 0..*count {
            if stream.uniform() < 0.25 {
                plan.drop.insert((edge, candidate), *one(stream, &[0.25, 0.5, 0.75]));
            }
        }
    }
    plan.sign = *one(stream, &[Sign::Plus, Sign::Minus]);
    plan.temperature = *one(stream, &[1.0, 0.25, 4.0]);
    if stream.uniform() < 0.3 {
        plan = plan.gumbel(stream);
    }
    plan
}

/// A case and a plan for it, drawn by a seed.
pub fn random(seed: u64, candidates: &[&str], op_sets: &OpSets) -> (Case, Plan) {
    let space = random_space(seed, candidates, op_sets);
    let stream = &mut Stream::new(seed, Purpose::Split, 3);
    let mut up_to = |least: u64, most: u64| (least + stream.index(most + 1 - least)) as i64;
    let size = (up_to(1, 3), up_to(2, 9), up_to(3, 9));
    // Of a single example the head's gradient is the same for every pixel, and the last batch norm lets nothing of it through.
    let case = Case::new(space.clone(), size, up_to(2, 5));
    (case, random_plan(seed, &space))
}

#[test]
fn random_networks_under_random_plans() {
    let op_sets = op_sets("darts-ops");
    for seed in 0..60 {
        let (case, plan) = random(seed, &CANDIDATES, &op_sets);
        case.check_both(&plan);
    }
}

#[test]
fn the_second_order() {
    let op_sets = op_sets("darts-ops");
    for seed in 100..108 {
        let (case, plan) = random(seed, &CANDIDATES, &op_sets);
        let case = Case { order: Order::Second, ..case };
        case.check(&plan, Of::Alpha).unwrap_or_else(|e| panic!("{:?}, {plan:?}: {e}", case.space.form));
    }
}

#[test]
fn one_relaxed_edge() {
    let case = Case::new(darts_space(), (4, 8, 12), 5);
    for edge in [0, 5, 19, 27] {
        case.check_both(&Plan::strongest(28).relax(edge));
    }
}

#[test]
fn every_edge_relaxed() {
    let case = Case::new(darts_space(), (3, 12, 9), 4);
    case.check_both(&Plan::strongest(28).relax_all());
    case.check_both(&Plan::strongest(28).relax_all().invert());
}

#[test]
fn straight_through_and_dropped() {
    let case = Case::new(darts_space(), (3, 8, 8), 4);
    for active_only in [false, true] {
        let mut plan = Plan::strongest(28);
        for (edge, gate) in plan.gates.iter_mut().enumerate() {
            let active = Some(1 + edge % 7);
            *gate = Gate::StraightThrough(StraightThrough { subset: None, active, active_only });
        }
        case.check_both(&plan);
        plan.drop = (0..28).flat_map(|edge| (0..8).map(move |c| ((edge, c), 0.3))).collect();
        case.check_both(&plan);
    }
}

/// Where an example's output is dropped of every example, what is before it has a gradient of zero, as the reference executor has it.
#[test]
fn what_is_dropped_of_all_examples() {
    let case = Case::new(darts_space(), (3, 4, 8), 1);
    let mut plan = Plan::strongest(28).relax(3).relax(20);
    plan.drop = (0..28).flat_map(|edge| (0..8).map(move |c| ((edge, c), 0.7))).collect();
    case.check_both(&plan);
}

#[test]
fn other_spaces() {
    for (plugin, text) in
        [("nb201", edas_nb201::SPACE), ("mobile-ops", include_str!("../../plugins/mobile-ops/src/mobile.yaml"))]
    {
        let space = space_of(plugin, text);
        let case = Case::new(space.clone(), (5, 6, 8), 3);
        case.check_both(&Plan::strongest(space.edge_count()).relax_all());
        for seed in 0..4 {
            case.check_both(&random_plan(seed, &space));
        }
    }
}

/// Along a random direction of all weights, and of α, the loss in double precision changes as the fast executor's gradient says.
#[test]
fn gradients_by_finite_differences() {
    let op_sets = op_sets("darts-ops");
    let mut compared = 0;
    for seed in 0..16 {
        let (case, plan) = random(seed, &CANDIDATES, &op_sets);
        // A drop belongs to the step; a penalty is no part of the loss that is looked at.
        let plan = Plan { penalties: BTreeMap::new(), ..plan };
        let alpha = case.alpha(1);
        let plan = plan.resolve(&alpha, 0).without_gradient();
        let fast = case.trainer(Kind::Float, CpuExecutor::Fast, &alpha, 0);
        let weights = fast.network.weights_in_use(&plan);
        let edges: Vec<usize> = plan.relaxed().collect();
        let batch = case.batch(Kind::Float, case.examples, 0);
        let found =
            fast.gradients(&plan, &batch, Norm::Batch, &StepInput::of(&batch, 0.1), true, &weights).expect("it runs");
        let exact = case.trainer(Kind::Double, CpuExecutor::Reference, &alpha, 0);
        let batch = case.batch(Kind::Double, case.examples, 0);
        let start: Vec<Tensor> = weights.iter().map(|w| exact.network.parameters.get(*w).tensor.copy()).collect();
        let mut stream = Stream::new(seed, Purpose::Problem, 1);
        let direction: Vec<Tensor> = start
            .iter()
            .map(|w| Tensor::from_slice(&(0..w.numel()).map(|_| stream.normal()).collect::<Vec<f64>>()).view_as(w))
            .collect();
        let of_alpha: Alpha = alpha.iter().map(|row| row.iter().map(|_| stream.normal()).collect()).collect();
        let mut trainer = exact;
        let mut loss = |weights_by: f64, alpha_by: f64| {
            for ((w, start), d) in weights.iter().zip(&start).zip(&direction) {
                trainer.network.parameters.get(*w).tensor.shallow_clone().copy_(&(start + d * weights_by));
            }
            for ((row, start), d) in trainer.architecture.alpha.iter_mut().zip(&alpha).zip(&of_alpha) {
                row.iter_mut().zip(start).zip(d).for_each(|((a, start), d)| *a = start + d * alpha_by);
            }
            let input = StepInput::of(&batch, 0.1);
            trainer.gradients(&plan, &batch, Norm::Batch, &input, false, &[]).expect("it runs").read.0
        };
        const STEP: f64 = 1e-6;
        let by_weights = (loss(STEP, 0.0) - loss(-STEP, 0.0)) / (2.0 * STEP);
        let by_alpha = (loss(0.0, STEP) - loss(0.0, -STEP)) / (2.0 * STEP);
        let dot =
            |g: &Tensor, d: &Tensor| f64::try_from((g.to_kind(Kind::Double) * d).sum(Kind::Double)).expect("a number");
        let defined = found.weights.iter().zip(&direction).filter(|(g, _)| g.defined());
        let (along_weights, size) =
            defined.fold((0.0, 0.0), |(sum, size), (g, d)| (sum + dot(g, d), size + dot(g, &g.to_kind(Kind::Double))));
        assert!(
            (along_weights - by_weights).abs() < 1e-3 * (1e-3 + f64::sqrt(size)),
            "{seed}: {along_weights} {by_weights}"
        );
        let rows = edges.iter().filter_map(|edge| Some((found.rows[*edge].as_ref()?, &of_alpha[*edge])));
        let (along_alpha, size) = rows.fold((0.0, 0.0), |(sum, size), (g, d)| {
            let (dot, own): (f64, f64) = g.iter().zip(d).fold((0.0, 0.0), |(s, o), (g, d)| (s + g * d, o + g * g));
            (sum + dot, size + own)
        });
        compared += usize::from(size > 0.0);
        assert!((along_alpha - by_alpha).abs() < 1e-3 * (1e-3 + f64::sqrt(size)), "{seed}: {along_alpha} {by_alpha}");
    }
    assert!(compared > 6, "α was looked at in {compared} networks");
}
