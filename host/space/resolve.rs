//! From a space's YAML form to a [`Space`]: `like` filled in, edges numbered, candidates found, everything checked.

use super::expression::Expression;
use super::form::{
    BackboneForm, CandidateForm, CellTypeForm, CombineForm, EdgeForm, FixedForm, FromRule, OutputForm, SpaceForm,
    StageForm,
};
use crate::error::{Error, Result, nearest};
use crate::extension::Settings;
use crate::graph::{Arguments, Form, OpSets, Operation};
use crate::spec::{Node, Value, decode};

pub use super::form::{CombineForm as Combine, OutputForm as Output};

/// A search space whose operations were found.
#[derive(Debug, Clone)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// The cell types, in the order that numbers the edges.
    pub cell_types: Vec<CellType>,
    /// The stem.
    pub stem: Fixed,
    /// The head.
    pub head: Fixed,
    /// The form that it came from, whole in itself.
    pub form: SpaceForm,
    fixed: Vec<Option<Fixed>>,
}

/// A cell type.
#[derive(Debug, Clone)]
pub struct CellType {
    /// Its name.
    pub name: String,
    /// The number of input nodes.
    pub inputs: usize,
    /// The number of intermediate nodes.
    pub nodes: usize,
    /// The edges, by (to, from).
    pub edges: Vec<Edge>,
    /// The index of the first edge over all cell types.
    pub first_edge: usize,
    /// How a node combines what its edges bring.
    pub combine: Combine,
    /// What the cell returns.
    pub output: Output,
    /// What inputs pass first: at equal resolution, and at a higher one.
    pub preprocess: Option<(Operation, Operation)>,
    channels: Option<Expression>,
}

/// An edge of a cell type.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// Its stride.
    pub stride: i64,
    /// What it may become.
    pub candidates: Vec<Candidate>,
}

impl Edge {
    /// Per candidate: whether it carries anything. One whose layer graph is zero (`none`) does not.
    pub fn carries(&self) -> Vec<bool> {
        self.candidates.iter().map(|c| c.carries).collect()
    }
}

/// One operation that an edge may become.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The name, as specs, scripts and genotypes write it.
    pub name: String,
    /// The operation.
    pub operation: Operation,
    /// Its parameters.
    pub parameters: Settings,
    /// Whether it carries anything: its layer graph is not zero.
    pub carries: bool,
}

/// A fixed operation of the backbone.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The operation.
    pub operation: Operation,
    /// Its parameters.
    pub parameters: Settings,
    channels: Option<Expression>,
}

/// One stage of a backbone of a certain depth and width.
#[derive(Debug, Clone)]
pub enum Stage {
    /// A cell.
    Cell {
        /// Its type, by position in [`Space::cell_types`].
        cell_type: usize,
        /// The channels of its nodes.
        channels: i64,
    },
    /// A fixed operation.
    Fixed {
        /// The operation.
        operation: Box<Fixed>,
        /// Channels that come out.
        channels: i64,
        /// Its stride.
        stride: i64,
    },
}

/// A backbone of a certain depth and width.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Channels that the stem returns.
    pub stem_channels: i64,
    /// The stages.
    pub stages: Vec<Stage>,
}

/// The most edges that a cell type, and the most stages that a backbone may have.
const MOST: usize = 10_000;

impl Space {
    /// A space from its YAML tree.
    ///
    /// # Errors
    /// Where the tree is not of the form, or says something that cannot be built; the message names the place.
    pub fn from_node(node: &Node, op_sets: &OpSets) -> Result<Self> {
        let node = fill_in(node)?;
        let form: SpaceForm = decode(&node, "the space")?;
        if form.space != 1 {
            return Err(Error::new("this space is written in another version of the form")
                .at(node.place_of("space"))
                .expected("space: 1")
                .found(format!("space: {}", form.space)));
        }
        let mut cell_types: Vec<CellType> = Vec::new();
        let mut first_edge = 0;
        for (i, cell) in form.cell_types.iter().enumerate() {
            let path = format!("cell_types.{i}");
            if cell_types.iter().any(|c| c.name == cell.name) {
                return Err(Error::new(format!("two cell types are named `{}`", cell.name))
                    .at(node.place_of(&format!("{path}.name"))));
            }
            let cell = cell_type(cell, first_edge, op_sets, &|rest| node.place_of(&format!("{path}.{rest}")))?;
            first_edge += cell.edges.len();
            cell_types.push(cell);
        }
        if cell_types.is_empty() {
            return Err(Error::new("the space has no cell type").at(node.place_of("cell_types")));
        }
        let place = |rest: String| node.place_of(&format!("backbone.{rest}"));
        let find = |fixed: &FixedForm, name: &str| {
            let operation = op_sets.operation(&fixed.op).map_err(|e| e.at(place(format!("{name}.op"))))?.clone();
            operation.arguments(&fixed.params).map_err(|e| e.at(place(format!("{name}.params"))))?;
            Ok(Fixed { operation, parameters: fixed.params.clone(), channels: fixed.channels.clone() })
        };
        let (stem, head) = (find(&form.backbone.stem, "stem")?, find(&form.backbone.head, "head")?);
        let mut fixed = Vec::new();
        for (i, stage) in form.backbone.cells.0.iter().enumerate() {
            let name = match node.get("backbone.cells").map(|n| &n.value) {
                Some(Value::Sequence(_)) => format!("cells.{i}"),
                _ => "cells".to_owned(),
            };
            fixed.push(check_stage(stage, &name, &cell_types, &find, &place)?);
        }
        let space = Self { name: form.name.clone(), cell_types, stem, head, form, fixed };
        Ok(space)
    }

    /// The number of edges over all cell types.
    pub fn edge_count(&self) -> usize {
        self.cell_types.iter().map(|c| c.edges.len()).sum()
    }

    /// All edges, by their index over all cell types, each with its cell type.
    pub fn edges(&self) -> impl Iterator<Item = (&CellType, &Edge)> {
        self.cell_types.iter().flat_map(|cell| cell.edges.iter().map(move |edge| (cell, edge)))
    }

    /// Per edge over all cell types and candidate: whether it carries anything.
    pub fn carries(&self) -> Vec<Vec<bool>> {
        self.edges().map(|(_, edge)| edge.carries()).collect()
    }

    /// All operations that it names, candidates and those around them; one that it names twice comes twice.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        let fixed =
            [&self.stem, &self.head].into_iter().chain(self.fixed.iter().flatten()).map(|fixed| &fixed.operation);
        let preprocess = self.cell_types.iter().filter_map(|cell| cell.preprocess.as_ref());
        let preprocess = preprocess.flat_map(|(same, after)| [same, after]);
        let candidates = self.edges().flat_map(|(_, edge)| edge.candidates.iter().map(|c| &c.operation));
        fixed.chain(preprocess).chain(candidates)
    }

    /// The backbone at a depth of `cells` and a width of `channels`.
    ///
    /// # Errors
    /// Where an expression has no value, or nothing is left.
    pub fn layout(&self, cells: i64, channels: i64) -> Result<Layout> {
        let variables = [("cells", cells), ("channels", channels)];
        let value = |e: &Expression, before| e.value(&variables, before);
        let named = |e: Error| e.context(format!("laying out the backbone of space `{}`", self.name));
        let BackboneForm { cells: stages, .. } = &self.form.backbone;
        let stem_channels = match &self.stem.channels {
            Some(e) => value(e, channels).map_err(named)?,
            None => channels,
        };
        let mut width = channels;
        let mut list = Vec::new();
        for (form, fixed) in stages.0.iter().zip(&self.fixed) {
            let repeat = value(&form.repeat, 1).map_err(named)? as usize;
            let mut types = vec![form.cell_type.as_deref(); repeat.min(MOST + 1)];
            for except in &form.except {
                for at in &except.at {
                    // A depth that has no such position simply has no such cell.
                    if let Some(place) = types.get_mut(value(at, 0).map_err(named)? as usize) {
                        *place = Some(&except.cell_type);
                    }
                }
            }
            for name in types {
                if let Some(e) = &form.channels {
                    width = value(e, width).map_err(named)?;
                }
                if let Some(operation) = fixed {
                    let stride = form.stride.unwrap_or(1);
                    list.push(Stage::Fixed { operation: Box::new(operation.clone()), channels: width, stride });
                } else if let Some(t) = self.cell_types.iter().position(|c| Some(c.name.as_str()) == name) {
                    if let Some(e) = &self.cell_types[t].channels {
                        width = value(e, width).map_err(named)?;
                    }
                    list.push(Stage::Cell { cell_type: t, channels: width });
                }
            }
            if list.len() > MOST || width < 1 {
                return Err(named(
                    Error::new("the backbone has an impossible size")
                        .expected(format!("at most {MOST} stages, and at least one channel"))
                        .found(format!("{} stages, {width} channels", list.len())),
                ));
            }
        }
        if list.is_empty() {
            return Err(named(Error::new(format!("the backbone has no stage at `cells: {cells}`"))));
        }
        Ok(Layout { stem_channels, stages: list })
    }
}

/// Replaces every `like` by what it stands for.
fn fill_in(node: &Node) -> Result<Node> {
    let mut node = node.clone();
    let Value::Mapping(entries) = &mut node.value else { return Ok(node) };
    let Some(list) = entries.iter_mut().find(|e| e.key == "cell_types") else { return Ok(node) };
    let Value::Sequence(types) = &mut list.node.value else { return Ok(node) };
    for i in 0..types.len() {
        let Value::Mapping(entries) = &mut types[i].value else { continue };
        let Some(at) = entries.iter().position(|e| e.key == "like") else { continue };
        let like = entries.remove(at);
        let names: Vec<&str> = types[..i].iter().filter_map(|t| t.get("name").and_then(Node::as_str)).collect();
        let wanted = like.node.as_str().unwrap_or_default();
        let Some(model) = names.iter().position(|name| *name == wanted) else {
            return Err(Error::new(format!("there is no cell type `{wanted}` before this one"))
                .at(like.node.place())
                .expected(if names.is_empty() { "no `like`".to_owned() } else { names.join(", ") })
                .help_if(nearest(wanted, names)));
        };
        let model = types[..i].iter().filter(|t| t.get("name").is_some()).nth(model).cloned();
        if let Some(model) = model {
            // What the cell type says itself replaces what its model says, key by key, without mixing.
            let merged = merge_shallow(model, types[i].clone());
            types[i] = merged;
        }
    }
    Ok(node)
}

fn merge_shallow(model: Node, own: Node) -> Node {
    let mark = own.mark().clone();
    let (Value::Mapping(mut entries), Value::Mapping(own)) = (model.value, own.value) else {
        return Node::new(Value::Null, mark);
    };
    for entry in own {
        match entries.iter_mut().find(|e| e.key == entry.key) {
            Some(place) => *place = entry,
            None => entries.push(entry),
        }
    }
    Node::new(Value::Mapping(entries), mark)
}

type PlaceOf<'a> = &'a dyn Fn(&str) -> crate::error::Place;

fn cell_type(form: &CellTypeForm, first_edge: usize, op_sets: &OpSets, place: PlaceOf) -> Result<CellType> {
    form.check_size(place)?;
    let nodes = form.inputs + form.nodes;
    let shared = candidates(&form.edges.candidates, op_sets, &|i| place(&format!("edges.candidates.{i}")))?;
    let mut edges = Vec::new();
    for (to, from, own) in pairs(form, place)? {
        let candidates = match own {
            Some((number, own)) => {
                candidates(own, op_sets, &|i| place(&format!("edges.list.{number}.candidates.{i}")))?
            }
            None => shared.clone(),
        };
        if candidates.is_empty() {
            return Err(Error::new(format!("the edge from {from} to {to} has no candidate")).at(place("edges")));
        }
        let stride = if from < form.inputs { form.stride.from_inputs } else { 1 };
        edges.push(Edge { from, to, stride, candidates });
    }
    if edges.is_empty() || edges.len() > MOST {
        return Err(Error::new(format!("cell type `{}` has {} edges", form.name, edges.len()))
            .at(place("edges"))
            .expected(format!("1 to {MOST}")));
    }
    if !(1..=64).contains(&form.stride.from_inputs) {
        return Err(Error::new("the stride is out of range").at(place("stride")).expected("1 to 64"));
    }
    let outputs: &[usize] = match &form.output {
        OutputForm::Concat(list) | OutputForm::Sum(list) => list,
        OutputForm::Node(node) => std::slice::from_ref(node),
    };
    if outputs.is_empty() || outputs.iter().any(|n| *n < form.inputs || *n >= nodes) {
        return Err(Error::new(format!("the output of cell type `{}` names no intermediate node", form.name))
            .at(place("output"))
            .expected(format!("nodes {} to {}", form.inputs, nodes - 1))
            .found(format!("{outputs:?}")));
    }
    let preprocess = match &form.preprocess {
        None => None,
        Some(p) => {
            let find = |name: &str, key| op_sets.operation(name).cloned().map_err(|e| e.at(place(key)));
            let same = find(&p.op, "preprocess.op")?;
            let after = match &p.after_reduction {
                Some(name) => find(name, "preprocess.after_reduction")?,
                None => same.clone(),
            };
            Some((same, after))
        }
    };
    Ok(CellType {
        name: form.name.clone(),
        inputs: form.inputs,
        nodes: form.nodes,
        edges,
        first_edge,
        combine: form.combine,
        output: form.output.clone(),
        preprocess,
        channels: form.channels.clone(),
    })
}

/// (to, from, candidates of its own) of every edge, by (to, from).
type Pairs<'a> = Vec<(usize, usize, Option<(usize, &'a [CandidateForm])>)>;

fn pairs<'a>(form: &'a CellTypeForm, place: PlaceOf) -> Result<Pairs<'a>> {
    let intermediate = form.inputs..form.inputs + form.nodes;
    let mut pairs: Pairs = Vec::new();
    match (&form.edges.from, &form.edges.list) {
        (Some(rule), None) => {
            for to in intermediate {
                let from = match rule {
                    FromRule::AllBefore => 0..to,
                    FromRule::Previous => to - 1..to,
                    FromRule::Inputs => 0..form.inputs,
                };
                pairs.extend(from.map(|from| (to, from, None)));
            }
        }
        (None, Some(list)) => {
            for (number, EdgeForm { from, to, candidates }) in list.iter().enumerate() {
                let place = || place(&format!("edges.list.{number}"));
                if !intermediate.contains(to) || from >= to {
                    return Err(Error::new("an edge leads from a node to an intermediate node after it")
                        .at(place())
                        .expected(format!("to: {} to {}, from: a lower one", intermediate.start, intermediate.end - 1))
                        .found(format!("from: {from}, to: {to}")));
                }
                pairs.push((*to, *from, candidates.as_deref().map(|c| (number, c))));
            }
            // A stable sort: of edges between the same nodes the first stays first.
            pairs.sort_by_key(|(to, from, _)| (*to, *from));
        }
        _ => {
            return Err(Error::new("the edges are said either by a rule or by a list")
                .at(place("edges"))
                .expected("`from: all_before`, `from: previous`, `from: inputs`, or `list: [{from: 0, to: 2}, …]`"));
        }
    }
    Ok(pairs)
}

fn candidates(
    forms: &[CandidateForm],
    op_sets: &OpSets,
    place: &dyn Fn(usize) -> crate::error::Place,
) -> Result<Vec<Candidate>> {
    let none = Settings::new();
    let mut list: Vec<Candidate> = Vec::new();
    for (i, form) in forms.iter().enumerate() {
        let (name, op, parameters) = match form {
            CandidateForm::Name(name) => (name.rsplit(':').next().unwrap_or(name), name, &none),
            CandidateForm::Named(n) => (n.name.as_str(), &n.op, &n.params),
        };
        let found = || {
            let operation = op_sets.operation(op)?.clone();
            operation.arguments(parameters)?;
            let unfit = |outputs: usize| {
                Error::new(format!("operation `{op}` cannot be a candidate"))
                    .expected("one input and one output")
                    .found(format!("{} and {outputs}", operation.inputs))
            };
            if (operation.inputs, operation.outputs.unwrap_or(1)) != (1, 1) {
                return Err(unfit(operation.outputs.unwrap_or(1)));
            }
            if list.iter().any(|c| c.name == name) {
                return Err(Error::new(format!("the candidate `{name}` is named twice")));
            }
            // Any size will do to see whether it is zero. One that refuses these sizes is not: whether it takes those of the
            // network shows when that is built.
            let arguments = Arguments { channels_out: 16, stride: 1, form: Form::Search, classes: 10 };
            let carries = match operation.build(parameters, &arguments, &[vec![16, 16, 16]]) {
                Ok(graph) if graph.outputs.len() != 1 => return Err(unfit(graph.outputs.len())),
                Ok(graph) => !graph.is_zero(),
                Err(_) => true,
            };
            Ok((operation, carries))
        };
        let (operation, carries) = found().map_err(|e| e.at(place(i)))?;
        list.push(Candidate { name: name.to_owned(), operation, parameters: parameters.clone(), carries });
    }
    Ok(list)
}

fn check_stage(
    stage: &StageForm,
    name: &str,
    cell_types: &[CellType],
    find: &dyn Fn(&FixedForm, &str) -> Result<Fixed>,
    place: &dyn Fn(String) -> crate::error::Place,
) -> Result<Option<Fixed>> {
    let known: Vec<&str> = cell_types.iter().map(|c| c.name.as_str()).collect();
    let mut named = Vec::new();
    named.extend(stage.cell_type.iter().map(|wanted| (wanted, format!("{name}.type"))));
    named.extend(stage.except.iter().enumerate().map(|(i, e)| (&e.cell_type, format!("{name}.except.{i}.type"))));
    for (wanted, path) in named {
        if !known.contains(&wanted.as_str()) {
            return Err(Error::new(format!("there is no cell type `{wanted}`"))
                .at(place(path))
                .expected(known.join(", "))
                .help_if(nearest(wanted, known.iter().copied())));
        }
    }
    match (&stage.cell_type, &stage.op) {
        (Some(_), None) => Ok(None),
        (None, Some(op)) => {
            let fixed = FixedForm { op: op.clone(), params: stage.params.clone(), channels: None };
            find(&fixed, name).map(Some)
        }
        _ => Err(Error::new("a stage is either cells of a type or an operation")
            .at(place(name.to_owned()))
            .expected("`type: …` or `op: …`")),
    }
}

impl CombineForm {
    /// The factor by which a node's sum is multiplied when it has this many edges; `None` for 1.
    pub fn factor(self, edges: usize) -> Option<f64> {
        match self {
            CombineForm::Sum => None,
            CombineForm::Mean => Some(1.0 / edges as f64),
        }
    }
}
