//! The policies that come with the program: their golden traces, what makes each of them what it is (on random spaces, and not true
//! of the same script without the line that does it), a small search of each.
//!
//! `EDAS_RECORD_GOLDEN=1 cargo x test --test shipped` records the traces anew.

mod common;

use common::{repository, small_spec};
use edas::Search;
use edas::policy::record::trace_line;
use edas::policy::shipped::{SHIPPED, shipped};
use edas::policy::trace::{Tracing, random_alpha};
use edas::policy::turn::{Clock, StepResult};
use edas::policy::{
    CandidateCost, EdgeView, Phase, Plan, Policy, Resolved, ResolvedGate, ScriptPolicy, SpaceView, Steps, Turn,
};
use edas::random::{Purpose, Source};
use edas::space::derive::{softmax, strongest};
use edas::spec::{Node, Sandbox};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

const NAMES: [&str; 6] = ["skip_connect", "none", "sep_conv_3x3", "avg_pool_3x3", "dil_conv_3x3", "sep_conv_5x5"];

/// A space of cell types with so many edges, whose edges have so many candidates.
fn space(cells: &[usize], candidates: &[usize]) -> Arc<SpaceView> {
    let mut edges = Vec::new();
    for (cell, count) in cells.iter().enumerate() {
        for position in 0..*count {
            let index = edges.len();
            let names: Vec<String> =
                NAMES[..candidates[index % candidates.len()]].iter().map(|n| (*n).to_owned()).collect();
            let cost = |c: usize| CandidateCost { parameters: 10 * c as i64, multiply_adds: 1000 * c as i64 };
            let costs = (0..names.len()).map(cost).collect();
            edges.push(EdgeView {
                index,
                cell: format!("cell{cell}"),
                position,
                from: 0,
                to: 1,
                candidates: names,
                costs,
            });
        }
    }
    Arc::new(SpaceView { edges, cells: (0..cells.len()).map(|c| format!("cell{c}")).collect() })
}

fn any_space() -> impl Strategy<Value = Arc<SpaceView>> {
    (prop::collection::vec(1usize..6, 1..4), prop::collection::vec(1usize..=6, 1..5)).prop_map(|(c, k)| space(&c, &k))
}

fn made(text: &str, params: &str, space: &Arc<SpaceView>) -> ScriptPolicy {
    let given = Node::parse(params, "spec.yaml").expect("YAML");
    // Under the folder of the scripts, so that imports are found.
    ScriptPolicy::new(&repository("scripts/policy.rhai"), text, &given, &Sandbox::default(), space)
        .unwrap_or_else(|e| panic!("a sound script: {e}"))
}

/// A step of a trace.
struct Seen {
    clock: Clock,
    phase: Option<Phase>,
    plan: Resolved,
    space: SpaceView,
    /// α, as the trace began.
    alpha: Arc<Vec<Vec<f64>>>,
}

const EPOCHS: u64 = 12;
const PER_EPOCH: u64 = 10;

fn trace(text: &str, params: &str, space: &Arc<SpaceView>, seed: u64) -> Vec<Seen> {
    let mut policy = made(text, params, space);
    let alpha = Arc::new(random_alpha(space, seed));
    let tracing =
        Tracing { space: space.clone(), alpha: alpha.clone(), epochs: EPOCHS, iterations_per_epoch: PER_EPOCH, seed };
    let mut list = Vec::new();
    tracing
        .run(&mut policy, u64::MAX, &mut |t| {
            let (plan, space) = (t.plan.clone(), t.space.clone());
            list.push(Seen { clock: t.clock, phase: t.phase, plan, space, alpha: alpha.clone() });
            ControlFlow::Continue(())
        })
        .unwrap_or_else(|e| panic!("it answers: {e}"));
    list
}

fn holds(fits: bool, what: &str) -> Result<(), String> {
    if fits { Ok(()) } else { Err(what.to_owned()) }
}

/// Every edge but those that are relaxed runs the candidate for which sign · α is largest.
fn rest_is_strongest(seen: &Seen, sign: f64) -> bool {
    seen.plan.gates.iter().zip(&*seen.alpha).all(|(gate, row)| match gate {
        ResolvedGate::Single(c) => *c == strongest(&row.iter().map(|a| sign * a).collect::<Vec<f64>>()),
        ResolvedGate::Relaxed(over) => over.subset.len() == row.len(),
        _ => false,
    })
}

fn relaxed(seen: &Seen) -> Vec<usize> {
    seen.plan.relaxed().collect()
}

fn temperatures(seen: &[Seen]) -> Vec<f64> {
    seen.iter().filter_map(|s| s.plan.gates.iter().find_map(|g| g.softmax()).map(|over| over.temperature)).collect()
}

/// Falls from one number to another, epoch by epoch.
fn falls(seen: &[Seen], from: f64, to: f64) -> bool {
    let list = temperatures(seen);
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    list.windows(2).all(|w| w[1] <= w[0]) && near(list[0], from) && near(list[list.len() - 1], to)
}

fn edas(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let list = trace(text, "{}", space, 1);
    for seen in &list {
        holds(seen.phase.is_none(), "one plan for both phases")?;
        holds(relaxed(seen).len() == 1, "exactly one relaxed edge")?;
        holds(rest_is_strongest(seen, 1.0), "every other edge runs its strongest candidate")?;
    }
    let drawn: BTreeSet<usize> = list.iter().flat_map(relaxed).collect();
    holds(space.edges.len() > 8 || drawn.len() == space.edges.len(), "every edge is drawn")
}

fn inversion(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    for (period, warmup) in [(1, 4), (2, 3), (3, 12)] {
        for seen in trace(text, &format!("{{warmup_epochs: {warmup}, period: {period}}}"), space, 2) {
            let wanted = seen.clock.epoch < warmup && seen.clock.iteration % period == period - 1;
            holds(seen.plan.inverted == wanted, "inverted as the period says, in the warm-up alone")?;
            holds(relaxed(&seen).len() == 1, "exactly one relaxed edge")?;
            holds(rest_is_strongest(&seen, if wanted { -1.0 } else { 1.0 }), "the others run argmax(sign · α)")?;
        }
    }
    for pair in trace(text, "{warmup_epochs: 12, period: 1, phases: weights}", space, 2).chunks(2) {
        let phases = pair.iter().map(|s| (s.phase, s.plan.inverted)).collect::<Vec<_>>();
        let wanted = [(Some(Phase::Architecture), false), (Some(Phase::Weights), true)];
        holds(phases == wanted, "with `phases: weights` these alone are inverted")?;
        holds(relaxed(&pair[0]) == relaxed(&pair[1]), "both phases relax the same edge")?;
    }
    Ok(())
}

fn alpha_max(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    for seen in trace(text, "{}", space, 3) {
        let one = usize::from(seen.phase == Some(Phase::Architecture));
        holds(
            seen.phase.is_some() && relaxed(&seen).len() == one,
            "one relaxed edge, in the architecture phase alone",
        )?;
        holds(rest_is_strongest(&seen, 1.0), "every other edge runs its strongest candidate")?;
        let computed = |s: &Seen| s.plan.gates.iter().all(|g| g.running().len() == 1);
        holds(one == 1 || computed(&seen), "one candidate per edge in the weights phase")?;
    }
    Ok(())
}

fn darts(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let all = |s: &Seen| relaxed(s).len() == space.edges.len() && rest_is_strongest(s, 1.0);
    holds(trace(text, "{}", space, 4).iter().all(all), "every edge is relaxed")
}

fn round_robin(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let list = trace(text, "{}", space, 5);
    let in_turn = |s: &Seen| relaxed(s) == [s.clock.iteration as usize % space.edges.len()];
    holds(list.iter().all(in_turn), "every edge in its turn")?;
    holds(list.iter().all(|s| rest_is_strongest(s, 1.0)), "every other edge runs its strongest candidate")
}

fn per_cell_type(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    for seen in trace(text, "{}", space, 6) {
        let cells: Vec<&str> = relaxed(&seen).into_iter().map(|e| space.edges[e].cell.as_str()).collect();
        holds(cells == space.cells, "one relaxed edge in each cell type")?;
        holds(rest_is_strongest(&seen, 1.0), "every other edge runs its strongest candidate")?;
    }
    Ok(())
}

fn snas(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let list = trace(text, "{}", space, 7);
    let noisy = |s: &Seen| {
        s.plan.gates.iter().all(|g| matches!(g, ResolvedGate::Relaxed(r) if r.noise.len() == r.subset.len()))
    };
    holds(list.iter().all(noisy), "every edge is relaxed, with noise")?;
    holds(list[0].plan.gates != list[1].plan.gates, "the noise is other in every iteration")?;
    holds(falls(&list, 1.0, 0.03), "the temperature falls")?;
    holds(list.iter().all(|s| s.plan.penalties.is_empty()), "no penalty without a constraint")?;
    if space.edges.iter().all(|e| e.candidates.len() == 1) {
        return Ok(());
    }
    let weight = |resources: &str| -> f64 {
        let list = trace(text, &format!("{{resources: {resources}}}"), space, 7);
        list[list.len() - 1].plan.penalties.values().flatten().sum()
    };
    let [mild, moderate, aggressive] = ["mild", "moderate", "aggressive"].map(weight);
    holds(0.0 < mild && mild < moderate && moderate < aggressive, "the stricter, the dearer")
}

fn gdas(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let list = trace(text, "{}", space, 8);
    for pair in list.chunks(2) {
        let phases: Vec<_> = pair.iter().map(|s| s.phase).collect();
        holds(phases == [Some(Phase::Architecture), Some(Phase::Weights)], "both phases")?;
        for seen in pair {
            for (gate, row) in seen.plan.gates.iter().zip(&*seen.alpha) {
                let ResolvedGate::StraightThrough { over, active, active_only: true } = gate else {
                    return Err("one candidate per edge is computed, straight-through".to_owned());
                };
                holds(over.noise.len() == row.len(), "drawn with noise")?;
                let sums: Vec<f64> = row.iter().zip(&over.noise).map(|(a, n)| a + n).collect();
                holds(*active == strongest(&sums), "drawn by noise")?;
            }
        }
        let noise = |s: &Seen| s.plan.gates[0].softmax().map(|over| over.noise.clone());
        holds(noise(&pair[0]) != noise(&pair[1]), "each phase draws its own")?;
    }
    holds(falls(&list, 10.0, 0.1), "the temperature falls")
}

fn proxyless(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let mut policy = made(text, "{latency: 1.0}", space);
    let mut alpha = random_alpha(space, 9);
    let mut before: Vec<(Vec<f64>, Vec<usize>)> = Vec::new();
    for iteration in 0..30 {
        let turn = Turn::new(Clock::at(iteration, 10, 3), space, &Arc::new(alpha.clone()), 9);
        let Steps::List(steps) = policy.plan(&turn).map_err(|e| e.to_string())? else {
            return Err("two steps".to_owned());
        };
        let [architecture, weights] = &steps[..] else { return Err("two steps".to_owned()) };
        holds((architecture.phase, weights.phase) == (Phase::Architecture, Phase::Weights), "both phases")?;
        architecture.plan.set_alpha(&mut alpha);
        // What was not drawn has the probability that it had before the update.
        for (edge, (old, pair)) in before.iter().enumerate() {
            let (old, new) = (softmax(old), softmax(&alpha[edge]));
            let same = (0..old.len()).filter(|c| !pair.contains(c)).all(|c| (old[c] - new[c]).abs() < 1e-9);
            holds(same, "the others keep their probabilities")?;
        }
        let one = |g: &ResolvedGate| matches!(g, ResolvedGate::Single(_));
        holds(weights.plan.resolve(&alpha, 1).gates.iter().all(one), "one path in the weights phase")?;
        let plan = architecture.plan.resolve(&alpha, 0);
        holds(
            architecture.plan.penalties.len() == space.edges.iter().filter(|e| e.candidates.len() > 1).count(),
            "a penalty",
        )?;
        before.clear();
        for (edge, gate) in plan.gates.iter().enumerate() {
            let subset = match gate {
                ResolvedGate::StraightThrough { over, active, active_only: false } => {
                    holds(
                        over.subset.len() == 2 && over.subset.contains(active),
                        "two paths in the architecture phase",
                    )?;
                    over.subset.clone()
                }
                ResolvedGate::Single(0) if space.edges[edge].candidates.len() == 1 => Vec::new(),
                _ => return Err("two paths, one of them active".to_owned()),
            };
            before.push((alpha[edge].clone(), subset.clone()));
            subset.iter().enumerate().for_each(|(k, c)| alpha[edge][*c] += 0.3 + 0.2 * k as f64);
        }
    }
    Ok(())
}

fn uniform_paths(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let mut policy = made(text, "{samples: 5}", space);
    let alpha = Arc::new(random_alpha(space, 10));
    let mut counts: Vec<Vec<f64>> = space.edges.iter().map(|e| vec![0.0; e.candidates.len()]).collect();
    let (epochs, per_epoch) = (60, 10);
    let mut measured: Vec<Vec<ResolvedGate>> = Vec::new();
    for iteration in 0..epochs * per_epoch {
        let turn = Turn::new(Clock::at(iteration, epochs, per_epoch), space, &alpha, 10);
        let Steps::List(steps) = policy.plan(&turn).map_err(|e| e.to_string())? else {
            return Err("a list of steps".to_owned());
        };
        let gates: Vec<Vec<ResolvedGate>> = steps.iter().map(|s| s.plan.resolve(&alpha, 0).gates).collect();
        holds(gates.iter().flatten().all(|g| matches!(g, ResolvedGate::Single(_))), "single paths")?;
        let last = turn.clock.epoch + 1 == epochs;
        let phase = if last { Phase::Measure } else { Phase::Weights };
        holds(steps.iter().all(|s| s.phase == phase), "weights are trained, then paths are measured")?;
        if last {
            holds(gates.len() == 5 && (measured.is_empty() || measured == gates), "the same paths on all batches")?;
            measured = gates;
            // The third path is the best on average, the first on the first batch.
            let accuracy = |k: usize| {
                if k == 2 {
                    0.6
                } else if k == 0 && iteration % per_epoch == 0 {
                    0.9
                } else {
                    0.1
                }
            };
            let results: Vec<StepResult> =
                (0..5).map(|k| StepResult { phase, loss: 1.0, accuracy: accuracy(k) }).collect();
            policy.feedback(&turn, &results).map_err(|e| e.to_string())?;
        } else {
            for (edge, gate) in gates[0].iter().enumerate() {
                counts[edge][gate.running()[0]] += 1.0;
            }
            holds(policy.derive(space, &alpha) == Ok(None), "nothing is derived before paths were measured")?;
        }
    }
    for row in &counts {
        let expected = (epochs - 1) as f64 * per_epoch as f64 / row.len() as f64;
        let chi: f64 = row.iter().map(|n| (n - expected) * (n - expected) / expected).sum();
        holds(chi < 25.0, "all candidates alike")?;
    }
    let best: Vec<Option<usize>> = measured[2].iter().map(|g| Some(g.running()[0])).collect();
    holds(policy.derive(space, &alpha) == Ok(Some(best)), "the best of them is derived")
}

fn p_darts(text: &str, space: &Arc<SpaceView>) -> Result<(), String> {
    let list = trace(text, "{second: 3, third: 2}", space, 11);
    for seen in &list {
        let stage = seen.clock.epoch / 4;
        let most = [6, 3, 2][stage as usize];
        for (edge, gate) in seen.plan.gates.iter().enumerate() {
            let wanted = space.edges[edge].candidates.len().min(most);
            holds(
                matches!(gate, ResolvedGate::Relaxed(r) if r.subset.len() == wanted),
                "edges lose candidates by stage",
            )?;
        }
        let first = seen.clock.epoch % 4;
        let drop = seen.plan.drop.values().copied().fold(0.0, f64::max);
        let skips = seen.space.edges.iter().any(|e| e.candidates.iter().any(|c| c == "skip_connect"));
        let wanted = if skips { [0.0, 0.4, 0.7][stage as usize] * (1.0 - first as f64 / 4.0) } else { 0.0 };
        holds((drop - wanted).abs() < 1e-9, "skip connections are dropped, less and less within a stage")?;
        let rests = (first as f64) < 0.4 * 4.0;
        holds(!(rests && seen.phase == Some(Phase::Architecture)), "α rests at the start of a stage")?;
        // α starts anew with each stage.
        let fresh = stage > 0 && first == 0 && seen.clock.iteration_in_epoch == 0;
        let zeros = seen.plan.alpha.len() == space.edges.len() && seen.plan.alpha.values().flatten().all(|a| *a == 0.0);
        holds(zeros == fresh, "α starts anew with each stage")?;
    }
    let architecture = list.iter().filter(|s| s.phase == Some(Phase::Architecture)).count();
    holds(architecture == 60, "α learns in the rest of each stage")?;
    // What remains after the first stage are the strongest; α of a trace is zero from then on.
    let second = list.iter().find(|s| s.clock.epoch == 4).ok_or("a second stage")?;
    let kept = |(edge, row): (usize, &Vec<f64>)| {
        second.space.edges[edge].candidates.contains(&space.edges[edge].candidates[strongest(row)])
    };
    holds(list[0].alpha.iter().enumerate().all(kept), "the strongest candidates remain")
}

/// What is replaced, and by what.
type Replacements = &'static [(&'static str, &'static str)];
type Property = fn(&str, &Arc<SpaceView>) -> Result<(), String>;

/// Name, property, and what is replaced in the script so that it no longer is what it is.
const POLICIES: &[(&str, Property, Replacements)] = &[
    ("edas", edas, &[(".relax(edge)", ""), ("turn.rng.choose(turn.space.edges)", "0")]),
    (
        "edas_inversion",
        inversion,
        &[(".invert()", ""), ("turn.epoch < turn.params.warmup_epochs && ", ""), ("% period ==", "% 2 ==")],
    ),
    (
        "alpha_max",
        alpha_max,
        &[("weights(turn.strongest())", "weights(turn.strongest().relax(edge))"), (".relax(edge)", "")],
    ),
    ("darts", darts, &[(".relax_all()", "")]),
    ("round_robin", round_robin, &[("turn.iteration % edges.len", "0")]),
    (
        "per_cell_type",
        per_cell_type,
        &[("edges.filter(|edge| edge.cell == cell)", "edges"), ("        plan.relax(", "        (")],
    ),
    (
        "snas",
        snas,
        &[(".gumbel(turn.rng)", ""), ("    plan.temperature(", "    ("), ("plan.penalise(edge, costs);", "")],
    ),
    (
        "proxyless",
        proxyless,
        &[
            ("pairs.set_alpha(edge, alpha);", ""),
            ("pairs.penalise(edge, this.costs[i]);", ""),
            ("[first, second], active", "edge.candidates, active"),
        ],
    ),
    (
        "gdas",
        gdas,
        &[
            ("straight_through_active", "straight_through"),
            (".gumbel(turn.rng)", ""),
            (".temperature(temperature)", ""),
        ],
    ),
    (
        "uniform_paths",
        uniform_paths,
        &[
            ("turn.rng.index(edge.candidates.len)", "0"),
            ("this.scores[i] += result.accuracy;", ""),
            ("if score > this.scores[best] { best = i; }", ""),
        ],
    ),
    (
        "p_darts",
        p_darts,
        &[
            ("plan.drop(skip, drop);", ""),
            ("plan.set_alpha(edge, edge.candidates.map(|name| 0.0));", ""),
            ("candidates: rows.map(|row| top::top_k(row, min(most, row.len))), ", ""),
            (
                "if within < turn.params.resting { [weights(plan)] } else { [architecture(plan), weights(plan)] }",
                "[architecture(plan), weights(plan)]",
            ),
        ],
    ),
];

#[test]
fn every_policy_is_what_it_says_and_not_without_the_line_that_makes_it_so() {
    let names: Vec<&str> = POLICIES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, SHIPPED.iter().map(|s| s.name).collect::<Vec<_>>(), "every shipped policy has its property");
    let space = space(&[3, 2], &[6, 4, 5]);
    for (name, property, replacements) in POLICIES {
        let text = shipped(name).expect("it is shipped").text;
        assert_eq!(property(text, &space), Ok(()), "{name}");
        for (line, other) in *replacements {
            assert!(text.contains(line), "{name} has no `{line}`");
            let mutated = text.replacen(line, other, 1);
            assert!(property(&mutated, &space).is_err(), "{name} is still what it was without `{line}`");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_policy_is_what_it_says_on_any_space(space in any_space()) {
        for (name, property, _) in POLICIES {
            let text = shipped(name).expect("it is shipped").text;
            prop_assert_eq!(property(text, &space), Ok(()), "{}", name);
        }
    }

    /// Plans of a script that keeps random candidates never run any other one again.
    #[test]
    fn candidates_that_are_gone_never_run_again(space in any_space(), seed in 0u64..1000) {
        let text = "
            fn init(space, params) { #{ draws: 0 } }
            fn plan(turn) {
                let plan = turn.strongest();
                for edge in turn.space.edges {
                    switch turn.rng.index(4) { 0 => plan.relax(edge), 1 => plan.straight_through(edge), 2 => plan.only(edge, turn.rng.choose(edge.candidates)), _ => () }
                }
                this.draws = turn.rng.index(1000);
                plan
            }
            fn end_epoch(epoch) {
                let draws = this.draws;
                let edges = epoch.space.edges;
                #{ candidates: edges.map(|edge| {
                    let names = edge.candidates;
                    if (draws + edge.index) % 3 == 0 { () } else { names.filter(|c, i| i == 0 || (c.len + draws) % 4 != 0) }
                }) }
            }
        ";
        let mut left: Vec<BTreeSet<String>> = space.edges.iter().map(|e| e.candidates.iter().cloned().collect()).collect();
        let mut epoch = 0;
        for seen in trace(text, "{}", &space, seed) {
            for (left, edge) in left.iter_mut().zip(&seen.space.edges) {
                let now: BTreeSet<String> = edge.candidates.iter().cloned().collect();
                prop_assert!(now.is_subset(left) && !now.is_empty());
                prop_assert!(seen.clock.epoch != epoch || now == *left || seen.clock.iteration_in_epoch == 0);
                *left = now;
            }
            epoch = seen.clock.epoch;
            let line = trace_line(0, 0, None, &seen.plan, &seen.space);
            for (gate, left) in line["gates"].as_array().expect("gates").iter().zip(&left) {
                let mut names = gate.as_str().into_iter().chain(["relaxed", "straight_through"].iter().flat_map(|k| gate[*k].as_array().into_iter().flatten().filter_map(|v| v.as_str())));
                prop_assert!(names.all(|name| left.contains(name)), "{} of {:?}", gate, left);
            }
        }
    }
}

/// softmax((α + Gumbel noise) / temperature) at a low temperature is a draw from softmax(α).
#[test]
fn noise_at_a_low_temperature_draws_from_the_softmax() {
    let alpha = vec![vec![0.3, -1.0, 0.9, 0.0]];
    let probabilities = softmax(&alpha[0]);
    let mut counts = [0.0; 4];
    let mut random = Source::new(5, Purpose::Policy).at(0);
    const DRAWS: usize = 20_000;
    for _ in 0..DRAWS {
        let plan = Plan { temperature: 1e-3, ..Plan::strongest(1).relax(0).gumbel(&mut random) };
        let plan = plan.resolve(&alpha, 0);
        let over = plan.gates[0].softmax().expect("relaxed");
        let logits: Vec<f64> = alpha[0].iter().zip(&over.noise).map(|(a, n)| (a + n) / over.temperature).collect();
        let weights = softmax(&logits);
        let drawn = strongest(&weights);
        // At this temperature nearly all weight is on one candidate.
        counts[drawn] += 1.0;
    }
    let chi: f64 =
        counts.iter().zip(&probabilities).map(|(n, p)| (n - p * DRAWS as f64).powi(2) / (p * DRAWS as f64)).sum();
    // 3 degrees of freedom: 16.3 is exceeded once in a thousand.
    assert!(chi < 16.3, "χ² = {chi}: {counts:?}");
}

#[test]
fn golden_traces() {
    let record = std::env::var_os("EDAS_RECORD_GOLDEN").is_some();
    let folder = repository("tests/golden/traces");
    for policy in SHIPPED {
        let keys = [
            format!("policy.script={}", repository(&format!("scripts/{}.rhai", policy.name)).display()),
            "policy.params={}".to_owned(),
            "search.epochs=3".to_owned(),
        ];
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let spec = small_spec(&keys);
        let mut setup = edas::train::Setup::new(spec, edas::train::setup::Need::Sizes, None).expect("a sound spec");
        let alpha = Arc::new(random_alpha(&setup.view, 3));
        let tracing = Tracing { space: setup.view.clone(), alpha, epochs: 3, iterations_per_epoch: 3, seed: 3 };
        let mut text = String::new();
        let mut write = |t: &edas::policy::trace::Traced| {
            text += &format!("{}\n", trace_line(t.clock.iteration, t.clock.epoch, t.phase, &t.plan, t.space));
            ControlFlow::Continue(())
        };
        tracing.run(&mut *setup.policy, u64::MAX, &mut write).expect("it answers");
        let file = folder.join(format!("{}.jsonl", policy.name));
        if record {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&file, &text).expect("written");
        }
        let golden = std::fs::read_to_string(&file).expect("a golden trace");
        let first = golden.lines().zip(text.lines()).position(|(a, b)| a != b);
        assert!(golden == text, "the trace of {} differs from its golden file from line {first:?} on", policy.name);
    }
}

/// A small search of each ends in a genotype.
#[test]
fn every_policy_searches() {
    for policy in SHIPPED {
        let keys = [
            format!("policy.script={}", repository(&format!("scripts/{}.rhai", policy.name)).display()),
            "policy.params={}".to_owned(),
            "search.epochs=3".to_owned(),
            "data.limit=60".to_owned(),
        ];
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let search = Search::from_spec(small_spec(&keys)).expect("a sound spec");
        let outcome = search.run(&mut []).unwrap_or_else(|e| panic!("{}: {e}", policy.name));
        assert_eq!(outcome.genotype.cells.0.len(), 2, "{}", policy.name);
    }
}

#[test]
fn scripts_in_the_folder_are_those_that_are_shipped() {
    let files = std::fs::read_dir(repository("scripts")).expect("the scripts");
    let mut names: Vec<String> = files
        .filter_map(|f| Some(Path::new(&f.ok()?.file_name()).file_name()?.to_str()?.strip_suffix(".rhai")?.to_owned()))
        .collect();
    names.sort();
    let mut known: Vec<&str> = SHIPPED.iter().map(|s| s.name).collect();
    known.sort_unstable();
    assert_eq!(names, known);
}
