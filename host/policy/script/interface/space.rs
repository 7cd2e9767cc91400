//! The space as scripts see it, and how scripts name edges and candidates.

use crate::error::{Error, Result, nearest};
use crate::extension::interface::Interface;
use crate::policy::view::{EdgeView, SpaceView};
use rhai::{Array, Dynamic, INT};
use std::sync::Arc;

/// The space.
#[derive(Clone)]
pub(in super::super) struct SpaceValue {
    view: Arc<SpaceView>,
}

impl SpaceValue {
    pub(in super::super) fn new(view: &Arc<SpaceView>) -> Self {
        Self { view: view.clone() }
    }

    fn edges(&mut self) -> Array {
        (0..self.view.edges.len()).map(|index| Dynamic::from(EdgeValue { view: self.view.clone(), index })).collect()
    }
}

/// An edge.
#[derive(Clone)]
pub(super) struct EdgeValue {
    view: Arc<SpaceView>,
    index: usize,
}

impl EdgeValue {
    fn edge(&self) -> &EdgeView {
        &self.view.edges[self.index]
    }
}

/// The index of an edge, which is given as itself or by its index.
pub(super) fn edge_index(edge: &Dynamic, view: &SpaceView) -> Result<usize> {
    let count = view.edges.len();
    let index = match (edge.as_int(), edge.read_lock::<EdgeValue>()) {
        (Ok(index), _) => usize::try_from(index).ok().filter(|i| *i < count),
        (_, Some(edge)) => Some(edge.index).filter(|i| *i < count),
        _ => {
            return Err(Error::new("this is no edge")
                .expected("an edge of `turn.space.edges`, or its index")
                .found(format!("a value of type {}", super::super::type_name(edge))));
        }
    };
    index.ok_or_else(|| {
        Error::new("the space has no such edge")
            .expected(format!("an index from 0 to {}", count.saturating_sub(1)))
            .found(edge.to_string())
    })
}

/// The position of a candidate in its edge's row, which is given by name or as that position.
pub(super) fn candidate_index(candidate: &Dynamic, edge: &EdgeView) -> Result<usize> {
    let unknown = |found: String, help| {
        Error::new(format!("edge {} has no such candidate", edge.index))
            .expected(format!("one of {}, or its number from 0", edge.candidates.join(", ")))
            .found(found)
            .help_if(help)
    };
    if let Ok(index) = candidate.as_int() {
        let index_in = usize::try_from(index).ok().filter(|i| *i < edge.candidates.len());
        return index_in.ok_or_else(|| unknown(index.to_string(), None));
    }
    let name = candidate
        .read_lock::<rhai::ImmutableString>()
        .ok_or_else(|| unknown(format!("a value of type {}", super::super::type_name(candidate)), None))?;
    edge.candidates.iter().position(|c| *c == name.as_str()).ok_or_else(|| {
        unknown(format!("`{}`", name.as_str()), nearest(&name, edge.candidates.iter().map(String::as_str)))
    })
}

/// The positions of several candidates, in order, each once.
pub(super) fn subset(candidates: &Array, edge: &EdgeView) -> Result<Vec<usize>> {
    if candidates.is_empty() {
        return Err(Error::new(format!("the gate of edge {} has an empty subset", edge.index))
            .expected("at least one candidate"));
    }
    let mut list: Vec<usize> = candidates.iter().map(|c| candidate_index(c, edge)).collect::<Result<_>>()?;
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

fn texts(list: &[String]) -> Array {
    list.iter().map(|name| Dynamic::from(name.clone())).collect()
}

pub(super) fn register(api: &mut Interface) {
    api.subject("The space")
        .named::<SpaceValue>("Space")
        .property("space.edges: Array", "All edges, by index.", SpaceValue::edges)
        .property("space.cells: Array", "The names of the cell types.", |s: &mut SpaceValue| texts(&s.view.cells));
    api.subject("An edge")
        .named::<EdgeValue>("Edge")
        .property("edge.index: int", "Its number over all cell types, from 0.", |e: &mut EdgeValue| e.index as INT)
        .property("edge.cell: String", "Its cell type.", |e: &mut EdgeValue| e.edge().cell.clone())
        .property("edge.position: int", "Its number within the cell type, from 0.", |e: &mut EdgeValue| {
            e.edge().position as INT
        })
        .property("edge.from: int", "The node that it comes from.", |e: &mut EdgeValue| e.edge().from as INT)
        .property("edge.to: int", "The node that it leads to.", |e: &mut EdgeValue| e.edge().to as INT)
        .property("edge.candidates: Array", "The names of its candidates.", |e: &mut EdgeValue| {
            texts(&e.edge().candidates)
        });
    api.engine()
        .register_fn("to_string", |edge: &mut EdgeValue| format!("edge {}", edge.index))
        .register_fn("to_debug", |edge: &mut EdgeValue| format!("edge {}", edge.index))
        .register_fn("==", |a: EdgeValue, b: EdgeValue| a.index == b.index)
        .register_fn("!=", |a: EdgeValue, b: EdgeValue| a.index != b.index);
}
