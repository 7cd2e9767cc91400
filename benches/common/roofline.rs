//! What an iteration has to do at least, and what this machine can do.

use super::case::Case;
use super::space;
use super::statistics::median;
use edas::execute::fast::stage::recognise;
use edas::policy::{Plan, Resolved};
use edas::supernet::Network;
use edas::{Error, Result, Search};
use std::time::Instant;
use tch::{Device, Kind, Tensor};

/// Multiply-adds and bytes of an iteration.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Of convolutions and linear maps, with all gradients that the two phases ask for; nothing that is computed a second time.
    pub multiply_adds: f64,
    /// What passes over feature maps read and write: forward each pass its input and its output, back the two gradients besides.
    pub bytes: f64,
}

/// The work of an iteration of a case under the fixed plans: the mean over the edges that are relaxed.
///
/// # Errors
/// What is wrong with the case.
pub fn work(case: &Case) -> Result<Work> {
    let folder = tempfile::tempdir().map_err(|e| Error::new(format!("a folder for images: {e}")))?;
    let running = Search::from_spec(case.spec(folder.path(), 0, "cpu")?)?.start()?;
    let network = &running.trainer.network;
    // As `benches/peer/fixed.rhai` has it: by the position within the cell.
    let positions = network.space.cell_types.iter().flat_map(|cell| 0..cell.edges.len());
    let row = |position: usize| (0..space::ALL).map(|c| f64::from(c == position % space::ALL)).collect();
    let fixed: Vec<Vec<f64>> = positions.map(row).collect();
    let edges = fixed.len();
    let plans = (0..edges).map(|edge| Plan::strongest(edges).relax(edge).resolve(&fixed, 0));
    let all: Vec<Work> = plans.map(|plan| under(network, &plan, f64::from(case.batch))).collect();
    let mean = |of: fn(&Work) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    Ok(Work { multiply_adds: mean(|w| w.multiply_adds), bytes: mean(|w| w.bytes) })
}

fn under(network: &Network, plan: &Resolved, batch: f64) -> Work {
    let size = |shape: &[i64]| 4.0 * batch * shape.iter().product::<i64>() as f64;
    let (mut forward, mut back) = (0.0, 0.0);
    for block in network.running(plan) {
        let graph = &block.graph;
        let (mut input, output) = (size(&graph.shapes[0]), size(&graph.shapes[graph.outputs[0]]));
        let passes = recognise(graph).map_or(1, |chain| chain.stages.len()) as f64;
        // Of two cells that preprocess one map over one read of it, one reads it.
        if block.name.ends_with(".preprocess.0") {
            input = 0.0;
        }
        if passes > 0.0 {
            // Between the passes of an operation lie maps of the output's size, or about.
            forward += input + output + 2.0 * (passes - 1.0) * output;
            // What was read, and, but for the images, its gradient; what was written, and its gradient.
            let of_input = if block.name == "stem" { 1.0 } else { 2.0 };
            back += of_input * input + 2.0 * output + 4.0 * (passes - 1.0) * output;
        }
        // A node's sum reads it, and so does its way back.
        if block.name.contains(".edges.") {
            forward += output;
            back += output;
        }
    }
    // α's gradient needs that of every input; the weights' besides that of every weight.
    Work { multiply_adds: 5.0 * batch * network.cost(plan).multiply_adds as f64, bytes: 2.0 * (forward + back) }
}

/// What a machine can do in a second.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// In a large matrix product of libtorch's.
    pub multiply_adds: f64,
    /// In a copy of more than its caches hold, both ways counted.
    pub bytes: f64,
}

impl Machine {
    /// Measures this one, with all its cores.
    pub fn measure() -> Self {
        const SIDE: i64 = 2048;
        const NUMBERS: i64 = 1 << 27;
        let options = (Kind::Float, Device::Cpu);
        let (a, b) = (Tensor::rand([SIDE, SIDE], options), Tensor::rand([SIDE, SIDE], options));
        let product = seconds(|| drop(a.matmul(&b)));
        let (from, mut to) = (Tensor::rand([NUMBERS], options), Tensor::rand([NUMBERS], options));
        let copy = seconds(|| to.copy_(&from));
        Self { multiply_adds: (SIDE * SIDE * SIDE) as f64 / product, bytes: 8.0 * NUMBERS as f64 / copy }
    }
}

/// The median time of some runs.
fn seconds(mut run: impl FnMut()) -> f64 {
    let mut one = || {
        let begun = Instant::now();
        run();
        begun.elapsed().as_secs_f64()
    };
    one();
    median(&(0..9).map(|_| one()).collect::<Vec<f64>>())
}
