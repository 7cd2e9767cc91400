//! What a space must hold: its networks are built and trained a step, at several sizes.

use super::{Case, Check, Checks, line};
use crate::error::{Error, Result};
use crate::graph::{Form, OpSets};
use crate::policy::{Phase, Plan};
use crate::space::{Space, derive};
use crate::spec::{ArchitectureOptimizer, Node, WeightsOptimizer};
use crate::supernet::{Include, Network, Settings};
use crate::train::batch::TensorBatch;
use crate::train::optimizer::{Architecture, Sgd};
use crate::train::step::{StepInput, Trainer};
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// (cells, channels, height = width)
const SIZES: [(i64, i64, i64); 4] = [(3, 4, 8), (3, 8, 16), (6, 4, 16), (8, 4, 32)];
const CLASSES: i64 = 5;
const BATCH: i64 = 4;

/// Checks the space that `text` describes, with the first of these lists of op sets that offers all its operations.
pub fn check(name: &str, text: &str, op_sets: &[OpSets]) -> Vec<Check> {
    let mut checks = Checks::new(format!("space {name}"));
    let place = format!("<space {name}>");
    let resolve = |sets: &OpSets| Space::from_node(&Node::parse(text, &place)?, sets);
    let mut refusals = Vec::new();
    let mut found = None;
    for sets in op_sets {
        match resolve(sets) {
            Ok(space) => {
                found = Some(Arc::new(space));
                break;
            }
            Err(error) => refusals.push(error.to_string()),
        }
    }
    let Some(space) = found else {
        let why = refusals.into_iter().next().unwrap_or_default();
        checks.failed("description", "mend the description: it is read as a file of a spec's `space` is", why);
        return checks.done();
    };
    checks.add("description", "", [Ok(())]);
    checks.add("trains a step", "mend the backbone or the operations it names", SIZES.map(|size| trains(&space, size)));
    checks.add("derived network", "mend the operations in their final form", SIZES.map(|size| derives(&space, size)));
    checks.done()
}

fn told((cells, channels, side): (i64, i64, i64), result: Result<()>) -> Case {
    result.map_err(|e| format!("{cells} cells, {channels} channels, {side}×{side}: {}", line(&e)))
}

fn settings((cells, channels, side): (i64, i64, i64), form: Form) -> Settings {
    Settings {
        cells,
        channels,
        image: [3, side, side],
        classes: CLASSES,
        form,
        kind: Kind::Float,
        device: Device::Cpu,
        seed: 1,
        cpu: crate::spec::CpuExecutor::default(),
        cuda: crate::spec::CudaArithmetic::default(),
    }
}

fn batch(side: i64) -> Result<TensorBatch> {
    let count = BATCH * 3 * side * side;
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.7).sin()).collect();
    let images = super::probe::in_channels_last(&Tensor::f_from_slice(&values)?.f_view([BATCH, 3, side, side])?)?;
    let labels: Vec<i64> = (0..BATCH).map(|i| i % CLASSES).collect();
    Ok(TensorBatch { images, labels: Tensor::f_from_slice(&labels)? })
}

/// One step of each phase with every edge relaxed, and one with every edge at its strongest candidate.
fn trains(space: &Arc<Space>, size: (i64, i64, i64)) -> Case {
    let run = || -> Result<()> {
        let network = Network::build(space, &settings(size, Form::Search), Include::All)?;
        let alpha: Vec<Vec<f64>> = space.edges().map(|(_, e)| vec![0.0; e.candidates.len()]).collect();
        let edges = alpha.len();
        let architecture = Architecture::new(alpha, &ArchitectureOptimizer::default());
        let mut trainer = Trainer { network, architecture, weights: Sgd::new(&WeightsOptimizer::default()) };
        let batch = batch(size.2)?;
        for plan in [Plan::strongest(edges).relax_all(), Plan::strongest(edges)] {
            for phase in [Phase::Architecture, Phase::Weights] {
                let plan = plan.resolve(&trainer.architecture.alpha, 0);
                trainer.step(phase, &plan, &StepInput::of(&batch, 0.01))?;
            }
        }
        if trainer.architecture.alpha.iter().flatten().all(|a| *a == 0.0) {
            return Err(Error::new("no α has moved: no edge leads to the loss"));
        }
        Ok(())
    };
    told(size, run())
}

fn derives(space: &Arc<Space>, size: (i64, i64, i64)) -> Case {
    let run = || -> Result<()> {
        // The last candidate of each edge: it is seldom one that carries nothing.
        let alpha: Vec<Vec<f64>> =
            space.edges().map(|(_, e)| (0..e.candidates.len()).map(|c| c as f64).collect()).collect();
        let choices = derive::choices(space, &alpha, derive::Rule::Argmax);
        let network = Network::derived(space, &settings(size, Form::Final), &choices)?;
        let plan = crate::policy::Resolved::of_choices(&choices);
        let mixture = alpha.iter().map(|_| None).collect();
        let logits = network.forward(&batch(size.2)?.images, &plan, &mixture, crate::execute::Norm::Batch)?;
        if logits.size() != [BATCH, CLASSES] || !super::probe::finite(&logits)? {
            return Err(Error::new("the derived network does not return finite logits"));
        }
        Ok(())
    };
    told(size, run())
}
