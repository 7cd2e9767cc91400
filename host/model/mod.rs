//! Trained networks, taken away from where they were trained: with their genotype, their weights, and what they make of pixels.
//!
//! - [`mod@file`]: a network as a safetensors file
//! - [`torchscript`]: a network as a TorchScript program
//! - [`pytorch`]: a network as PyTorch source
//! - [`image`]: images of any kind and size as a network takes them
//!
//! A network takes pixels as shares of the largest value, (batch, channels, height, width) from 0 to 1, and normalises them itself, here
//! as in everything that is exported.

pub mod file;
pub mod image;
pub mod pytorch;
pub mod torchscript;

use crate::error::{Error, Place, Result};
use crate::execute::Norm;
use crate::graph::{Form, OpSets};
use crate::policy::Resolved;
use crate::run::tensors::{self, Saved};
use crate::run::{EvaluationResult, NetworkInput};
use crate::space::Genotype;
use crate::spec::{CpuExecutor, CudaArithmetic, Evaluate, FixedOperation, Node, PluginRef, Spec, decode};
use crate::supernet::{Network, Settings};
use crate::train::evaluation::setup;
use serde::{Deserialize, Serialize};
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// The version of a description's form.
const VERSION: u32 = 1;

/// What a network is, besides its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The version of this form: 1.
    pub version: u32,
    /// The number of cells.
    pub cells: u32,
    /// The channels of the first cells.
    pub channels: u32,
    /// The operation in place of the space's stem, where there is one.
    pub stem: Option<FixedOperation>,
    /// What it takes.
    pub input: NetworkInput,
    /// The names of the classes, in the order of its logits.
    pub classes: Vec<String>,
    /// The share of the test images that it classified correctly.
    pub test_accuracy: f64,
    /// The data set that it was trained and tested on.
    pub data: String,
    /// What it is made of.
    pub genotype: Genotype,
}

impl Description {
    /// Reads a description's JSON; `file` is named in messages.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        // JSON is YAML: read so, every message has a place.
        decode(&Node::parse(text, file)?, "the network's description")
    }
}

/// Which weights of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those of the last epoch: the result.
    Last,
    /// Those of the epoch with the best test.
    Best,
}

/// A trained network.
#[derive(Debug)]
pub struct Model {
    /// What it is.
    pub description: Description,
    network: Network,
    plan: Resolved,
    /// Mean and deviation of each channel, (1, channels, 1, 1). Made beforehand: numbers that are put into a tensor while a program is
    /// traced do not come along.
    statistics: [Tensor; 2],
}

impl Model {
    /// The network that a finished evaluation trained.
    ///
    /// # Errors
    /// Where the directory is no evaluation's, or that is not finished.
    pub fn of_run(run: &Path, which: Which) -> Result<Self> {
        let spec = Spec::load(run.join("spec.yaml"), &[])?;
        let Some((scratch, evaluate)) = spec.from_scratch().filter(|_| !spec.is_search()) else {
            return Err(Error::new("a search has no trained network of its own")
                .at(Place::file(run))
                .expected("the run directory of an evaluation")
                .help(format!("`edas evaluate {} --spec SPEC` trains what it found", run.display())));
        };
        if !run.join(EvaluationResult::FILE).is_file() {
            return Err(Error::new(format!("the evaluation in {} is not finished", run.display()))
                .at(Place::file(run))
                .help(format!("`edas {} {} --resume` goes on with it", scratch.section(), run.display())));
        }
        let result = EvaluationResult::read(run)?;
        let genotype = Genotype::read(&run.join("inputs/genotype.json"))?;
        let (record, file) = match which {
            Which::Last => (result.last, "final.safetensors"),
            Which::Best => (result.best_selected_on_test, "best.safetensors"),
        };
        let Evaluate { cells, channels, stem, .. } = evaluate.clone();
        let description = Description {
            version: VERSION,
            cells,
            channels,
            stem,
            input: result.input,
            classes: result.classes,
            test_accuracy: record.test_accuracy,
            data: result.data,
            genotype,
        };
        let path = run.join("checkpoints").join(file);
        let bytes = std::fs::read(&path).map_err(|e| Error::io("read", &path, &e).at(Place::file(&path)))?;
        let weights = tensors::deserialize(&bytes).map_err(|e| e.at(Place::file(&path)))?;
        Self::new(description, &weights, &spec.plugins).map_err(|e| e.at(Place::file(&path)))
    }

    /// A network from its description and its weights; `plugins` offer operations besides those that the genotype names.
    ///
    /// # Errors
    /// Where the weights are another network's, or an operation is not offered.
    pub fn new(description: Description, weights: &[Saved], plugins: &[PluginRef]) -> Result<Self> {
        if description.version != VERSION {
            return Err(Error::new("this network is described in another version of the form")
                .expected(format!("version {VERSION}"))
                .found(format!("version {}", description.version)));
        }
        let sets: OpSets = setup::op_sets_of(&description.genotype, plugins)?;
        let [channels, height, width] = description.input.shape.map(|size| size as i64);
        let double = weights.iter().any(|saved| saved.dtype == safetensors::Dtype::F64);
        let settings = Settings {
            cells: i64::from(description.cells),
            channels: i64::from(description.channels),
            image: [channels, height, width],
            classes: description.classes.len() as i64,
            form: Form::Final,
            kind: if double { Kind::Double } else { Kind::Float },
            device: Device::Cpu,
            seed: 0,
            cpu: CpuExecutor::Fast,
            cuda: CudaArithmetic::Float32,
        };
        let space = setup::space(&description.genotype, description.stem.as_ref(), &sets)?;
        let choices = description.genotype.choices(&space)?;
        let network = Network::derived(&std::sync::Arc::new(space), &settings, &choices)?;
        let foreign = |what: String| {
            Error::new(what)
                .expected("the weights of the network that is described")
                .help("is this another network's file?")
        };
        for parameter in network.parameters.iter() {
            let saved = weights.iter().find(|saved| saved.name == parameter.name);
            let saved = saved.ok_or_else(|| foreign(format!("there is no tensor `{}`", parameter.name)))?;
            network.parameters.set(&parameter.name, &saved.tensor()?)?;
        }
        // A second classifier served in training alone.
        let own =
            |saved: &&Saved| network.parameters.named(&saved.name).is_none() && !saved.name.starts_with("auxiliary.");
        if let Some(more) = weights.iter().find(own) {
            return Err(foreign(format!("there is a tensor `{}` too many", more.name)));
        }
        let plan = Resolved::of_choices(&choices);
        let row = |values: &[f32]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?.f_view([1, values.len() as i64, 1, 1])?.f_to_kind(settings.kind)?)
        };
        let statistics = [row(&description.input.mean)?, row(&description.input.std)?];
        Ok(Self { description, network, plan, statistics })
    }

    /// The weights and buffers.
    ///
    /// # Errors
    /// As [`Saved::of`].
    pub fn weights(&self) -> Result<Vec<Saved>> {
        tensors::network(&self.network.parameters, &[], 0)
    }

    /// Pixels as the network takes them: (share − mean) / std per channel.
    fn normalised(&self, pixels: &Tensor) -> Result<Tensor> {
        let [mean, std] = &self.statistics;
        Ok(pixels.f_to_kind(self.network.settings.kind)?.f_sub(mean)?.f_div(std)?)
    }

    /// The logits, (batch, classes), of pixels (batch, channels, height, width) from 0 to 1, with the running statistics of batch norm.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn logits(&self, pixels: &Tensor) -> Result<Tensor> {
        let mixture = self.plan.gates.iter().map(|_| None).collect();
        tch::no_grad(|| self.network.logits(&self.normalised(pixels)?, &self.plan, &mixture, Norm::Running))
    }
}
