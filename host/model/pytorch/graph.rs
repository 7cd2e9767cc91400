//! A layer graph as the body of a class: the modules that it owns, and the lines of its `forward`.

use super::code::{Argument, Code, WIDTH};
use super::layer::{self, Piece};
use super::module;
use super::numbers::Numbers;
use crate::error::Result;
use crate::graph::{Layer, LayerGraph, Node, ValueId};

/// The body of a class, its numbers left open.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// What its constructor makes.
    pub(super) modules: Vec<Module>,
    /// What its `forward` does.
    pub(super) lines: Vec<Line>,
    pub(super) numbers: Numbers,
}

/// What a constructor makes.
#[derive(Debug)]
pub(super) enum Module {
    /// An attribute, with what a reader should know.
    Attribute(String, Code, Option<String>),
    /// A tensor that training leaves alone.
    Buffer(String, Code),
}

/// A line of `forward`.
#[derive(Debug)]
pub(super) enum Line {
    Assign(String, Code),
    Return(Code),
}

impl Body {
    /// The body for a graph without kernels. `forward` takes `x`.
    pub(super) fn of(graph: &LayerGraph) -> Result<Self> {
        let mut writer = Writer::new(graph);
        for (number, node) in graph.nodes.iter().enumerate() {
            module::module(graph, node, number, &mut writer.body)?;
            if writer.needed[number] {
                writer.node(node, number)?;
            }
        }
        Ok(writer.finish())
    }

    /// The same for bodies that differ in their numbers alone.
    pub(super) fn form(&self) -> String {
        let modules = self.modules.iter().map(|module| match module {
            Module::Attribute(name, code, remark) => format!("{name} = {} {remark:?}", code.form(&self.numbers.0)),
            Module::Buffer(name, code) => format!("buffer {name} = {}", code.form(&self.numbers.0)),
        });
        let lines = self.lines.iter().map(|line| match line {
            Line::Assign(name, code) => format!("{name} = {}", code.form(&self.numbers.0)),
            Line::Return(code) => format!("return {}", code.form(&self.numbers.0)),
        });
        modules.chain(lines).collect::<Vec<_>>().join("\n")
    }
}

/// The names of variables, in the order in which they are taken.
const VARIABLES: [&str; 6] = ["x", "y", "z", "u", "v", "w"];

/// How long an expression may become.
const LONG: usize = WIDTH - 8;

/// A value that is there.
enum Held {
    Variable(String),
    /// Not written yet: what reads it takes it in.
    Pending(Piece),
}

struct Writer<'a> {
    graph: &'a LayerGraph,
    /// Per layer: whether something that is returned follows from it.
    needed: Vec<bool>,
    /// Per value: how often it is still read.
    left: Vec<usize>,
    held: Vec<Option<Held>>,
    body: Body,
    batch: bool,
}

impl<'a> Writer<'a> {
    fn new(graph: &'a LayerGraph) -> Self {
        let mut needed = vec![false; graph.nodes.len()];
        let mut left = vec![0; graph.shapes.len()];
        graph.outputs.iter().for_each(|output| left[*output] += 1);
        for (number, node) in graph.nodes.iter().enumerate().rev() {
            needed[number] = node.outputs.iter().any(|output| left[*output] > 0);
            if needed[number] {
                node.inputs.iter().for_each(|input| left[*input] += 1);
            }
        }
        let mut held: Vec<Option<Held>> = graph.shapes.iter().map(|_| None).collect();
        held[0] = Some(Held::Variable("x".to_owned()));
        Self { graph, needed, left, held, body: Body::default(), batch: false }
    }

    /// Whether a variable may be given another value.
    fn is_free(&self, name: &str) -> bool {
        !self.held.iter().enumerate().any(|(value, held)| match held {
            Some(Held::Variable(variable)) => variable == name && self.left[value] > 0,
            Some(Held::Pending(piece)) => piece.reads.iter().any(|read| read == name),
            None => false,
        })
    }

    fn variable(&self, taken: &[String]) -> String {
        let more = (1..).map(|number| format!("x{number}"));
        let mut names = VARIABLES.iter().map(|name| (*name).to_owned()).chain(more);
        names.find(|name| self.is_free(name) && !taken.contains(name)).unwrap_or_default()
    }

    /// Writes a pending value into a variable.
    fn settle(&mut self, value: ValueId) {
        match self.held[value].take() {
            Some(Held::Pending(piece)) => {
                let name = self.variable(&[]);
                self.body.lines.push(Line::Assign(name.clone(), piece.code));
                self.held[value] = Some(Held::Variable(name));
            }
            other => self.held[value] = other,
        }
    }

    /// The code that reads a value.
    fn take(&mut self, value: ValueId) -> Piece {
        self.left[value] = self.left[value].saturating_sub(1);
        match self.held[value].take() {
            Some(Held::Pending(piece)) => piece,
            Some(Held::Variable(name)) => {
                let piece = Piece::variable(&name);
                self.held[value] = Some(Held::Variable(name));
                piece
            }
            None => Piece::variable("x"),
        }
    }

    /// A value with a batch: what has none is the same for every example.
    fn with_batch(&mut self, value: ValueId) -> Piece {
        let piece = self.take(value);
        if self.graph.batched[value] {
            return piece;
        }
        self.batch = true;
        let sizes = ", -1".repeat(self.graph.shapes[value].len());
        piece.method(Code::text(format!("expand(batch{sizes})")))
    }

    fn node(&mut self, node: &Node, number: usize) -> Result<()> {
        let width = |held: &Option<Held>| if let Some(Held::Pending(piece)) = held { piece.code.width() } else { 1 };
        // An operator's call is long by itself.
        let own = if let Layer::Aten(aten) = &node.layer { aten.to_string().len() + 30 } else { 20 };
        let long = own + node.inputs.iter().map(|input| width(&self.held[*input]) + 2).sum::<usize>() > LONG;
        for input in &node.inputs {
            if let Some(Held::Pending(piece)) = &self.held[*input]
                && (long || piece.ends_before(&node.layer))
            {
                self.settle(*input);
            }
        }
        let batched = self.graph.batched[node.outputs[0]];
        // Sums and products stretch what has no batch by themselves; operators take it as it is.
        let plain = matches!(node.layer, Layer::Add | Layer::Mul | Layer::Aten(_)) || !batched;
        let inputs = node.inputs.iter().map(|v| if plain { self.take(*v) } else { self.with_batch(*v) }).collect();
        let piece = layer::expression(self.graph, node, number, inputs, &mut self.body.numbers)?;
        match node.outputs[..] {
            // An attribute is a variable already.
            [output] if matches!(node.layer, Layer::Tensor { .. }) => {
                self.held[output] = Some(Held::Variable(layer::tensor(node)));
            }
            [output] => {
                self.held[output] = Some(Held::Pending(piece));
                if self.left[output] > 1 {
                    self.settle(output);
                }
            }
            _ => {
                let mut names = Vec::new();
                for output in &node.outputs {
                    names.push(if self.left[*output] == 0 { "_".to_owned() } else { self.variable(&names) });
                }
                self.body.lines.push(Line::Assign(names.join(", "), piece.code));
                for (output, name) in node.outputs.iter().zip(names) {
                    self.held[*output] = Some(Held::Variable(name));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Body {
        let outputs: Vec<Code> = self.graph.outputs.iter().map(|v| self.with_batch(*v).code).collect();
        if self.batch {
            self.body.lines.insert(0, Line::Assign("batch".to_owned(), Code::text("x.shape[0]")));
        }
        let mut list = Vec::new();
        for output in outputs {
            if !list.is_empty() {
                list.push(Code::text(", "));
            }
            list.push(output);
        }
        let returned = match <[Code; 1]>::try_from(list) {
            Ok([one]) => one,
            Err(list) => Code::Joined(list),
        };
        self.body.lines.push(Line::Return(returned));
        self.body
    }
}

/// A call of an attribute.
pub(super) fn own(attribute: &str, argument: Code) -> Code {
    Code::Call(format!("self.{attribute}"), vec![Argument::from(argument)])
}
