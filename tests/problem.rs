//! The synthetic problem that policies are tried on: its gradients, its best architecture, its traps.

use edas::policy::gate::{Gate, Noise, StraightThrough};
use edas::policy::shipped::shipped;
use edas::policy::{
    AfterEpoch, EpochEnd, Phase, Plan, Policy, Resolved, ScriptPolicy, SpaceView, Step, StepResult, Steps, Turn,
};
use edas::problem::compare::{SameEdge, mean_and_spread};
use edas::problem::data::Data;
use edas::problem::operation::{CONVOLUTIONS, NONE, add};
use edas::problem::supernet::{Batch, Gradients};
use edas::problem::trial::Trial;
use edas::problem::{EDGES, OPERATIONS, Problem, Settings, Supernet};
use edas::random::{Purpose, Stream};
use edas::space::{Alpha, Choices};
use edas::spec::{Node, Sandbox};
use edas::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// A problem whose examples are few.
fn small(seed: u64, change: impl FnOnce(&mut Settings)) -> Problem {
    let mut settings = Settings { epochs: 3, iterations_per_epoch: 4, ..Settings::new(seed) };
    change(&mut settings);
    Problem::new(&settings)
}

fn random_alpha(problem: &Problem, seed: u64) -> Alpha {
    let mut stream = Stream::new(seed, Purpose::Policy, 0);
    problem.space.edges.iter().map(|e| e.candidates.iter().map(|_| stream.normal()).collect()).collect()
}

/// Weights away from their start, where every term of a gradient counts.
fn grown<'a>(problem: &'a Problem) -> Supernet<'a> {
    let mut supernet = Supernet::new(problem);
    let mut stream = Stream::new(5, Purpose::Policy, 1);
    supernet.weights.iter_mut().flatten().flatten().for_each(|w| *w = 1.5 * stream.normal());
    supernet
}

const EXAMPLES: [usize; 8] = [3, 1, 4, 15, 9, 2, 6, 5];

fn gradients(supernet: &Supernet, phase: Phase, alpha: &Alpha, plan: &Resolved) -> Gradients {
    let problem = supernet.problem;
    let data: &[Data; 2] = if phase == Phase::Weights { &problem.train } else { &problem.search };
    let batch = Batch { data, examples: &EXAMPLES, position: (7, 1) };
    supernet.gradients(phase, alpha, plan, &batch).expect("finite")
}

/// One edge of every kind.
fn mixed(edges: usize) -> Plan {
    let mut plan = Plan::strongest(edges);
    plan.gates[0] = Gate::Relaxed(None);
    plan.gates[1] = Gate::Relaxed(Some(vec![1, 3, 5]));
    plan.gates[2] = Gate::Only(4);
    plan.gates[3] = Gate::Off;
    plan.gates[4] = Gate::Relaxed(None);
    plan.gates[5] = Gate::Relaxed(None);
    plan.gates[6] = Gate::Strongest(Some(vec![3, 4]));
    plan.edge(4).temperature = Some(0.4);
    plan.edge(5).sign = Some(edas::policy::Sign::Minus);
    plan.edge(1).noise = Some(Noise::Given(vec![0.3, -0.2, 0.1, 0.9, 0.0, -0.4]));
    plan.temperature = 1.7;
    plan.drop.insert((0, 3), 0.5);
    plan.drop.insert((2, 4), 0.3);
    plan.penalise(0, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    // Of an edge that is not relaxed: its row moves too.
    plan.penalise(9, &[0.6, 0.0, 0.3, 0.4, 0.5, 0.6]);
    plan
}

/// (f(x + h) − f(x − h)) / 2h.
fn difference(f: impl Fn(f64) -> f64) -> f64 {
    let h = 1e-5;
    (f(h) - f(-h)) / (2.0 * h)
}

fn assert_near(found: f64, expected: f64, what: &str) {
    let tolerance = 1e-6 * (1.0 + expected.abs());
    assert!((found - expected).abs() < tolerance, "{what}: {found:e}, by finite differences {expected:e}");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for coupling in [true, false] {
        let problem = small(3, |s| s.traps.coupling = coupling);
        let supernet = grown(&problem);
        let alpha = random_alpha(&problem, 1);
        let plan = mixed(problem.space.edges.len()).resolve(&alpha, 0);
        let found = gradients(&supernet, Phase::Weights, &alpha, &plan);
        let mut checked = 0;
        for ((edge, operation), gradient) in &found.weights {
            for (k, g) in gradient.iter().enumerate() {
                let loss = |h: f64| {
                    let mut moved = supernet.clone();
                    moved.weights[*edge][*operation][k] += h;
                    gradients(&moved, Phase::Weights, &alpha, &plan).loss
                };
                assert_near(*g, difference(loss), &format!("weight {k} of operation {operation} on edge {edge}"));
                checked += 1;
            }
        }
        assert!(checked > 20, "{checked} weights were in use");
        assert!(found.weights.keys().all(|(edge, _)| *edge != 3), "an edge that is off trains nothing");
        assert!(!found.weights.contains_key(&(1, 4)), "what is not in the subset is not trained");
        let found = gradients(&supernet, Phase::Architecture, &alpha, &plan);
        let with: Vec<usize> = (0..10).filter(|e| found.alpha[*e].is_some()).collect();
        assert_eq!(with, [0, 1, 4, 5, 9]);
        for edge in with {
            for candidate in 0..6 {
                let loss = |h: f64| {
                    let mut moved = alpha.clone();
                    moved[edge][candidate] += h;
                    // The same gates: a strongest candidate stays what it was.
                    gradients(&supernet, Phase::Architecture, &moved, &plan).loss
                };
                let row = found.alpha[edge].as_ref().expect("a gradient");
                assert_near(row[candidate], difference(loss), &format!("α of candidate {candidate} on edge {edge}"));
            }
        }
    }
}

#[test]
fn straight_through_gates_have_the_value_of_one_candidate_and_the_slopes_of_all() {
    let problem = small(4, |_| {});
    let supernet = grown(&problem);
    let alpha = random_alpha(&problem, 2);
    let (edge, active) = (7, 3);
    let gate = |active_only| Gate::StraightThrough(StraightThrough { subset: None, active: Some(active), active_only });
    let resolved = |gate: Gate| {
        let mut plan = Plan::strongest(10);
        plan.gates[edge] = gate;
        plan.temperature = 0.7;
        plan.resolve(&alpha, 0)
    };
    let single = gradients(&supernet, Phase::Architecture, &alpha, &resolved(Gate::Only(active)));
    assert!(single.alpha[edge].is_none());
    let cell = &problem.cells[1];
    let filter = |edge: usize, operation: usize| cell.filter(edge - 5, operation, &supernet.weights[edge][operation]);
    let choices: Vec<usize> = alpha.iter().map(|row| edas::space::derive::strongest(row)).collect();
    let filters = std::array::from_fn(|e| filter(5 + e, if 5 + e == edge { active } else { choices[5 + e] }));
    // What the loss does when a little of a candidate is added to the edge.
    let slope = |operation: usize| {
        difference(|h| {
            let mut moved: [_; 5] = filters;
            add(&mut moved[edge - 5], h, &filter(edge, operation));
            cell.pass(&problem.search[1], &EXAMPLES, &[moved]).0
        })
    };
    let shares = edas::space::derive::softmax(&alpha[edge].iter().map(|a| a / 0.7).collect::<Vec<f64>>());
    for active_only in [false, true] {
        let found = gradients(&supernet, Phase::Architecture, &alpha, &resolved(gate(active_only)));
        assert_eq!(found.loss, single.loss);
        let scores: Vec<f64> = (0..6).map(|c| if active_only && c != active { 0.0 } else { slope(c) }).collect();
        let mean: f64 = shares.iter().zip(&scores).map(|(p, s)| p * s).sum();
        for c in 0..6 {
            let row = found.alpha[edge].as_ref().expect("a gradient");
            assert_near(row[c], shares[c] * (scores[c] - mean) / 0.7, &format!("α of candidate {c}, {active_only}"));
        }
        // Where no gradient to α is wanted, the active candidate alone is in use.
        let weights = gradients(&supernet, Phase::Weights, &alpha, &resolved(gate(active_only)));
        assert_eq!(weights.weights.keys().filter(|(e, _)| *e == edge).collect::<Vec<_>>(), [&(edge, active)]);
    }
}

#[test]
fn drops_hold_in_training_alone_and_keep_the_mean() {
    let problem = small(5, |_| {});
    let supernet = grown(&problem);
    let alpha = random_alpha(&problem, 3);
    let plain = Plan::strongest(10).relax_all();
    let mut dropping = plain.clone();
    dropping.drop.insert((0, 3), 0.5);
    let [plain, dropping] = [plain, dropping].map(|plan| plan.resolve(&alpha, 0));
    let loss = |phase, plan| gradients(&supernet, phase, &alpha, plan).loss;
    assert_eq!(loss(Phase::Measure, &plain), loss(Phase::Measure, &dropping));
    assert_ne!(loss(Phase::Weights, &plain), loss(Phase::Weights, &dropping));
    assert_ne!(loss(Phase::Architecture, &plain), loss(Phase::Architecture, &dropping));
    assert_eq!(loss(Phase::Weights, &dropping), loss(Phase::Weights, &dropping), "the same masks");
}

/// All architectures of a cell, as positions of operations.
fn architectures() -> impl Iterator<Item = Vec<usize>> {
    let count = OPERATIONS.len();
    (0..count.pow(EDGES.len() as u32)).map(move |mut n| {
        EDGES
            .iter()
            .map(|_| {
                let operation = n % count;
                n /= count;
                operation
            })
            .collect()
    })
}

#[test]
fn no_architecture_is_better_than_the_hidden_one() {
    let problem = Problem::new(&Settings::new(11));
    for cell in &problem.cells {
        let hidden = cell.error(&cell.hidden);
        assert!((0.0..1e-4).contains(&hidden), "{hidden}");
        let mut errors: Vec<f64> = architectures().map(|a| cell.error(&a)).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        errors.sort_by(f64::total_cmp);
        assert!(errors[0] > -1e-9, "{}", errors[0]);
        // It is rare: the best hundredth is not all as good.
        assert!(errors[errors.len() / 100] > 0.01 * mean, "{}", errors[errors.len() / 100]);
        // 400 random ones estimate the mean that all 7776 have.
        assert!((0.3..3.0).contains(&mean), "{mean}");
    }
    let mean = |cell: usize| {
        let errors: Vec<f64> = architectures().map(|a| problem.cells[cell].error(&a)).collect();
        mean_and_spread(&errors).0
    };
    let exact = mean(0) + mean(1);
    assert!((problem.mean_error / exact - 1.0).abs() < 0.15, "{} of 400, {exact} of all", problem.mean_error);
    assert!(problem.regret(&problem.best()) < 1e-3);
}

#[test]
fn the_widest_convolution_everywhere_is_neither_best_nor_poor() {
    let widest = vec![OPERATIONS.len() - 1; 10];
    let regrets: Vec<f64> = (0..20).map(|seed| small(seed, |_| {}).regret(&widest)).collect();
    let (mean, _) = mean_and_spread(&regrets);
    println!("widest {mean:.3}");
    assert!((0.2..0.3).contains(&mean), "{mean}: what the module's docs say");
}

#[test]
fn the_error_is_what_training_alone_comes_to() {
    // Without noise, gradient descent on one architecture must end where the least squares say.
    for seed in [1, 2, 3] {
        let problem = small(seed, |s| s.traps.noise = false);
        let alpha = problem.initial_alpha();
        let mut stream = Stream::new(seed, Purpose::Policy, 2);
        let architecture: Vec<usize> = (0..10).map(|_| stream.index(6) as usize).collect();
        let choices: Choices = architecture.iter().map(|o| Some(*o)).collect();
        let plan = Resolved::of_choices(&choices);
        let mut supernet = Supernet::new(&problem);
        let batch = Batch { data: &problem.train, examples: &[0, 1, 2, 3], position: (0, 0) };
        let mut loss = f64::INFINITY;
        for _ in 0..20_000 {
            let found = supernet.gradients(Phase::Weights, &alpha, &plan, &batch).expect("finite");
            supernet.step(&found.weights, 0.1);
            loss = found.loss;
        }
        let error = problem.error(&architecture);
        assert!((loss - error).abs() < 0.01 * problem.mean_error, "trained {loss}, by least squares {error}");
    }
}

fn script(name: &str, given: &str, space: &Arc<SpaceView>) -> ScriptPolicy {
    let text = shipped(name).expect("it comes with the program").text;
    let params = Node::parse(given, "<test>").expect("YAML");
    let file = format!("{name}.rhai");
    ScriptPolicy::new(Path::new(&file), text, &params, &Sandbox::default(), space).expect("a sound script")
}

/// The trials of a policy on a few problems.
fn trials(change: fn(&mut Settings), make: &dyn Fn(&Arc<SpaceView>) -> Box<dyn Policy>) -> Vec<Trial> {
    let trial = |seed| {
        let mut settings = Settings::new(seed);
        change(&mut settings);
        let problem = Problem::new(&settings);
        problem.run(&mut *make(&problem.space)).expect("the policy does not fail")
    };
    (0..SEEDS).map(trial).collect()
}

const SEEDS: u64 = 8;

fn regret(trials: &[Trial]) -> f64 {
    mean_and_spread(&trials.iter().map(|t| t.regret).collect::<Vec<f64>>()).0
}

fn of_script(name: &'static str, change: fn(&mut Settings)) -> Vec<Trial> {
    trials(change, &|space| Box::new(script(name, "{}", space)))
}

/// The share of edges that became something without anything to learn, over that of the best architectures.
fn easy(trials: &[Trial]) -> f64 {
    let share = |all: &[usize]| all.iter().filter(|o| !CONVOLUTIONS.contains(o)).count() as f64 / all.len() as f64;
    mean_and_spread(&trials.iter().map(|t| share(&t.derived) - share(&t.best)).collect::<Vec<f64>>()).0
}

#[test]
fn what_is_good_at_once_wins_only_where_speeds_differ() {
    let with = of_script("edas", |_| {});
    let without = of_script("edas", |s| s.traps.speeds = false);
    println!("regret {:.3} {:.3}, easy {:.3} {:.3}", regret(&with), regret(&without), easy(&with), easy(&without));
    assert!(easy(&with) > 0.15 && easy(&without) < 0.1);
    assert!(regret(&without) < 0.15 && regret(&with) > regret(&without) + 0.2);
    // A policy that trains the leader alone suffers most, and wins without the trap.
    let (max_with, max_without) = (of_script("alpha_max", |_| {}), of_script("alpha_max", |s| s.traps.speeds = false));
    println!("alpha_max {:.3} {:.3}", regret(&max_with), regret(&max_without));
    assert!(regret(&max_with) > regret(&with) + 0.1);
    assert!(regret(&max_without) < 0.15);
}

#[test]
fn relaxing_all_edges_is_harmed_by_shared_weights() {
    let with = of_script("darts", |_| {});
    let without = of_script("darts", |s| s.traps.sharing = false);
    println!("darts {:.3} {:.3}", regret(&with), regret(&without));
    assert!(regret(&without) < 0.1 && regret(&with) > regret(&without) + 0.15);
}

/// The best operation of an edge, the others given.
fn best_response(problem: &Problem, architecture: &[usize], edge: usize) -> usize {
    let error = |operation: &usize| {
        let mut changed = architecture.to_vec();
        changed[edge] = *operation;
        problem.error(&changed)
    };
    (0..OPERATIONS.len()).min_by(|a, b| error(a).total_cmp(&error(b))).unwrap_or(NONE)
}

#[test]
fn what_is_best_on_an_edge_depends_on_the_others_only_where_edges_are_coupled() {
    let dependent = |coupling: bool| {
        let mut count = 0;
        for seed in 0..SEEDS {
            let problem = small(seed, |s| s.traps.coupling = coupling);
            let mut stream = Stream::new(seed, Purpose::Policy, 3);
            let mut random = || -> Vec<usize> { (0..10).map(|_| stream.index(6) as usize).collect() };
            let (a, b) = (random(), random());
            count += (0..10).filter(|e| best_response(&problem, &a, *e) != best_response(&problem, &b, *e)).count();
        }
        count as f64 / (10 * SEEDS) as f64
    };
    let (with, without) = (dependent(true), dependent(false));
    println!("dependent {with} {without}");
    assert!(with > 0.15, "{with}");
    assert_eq!(without, 0.0);
    // Without it EDAS, which judges an edge by what the others are just now, does better.
    let (with, without) =
        (of_script("edas_inversion", |_| {}), of_script("edas_inversion", |s| s.traps.coupling = false));
    println!("edas_inversion {:.3} {:.3}", regret(&with), regret(&without));
    assert!(regret(&without) < regret(&with) - 0.05);
}

/// Trains random paths, then measures one path per iteration, each on a batch of its own, and takes the best.
#[derive(Default)]
struct OneLook {
    best: Option<(f64, Vec<usize>)>,
    asked: Vec<usize>,
}

impl Policy for OneLook {
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        let mut random = turn.random.clone();
        let candidates = turn.space.edges.iter().map(|e| e.candidates.len() as u64);
        self.asked = candidates.map(|n| random.index(n) as usize).collect();
        let mut plan = Plan::empty(turn.space.edges.len());
        plan.gates = self.asked.iter().map(|c| Gate::Only(*c)).collect();
        let last = turn.clock.epoch + 1 == turn.clock.epochs;
        Ok(Steps::List(vec![Step { phase: if last { Phase::Measure } else { Phase::Weights }, plan }]))
    }

    fn feedback(&mut self, _: &Turn, results: &[StepResult]) -> Result<()> {
        let StepResult { phase, loss, .. } = results[0];
        if phase == Phase::Measure && self.best.as_ref().is_none_or(|(least, _)| loss < *least) {
            self.best = Some((loss, self.asked.clone()));
        }
        Ok(())
    }

    fn derive(&mut self, _: &Arc<SpaceView>, _: &Arc<Alpha>) -> Result<Option<Choices>> {
        Ok(self.best.as_ref().map(|(_, choices)| choices.iter().map(|c| Some(*c)).collect()))
    }
}

#[test]
fn a_single_look_deceives_where_batches_are_noisy() {
    let run = |change| regret(&trials(change, &|_| Box::new(OneLook::default())));
    let (with, without) = (run(|_| {}), run(|s| s.traps.noise = false));
    println!("one look {with:.3} {without:.3}");
    assert!(with > without + 0.05, "{with} with noise, {without} without");
}

#[test]
fn edas_beats_a_policy_that_always_draws_the_same_edge() {
    let edas = of_script("edas", |_| {});
    let same = trials(|_| {}, &|_| Box::new(SameEdge(0)));
    println!("edas {:.3} same {:.3}", regret(&edas), regret(&same));
    assert!(regret(&edas) < regret(&same) - 0.1);
    // What never moves stays where it started.
    assert!(same.iter().all(|t| t.alpha_steps[1..].iter().all(|n| *n == 0) && t.alpha_steps[0] == 2500));
    assert!(edas.iter().all(|t| t.alpha_steps.iter().all(|n| *n > 150)));
}

#[test]
fn the_same_numbers_twice() {
    for name in ["edas_inversion", "alpha_max"] {
        let run = || {
            let problem = Problem::new(&Settings { epochs: 3, ..Settings::new(9) });
            problem.run(&mut script(name, "{}", &problem.space)).expect("it runs")
        };
        let (a, b) = (run(), run());
        assert_eq!(a, b);
        assert_eq!(serde_json::to_string(&a).expect("JSON"), serde_json::to_string(&b).expect("JSON"));
    }
}

/// A policy from closures.
struct Made<P, E> {
    plan: P,
    end: E,
    derived: Option<Choices>,
}

impl<P, E> Policy for Made<P, E>
where
    P: FnMut(&Turn) -> Steps + Send,
    E: FnMut(&EpochEnd) -> AfterEpoch + Send,
{
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        Ok((self.plan)(turn))
    }
    fn end_epoch(&mut self, epoch: &EpochEnd) -> Result<AfterEpoch> {
        Ok((self.end)(epoch))
    }
    fn derive(&mut self, _: &Arc<SpaceView>, _: &Arc<Alpha>) -> Result<Option<Choices>> {
        Ok(self.derived.clone())
    }
}

fn relaxed(turn: &Turn) -> Steps {
    Steps::Both(turn.strongest().relax_all())
}

#[test]
fn policies_are_called_as_in_a_search() {
    let problem = small(6, |_| {});
    // Candidates that are not kept are gone: from the space, from α, from what is trained.
    let end = |epoch: &EpochEnd| AfterEpoch {
        keep: if epoch.index == 0 { [(2, vec![4, 5]), (3, vec![1])].into() } else { Default::default() },
        ..AfterEpoch::default()
    };
    let kept = problem.run(&mut Made { plan: relaxed, end, derived: None }).expect("it runs");
    let alpha = &kept.epochs[2].alpha;
    assert_eq!(alpha[2].iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, false, false, true, true]);
    assert_eq!(kept.derived[3], 1);
    assert_eq!(kept.trained[2], [4, 4, 4, 4, 12, 12]);
    assert_eq!(kept.trained[0], [12; 6]);
    // Weights that start anew.
    let reset = |epoch: &EpochEnd| AfterEpoch { reset_weights: epoch.index == 1, ..AfterEpoch::default() };
    let plain = |_: &EpochEnd| AfterEpoch::default();
    let [reset, plain] = [
        problem.run(&mut Made { plan: relaxed, end: reset, derived: None }).expect("it runs"),
        problem.run(&mut Made { plan: relaxed, end: plain, derived: None }).expect("it runs"),
    ];
    assert_eq!(reset.epochs[..2], plain.epochs[..2]);
    assert_ne!(reset.epochs[2], plain.epochs[2]);
    // The end.
    let stop = |epoch: &EpochEnd| AfterEpoch { stop: epoch.index == 1, ..AfterEpoch::default() };
    let stopped = problem.run(&mut Made { plan: relaxed, end: stop, derived: None }).expect("it runs");
    assert_eq!((stopped.iterations, stopped.epochs.len()), (8, 2));
    // A genotype of its own; an edge that is cut is `none`.
    let derived: Choices = problem.best().iter().enumerate().map(|(e, o)| (e != 4).then_some(*o)).collect();
    let own = problem.run(&mut Made { plan: relaxed, end: plain_end, derived: Some(derived) }).expect("it runs");
    assert_eq!(own.derived[4], NONE);
    assert_eq!(own.derived[..4], problem.best()[..4]);
    // α that a plan sets stays, and steps are counted.
    let set = |turn: &Turn| {
        let mut plan = turn.strongest();
        if turn.clock.iteration == 0 {
            plan.alpha.insert(0, vec![0.0, 0.0, 9.0, 0.0, 0.0, 0.0]);
        }
        Steps::List(
            [Phase::Weights, Phase::Measure, Phase::Measure].map(|phase| Step { phase, plan: plan.clone() }).into(),
        )
    };
    let set = problem.run(&mut Made { plan: set, end: plain_end, derived: None }).expect("it runs");
    assert_eq!((set.derived[0], set.steps), (2, [0, 12, 24]));
    assert_eq!(set.trained[0], [0, 0, 12, 0, 0, 0]);
}

fn plain_end(_: &EpochEnd) -> AfterEpoch {
    AfterEpoch::default()
}

#[test]
fn what_does_not_fit_is_an_error_that_says_when() {
    let problem = small(7, |_| {});
    let run = |plan: fn(&Turn) -> Steps, end: fn(&EpochEnd) -> AfterEpoch| -> Error {
        problem.run(&mut Made { plan, end, derived: None }).expect_err("it must fail")
    };
    let wrong = run(|turn| Steps::Both(Plan::strongest(if turn.clock.iteration == 5 { 3 } else { 10 })), plain_end);
    assert!(wrong.to_string().contains("made for another space"), "{wrong}");
    assert!(wrong.to_string().contains("iteration 5 of epoch 1"), "{wrong}");
    let wrong = run(relaxed, |_| AfterEpoch { keep: [(0, vec![9])].into(), ..AfterEpoch::default() });
    assert!(wrong.to_string().contains("the end of epoch 0"), "{wrong}");
    // A loss that grows without bound is no panic.
    let mut settings = problem.settings.clone();
    (settings.learning_rate, settings.clip) = (1e6, f64::INFINITY);
    let wild = Problem::new(&Settings { iterations_per_epoch: 100, ..settings });
    let wrong = wild.run(&mut Made { plan: relaxed, end: plain_end, derived: None }).expect_err("it must fail");
    assert!(wrong.to_string().contains("not finite"), "{wrong}");
}
