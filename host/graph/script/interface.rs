//! The functions of `op` and of values. Each layer has the name, the attributes and the defaults that the plugins' SDK gives it.
//!
//! Where a function takes a value, `op` stands for the operation's first input.

use super::values::{OpValue, Raised, Value, attributes, list, value};
use crate::error::{Error, Result};
use crate::extension::Attribute;
use crate::extension::declaration::{self, type_name};
use crate::extension::interface::{Entry, Interface};
use crate::extension::script::raise;
use crate::graph::op_set::Form;
use crate::graph::{Initialiser, Shape};
use rhai::{Array, Dynamic, Engine, FLOAT, INT, Map, NativeCallContext};
use std::sync::LazyLock;

/// A function's context, which knows where it was called.
type Context<'a> = NativeCallContext<'a>;

static REFERENCE: LazyLock<Vec<Entry>> = LazyLock::new(|| all(&mut Engine::new_raw()));
static NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| REFERENCE.iter().map(Entry::name).chain(["param"]).collect());

/// All that op sets can use.
pub(super) fn reference() -> &'static [Entry] {
    &REFERENCE
}

/// The names of it, for suggestions.
pub(super) fn names() -> &'static [&'static str] {
    &NAMES
}

/// Registers it all.
pub(super) fn register(engine: &mut Engine) {
    all(engine);
}

fn all(engine: &mut Engine) -> Vec<Entry> {
    declaration::register(engine);
    let mut api = Interface::new(engine);
    request(&mut api);
    values(&mut api);
    activations(&mut api);
    convolutions(&mut api);
    pools(&mut api);
    combinations(&mut api);
    any_layer(&mut api);
    tensors(&mut api);
    arithmetic(api.engine());
    api.entries()
}

/// A value from an argument of a script.
fn input(argument: &Dynamic) -> Raised<Value> {
    value(argument).map_err(raise)
}

/// One layer with one output.
fn one<const N: usize>(
    context: &Context,
    kind: &str,
    inputs: &[Value],
    attributes: [(&'static str, Attribute); N],
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

/// What the operation is asked for.
fn request(api: &mut Interface) {
    let int = |get: fn(&OpValue) -> INT| move |op: &mut OpValue| get(op);
    api.subject("What an operation is asked for")
        .named::<OpValue>("Op")
        .property("op.input: Value", "The first input.", |op: &mut OpValue| op.input())
        .property("op.inputs: Array", "All inputs.", |op: &mut OpValue| op.inputs())
        .property("op.channels_in: int", "Channels of the first input.", int(|op| op.graph.channels_in))
        .property(
            "op.channels_out: int",
            "Channels that the output must have.",
            int(|op| op.graph.arguments.channels_out),
        )
        .property(
            "op.stride: int",
            "The factor by which height and width must shrink, rounded up.",
            int(|op| op.graph.arguments.stride),
        )
        .property(
            "op.form: String",
            "`\"search\"` in the supernet, `\"final\"` in the derived network that is trained from scratch.",
            |op: &mut OpValue| match op.graph.arguments.form {
                Form::Search => "search",
                Form::Final => "final",
            },
        )
        .property("op.classes: int", "Classes of the data set, for heads.", int(|op| op.graph.arguments.classes))
        .property("op.params: Map", "The operation's parameters, defaults filled in.", |op: &mut OpValue| {
            op.params.clone()
        })
        .function(
            "refuse(op: Op, why: String)",
            "Ends the building: the operation does not serve the place that it is asked for.",
            |context: Context, op: &mut OpValue, why: &str| -> Raised<()> { op.graph.fail(&context, Error::new(why)) },
        );
}

/// What a value tells of itself.
fn values(api: &mut Interface) {
    api.subject("Values")
        .named::<Value>("Value")
        .property(
            "value.shape: Array",
            "Its sizes without the batch: channels, height, width of a map, features of a vector.",
            |x: &mut Value| x.shape().into_iter().map(Dynamic::from_int).collect::<Array>(),
        )
        .property("value.channels: int", "Its channels.", |x: &mut Value| x.size(0))
        .property("value.height: int", "Its height.", |x: &mut Value| x.size(1))
        .property("value.width: int", "Its width.", |x: &mut Value| x.size(2));
    for name in ["to_string", "to_debug"] {
        api.engine().register_fn(name, |x: &mut Value| x.text());
    }
}

fn activations(api: &mut Interface) {
    api.subject("Functions of every number");
    for (kind, signature, doc) in [
        ("relu", "relu(value: Value|Op) -> Value", "max(x, 0)."),
        ("relu6", "relu6(value: Value|Op) -> Value", "min(max(x, 0), 6)."),
        ("sigmoid", "sigmoid(value: Value|Op) -> Value", "1 / (1 + e⁻ˣ)."),
        ("tanh", "tanh(value: Value|Op) -> Value", "tanh(x)."),
        ("silu", "silu(value: Value|Op) -> Value", "x · sigmoid(x)."),
        ("hard_swish", "hard_swish(value: Value|Op) -> Value", "x · relu6(x + 3) / 6."),
    ] {
        api.function(signature, doc, move |c: Context, x: Dynamic| one(&c, kind, &[input(&x)?], []));
    }
    api.function(
        "scale(value: Value|Op, factor: float|int) -> Value",
        "x times a constant; also written `x * factor`.",
        |c: Context, x: Dynamic, factor: Dynamic| -> Raised<Value> { scale(&c, &input(&x)?, number(&factor)?) },
    );
}

fn number(value: &Dynamic) -> Raised<FLOAT> {
    value.as_float().or_else(|_| value.as_int().map(|n| n as FLOAT)).map_err(|_| {
        raise(
            Error::new("this is no number")
                .expected("a number, whole or not")
                .found(format!("a value of type {}", type_name(value))),
        )
    })
}

fn scale(context: &Context, x: &Value, factor: FLOAT) -> Raised<Value> {
    one(context, "scale", std::slice::from_ref(x), [("factor", Attribute::Number(factor))])
}

/// A square convolution without bias.
struct Conv {
    channels: INT,
    kernel: INT,
    stride: INT,
    padding: INT,
    dilation: INT,
    groups: INT,
}

impl Conv {
    /// One that keeps the size at stride 1.
    fn same(channels: INT, kernel: INT, stride: INT) -> Self {
        Self { channels, kernel, stride, padding: kernel / 2, dilation: 1, groups: 1 }
    }

    /// One filter per channel, keeping the size at stride 1.
    fn depthwise(x: &Value, kernel: INT, stride: INT, dilation: INT) -> Self {
        let channels = x.size(0);
        let padding = dilation.saturating_mul(kernel.saturating_sub(1)) / 2;
        Self { channels, kernel, stride, padding, dilation, groups: channels }
    }

    fn of(self, context: &Context, x: &Value) -> Raised<Value> {
        let attributes = [
            ("channels", whole(self.channels)),
            ("kernel", both(self.kernel)),
            ("stride", both(self.stride)),
            ("padding", both(self.padding)),
            ("dilation", both(self.dilation)),
            ("groups", whole(self.groups)),
            ("bias", Attribute::Boolean(false)),
        ];
        one(context, "conv", std::slice::from_ref(x), attributes)
    }
}

fn convolutions(api: &mut Interface) {
    api.subject("Layers with weights")
        .function(
            "conv(value: Value|Op, attributes: Map) -> Value",
            "A convolution with everything said: `kernel` and, where they are not the defaults, `channels` (`op.channels_out`), \
             `stride` (1), `padding` (0), `dilation` (1), `groups` (1), `bias` (false). A size is one number, or two: height and width.",
            |c: Context, x: Dynamic, mut attributes: Map| -> Raised<Value> {
                let x = input(&x)?;
                let channels = || Dynamic::from_int(x.graph.arguments.channels_out);
                attributes.entry("channels".into()).or_insert_with(channels);
                named(&c, &x, "conv", &attributes)
            },
        )
        .function(
            "conv_same(value: Value|Op, channels: int, kernel: int, stride: int) -> Value",
            "A square convolution that keeps the size at stride 1, without bias.",
            |c: Context, x: Dynamic, channels: INT, kernel: INT, stride: INT| -> Raised<Value> {
                Conv::same(channels, kernel, stride).of(&c, &input(&x)?)
            },
        )
        .function(
            "conv_same(value: Value|Op, channels: int, kernel: int) -> Value",
            "",
            |c: Context, x: Dynamic, channels: INT, kernel: INT| -> Raised<Value> {
                Conv::same(channels, kernel, 1).of(&c, &input(&x)?)
            },
        )
        .function(
            "depthwise(value: Value|Op, kernel: int, stride: int, dilation: int) -> Value",
            "A depthwise convolution (one filter per channel) that keeps the size at stride 1, without bias. Stride and dilation are \
             1 where they are left out.",
            |c: Context, x: Dynamic, kernel: INT, stride: INT, dilation: INT| -> Raised<Value> {
                let x = input(&x)?;
                Conv::depthwise(&x, kernel, stride, dilation).of(&c, &x)
            },
        )
        .function(
            "depthwise(value: Value|Op, kernel: int, stride: int) -> Value",
            "",
            |c: Context, x: Dynamic, kernel: INT, stride: INT| -> Raised<Value> {
                let x = input(&x)?;
                Conv::depthwise(&x, kernel, stride, 1).of(&c, &x)
            },
        )
        .function(
            "depthwise(value: Value|Op, kernel: int) -> Value",
            "",
            |c: Context, x: Dynamic, kernel: INT| -> Raised<Value> {
                let x = input(&x)?;
                Conv::depthwise(&x, kernel, 1, 1).of(&c, &x)
            },
        )
        .function(
            "pointwise(value: Value|Op, channels: int) -> Value",
            "A 1×1 convolution without bias; to `op.channels_out` where no channels are said.",
            |c: Context, x: Dynamic, channels: INT| -> Raised<Value> { Conv::same(channels, 1, 1).of(&c, &input(&x)?) },
        )
        .function("pointwise(value: Value|Op) -> Value", "", |c: Context, x: Dynamic| -> Raised<Value> {
            let x = input(&x)?;
            Conv::same(x.graph.arguments.channels_out, 1, 1).of(&c, &x)
        })
        .function(
            "batch_norm(value: Value|Op) -> Value",
            "Batch norm: without weights of its own in the search form, with them in the final form.",
            |c: Context, x: Dynamic| -> Raised<Value> {
                let x = input(&x)?;
                let affine = x.graph.affine();
                one(&c, "batch_norm", &[x], [("affine", Attribute::Boolean(affine))])
            },
        )
        .function(
            "batch_norm(value: Value|Op, affine: bool) -> Value",
            "Batch norm with or without weights of its own, in every form.",
            |c: Context, x: Dynamic, affine: bool| {
                one(&c, "batch_norm", &[input(&x)?], [("affine", Attribute::Boolean(affine))])
            },
        )
        .function(
            "linear(value: Value|Op, features: int) -> Value",
            "A linear map of all elements to this many numbers, with bias.",
            |c: Context, x: Dynamic, features: INT| {
                let attributes = [("features", whole(features)), ("bias", Attribute::Boolean(true))];
                one(&c, "linear", &[input(&x)?], attributes)
            },
        );
}

fn pools(api: &mut Interface) {
    fn pool(c: &Context, kind: &str, x: &Dynamic, kernel: INT, stride: INT) -> Raised<Value> {
        let attributes = [("kernel", whole(kernel)), ("stride", whole(stride)), ("padding", whole(kernel / 2))];
        one(c, kind, &[input(x)?], attributes)
    }
    api.subject("Pools");
    for (kind, [strided, plain], doc) in [
        (
            "max_pool",
            [
                "max_pool(value: Value|Op, kernel: int, stride: int) -> Value",
                "max_pool(value: Value|Op, kernel: int) -> Value",
            ],
            "Max pooling that keeps the size at stride 1.",
        ),
        (
            "avg_pool",
            [
                "avg_pool(value: Value|Op, kernel: int, stride: int) -> Value",
                "avg_pool(value: Value|Op, kernel: int) -> Value",
            ],
            "Average pooling that keeps the size at stride 1; what lies outside the map does not count.",
        ),
    ] {
        api.function(strided, doc, move |c: Context, x: Dynamic, kernel: INT, stride: INT| {
            pool(&c, kind, &x, kernel, stride)
        });
        api.function(plain, "", move |c: Context, x: Dynamic, kernel: INT| pool(&c, kind, &x, kernel, 1));
    }
    api.function(
        "global_avg_pool(value: Value|Op) -> Value",
        "The mean over height and width: (channels, 1, 1).",
        |c: Context, x: Dynamic| one(&c, "global_avg_pool", &[input(&x)?], []),
    );
}

fn combinations(api: &mut Interface) {
    api.subject("Values from values");
    for (kind, signature, doc) in [
        ("add", "add(value: Value|Op, other: Value|Op) -> Value", "a + b, also written so; sizes of 1 are stretched."),
        (
            "mul",
            "mul(value: Value|Op, other: Value|Op) -> Value",
            "a · b, also written `a * b`; sizes of 1 are stretched.",
        ),
    ] {
        api.function(signature, doc, move |c: Context, a: Dynamic, b: Dynamic| {
            one(&c, kind, &[input(&a)?, input(&b)?], [])
        });
    }
    api.function(
        "concat(values: Array) -> Value",
        "Values joined along their channels.",
        |c: Context, values: Array| one(&c, "concat", &list(&values).map_err(raise)?, []),
    )
    .function(
        "concat(value: Value|Op, other: Value|Op) -> Value",
        "",
        |c: Context, a: Dynamic, b: Dynamic| one(&c, "concat", &[input(&a)?, input(&b)?], []),
    )
    .function(
        "narrow(value: Value|Op, start: int, length: int) -> Value",
        "`length` channels from `start` on.",
        |c: Context, x: Dynamic, start: INT, length: INT| {
            one(&c, "narrow", &[input(&x)?], [("start", whole(start)), ("length", whole(length))])
        },
    )
    .function(
        "pad(value: Value|Op, top: int, left: int, bottom: int, right: int) -> Value",
        "Rows and columns of zeros added; negative amounts cut some off.",
        |c: Context, x: Dynamic, top: INT, left: INT, bottom: INT, right: INT| {
            let attributes =
                [("top", whole(top)), ("left", whole(left)), ("bottom", whole(bottom)), ("right", whole(right))];
            one(&c, "pad", &[input(&x)?], attributes)
        },
    )
    .function(
        "zero(value: Value|Op) -> Value",
        "Zeros of the shape that the operation must return. A candidate that returns them costs nothing and is never run.",
        |c: Context, x: Dynamic| -> Raised<Value> {
            let x = input(&x)?;
            let arguments = x.graph.arguments;
            let attributes = [("channels", whole(arguments.channels_out)), ("stride", whole(arguments.stride))];
            one(&c, "zero", &[x], attributes)
        },
    )
    .function(
        "zero(value: Value|Op, channels: int, stride: int) -> Value",
        "Zeros of the shape that the value would have after a stride, with this many channels.",
        |c: Context, x: Dynamic, channels: INT, stride: INT| {
            one(&c, "zero", &[input(&x)?], [("channels", whole(channels)), ("stride", whole(stride))])
        },
    );
}

/// Any layer with one value, by its kind.
fn named(context: &Context, x: &Value, kind: &str, map: &Map) -> Raised<Value> {
    let attributes = attributes(kind, map).map_err(raise)?;
    x.graph.layer(context, kind, std::slice::from_ref(x), attributes, 1).and_then(only)
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

/// `a + b`, `a * b`, `a * 2`, `0.5 * a`, for values and `op`.
fn arithmetic(engine: &mut Engine) {
    trait Operand: Clone + Send + Sync + 'static {
        fn value(&self) -> Value;
    }
    impl Operand for Value {
        fn value(&self) -> Value {
            self.clone()
        }
    }
    impl Operand for OpValue {
        fn value(&self) -> Value {
            self.input()
        }
    }
    fn pair<A: Operand, B: Operand>(engine: &mut Engine) {
        for (sign, kind) in [("+", "add"), ("*", "mul")] {
            engine.register_fn(sign, move |c: Context, a: A, b: B| one(&c, kind, &[a.value(), b.value()], []));
        }
    }
    fn numbers<T: Operand>(engine: &mut Engine) {
        engine
            .register_fn("*", |c: Context, x: T, factor: FLOAT| scale(&c, &x.value(), factor))
            .register_fn("*", |c: Context, x: T, factor: INT| scale(&c, &x.value(), factor as FLOAT))
            .register_fn("*", |c: Context, factor: FLOAT, x: T| scale(&c, &x.value(), factor))
            .register_fn("*", |c: Context, factor: INT, x: T| scale(&c, &x.value(), factor as FLOAT));
    }
    pair::<Value, Value>(engine);
    pair::<OpValue, Value>(engine);
    pair::<Value, OpValue>(engine);
    pair::<OpValue, OpValue>(engine);
    numbers::<Value>(engine);
    numbers::<OpValue>(engine);
}
