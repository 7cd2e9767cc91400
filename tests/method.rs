//! The method: what is relaxed, what moves, what is derived (sections 3 and 4 of the paper).

mod common;

use common::{darts_space, settings, small_spec, space};
use edas::Search;
use edas::error::Result;
use edas::execute::Norm;
use edas::policy::turn::Clock;
use edas::policy::{Phase, Plan, Policy, Resolved, ResolvedGate, SpaceView, Steps, Turn};
use edas::run::{Event, Observer};
use edas::space::derive::{Rule, choices};
use edas::space::{Alpha, Genotype};
use edas::spec::{ArchitectureOptimizer, WeightsOptimizer};
use edas::supernet::{Include, Network, Part};
use edas::train::optimizer::{Architecture, Sgd};
use edas::train::setup::{Need, Setup};
use edas::train::{StepInput, TensorBatch, Trainer};
use std::collections::BTreeSet;
use std::sync::Arc;
use tch::{Kind, Tensor};

fn noise(shape: &[i64], kind: Kind, name: &str) -> Tensor {
    common::fixtures::values(name, shape).to_kind(kind)
}

fn batch(kind: Kind, size: i64, name: &str) -> TensorBatch {
    let images = noise(&[4, 3, size, size], kind, name);
    TensorBatch { images, labels: Tensor::from_slice(&[1i64, 7, 3, 0]) }
}

fn trainer(settings: &edas::supernet::Settings, architecture: &ArchitectureOptimizer) -> Trainer {
    let network = Network::build(&darts_space(), settings, Include::All).expect("it can be built");
    let alpha = random_alpha(network.space.edge_count(), 8, 3);
    Trainer {
        network,
        architecture: Architecture::new(alpha, architecture),
        weights: Sgd::new(&WeightsOptimizer::default()),
    }
}

fn random_alpha(edges: usize, candidates: usize, seed: u64) -> Alpha {
    let mut stream = edas::random::Stream::new(seed, edas::random::Purpose::Initialisation, 0);
    (0..edges).map(|_| (0..candidates).map(|_| stream.normal()).collect()).collect()
}

#[test]
fn only_the_drawn_row_moves_under_lazy() {
    let mut trainer = trainer(&settings(3, 4, 8, Kind::Float), &ArchitectureOptimizer::default());
    let batch = batch(Kind::Float, 8, "batch");
    for edge in [3, 3, 20] {
        let before = trainer.architecture.clone();
        let plan = Plan::strongest(28).relax(edge).resolve(&before.alpha, 0);
        trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch, 0.025)).expect("a step");
        let after = &trainer.architecture;
        for e in 0..28 {
            let same = before.alpha[e] == after.alpha[e]
                && before.first[e] == after.first[e]
                && before.second[e] == after.second[e]
                && before.steps[e] == after.steps[e];
            assert_eq!(same, e != edge, "row {e} when {edge} was drawn");
        }
    }
    assert_eq!((trainer.architecture.steps[3], trainer.architecture.steps[20]), (2, 1));
}

#[test]
fn every_row_moves_under_dense_adam_with_decay() {
    let dense = ArchitectureOptimizer { lazy: false, weight_decay: 1e-3, ..ArchitectureOptimizer::default() };
    let mut trainer = trainer(&settings(3, 4, 8, Kind::Float), &dense);
    let before = trainer.architecture.alpha.clone();
    let plan = Plan::strongest(28).relax(3).resolve(&before, 0);
    trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch(Kind::Float, 8, "batch"), 0.025)).expect("a step");
    assert!((0..28).all(|e| before[e] != trainer.architecture.alpha[e]));
}

/// Every operation only hands on what the weights of its candidates are not.
#[test]
fn weights_of_candidates_that_are_not_finite_are_named_first() {
    let mut trainer = trainer(&settings(3, 4, 8, Kind::Float), &ArchitectureOptimizer::default());
    trainer.architecture.alpha[3][1] = f64::NAN;
    let plan = Plan::strongest(28).relax(3).resolve(&trainer.architecture.alpha, 0);
    let error = trainer
        .step(Phase::Weights, &plan, &StepInput::of(&batch(Kind::Float, 8, "batch"), 0.025))
        .expect_err("no loss");
    assert!(error.to_string().contains("the weights of the candidates of edge 3"), "{error}");
}

/// Adam by hand, for a row that is drawn twice: its moments carry over, its own count of steps corrects them.
#[test]
fn a_row_drawn_twice_carries_its_moments() {
    let settings = ArchitectureOptimizer { learning_rate: 0.1, ..ArchitectureOptimizer::default() };
    let mut adam = Architecture::new(vec![vec![0.0], vec![0.0]], &settings);
    adam.step(&[Some(vec![2.0]), None]);
    adam.step(&[None, Some(vec![1.0])]);
    adam.step(&[Some(vec![-1.0]), None]);
    // m: 0.5·2 = 1, then 1 + 0.5·(−1 − 1) = 0; v: 0.001·4 = 0.004, then 0.999·0.004 + 0.001 = 0.004996.
    let first: f64 = -0.1 / 0.5 * 1.0 / ((0.004f64).sqrt() / (0.001f64).sqrt() + 1e-8);
    let second = 0.0;
    assert!((adam.alpha[0][0] - (first + second)).abs() < 1e-12, "{}", adam.alpha[0][0]);
    assert_eq!(adam.steps, [2, 1]);
}

/// The output of one cell under a plan.
fn run_cell(network: &Network, plan: &Resolved, alpha: &Alpha, sign: f64) -> Tensor {
    let Part::Cell(cell) = &network.parts[0] else { panic!("a cell") };
    let mixture = alpha.iter().map(|row| Some((Tensor::from_slice(row) * sign).softmax(0, None))).collect();
    let maps = [noise(&[2, 12, 8, 8], Kind::Double, "s0"), noise(&[2, 12, 8, 8], Kind::Double, "s1")];
    network.forward_cell(cell, &maps, plan, &mixture, Norm::Batch).expect("it runs")
}

/// A relaxed edge alone in its cell: its output must be Σ softmax(±α)_o · o(x), with every o(x) taken from a plan that runs
/// o alone (equations 1 and 3). `none` adds nothing, but its probability counts.
fn relaxed_edge_by_hand(invert: bool) {
    let network =
        Network::build(&darts_space(), &settings(4, 4, 8, Kind::Double), Include::All).expect("it can be built");
    let alpha = random_alpha(28, 8, 5);
    let sign = if invert { -1.0 } else { 1.0 };
    // Node 2 is fed by edge 0 alone, and nothing else runs: the first four channels of the output are node 2.
    let with = |gate: edas::policy::Gate| {
        let mut plan = Plan::empty(28);
        plan.gates[0] = gate;
        if invert { plan.invert() } else { plan }
    };
    let node = |plan: Plan| run_cell(&network, &plan.resolve(&alpha, 0), &alpha, sign).narrow(1, 0, 4);
    let relaxed = node(with(edas::policy::Gate::Relaxed(None)));
    let powers: Vec<f64> = alpha[0].iter().map(|a| (sign * a).exp()).collect();
    let sum: f64 = powers.iter().sum();
    let mut by_hand = Tensor::zeros_like(&relaxed);
    for (c, power) in powers.iter().enumerate() {
        by_hand += node(with(edas::policy::Gate::Only(c))) * (power / sum);
    }
    assert!((&relaxed - &by_hand).abs().max().double_value(&[]) < 1e-12);
    // Without the probability of `none`, the sum would be another.
    let without: f64 = powers[1..].iter().sum();
    assert!((&relaxed - by_hand * (sum / without)).abs().max().double_value(&[]) > 1e-3);
}

#[test]
fn a_relaxed_edge_equals_equation_1() {
    relaxed_edge_by_hand(false);
}

#[test]
fn an_inverted_edge_equals_equation_3() {
    relaxed_edge_by_hand(true);
}

#[test]
fn undrawn_edges_run_the_strongest_candidate_of_their_sign() {
    let alpha = random_alpha(28, 8, 7);
    let best = |row: &Vec<f64>, sign: f64| {
        (0..8).max_by(|a, b| (sign * row[*a]).total_cmp(&(sign * row[*b]))).expect("eight candidates")
    };
    for (plan, sign) in [(Plan::strongest(28), 1.0), (Plan::strongest(28).invert(), -1.0)] {
        let resolved = plan.resolve(&alpha, 0);
        for (gate, row) in resolved.gates.iter().zip(&alpha) {
            assert_eq!(*gate, ResolvedGate::Single(best(row, sign)));
        }
        assert_eq!(resolved.inverted, sign < 0.0);
    }
}

fn script(path: &str, params: &[&str]) -> Setup {
    let mut keys = vec![format!("policy.script={}", common::repository(path).display()), "policy.params={}".to_owned()];
    keys.extend(params.iter().map(|p| (*p).to_owned()));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    Setup::new(small_spec(&keys), Need::Sizes, None).expect("a sound spec")
}

fn plans(setup: &mut Setup, iterations: u64, per_epoch: u64) -> Vec<Steps> {
    let alpha = Arc::new(setup.initial_alpha());
    (0..iterations)
        .map(|i| {
            let turn = Turn::new(Clock::at(i, 1000, per_epoch), &setup.view, &alpha, 11);
            setup.policy.plan(&turn).expect("a plan")
        })
        .collect()
}

/// χ² of 28 equally likely edges over 28,000 draws: 27 degrees of freedom, 99.9 % lie below 55.5.
#[test]
fn draws_are_uniform_over_all_edges() {
    let mut setup = script("scripts/edas.rhai", &[]);
    let mut counts = [0f64; 28];
    let alpha = setup.initial_alpha();
    for steps in plans(&mut setup, 28_000, 1000) {
        let Steps::Both(plan) = steps else { panic!("one plan serves both phases") };
        let drawn: Vec<usize> = plan.resolve(&alpha, 0).relaxed().collect();
        assert_eq!(drawn.len(), 1);
        counts[drawn[0]] += 1.0;
    }
    let chi: f64 = counts.iter().map(|n| (n - 1000.0) * (n - 1000.0) / 1000.0).sum();
    assert!(chi < 55.5, "χ² = {chi}");
}

#[test]
fn inversion_alternates_and_ends_with_the_warm_up() {
    let inverted = |setup: &mut Setup, iterations| -> Vec<(bool, bool)> {
        let alpha = setup.initial_alpha();
        let of = |plan: &Plan| plan.resolve(&alpha, 0).inverted;
        let both = |steps: Steps| match steps {
            Steps::Both(plan) => (of(&plan), of(&plan)),
            Steps::List(list) => (of(&list[0].plan), of(&list[1].plan)),
        };
        plans(setup, iterations, 4).into_iter().map(both).collect()
    };
    let path = "scripts/edas_inversion.rhai";
    let mut alternate = script(path, &["policy.params={warmup_epochs: 2}"]);
    let expected: Vec<(bool, bool)> = (0..12).map(|i| (i < 8 && i % 2 == 1, i < 8 && i % 2 == 1)).collect();
    assert_eq!(inverted(&mut alternate, 12), expected);
    let mut every = script(path, &["policy.params={warmup_epochs: 2, period: 1}"]);
    assert_eq!(inverted(&mut every, 12), (0..12).map(|i| (i < 8, i < 8)).collect::<Vec<_>>());
    let mut weights = script(path, &["policy.params={warmup_epochs: 2, phases: weights}"]);
    assert_eq!(inverted(&mut weights, 12), (0..12).map(|i| (false, i < 8 && i % 2 == 1)).collect::<Vec<_>>());
}

/// A policy that hands another one's plans on, one iteration only.
#[test]
fn alpha_max_trains_one_candidate_per_edge() {
    let setup = script("scripts/alpha_max.rhai", &[]);
    let Setup { network, mut policy, view, .. } = setup;
    let alpha = random_alpha(28, 8, 9);
    let settings = ArchitectureOptimizer::default();
    let mut trainer = Trainer {
        network,
        architecture: Architecture::new(alpha, &settings),
        weights: Sgd::new(&WeightsOptimizer::default()),
    };
    let alpha = Arc::new(trainer.architecture.alpha.clone());
    let turn = Turn::new(Clock::at(0, 1, 10), &view, &alpha, 0);
    let Steps::List(steps) = policy.plan(&turn).expect("a plan") else { panic!("two plans") };
    assert_eq!(steps.iter().map(|s| s.phase).collect::<Vec<_>>(), [Phase::Architecture, Phase::Weights]);
    let plan = steps[1].plan.resolve(&trainer.architecture.alpha, 1);
    let weights: Vec<Tensor> = trainer.network.parameters.iter().map(|p| p.tensor.copy()).collect();
    let images = noise(&[4, 1, 8, 8], Kind::Float, "digits");
    let batch = TensorBatch { images, labels: Tensor::from_slice(&[1i64, 7, 3, 0]) };
    trainer.step(Phase::Weights, &plan, &StepInput::of(&batch, 0.1)).expect("a step");
    let mut per_edge: std::collections::BTreeMap<String, BTreeSet<String>> = std::collections::BTreeMap::new();
    for (before, parameter) in weights.iter().zip(trainer.network.parameters.iter()).filter(|(_, p)| p.trained) {
        let parts: Vec<&str> = parameter.name.split('.').collect();
        if parts.len() > 4 && parts[2] == "edges" && *before != parameter.tensor {
            per_edge.entry(parts[..4].join(".")).or_default().insert(parts[4].to_owned());
        }
    }
    assert!(!per_edge.is_empty());
    for (edge, candidates) in per_edge {
        assert_eq!(candidates.len(), 1, "{edge} trained {candidates:?}");
    }
}

/// α in which the named candidates have these values; all others have −1.
fn alpha_of(rows: &[&[(&str, f64)]], names: &[&str]) -> Alpha {
    let value = |row: &[(&str, f64)], name: &str| row.iter().find(|(n, _)| *n == name).map_or(-1.0, |(_, v)| *v);
    rows.iter().map(|row| names.iter().map(|name| value(row, name)).collect()).collect()
}

const TWO_NODES: &str = "
space: 1
name: two-nodes
cell_types:
  - name: cell
    inputs: 2
    nodes: 2
    edges: {from: all_before, candidates: [none, skip_connect, sep_conv_3x3]}
    output: {concat: [2, 3]}
    preprocess: {op: relu_conv_bn}
backbone:
  stem: {op: stem_cifar}
  cells: {repeat: cells, type: cell}
  head: {op: pool_linear}
";

/// Edges of the space: 0→2, 1→2, 0→3, 1→3, 2→3. Worked out by hand.
#[test]
fn argmax_and_top2_derive_what_was_worked_out_by_hand() {
    let space = space(TWO_NODES);
    let names = ["none", "skip_connect", "sep_conv_3x3"];
    let alpha = alpha_of(
        &[
            &[("none", 2.0), ("sep_conv_3x3", 1.0)], // best that carries: sep, 1 of (2, −1, 1): p = 0.26
            &[("skip_connect", 0.0)],                // skip, 0 of (−1, 0, −1): p = 0.58
            &[("sep_conv_3x3", 3.0)],                // sep: p = 0.96
            &[("none", 5.0), ("skip_connect", 4.0)], // skip, 4 of (5, 4, −1): p = 0.27
            &[("skip_connect", 1.0), ("sep_conv_3x3", 1.0)], // a tie: skip comes first; p = 0.47
        ],
        &names,
    );
    assert_eq!(choices(&space, &alpha, Rule::Argmax), [Some(0), Some(1), Some(2), Some(0), Some(1)]);
    // Node 2 has two edges and keeps both. Node 3 keeps the two most probable of 0.96, 0.27, 0.47.
    assert_eq!(choices(&space, &alpha, Rule::Top2), [Some(2), Some(1), Some(2), None, Some(1)]);
    let genotype = Genotype::new(&space, &choices(&space, &alpha, Rule::Top2));
    assert_eq!(
        edas::space::text::darts(&genotype).expect("two edges per node"),
        "Genotype(cell=[('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], \
         cell_concat=range(2, 4))"
    );
    assert_eq!(genotype.choices(&space).expect("its own space"), choices(&space, &alpha, Rule::Top2));
}

/// Runs a search and hands out the trainer's end: weights by way of the observer.
struct Weights(Vec<(String, Tensor)>, Alpha);

impl Observer for Weights {
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Finished(summary) = event {
            self.0 = summary.parameters.iter().map(|p| (p.name.clone(), p.tensor.copy())).collect();
            self.1 = summary.alpha.clone();
        }
        Ok(())
    }
}

/// The derived network, built by itself with the supernet's weights, computes what the supernet computes with its strongest
/// candidates, to the bit, after an inverted warm-up too.
#[test]
fn the_derived_network_is_the_supernet_under_the_strongest_plan() {
    let spec = small_spec(&["search.epochs=4", "policy.params={warmup_epochs: 2}"]);
    let search = Search::from_spec(spec).expect("a sound spec");
    let settings = search.setup().network.settings.clone();
    let space = search.setup().space.clone();
    let data = search.setup().images.data.clone().expect("digits are embedded");
    let mut weights = Weights(Vec::new(), Vec::new());
    search.run(&mut [&mut weights]).expect("it runs");
    let Weights(weights, alpha) = weights;
    let supernet = Network::build(&space, &settings, Include::All).expect("it can be built");
    for (name, value) in &weights {
        supernet.parameters.set(name, value).expect("the same network");
    }
    let chosen = choices(&space, &alpha, Rule::Argmax);
    let derived = Network::derived(&space, &settings, &chosen).expect("it can be built");
    assert!(derived.parameters.len() < supernet.parameters.len() / 4);
    derived.parameters.copy_from(&supernet.parameters).expect("its weights are the supernet's");
    let plan = Plan::strongest(alpha.len()).resolve(&alpha, 0);
    let none = alpha.iter().map(|_| None).collect();
    let images: Vec<usize> = (0..500).collect();
    for norm in [Norm::Batch, Norm::Running] {
        for batch in edas::data::Plain::new(&data, &images, 100) {
            let batch = batch.expect("memory");
            let batch = TensorBatch::new(&batch, settings.image, settings.kind, settings.device).expect("tensors");
            let of = |network: &Network, plan: &Resolved| {
                let logits = network.forward(&batch.images, plan, &none, norm).expect("it runs");
                Vec::<f32>::try_from(logits.flatten(0, -1)).expect("numbers")
            };
            let (a, b) = (of(&supernet, &plan), of(&derived, &Resolved::of_choices(&chosen)));
            assert!(a.iter().zip(&b).all(|(x, y)| x.to_bits() == y.to_bits()));
        }
    }
}

/// A relaxed edge from which no path leads to the output: no gradient, no step, no NaN.
#[test]
fn a_dead_relaxed_edge_and_a_cut_network_do_no_harm() {
    let mut trainer = trainer(&settings(3, 4, 8, Kind::Float), &ArchitectureOptimizer::default());
    let before = trainer.architecture.clone();
    let batch = batch(Kind::Float, 8, "batch");
    // Every edge is `none` but the relaxed one, in cells whose outputs nothing reads: the last cell runs `none` alone.
    let nothing: Vec<Option<usize>> = vec![Some(0); 28];
    let cut = Resolved::of_choices(&nothing);
    for phase in [Phase::Measure, Phase::Weights, Phase::Architecture] {
        let result = trainer.step(phase, &cut, &StepInput::of(&batch, 0.025)).expect("a cut network runs");
        assert!(result.loss.is_finite());
    }
    // The reduction cells carry nothing; so a normal cell before them is dead, and the first of them is the only one with
    // a relaxed edge. With 3 cells: normal, reduce, reduce.
    let mut dead = cut.clone();
    dead.gates[5] = Plan::strongest(28).relax(5).resolve(&before.alpha, 0).gates[5].clone();
    let result =
        trainer.step(Phase::Architecture, &dead, &StepInput::of(&batch, 0.025)).expect("a dead edge does no harm");
    assert!(result.loss.is_finite());
    assert_eq!(trainer.architecture, before, "a row without a gradient is not stepped");
    let finite = |p: &edas::supernet::Parameter| p.tensor.isfinite().all().int64_value(&[]) == 1;
    assert!(trainer.network.parameters.iter().all(finite));
}

/// A policy in Rust: relaxes the edges in turn.
struct RoundRobin;

impl Policy for RoundRobin {
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        let edge = turn.clock.iteration as usize % turn.space.edges.len();
        Ok(Steps::Both(turn.strongest().relax(edge)))
    }
}

#[test]
fn a_policy_in_rust_runs_a_search() {
    struct Edges(Vec<usize>);
    impl Observer for Edges {
        fn event(&mut self, event: &Event) -> Result<()> {
            if let Event::Iteration(_, relaxed) = event {
                self.0.extend(relaxed.iter());
            }
            Ok(())
        }
    }
    let mut edges = Edges(Vec::new());
    let search = Search::with_policy(small_spec(&[]), Box::new(RoundRobin)).expect("a sound spec");
    search.limit(6).run(&mut [&mut edges]).expect("it runs");
    assert_eq!(edges.0, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_search_of_no_iterations_is_refused() {
    struct Silent;
    impl Observer for Silent {
        fn event(&mut self, _: &Event) -> Result<()> {
            panic!("nothing begins");
        }
    }
    let search = Search::from_spec(small_spec(&[])).expect("a sound spec");
    let error = search.limit(0).run(&mut [&mut Silent]).expect_err("it finds nothing");
    assert!(error.to_string().contains("no iterations"), "{error}");
}

/// Asking for the first plans leaves a policy's state, and so its plans, as they were.
#[test]
fn first_plans_are_those_that_the_search_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("policy.rhai");
    let text = "fn init(space, params) { #{ n: 0 } } fn plan(turn) { this.n += 1; turn.strongest().relax(this.n) }";
    std::fs::write(&script, text).expect("written");
    let script = format!("policy.script={}", script.display());
    let mut search = Search::from_spec(small_spec(&[&script])).expect("a sound spec");
    for _ in 0..2 {
        let plans = search.first_plans(3).expect("plans");
        let relaxed: Vec<Vec<usize>> = plans.iter().map(|plan| plan.relaxed().collect()).collect();
        assert_eq!(relaxed, [[1], [2], [3]]);
    }
}

#[test]
fn a_plan_for_another_space_is_refused() {
    struct Wrong;
    impl Policy for Wrong {
        fn plan(&mut self, turn: &Turn) -> Result<Steps> {
            Ok(Steps::Both(Plan::strongest(turn.space.edges.len() + 1)))
        }
    }
    let search = Search::with_policy(small_spec(&[]), Box::new(Wrong)).expect("a sound spec");
    let error = search.run(&mut []).expect_err("the plan does not fit");
    assert!(error.to_string().contains("another space"), "{error}");
}

#[test]
fn the_space_as_policies_see_it_numbers_edges_over_all_cell_types() {
    let view = SpaceView::new(&darts_space(), &[]);
    assert_eq!(view.cells, ["normal", "reduce"]);
    assert_eq!(view.edges.len(), 28);
    let edge = &view.edges[14 + 4];
    assert_eq!((edge.cell.as_str(), edge.position, edge.from, edge.to), ("reduce", 4, 2, 3));
}
