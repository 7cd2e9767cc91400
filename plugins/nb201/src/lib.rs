//! The operations and the search space of NAS-Bench-201 (Dong, Yang: "NAS-Bench-201: Extending the Scope of Reproducible
//! Neural Architecture Search", ICLR 2020), after D-X-Y/AutoDL-Projects, `xautodl/models`.
//!
//! | name | layers |
//! |---|---|
//! | `none` | nothing |
//! | `skip_connect` | nothing, where neither size nor channels change |
//! | `nor_conv_1x1`, `nor_conv_3x3` | ReLU, convolution, batch norm |
//! | `avg_pool_3x3` | the mean of 3×3, what lies outside the map not counted |
//!
//! The benchmark uses them at stride 1 and equal channels. Elsewhere they do what AutoDL's do: `skip_connect` becomes two
//! shifted 1×1 convolutions at stride 2 and a 1×1 convolution where channels alone change, each with a batch norm;
//! `avg_pool_3x3` passes a ReLU, a 1×1 convolution and a batch norm first where channels change.
//!
//! Batch norms of the candidates are without affine parameters in the search form (AutoDL's `affine=False`) and with them
//! in the final form; those of stem, residual blocks and head always have them. No convolution has a bias. AutoDL's have
//! one where the batch norm behind them is not affine (`bias=not affine`): a number that the batch norm takes away again,
//! so no output and no other gradient depends on it. Running statistics are always kept (AutoDL's
//! `track_running_stats=True`); whether a validation uses them is the spec's `validation.batch_norm`.
//!
//! The space is [`SPACE`]; `network.cells` counts the cells of all three stages, 15 in the benchmark.

use edas_plugin::{Graph, Op, Operation, Plugin, Space, Value};

mod frame;

/// The search space, as a spec's `space` takes it.
pub const SPACE: &str = include_str!("nb201.yaml");

/// The plugin.
pub struct Nb201;

impl Plugin for Nb201 {
    const NAME: &'static str = "nb201";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "The operations and the search space of NAS-Bench-201";
    const OPERATIONS: &'static [Operation] = &[
        Operation::candidate("none", "nothing flows", none),
        Operation::candidate("skip_connect", "the input itself", skip_connect),
        Operation::candidate("nor_conv_1x1", "ReLU, 1×1 convolution, batch norm", |op, x, g| {
            vec![relu_conv_bn(x[0], op.channels_out, 1, op.stride, g)]
        }),
        Operation::candidate("nor_conv_3x3", "ReLU, 3×3 convolution, batch norm", |op, x, g| {
            vec![relu_conv_bn(x[0], op.channels_out, 3, op.stride, g)]
        }),
        Operation::candidate("avg_pool_3x3", "the mean of 3×3", avg_pool),
        Operation::candidate("nb201_stem", "3×3 convolution, batch norm", frame::stem),
        Operation::candidate("resnet_block", "two 3×3 convolutions beside a shortcut", frame::resnet_block),
        Operation::candidate("nb201_head", "batch norm, ReLU, global average pool, linear classifier", frame::head),
    ];
    const SPACES: &'static [Space] = &[Space::fixed("nb201", "6 edges with 5 candidates: 15,625 architectures", SPACE)];
}

fn none(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    vec![g.zero(x[0], op.channels_out, op.stride)]
}

fn relu_conv_bn(x: Value, channels: i64, kernel: i64, stride: i64, g: &mut Graph) -> Value {
    let x = g.relu(x);
    let x = g.conv_same(x, channels, kernel, stride);
    g.batch_norm(x)
}

fn skip_connect(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = x[0];
    if op.stride == 1 && op.channels_in == op.channels_out {
        return vec![x];
    }
    let y = if op.stride == 1 {
        g.pointwise(x, op.channels_out)
    } else {
        let half = op.channels_out / 2;
        let x = g.relu(x);
        let even = g.conv_same(x, half, 1, op.stride);
        let shifted = g.pad(x, -1, -1, 1, 1);
        let odd = g.conv_same(shifted, op.channels_out - half, 1, op.stride);
        g.concat(&[even, odd])
    };
    vec![g.batch_norm(y)]
}

fn avg_pool(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = if op.channels_in == op.channels_out { x[0] } else { relu_conv_bn(x[0], op.channels_out, 1, 1, g) };
    vec![g.avg_pool(x, 3, op.stride)]
}
