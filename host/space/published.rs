//! Genotypes as code of the DARTS family prints them:
//! `Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), …], normal_concat=range(2, 6), reduce=[…], reduce_concat=[…])`.
//!
//! Two entries in turn feed a node, each an operation and the node that it reads; nodes 0 and 1 are the cell's inputs. Where some nodes
//! are fed by other numbers of edges, their entries stand in lists of their own: `[[('skip_connect', 0)], [(…), (…), (…)]]`.

use super::expression::Expression;
use super::form::{
    BackboneForm, CandidateForm, CellTypeForm, CombineForm, EdgeForm, EdgesForm, ExceptForm, FixedForm, OneOrMany,
    OutputForm, PreprocessForm, SpaceForm, StageForm, StrideForm,
};
use super::genotype::Genotype;
use super::resolve::Space;
use crate::error::{Error, Place, Result};
use crate::extension::Settings;
use crate::graph::OpSets;
use crate::spec::Node;
use std::path::Path;
use std::sync::Arc;

/// The input nodes of a cell.
const INPUTS: usize = 2;
/// The cell types that such a text may have, in the order that numbers the edges.
const CELLS: [&str; 2] = ["normal", "reduce"];

/// A genotype that was published as text.
#[derive(Debug, Clone)]
pub struct Published {
    cells: Vec<Cell>,
}

#[derive(Debug, Clone)]
struct Cell {
    name: &'static str,
    /// Per intermediate node: what feeds it.
    nodes: Vec<Vec<Fed>>,
    output: Vec<usize>,
}

/// An operation that feeds a node.
#[derive(Debug, Clone)]
struct Fed {
    operation: String,
    from: usize,
    place: Place,
}

impl Published {
    /// Whether a text is meant to be such a genotype, well-formed or not.
    pub fn is_meant_by(text: &str) -> bool {
        let mut reader = Reader::new(text, Path::new(""));
        reader.heading().is_ok()
    }

    /// Reads a text; `file` is named in messages.
    ///
    /// # Errors
    /// Where it is no such genotype, with the place.
    pub fn parse(text: &str, file: impl AsRef<Path>) -> Result<Self> {
        let mut reader = Reader::new(text, file.as_ref());
        reader.heading()?;
        let mut found: Vec<(String, Vec<Vec<Fed>>, Place)> = Vec::new();
        let mut outputs: Vec<(String, Vec<usize>, Place)> = Vec::new();
        while !reader.take(")") {
            let place = reader.place();
            let key = reader.word().ok_or_else(|| reader.wrong("`normal`, `reduce`, or `)`"))?;
            let (cell, is_output) = match key.strip_suffix("_concat") {
                Some(cell) => (cell.to_owned(), true),
                None => (key.clone(), false),
            };
            if !CELLS.contains(&cell.as_str()) {
                return Err(Error::new(format!("a published genotype has no `{key}`"))
                    .at(place)
                    .expected("normal, normal_concat, reduce, reduce_concat"));
            }
            if found.iter().any(|(k, ..)| *k == key) || outputs.iter().any(|(k, ..)| *k == key) {
                return Err(Error::new(format!("`{key}` is given twice")).at(place));
            }
            reader.expect("=")?;
            if is_output {
                outputs.push((key, reader.numbers()?, place));
            } else {
                found.push((key, reader.nodes()?, place));
            }
            if !reader.take(",") {
                reader.expect(")")?;
                break;
            }
        }
        if !reader.rest().is_empty() {
            return Err(reader.wrong("nothing after the genotype"));
        }
        let mut cells = Vec::new();
        for name in CELLS {
            let Some((_, nodes, place)) = found.iter().find(|(key, ..)| key == name) else { continue };
            let concat = format!("{name}_concat");
            let Some((_, output, at)) = outputs.iter().find(|(key, ..)| *key == concat) else {
                return Err(Error::new(format!("`{concat}` is missing"))
                    .at(place.clone())
                    .expected("the nodes that make the cell's output, such as range(2, 6)"));
            };
            let last = INPUTS + nodes.len() - 1;
            if output.is_empty() || output.iter().any(|node| !(INPUTS..=last).contains(node)) {
                return Err(Error::new(format!("`{concat}` names no nodes of the cell"))
                    .at(at.clone())
                    .expected(format!("nodes from {INPUTS} to {last}"))
                    .found(format!("{output:?}")));
            }
            let mut nodes = nodes.clone();
            // A stable sort, as everywhere: of edges from one node the first stays first.
            nodes.iter_mut().for_each(|list| list.sort_by_key(|fed| fed.from));
            cells.push(Cell { name, nodes, output: output.clone() });
        }
        match cells.first() {
            Some(cell) if cell.name == CELLS[0] => Ok(Self { cells }),
            _ => Err(Error::new("the genotype has no normal cell").at(Place::file(file)).expected("`normal=[…]`")),
        }
    }

    /// The genotype: of a space in which each edge can become what it did, with the stem, the preprocessing and the head of DARTS.
    ///
    /// # Errors
    /// Where the op sets lack an operation.
    pub fn genotype(&self, op_sets: &OpSets) -> Result<Genotype> {
        for fed in self.cells.iter().flat_map(|cell| cell.nodes.iter().flatten()) {
            op_sets.operation(&fed.operation).map_err(|e| e.at(fed.place.clone()))?;
        }
        let form = SpaceForm {
            space: 1,
            name: "published".to_owned(),
            cell_types: self.cells.iter().map(Cell::form).collect(),
            backbone: self.backbone(),
        };
        let json = serde_json::to_value(&form).map_err(|e| Error::new(format!("the genotype's space: {e}")))?;
        let space = Space::from_node(&Node::from_json(&json, "<genotype>"), op_sets)?;
        Ok(Genotype::new(&space, &vec![Some(0); space.edge_count()]))
    }

    fn backbone(&self) -> BackboneForm {
        let fixed = |op: &str, channels: Option<&str>| FixedForm {
            op: op.to_owned(),
            params: Settings::new(),
            channels: channels.map(Expression::new),
        };
        let reductions = ["cells / 3", "2 * cells / 3"].map(Expression::new).to_vec();
        let except = self.cells.get(1).map(|cell| ExceptForm { at: reductions, cell_type: cell.name.to_owned() });
        let cells = StageForm {
            repeat: Expression::new("cells"),
            cell_type: Some(CELLS[0].to_owned()),
            except: except.into_iter().collect(),
            op: None,
            params: Settings::new(),
            channels: None,
            stride: None,
        };
        BackboneForm {
            stem: fixed("stem_cifar", Some("3 * channels")),
            cells: OneOrMany(vec![cells]),
            head: fixed("pool_linear", None),
        }
    }
}

impl Cell {
    fn form(&self) -> CellTypeForm {
        let edge = |(node, fed): (usize, &Fed)| EdgeForm {
            from: fed.from,
            to: INPUTS + node,
            candidates: Some(vec![CandidateForm::Name(fed.operation.clone())]),
        };
        let edges = self.nodes.iter().enumerate().flat_map(|(node, list)| list.iter().map(move |fed| (node, fed)));
        let reduces = self.name != CELLS[0];
        CellTypeForm {
            name: self.name.to_owned(),
            inputs: INPUTS,
            nodes: self.nodes.len(),
            edges: EdgesForm { from: None, list: Some(edges.map(edge).collect()), candidates: Vec::new() },
            combine: CombineForm::Sum,
            output: OutputForm::Concat(self.output.clone()),
            preprocess: Some(PreprocessForm {
                op: "relu_conv_bn".to_owned(),
                after_reduction: Some("factorized_reduce".to_owned()),
            }),
            stride: StrideForm { from_inputs: if reduces { 2 } else { 1 } },
            channels: reduces.then(|| Expression::new("× 2")),
        }
    }
}

/// Reads a text from left to right.
struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    /// The byte that is next.
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, file: &'a Path) -> Self {
        Self { file, text, at: 0 }
    }

    /// What is left, without blanks and comments before it.
    fn rest(&mut self) -> &'a str {
        loop {
            let left = &self.text[self.at..];
            let trimmed = left.trim_start();
            self.at += left.len() - trimmed.len();
            match trimmed.strip_prefix('#') {
                Some(comment) => self.at += 1 + comment.find('\n').unwrap_or(comment.len()),
                None => return trimmed,
            }
        }
    }

    fn place(&mut self) -> Place {
        self.rest();
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place::at(self.file, line, column).with_text(Arc::<str>::from(self.text))
    }

    fn wrong(&mut self, expected: &str) -> Error {
        let found: String = self.rest().chars().take_while(|c| *c != '\n').take(40).collect();
        Error::new("this is no published genotype")
            .at(self.place())
            .expected(expected)
            .found(if found.is_empty() { "the end".to_owned() } else { format!("`{found}`") })
            .help("such a text looks like Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), …], normal_concat=range(2, 6), …)")
    }

    /// Passes over a mark, if it is next.
    fn take(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    fn expect(&mut self, mark: &str) -> Result<()> {
        if self.take(mark) { Ok(()) } else { Err(self.wrong(&format!("`{mark}`"))) }
    }

    /// A word of letters, digits and `_`.
    fn word(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| rest[..end].to_owned())
    }

    fn number(&mut self) -> Result<usize> {
        let before = self.at;
        let number = self.word().and_then(|word| word.parse().ok());
        number.ok_or_else(|| {
            self.at = before;
            self.wrong("a whole number")
        })
    }

    /// `Genotype(`, perhaps with a name before it that it is given.
    fn heading(&mut self) -> Result<()> {
        let wanted = "`Genotype(`";
        let mut word = self.word();
        if word.as_deref() != Some("Genotype") && word.is_some() && self.take("=") {
            word = self.word();
        }
        if word.as_deref() != Some("Genotype") {
            return Err(self.wrong(wanted));
        }
        self.expect("(")
    }

    /// `range(2, 6)`, or a list of numbers.
    fn numbers(&mut self) -> Result<Vec<usize>> {
        let before = self.at;
        if self.word().as_deref() == Some("range") {
            self.expect("(")?;
            let first = self.number()?;
            self.expect(",")?;
            let end = self.number()?;
            self.expect(")")?;
            return Ok((first..end.min(first.saturating_add(1000))).collect());
        }
        self.at = before;
        self.list(Self::number)
    }

    /// What stands between brackets, with commas between its parts.
    fn list<T>(&mut self, part: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let end = if self.take("(") {
            ")"
        } else {
            self.expect("[")?;
            "]"
        };
        let mut list = Vec::new();
        while !self.take(end) {
            list.push(part(self)?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(list)
    }

    /// `('sep_conv_3x3', 1)`; the node that it feeds is not known yet.
    fn fed(&mut self) -> Result<Fed> {
        self.expect("(")?;
        let place = self.place();
        let quote = ["'", "\""].into_iter().find(|quote| self.take(quote));
        let Some(quote) = quote else { return Err(self.wrong("the name of an operation in quotes")) };
        let rest = &self.text[self.at..];
        let Some(end) =
            rest.find([quote.chars().next().unwrap_or('\''), '\n']).filter(|end| rest[*end..].starts_with(quote))
        else {
            return Err(self.wrong("a name that ends with a quote"));
        };
        let operation = rest[..end].to_owned();
        self.at += end + 1;
        self.expect(",")?;
        let from = self.number()?;
        self.expect(")")?;
        Ok(Fed { operation, from, place })
    }

    /// What feeds each node.
    fn nodes(&mut self) -> Result<Vec<Vec<Fed>>> {
        let start = self.place();
        let before = self.at;
        let nested = self.take("[") && (self.take("[") || (self.take("(") && self.take("(")));
        self.at = before;
        let nodes = if nested {
            self.list(|reader| reader.list(Self::fed))?
        } else {
            let list = self.list(Self::fed)?;
            if !list.len().is_multiple_of(2) {
                return Err(Error::new("the cell's last node is fed by one edge alone")
                    .at(start)
                    .expected("two entries for each node, or a list of its own for each node")
                    .found(format!("{} entries", list.len())));
            }
            list.chunks(2).map(<[Fed]>::to_vec).collect()
        };
        if nodes.is_empty() {
            return Err(Error::new("the cell has no node").at(start).expected("entries ('operation', node)"));
        }
        for (number, list) in nodes.iter().enumerate() {
            let node = INPUTS + number;
            if let Some(fed) = list.iter().find(|fed| fed.from >= node) {
                return Err(Error::new(format!("node {node} reads node {}", fed.from))
                    .at(fed.place.clone())
                    .expected(format!("a node before it: 0 to {}", node - 1)));
            }
        }
        Ok(nodes)
    }
}
