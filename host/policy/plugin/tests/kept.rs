//! Policies that go on counting candidates as the space had them when they were made.

use super::super::kept::Kept;
use super::view;
use crate::error::Result;
use crate::policy::gate::{Gate, Noise, StraightThrough};
use crate::policy::{AfterEpoch, Phase, Plan, Step, Steps};
use std::collections::BTreeMap;

const GONE: f64 = f64::NEG_INFINITY;

/// Edge 0 keeps `b` and `c`, edge 1 keeps all.
fn keep() -> BTreeMap<usize, Vec<usize>> {
    [(0, vec![1, 2])].into()
}

/// A plan with this gate on edge 0, as the host has it.
fn translated(gate: Gate) -> Result<Gate> {
    let (then, now) = (view(), view().keeping(&keep()));
    let mut plan = Plan::strongest(2);
    plan.gates[0] = gate;
    match Kept::of(&then, &now)?.steps(Steps::List(vec![Step { phase: Phase::Measure, plan }]))? {
        Steps::List(mut list) => {
            let plan = list.remove(0).plan;
            plan.check(&now)?;
            Ok(plan.gates[0].clone())
        }
        Steps::Both(_) => panic!("a list"),
    }
}

#[test]
fn alpha_of_what_is_gone_is_minus_infinity() {
    let (then, now) = (view(), view().keeping(&keep()));
    let kept = Kept::of(&then, &now).expect("the same space");
    let alpha = vec![vec![1.0, 2.0], vec![3.0, 4.0, 5.0]];
    assert_eq!(*kept.alpha(&alpha).expect("it fits"), [vec![GONE, 1.0, 2.0], vec![3.0, 4.0, 5.0]]);
    // α that does not fit would be read beyond its end.
    for wrong in [vec![vec![1.0; 3]; 2], vec![vec![1.0; 2]; 2], vec![vec![1.0; 2]]] {
        assert!(kept.alpha(&wrong).is_err());
    }
    let whole = Kept::of(&then, &then).expect("the same space");
    assert!(whole.alpha(&alpha).is_err());
    assert_eq!(whole.alpha(&vec![vec![0.0; 3]; 2]).expect("it fits").len(), 2);
}

#[test]
fn gates_name_candidates_as_they_were() {
    let straight = |subset, active| Gate::StraightThrough(StraightThrough { subset, active, active_only: true });
    for (said, expected) in [
        (Gate::Only(2), Gate::Only(1)),
        (Gate::Relaxed(Some(vec![1, 2])), Gate::Relaxed(Some(vec![0, 1]))),
        (Gate::Strongest(Some(vec![2])), Gate::Strongest(Some(vec![1]))),
        (Gate::Strongest(None), Gate::Strongest(None)),
        (Gate::Off, Gate::Off),
        (straight(Some(vec![1, 2]), Some(2)), straight(Some(vec![0, 1]), Some(1))),
        (straight(None, Some(1)), straight(None, Some(0))),
    ] {
        assert_eq!(translated(said).expect("it is there"), expected);
    }
    for gone in [
        Gate::Only(0),
        Gate::Relaxed(Some(vec![0, 1])),
        Gate::Strongest(Some(vec![0])),
        straight(Some(vec![0, 1]), Some(1)),
        straight(None, Some(0)),
    ] {
        let message = translated(gone).expect_err("gone").to_string();
        for part in ["edge 0 no longer has this candidate", "one of b, c", "0: a"] {
            assert!(message.contains(part), "`{part}` is not in {message}");
        }
    }
}

#[test]
fn rows_lose_what_is_gone() {
    let (then, now) = (view(), view().keeping(&keep()));
    let mut plan = Plan::strongest(2);
    let row = vec![1.0, 2.0, 3.0];
    for edge in [0, 1] {
        plan.penalise(edge, &row);
        plan.alpha.insert(edge, row.clone());
        plan.edge(edge).noise = Some(Noise::Given(row.clone()));
        plan.edge(edge).drop = [(0, 0.5), (2, 0.25)].into();
    }
    let kept = Kept::of(&then, &now).expect("the same space");
    let Ok(Steps::Both(plan)) = kept.steps(Steps::Both(plan)) else { panic!("a plan") };
    plan.check(&now).expect("a sound plan");
    let rows: BTreeMap<usize, Vec<f64>> = [(0, vec![2.0, 3.0]), (1, row.clone())].into();
    assert_eq!((&plan.penalties, &plan.alpha), (&rows, &rows));
    assert_eq!(plan.edges[&0].noise, Some(Noise::Given(vec![2.0, 3.0])));
    assert_eq!([&plan.edges[&0].drop, &plan.edges[&1].drop], [&[(1, 0.25)].into(), &[(0, 0.5), (2, 0.25)].into()]);
}

#[test]
fn edges_keep_of_what_they_still_have() {
    let (then, now) = (view(), view().keeping(&keep()));
    let kept = Kept::of(&then, &now).expect("the same space");
    let after =
        |edge, list: &[usize]| kept.after(AfterEpoch { keep: [(edge, list.to_vec())].into(), ..AfterEpoch::default() });
    assert_eq!(after(0, &[2]).expect("it is there").keep, [(0, vec![1])].into());
    assert_eq!(after(1, &[0, 2]).expect("it is there").keep, [(1, vec![0, 2])].into());
    for (edge, list, what) in
        [(0, &[0][..], "no longer has"), (0, &[], "keeps no"), (2, &[0], "no such edge"), (1, &[7], "7")]
    {
        let message = after(edge, list).expect_err("an error").to_string();
        assert!(message.contains(what), "`{what}` is not in {message}");
    }
}

#[test]
fn another_space_is_refused() {
    let then = view();
    let mut other = view();
    other.edges[1].candidates[2] = "d".to_owned();
    assert!(Kept::of(&then, &other).is_err());
    other.edges.pop();
    assert!(Kept::of(&then, &other).is_err());
}
