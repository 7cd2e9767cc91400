//! What holds a layer's tensors or its settings, as a constructor makes it.

use super::code::{Argument, Code};
use super::graph::{Body, Module};
use super::names::float;
use super::numbers::{Numbers, Role};
use crate::error::{Error, Result};
use crate::graph::layer::{Pair, Window};
use crate::graph::{Initialiser, Layer, LayerGraph, Node};

/// The number by which the file calls a layer that has tensors.
pub(super) fn number_of(graph: &LayerGraph, node: &Node, otherwise: usize) -> String {
    let name = node.tensors.first().and_then(|t| graph.tensors[*t].name.split_once('.'));
    name.map_or_else(|| otherwise.to_string(), |(number, _)| number.to_owned())
}

/// Adds what holds a layer's tensors, or its settings, to a class.
pub(super) fn module(graph: &LayerGraph, node: &Node, number: usize, body: &mut Body) -> Result<()> {
    let number = number_of(graph, node, number);
    let numbers = &mut body.numbers;
    let channels = |numbers: &mut Numbers, value| Code::Number(numbers.add(Role::Channels, value));
    let input = |k: usize| graph.shapes[node.inputs[k]].as_slice();
    let (name, code) = match &node.layer {
        Layer::Conv { channels: out, window: w, dilation, groups, bias } => {
            let into = input(0)[0];
            let mut arguments: Vec<Argument> = vec![channels(numbers, into).into(), channels(numbers, *out).into()];
            arguments.push(pair(numbers, "kernel", w.kernel).into());
            arguments.push(Argument::or("stride", pair(numbers, "stride", w.stride), 1));
            arguments.push(Argument::or("padding", pair(numbers, "padding", w.padding), 0));
            arguments.push(Argument::or("dilation", pair(numbers, "dilation", *dilation), 1));
            if *groups != 1 {
                let role = if *groups == into { Role::Channels } else { Role::Named("groups".to_owned()) };
                arguments.push(Argument::keyword("groups", Code::Number(numbers.add(role, *groups))));
            }
            if !bias {
                arguments.push(Argument::keyword("bias", Code::text("False")));
            }
            (format!("conv{number}"), Code::Call("nn.Conv2d".to_owned(), arguments))
        }
        Layer::BatchNorm { affine, epsilon, momentum } => {
            let mut arguments: Vec<Argument> = vec![channels(numbers, input(0)[0]).into()];
            for (name, value, default) in [("eps", *epsilon, 1e-5), ("momentum", *momentum, 0.1)] {
                if value != default {
                    arguments.push(Argument::keyword(name, Code::text(float(value))));
                }
            }
            if !affine {
                arguments.push(Argument::keyword("affine", Code::text("False")));
            }
            (format!("norm{number}"), Code::Call("nn.BatchNorm2d".to_owned(), arguments))
        }
        Layer::MaxPool(w) => (format!("pool{number}"), Code::Call("nn.MaxPool2d".to_owned(), window(numbers, w))),
        Layer::AvgPool(w) => {
            let mut arguments = window(numbers, w);
            arguments.push(Argument::keyword("count_include_pad", Code::text("False")));
            (format!("pool{number}"), Code::Call("nn.AvgPool2d".to_owned(), arguments))
        }
        Layer::Linear { features, bias } => {
            let into = input(0).iter().product();
            let mut arguments: Vec<Argument> =
                vec![channels(numbers, into).into(), channels(numbers, *features).into()];
            if !bias {
                arguments.push(Argument::keyword("bias", Code::text("False")));
            }
            (format!("linear{number}"), Code::Call("nn.Linear".to_owned(), arguments))
        }
        Layer::Tensor { name } => return tensor(graph, node, name, body),
        _ => return Ok(()),
    };
    body.modules.push(Module::Attribute(name, code, None));
    Ok(())
}

/// A weight or buffer of the op set's own, started as it says.
fn tensor(graph: &LayerGraph, node: &Node, name: &str, body: &mut Body) -> Result<()> {
    let spec = node.tensors.first().map(|t| &graph.tensors[*t]);
    let spec = spec.ok_or_else(|| Error::new(format!("the tensor `{name}` has no place")))?;
    let mut sizes: Vec<Argument> = Vec::new();
    for (k, size) in spec.shape.iter().enumerate() {
        let role = if k == 0 { Role::Channels } else { Role::Named("size".to_owned()) };
        sizes.push(Code::Number(body.numbers.add(role, *size)).into());
    }
    let of = |function: &str| Code::Call(format!("torch.{function}"), sizes.clone());
    let scaled = |code: Code, factor: f64| Code::Joined(vec![code, Code::text(format!(" * {}", float(factor)))]);
    let start = match spec.initialiser {
        Initialiser::Constant(0.0) => of("zeros"),
        Initialiser::Constant(1.0) => of("ones"),
        Initialiser::Constant(value) => scaled(of("ones"), value),
        Initialiser::Normal(1.0) => of("randn"),
        Initialiser::Normal(deviation) => scaled(of("randn"), deviation),
        Initialiser::Uniform(bound) => {
            let (low, high) = (float(-bound), float(bound));
            Code::Joined(vec![of("empty"), Code::text(format!(".uniform_({low}, {high})"))])
        }
    };
    // Under a name that no module has of its own.
    let name = format!("tensor_{name}");
    body.modules.push(match spec.trained {
        true => Module::Attribute(name, Code::call("nn.Parameter", vec![start]), None),
        false => Module::Buffer(name, start),
    });
    Ok(())
}

fn pair(numbers: &mut Numbers, role: &str, pair: Pair) -> Code {
    Code::Pair(pair.map(|value| numbers.add(Role::Named(role.to_owned()), value)))
}

fn window(numbers: &mut Numbers, w: &Window) -> Vec<Argument> {
    vec![
        pair(numbers, "kernel", w.kernel).into(),
        Argument::keyword("stride", pair(numbers, "stride", w.stride)),
        Argument::or("padding", pair(numbers, "padding", w.padding), 0),
    ]
}
