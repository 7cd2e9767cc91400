//! What stands around the cells: stem, residual blocks between the stages, head. Their batch norms are affine in every
//! form.

use edas_plugin::{Attributes, Graph, Op, Value};

/// 3×3 convolution and batch norm.
pub(crate) fn stem(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = g.conv_same(x[0], op.channels_out, 3, op.stride);
    vec![g.batch_norm_with(x, true)]
}

/// Twice ReLU, 3×3 convolution, batch norm, the first with the stride, plus a shortcut and no ReLU behind the sum. The
/// shortcut is, with a stride, the mean of each square of that size and a 1×1 convolution; where channels alone change, ReLU,
/// 1×1 convolution, batch norm; else the input itself. The stride must divide height and width, as in the benchmark.
pub(crate) fn resnet_block(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = x[0];
    let convolution = |x: Value, kernel: i64, stride: i64, g: &mut Graph| {
        let x = g.relu(x);
        let x = g.conv_same(x, op.channels_out, kernel, stride);
        g.batch_norm_with(x, true)
    };
    let y = convolution(x, 3, op.stride, g);
    let y = convolution(y, 3, 1, g);
    let shortcut = if op.stride > 1 {
        let window = Attributes::new().integer("kernel", op.stride).integer("stride", op.stride).integer("padding", 0);
        let [pooled] = g.layer("avg_pool", &[x], &window);
        g.pointwise(pooled, op.channels_out)
    } else if op.channels_in != op.channels_out {
        convolution(x, 1, 1, g)
    } else {
        x
    };
    vec![g.add(shortcut, y)]
}

/// Batch norm, ReLU, global average pool and a linear classifier.
pub(crate) fn head(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = g.batch_norm_with(x[0], true);
    let x = g.relu(x);
    let x = g.global_avg_pool(x);
    vec![g.linear(x, op.classes)]
}
