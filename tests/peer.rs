//! What the comparison with the yardstick rests on, as far as it can be told without timing: the same plans, the same candidates, the
//! form of what is printed.

#[path = "../benches/common/mod.rs"]
mod bench;
mod common;

use bench::case::{Case, Kind, Method};
use bench::comparison::{Comparison, Pair};
use bench::measure::{Measured, Task};
use bench::statistics::{line, median, typical};
use common::repository;
use edas::policy::ResolvedGate;
use edas::policy::trace::Tracing;
use edas::train::setup::{Need, Setup};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The candidates in the yardstick's order, as its source says them.
fn candidates_of_the_yardstick() -> Vec<String> {
    let source = std::fs::read_to_string(repository("benches/peer/yardstick.py")).expect("the yardstick");
    let list =
        source.split_once("CANDIDATES = [").and_then(|(_, rest)| rest.split_once(']')).expect("its candidates").0;
    list.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect()
}

/// A case's candidates per edge, and per iteration what each edge runs, by name; a relaxed edge runs all of its candidates.
fn plans(case: &str, iterations: u64) -> (Vec<Vec<String>>, Vec<Vec<Vec<String>>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = case.parse::<Case>().and_then(|case| case.spec(folder.path(), 1, "cpu")).expect("a sound spec");
    let mut setup = Setup::new(spec, Need::Sizes, None).expect("it can be prepared");
    let (space, alpha) = (setup.view.clone(), Arc::new(setup.initial_alpha()));
    let tracing = Tracing { space: space.clone(), alpha, epochs: 1, iterations_per_epoch: iterations, seed: 0 };
    let mut seen = Vec::new();
    let each = &mut |step: &edas::policy::trace::Traced| {
        assert_eq!(step.phase, None, "one plan serves both phases");
        let gates = step.plan.gates.iter().zip(&space.edges).map(|(gate, edge)| match gate {
            ResolvedGate::Single(candidate) => vec![edge.candidates[*candidate].clone()],
            ResolvedGate::Relaxed(over) => over.subset.iter().map(|c| edge.candidates[*c].clone()).collect(),
            other => panic!("{other:?}"),
        });
        seen.push(gates.collect());
        ControlFlow::Continue(())
    };
    tracing.run(&mut *setup.policy, iterations, each).expect("plans");
    (space.edges.iter().map(|edge| edge.candidates.clone()).collect(), seen)
}

#[test]
fn fixed_plans_are_those_of_the_yardstick() {
    let yardstick = candidates_of_the_yardstick();
    assert_eq!(yardstick.len(), 8);
    let (candidates, plans) = plans("edas-8x16-b16", 60);
    assert_eq!(candidates, vec![yardstick.clone(); 28], "in the yardstick's order");
    assert_eq!(plans.len(), 60);
    for (t, plan) in plans.iter().enumerate() {
        for (edge, runs) in plan.iter().enumerate() {
            // gates() of the yardstick: edges are counted anew in each kind of cell.
            let fixed = std::slice::from_ref(&yardstick[edge % 14 % 8]);
            let expected = if edge == 5 * t % 28 { &yardstick[..] } else { fixed };
            assert_eq!(runs, expected, "iteration {t}, edge {edge}");
        }
    }
}

#[test]
fn darts_relaxes_every_edge() {
    let (candidates, plans) = plans("darts-8x16-b16", 2);
    assert_eq!(plans, [candidates.clone(), candidates]);
}

#[test]
fn other_numbers_of_candidates_leave_the_fixed_ones_as_they_are() {
    let (eight, fixed) = plans("edas-8x16-b16", 1);
    let names = &eight[0];
    for number in [4, 16] {
        let (candidates, plans) = plans(&format!("edas-8x16-b16-c{number}"), 1);
        assert!(candidates.iter().all(|of| of.len() == number));
        assert_eq!(plans[0][0], candidates[0], "the relaxed edge runs all that it has");
        assert_eq!(plans[0][1..], fixed[0][1..], "every other edge runs what it ran");
        // Over the edges of a cell each candidate is there as often as any other: the mean cost of a candidate stays.
        let count = |name: &str| candidates.iter().flatten().filter(|c| c.trim_end_matches("_twin") == name).count();
        let expected = 28 * number / 8;
        assert_eq!(names.iter().map(|name| count(name)).collect::<Vec<_>>(), [expected; 8]);
    }
}

#[test]
fn cases_have_names() {
    for name in Case::COMPARED.into_iter().chain(["edas-32x16-b64", "darts-8x16-b16-c4"]) {
        assert_eq!(name.parse::<Case>().expect("a case").to_string(), name);
    }
    let kind = Kind::Search { method: Method::Edas, candidates: 8 };
    let case = Case { kind, cells: 20, channels: 16, batch: 64 };
    assert_eq!("edas-20x16-b64".parse::<Case>().expect("a case"), case);
    let kind = Kind::Evaluation { genotype: "darts_v2".to_owned() };
    let case = Case { kind, cells: 20, channels: 36, batch: 32 };
    assert_eq!("evaluate-darts_v2-20x36-b32".parse::<Case>().expect("a case"), case);
    for wrong in [
        "",
        "edas",
        "snas-8x16-b16",
        "edas-8-b16",
        "edas-8x16",
        "edas-0x16-b16",
        "edas-8x16-b16-c5",
        "edas-8x16-b16-c4-",
        "evaluate-20x36-b32",
        "evaluate-../darts_v2-20x36-b32",
        "evaluate-darts_v2-20x36-b32-c4",
    ] {
        let error = wrong.parse::<Case>().expect_err(wrong).to_string();
        assert!(error.contains(&format!("`{wrong}`")) && error.contains("edas-20x16-b64"), "{error}");
    }
    let error = "evaluate-darts_v0-20x36-b32".parse::<Case>().expect_err("no such file").to_string();
    assert!(error.contains("darts_v0.txt") && error.contains("no such genotype"), "{error}");
}

fn measured(iteration_s: f64, peak_rss_mib: f64) -> Measured {
    Measured { threads: 2, iteration_s, peak_rss_mib, seconds: Vec::new(), parameters: None }
}

#[test]
fn a_line_has_medians_and_ratios_of_pairs() {
    // In the second turn the machine was twice as slow for everybody, in the third for ours alone.
    let turns = [(1.0, 4.0, 6.0), (2.0, 8.0, 12.0), (2.0, 4.0, 6.0)];
    let pair = |(ours, last, contiguous): (f64, f64, f64)| Pair {
        ours: measured(ours, 900.0),
        channels_last: measured(last, 2000.0),
        contiguous: measured(contiguous, 1800.0),
    };
    let comparison = Comparison { case: "edas-20x16-b64".to_owned(), pairs: turns.map(pair).to_vec() };
    let expected = r#"{"case":"edas-20x16-b64","ours_s":2.0,"peer_channels_last_s":4.0,"peer_contiguous_s":6.0,"speed_ratio_channels_last":4.0,"speed_ratio_contiguous":6.0,"memory_ratio":0.5}"#;
    assert_eq!(comparison.line().to_string(), expected);
    let expected =
        "| edas-20x16-b64 | 2.000 | 4.000 | 6.000 | 4.00 (2.00–4.00) | 6.00 (3.00–6.00) | 900 | 2000 | 1800 | 0.50 |";
    assert_eq!(comparison.row(), expected);
    let columns = |line: &str| line.matches('|').count();
    assert!(Comparison::HEAD.lines().all(|line| columns(line) == columns(expected)));
}

#[test]
fn what_the_yardstick_prints_is_read() {
    let line = br#"{"policy": "edas", "ops": "mixed", "cells": 3, "channels": 4, "batch": 8, "layout": "channels_last", "threads": 2, "torch": "2.13.0+cpu", "arch_s": 0.1, "weight_s": 0.2, "iteration_s": 0.3, "peak_rss_mib": 512}"#;
    assert_eq!(Measured::read(line, "the yardstick").expect("a measurement"), measured(0.3, 512.0));
    let line = br#"{"parameters": [30, 4], "cells": 3, "threads": 2, "iteration_s": 0.3, "peak_rss_mib": 512}"#;
    let evaluation = Measured { parameters: Some([30, 4]), ..measured(0.3, 512.0) };
    assert_eq!(Measured::read(line, "the yardstick").expect("a measurement"), evaluation);
    let error = Measured::read(b"", "the yardstick").expect_err("nothing").to_string();
    assert!(error.contains("the yardstick printed no measurement"), "{error}");
}

#[test]
fn a_case_can_be_measured() {
    let task =
        Task { case: "edas-3x4-b8-c4".to_owned(), warmup: 1, iterations: 2, threads: 1, device: "cpu".to_owned() };
    let measured = task.here().expect("it runs");
    assert_eq!((measured.threads, measured.seconds.len()), (1, 2));
    assert!(measured.seconds.iter().all(|s| *s > 0.0) && measured.iteration_s == median(&measured.seconds));
    assert!(measured.peak_rss_mib > 10.0);
}

#[test]
fn an_evaluation_can_be_measured() {
    let case = "evaluate-darts_v2-3x4-b20".to_owned();
    let task = Task { case, warmup: 1, iterations: 2, threads: 1, device: "cpu".to_owned() };
    let measured = task.here().expect("it runs");
    assert_eq!((measured.threads, measured.seconds.len()), (1, 2));
    // What the yardstick says of the same network.
    assert_eq!(measured.parameters, Some([2_858, 410_890]));
}

#[test]
fn sides_that_train_different_networks_are_not_compared() {
    let side = |parameters| Measured { parameters, ..measured(1.0, 100.0) };
    let pair = |theirs| Pair { ours: side(Some([30, 4])), channels_last: side(theirs), contiguous: side(theirs) };
    assert!(pair(Some([30, 4])).check().is_ok());
    let error = pair(Some([31, 4])).check().expect_err("another network").to_string();
    assert!(error.contains("expected: 30 numbers, and 4") && error.contains("found: 31 numbers, and 4"), "{error}");
    assert!(pair(None).check().is_err());
}

#[test]
fn medians_and_lines() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    assert!(median(&[]).is_nan());
    assert_eq!(typical(&[vec![1.0, 5.0], vec![1.0, 9.0], vec![7.0, 5.0]]), 3.0);
    assert_eq!(line(&[(1.0, 3.0), (2.0, 5.0), (4.0, 9.0)]), [3.0, 5.0, 9.0]);
    assert_eq!(line(&[(0.0, 0.0), (1.0, 3.0), (2.0, 0.0)]), [1.0, 1.0, 1.0]);
}
