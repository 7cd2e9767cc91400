//! Scripts. The first byte says what the text is to be: a policy, an op set or a space.
//!
//! Holds: whatever a script says, it ends in plans, graphs, a space or an error, within limits; a plan that fits the space can be
//! resolved and recorded; a policy's state is plain data that reads back equal, and goes on from there with the same plans; a graph
//! is sound; parameters and spaces are written and read back equal.

use super::{check, graph};
use edas::extension::Settings;
use edas::graph::{Arguments, Form, OpScript, OpSet};
use edas::policy::record::trace_line;
use edas::policy::turn::Clock;
use edas::policy::{EpochEnd, Phase, Policy, ScriptPolicy, SpaceView, StepResult, Turn};
use edas::space::{Alpha, ScriptSpace};
use edas::spec::{Node, Sandbox};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Limits that hostile scripts hit soon. The time is ample: a machine may be busy.
fn limits() -> Sandbox {
    Sandbox {
        operations: 20_000,
        milliseconds: 2000,
        memory: 300_000_000,
        depth: 16,
        string: 10_000,
        array: 1000,
        map: 500,
        print_lines: 1,
        print_bytes: 10,
    }
}

/// No input takes so long, with every limit hit once in each of its calls.
const HANG: Duration = Duration::from_secs(20);

/// One input.
pub fn run(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let began = Instant::now();
    match kind {
        b'p' => policy(text),
        b'o' => op_set(text),
        b's' => space(text),
        _ => {}
    }
    assert!(began.elapsed() < HANG, "{:?}", began.elapsed());
}

fn view() -> &'static Arc<SpaceView> {
    static VIEW: LazyLock<Arc<SpaceView>> = LazyLock::new(|| Arc::new(SpaceView::new(check::darts(), &[])));
    &VIEW
}

/// Compiles the policy.
fn made(text: &str) -> Option<ScriptPolicy> {
    let file = Path::new("/nowhere/fuzzed/policy.rhai");
    check::sound(ScriptPolicy::new(file, text, &Node::empty("spec"), &limits(), view()))
}

fn policy(text: &str) {
    let Some(mut policy) = made(text) else { return };
    check::written(&policy.params());
    let view = view();
    let row = |edge: usize| (0..8).map(|c| ((edge * 7 + c * 5) % 8) as f64).collect();
    let alpha: Arc<Alpha> = Arc::new((0..view.edges.len()).map(row).collect());
    for iteration in [0, 9] {
        let turn = Turn::new(Clock::at(iteration, 2, 5), view, &alpha, 1);
        let Some(state) = check::sound(policy.state()) else { return };
        let Some(lines) = plans(&mut policy, &turn) else { return };
        // Another of the same script goes on from the state as this one did.
        if iteration > 0
            && let Some(mut other) = made(text)
        {
            let read: serde_json::Value = serde_json::from_str(&state.to_string()).expect("JSON");
            other.set_state(&read).expect("the state is one of this script");
            assert_eq!(other.state().expect("plain data").to_string(), state.to_string());
            if let Some(again) = plans(&mut other, &turn) {
                assert_eq!(again, lines);
            }
        }
        let result = StepResult { phase: Phase::Weights, loss: 0.5, accuracy: 1.0 };
        if check::sound(policy.feedback(&turn, &[result])).is_none() {
            return;
        }
        let end =
            EpochEnd { index: iteration / 5, derived_accuracy: Some(0.5), alpha: alpha.clone(), space: view.clone() };
        let Some(after) = check::sound(policy.end_epoch(&end)) else { return };
        if check::sound(after.check(view)).is_some() {
            assert_eq!(view.keeping(&after.keep).edges.len(), view.edges.len());
        }
    }
    if let Some(Some(choices)) = check::sound(policy.derive(view, &alpha)) {
        assert_eq!(choices.len(), view.edges.len());
        edas::space::Genotype::new(check::darts(), &choices);
    }
}

/// The plans of one turn as lines of a trace.
fn plans(policy: &mut ScriptPolicy, turn: &Turn) -> Option<Vec<String>> {
    let steps = check::sound(policy.plan(turn))?;
    check::sound(steps.check(&turn.space))?;
    let mut alpha = Alpha::clone(&turn.alpha);
    let mut lines = Vec::new();
    for (k, (phase, plan)) in steps.plans().into_iter().enumerate() {
        plan.set_alpha(&mut alpha);
        let resolved = plan.resolve(&alpha, k as u64);
        assert_eq!(resolved.gates.len(), turn.space.edges.len());
        lines.push(trace_line(turn.clock.iteration, turn.clock.epoch, phase, &resolved, &turn.space).to_string());
    }
    Some(lines)
}

fn op_set(text: &str) {
    let Some(script) = check::sound(OpScript::new(Path::new("/nowhere/fuzzed/ops.rhai"), text, &limits())) else {
        return;
    };
    let set = OpSet::scripted(&Arc::new(script));
    for operation in set.operations.iter().take(3) {
        check::parameters(&operation.parameters);
        for (stride, form) in [(1, Form::Search), (2, Form::Final)] {
            let arguments = Arguments { channels_out: 6, stride, form, classes: 7 };
            let inputs = vec![vec![4, 8, 8]; operation.inputs.min(4)];
            if let Some(graph) = check::sound(operation.build(&Settings::new(), &arguments, &inputs)) {
                graph::sound(&graph, &inputs);
            }
        }
    }
}

fn space(text: &str) {
    let file = Path::new("/nowhere/fuzzed/space.rhai");
    let Some(script) = check::sound(ScriptSpace::new(file, text, &limits())) else { return };
    check::parameters(script.declared());
    if let Some(written) = check::sound(script.write(&Node::empty("spec"))) {
        assert_eq!(check::written(&written.node), written.text);
        check::written(&written.params);
    }
}
