//! The functions of `op` and of values. Each layer has the name, the attributes and the defaults that the plugins' SDK gives it.
//!
//! Functions of values are functions of `op` too: there they start from the operation's first input.

use super::api::{Entry, Interface};
use super::values::{OpValue, Raised, Start, Value, attributes, list, value};
use crate::error::{Error, Result};
use crate::extension::Attribute;
use crate::extension::declaration::{self, type_name};
use crate::extension::script::raise;
use crate::graph::op_set::Form;
use crate::graph::{Initialiser, Shape};
use rhai::{Array, Dynamic, Engine, FLOAT, INT, Map, NativeCallContext};
use std::sync::LazyLock;

/// A function's context, which knows where it was called.
type Context<'a> = NativeCallContext<'a>;

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| registered(&mut Engine::new_raw()));

static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let mut names: Vec<&str> = ENTRIES.iter().map(Entry::name).chain(["param"]).collect();
    names.sort_unstable();
    names.dedup();
    names
});

/// All functions and properties.
pub(super) fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// Their names, for suggestions.
pub(super) fn names() -> &'static [&'static str] {
    &NAMES
}

/// Gives an engine all functions and properties.
pub(super) fn register(engine: &mut Engine) {
    registered(engine);
}

fn registered(engine: &mut Engine) -> Vec<Entry> {
    declaration::register(engine);
    let mut api = Interface::new(engine);
    api.type_name::<OpValue>("Op");
    api.type_name::<Value>("Value");
    api.type_name::<Initialiser>("Start");
    requests(&mut api);
    layers::<OpValue>(&mut api);
    layers::<Value>(&mut api);
    arithmetic(&mut api);
    doors(&mut api);
    tensors(&mut api);
    api.entries()
}

/// One layer with one output.
fn one(
    context: &Context,
    kind: &str,
    inputs: &[Value],
    attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
) -> Raised<Value> {
    let Some(first) = inputs.first() else {
        return Err(raise(Error::new(format!("layer `{kind}` got no input")).expected("at least one value")));
    };
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    first.graph.layer(context, kind, inputs, attributes, 1).and_then(only)
}

/// The value of a layer that has one.
fn only(values: Vec<Value>) -> Raised<Value> {
    values.into_iter().next().ok_or_else(|| raise(Error::new("a layer of one output returned none")))
}

fn whole(value: INT) -> Attribute {
    Attribute::Integer(value)
}

fn both(value: INT) -> Attribute {
    Attribute::Integers(vec![value; 2])
}

/// The SDK's convolution, square and without bias.
fn conv(context: &Context, x: &Value, channels: INT, kernel: INT, stride: INT, padding: INT) -> Raised<Value> {
    grouped(context, x, channels, kernel, stride, padding, 1, 1)
}

#[allow(clippy::too_many_arguments, reason = "a convolution has this many")]
fn grouped(
    context: &Context,
    x: &Value,
    channels: INT,
    kernel: INT,
    stride: INT,
    padding: INT,
    dilation: INT,
    groups: INT,
) -> Raised<Value> {
    let attributes = [
        ("channels", whole(channels)),
        ("kernel", both(kernel)),
        ("stride", both(stride)),
        ("padding", both(padding)),
        ("dilation", both(dilation)),
        ("groups", whole(groups)),
        ("bias", Attribute::Boolean(false)),
    ];
    one(context, "conv", std::slice::from_ref(x), attributes)
}

fn depthwise(context: &Context, x: &Value, kernel: INT, stride: INT, dilation: INT) -> Raised<Value> {
    let channels = x.size(0);
    let padding = dilation.saturating_mul(kernel.saturating_sub(1)) / 2;
    grouped(context, x, channels, kernel, stride, padding, dilation, channels)
}

fn pool(context: &Context, kind: &str, x: &Value, kernel: INT, stride: INT) -> Raised<Value> {
    let attributes = [("kernel", whole(kernel)), ("stride", whole(stride)), ("padding", whole(kernel / 2))];
    one(context, kind, std::slice::from_ref(x), attributes)
}

fn scaled(context: &Context, x: &Value, factor: FLOAT) -> Raised<Value> {
    one(context, "scale", std::slice::from_ref(x), [("factor", Attribute::Number(factor))])
}

fn batch_norm(context: &Context, x: &Value, affine: bool) -> Raised<Value> {
    one(context, "batch_norm", std::slice::from_ref(x), [("affine", Attribute::Boolean(affine))])
}

/// Any layer with one value, by its kind.
fn named(context: &Context, x: &Value, kind: &str, map: &Map) -> Raised<Value> {
    let attributes = attributes(kind, map).map_err(raise)?;
    x.graph.layer(context, kind, std::slice::from_ref(x), attributes, 1).and_then(only)
}

/// The attributes of an ATen operator: its schema name is `operator`, or `operator.overload`.
fn aten(name: &str, map: &Map) -> Result<Vec<(String, Attribute)>> {
    let (operator, overload) = name.split_once('.').unwrap_or((name, ""));
    let mut attributes = attributes("aten", map)?;
    attributes.push(("operator".to_owned(), Attribute::Text(operator.to_owned())));
    attributes.push(("overload".to_owned(), Attribute::Text(overload.to_owned())));
    Ok(attributes)
}

/// What the operation is asked for.
fn requests(api: &mut Interface) {
    let int = |get: fn(&OpValue) -> INT| move |op: &mut OpValue| Dynamic::from_int(get(op));
    api.property("channels_in: int", "channels of the first input", int(|op| op.graph.channels_in));
    api.property("channels_out: int", "channels that the output must have", int(|op| op.graph.arguments.channels_out));
    api.property("stride: int", "the factor by which height and width shrink", int(|op| op.graph.arguments.stride));
    api.property("classes: int", "classes of the data set, for heads", int(|op| op.graph.arguments.classes));
    api.property(
        "form: string",
        "\"search\" in the supernet, \"final\" in the derived network that is trained from scratch",
        |op: &mut OpValue| match op.graph.arguments.form {
            Form::Search => "search".into(),
            Form::Final => "final".into(),
        },
    );
    api.property("params: map", "the values of the operation's parameters", |op: &mut OpValue| {
        Dynamic::from_map(op.params.clone())
    });
    api.property("input: Value", "the first input", |op: &mut OpValue| Dynamic::from(op.value()));
    api.property("inputs: array", "all inputs", |op: &mut OpValue| Dynamic::from_array(op.inputs()));
    api.function(
        "refuse(op: Op, why: string)",
        "ends the building: the operation does not serve the place that it was asked for",
        |context: Context, op: &mut OpValue, why: &str| -> Raised<()> { op.graph.fail(&context, Error::new(why)) },
    );
    let shape = |x: &mut Value| x.shape().into_iter().map(Dynamic::from_int).collect::<Array>();
    api.property("shape: array", "channels, height, width, or what the value has", move |x: &mut Value| {
        shape(x).into()
    });
    api.property("channels: int", "the value's channels", |x: &mut Value| Dynamic::from_int(x.size(0)));
    api.property("height: int", "the value's height", |x: &mut Value| Dynamic::from_int(x.size(1)));
    api.property("width: int", "the value's width", |x: &mut Value| Dynamic::from_int(x.size(2)));
    for name in ["to_string", "to_debug"] {
        api.engine().register_fn(name, |x: &mut Value| x.text());
    }
}

/// The layers with one input.
fn layers<T: Start>(api: &mut Interface) {
    let x = format!("{}: {}", T::NAME.to_ascii_lowercase(), T::NAME);
    for (kind, doc) in [
        ("relu", "max(x, 0)"),
        ("relu6", "min(max(x, 0), 6)"),
        ("sigmoid", "1 / (1 + e⁻ˣ)"),
        ("tanh", "tanh(x)"),
        ("silu", "x · sigmoid(x)"),
        ("hard_swish", "x · relu6(x + 3) / 6"),
        ("global_avg_pool", "the mean over height and width: (channels, 1, 1)"),
    ] {
        api.function(format!("{kind}({x}) -> Value"), doc, move |c: Context, x: &mut T| {
            one(&c, kind, &[x.value()], [])
        });
    }
    api.function(
        format!("conv({x}, attributes: map) -> Value"),
        "a convolution with everything said: `channels` (`op.channels_out` where it is left out), `kernel`, `stride`, `padding`, \
         `dilation`, `groups`, `bias`",
        |c: Context, x: &mut T, map: Map| {
            let (x, mut map) = (x.value(), map);
            let channels = || Dynamic::from_int(x.graph.arguments.channels_out);
            map.entry("channels".into()).or_insert_with(channels);
            named(&c, &x, "conv", &map)
        },
    );
    api.function(
        format!("conv_same({x}, channels: int, kernel: int) -> Value"),
        "a square convolution that keeps the size, without bias",
        |c: Context, x: &mut T, channels: INT, kernel: INT| conv(&c, &x.value(), channels, kernel, 1, kernel / 2),
    );
    api.function(
        format!("conv_same({x}, channels: int, kernel: int, stride: int) -> Value"),
        "the same with a stride",
        |c: Context, x: &mut T, channels: INT, kernel: INT, stride: INT| {
            conv(&c, &x.value(), channels, kernel, stride, kernel / 2)
        },
    );
    api.function(
        format!("depthwise({x}, kernel: int) -> Value"),
        "a depthwise convolution (one filter per channel) that keeps the size, without bias",
        |c: Context, x: &mut T, kernel: INT| depthwise(&c, &x.value(), kernel, 1, 1),
    );
    api.function(
        format!("depthwise({x}, kernel: int, stride: int) -> Value"),
        "the same with a stride",
        |c: Context, x: &mut T, kernel: INT, stride: INT| depthwise(&c, &x.value(), kernel, stride, 1),
    );
    api.function(
        format!("depthwise({x}, kernel: int, stride: int, dilation: int) -> Value"),
        "the same with a stride and a distance between the kernel's taps",
        |c: Context, x: &mut T, kernel: INT, stride: INT, dilation: INT| {
            depthwise(&c, &x.value(), kernel, stride, dilation)
        },
    );
    api.function(
        format!("pointwise({x}) -> Value"),
        "a 1×1 convolution to `op.channels_out` channels, without bias",
        |c: Context, x: &mut T| {
            let x = x.value();
            conv(&c, &x, x.graph.arguments.channels_out, 1, 1, 0)
        },
    );
    api.function(
        format!("pointwise({x}, channels: int) -> Value"),
        "a 1×1 convolution to this many channels, without bias",
        |c: Context, x: &mut T, channels: INT| conv(&c, &x.value(), channels, 1, 1, 0),
    );
    api.function(
        format!("batch_norm({x}) -> Value"),
        "batch norm: without weights of its own in the search form, with them in the final form",
        |c: Context, x: &mut T| {
            let x = x.value();
            batch_norm(&c, &x, x.graph.affine())
        },
    );
    api.function(
        format!("batch_norm({x}, affine: bool) -> Value"),
        "batch norm, with or without weights of its own, in both forms",
        |c: Context, x: &mut T, affine: bool| batch_norm(&c, &x.value(), affine),
    );
    for (kind, doc, strided) in [
        ("max_pool", "the maximum of each window; keeps the size", "the same with a stride"),
        (
            "avg_pool",
            "the mean of each window; keeps the size; what lies outside does not count",
            "the same with a stride",
        ),
    ] {
        api.function(format!("{kind}({x}, kernel: int) -> Value"), doc, move |c: Context, x: &mut T, kernel: INT| {
            pool(&c, kind, &x.value(), kernel, 1)
        });
        api.function(
            format!("{kind}({x}, kernel: int, stride: int) -> Value"),
            strided,
            move |c: Context, x: &mut T, kernel: INT, stride: INT| pool(&c, kind, &x.value(), kernel, stride),
        );
    }
    api.function(
        format!("linear({x}, features: int) -> Value"),
        "a linear map of all elements to this many numbers, with bias",
        |c: Context, x: &mut T, features: INT| {
            let attributes = [("features", whole(features)), ("bias", Attribute::Boolean(true))];
            one(&c, "linear", &[x.value()], attributes)
        },
    );
    for (kind, doc) in [("add", "a + b; sizes of 1 are stretched"), ("mul", "a · b; sizes of 1 are stretched")] {
        api.function(
            format!("{kind}({x}, other: Value) -> Value"),
            doc,
            move |c: Context, x: &mut T, other: Dynamic| one(&c, kind, &[x.value(), value(&other).map_err(raise)?], []),
        );
    }
    api.function(
        format!("scale({x}, factor: float) -> Value"),
        "x times a constant",
        |c: Context, x: &mut T, factor: FLOAT| scaled(&c, &x.value(), factor),
    );
    api.function(
        format!("scale({x}, factor: int) -> Value"),
        "the same for a whole number",
        |c: Context, x: &mut T, factor: INT| scaled(&c, &x.value(), factor as FLOAT),
    );
    api.function(
        format!("concat({x}, other: Value) -> Value"),
        "two values joined along their channels",
        |c: Context, x: &mut T, other: Dynamic| one(&c, "concat", &[x.value(), value(&other).map_err(raise)?], []),
    );
    api.function(
        format!("narrow({x}, start: int, length: int) -> Value"),
        "`length` channels from `start` on",
        |c: Context, x: &mut T, start: INT, length: INT| {
            one(&c, "narrow", &[x.value()], [("start", whole(start)), ("length", whole(length))])
        },
    );
    api.function(
        format!("pad({x}, top: int, left: int, bottom: int, right: int) -> Value"),
        "rows and columns of zeros added; negative amounts cut off",
        |c: Context, x: &mut T, top: INT, left: INT, bottom: INT, right: INT| {
            let attributes =
                [("top", whole(top)), ("left", whole(left)), ("bottom", whole(bottom)), ("right", whole(right))];
            one(&c, "pad", &[x.value()], attributes)
        },
    );
    api.function(
        format!("zero({x}) -> Value"),
        "zeros of the shape that the operation must return; a candidate that returns them costs nothing and is never run",
        |c: Context, x: &mut T| {
            let x = x.value();
            let arguments = x.graph.arguments;
            let attributes = [("channels", whole(arguments.channels_out)), ("stride", whole(arguments.stride))];
            one(&c, "zero", &[x], attributes)
        },
    );
    api.function(
        format!("zero({x}, channels: int, stride: int) -> Value"),
        "zeros of the shape that x would have after a stride, with this many channels",
        |c: Context, x: &mut T, channels: INT, stride: INT| {
            one(&c, "zero", &[x.value()], [("channels", whole(channels)), ("stride", whole(stride))])
        },
    );
    api.function(
        format!("layer({x}, kind: string) -> Value"),
        "any layer with one input and no attributes, by its kind",
        |c: Context, x: &mut T, kind: &str| named(&c, &x.value(), kind, &Map::new()),
    );
    api.function(
        format!("layer({x}, kind: string, attributes: map) -> Value"),
        "any layer with one input, by its kind",
        |c: Context, x: &mut T, kind: &str, map: Map| named(&c, &x.value(), kind, &map),
    );
    api.function(
        format!("aten({x}, operator: string) -> Value"),
        "an ATen operator of one tensor, by its schema name: \"softplus\", \"add.Scalar\"",
        |c: Context, x: &mut T, operator: &str| {
            let x = x.value();
            x.graph
                .layer(&c, "aten", std::slice::from_ref(&x), aten(operator, &Map::new()).map_err(raise)?, 1)
                .and_then(only)
        },
    );
    api.function(
        format!("aten({x}, operator: string, arguments: map) -> Value"),
        "the same, with its other arguments by their names",
        |c: Context, x: &mut T, operator: &str, map: Map| {
            let x = x.value();
            x.graph.layer(&c, "aten", std::slice::from_ref(&x), aten(operator, &map).map_err(raise)?, 1).and_then(only)
        },
    );
}

/// Operators between values, and between values and numbers.
fn arithmetic(api: &mut Interface) {
    fn pairs<A: Start, B: Start>(api: &mut Interface) {
        for (sign, kind, doc) in [("+", "add", "as `add`"), ("*", "mul", "as `mul`")] {
            api.function(
                format!("{sign}(a: {}, b: {}) -> Value", A::NAME, B::NAME),
                doc,
                move |c: Context, a: A, b: B| one(&c, kind, &[a.value(), b.value()], []),
            );
        }
    }
    fn numbers<T: Start>(api: &mut Interface) {
        let (name, doc) = (T::NAME, "as `scale`");
        api.function(format!("*(x: {name}, factor: float) -> Value"), doc, |c: Context, x: T, factor: FLOAT| {
            scaled(&c, &x.value(), factor)
        });
        api.function(format!("*(factor: float, x: {name}) -> Value"), doc, |c: Context, factor: FLOAT, x: T| {
            scaled(&c, &x.value(), factor)
        });
        api.function(format!("*(x: {name}, factor: int) -> Value"), doc, |c: Context, x: T, factor: INT| {
            scaled(&c, &x.value(), factor as FLOAT)
        });
        api.function(format!("*(factor: int, x: {name}) -> Value"), doc, |c: Context, factor: INT, x: T| {
            scaled(&c, &x.value(), factor as FLOAT)
        });
    }
    pairs::<Value, Value>(api);
    pairs::<OpValue, Value>(api);
    pairs::<Value, OpValue>(api);
    pairs::<OpValue, OpValue>(api);
    numbers::<Value>(api);
    numbers::<OpValue>(api);
    api.function(
        "concat(values: array) -> Value",
        "values joined along their channels",
        |c: Context, values: Array| one(&c, "concat", &list(&values).map_err(raise)?, []),
    );
}

/// Layers with any number of inputs and outputs.
fn doors(api: &mut Interface) {
    api.function(
        "layer(op: Op, kind: string, inputs: array, attributes: map) -> Value",
        "any layer, by its kind",
        |c: Context, op: &mut OpValue, kind: &str, inputs: Array, map: Map| -> Raised<Value> {
            let (inputs, attributes) = (list(&inputs).map_err(raise)?, attributes(kind, &map).map_err(raise)?);
            op.graph.layer(&c, kind, &inputs, attributes, 1).and_then(only)
        },
    );
    api.function(
        "layer(op: Op, kind: string, inputs: array, attributes: map, outputs: int) -> array",
        "any layer, by its kind: an array of this many values",
        |c: Context, op: &mut OpValue, kind: &str, inputs: Array, map: Map, outputs: INT| -> Raised<Array> {
            let (inputs, attributes) = (list(&inputs).map_err(raise)?, attributes(kind, &map).map_err(raise)?);
            let outputs = usize::try_from(outputs).unwrap_or(0);
            let made = op.graph.layer(&c, kind, &inputs, attributes, outputs)?;
            Ok(made.into_iter().map(Dynamic::from).collect())
        },
    );
    api.function(
        "aten(op: Op, operator: string, inputs: array) -> Value",
        "an ATen operator, by its schema name; its tensors are `inputs`, in the schema's order",
        |c: Context, op: &mut OpValue, operator: &str, inputs: Array| -> Raised<Value> {
            let (inputs, attributes) = (list(&inputs).map_err(raise)?, aten(operator, &Map::new()).map_err(raise)?);
            op.graph.layer(&c, "aten", &inputs, attributes, 1).and_then(only)
        },
    );
    api.function(
        "aten(op: Op, operator: string, inputs: array, arguments: map) -> Value",
        "the same, with its other arguments by their names",
        |c: Context, op: &mut OpValue, operator: &str, inputs: Array, map: Map| -> Raised<Value> {
            let (inputs, attributes) = (list(&inputs).map_err(raise)?, aten(operator, &map).map_err(raise)?);
            op.graph.layer(&c, "aten", &inputs, attributes, 1).and_then(only)
        },
    );
}

/// Weights and buffers.
fn tensors(api: &mut Interface) {
    type Make = fn(f64) -> Initialiser;
    let starts: [(&str, &str, Make); 3] = [
        ("uniform", "a start: uniform between −a and a", Initialiser::Uniform),
        ("normal", "a start: normal with mean 0 and standard deviation a", Initialiser::Normal),
        ("constant", "a start: every element is a", Initialiser::Constant),
    ];
    for (name, doc, make) in starts {
        api.function(format!("{name}(a: float) -> Start"), doc, move |a: FLOAT| make(a));
        api.function(format!("{name}(a: int) -> Start"), doc, move |a: INT| make(a as FLOAT));
    }
    for (name, doc, trained) in
        [("parameter", "a weight that training moves", true), ("buffer", "a tensor that training does not move", false)]
    {
        api.function(
            format!("{name}(op: Op, name: string, shape: array, start: Start) -> Value"),
            doc,
            move |c: Context, op: &mut OpValue, name: &str, shape: Array, start: Initialiser| {
                let shape = sizes(name, &shape).map_err(raise)?;
                op.graph.tensor(&c, name, shape, start, trained)
            },
        );
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
