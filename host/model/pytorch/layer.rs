//! What a layer makes of its inputs, as an expression.

use super::code::{Argument, Code};
use super::graph::own;
use super::module::number_of;
use super::names::{float, is_keyword, value};
use super::numbers::{Numbers, Role};
use crate::error::{Error, Result};
use crate::graph::aten::Aten;
use crate::graph::layer::Activation;
use crate::graph::{Layer, LayerGraph, Node};

/// What binds an expression together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Binding {
    Sum,
    Product,
    Call,
}

/// An expression, and what decides how far it grows.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) code: Code,
    /// The variables that it reads.
    pub(super) reads: Vec<String>,
    binding: Binding,
    active: bool,
    normed: bool,
}

impl Piece {
    pub(super) fn variable(name: &str) -> Self {
        Self {
            code: Code::text(name),
            reads: vec![name.to_owned()],
            binding: Binding::Call,
            active: false,
            normed: false,
        }
    }

    /// Whether a line ends with it where this layer reads it: a convolution or a further activation behind a batch norm begins another.
    pub(super) fn ends_before(&self, layer: &Layer) -> bool {
        match layer {
            Layer::Conv { .. } | Layer::Linear { .. } => self.normed,
            Layer::Activation(_) => self.normed && self.active,
            _ => false,
        }
    }

    /// The expression, in brackets where it is bound less than this.
    fn bound(self, binding: Binding) -> Code {
        if self.binding < binding { Code::Joined(vec![Code::text("("), self.code, Code::text(")")]) } else { self.code }
    }

    /// What a method of it returns.
    pub(super) fn method(self, call: Code) -> Self {
        let whole = self.clone();
        let code = Code::Joined(vec![self.bound(Binding::Call), Code::text("."), call]);
        Self { code, binding: Binding::Call, ..whole }
    }
}

/// What a layer makes of its inputs.
pub(super) fn expression(
    graph: &LayerGraph,
    node: &Node,
    number: usize,
    inputs: Vec<Piece>,
    numbers: &mut Numbers,
) -> Result<Piece> {
    let mut whole = Piece { active: false, normed: false, reads: Vec::new(), ..Piece::variable("") };
    for input in &inputs {
        whole.active |= input.active;
        whole.normed |= input.normed;
        whole.reads.extend(input.reads.iter().cloned());
    }
    whole.active |= matches!(node.layer, Layer::Activation(_));
    whole.normed |= matches!(node.layer, Layer::BatchNorm { .. });
    let rank = node.inputs.first().map_or(0, |v| graph.shapes[*v].len());
    let number = number_of(graph, node, number);
    let mut inputs = inputs.into_iter();
    let mut next = || inputs.next().unwrap_or_else(|| Piece::variable("x"));
    let mut named = |role: &str, value: i64| Code::Number(numbers.add(Role::Named(role.to_owned()), value));
    whole.code = match &node.layer {
        Layer::Activation(activation) => Code::call(function(*activation), vec![next().code]),
        Layer::Conv { .. } => own(&format!("conv{number}"), next().code),
        Layer::BatchNorm { .. } => own(&format!("norm{number}"), next().code),
        Layer::MaxPool(_) | Layer::AvgPool(_) => own(&format!("pool{number}"), next().code),
        Layer::GlobalAvgPool => next().method(Code::text("mean(dim=(2, 3), keepdim=True)")).code,
        Layer::Linear { .. } => {
            let input = next();
            let flat = if rank == 1 { input } else { input.method(Code::text("flatten(1)")) };
            own(&format!("linear{number}"), flat.code)
        }
        Layer::Add => {
            whole.binding = Binding::Sum;
            Code::Sum(vec![next().code, next().code])
        }
        Layer::Mul => {
            whole.binding = Binding::Product;
            let (a, b) = (next().bound(Binding::Product), next().bound(Binding::Product));
            Code::Joined(vec![a, Code::text(" * "), b])
        }
        Layer::Scale { factor } => {
            whole.binding = Binding::Product;
            Code::Joined(vec![next().bound(Binding::Product), Code::text(format!(" * {}", float(*factor)))])
        }
        Layer::Concat => {
            let list = Code::Joined(listed(inputs.map(|input| input.code).collect()));
            Code::Call("torch.cat".to_owned(), vec![list.into(), Argument::keyword("dim", Code::text("1"))])
        }
        Layer::Narrow { start, length } => {
            let call = Code::call("narrow", vec![Code::text("1"), named("start", *start), named("length", *length)]);
            next().method(call).code
        }
        Layer::Pad { top, left, bottom, right } => {
            let sides = [("left", left), ("right", right), ("top", top), ("bottom", bottom)];
            let sides = sides.map(|(role, value)| named(role, *value)).to_vec();
            let sides = Code::call("", sides);
            Code::call("F.pad", vec![next().code, sides])
        }
        Layer::Zero { channels, stride } => {
            let stride = (*stride != 1).then(|| named("stride", *stride));
            let channels = Code::Number(numbers.add(Role::Channels, *channels));
            zeros(next().bound(Binding::Call), channels, stride)
        }
        Layer::Tensor { .. } => Code::text(tensor(node)),
        Layer::Aten(aten) => operator(aten, inputs.map(|input| input.code).collect())?,
        Layer::Kernel(_) | Layer::Native(_) => {
            return Err(Error::new(format!("layer `{}` is code of the plugin's own", node.layer)));
        }
    };
    Ok(whole)
}

/// The attribute that is a weight or buffer of the op set's own.
pub(super) fn tensor(node: &Node) -> String {
    if let Layer::Tensor { name } = &node.layer { format!("self.tensor_{name}") } else { String::new() }
}

/// Zeros as a map has them, of these channels, after a stride where there is one.
pub(super) fn zeros(map: Code, channels: Code, stride: Option<Code>) -> Code {
    let mut pixels = vec![map, Code::text("[:, :1")];
    if let Some(stride) = stride {
        pixels.extend([Code::text(", ::"), stride.clone(), Code::text(", ::"), stride]);
    }
    pixels.push(Code::text("]"));
    let sizes = vec![Code::text("-1"), channels, Code::text("-1"), Code::text("-1")];
    let zeros = Code::call("torch.zeros_like", vec![Code::Joined(pixels)]);
    Code::Joined(vec![zeros, Code::text("."), Code::call("expand", sizes)])
}

fn function(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "F.relu",
        Activation::Relu6 => "F.relu6",
        Activation::Sigmoid => "torch.sigmoid",
        Activation::Tanh => "torch.tanh",
        Activation::Silu => "F.silu",
        Activation::HardSwish => "F.hardswish",
    }
}

/// The pieces of a list in brackets.
fn listed(items: Vec<Code>) -> Vec<Code> {
    let mut list = vec![Code::text("[")];
    for item in items {
        if list.len() > 1 {
            list.push(Code::text(", "));
        }
        list.push(item);
    }
    list.push(Code::text("]"));
    list
}

/// A call of an ATen operator: inputs by position as far as they stand together at the front, everything else by name.
fn operator(aten: &Aten, inputs: Vec<Code>) -> Result<Code> {
    let signature = aten.signature()?;
    let mut inputs = inputs.into_iter();
    let mut arguments: Vec<Argument> = Vec::new();
    let mut by_name = Vec::new();
    for argument in &signature.inputs {
        let mut taken: Vec<Code> = inputs.by_ref().take(argument.count).collect();
        let code = if argument.list { Code::Joined(listed(taken)) } else { taken.pop().unwrap_or(Code::text("None")) };
        if argument.position == arguments.len() {
            arguments.push(code.into());
        } else {
            by_name.push((argument.name.as_str(), code));
        }
    }
    for (name, attribute) in aten.arguments() {
        let text = value(attribute);
        let number = text.parse::<i64>().is_ok() && signature.lists.contains(name);
        by_name.push((name.as_str(), Code::text(if number { format!("[{text}]") } else { text })));
    }
    for (name, code) in by_name {
        arguments.push(if is_keyword(name) {
            Code::Joined(vec![Code::text(format!("**{{\"{name}\": ")), code, Code::text("}")]).into()
        } else {
            Argument::keyword(name, code)
        });
    }
    let overload = if signature.overload.is_empty() { "default" } else { &signature.overload };
    let function = format!("torch.ops.{}.{}.{overload}", signature.namespace, signature.name);
    Ok(Code::Call(function, arguments))
}
