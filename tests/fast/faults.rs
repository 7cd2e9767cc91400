//! Numbers that are not finite, in images, weights and on the way: the messages are those of the reference executor.

use crate::common::darts_space;
use crate::networks::Case;
use edas::policy::gate::{Gate, StraightThrough};
use edas::policy::{Phase, Plan};
use edas::spec::CpuExecutor;
use edas::train::{StepInput, Trainer};
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
        let error = trainer.step(phase, &plan, &StepInput::of(&batch, 0.1)).expect_err("it is not finite").to_string();
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
            let _ = weight.flatten(0, -1).get(-1).fill_(value);
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

#[test]
fn gradients_that_are_not_finite() {
    // Everything is 0 on the way there, and the way back leaves the range of the numbers.
    let text = said(Phase::Weights, &Plan::strongest(28), |trainer, batch| {
        let _ = batch.images.fill_(1e-30);
        for parameter in trainer.network.parameters.iter().filter(|p| p.name.starts_with("head")) {
            let _ = parameter.tensor.shallow_clone().fill_(if parameter.name.ends_with("bias") { 0.0 } else { 3e38 });
        }
        let mut rows = trainer.network.parameters.named("head.1.weight").expect("it is there").tensor.shallow_clone();
        let _ = rows.fill_(0.0).get(0).fill_(1e38);
    });
    assert!(text.contains("not finite"), "{text}");
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
