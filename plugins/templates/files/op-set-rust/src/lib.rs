//! An op set: operations that the edges of a cell may become, each described as a graph of layers.
//!
//! An operation is a function from values to values. It computes nothing: every method of `g` adds a layer, and the host runs,
//! differentiates, costs and exports what was described. To add one, write the function and name it in `OPERATIONS`.

use edas_plugin::{Graph, Op, Operation, Parameter, Plugin, Value};

/// The plugin.
pub struct MyPlugin;

impl Plugin for MyPlugin {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Operations of my own";
    const OPERATIONS: &'static [Operation] = &[
        Operation::candidate("gated", "depthwise convolution, scaled by a gate", gated).with_parameters(&[KERNEL]),
        Operation::candidate("blur", "mean of 3×3, pointwise convolution, batch norm", blur),
    ];
}

const KERNEL: Parameter = Parameter::integer("kernel", "height and width of the kernel, odd", 3, 1, 15);

/// ReLU, depthwise convolution; one pointwise convolution of it, times the sigmoid of another; batch norm.
fn gated(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let kernel = op.integer("kernel");
    if kernel % 2 == 0 {
        return g.refuse("`kernel` must be odd");
    }
    let y = g.relu(x[0]);
    let y = g.depthwise(y, kernel, op.stride, 1);
    let (y, gate) = (g.pointwise(y, op.channels_out), g.pointwise(y, op.channels_out));
    let gate = g.sigmoid(gate);
    let y = g.mul(y, gate);
    vec![g.batch_norm(y)]
}

/// What is there on average, in other channels.
fn blur(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let y = g.avg_pool(x[0], 3, op.stride);
    let y = g.pointwise(y, op.channels_out);
    vec![g.batch_norm(y)]
}

edas_plugin::export!(MyPlugin);
