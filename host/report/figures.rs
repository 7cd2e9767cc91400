//! The plots of a report: the paper's figures 3 and 5, and what else a run's logs show. Each is a function over what was read of runs.

use super::history::{EdgeDraws, History, Series};
use super::picture::Plot;
use super::picture::plot::{Curve, Point};

const ITERATION: &str = "iteration";
const EPOCH: &str = "epoch";

/// The accuracy of the derived network with the supernet's weights, a curve per run (figure 3).
pub fn derived_accuracy(runs: &[History]) -> Plot {
    let curves = overlay(runs, |run| &run.metrics.derived_accuracy);
    plot("derived-accuracy", "Accuracy of the derived network", [ITERATION, "accuracy"], curves)
}

/// What the supernet is better by than the derived network, a curve per run.
pub fn gap(runs: &[History]) -> Plot {
    let curves = overlay(runs, |run| &run.metrics.gap);
    let title = "How much better the supernet is than the derived network";
    plot("gap", title, [ITERATION, "supernet − derived accuracy"], curves)
}

/// The accuracy on the test images, a curve per evaluation.
pub fn test_accuracy(runs: &[History]) -> Plot {
    let curves = overlay(runs, |run| &run.metrics.test_accuracy);
    plot("test-accuracy", "Accuracy on the test images", [EPOCH, "accuracy"], curves)
}

/// The learning rate of the weights, a curve per run.
pub fn learning_rate(runs: &[History]) -> Plot {
    let curves = overlay(runs, |run| &run.metrics.learning_rate);
    plot("learning-rate", "Learning rate of the weights", [EPOCH, "learning rate"], curves)
}

/// Seconds per iteration, a curve per run.
pub fn iteration_seconds(runs: &[History]) -> Plot {
    let curves = overlay(runs, |run| &run.metrics.seconds);
    plot("iteration-seconds", "Time of an iteration", [ITERATION, "seconds"], curves)
}

/// Seconds per epoch, validation included, a curve per run.
pub fn epoch_seconds(runs: &[History]) -> Plot {
    let curves = overlay(runs, |run| &run.metrics.epoch_seconds);
    plot("epoch-seconds", "Time of an epoch", [EPOCH, "seconds"], curves)
}

/// The losses of a run.
pub fn losses(run: &History) -> Plot {
    let metrics = &run.metrics;
    if run.is_search() {
        let curves = [("architecture steps", &metrics.search_loss), ("weights steps", &metrics.train_loss)];
        plot("losses", "Losses", [ITERATION, "loss"], several(&curves))
    } else {
        let curves = [("training", &metrics.epoch_train_loss), ("test", &metrics.test_loss)];
        plot("losses", "Losses", [EPOCH, "loss"], several(&curves))
    }
}

/// The accuracies of a run on the batches that it learned from; of an evaluation on the test images, too.
pub fn training_accuracy(run: &History) -> Plot {
    let metrics = &run.metrics;
    let name = "training-accuracy";
    if run.is_search() {
        let curves = [("architecture steps", &metrics.search_accuracy), ("weights steps", &metrics.train_accuracy)];
        plot(name, "Accuracy on the batches", [ITERATION, "accuracy"], several(&curves))
    } else {
        let curves = [("training", &metrics.epoch_train_accuracy), ("test", &metrics.test_accuracy)];
        plot(name, "Accuracy", [EPOCH, "accuracy"], several(&curves))
    }
}

/// Supernet and derived network of a search.
pub fn supernet_and_derived(run: &History) -> Plot {
    let curves = [("supernet", &run.metrics.supernet_accuracy), ("derived network", &run.metrics.derived_accuracy)];
    plot("supernet-and-derived", "Supernet and derived network", [ITERATION, "accuracy"], several(&curves))
}

/// α of an edge over the epochs, a curve per candidate, with the epochs set off in which the sign of α was flipped (figure 5).
pub fn alpha(run: &History, edge: usize) -> Plot {
    let names = run.edges.get(edge).map_or(&[][..], |edge| &edge.candidates);
    let epochs = || run.alpha.iter().flat_map(|alpha| alpha.epochs.kept());
    let value = |rows: &[Vec<f64>], candidate: usize| rows.get(edge).and_then(|row| row.get(candidate)).copied();
    let curve = |(candidate, name): (usize, &String)| Curve {
        name: name.clone(),
        colour: candidate,
        points: epochs()
            .map(|(epoch, rows)| Point::new(*epoch as f64, value(rows, candidate).unwrap_or(f64::NAN)))
            .collect(),
        steps: false,
        each: 1,
    };
    let shaded = run.draws.inverted_epochs.iter().map(|(first, last)| (*first as f64 - 0.5, *last as f64 + 0.5));
    Plot {
        name: format!("alpha-{edge}"),
        title: run.edges.get(edge).map_or_else(|| format!("edge {edge}"), ToString::to_string),
        x: EPOCH.to_owned(),
        y: "α".to_owned(),
        curves: names.iter().enumerate().map(curve).collect(),
        shaded: shaded.collect(),
        shade: "warm-up: epochs with −α".to_owned(),
        bars: Vec::new(),
    }
}

/// How often each edge was drawn.
pub fn drawn_edges(run: &History) -> Plot {
    let edges = &run.draws.edges;
    let name = |edge: usize| match run.edges.get(edge).filter(|edge| !edge.cell.is_empty()) {
        Some(edge) => edge.to_string(),
        None => format!("edge {edge}"),
    };
    let curves = vec![bars("drawn", 0, edges.iter().map(|edge: &EdgeDraws| edge.drawn as f64))];
    let plot = plot("drawn-edges", "How often each edge was drawn", ["edge", "steps"], curves);
    Plot { bars: (0..edges.len()).map(name).collect(), ..plot }
}

/// What ran, by candidate, over all edges.
pub fn candidates_run(run: &History) -> Plot {
    let all = run.draws.candidates();
    let curves = vec![
        bars("alone", 0, all.iter().map(|(_, counts)| counts.alone as f64)),
        bars("in a softmax", 1, all.iter().map(|(_, counts)| counts.softmax as f64)),
    ];
    let plot = plot("candidates", "What ran, over all edges", ["candidate", "times"], curves);
    Plot { bars: all.into_iter().map(|(name, _)| name).collect(), ..plot }
}

/// Where the time of a run went: its iterations, and what else its epochs had; its parts of an iteration where it was profiled.
pub fn time(run: &History) -> Plot {
    let (iterations, epochs) = run.metrics.totals;
    let rest = if run.is_search() { "validation and the rest" } else { "test and the rest" };
    let mut parts = vec![("iterations".to_owned(), iterations), (rest.to_owned(), (epochs - iterations).max(0.0))];
    let whole: f64 = run.profile.iter().map(|(_, seconds)| seconds).sum();
    if !run.profile.is_empty() && whole > 0.0 {
        // The profile is of some iterations; it tells how all of them divide.
        let part = |(name, seconds): &(String, f64)| (format!("iterations: {name}"), iterations * seconds / whole);
        parts.splice(0..1, run.profile.iter().map(part));
    }
    let curves = vec![bars("seconds", 0, parts.iter().map(|(_, seconds)| *seconds))];
    let plot = plot("time", "Where the time of whole epochs went", ["part", "seconds"], curves);
    Plot { bars: parts.into_iter().map(|(name, _)| name).collect(), ..plot }
}

/// A value that holds until the next, over iterations; a curve per name.
pub fn steps(name: &str, title: &str, y: &str, curves: Vec<(String, Vec<Point>)>) -> Plot {
    let curve =
        |(colour, (name, points)): (usize, (String, Vec<Point>))| Curve { name, colour, points, steps: true, each: 1 };
    plot(name, title, [ITERATION, y], curves.into_iter().enumerate().map(curve).collect())
}

fn plot(name: &str, title: &str, [x, y]: [&str; 2], curves: Vec<Curve>) -> Plot {
    let text = str::to_owned;
    Plot { name: text(name), title: text(title), x: text(x), y: text(y), curves, ..Plot::default() }
}

/// A series as a curve.
fn curve(name: &str, colour: usize, series: &Series) -> Curve {
    Curve { name: name.to_owned(), colour, points: series.points(), steps: false, each: series.each() }
}

/// A curve per run that has any points, in the colour of the run.
fn overlay(runs: &[History], of: impl Fn(&History) -> &Series) -> Vec<Curve> {
    let curves = runs.iter().enumerate().map(|(colour, run)| curve(&run.name, colour, of(run)));
    curves.filter(|curve| !curve.points.is_empty()).collect()
}

fn several(curves: &[(&str, &Series)]) -> Vec<Curve> {
    let curves = curves.iter().enumerate().map(|(colour, (name, series))| curve(name, colour, series));
    curves.filter(|curve| !curve.points.is_empty()).collect()
}

fn bars(name: &str, colour: usize, values: impl Iterator<Item = f64>) -> Curve {
    let points = values.enumerate().map(|(bar, value)| Point::new(bar as f64, value)).collect();
    Curve { name: name.to_owned(), colour, points, steps: false, each: 1 }
}
