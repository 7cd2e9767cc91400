//! Inverted residuals, the blocks of mobile networks (Sandler and others: "MobileNetV2", CVPR 2018; Howard and others:
//! "Searching for MobileNetV3", ICCV 2019), as candidates of spaces in the manner of ProxylessNAS and MnasNet.
//!
//! | name | layers |
//! |---|---|
//! | `none` | nothing |
//! | `skip` | nothing, where neither size nor channels change |
//! | `mbconv` | 1×1 convolution to `expand` times the channels, depthwise convolution, 1×1 convolution back |
//! | `mobile_stem` | 3×3 convolution, batch norm, activation |
//! | `mobile_head` | 1×1 convolution, batch norm, activation, global average pool, linear classifier |
//!
//! Every convolution of a block has a batch norm behind it and, except the last, an activation. The input is added to the
//! result where stride and channels allow it. With `expand` 1 the first convolution is left out. With `squeeze_excite` the
//! depthwise result is scaled per channel: global average pool, 1×1 convolution to a quarter of the channels, ReLU, 1×1
//! convolution back, sigmoid. The activation is ReLU6 (MobileNetV2) or, with `hard_swish`, that of MobileNetV3.
//!
//! Batch norms of a block are without affine parameters in the search form and with them in the final form; those of
//! stem and head always have them.
//!
//! An example space is [`SPACE`].

use edas_plugin::{Graph, Op, Operation, Parameter, Plugin, Space, Value};

/// A small space of these operations, as a spec's `space` takes it.
pub const SPACE: &str = include_str!("mobile.yaml");

/// The plugin.
pub struct MobileOps;

const EXPAND: Parameter =
    Parameter::integer("expand", "channels within the block, as a multiple of the input's", 6, 1, 10);
const KERNEL: Parameter = Parameter::integer("kernel", "height and width of the depthwise kernel, odd", 3, 3, 9);
const SQUEEZE_EXCITE: Parameter =
    Parameter::boolean("squeeze_excite", "whether channels are scaled by what the whole map holds", false);
const HARD_SWISH: Parameter = Parameter::boolean("hard_swish", "hard swish in place of ReLU6", false);
const CHANNELS: Parameter = Parameter::integer(
    "channels",
    "channels before the pool; 0: as many as come in, without a convolution",
    0,
    0,
    8192,
);

impl Plugin for MobileOps {
    const NAME: &'static str = "mobile-ops";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Inverted residuals of mobile networks";
    const OPERATIONS: &'static [Operation] = &[
        Operation::candidate("none", "nothing flows", none),
        Operation::candidate("skip", "the input itself", skip),
        Operation::candidate("mbconv", "inverted residual", mbconv).with_parameters(&[
            EXPAND,
            KERNEL,
            SQUEEZE_EXCITE,
            HARD_SWISH,
        ]),
        Operation::candidate("mobile_stem", "3×3 convolution, batch norm, activation", stem)
            .with_parameters(&[HARD_SWISH]),
        Operation::candidate("mobile_head", "1×1 convolution, global average pool, linear classifier", head)
            .with_parameters(&[CHANNELS, HARD_SWISH]),
    ];
    const SPACES: &'static [Space] =
        &[Space::fixed("mobile", "a chain of inverted residuals in three stages, each block one edge", SPACE)];
}

fn none(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    vec![g.zero(x[0], op.channels_out, op.stride)]
}

fn skip(op: &Op, x: &[Value], _: &mut Graph) -> Vec<Value> {
    assert!(
        op.stride == 1 && op.channels_in == op.channels_out,
        "`skip` changes neither size nor channels, and is asked for stride {} and {} channels from {}: take it from the \
         candidates of this edge",
        op.stride,
        op.channels_out,
        op.channels_in,
    );
    vec![x[0]]
}

fn activation(op: &Op, x: Value, g: &mut Graph) -> Value {
    if op.boolean("hard_swish") { g.hard_swish(x) } else { g.relu6(x) }
}

fn mbconv(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let (expand, kernel) = (op.integer("expand"), op.integer("kernel"));
    assert!(kernel % 2 == 1, "`kernel` must be odd, and is {kernel}");
    let inner = op.channels_in * expand;
    let mut y = x[0];
    if expand > 1 {
        y = g.pointwise(y, inner);
        y = g.batch_norm(y);
        y = activation(op, y, g);
    }
    y = g.depthwise(y, kernel, op.stride, 1);
    y = g.batch_norm(y);
    y = activation(op, y, g);
    if op.boolean("squeeze_excite") {
        y = squeeze_excite(y, inner, g);
    }
    y = g.pointwise(y, op.channels_out);
    y = g.batch_norm(y);
    if op.stride == 1 && op.channels_in == op.channels_out {
        y = g.add(x[0], y);
    }
    vec![y]
}

fn squeeze_excite(x: Value, channels: i64, g: &mut Graph) -> Value {
    let pointwise =
        |x: Value, channels: i64, g: &mut Graph| g.conv(x, channels, [1; 2], [1; 2], [0; 2], [1; 2], 1, true);
    let scale = g.global_avg_pool(x);
    let scale = pointwise(scale, (channels / 4).max(1), g);
    let scale = g.relu(scale);
    let scale = pointwise(scale, channels, g);
    let scale = g.sigmoid(scale);
    g.mul(x, scale)
}

fn stem(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = g.conv_same(x[0], op.channels_out, 3, op.stride);
    let x = g.batch_norm_with(x, true);
    vec![activation(op, x, g)]
}

fn head(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let mut x = x[0];
    let channels = op.integer("channels");
    if channels > 0 {
        x = g.pointwise(x, channels);
        x = g.batch_norm_with(x, true);
        x = activation(op, x, g);
    }
    let x = g.global_avg_pool(x);
    vec![g.linear(x, op.classes)]
}
