//! The spec: what a user writes in YAML, as types that are checked when they are read.
//!
//! A text becomes a tree in which every value knows its place ([`Node`]); trees are merged along
//! `extends` and changed by `--set`; the result is checked against the bounds in the types' JSON schema
//! and decoded into a [`Spec`]. Every default is a value in the code of the section it belongs to, and
//! the schema, the docs and the written spec show it from there.

mod access;
mod check;
mod checkpoint;
mod constraints;
mod convert;
mod data;
mod decode;
mod decode_error;
mod device;
mod edit;
mod evaluate;
mod execute;
mod load;
mod network;
mod parse;
mod path;
mod policy;
mod ranges;
mod read;
mod sandbox;
mod schema;
mod search;
mod space;
mod tree;
mod validation;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use checkpoint::Checkpoint;
pub use constraints::Constraints;
pub use data::{Augment, Broken, Data, DataSet, Jitter};
pub use decode::{decode, raise};
pub use device::Device;
pub use edit::Replaces;
pub use evaluate::{AuxiliaryHead, Evaluate, EvaluateOptimizer, FixedOperation, Schedule, Scratch};
pub use execute::{CpuExecutor, CudaArithmetic, Execute};
pub use network::{Network, Precision};
pub(crate) use parse::can_be_written;
pub use path::{PluginRef, SpecPath};
pub use policy::{PluginPolicy, Policy, ScriptChange, ScriptPolicy};
pub use ranges::check_ranges;
pub use read::read_text;
pub use sandbox::Sandbox;
pub use schema::schema;
pub use search::{ArchitectureOptimizer, Order, SearchSettings, WeightsOptimizer};
pub use space::{PluginSpace, ScriptSpace, Space};
pub use tree::{Entry, Mark, Node, Value};
pub use validation::{BatchNorm, Derive, DeriveRule, Every, Validation, ValidationData};

use crate::error::{Error, Place, Result};

/// The version of the spec format that this program reads and writes.
pub const VERSION: u32 = 1;

/// Sections that only a search has.
const OF_SEARCH: [&str; 4] = ["network", "search", "validation", "derive"];

/// Everything that one run is made from. Serialised, it is the resolved spec: complete, and read back to
/// an equal one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "edas spec", description = "Everything that one run is made from.")]
#[schemars(transform = schema::complete)]
pub struct Spec {
    /// Version of this format.
    #[schemars(range(min = 1, max = 1))]
    pub edas: u32,
    /// Another spec, relative to this one's folder; this one's keys win over its keys.
    // Resolved and taken out before decoding; here for the schema and for the list of known keys.
    #[serde(default, skip_serializing)]
    extends: Option<SpecPath>,
    /// Name of the run; its directory is called after it. Default: the file's name without its ending.
    #[serde(default = "Spec::default_name")]
    #[schemars(length(min = 1, max = 200), extend("type" = ["string", "null"], "default" = null))]
    pub name: String,
    /// Seed of every random number: same spec, same seed, same result.
    #[serde(default)]
    pub seed: u64,
    /// Where to compute: `auto`, `cpu`, `cuda` (the first GPU) or `cuda:N`.
    #[serde(default)]
    pub device: Device,
    /// Threads that compute; 0 for all cores. Where libtorch computes, another number may change the last bits of a result.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1024))]
    pub threads: u32,
    /// The plugins and scripted op sets (`.rhai`) that candidates come from: bundled names, names to be found,
    /// or paths. Those that `space` and `policy` name need not be repeated.
    #[serde(default = "Spec::default_plugins")]
    pub plugins: Vec<PluginRef>,
    /// The search space: a file, an inline mapping, `{script: …}` or `{plugin: …, name: …}`. A search needs one; an evaluation has that of
    /// its genotype.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<Space>,
    /// The size and the arithmetic of the supernet.
    #[serde(default)]
    pub network: Network,
    /// What makes the plans: `{script: …, params: {…}}` or `{plugin: …, name: …, params: {…}}`. A search needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The images.
    pub data: Data,
    /// How long the search runs, and how weights and α learn.
    #[serde(default)]
    pub search: SearchSettings,
    /// How supernet and derived network are measured during search.
    #[serde(default)]
    pub validation: Validation,
    /// How α becomes a genotype at the end.
    #[serde(default)]
    pub derive: Derive,
    /// How `edas evaluate` trains the derived network; null for no evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate: Option<Evaluate>,
    /// How `edas transfer` trains the derived network, with the same keys as `evaluate` and the defaults of DARTS on ImageNet; null for no
    /// transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Evaluate>,
    /// What the network that is trained from scratch may have at most.
    #[serde(default)]
    pub constraints: Constraints,
    /// When the run saves where it stands.
    #[serde(default)]
    pub checkpoint: Checkpoint,
    /// What runs the network.
    #[serde(default)]
    pub execute: Execute,
    /// Limits for scripts.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// The tree that this was decoded from, for places.
    #[serde(skip)]
    written: Written,
}

/// The tree behind a spec; no part of its value.
#[derive(Debug, Clone, Default)]
struct Written(Option<Arc<Node>>);

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Spec {
    /// A spec of a search made in code, with the defaults for everything that is not given. Change its fields, then
    /// [`check`](Spec::check) it.
    pub fn new(space: Space, policy: Policy, data: Data) -> Self {
        let (space, policy) = (Some(space), Some(policy));
        Self { space, policy, evaluate: None, ..Self::of_evaluation(Evaluate::default(), data) }
    }

    /// The same of an evaluation.
    pub fn of_evaluation(evaluate: Evaluate, data: Data) -> Self {
        Self {
            edas: VERSION,
            extends: None,
            name: Self::default_name(),
            seed: 0,
            device: Device::default(),
            threads: 0,
            plugins: Self::default_plugins(),
            space: None,
            network: Network::default(),
            policy: None,
            data,
            search: SearchSettings::default(),
            validation: Validation::default(),
            derive: Derive::default(),
            evaluate: Some(evaluate),
            transfer: None,
            constraints: Constraints::default(),
            checkpoint: Checkpoint::default(),
            execute: Execute::default(),
            sandbox: Sandbox::default(),
            written: Written::default(),
        }
    }

    fn default_name() -> String {
        "search".into()
    }

    fn default_plugins() -> Vec<PluginRef> {
        vec![PluginRef::Name("darts-ops".into())]
    }

    /// Where a key was written, by its dotted path (`plugins.0`, `data.root`); the nearest key around it
    /// if it was left to its default; nothing for a spec made in code.
    pub fn place(&self, path: &str) -> Option<Place> {
        self.written.0.as_ref().map(|tree| tree.place_of(path))
    }

    /// Whether it describes a search: it has a space and a policy.
    pub fn is_search(&self) -> bool {
        self.policy.is_some()
    }

    /// The command that runs it.
    pub fn command(&self) -> &'static str {
        match self.from_scratch() {
            Some((scratch, _)) if !self.is_search() => scratch.section(),
            _ => "search",
        }
    }

    /// How it trains a derived network from scratch: as `evaluate` says, or else as `transfer` does.
    pub fn from_scratch(&self) -> Option<(Scratch, &Evaluate)> {
        let evaluate = self.evaluate.as_ref().map(|evaluate| (Scratch::Evaluate, evaluate));
        evaluate.or_else(|| self.transfer.as_ref().map(|transfer| (Scratch::Transfer, transfer)))
    }

    /// The spec without the other training from scratch.
    ///
    /// # Errors
    /// Where it does not describe this one.
    pub fn only(mut self, scratch: Scratch) -> Result<Self> {
        let (section, other) = (scratch.section(), scratch.other().section());
        let (wanted, left) = match scratch {
            Scratch::Evaluate => (self.evaluate.is_some(), self.transfer.take().is_some()),
            Scratch::Transfer => (self.transfer.is_some(), self.evaluate.take().is_some()),
        };
        if wanted {
            return Ok(self);
        }
        let error = Error::new(format!("the spec has no section `{section}`"))
            .at(self.place("").unwrap_or_else(|| Place::file(&self.name)))
            .expected(format!("the key `{section}`"));
        Err(match left {
            true => error.help(format!("`edas {other}` does what its section `{other}` says")),
            false => error.help(scratch.hint()),
        })
    }

    /// The resolved spec as YAML, every default filled in and every path absolute, in the order of the
    /// fields, without sections that only a search has where it is none. Reading it gives an equal spec.
    ///
    /// # Errors
    /// If a path is not UTF-8.
    pub fn to_yaml(&self) -> Result<String> {
        let text = convert::to_yaml(self)?;
        if self.is_search() {
            return Ok(text);
        }
        let mut node = Node::parse(&text, "<spec>")?;
        if let Value::Mapping(entries) = &mut node.value {
            entries.retain(|entry| !OF_SEARCH.contains(&entry.key.as_str()));
        }
        node.to_yaml()
    }
}
