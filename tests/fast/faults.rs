//! Numbers that are not finite, in images, weights and on the way: the messages are those of the reference executor.

use crate::common::{darts_space, op_sets};
use crate::networks::Case;
use edas::graph::{OpScript, OpSet};
use edas::policy::gate::{Gate, StraightThrough};
use edas::policy::{Phase, Plan};
use edas::space::Space;
use edas::spec::{CpuExecutor, Node, Sandbox};
use edas::train::{StepInput, Trainer};
use std::path::Path;
use std::sync::Arc;
use tch::Kind;

/// What each executor says of a step that a change makes impossible, after one that was possible.
fn said(phase: Phase, plan: &Plan, change: impl Fn(&mut Trainer, &mut edas::train::TensorBatch)) -> String {
    let case = Case::new(darts_space(), (3, 4, 8), 4);
    let alpha = case.alpha(1);
    let plan = plan.resolve(&alpha, 0);
    let [reference, fast] = [CpuExecutor::Reference, CpuExecutor::Fast].map(|cpu| {
        let mut trainer = case.trainer(Kind::Float, cpu, &alpha, 0);
        let mut batch = case.batch(Kind::Float, 4, 0);
        trainer.step(phase, &plan, &StepInput::of(&batch, 0.1)).expect("nothing is wrong yet");
        change(&mut trainer, &mut batch);
        let before: Vec<_> = trainer.network.parameters.iter().filter(|p| p.trained).map(|p| p.tensor.copy()).collect();
        let error = trainer
            .step(phase, &plan, &StepInput::of(&batch, 0.1))
            .map_or_else(|e| e.to_string(), |found| panic!("{cpu:?} finds {found:?}"));
        let trained = trainer.network.parameters.iter().filter(|p| p.trained);
        for (parameter, before) in trained.zip(before) {
            let equal = parameter.tensor.isclose(&before, 0.0, 0.0, true).all().int64_value(&[]) == 1;
            assert!(equal, "{} moved, although nothing was found", parameter.name);
        }
        error
    });
    assert_eq!(reference, fast);
    fast
}

const PHASES: [Phase; 3] = [Phase::Architecture, Phase::Weights, Phase::Measure];

#[test]
fn images_that_are_not_finite() {
    for phase in PHASES {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            // In the last image: a pass is no better for being fine at its beginning.
            let text = said(phase, &Plan::strongest(28).relax(3), |_, batch| {
                let _ = batch.images.get(3).get(1).get(7).get(7).fill_(value);
            });
            assert!(text.contains("not finite: NaN") && text.contains("comes from the images"), "{text}");
        }
    }
}

#[test]
fn weights_that_are_not_finite() {
    let case = Case::new(darts_space(), (3, 4, 8), 4);
    let plan = Plan::strongest(28).relax(3).relax(20);
    let probe = case.trainer(Kind::Float, CpuExecutor::Fast, &case.alpha(1), 0);
    let used = probe.network.weights_in_use(&plan.resolve(&case.alpha(1), 0));
    let names: Vec<String> = used.iter().map(|w| probe.network.parameters.get(*w).name.clone()).collect();
    assert!(names.len() > 40, "{names:?}");
    for (number, name) in names.iter().enumerate().filter(|(number, _)| number % 5 == 0) {
        let value = [f64::NAN, f64::INFINITY][number / 5 % 2];
        let text = said(PHASES[number % 3], &plan, |trainer, _| {
            let weight = trainer.network.parameters.named(name).expect("it is there").tensor.shallow_clone();
            // The middle of a window: its sides may lie outside of the map wherever it is.
            let taps: i64 = weight.size().iter().skip(2).product();
            let _ = weight.flatten(0, -1).get(taps / 2).fill_(value);
        });
        assert!(
            text.contains("the loss is not finite") && (text.contains(name) || name.starts_with("head")),
            "{name}: {text}"
        );
    }
}

/// Of a straight-through gate also a candidate that counts nothing is computed: its numbers times 0 are not 0.
#[test]
fn a_candidate_that_counts_nothing() {
    let mut plan = Plan::strongest(28);
    plan.gates[0] = Gate::StraightThrough(StraightThrough { subset: None, active: Some(3), active_only: false });
    let text = said(Phase::Architecture, &plan, |trainer, _| {
        let name = "cells.0.edges.0.sep_conv_3x3.1.weight";
        let weight = trainer.network.parameters.named(name).expect("it is there").tensor.shallow_clone();
        let _ = weight.flatten(0, -1).get(0).fill_(f64::NAN);
    });
    assert!(text.contains("cells.0.edges.0.sep_conv_3x3"), "{text}");
}

/// An operation whose output is 0, between factors that leave the range of the numbers on the way back.
#[test]
fn gradients_that_are_not_finite() {
    let script =
        "fn burst(op) { op.scale(1e37) } fn nothing(op) { op.relu().conv_same(op.channels_out, 3, op.stride) }";
    let script = OpScript::new(Path::new("ops/mine.rhai"), script, &Sandbox::default()).expect("a sound script");
    let mut op_sets = op_sets("darts-ops");
    op_sets.0.push(OpSet::scripted(&Arc::new(script)));
    let text = "{space: 1, name: burst, cell_types: [{name: cell, inputs: 1, nodes: 2, output: {node: 2}, edges: {list: [\
                {from: 0, to: 1, candidates: [burst, skip_connect]}, {from: 1, to: 2, candidates: [nothing, sep_conv_3x3]}]}}], \
                backbone: {stem: {op: relu_conv_bn}, cells: {type: cell, repeat: cells}, head: {op: pool_linear}}}";
    let space = Arc::new(Space::from_node(&Node::parse(text, "space.yaml").expect("YAML"), &op_sets).expect("sound"));
    let case = Case::new(space, (1, 4, 8), 4);
    let plan = Plan { gates: vec![Gate::Only(0); 2], ..Plan::strongest(2) }.resolve(&case.alpha(1), 0);
    let said = [CpuExecutor::Reference, CpuExecutor::Fast].map(|cpu| {
        let mut trainer = case.trainer(Kind::Float, cpu, &case.alpha(1), 0);
        for (name, value) in [("cells.0.edges.1.nothing.1.weight", 0.0), ("head.1.weight", 1e10)] {
            let _ = trainer.network.parameters.named(name).expect("it is there").tensor.shallow_clone().fill_(value);
        }
        let batch = case.batch(Kind::Float, 4, 0);
        // Of the head's rows one is another, so that something reaches what is before it.
        let _ = trainer.network.parameters.named("head.1.weight").expect("it is there").tensor.get(1).fill_(-1e10);
        trainer.step(Phase::Weights, &plan, &StepInput::of(&batch, 0.1)).expect_err("no gradient").to_string()
    });
    assert_eq!(said[0], said[1]);
    assert!(said[0].contains("the gradient of the weights is not finite"), "{}", said[0]);
}

#[test]
fn alpha_that_is_not_finite() {
    let case = Case::new(darts_space(), (3, 4, 8), 4);
    let mut alpha = case.alpha(1);
    alpha[3][2] = f64::NAN;
    let plan = Plan::strongest(28).relax(3).resolve(&alpha, 0);
    let texts = [CpuExecutor::Reference, CpuExecutor::Fast].map(|cpu| {
        let mut trainer = case.trainer(Kind::Float, cpu, &alpha, 0);
        let batch = case.batch(Kind::Float, 4, 0);
        trainer.step(Phase::Architecture, &plan, &StepInput::of(&batch, 0.1)).expect_err("no loss").to_string()
    });
    assert!(texts[0] == texts[1] && texts[0].contains("edge 3"), "{texts:?}");
}
