//! One useful operation among useless ones, for tests of the search itself: a search that works keeps the useful one.

use edas_plugin::{Graph, Initialiser, Op, Operation, Plugin, Value};

/// The plugin.
pub struct PlantedOps;

impl Plugin for PlantedOps {
    const NAME: &'static str = "planted-ops";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "One useful operation among useless ones";
    const OPERATIONS: &'static [Operation] = &[
        Operation::candidate("useful", "ReLU, 3×3 convolution, batch norm", useful),
        Operation::candidate("blur", "the mean of each channel, everywhere", blur),
        Operation::candidate("noise", "a fixed random image, whatever the input", noise),
        Operation::candidate("constant", "1, whatever the input", constant),
        Operation::candidate("nothing", "nothing flows", nothing),
        Operation::candidate("burst", "10⁷⁶ times the input: more than single precision holds", burst),
        Operation::candidate("quarters", "the four quarters of the image, each alone", quarters).with_outputs(4),
        Operation::candidate("classifier", "a linear map of every pixel", classifier),
    ];
}

fn useful(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let y = g.relu(x[0]);
    let y = g.conv_same(y, op.channels_out, 3, op.stride);
    vec![g.batch_norm(y)]
}

fn burst(_: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let x = g.scale(x[0], 1e38);
    vec![g.scale(x, 1e38)]
}

fn blur(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let zero = g.zero(x[0], op.channels_out, op.stride);
    let mean = g.global_avg_pool(x[0]);
    vec![g.add(zero, mean)]
}

fn noise(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let zero = g.zero(x[0], op.channels_out, op.stride);
    let shape = g.shape(zero);
    let noise = g.buffer("noise", &shape, Initialiser::Normal(1.0));
    vec![g.add(zero, noise)]
}

fn constant(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let zero = g.zero(x[0], op.channels_out, op.stride);
    let one = g.buffer("one", &[op.channels_out, 1, 1], Initialiser::Constant(1.0));
    vec![g.add(zero, one)]
}

/// Each output holds one quarter of the image and zeros elsewhere: no quarter makes up for another.
fn quarters(_: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let shape = g.shape(x[0]);
    let [_, height, width] = shape[..] else { return Vec::new() };
    let (h, w) = (height / 2, width / 2);
    let corners = [[0, 0, h, w], [0, w, h, 0], [h, 0, 0, w], [h, w, 0, 0]];
    let quarter = |[top, left, bottom, right]: [i64; 4]| {
        let cut = g.pad(x[0], -top, -left, -bottom, -right);
        g.pad(cut, top, left, bottom, right)
    };
    corners.map(quarter).to_vec()
}

fn classifier(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    vec![g.linear(x[0], op.classes)]
}

fn nothing(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    vec![g.zero(x[0], op.channels_out, op.stride)]
}

edas_plugin::export!(PlantedOps);
