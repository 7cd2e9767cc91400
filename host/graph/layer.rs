//! The kinds of layers, their attributes, and how both are read from a plugin's call.

use super::Initialiser;
use super::aten::Aten;
use super::kernel::{Kernel, Native};
use crate::error::{Error, Result, nearest};
use crate::extension::Attribute;
use std::fmt;
use std::sync::Arc;

/// (height, width).
pub type Pair = [i64; 2];

/// An elementwise function of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// tanh(x)
    Tanh,
    /// x · sigmoid(x)
    Silu,
    /// x · relu6(x + 3) / 6
    HardSwish,
}

/// How a window moves over a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its size.
    pub kernel: Pair,
    /// Its step.
    pub stride: Pair,
    /// Rows and columns added on each side.
    pub padding: Pair,
}

/// One layer. Shapes are without the batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// An elementwise function.
    Activation(Activation),
    /// Cross-correlation, as `torch.nn.Conv2d`; weight (channels, in/groups, kh, kw), bias (channels).
    Conv {
        /// Channels that come out.
        channels: i64,
        /// Size, step and padding.
        window: Window,
        /// Distance between the kernel's taps.
        dilation: Pair,
        /// Groups of channels that do not mix.
        groups: i64,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Batch norm over batch, height and width; weight and bias where affine; running mean and variance.
    BatchNorm {
        /// Whether it scales and shifts by weights of its own.
        affine: bool,
        /// Added to the variance.
        epsilon: f64,
        /// The share of a new batch in the running statistics.
        momentum: f64,
    },
    /// The maximum of each window; what lies outside the map does not count.
    MaxPool(Window),
    /// The mean of each window; what lies outside the map does not count.
    AvgPool(Window),
    /// The mean over height and width: (channels, 1, 1).
    GlobalAvgPool,
    /// A linear map of all elements: weight (features, elements), bias (features).
    Linear {
        /// Numbers that come out.
        features: i64,
        /// Whether a bias is added.
        bias: bool,
    },
    /// a + b; sizes of 1 are stretched.
    Add,
    /// a · b; sizes of 1 are stretched.
    Mul,
    /// x times a constant.
    Scale {
        /// The constant.
        factor: f64,
    },
    /// Values joined along their channels.
    Concat,
    /// Some of the channels.
    Narrow {
        /// The first.
        start: i64,
        /// How many.
        length: i64,
    },
    /// Rows and columns of zeros added at the sides; negative amounts cut off.
    Pad {
        /// Rows above.
        top: i64,
        /// Columns on the left.
        left: i64,
        /// Rows below.
        bottom: i64,
        /// Columns on the right.
        right: i64,
    },
    /// Zeros of the shape that the input would have after a stride.
    Zero {
        /// Channels that come out.
        channels: i64,
        /// The factor by which height and width shrink.
        stride: i64,
    },
    /// A weight or buffer as a value; has no inputs.
    Tensor {
        /// What it is called within the graph.
        name: String,
    },
    /// An ATen operator.
    Aten(Arc<Aten>),
    /// A forward and backward of a plugin's own.
    Kernel(Arc<Kernel>),
    /// A function of a plugin's own over libtorch's tensors.
    Native(Arc<Native>),
}

/// Attributes as they came, taken out one by one; what is left over is an error.
struct Reader<'a> {
    kind: &'a str,
    left: Vec<(String, Attribute)>,
    known: Vec<&'static str>,
}

/// The largest number that an attribute may be: far above what is useful, and far below where sizes overflow.
const MOST: i64 = 1 << 20;

impl Reader<'_> {
    fn take(&mut self, name: &'static str) -> Option<Attribute> {
        self.known.push(name);
        let at = self.left.iter().position(|(n, _)| n == name)?;
        Some(self.left.swap_remove(at).1)
    }

    fn wrong(&self, name: &str, expected: &str, found: &Attribute) -> Error {
        Error::new(format!("attribute `{name}` of layer `{}` has the wrong type", self.kind)).expected(expected).found(
            match found {
                Attribute::Text(text) => format!("`{text}`"),
                other => other.to_string(),
            },
        )
    }

    fn or<T>(
        &mut self,
        name: &'static str,
        default: Option<T>,
        expected: &str,
        read: impl Fn(&Attribute) -> Option<T>,
    ) -> Result<T> {
        match (self.take(name), default) {
            (Some(value), _) => read(&value).ok_or_else(|| self.wrong(name, expected, &value)),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(Error::new(format!("layer `{}` needs the attribute `{name}`", self.kind))),
        }
    }

    fn integer(&mut self, name: &'static str, default: Option<i64>) -> Result<i64> {
        self.or(name, default, "a whole number", |a| if let Attribute::Integer(v) = a { Some(*v) } else { None })
    }

    fn within(&self, name: &str, value: i64, least: i64, most: i64) -> Result<i64> {
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        Err(Error::new(format!("attribute `{name}` of layer `{}` is out of range", self.kind))
            .expected(format!("a number from {least} to {most}"))
            .found(value.to_string()))
    }

    fn positive(&mut self, name: &'static str, default: Option<i64>) -> Result<i64> {
        let value = self.integer(name, default)?;
        self.within(name, value, 1, MOST)
    }

    /// A size that may be negative.
    fn amount(&mut self, name: &'static str) -> Result<i64> {
        let value = self.integer(name, Some(0))?;
        self.within(name, value, -MOST, MOST)
    }

    fn share(&mut self, name: &'static str, default: f64) -> Result<f64> {
        let value = self.number(name, Some(default))?;
        if value > 0.0 && value <= 1.0 {
            return Ok(value);
        }
        Err(Error::new(format!("attribute `{name}` of layer `{}` is out of range", self.kind))
            .expected("a number above 0, at most 1")
            .found(value.to_string()))
    }

    fn number(&mut self, name: &'static str, default: Option<f64>) -> Result<f64> {
        self.or(name, default, "a number", |a| match a {
            Attribute::Number(v) => Some(*v),
            Attribute::Integer(v) => Some(*v as f64),
            _ => None,
        })
    }

    fn boolean(&mut self, name: &'static str, default: bool) -> Result<bool> {
        self.or(name, Some(default), "true or false", |a| if let Attribute::Boolean(v) = a { Some(*v) } else { None })
    }

    fn pair(&mut self, name: &'static str, default: Option<Pair>, least: i64) -> Result<Pair> {
        let pair = self.or(name, default, "a whole number, or two: height and width", |a| match a {
            Attribute::Integer(v) => Some([*v, *v]),
            Attribute::Integers(v) => v.as_slice().try_into().ok(),
            _ => None,
        })?;
        if pair.iter().any(|v| *v < least || *v > MOST) {
            return Err(Error::new(format!("attribute `{name}` of layer `{}` is out of range", self.kind))
                .expected(format!("two numbers from {least} to {MOST}"))
                .found(format!("{pair:?}")));
        }
        Ok(pair)
    }

    fn window(&mut self) -> Result<Window> {
        Ok(Window {
            kernel: self.pair("kernel", None, 1)?,
            stride: self.pair("stride", Some([1, 1]), 1)?,
            padding: self.pair("padding", Some([0, 0]), 0)?,
        })
    }

    fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) if self.known.contains(&name.as_str()) => {
                Err(Error::new(format!("layer `{}` got its attribute `{name}` twice", self.kind)))
            }
            Some((name, _)) => Err(Error::new(format!("layer `{}` has no attribute `{name}`", self.kind))
                .expected(if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") })
                .help_if(nearest(name, self.known.iter().copied()))),
        }
    }
}

/// The names under which a plugin asks for layers.
pub const KINDS: &[&str] = &[
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "silu",
    "hard_swish",
    "conv",
    "batch_norm",
    "max_pool",
    "avg_pool",
    "global_avg_pool",
    "linear",
    "add",
    "mul",
    "scale",
    "concat",
    "narrow",
    "pad",
    "zero",
    "aten",
];

impl Layer {
    /// The layer of a kind with attributes, as a plugin asks for it. Everything is checked but what depends on shapes.
    pub fn read(kind: &str, attributes: Vec<(String, Attribute)>) -> Result<Self> {
        let mut r = Reader { kind, left: attributes, known: Vec::new() };
        let layer = match kind {
            "relu" => Layer::Activation(Activation::Relu),
            "relu6" => Layer::Activation(Activation::Relu6),
            "sigmoid" => Layer::Activation(Activation::Sigmoid),
            "tanh" => Layer::Activation(Activation::Tanh),
            "silu" => Layer::Activation(Activation::Silu),
            "hard_swish" => Layer::Activation(Activation::HardSwish),
            "conv" => Layer::Conv {
                channels: r.positive("channels", None)?,
                window: r.window()?,
                dilation: r.pair("dilation", Some([1, 1]), 1)?,
                groups: r.positive("groups", Some(1))?,
                bias: r.boolean("bias", false)?,
            },
            "batch_norm" => Layer::BatchNorm {
                affine: r.boolean("affine", false)?,
                epsilon: r.share("epsilon", 1e-5)?,
                momentum: r.share("momentum", 0.1)?,
            },
            "max_pool" => Layer::MaxPool(r.window()?),
            "avg_pool" => Layer::AvgPool(r.window()?),
            "global_avg_pool" => Layer::GlobalAvgPool,
            "linear" => Layer::Linear { features: r.positive("features", None)?, bias: r.boolean("bias", true)? },
            "add" => Layer::Add,
            "mul" => Layer::Mul,
            "scale" => {
                let factor = r.number("factor", None)?;
                if !factor.is_finite() {
                    return Err(Error::new("attribute `factor` of layer `scale` is out of range")
                        .expected("a finite number")
                        .found(factor.to_string()));
                }
                Layer::Scale { factor }
            }
            "concat" => Layer::Concat,
            "narrow" => Layer::Narrow { start: r.integer("start", None)?, length: r.positive("length", None)? },
            "pad" => Layer::Pad {
                top: r.amount("top")?,
                left: r.amount("left")?,
                bottom: r.amount("bottom")?,
                right: r.amount("right")?,
            },
            "zero" => Layer::Zero { channels: r.positive("channels", None)?, stride: r.positive("stride", Some(1))? },
            _ => {
                return Err(Error::new(format!("there is no layer of kind `{kind}`"))
                    .expected(format!("one of {}", KINDS.join(", ")))
                    .help_if(nearest(kind, KINDS.iter().copied())));
            }
        };
        r.finish()?;
        Ok(layer)
    }

    /// Whether every number of the output follows from the numbers at its place: of weights and buffers alone, the output is
    /// like them.
    pub fn is_elementwise(&self) -> bool {
        matches!(self, Layer::Activation(_) | Layer::Scale { .. } | Layer::Add | Layer::Mul)
    }

    /// The number of inputs: least and most.
    pub fn arity(&self) -> (usize, usize) {
        match self {
            Layer::Add | Layer::Mul => (2, 2),
            Layer::Concat => (1, usize::MAX),
            Layer::Tensor { .. } => (0, 0),
            Layer::Aten(_) | Layer::Kernel(_) | Layer::Native(_) => (0, usize::MAX),
            _ => (1, 1),
        }
    }

    /// The tensors that the layer owns, given its inputs' shapes: name, shape, start, whether trained. The order is
    /// the one in which executors find them. Convolutions and linear maps start as PyTorch's do: uniform
    /// within 1/√(inputs per output).
    pub fn tensors(&self, inputs: &[&[i64]]) -> Vec<(&'static str, Vec<i64>, Initialiser, bool)> {
        match self {
            Layer::Conv { channels, window, groups, bias, .. } => {
                let shape = vec![*channels, inputs[0][0] / groups, window.kernel[0], window.kernel[1]];
                let bound = Initialiser::Uniform(1.0 / ((shape[1] * shape[2] * shape[3]) as f64).sqrt());
                let mut list = vec![("weight", shape, bound, true)];
                if *bias {
                    list.push(("bias", vec![*channels], bound, true));
                }
                list
            }
            Layer::Linear { features, bias } => {
                let elements: i64 = inputs[0].iter().product();
                let bound = Initialiser::Uniform(1.0 / (elements as f64).sqrt());
                let mut list = vec![("weight", vec![*features, elements], bound, true)];
                if *bias {
                    list.push(("bias", vec![*features], bound, true));
                }
                list
            }
            Layer::BatchNorm { affine, .. } => {
                let shape = vec![inputs[0][0]];
                let (zero, one) = (Initialiser::Constant(0.0), Initialiser::Constant(1.0));
                let mut list =
                    vec![("running_mean", shape.clone(), zero, false), ("running_var", shape.clone(), one, false)];
                if *affine {
                    list.push(("weight", shape.clone(), one, true));
                    list.push(("bias", shape, zero, true));
                }
                list
            }
            _ => Vec::new(),
        }
    }
}

fn pair(f: &mut fmt::Formatter<'_>, name: &str, value: Pair, default: i64) -> fmt::Result {
    match value {
        [a, b] if a == b && a == default => Ok(()),
        [a, b] if a == b => write!(f, " {name}={a}"),
        [a, b] => write!(f, " {name}={a}×{b}"),
    }
}

fn window(f: &mut fmt::Formatter<'_>, name: &str, w: &Window) -> fmt::Result {
    write!(f, "{name} {}×{}", w.kernel[0], w.kernel[1])?;
    pair(f, "stride", w.stride, 1)?;
    pair(f, "padding", w.padding, 0)
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Activation(a) => f.write_str(match a {
                Activation::Relu => "relu",
                Activation::Relu6 => "relu6",
                Activation::Sigmoid => "sigmoid",
                Activation::Tanh => "tanh",
                Activation::Silu => "silu",
                Activation::HardSwish => "hard_swish",
            }),
            Layer::Conv { channels, window: w, dilation, groups, bias } => {
                window(f, "conv", w)?;
                pair(f, "dilation", *dilation, 1)?;
                write!(f, " channels={channels}")?;
                if *groups != 1 {
                    write!(f, " groups={groups}")?;
                }
                if *bias { f.write_str(" bias") } else { Ok(()) }
            }
            Layer::BatchNorm { affine, .. } => f.write_str(if *affine { "batch_norm affine" } else { "batch_norm" }),
            Layer::MaxPool(w) => window(f, "max_pool", w),
            Layer::AvgPool(w) => window(f, "avg_pool", w),
            Layer::GlobalAvgPool => f.write_str("global_avg_pool"),
            Layer::Linear { features, .. } => write!(f, "linear features={features}"),
            Layer::Add => f.write_str("add"),
            Layer::Mul => f.write_str("mul"),
            Layer::Scale { factor } => write!(f, "scale {factor}"),
            Layer::Concat => f.write_str("concat"),
            Layer::Narrow { start, length } => write!(f, "narrow {start}+{length}"),
            Layer::Pad { top, left, bottom, right } => write!(f, "pad {top},{left},{bottom},{right}"),
            Layer::Zero { channels, stride } => write!(f, "zero channels={channels} stride={stride}"),
            Layer::Tensor { name } => write!(f, "tensor {name}"),
            Layer::Aten(aten) => write!(f, "aten {aten}"),
            Layer::Kernel(kernel) => write!(f, "kernel {}", kernel.name()),
            Layer::Native(native) => write!(f, "native {}", native.name()),
        }
    }
}
