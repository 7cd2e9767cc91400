//! What a policy may say through the planner's table, and what it may not: what the SDK's safe side cannot say.

use super::planner::Planner;
use crate::error::Result;
use crate::policy::view::{CandidateCost, EdgeView, SpaceView};
use crate::policy::{Gate, Phase, Sign, Steps};
use edas_plugin::abi::{self, Attribute, Text};

mod answers;
mod kept;
mod settings;

fn view() -> SpaceView {
    let edge = |index| EdgeView {
        index,
        cell: "normal".to_owned(),
        position: index,
        from: index,
        to: 2,
        candidates: ["a", "b", "c"].map(str::to_owned).to_vec(),
        costs: vec![CandidateCost::default(); 3],
    };
    SpaceView { edges: vec![edge(0), edge(1)], cells: vec!["normal".to_owned()] }
}

/// A planner's table, as a policy in C would use it.
struct Table(abi::Planner);

impl Table {
    fn plan(&self) -> u64 {
        // SAFETY: the planner that the table was made of is alive in `answer`.
        unsafe { self.0.plan.expect("a function")(self.0.context) }
    }

    fn gate(&self, plan: u64, edge: usize, kind: &str, candidates: &[usize]) -> abi::Status {
        let kind = Text::new(kind);
        // SAFETY: as above; text and list outlive the call.
        unsafe {
            self.0.gate.expect("a function")(self.0.context, plan, edge, kind, candidates.as_ptr(), candidates.len())
        }
    }

    fn set(&self, plan: u64, edge: usize, setting: Attribute) -> abi::Status {
        // SAFETY: as above; the setting outlives the call.
        unsafe { self.0.set.expect("a function")(self.0.context, plan, edge, &setting) }
    }

    fn step(&self, phase: u32, plan: u64) -> abi::Status {
        // SAFETY: as above.
        unsafe { self.0.step.expect("a function")(self.0.context, phase, plan) }
    }
}

fn answer(say: impl FnOnce(&Table)) -> Result<Steps> {
    let view = view();
    let mut planner = Planner::new(&view);
    say(&Table(planner.table()));
    planner.close(Ok(()))
}

fn integer(name: &str, integer: i64) -> Attribute {
    Attribute { name: Text::new(name), integer, ..Attribute::EMPTY }
}

fn boolean(name: &str, integer: i64) -> Attribute {
    Attribute { kind: abi::KIND_BOOLEAN, ..self::integer(name, integer) }
}

/// The list must outlive what is returned.
fn numbers(name: &str, list: &[f64]) -> Attribute {
    let kind = abi::KIND_NUMBERS;
    Attribute { kind, numbers: list.as_ptr(), length: list.len(), ..integer(name, 0) }
}

/// As `numbers`.
fn integers(name: &str, list: &[i64]) -> Attribute {
    let kind = abi::KIND_INTEGERS;
    Attribute { kind, integers: list.as_ptr(), length: list.len(), ..integer(name, 0) }
}

fn number(name: &str, number: f64) -> Attribute {
    Attribute { name: Text::new(name), kind: abi::KIND_NUMBER, number, ..Attribute::EMPTY }
}

#[test]
fn what_a_policy_says_becomes_steps() {
    let steps = answer(|table| {
        let plan = table.plan();
        assert_eq!(table.gate(plan, abi::ALL_EDGES, "off", &[]), abi::OK);
        assert_eq!(table.gate(plan, 1, "relaxed", &[2, 0, 2]), abi::OK);
        assert_eq!(table.step(abi::PHASE_MEASURE, plan), abi::OK);
        // A step holds the plan as it was.
        assert_eq!(table.gate(plan, 0, "only", &[1]), abi::OK);
        assert_eq!(table.set(plan, abi::ALL_EDGES, integer("sign", -1)), abi::OK);
        assert_eq!(table.set(plan, 1, integer("sign", 1)), abi::OK);
        assert_eq!(table.set(plan, abi::ALL_EDGES, number("temperature", 0.5)), abi::OK);
        assert_eq!(table.set(plan, abi::ALL_EDGES, integer("gumbel", -1)), abi::OK);
        assert_eq!(table.step(abi::PHASE_WEIGHTS, plan), abi::OK);
    });
    let Steps::List(steps) = steps.expect("an answer") else { panic!("a list") };
    assert_eq!(steps.iter().map(|s| s.phase).collect::<Vec<_>>(), [Phase::Measure, Phase::Weights]);
    assert_eq!(steps[0].plan.gates, [Gate::Off, Gate::Relaxed(Some(vec![0, 2]))]);
    let plan = &steps[1].plan;
    assert_eq!(plan.gates, [Gate::Only(1), Gate::Relaxed(Some(vec![0, 2]))]);
    assert_eq!((plan.sign, plan.sign_of(0), plan.sign_of(1)), (Sign::Minus, Sign::Minus, Sign::Plus));
    assert_eq!((plan.temperature, plan.gumbel), (0.5, Some(u64::MAX)));
    let both = answer(|table| {
        table.step(abi::PHASE_BOTH, table.plan());
    });
    assert!(matches!(both, Ok(Steps::Both(_))));
}

/// What the policy says fails, and the answer's error says `what`.
fn refused(what: &str, say: impl FnOnce(&Table, u64) -> abi::Status) {
    let result = answer(|table| {
        let plan = table.plan();
        assert_eq!(say(table, plan), abi::FAILED, "{what}");
        // Errors stick: what follows does nothing.
        assert_eq!(table.step(abi::PHASE_BOTH, plan), abi::FAILED);
    });
    let message = result.expect_err("an error").to_string();
    assert!(message.contains(what), "`{what}` is not in {message}");
}

#[test]
fn what_a_policy_cannot_mean_is_refused() {
    refused("there is no kind of gate named `relax`", |t, plan| t.gate(plan, 0, "relax", &[]));
    refused("did you mean `relaxed`?", |t, plan| t.gate(plan, 0, "relax", &[]));
    refused("no such edge", |t, plan| t.gate(plan, 2, "off", &[]));
    refused("no such candidate", |t, plan| t.gate(plan, 0, "only", &[3]));
    refused("another number of candidates", |t, plan| t.gate(plan, 0, "only", &[]));
    refused("another number of candidates", |t, plan| t.gate(plan, 0, "off", &[1]));
    refused("does not belong to this turn", |t, plan| t.gate(plan + 1, 0, "off", &[]));
    refused("does not belong to this turn", |t, plan| t.gate(plan + (1 << 32), 0, "off", &[]));
    refused("there is no setting of a plan named `temprature`", |t, plan| {
        t.set(plan, abi::ALL_EDGES, number("temprature", 1.0))
    });
    refused("there is no such phase", |t, plan| t.step(9, plan));
    refused("the only step of its turn", |t, plan| {
        t.step(abi::PHASE_WEIGHTS, plan);
        t.step(abi::PHASE_BOTH, plan)
    });
    refused("steps without end", |t, plan| (0..300).fold(abi::OK, |_, _| t.step(abi::PHASE_MEASURE, plan)));
    refused("plans without end", |t, _| {
        let last = (0..5000).fold(1, |_, _| t.plan());
        if last == 0 { abi::FAILED } else { abi::OK }
    });
    let nothing = answer(|_| ()).expect_err("an error").to_string();
    assert!(nothing.contains("answered without a step"), "{nothing}");
}
