//! A search space as YAML writes it.

use super::expression::Expression;
use crate::error::{Error, Place, Result};
use crate::extension::Settings;
use serde::de::{self, value::MapAccessDeserializer, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// A whole space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceForm {
    /// The version of this form: 1.
    pub space: u32,
    /// The space's name.
    pub name: String,
    /// The cell types; their order numbers the edges.
    pub cell_types: Vec<CellTypeForm>,
    /// How cells are stacked.
    pub backbone: BackboneForm,
}

/// One cell type. With `like`, what is left out is as in another one that stands before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellTypeForm {
    /// Its name.
    pub name: String,
    /// Input nodes: the outputs of the stages before, oldest first. They are nodes 0, 1, ….
    pub inputs: usize,
    /// Intermediate nodes, numbered after the inputs.
    pub nodes: usize,
    /// The edges.
    pub edges: EdgesForm,
    /// How a node combines what its edges bring.
    #[serde(default)]
    pub combine: CombineForm,
    /// What the cell returns.
    pub output: OutputForm,
    /// What an input passes before it enters the cell; without it inputs enter as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<PreprocessForm>,
    /// Strides of the edges.
    #[serde(default, skip_serializing_if = "StrideForm::is_one")]
    pub stride: StrideForm,
    /// The channels of the cell's nodes, from here on: `× 2` doubles them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Expression>,
}

/// The most nodes of a cell type, inputs among them.
const MOST_NODES: usize = 1000;

impl CellTypeForm {
    /// Checks the numbers of nodes; `place` is where a key was written.
    ///
    /// # Errors
    /// Where there are none of a kind, or too many.
    pub(super) fn check_size(&self, place: &dyn Fn(&str) -> Place) -> Result<()> {
        if self.inputs > 0 && self.nodes > 0 && self.inputs.saturating_add(self.nodes) <= MOST_NODES {
            return Ok(());
        }
        let name = if self.inputs == 0 { "inputs" } else { "nodes" };
        Err(Error::new(format!("cell type `{}` cannot have this many nodes", self.name))
            .at(place(name))
            .expected(format!("at least one input and one intermediate node, at most {MOST_NODES} in all"))
            .found(format!("{} and {}", self.inputs, self.nodes)))
    }
}

/// The edges of a cell type: by a rule, or as a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgesForm {
    /// Which nodes lead to each intermediate node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<FromRule>,
    /// Edges one by one, where no rule says them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<EdgeForm>>,
    /// The candidates of every edge that names none of its own.
    #[serde(default)]
    pub candidates: Vec<CandidateForm>,
}

/// A rule that says the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromRule {
    /// Every node before it.
    AllBefore,
    /// The node just before it.
    Previous,
    /// The input nodes.
    Inputs,
}

/// One edge of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeForm {
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// Its own candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<Vec<CandidateForm>>,
}

/// A candidate: the name of an operation, or an operation with parameters under a name of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CandidateForm {
    /// The name of an operation.
    Name(String),
    /// A name of one's own.
    Named(NamedCandidate),
}

/// An operation with parameters, under a name of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedCandidate {
    /// The candidate's name.
    pub name: String,
    /// The operation.
    pub op: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub params: Settings,
}

/// How a node combines what its edges bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CombineForm {
    /// Their sum.
    #[default]
    Sum,
    /// Their sum divided by the number of the node's edges.
    Mean,
}

/// What a cell returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputForm {
    /// Nodes joined along their channels.
    Concat(Vec<usize>),
    /// The sum of nodes.
    Sum(Vec<usize>),
    /// One node.
    Node(usize),
}

/// What an input passes before it enters a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessForm {
    /// The operation, for an input that already has the cell's resolution.
    pub op: String,
    /// The operation for an input of higher resolution (of the stage before a reduction); `op` with a stride where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_reduction: Option<String>,
}

/// The strides of a cell type's edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrideForm {
    /// Of the edges that come from input nodes.
    pub from_inputs: i64,
}

impl StrideForm {
    fn is_one(&self) -> bool {
        self.from_inputs == 1
    }
}

impl Default for StrideForm {
    fn default() -> Self {
        Self { from_inputs: 1 }
    }
}

/// How cells are stacked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneForm {
    /// From the image to the first cell's inputs.
    pub stem: FixedForm,
    /// The stages, in order.
    pub cells: OneOrMany<StageForm>,
    /// From the last stage to the classes.
    pub head: FixedForm,
}

/// A fixed operation of the backbone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedForm {
    /// The operation.
    pub op: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub params: Settings,
    /// Channels that come out; those of the backbone where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Expression>,
}

/// Stages of the backbone: cells of a type, or a fixed operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageForm {
    /// How many times.
    #[serde(default = "one")]
    pub repeat: Expression,
    /// The cell type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub cell_type: Option<String>,
    /// Positions within the repetition at which another type stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<ExceptForm>,
    /// A fixed operation in place of a cell type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// The operation's parameters.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub params: Settings,
    /// The channels of the stages from here on: `× 2` doubles them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Expression>,
    /// The operation's stride.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<i64>,
}

fn one() -> Expression {
    Expression::new("1")
}

/// Positions at which another cell type stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptForm {
    /// The positions, from 0.
    pub at: Vec<Expression>,
    /// The cell type there.
    #[serde(rename = "type")]
    pub cell_type: String,
}

/// A list, or one item that stands for a list of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping or a list of mappings")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(OneOrMany(vec![T::deserialize(MapAccessDeserializer::new(map))?]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Ok(OneOrMany(Vec::deserialize(SeqAccessDeserializer::new(seq))?))
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for CandidateForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = CandidateForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or {name: …, op: …, params: {…}}")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<CandidateForm, E> {
                Ok(CandidateForm::Name(v.to_owned()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<CandidateForm, A::Error> {
                NamedCandidate::deserialize(MapAccessDeserializer::new(map)).map(CandidateForm::Named)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
