//! What `edas policy test` prints.

use super::super::output::{bar, table};
use super::test::UNIFORM;
use crate::conformance::{Check, Outcome};
use crate::problem::compare::Results;
use crate::problem::findings::Finding;
use crate::problem::{Comparison, EDGES, OPERATIONS, Problem, Settings, Trial};
use crate::space::derive::softmax;
use std::fmt::Write;

/// The checks that every policy must pass.
pub(super) fn checks(name: &str, checks: &[Check], warnings: &[String], settings: &[Settings]) -> String {
    let mut text = format!("{name}, {}\n\nWhat every policy must hold:\n", problems(settings.iter().map(|s| s.seed)));
    for check in checks {
        let _ = match &check.outcome {
            Outcome::Passed => writeln!(text, "  passed   {}", check.name),
            Outcome::Skipped { reason } => writeln!(text, "  skipped  {}: {reason}", check.name),
            Outcome::Failed { found, mend } => {
                writeln!(text, "  FAILED   {}\n             found: {found}\n             mend: {mend}", check.name)
            }
        };
    }
    for warning in warnings {
        let _ = writeln!(text, "  warning  {warning}");
    }
    text + "\n"
}

/// What the verdicts mean.
fn verdicts(problems: usize) -> &'static str {
    match problems {
        1 => "On one problem nothing is clear: take more (`--seeds`).",
        _ => {
            "\"better\" and \"worse\": the mean difference of the regrets, problem by problem, is more than twice its standard \
             error. \"spread\": the regrets' standard deviation."
        }
    }
}

fn problems(seeds: impl ExactSizeIterator<Item = u64>) -> String {
    let count = seeds.len();
    let seeds: Vec<u64> = seeds.collect();
    match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if first != last => {
            format!("on {count} synthetic problems (seeds {first} to {last})")
        }
        (Some(only), _) => format!("on the synthetic problem of seed {only}"),
        _ => "on no problem".to_owned(),
    }
}

/// The regrets of all policies, the best first.
pub(super) fn ranking(comparison: &Comparison) -> String {
    let mut text = format!(
        "Regret, {}: 0 is the best architecture, 1 the mean of random ones. Computed: candidates per edge and step.\n",
        problems(comparison.seeds.iter().copied())
    );
    let mut sorted: Vec<&Results> = comparison.results.iter().collect();
    sorted.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let _ = writeln!(text, "\n{}", regrets(&sorted, comparison).trim_end());
    let _ = writeln!(text, "\n{}", verdicts(comparison.seeds.len()));
    text
}

fn regrets(rows: &[&Results], comparison: &Comparison) -> String {
    let mut regrets = table(["policy", "regret", "spread", "", "computed", "against uniform sampling"]);
    let uniform = comparison.of(UNIFORM);
    for results in rows {
        let against = uniform.filter(|u| u.name != results.name).map(|uniform| results.against(uniform));
        regrets.add_row([
            results.name.clone(),
            format!("{:.3}", results.mean),
            format!("{:.3}", results.spread),
            bar((1000.0 * results.mean.clamp(0.0, 2.0)) as u64, 2000),
            format!("{:.2}", computed(&results.trials)),
            against.map_or_else(String::new, |a| {
                let (side, count) = if a.loses() { ("worse", a.worse) } else { ("better", a.better) };
                format!("{} ({} on {} of {})", a.verdict(), side, count, comparison.seeds.len())
            }),
        ]);
    }
    regrets.trim_fmt()
}

/// How many candidates an edge computed in a step, on average: what a policy costs.
fn computed(trials: &[Trial]) -> f64 {
    let sum = |count: &dyn Fn(&Trial) -> u64| trials.iter().map(count).sum::<u64>() as f64;
    let edges = trials.first().map_or(1, |t| t.draws.edges.len().max(1)) as f64;
    sum(&|t| t.draws.epochs.iter().map(|e| e.computed).sum()) / (sum(&|t| t.draws.steps).max(1.0) * edges)
}

/// What the trials of the first policy came to, beside those of the others.
pub(super) fn trials(problem: &Problem, comparison: &Comparison, findings: &[Finding]) -> String {
    let rows: Vec<&Results> = comparison.results.iter().collect();
    let mut text = format!(
        "Regret: 0 is the best architecture, 1 the mean of random ones. Computed: candidates per edge and step.\n\n{}\n\n{}\n",
        regrets(&rows, comparison),
        verdicts(comparison.seeds.len())
    );
    let trials = &comparison.results[0].trials;
    text.push_str(&draws(trials));
    let Some(trial) = trials.first() else { return text };
    text.push_str(&trajectories(trial));
    text.push_str(&derived(problem, trial));
    text.push_str("\nWhat stands out:\n");
    if findings.is_empty() {
        text.push_str("  nothing\n");
    }
    for finding in findings {
        let _ = writeln!(text, "  - {}:\n    {}", finding.found, finding.meaning);
    }
    text
}

/// How often each edge and candidate was drawn, over all trials.
fn draws(trials: &[Trial]) -> String {
    let mut text =
        "\nDraws, over all problems: steps in which an edge was relaxed or straight-through, and, per candidate, \
                    those in which it ran alone + those in which it was one of a softmax.\n\n"
            .to_owned();
    let sum = |count: &dyn Fn(&Trial) -> u64| trials.iter().map(count).sum::<u64>();
    let edges = trials.first().map_or(0, |t| t.draws.edges.len());
    let drawn: Vec<u64> = (0..edges).map(|e| sum(&|t| t.draws.edges[e].drawn)).collect();
    let most = drawn.iter().copied().max().unwrap_or(0);
    let [a, b, c, d, e, f] = OPERATIONS.map(|o| o.name);
    let mut all = table(["edge", "drawn", "", a, b, c, d, e, f]);
    for (edge, count) in drawn.iter().enumerate() {
        let counts = (0..OPERATIONS.len()).map(|o| {
            let alone = sum(&|t| t.draws.edges[edge].candidates[o].1.alone);
            let softmax = sum(&|t| t.draws.edges[edge].candidates[o].1.softmax);
            format!("{alone} + {softmax}")
        });
        let first = [edge_name(edge), count.to_string(), bar(*count, most)];
        all.add_row(first.into_iter().chain(counts));
    }
    text.push_str(&all.trim_fmt());
    let steps = |k: usize| sum(&|t| t.steps[k]);
    let _ = writeln!(
        text,
        "\n\n{} iterations: {} architecture steps, {} weights steps, {} that measure.",
        sum(&|t| t.iterations),
        steps(0),
        steps(1),
        steps(2)
    );
    text
}

fn edge_name(edge: usize) -> String {
    let (cell, (from, to)) = (["normal", "reduce"][edge / EDGES.len()], EDGES[edge % EDGES.len()]);
    format!("{edge} ({cell} {from} → {to})")
}

/// The edges whose α is shown: one of each cell type, and the one that runs what others made.
const SHOWN: [usize; 3] = [0, 4, 5];

/// softmax(α) of a few edges over the epochs.
fn trajectories(trial: &Trial) -> String {
    let mut text = format!("\nsoftmax(α) over the epochs of the problem of seed {}:\n", trial.seed);
    for edge in SHOWN {
        let _ = writeln!(text, "\n  edge {}", edge_name(edge));
        let rows: Vec<Vec<Option<f64>>> = trial.epochs.iter().map(|epoch| probabilities(&epoch.alpha[edge])).collect();
        for (operation, what) in OPERATIONS.iter().enumerate() {
            let values: Vec<Option<f64>> = rows.iter().map(|row| row[operation]).collect();
            let end = match values.last() {
                Some(Some(value)) => format!("{value:.2}"),
                _ => "gone".to_owned(),
            };
            let best = if trial.best[edge] == operation { "  best" } else { "" };
            let _ = writeln!(text, "    {:<14} {} {end}{best}", what.name, sparkline(&values));
        }
    }
    text
}

/// softmax of the α that are there.
fn probabilities(row: &[Option<f64>]) -> Vec<Option<f64>> {
    let there: Vec<f64> = row.iter().flatten().copied().collect();
    let mut shares = softmax(&there).into_iter();
    row.iter().map(|alpha| alpha.and_then(|_| shares.next())).collect()
}

/// Numbers from 0 to 1 as a row of bars.
fn sparkline(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let one = |value: &Option<f64>| value.map_or(' ', |v| BARS[((v * 8.0) as usize).min(7)]);
    values.iter().map(one).collect()
}

/// The derived architecture beside the best one.
fn derived(problem: &Problem, trial: &Trial) -> String {
    let mut text = format!("\nDerived on the problem of seed {}, beside the best:\n\n", trial.seed);
    let mut edges = table(["edge", "derived", "best", ""]);
    for (edge, (derived, best)) in trial.derived.iter().zip(&trial.best).enumerate() {
        let same = if derived == best { "=" } else { "" };
        let [derived, best] = [derived, best].map(|o| OPERATIONS[*o].name.to_owned());
        edges.add_row([edge_name(edge), derived, best, same.to_owned()]);
    }
    let last = trial.epochs.last();
    let _ = writeln!(
        text,
        "{}\n\nIts error, trained alone, is {:.3} (the mean of random architectures: {:.3}): a regret of {:.3}.",
        edges.trim_fmt(),
        problem.error(&trial.derived),
        problem.mean_error,
        trial.regret
    );
    if let Some(last) = last {
        let _ = writeln!(
            text,
            "Of the targets' variance the supernet explains {:.2}, the derived network with its weights {:.2}.",
            last.supernet_accuracy, last.derived_accuracy
        );
    }
    text
}
