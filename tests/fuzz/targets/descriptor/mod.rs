//! Plugins: the tables of ABI 1.0 and what their functions do, out of the fuzzer's bytes.
//!
//! Holds: whatever a plugin says, it is read or refused; a parameter that is read accepts its own default, and its value is written
//! in a spec and read back; a graph that is built is sound; a plan that fits the space can be resolved; what was handed to the
//! host to be freed is freed once.

mod builder;
mod hostile;
mod model;
mod policy;
mod tables;

use super::{check, graph};
use edas::extension::offer::HOST;
use edas::extension::{Origin, Plugin, Settings};
use edas::graph::{Arguments, Form, OpSet};
use edas::policy::turn::Clock;
use edas::policy::{EpochEnd, Phase, PluginPolicies, Policy, SpaceView, StepResult, Turn};
use edas::space::{Alpha, PluginSpaces};
use edas::spec::Node;
use std::sync::{Arc, LazyLock};

/// One input.
pub fn run(data: &[u8]) {
    hostile::begin(data);
    let entry = tables::fill();
    // The origin is only shown.
    let Some(plugin) = check::sound(Plugin::open(entry, Origin::Bundled, &HOST)) else { return };
    let plugin = Arc::new(plugin);
    if let Some(Some(set)) = check::sound(OpSet::of(&plugin)) {
        op_set(&set);
    }
    if let Some(Some(spaces)) = check::sound(PluginSpaces::of(&plugin)) {
        for listed in spaces.list.iter().take(2) {
            check::parameters(&listed.parameters);
            if let Some(written) = check::sound(spaces.write(&listed.name, &Node::empty("spec"))) {
                assert_eq!(Node::parse(&written.text, "space.yaml"), Ok(written.node));
            }
        }
    }
    if let Some(Some(policies)) = check::sound(PluginPolicies::of(&plugin)) {
        for listed in policies.list.iter().take(2) {
            check::parameters(&listed.parameters);
            search(&policies, &listed.name);
        }
    }
    let (handed, freed) = hostile::take(|s| (s.handed, s.freed));
    assert_eq!(handed, freed, "what the host was handed, and what it freed");
}

fn op_set(set: &OpSet) {
    for operation in set.operations.iter().take(3) {
        assert!(!operation.name.is_empty());
        check::parameters(&operation.parameters);
        for (stride, form) in [(1, Form::Search), (2, Form::Final)] {
            let arguments = Arguments { channels_out: 6, stride, form, classes: 7 };
            let inputs = vec![vec![4, 8, 8]; operation.inputs.min(100)];
            if let Some(built) = check::sound(operation.build(&Settings::new(), &arguments, &inputs)) {
                graph::sound(&built, &inputs);
                assert_eq!(Some(built.outputs.len()), operation.outputs);
            }
        }
    }
}

/// A few turns of a search.
fn search(policies: &PluginPolicies, name: &str) {
    static VIEW: LazyLock<Arc<SpaceView>> = LazyLock::new(|| Arc::new(SpaceView::new(check::nb201(), &[])));
    let view = &*VIEW;
    let Some(mut policy) = check::sound(policies.create(name, &Node::empty("spec"), view, 1)) else { return };
    let mut alpha: Arc<Alpha> = Arc::new(view.edges.iter().map(|edge| vec![0.5; edge.candidates.len()]).collect());
    for iteration in [0, 1] {
        let turn = Turn::new(Clock::at(iteration, 2, 1), view, &alpha, 1);
        if let Some(steps) = check::sound(policy.plan(&turn))
            && check::sound(steps.check(view)).is_some()
        {
            for (k, (_, plan)) in steps.plans().into_iter().enumerate() {
                plan.set_alpha(Arc::make_mut(&mut alpha));
                assert_eq!(plan.resolve(&alpha, k as u64).gates.len(), view.edges.len());
            }
        }
        let result = StepResult { phase: Phase::Weights, loss: 0.5, accuracy: 1.0 };
        check::sound(policy.feedback(&turn, &[result]));
        let end = EpochEnd { index: iteration, derived_accuracy: None, alpha: alpha.clone(), space: view.clone() };
        if let Some(after) = check::sound(policy.end_epoch(&end))
            && check::sound(after.check(view)).is_some()
        {
            assert!(view.keeping(&after.keep).edges.iter().all(|edge| !edge.candidates.is_empty()));
        }
        if let Some(state) = check::sound(policy.state()) {
            check::sound(policy.set_state(&state));
        }
    }
}
