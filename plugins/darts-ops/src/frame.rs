//! What stands around the cells' edges: preprocessing of a cell's inputs, stems and heads.

use edas_plugin::{Attributes, Graph, Op, Value};

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

/// Three 3×3 convolutions of stride 2, for images of ImageNet's size: the first input of the first cell is what the second one
/// returns, an eighth in size what the third does. Batch norms are affine. (`NetworkImageNet` in quark0/darts, `cnn/model.py`)
pub(crate) fn stem_imagenet(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let halved = |x: Value, channels: i64, g: &mut Graph| {
        let x = g.conv_same(x, channels, 3, 2);
        g.batch_norm_with(x, true)
    };
    let first = halved(x[0], op.channels_out / 2, g);
    let first = g.relu(first);
    let quarter = halved(first, op.channels_out, g);
    let active = g.relu(quarter);
    let eighth = halved(active, op.channels_out, g);
    vec![quarter, eighth]
}

/// A second classifier, which reads a map within the network and is there in training alone: ReLU, a mean of 5×5, 1×1 and 2×2
/// convolutions, a linear map. For maps of 8×8. (`AuxiliaryHeadCIFAR` in quark0/darts, `cnn/model.py`)
pub(crate) fn auxiliary_cifar(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    auxiliary(op, x[0], g, 3, true)
}

/// The same for maps of 7×7 and 14×14; the batch norm behind the 2×2 convolution was left out by mistake there, and stays so that
/// the numbers are theirs. (`AuxiliaryHeadImageNet` in quark0/darts, `cnn/model.py`)
pub(crate) fn auxiliary_imagenet(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    auxiliary(op, x[0], g, 2, false)
}

fn auxiliary(op: &Op, x: Value, g: &mut Graph, stride: i64, second_norm: bool) -> Vec<Value> {
    let x = g.relu(x);
    let [x] = g.layer("avg_pool", &[x], &Attributes::new().integer("kernel", 5).integer("stride", stride));
    let x = g.pointwise(x, 128);
    let x = g.batch_norm_with(x, true);
    let x = g.relu(x);
    let x = g.conv(x, 768, [2, 2], [1, 1], [0, 0], [1, 1], 1, false);
    let x = if second_norm { g.batch_norm_with(x, true) } else { x };
    let x = g.relu(x);
    vec![g.linear(x, op.classes)]
}
