//! What stands around the cells' edges: preprocessing of a cell's inputs, stem and head.

use edas_plugin::{Graph, Op, Value};

/// ReLU, 1×1 convolution, batch norm: brings an input to the cell's channels.
pub(crate) fn relu_conv_bn(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = g.relu(x[0]);
    let x = g.conv_same(x, op.channels_out, 1, op.stride);
    vec![g.batch_norm(x)]
}

/// Halves the resolution by two 1×1 convolutions with stride 2 on grids that are shifted by one pixel, each
/// with half of the channels. The shift pads at the far side, so that odd sizes work too; at even sizes the
/// padding is never read.
pub(crate) fn factorized_reduce(op: &Op, x: Value, g: &mut Graph) -> Value {
    let half = op.channels_out / 2;
    let x = g.relu(x);
    let even = g.conv_same(x, half, 1, 2);
    let shifted = g.pad(x, -1, -1, 1, 1);
    let odd = g.conv_same(shifted, op.channels_out - half, 1, 2);
    let both = g.concat(&[even, odd]);
    g.batch_norm(both)
}

/// 3×3 convolution and an affine batch norm; the result serves as both inputs of the first cell.
pub(crate) fn stem_cifar(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = g.conv_same(x[0], op.channels_out, 3, op.stride);
    let x = g.batch_norm_with(x, true);
    vec![x, x]
}

/// Global average pool and a linear classifier.
pub(crate) fn pool_linear(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = g.global_avg_pool(x[0]);
    vec![g.linear(x, op.classes)]
}
