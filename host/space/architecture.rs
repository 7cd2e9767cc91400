//! Architecture strings, as NAS-Bench-201 writes a cell: `|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|`.
//!
//! `+` separates the intermediate nodes, `|` the edges into one; each edge is a candidate and the number of the node that
//! it comes from. Node 0 is the cell's input, the last node its output, every node is fed by all before it.

use super::form::CombineForm;
use super::genotype::{Choices, Genotype};
use super::resolve::Space;
use crate::error::{Error, Result, nearest};
use std::fmt;
use std::str::FromStr;

/// A cell with one input in which every node is fed by all before it: the candidate of each edge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Architecture {
    /// Per intermediate node: the candidates of the edges from node 0, 1, …
    pub nodes: Vec<Vec<String>>,
}

/// Characters that separate the parts of a string, and so cannot stand in a candidate's name.
const SEPARATORS: [char; 3] = ['|', '+', '~'];

impl Architecture {
    /// Whether a text is meant to be an architecture string, well-formed or not.
    pub fn is_meant_by(text: &str) -> bool {
        text.trim_start().starts_with('|')
    }

    /// The architecture of a genotype. An edge that the genotype cut is `none`: nothing flows there.
    ///
    /// # Errors
    /// Where the genotype has more than one cell type, its cell more than one input, an output that is not the last node, or
    /// nodes that do not sum, or where a candidate's name holds `|`, `+` or `~`.
    pub fn of(genotype: &Genotype) -> Result<Self> {
        let refuse = |expected: &str, found: String| {
            Error::new("this genotype cannot be written as NAS-Bench-201 does")
                .expected(expected)
                .found(found)
                .help("export it as json or dot")
        };
        let ([(name, cell)], [form]) = (&genotype.cells.0[..], &genotype.space.cell_types[..]) else {
            let names: Vec<&str> = genotype.cells.0.iter().map(|(name, _)| name.as_str()).collect();
            return Err(refuse("one cell type", format!("{}: {}", names.len(), names.join(", "))));
        };
        if form.inputs != 1 {
            return Err(refuse("a cell with one input node", format!("`{name}` has {}", form.inputs)));
        }
        if cell.output != [form.nodes] {
            let expected = format!("a cell whose output is its last node, {}", form.nodes);
            return Err(refuse(&expected, format!("the output of `{name}` is {:?}", cell.output)));
        }
        if form.combine != CombineForm::Sum {
            return Err(refuse("nodes that sum what their edges bring", format!("`{name}` takes the mean")));
        }
        let mut nodes: Vec<Vec<String>> = (1..=form.nodes).map(|node| vec!["none".to_owned(); node]).collect();
        for edge in &cell.edges {
            if edge.candidate.is_empty()
                || edge.candidate.contains(|c: char| SEPARATORS.contains(&c) || c.is_whitespace())
            {
                let expected = "candidates whose names hold neither blanks nor `|`, `+`, `~`";
                return Err(refuse(expected, format!("`{}`", edge.candidate)));
            }
            let into = edge.to.checked_sub(1).and_then(|node| nodes.get_mut(node)?.get_mut(edge.from));
            let Some(into) = into else {
                return Err(refuse("edges from a node to a later one", format!("{} → {}", edge.from, edge.to)));
            };
            into.clone_from(&edge.candidate);
        }
        Ok(Self { nodes })
    }

    /// The genotype of `space` that this is.
    ///
    /// # Errors
    /// Where the space has another form, or lacks a candidate.
    pub fn genotype(&self, space: &Space) -> Result<Genotype> {
        let [cell] = &space.cell_types[..] else {
            return Err(Error::new(format!("an architecture string cannot be of space `{}`", space.name))
                .expected("a space with one cell type")
                .found(space.cell_types.len().to_string()));
        };
        if (cell.inputs, cell.nodes) != (1, self.nodes.len()) {
            return Err(Error::new(format!("`{self}` is not of space `{}`", space.name))
                .expected(format!("{} intermediate nodes behind {} inputs", cell.nodes, cell.inputs))
                .found(format!("{} behind 1", self.nodes.len())));
        }
        let choice = |edge: &super::Edge| {
            let name = &self.nodes[edge.to - 1][edge.from];
            let known: Vec<&str> = edge.candidates.iter().map(|c| c.name.as_str()).collect();
            known.iter().position(|k| k == name).map(Some).ok_or_else(|| {
                Error::new(format!("space `{}` has no candidate `{name}`", space.name))
                    .expected(known.join(", "))
                    .found(format!("`{name}~{}`", edge.from))
                    .help_if(nearest(name, known))
            })
        };
        let choices = cell.edges.iter().map(choice).collect::<Result<Choices>>()?;
        Ok(Genotype::new(space, &choices))
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, node) in self.nodes.iter().enumerate() {
            f.write_str(if number == 0 { "|" } else { "+|" })?;
            for (from, candidate) in node.iter().enumerate() {
                write!(f, "{candidate}~{from}|")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Architecture {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let wrong = |expected: String, found: &str| {
            Error::new(format!("`{text}` is no architecture string"))
                .expected(expected)
                .found(format!("`{found}`"))
                .help("such a string looks like `|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|`")
        };
        let mut nodes = Vec::new();
        for (number, part) in text.split('+').enumerate() {
            let node = number + 1;
            let edges = part.strip_prefix('|').and_then(|p| p.strip_suffix('|'));
            let edges = edges.ok_or_else(|| wrong(format!("node {node} between two `|`"), part))?;
            let edges: Vec<&str> = edges.split('|').collect();
            if edges.len() != node {
                return Err(wrong(format!("{node} edges into node {node}, one from each before it"), part));
            }
            let candidate = |(from, edge): (usize, &&str)| {
                let plain = |name: &&str| !name.is_empty() && !name.contains(|c: char| c == '~' || c.is_whitespace());
                let (name, source) = edge.rsplit_once('~').filter(|(name, _)| plain(name)).unwrap_or_default();
                let expected = || format!("`candidate~{from}` as edge {from} into node {node}");
                if source == from.to_string() { Ok(name.to_owned()) } else { Err(wrong(expected(), edge)) }
            };
            nodes.push(edges.iter().enumerate().map(candidate).collect::<Result<_>>()?);
        }
        Ok(Self { nodes })
    }
}
