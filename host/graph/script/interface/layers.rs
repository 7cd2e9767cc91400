//! The layers by their names.

use super::{Context, both, input, named, number, one, scale, whole};
use crate::extension::Attribute;
use crate::extension::interface::Interface;
use crate::extension::script::raise;
use crate::graph::script::values::{Raised, Value, list};
use rhai::{Array, Dynamic, INT, Map};

pub(super) fn register(api: &mut Interface) {
    activations(api);
    convolutions(api);
    pools(api);
    combinations(api);
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
