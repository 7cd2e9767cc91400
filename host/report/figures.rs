//! The plots of a report: the paper's figures 3 and 5, and what else a run's logs show. Each is a function over what was read of runs.

use super::history::{EdgeDraws, History, Series};
use super::picture::Plot;
use super::picture::plot::{Curve, Point};

const ITERATION: &str = "iteration";
const EPOCH: &str = "epoch";

/// The accuracy of the derived network with the supernet's weights, a curve per run (figure 3).
pub fn derived_accuracy(runs: &[History]) -> Plot {
    let plot = overlay(runs, |run| &run.metrics.derived_accuracy);
    Plot {
        name: "derived-accuracy".to_owned(),
        title: "Accuracy of the derived network".to_owned(),
        x: ITERATION.to_owned(),
        y: "accuracy".to_owned(),
        ..plot
    }
}

/// What the supernet is better by than the derived network, a curve per run.
pub fn gap(runs: &[History]) -> Plot {
    let plot = overlay(runs, |run| &run.metrics.gap);
    let title = "How much better the supernet is than the derived network".to_owned();
    Plot {
        name: "gap".to_owned(), title, x: ITERATION.to_owned(), y: "supernet − derived accuracy".to_owned(), ..plot
    }
}

/// The accuracy on the test images, a curve per evaluation.
pub fn test_accuracy(runs: &[History]) -> Plot {
    let plot = overlay(runs, |run| &run.metrics.test_accuracy);
    Plot {
        name: "test-accuracy".to_owned(),
        title: "Accuracy on the test images".to_owned(),
        x: EPOCH.to_owned(),
        y: "accuracy".to_owned(),
        ..plot
    }
}

/// The learning rate of the weights, a curve per run.
pub fn learning_rate(runs: &[History]) -> Plot {
    let plot = overlay(runs, |run| &run.metrics.learning_rate);
    Plot {
        name: "learning-rate".to_owned(),
        title: "Learning rate of the weights".to_owned(),
        x: EPOCH.to_owned(),
        y: "learning rate".to_owned(),
        ..plot
    }
}

/// Seconds per iteration, a curve per run.
pub fn iteration_seconds(runs: &[History]) -> Plot {
    let plot = overlay(runs, |run| &run.metrics.seconds);
    Plot {
        name: "iteration-seconds".to_owned(),
        title: "Time of an iteration".to_owned(),
        x: ITERATION.to_owned(),
        y: "seconds".to_owned(),
        ..plot
    }
}

/// Seconds per epoch, validation included, a curve per run.
pub fn epoch_seconds(runs: &[History]) -> Plot {
    let plot = overlay(runs, |run| &run.metrics.epoch_seconds);
    Plot {
        name: "epoch-seconds".to_owned(),
        title: "Time of an epoch".to_owned(),
        x: EPOCH.to_owned(),
        y: "seconds".to_owned(),
        ..plot
    }
}

/// The losses of a run.
pub fn losses(run: &History) -> Plot {
    let metrics = &run.metrics;
    let (title, y) = ("Losses".to_owned(), "loss".to_owned());
    if run.is_search() {
        let curves = [("architecture steps", &metrics.search_loss), ("weights steps", &metrics.train_loss)];
        Plot {
            name: "losses".to_owned(),
            title,
            x: ITERATION.to_owned(),
            y,
            curves: several(&curves),
            ..Plot::default()
        }
    } else {
        let curves = [("training", &metrics.epoch_train_loss), ("test", &metrics.test_loss)];
        Plot { name: "losses".to_owned(), title, x: EPOCH.to_owned(), y, curves: several(&curves), ..Plot::default() }
    }
}

/// The accuracies of a run on the batches that it learned from; of an evaluation on the test images, too.
pub fn training_accuracy(run: &History) -> Plot {
    let metrics = &run.metrics;
    let (title, y) = ("Accuracy on the batches".to_owned(), "accuracy".to_owned());
    let name = "training-accuracy".to_owned();
    if run.is_search() {
        let curves = [("architecture steps", &metrics.search_accuracy), ("weights steps", &metrics.train_accuracy)];
        Plot { name, title, x: ITERATION.to_owned(), y, curves: several(&curves), ..Plot::default() }
    } else {
        let curves = [("training", &metrics.epoch_train_accuracy), ("test", &metrics.test_accuracy)];
        Plot { name, title: "Accuracy".to_owned(), x: EPOCH.to_owned(), y, curves: several(&curves), ..Plot::default() }
    }
}

/// Supernet and derived network of a search.
pub fn supernet_and_derived(run: &History) -> Plot {
    let curves = [("supernet", &run.metrics.supernet_accuracy), ("derived network", &run.metrics.derived_accuracy)];
    Plot {
        name: "supernet-and-derived".to_owned(),
        title: "Supernet and derived network".to_owned(),
        x: ITERATION.to_owned(),
        y: "accuracy".to_owned(),
        curves: several(&curves),
        ..Plot::default()
    }
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
    Plot {
        name: "drawn-edges".to_owned(),
        title: "How often each edge was drawn".to_owned(),
        x: "edge".to_owned(),
        y: "steps".to_owned(),
        curves: vec![bars("drawn", 0, edges.iter().map(|edge: &EdgeDraws| edge.drawn as f64))],
        bars: (0..edges.len()).map(name).collect(),
        ..Plot::default()
    }
}

/// What ran, by candidate, over all edges.
pub fn candidates_run(run: &History) -> Plot {
    let all = run.draws.candidates();
    Plot {
        name: "candidates".to_owned(),
        title: "What ran, over all edges".to_owned(),
        x: "candidate".to_owned(),
        y: "times".to_owned(),
        curves: vec![
            bars("alone", 0, all.iter().map(|(_, counts)| counts.alone as f64)),
            bars("in a softmax", 1, all.iter().map(|(_, counts)| counts.softmax as f64)),
        ],
        bars: all.into_iter().map(|(name, _)| name).collect(),
        ..Plot::default()
    }
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
    Plot {
        name: "time".to_owned(),
        title: "Where the time of whole epochs went".to_owned(),
        x: "part".to_owned(),
        y: "seconds".to_owned(),
        curves: vec![bars("seconds", 0, parts.iter().map(|(_, seconds)| *seconds))],
        bars: parts.into_iter().map(|(name, _)| name).collect(),
        ..Plot::default()
    }
}

/// A value that holds until the next, over iterations; a curve per name.
pub fn steps(name: &str, title: &str, y: &str, curves: Vec<(String, Vec<Point>)>) -> Plot {
    let curve = |(colour, (name, points)): (usize, (String, Vec<Point>))| Curve { name, colour, points, steps: true };
    Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        x: ITERATION.to_owned(),
        y: y.to_owned(),
        curves: curves.into_iter().enumerate().map(curve).collect(),
        ..Plot::default()
    }
}

fn overlay(runs: &[History], of: impl Fn(&History) -> &Series) -> Plot {
    let curve = |(colour, run): (usize, &History)| Curve {
        name: run.name.clone(),
        colour,
        points: of(run).points(),
        steps: false,
    };
    let curves = runs.iter().enumerate().map(curve).filter(|curve| !curve.points.is_empty());
    Plot { curves: curves.collect(), ..Plot::default() }
}

fn several(curves: &[(&str, &Series)]) -> Vec<Curve> {
    let curve = |(colour, (name, series)): (usize, &(&str, &Series))| Curve {
        name: (*name).to_owned(),
        colour,
        points: series.points(),
        steps: false,
    };
    curves.iter().enumerate().map(curve).filter(|curve| !curve.points.is_empty()).collect()
}

fn bars(name: &str, colour: usize, values: impl Iterator<Item = f64>) -> Curve {
    let points = values.enumerate().map(|(bar, value)| Point::new(bar as f64, value)).collect();
    Curve { name: name.to_owned(), colour, points, steps: false }
}
