//! Genotypes: discrete architectures, and the file that holds one.

use super::form::SpaceForm;
use super::resolve::{Candidate, Output, Space};
use crate::error::{Error, Place, Result, nearest};
use crate::extension::Settings;
use crate::spec::{Node, decode, read_text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// A discrete architecture, whole in itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genotype {
    /// The version of this form: 1.
    pub version: u32,
    /// The space that it is of.
    pub space: SpaceForm,
    /// What the candidates' names stand for.
    pub candidates: Map<String, Value>,
    /// The cell types.
    pub cells: Ordered<GenotypeCell>,
}

/// Where a candidate's operation comes from: what a genotype says of each of its candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateSource {
    /// The op set.
    pub op_set: String,
    /// The op set's version.
    pub version: String,
    /// The operation.
    pub op: String,
    /// Its parameters.
    pub params: Settings,
}

impl CandidateSource {
    /// That of a candidate of a space.
    pub fn of(candidate: &Candidate) -> Self {
        Self {
            op_set: candidate.operation.op_set().to_owned(),
            version: candidate.operation.provider.version().to_owned(),
            op: candidate.operation.name.clone(),
            params: candidate.parameters.clone(),
        }
    }
}

/// What a cell type became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenotypeCell {
    /// The edges that are kept, by (to, from).
    pub edges: Vec<GenotypeEdge>,
    /// The nodes that make the cell's output.
    pub output: Vec<usize>,
}

/// An edge that is kept, and what it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenotypeEdge {
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// The candidate that it became.
    pub candidate: String,
}

/// Names with values, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Ordered<T> {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    list.push(entry);
                }
                Ok(Ordered(list))
            }
        }
        deserializer.deserialize_map(Visitor(std::marker::PhantomData))
    }
}

/// What each edge of a space became: a candidate, or nothing where the edge was cut. One entry per edge, over all
/// cell types.
pub type Choices = Vec<Option<usize>>;

impl Genotype {
    /// The genotype in which every edge became what `choices` says.
    pub fn new(space: &Space, choices: &Choices) -> Self {
        let mut candidates = Map::new();
        let mut cells = Vec::new();
        for cell in &space.cell_types {
            let mut edges = Vec::new();
            for (position, edge) in cell.edges.iter().enumerate() {
                let Some(choice) = choices[cell.first_edge + position] else { continue };
                let candidate = &edge.candidates[choice];
                candidates.insert(candidate.name.clone(), serde_json::json!(CandidateSource::of(candidate)));
                edges.push(GenotypeEdge { from: edge.from, to: edge.to, candidate: candidate.name.clone() });
            }
            let output = match &cell.output {
                Output::Concat(nodes) | Output::Sum(nodes) => nodes.clone(),
                Output::Node(node) => vec![*node],
            };
            cells.push((cell.name.clone(), GenotypeCell { edges, output }));
        }
        Self { version: 1, space: space.form.clone(), candidates, cells: Ordered(cells) }
    }

    /// What each edge of `space` became.
    ///
    /// # Errors
    /// Where the genotype names a cell type, edge or candidate that the space lacks.
    pub fn choices(&self, space: &Space) -> Result<Choices> {
        let mut choices = vec![None; space.edge_count()];
        for (name, genotype) in &self.cells.0 {
            let known: Vec<&str> = space.cell_types.iter().map(|c| c.name.as_str()).collect();
            let cell = space.cell_types.iter().find(|c| &c.name == name).ok_or_else(|| {
                Error::new(format!("the genotype has a cell type `{name}` that the space lacks"))
                    .expected(known.join(", "))
                    .help_if(nearest(name, known.iter().copied()))
            })?;
            for GenotypeEdge { from, to, candidate } in &genotype.edges {
                let between: Vec<usize> = (0..cell.edges.len())
                    .filter(|p| (cell.edges[*p].from, cell.edges[*p].to) == (*from, *to))
                    .collect();
                let position_of = |p: &usize| cell.edges[*p].candidates.iter().position(|c| c.name == *candidate);
                // Of several edges between the same nodes, the first that is free and can become this.
                let free = between.iter().filter(|p| choices[cell.first_edge + **p].is_none());
                let Some((position, choice)) = free.clone().find_map(|p| Some((*p, position_of(p)?))) else {
                    let edge = format!("from {from} to {to} in cell type `{name}`");
                    let Some(first) = between.first() else {
                        return Err(Error::new(format!("the space has no edge {edge}")));
                    };
                    if free.count() == 0 {
                        return Err(Error::new(format!("the genotype has too many edges {edge}"))
                            .expected(between.len().to_string()));
                    }
                    let known: Vec<&str> = cell.edges[*first].candidates.iter().map(|c| c.name.as_str()).collect();
                    return Err(Error::new(format!("the edge {edge} has no candidate `{candidate}`"))
                        .expected(known.join(", "))
                        .help_if(nearest(candidate, known.iter().copied())));
                };
                choices[cell.first_edge + position] = Some(choice);
            }
        }
        Ok(choices)
    }

    /// Reads a genotype file.
    ///
    /// # Errors
    /// Where it cannot be read or is no genotype of version 1.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_text(path, "genotype")?, path)
    }

    /// The same for the text of a file, which is only named in messages.
    ///
    /// # Errors
    /// Where it is no genotype of version 1, or has a cell type of an impossible size.
    pub fn parse(text: &str, file: impl AsRef<Path>) -> Result<Self> {
        let file = file.as_ref();
        // JSON is YAML: read so, every message has a place.
        let node = Node::parse(text, file)?;
        let genotype: Self = decode(&node, "the genotype")?;
        if genotype.version != 1 {
            return Err(Error::new("this genotype is written in another version of the form")
                .at(Place::file(file))
                .expected("version 1")
                .found(format!("version {}", genotype.version)));
        }
        for (i, cell) in genotype.space.cell_types.iter().enumerate() {
            // Its other forms are written node by node.
            cell.check_size(&|name| node.place_of(&format!("space.cell_types.{i}.{name}")))?;
        }
        Ok(genotype)
    }

    /// The genotype as JSON text.
    pub fn to_json(&self) -> String {
        // A genotype holds maps with text keys, lists, texts and numbers: nothing that JSON cannot hold.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
