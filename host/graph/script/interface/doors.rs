//! Any layer by its kind, ATen operators, weights and buffers.

use super::{Context, input, named, number, only};
use crate::error::{Error, Result};
use crate::extension::declaration::type_name;
use crate::extension::interface::Interface;
use crate::extension::script::raise;
use crate::graph::script::values::{OpValue, Raised, Value, attributes, list};
use crate::graph::{Initialiser, Shape};
use rhai::{Array, Dynamic, INT, Map};

pub(super) fn register(api: &mut Interface) {
    any_layer(api);
    tensors(api);
}

/// Any layer with any number of values.
fn many(c: &Context, op: &OpValue, kind: &str, inputs: &[Dynamic], map: &Map, outputs: usize) -> Raised<Vec<Value>> {
    let (inputs, attributes) = (list(inputs).map_err(raise)?, attributes(kind, map).map_err(raise)?);
    op.graph.layer(c, kind, &inputs, attributes, outputs)
}

/// The attributes of an ATen operator: its schema name is `operator`, or `operator.overload`.
fn aten(name: &str, mut arguments: Map) -> Map {
    let (operator, overload) = name.split_once('.').unwrap_or((name, ""));
    arguments.insert("operator".into(), operator.into());
    arguments.insert("overload".into(), overload.into());
    arguments
}

fn any_layer(api: &mut Interface) {
    api.subject("Any layer")
        .function(
            "layer(value: Value|Op, kind: String, attributes: Map) -> Value",
            "A layer with one input, by its kind.",
            |c: Context, x: Dynamic, kind: &str, map: Map| -> Raised<Value> { named(&c, &input(&x)?, kind, &map) },
        )
        .function(
            "layer(value: Value|Op, kind: String) -> Value",
            "",
            |c: Context, x: Dynamic, kind: &str| -> Raised<Value> { named(&c, &input(&x)?, kind, &Map::new()) },
        )
        .function(
            "layer(op: Op, kind: String, inputs: Array, attributes: Map) -> Value",
            "A layer with any number of inputs, by its kind.",
            |c: Context, op: &mut OpValue, kind: &str, inputs: Array, map: Map| -> Raised<Value> {
                many(&c, op, kind, &inputs, &map, 1).and_then(only)
            },
        )
        .function(
            "layer(op: Op, kind: String, inputs: Array, attributes: Map, outputs: int) -> Array",
            "The same for a layer that returns this many values.",
            |c: Context, op: &mut OpValue, kind: &str, inputs: Array, map: Map, outputs: INT| -> Raised<Array> {
                let outputs = usize::try_from(outputs).unwrap_or(0);
                let made = many(&c, op, kind, &inputs, &map, outputs)?;
                Ok(made.into_iter().map(Dynamic::from).collect())
            },
        )
        .function(
            "aten(value: Value|Op, operator: String, arguments: Map) -> Value",
            "An ATen operator of one tensor, by its schema name (`\"softplus\"`, `\"add.Scalar\"`), with its other arguments by their \
             names.",
            |c: Context, x: Dynamic, operator: &str, map: Map| -> Raised<Value> {
                named(&c, &input(&x)?, "aten", &aten(operator, map))
            },
        )
        .function(
            "aten(value: Value|Op, operator: String) -> Value",
            "",
            |c: Context, x: Dynamic, operator: &str| -> Raised<Value> {
                named(&c, &input(&x)?, "aten", &aten(operator, Map::new()))
            },
        )
        .function(
            "aten(op: Op, operator: String, inputs: Array, arguments: Map) -> Value",
            "An ATen operator of several tensors, in the schema's order.",
            |c: Context, op: &mut OpValue, operator: &str, inputs: Array, map: Map| -> Raised<Value> {
                many(&c, op, "aten", &inputs, &aten(operator, map), 1).and_then(only)
            },
        )
        .function(
            "aten(op: Op, operator: String, inputs: Array) -> Value",
            "",
            |c: Context, op: &mut OpValue, operator: &str, inputs: Array| -> Raised<Value> {
                many(&c, op, "aten", &inputs, &aten(operator, Map::new()), 1).and_then(only)
            },
        );
}

/// Weights and buffers.
fn tensors(api: &mut Interface) {
    type Make = fn(f64) -> Initialiser;
    api.subject("Weights and buffers").named::<Initialiser>("Start");
    for (signature, doc, trained) in [
        (
            "parameter(op: Op, name: String, shape: Array, start: Start) -> Value",
            "A weight that training moves; it has no batch.",
            true,
        ),
        (
            "buffer(op: Op, name: String, shape: Array, start: Start) -> Value",
            "A tensor that training does not move; it has no batch.",
            false,
        ),
    ] {
        api.function(
            signature,
            doc,
            move |c: Context, op: &mut OpValue, name: &str, shape: Array, start: Initialiser| {
                let shape = sizes(name, &shape).map_err(raise)?;
                op.graph.tensor(&c, name, shape, start, trained)
            },
        );
    }
    let starts: [(&str, &str, Make); 3] = [
        ("uniform(a: float|int) -> Start", "It starts uniform between −a and a.", Initialiser::Uniform),
        (
            "normal(a: float|int) -> Start",
            "It starts normal with mean 0 and standard deviation a.",
            Initialiser::Normal,
        ),
        ("constant(a: float|int) -> Start", "Every element starts as a.", Initialiser::Constant),
    ];
    for (signature, doc, make) in starts {
        api.function(signature, doc, move |a: Dynamic| -> Raised<Initialiser> { Ok(make(number(&a)?)) });
    }
}

/// The shape that an array says.
fn sizes(name: &str, shape: &[Dynamic]) -> Result<Shape> {
    let size = |size: &Dynamic| {
        size.as_int().map_err(|_| {
            Error::new(format!("the shape of the tensor `{name}` is none"))
                .expected("whole numbers: [16, 1, 1]")
                .found(format!("a value of type {}", type_name(size)))
        })
    };
    shape.iter().map(size).collect()
}
