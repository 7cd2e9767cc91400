//! Cells as classes: one for each cell type, or for each form that its cells have.

use super::class::{Classes, Item};
use super::code::Code;
use super::graph::{Body, Line, Module, own};
use super::layer::zeros;
use super::names::within_doc;
use super::numbers::Role;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::space::{CellType, Combine, Output};
use crate::supernet::{Block, Cell, Route};
use std::collections::HashMap;

/// The classes of the operations, and the position of each block among their items. What hands on its input has none.
pub(super) struct Operations {
    pub(super) classes: Classes,
    pub(super) items: HashMap<String, usize>,
}

impl Operations {
    pub(super) fn item(&self, block: &Block) -> Option<usize> {
        self.items.get(&block.name).copied()
    }
}

fn variable(node: usize) -> Code {
    Code::text(format!("s{node}"))
}

/// A cell as an item of the classes of cells.
pub(super) fn item(model: &Model, cell: &Cell, operations: &Operations) -> Result<Item> {
    let form = &model.network.space.cell_types[cell.cell_type];
    let route = Route::of(form, cell, &model.plan);
    let mut body = Body::default();
    let mut modules = Vec::new();
    for k in (0..form.inputs).filter(|k| cell.preprocess[*k].is_some()) {
        let name = format!("preprocess{k}");
        let remark = (!route.needed[k]).then(|| "nothing reads it".to_owned());
        body.modules.push(Module::Attribute(name.clone(), Code::text(&name), remark));
        if route.needed[k] {
            body.lines.push(Line::Assign(format!("s{k}"), own(&name, variable(k))));
        }
        modules.push(name);
    }
    for (position, edge) in form.edges.iter().enumerate() {
        for block in cell.edges[position].iter().flatten() {
            let Some(item) = operations.item(block) else { continue };
            let code = operations.classes.call(item, Vec::new(), &mut body.numbers);
            let mut remark = format!("{} → {}", edge.from, edge.to);
            if !route.active[position] {
                remark.push_str(", which nothing reads");
            }
            body.modules.push(Module::Attribute(format!("edge{position}"), code, Some(remark)));
        }
    }
    for node in (form.inputs..form.inputs + form.nodes).filter(|node| route.needed[*node]) {
        let code = combined(form, cell, &route, node, operations, &mut body)?;
        body.lines.push(Line::Assign(format!("s{node}"), code));
    }
    let list = |nodes: &[usize]| nodes.iter().map(|node| variable(*node)).collect::<Vec<_>>();
    let output = match &form.output {
        Output::Node(node) => variable(*node),
        Output::Sum(nodes) => Code::Sum(list(nodes)),
        Output::Concat(nodes) => match nodes[..] {
            [node] => variable(node),
            _ => {
                let names: Vec<String> = nodes.iter().map(|node| format!("s{node}")).collect();
                Code::call("torch.cat", vec![Code::text(format!("[{}]", names.join(", "))), Code::text("dim=1")])
            }
        },
    };
    body.lines.push(Line::Return(output));
    let name = if form.name.to_lowercase().ends_with("cell") { String::new() } else { "_cell".to_owned() };
    let mut bases = vec![("c".to_owned(), cell.node[0])];
    for (k, block) in cell.preprocess.iter().enumerate() {
        if block.is_none() {
            // All edges from an input have its channels, whatever they make of them.
            let first = form.edges.iter().position(|edge| edge.from == k && edge.to >= form.inputs);
            let block = first.and_then(|position| cell.edges[position].iter().flatten().next());
            if let Some(block) = block {
                bases.push((format!("c{k}"), block.graph.shapes[0][0]));
            }
        }
    }
    let doc = format!("Cell type `{}`: `s0`, `s1`, … are its nodes, {}.", within_doc(&form.name), inputs(form.inputs));
    let names = (0..form.inputs).map(|k| format!("s{k}")).collect();
    Ok(Item { wanted: format!("{}{name}", form.name), doc, candidate: None, modules, inputs: names, body, bases })
}

fn inputs(count: usize) -> String {
    match count {
        1 => "the first its input".to_owned(),
        2 => "the first two its inputs".to_owned(),
        count => format!("the first {count} its inputs"),
    }
}

/// What a node is: the combination of what its edges bring, or zeros where there are none.
fn combined(
    form: &CellType,
    cell: &Cell,
    route: &Route,
    node: usize,
    operations: &Operations,
    body: &mut Body,
) -> Result<Code> {
    let mut terms = Vec::new();
    let mut edges = 0;
    for (position, edge) in form.edges.iter().enumerate().filter(|(_, edge)| edge.to == node) {
        edges += 1;
        let blocks: Vec<&Block> = cell.edges[position].iter().flatten().collect();
        match blocks[..] {
            _ if !route.active[position] => {}
            [block] if operations.item(block).is_some() => {
                terms.push(own(&format!("edge{position}"), variable(edge.from)));
            }
            [_] => terms.push(variable(edge.from)),
            _ => {
                return Err(Error::new(format!("edge {position} of cell type `{}` is no single operation", form.name))
                    .expected("a derived network"));
            }
        }
    }
    Ok(match (terms.len(), form.combine) {
        (0, _) => {
            let stride = form.edges.iter().map(|edge| edge.stride).max().unwrap_or(1);
            let mut number = |value| Code::Number(body.numbers.add(Role::Named("stride".to_owned()), value));
            let stride = (stride != 1).then(|| number(stride));
            let channels = Code::Number(body.numbers.add(Role::Channels, cell.node[0]));
            zeros(variable(form.inputs - 1), channels, stride)
        }
        (1, Combine::Sum) => terms.remove(0),
        (_, Combine::Sum) => Code::Sum(terms),
        (_, Combine::Mean) if edges == 1 => Code::Sum(terms),
        (_, Combine::Mean) => Code::Joined(vec![Code::text("("), Code::Sum(terms), Code::text(format!(") / {edges}"))]),
    })
}
