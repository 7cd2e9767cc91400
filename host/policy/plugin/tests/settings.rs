//! Straight-through gates and all settings of plans, by name: what they come to, and what is refused.

use super::{Table, answer, boolean, integer, number, numbers, refused};
use crate::policy::gate::{Gate, Noise, Sign, StraightThrough};
use crate::policy::{Plan, Steps};
use edas_plugin::abi;

/// The plan that a policy makes.
fn made(say: impl FnOnce(&Table, u64)) -> Plan {
    let steps = answer(|table| {
        let plan = table.plan();
        say(table, plan);
        table.step(abi::PHASE_BOTH, plan);
    });
    match steps.expect("an answer") {
        Steps::Both(plan) => plan,
        Steps::List(_) => panic!("a plan for both phases"),
    }
}

fn gate(subset: Option<Vec<usize>>, active: Option<usize>, active_only: bool) -> Gate {
    Gate::StraightThrough(StraightThrough { subset, active, active_only })
}

#[test]
fn straight_through_in_both_forms() {
    let plan = made(|t, plan| {
        t.gate(plan, abi::ALL_EDGES, "straight_through", &[]);
        t.gate(plan, 1, "straight_through", &[2, 0, 2]);
        t.set(plan, 1, integer("active", 2));
    });
    assert_eq!(plan.gates, [gate(None, None, false), gate(Some(vec![0, 2]), Some(2), false)]);
    let plan = made(|t, plan| {
        t.gate(plan, 0, "straight_through", &[]);
        t.set(plan, 0, boolean("active_only", 1));
        t.set(plan, 0, integer("active", 1));
        // A gate that is set again forgets what was set of it.
        t.gate(plan, 1, "straight_through", &[0, 1]);
        t.set(plan, 1, integer("active", 1));
        t.set(plan, 1, boolean("active_only", 1));
        t.gate(plan, 1, "straight_through", &[2]);
    });
    assert_eq!(plan.gates, [gate(None, Some(1), true), gate(Some(vec![2]), None, false)]);
}

#[test]
fn what_an_edge_has_of_its_own_wins_over_the_plan() {
    let row = [0.5, 0.0, 0.25];
    let plan = made(|t, plan| {
        t.set(plan, 0, integer("sign", 1));
        t.set(plan, 0, number("temperature", 0.5));
        t.set(plan, 0, integer("gumbel", -2));
        t.set(plan, 1, numbers("noise", &row));
        // Plan-wide settings hold wherever they stand.
        t.set(plan, abi::ALL_EDGES, integer("sign", -1));
        t.set(plan, abi::ALL_EDGES, number("temperature", 2.0));
        t.set(plan, abi::ALL_EDGES, integer("gumbel", 7));
    });
    assert_eq!([plan.sign_of(0), plan.sign_of(1)], [Sign::Plus, Sign::Minus]);
    assert_eq!([plan.temperature_of(0), plan.temperature_of(1)], [0.5, 2.0]);
    assert_eq!(plan.gumbel, Some(7));
    assert_eq!(plan.edges[&0].noise, Some(Noise::Gumbel(u64::MAX - 1)));
    assert_eq!(plan.edges[&1].noise, Some(Noise::Given(row.to_vec())));
}

#[test]
fn drops_penalties_and_alpha_are_rows_of_an_edge() {
    let (row, ones) = ([0.5, 0.0, 0.25], [1.0; 3]);
    let plan = made(|t, plan| {
        t.set(plan, 0, numbers("drop", &ones.map(|_| 0.75)));
        t.set(plan, 0, numbers("drop", &row));
        t.set(plan, 0, numbers("penalty", &row));
        t.set(plan, 0, numbers("penalty", &ones));
        t.set(plan, 1, numbers("alpha", &ones));
        t.set(plan, 1, numbers("alpha", &row));
    });
    assert_eq!(plan.edges[&0].drop, [(0, 0.5), (1, 0.0), (2, 0.25)].into());
    assert_eq!(plan.penalties, [(0, vec![1.5, 1.0, 1.25])].into());
    assert_eq!(plan.alpha, [(1, row.to_vec())].into());
    let resolved = plan.resolve(&[vec![0.0; 3], row.to_vec()], 0);
    assert_eq!(resolved.drop, [((0, 0), 0.5), ((0, 2), 0.25)].into());
}

#[test]
fn another_kind_of_value_is_refused() {
    for (setting, expected) in [
        (integer("sign", 2), "the whole number 1 or -1"),
        (number("sign", 1.0), "the whole number 1 or -1"),
        (integer("temperature", 1), "a number above 0"),
        (number("gumbel", 1.0), "a whole number: the noise's seed"),
        (number("noise", 1.0), "numbers, one per candidate of the edge"),
        (number("drop", 0.5), "numbers, one per candidate of the edge"),
        (integer("penalty", 1), "numbers, one per candidate of the edge"),
        (boolean("alpha", 1), "numbers, one per candidate of the edge"),
        (number("active", 1.0), "a whole number: the candidate"),
        (integer("active_only", 1), "a truth value"),
    ] {
        refused(expected, |t, plan| {
            t.gate(plan, 0, "straight_through", &[]);
            t.set(plan, 0, setting)
        });
    }
    refused("did you mean `active_only`?", |t, plan| t.set(plan, 0, boolean("active_onyl", 1)));
}

#[test]
fn what_belongs_to_one_edge_is_refused_for_all() {
    let row = [0.0; 3];
    for name in ["noise", "drop", "penalty", "alpha"] {
        refused(&format!("the setting `{name}` holds for one edge"), |t, plan| {
            t.set(plan, abi::ALL_EDGES, numbers(name, &row))
        });
    }
    for (name, setting) in [("active", integer("active", 0)), ("active_only", boolean("active_only", 1))] {
        refused(&format!("the setting `{name}` holds for one edge"), |t, plan| {
            t.gate(plan, abi::ALL_EDGES, "straight_through", &[]);
            t.set(plan, abi::ALL_EDGES, setting)
        });
    }
    refused("no such edge", |t, plan| t.set(plan, 2, numbers("alpha", &row)));
}

#[test]
fn rows_of_another_length_and_numbers_out_of_range_are_refused() {
    for (name, what) in [("noise", "the noise"), ("drop", "the drop"), ("penalty", "the penalty"), ("alpha", "α")] {
        for length in [0, 2, 4] {
            let row = vec![0.5; length];
            // Also where another row was set before, which it would be added to.
            refused(&format!("{what} of edge 1 cannot be this"), |t, plan| {
                t.set(plan, 1, numbers(name, &[0.5; 3]));
                t.set(plan, 1, numbers(name, &row))
            });
        }
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refused(&format!("{what} of edge 0 cannot be this"), |t, plan| {
                t.set(plan, 0, numbers(name, &[0.0, wrong, 0.0]))
            });
        }
    }
    for probability in [-0.1, 1.0] {
        refused("the probability of a drop is out of range", |t, plan| {
            t.set(plan, 0, numbers("drop", &[0.0, 0.0, probability]))
        });
    }
    for temperature in [0.0, -1.0, 1e-7, f64::NAN, f64::INFINITY] {
        for edge in [0, abi::ALL_EDGES] {
            refused("the temperature is out of range", |t, plan| t.set(plan, edge, number("temperature", temperature)));
        }
    }
}

#[test]
fn an_active_candidate_is_one_of_a_straight_through_gate() {
    let set = |subset: &'static [usize], active: i64| {
        move |t: &Table, plan: u64| {
            t.gate(plan, 1, "straight_through", subset);
            t.set(plan, 1, integer("active", active))
        }
    };
    refused("the active candidate of edge 1 is not in its subset", set(&[0, 2], 1));
    refused("one of a, c", set(&[0, 2], 1));
    refused("edge 1 has no such candidate", set(&[], 3));
    refused("edge 1 has no such candidate", set(&[], -1));
    refused("edge 1 has no such candidate", |t, plan| t.gate(plan, 1, "straight_through", &[3]));
    for kind in ["strongest", "relaxed", "off"] {
        for setting in [integer("active", 0), boolean("active_only", 1)] {
            refused("the gate of edge 0 is not straight-through", |t, plan| {
                t.gate(plan, 0, kind, &[]);
                t.set(plan, 0, setting)
            });
        }
    }
}
