//! From a spec and a genotype to everything that an evaluation needs: op sets loaded, space resolved, network built, images read.
//! Whatever is wrong with the input shows here, before anything is trained.

use super::cost::Cost;
use crate::data::{DataSet, Part};
use crate::error::{Error, Result};
use crate::graph::{Form, OpSet, OpSets, Provider};
use crate::policy::Resolved;
use crate::run::Contents;
use crate::space::expression::Expression;
use crate::space::form::FixedForm;
use crate::space::genotype::{CandidateSource, Choices};
use crate::space::{Genotype, Published, Space};
use crate::spec::{
    self, AuxiliaryHead, Constraints, CpuExecutor, CudaArithmetic, Evaluate, Node, PluginRef, Scratch, Spec, read_text,
};
use crate::supernet::{Network, Settings};
use crate::train::inputs::Inputs;
use crate::train::plugins::{self, place};
use crate::train::setup::{hashes_of_providers, kind, resolve_machine, tch_device};
use std::path::Path;
use std::sync::Arc;
use tch::{Device, Kind};

/// The name of the genotype's copy in a run directory.
const GENOTYPE: &str = "genotype.json";

/// Everything that an evaluation needs.
pub struct Setup {
    /// The resolved spec: threads and device as what they became.
    pub spec: Spec,
    /// What offers the operations: what `plugins` names, and what the genotype names besides.
    pub providers: Vec<Provider>,
    /// What is trained.
    pub genotype: Genotype,
    /// What each edge of its space became.
    pub choices: Choices,
    /// The network.
    pub network: Network,
    /// Op sets and the genotype, as they were read.
    pub inputs: Inputs,
    /// The images that train.
    pub train: Arc<DataSet>,
    /// The images that test.
    pub test: Arc<DataSet>,
    evaluate: Evaluate,
}

impl Setup {
    /// Prepares what a spec describes, for this genotype or the one that it names.
    ///
    /// # Errors
    /// Whatever is wrong with the spec or what it names.
    pub fn new(spec: Spec, genotype: Option<Genotype>) -> Result<Self> {
        let mut spec = spec;
        // A spec that code made or changed has not been checked yet.
        spec.check()?;
        let (scratch, evaluate) = match spec.from_scratch() {
            Some((scratch, evaluate)) => (scratch, evaluate.clone()),
            None => (Scratch::Evaluate, Evaluate::default()),
        };
        // What else it describes is not this run's.
        (spec.space, spec.policy) = (None, None);
        let mut spec = spec.only(scratch)?;
        let of = |key: &str| [scratch.section(), key].join(".");
        resolve_machine(&mut spec)?;
        let mut inputs = Inputs::default();
        let mut providers = plugins::listed(&spec)?;
        let genotype = match (genotype, &evaluate.genotype) {
            (Some(genotype), _) => genotype,
            (None, Some(path)) => read(path, &op_sets(&providers)?).map_err(|e| e.at(place(&spec, &of("genotype"))))?,
            (None, None) => {
                return Err(Error::new("there is no genotype to train")
                    .at(place(&spec, scratch.section()))
                    .expected(format!("a run or a genotype on the command line, or the key `{}`", of("genotype"))));
            }
        };
        add_named(&spec, &genotype, &mut providers)?;
        for provider in &providers {
            inputs.add_provider(provider)?;
        }
        inputs.add(Path::new("<genotype>"), GENOTYPE, (genotype.to_json() + "\n").into_bytes());
        let sets = op_sets(&providers)?;
        let space = Arc::new(space(&genotype, evaluate.stem.as_ref(), &sets)?);
        let choices = genotype.choices(&space)?;
        let load = |part| load(&spec, part).map(Arc::new);
        let (train, test) = (load(Part::Train)?, load(Part::Test)?);
        let settings = Settings {
            cells: i64::from(evaluate.cells),
            channels: i64::from(evaluate.channels),
            image: [train.channels as i64, train.height as i64, train.width as i64],
            classes: train.classes.len() as i64,
            form: Form::Final,
            kind: kind(evaluate.precision),
            device: tch_device(&spec.device),
            seed: spec.seed,
            cpu: spec.execute.cpu,
            cuda: spec.execute.cuda,
        };
        let network =
            Network::derived(&space, &settings, &choices).map_err(|e| e.at(place(&spec, scratch.section())))?;
        let network = match &evaluate.auxiliary {
            None => network,
            Some(head) => auxiliary(network, head, &sets).map_err(|e| e.at(place(&spec, &of("auxiliary"))))?,
        };
        let setup = Self { spec, providers, genotype, choices, network, inputs, train, test, evaluate };
        setup.keeps_constraints()?;
        Ok(setup)
    }

    /// Whether the network is within the spec's limits.
    fn keeps_constraints(&self) -> Result<()> {
        let Constraints { multiply_adds, parameters } = self.spec.constraints;
        let cost = self.cost();
        let found = [
            ("multiply_adds", "multiply-adds", multiply_adds, cost.multiply_adds),
            ("parameters", "parameters", parameters, cost.parameters),
        ];
        for (key, name, most, found) in found {
            if most.is_some_and(|most| found as f64 > most) {
                let [_, height, width] = self.network.settings.image;
                return Err(Error::new(format!("the network has too many {name}"))
                    .at(place(&self.spec, &["constraints", key].join(".")))
                    .expected(format!("at most {}", most.unwrap_or_default()))
                    .found(format!("{found}, at {width}×{height}"))
                    .help("take fewer cells or channels, or another genotype"));
            }
        }
        Ok(())
    }

    /// How the network is trained.
    pub fn evaluate(&self) -> &Evaluate {
        &self.evaluate
    }

    /// The plan of the network: every edge runs what it became.
    pub fn plan(&self) -> Resolved {
        Resolved::of_choices(&self.choices)
    }

    /// Edges and what they became, where drop-path applies: all but those that hand on their input as it is.
    pub fn dropped(&self) -> Vec<(usize, usize)> {
        let mut list = Vec::new();
        for cell in self.network.cells() {
            for (position, candidates) in cell.edges.iter().enumerate() {
                let edge = self.network.edge_index(cell, position);
                let all =
                    candidates.iter().enumerate().filter_map(|(candidate, block)| Some((candidate, block.as_ref()?)));
                list.extend(
                    all.filter(|(_, block)| !block.graph.nodes.is_empty()).map(|(candidate, _)| (edge, candidate)),
                );
            }
        }
        list.sort_unstable();
        list.dedup();
        list
    }

    /// The size of the network.
    pub fn cost(&self) -> Cost {
        Cost::of(&self.network, &self.plan())
    }

    /// What a run directory keeps of all that went in.
    pub fn contents(&self) -> Contents {
        let mut spec = self.spec.clone();
        spec.plugins = self.providers.iter().map(|provider| self.inputs.provider(provider)).collect();
        for evaluate in [&mut spec.evaluate, &mut spec.transfer].into_iter().flatten() {
            evaluate.genotype = self.inputs.copy(Path::new("<genotype>"));
        }
        let mut hashes = hashes_of_providers(&self.inputs, &self.providers);
        for (part, data) in [("", &self.train), (" test", &self.test)] {
            hashes.push((format!("data {}{part}", data.name), data.hash.clone()));
        }
        Contents {
            spec,
            inputs: self.inputs.iter().map(|input| (input.name.clone(), input.bytes.clone())).collect(),
            hashes,
        }
    }
}

fn op_sets(providers: &[Provider]) -> Result<OpSets> {
    Ok(OpSets(providers.iter().map(OpSet::from_provider).filter_map(Result::transpose).collect::<Result<_>>()?))
}

/// Loads the op sets that a genotype names and that are not there yet.
fn add_named(spec: &Spec, genotype: &Genotype, providers: &mut Vec<Provider>) -> Result<()> {
    for (name, source) in &genotype.candidates {
        let CandidateSource { op_set, version, .. } = serde_json::from_value(source.clone())
            .map_err(|e| Error::new(format!("the genotype's candidate `{name}` has no source: {e}")))?;
        if providers.iter().all(|provider| provider.name() != op_set) {
            let plugin = plugins::load(spec, "plugins", &PluginRef::Name(op_set.clone())).map_err(|e| {
                e.context(format!("loading what the genotype's candidate `{name}` comes from"))
                    .help_too("name its plugin or script under `plugins`")
            })?;
            providers.push(Provider::Plugin(plugin));
        }
        if let Some(other) = providers.iter().find(|p| p.name() == op_set && p.version() != version) {
            tracing::warn!("`{name}` was found with {op_set} {version}; it is trained with {}", other.version());
        }
    }
    Ok(())
}

/// The op sets of a genotype: those that `plugins` name, and those that it names besides.
///
/// # Errors
/// Where one cannot be loaded.
pub(crate) fn op_sets_of(genotype: &Genotype, plugins: &[PluginRef]) -> Result<OpSets> {
    let data = spec::Data::new(spec::DataSet::Digits, None);
    let mut spec = Spec::of_evaluation(Evaluate::default(), data);
    spec.plugins = plugins.to_vec();
    let mut providers = plugins::listed(&spec)?;
    add_named(&spec, genotype, &mut providers)?;
    op_sets(&providers)
}

/// The genotype's space, with another stem where one is given.
///
/// # Errors
/// Where an operation is not offered.
pub(crate) fn space(genotype: &Genotype, stem: Option<&spec::FixedOperation>, op_sets: &OpSets) -> Result<Space> {
    let mut form = genotype.space.clone();
    if let Some(spec::FixedOperation { op, channels }) = stem {
        let channels = channels.as_deref().map(Expression::new);
        form.backbone.stem = FixedForm { op: op.clone(), params: Default::default(), channels };
    }
    let json = serde_json::to_value(&form).map_err(|e| Error::new(format!("the genotype's space: {e}")))?;
    Space::from_node(&Node::from_json(&json, "<genotype>"), op_sets)
}

/// The size of the network which a genotype becomes, for images of this shape (channels, height, width) and so many classes; `plugins` offer
/// operations besides those that the genotype names.
///
/// # Errors
/// Where an operation is not offered, or the network cannot be built.
pub fn cost_of(
    genotype: &Genotype,
    evaluate: &Evaluate,
    plugins: &[PluginRef],
    image: [i64; 3],
    classes: i64,
) -> Result<Cost> {
    let sets = op_sets_of(genotype, plugins)?;
    let settings = Settings {
        cells: i64::from(evaluate.cells),
        channels: i64::from(evaluate.channels),
        image,
        classes,
        form: Form::Final,
        kind: Kind::Float,
        device: Device::Cpu,
        seed: 0,
        cpu: CpuExecutor::Fast,
        cuda: CudaArithmetic::Float32,
    };
    let space = Arc::new(space(genotype, evaluate.stem.as_ref(), &sets)?);
    let choices = genotype.choices(&space)?;
    let mut network = Network::derived(&space, &settings, &choices)?;
    if let Some(head) = &evaluate.auxiliary {
        network = auxiliary(network, head, &sets)?;
    }
    Ok(Cost::of(&network, &Resolved::of_choices(&choices)))
}

fn auxiliary(network: Network, head: &AuxiliaryHead, op_sets: &OpSets) -> Result<Network> {
    let operation = op_sets.operation(&head.op)?;
    let after = Expression::new(&head.after).value(&[("cells", network.settings.cells)], 0)?;
    network.with_auxiliary(operation, &Default::default(), after as usize)
}

fn load(spec: &Spec, part: Part) -> Result<DataSet> {
    DataSet::of_spec(&spec.data, part).map_err(|e| spec.place("data.root").map_or(e.clone(), |place| e.at(place)))
}

/// The genotype that a file holds: its own form, or a published text.
///
/// # Errors
/// Where it cannot be read, or is none.
pub fn read(path: &Path, op_sets: &OpSets) -> Result<Genotype> {
    let text = read_text(path, "genotype")?;
    if Published::is_meant_by(&text) {
        return Published::parse(&text, path)?.genotype(op_sets);
    }
    Genotype::parse(&text, path)
}
