//! The operations of the DARTS search space (Liu, Simonyan, Yang: "DARTS: Differentiable Architecture Search",
//! ICLR 2019; also quark0/darts, `cnn/operations.py`), and the pieces around its cells.
//!
//! The candidates keep the number of channels, and shrink height and width by the stride:
//!
//! | name | layers |
//! |---|---|
//! | `none` | nothing |
//! | `max_pool_3x3`, `avg_pool_3x3` | pool; in the search form a batch norm |
//! | `skip_connect` | nothing at stride 1, otherwise `factorized_reduce` |
//! | `sep_conv_KxK` | twice: ReLU, depthwise, pointwise, batch norm |
//! | `dil_conv_KxK` | ReLU, depthwise with dilation 2, pointwise, batch norm |
//! | `conv_7x1_1x7` | ReLU, 1×7 and 7×1 convolutions, batch norm |
//!
//! Batch norms are without affine parameters in the search form and with them in the final form; the
//! stem's is always affine.

use edas_plugin::{Form, Graph, Op, Operation, Parameter, Plugin, Value};

mod frame;

/// The plugin.
pub struct DartsOps;

const KERNEL: Parameter = Parameter::integer("kernel", "height and width of the kernel, odd", 3, 1, 15);

impl Plugin for DartsOps {
    const NAME: &'static str = "darts-ops";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "The operations of the DARTS search space";
    const OPERATIONS: &'static [Operation] = &[
        Operation::candidate("none", "nothing flows", none),
        Operation::candidate("max_pool_3x3", "the maximum of 3×3", |op, x, g| max_pool(op, x[0], g, 3)),
        Operation::candidate("avg_pool_3x3", "the mean of 3×3", |op, x, g| avg_pool(op, x[0], g, 3)),
        Operation::candidate("skip_connect", "the input itself", skip_connect),
        Operation::candidate("sep_conv_3x3", "separable convolution 3×3", |op, x, g| sep_conv(op, x[0], g, 3)),
        Operation::candidate("sep_conv_5x5", "separable convolution 5×5", |op, x, g| sep_conv(op, x[0], g, 5)),
        Operation::candidate("sep_conv_7x7", "separable convolution 7×7", |op, x, g| sep_conv(op, x[0], g, 7)),
        Operation::candidate("dil_conv_3x3", "dilated convolution 3×3", |op, x, g| dil_conv(op, x[0], g, 3)),
        Operation::candidate("dil_conv_5x5", "dilated convolution 5×5", |op, x, g| dil_conv(op, x[0], g, 5)),
        Operation::candidate("conv_7x1_1x7", "convolutions 1×7 and 7×1", conv_7x1_1x7),
        Operation::candidate("sep_conv", "separable convolution of any kernel", |op, x, g| {
            sep_conv(op, x[0], g, op.integer("kernel"))
        })
        .with_parameters(&[KERNEL]),
        Operation::candidate("dil_conv", "dilated convolution of any kernel", |op, x, g| {
            dil_conv(op, x[0], g, op.integer("kernel"))
        })
        .with_parameters(&[KERNEL]),
        Operation::candidate("relu_conv_bn", "ReLU, 1×1 convolution, batch norm", frame::relu_conv_bn),
        Operation::candidate("factorized_reduce", "halves the resolution in two shifted parts", |op, x, g| {
            match op.stride {
                2 => vec![frame::factorized_reduce(op, x[0], g)],
                stride => g.refuse(format!("it halves the resolution: its stride is 2, not {stride}")),
            }
        }),
        Operation::candidate("stem_cifar", "3×3 convolution, batch norm; for both inputs", frame::stem_cifar)
            .with_outputs(2),
        Operation::candidate("stem_imagenet", "three 3×3 convolutions of stride 2", frame::stem_imagenet)
            .with_outputs(2),
        Operation::candidate("pool_linear", "global average pool, linear classifier", frame::pool_linear),
        Operation::candidate("auxiliary_cifar", "a second classifier, for maps of 8×8", frame::auxiliary_cifar),
        Operation::candidate("auxiliary_imagenet", "a second classifier, for maps of 7×7", frame::auxiliary_imagenet),
    ];
}

fn none(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    vec![g.zero(x[0], op.channels_out, op.stride)]
}

fn max_pool(op: &Op, x: Value, g: &mut Graph, kernel: i64) -> Vec<Value> {
    let y = g.max_pool(x, kernel, op.stride);
    after_pool(op, y, g)
}

fn avg_pool(op: &Op, x: Value, g: &mut Graph, kernel: i64) -> Vec<Value> {
    let y = g.avg_pool(x, kernel, op.stride);
    after_pool(op, y, g)
}

fn after_pool(op: &Op, y: Value, g: &mut Graph) -> Vec<Value> {
    match op.form {
        Form::Search => vec![g.batch_norm(y)],
        Form::Final => vec![y],
    }
}

fn skip_connect(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    if op.stride == 1 { vec![x[0]] } else { vec![frame::factorized_reduce(op, x[0], g)] }
}

fn sep_conv(op: &Op, x: Value, g: &mut Graph, kernel: i64) -> Vec<Value> {
    let mut x = x;
    for (stride, channels) in [(op.stride, op.channels_in), (1, op.channels_out)] {
        x = g.relu(x);
        x = g.depthwise(x, kernel, stride, 1);
        x = g.pointwise(x, channels);
        x = g.batch_norm(x);
    }
    vec![x]
}

fn dil_conv(op: &Op, x: Value, g: &mut Graph, kernel: i64) -> Vec<Value> {
    let x = g.relu(x);
    let x = g.depthwise(x, kernel, op.stride, 2);
    let x = g.pointwise(x, op.channels_out);
    vec![g.batch_norm(x)]
}

fn conv_7x1_1x7(op: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
    let (s, c) = (op.stride, op.channels_out);
    let x = g.relu(x[0]);
    let x = g.conv(x, c, [1, 7], [1, s], [0, 3], [1, 1], 1, false);
    let x = g.conv(x, c, [7, 1], [s, 1], [3, 0], [1, 1], 1, false);
    vec![g.batch_norm(x)]
}
