//! The safe side of the host's graph builder: one method per layer.
//!
//! Shapes are without the batch: a feature map is (channels, height, width), a vector (features). Errors
//! stick inside the host: a method that fails returns a value of no graph, and the host reports the first
//! failure when the build is over.

use crate::abi;
use std::ffi::c_void;

/// A value of a layer graph: what flows between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(pub(crate) u64);

/// How a weight or buffer starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initialiser {
    /// Uniform between −a and a.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Every element is this.
    Constant(f64),
}

/// Named values that a layer takes.
#[derive(Default)]
pub struct Attributes<'a> {
    list: Vec<(&'a str, Item<'a>)>,
}

enum Item<'a> {
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Text(&'a str),
    Integers(&'a [i64]),
    Numbers(&'a [f64]),
}

impl<'a> Attributes<'a> {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a whole number.
    pub fn integer(mut self, name: &'a str, value: i64) -> Self {
        self.list.push((name, Item::Integer(value)));
        self
    }

    /// Adds a number.
    pub fn number(mut self, name: &'a str, value: f64) -> Self {
        self.list.push((name, Item::Number(value)));
        self
    }

    /// Adds a truth value.
    pub fn boolean(mut self, name: &'a str, value: bool) -> Self {
        self.list.push((name, Item::Boolean(value)));
        self
    }

    /// Adds a text.
    pub fn text(mut self, name: &'a str, value: &'a str) -> Self {
        self.list.push((name, Item::Text(value)));
        self
    }

    /// Adds a list of whole numbers.
    pub fn integers(mut self, name: &'a str, value: &'a [i64]) -> Self {
        self.list.push((name, Item::Integers(value)));
        self
    }

    /// Adds a list of numbers.
    pub fn numbers(mut self, name: &'a str, value: &'a [f64]) -> Self {
        self.list.push((name, Item::Numbers(value)));
        self
    }

    pub(crate) fn to_abi(&self) -> Vec<abi::Attribute> {
        self.list
            .iter()
            .map(|(name, item)| {
                let mut a = abi::Attribute { name: abi::Text::new(name), ..abi::Attribute::EMPTY };
                match item {
                    Item::Integer(value) => a.integer = *value,
                    Item::Number(value) => (a.kind, a.number) = (abi::KIND_NUMBER, *value),
                    Item::Boolean(value) => (a.kind, a.integer) = (abi::KIND_BOOLEAN, i64::from(*value)),
                    Item::Text(value) => (a.kind, a.text) = (abi::KIND_TEXT, abi::Text::new(value)),
                    Item::Numbers(value) => {
                        (a.kind, a.numbers, a.length) = (abi::KIND_NUMBERS, value.as_ptr(), value.len());
                    }
                    Item::Integers(value) => {
                        (a.kind, a.integers, a.length) = (abi::KIND_INTEGERS, value.as_ptr(), value.len());
                    }
                }
                a
            })
            .collect()
    }
}

/// How the host takes weights and buffers.
type MakeTensor =
    Option<unsafe extern "C-unwind" fn(*mut c_void, abi::Text, *const i64, usize, *const abi::Attribute, usize) -> u64>;

/// The graph that an operation builds.
pub struct Graph<'a> {
    pub(crate) builder: &'a abi::Builder,
    pub(crate) affine: bool,
    refusal: Option<String>,
}

impl<'a> Graph<'a> {
    /// Wraps the host's table.
    ///
    /// # Safety
    /// The table and its context must be valid for `'a`, and used on this thread alone.
    pub(crate) unsafe fn new(builder: &'a abi::Builder, affine: bool) -> Self {
        Self { builder, affine, refusal: None }
    }

    /// Refuses the place that the operation was asked for, and says why. What is returned afterwards does not count.
    pub fn refuse(&mut self, why: impl Into<String>) -> Vec<Value> {
        self.refusal.get_or_insert(why.into());
        Vec::new()
    }

    pub(crate) fn refusal(&mut self) -> Option<String> {
        self.refusal.take()
    }

    /// Adds a layer by name; `N` is the number of its outputs.
    pub fn layer<const N: usize>(&mut self, kind: &str, inputs: &[Value], attributes: &Attributes) -> [Value; N] {
        let inputs: Vec<u64> = inputs.iter().map(|v| v.0).collect();
        let attributes = attributes.to_abi();
        let mut outputs = [0; N];
        if let Some(layer) = self.builder.layer {
            // SAFETY: `new` vouches for the table; the arrays live until the call returns. A failure leaves zeros in
            // `outputs` and is kept by the host.
            unsafe {
                layer(
                    self.builder.context,
                    abi::Text::new(kind),
                    inputs.as_ptr(),
                    inputs.len(),
                    attributes.as_ptr(),
                    attributes.len(),
                    outputs.as_mut_ptr(),
                    N,
                );
            }
        }
        outputs.map(Value)
    }

    fn one(&mut self, kind: &str, inputs: &[Value], attributes: &Attributes) -> Value {
        let [value] = self.layer(kind, inputs, attributes);
        value
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: Value) -> Value {
        self.one("relu", &[x], &Attributes::new())
    }

    /// 1 / (1 + e⁻ˣ).
    pub fn sigmoid(&mut self, x: Value) -> Value {
        self.one("sigmoid", &[x], &Attributes::new())
    }

    /// min(max(x, 0), 6).
    pub fn relu6(&mut self, x: Value) -> Value {
        self.one("relu6", &[x], &Attributes::new())
    }

    /// x · sigmoid(x).
    pub fn silu(&mut self, x: Value) -> Value {
        self.one("silu", &[x], &Attributes::new())
    }

    /// x · relu6(x + 3) / 6.
    pub fn hard_swish(&mut self, x: Value) -> Value {
        self.one("hard_swish", &[x], &Attributes::new())
    }

    /// tanh(x).
    pub fn tanh(&mut self, x: Value) -> Value {
        self.one("tanh", &[x], &Attributes::new())
    }

    /// Any ATen operator by its schema name (`aten("softplus", "", …)`), with one output. Its tensors are `inputs`, in the
    /// schema's order: (batch, …) for values, without the batch for weights and buffers. Its other arguments are given by their
    /// names in `attributes`, or keep the schema's defaults. Operators that write to their inputs or draw random numbers are refused.
    pub fn aten(&mut self, operator: &str, overload: &str, inputs: &[Value], attributes: Attributes) -> Value {
        self.one("aten", inputs, &attributes.text("operator", operator).text("overload", overload))
    }

    /// A convolution with everything said: kernel, stride, padding and dilation as (height, width).
    #[allow(clippy::too_many_arguments, reason = "a convolution has this many")]
    pub fn conv(
        &mut self,
        x: Value,
        channels: i64,
        kernel: [i64; 2],
        stride: [i64; 2],
        padding: [i64; 2],
        dilation: [i64; 2],
        groups: i64,
        bias: bool,
    ) -> Value {
        let attributes = Attributes::new()
            .integer("channels", channels)
            .integers("kernel", &kernel)
            .integers("stride", &stride)
            .integers("padding", &padding)
            .integers("dilation", &dilation)
            .integer("groups", groups)
            .boolean("bias", bias);
        self.one("conv", &[x], &attributes)
    }

    /// A square convolution that keeps the size at stride 1, without bias.
    pub fn conv_same(&mut self, x: Value, channels: i64, kernel: i64, stride: i64) -> Value {
        let k = [kernel; 2];
        self.conv(x, channels, k, [stride; 2], [kernel / 2; 2], [1; 2], 1, false)
    }

    /// A depthwise convolution (one filter per channel) that keeps the size at stride 1, without bias.
    pub fn depthwise(&mut self, x: Value, kernel: i64, stride: i64, dilation: i64) -> Value {
        let channels = self.shape(x).first().copied().unwrap_or(0);
        let padding = [dilation.saturating_mul(kernel.saturating_sub(1)) / 2; 2];
        self.conv(x, channels, [kernel; 2], [stride; 2], padding, [dilation; 2], channels, false)
    }

    /// A 1×1 convolution without bias.
    pub fn pointwise(&mut self, x: Value, channels: i64) -> Value {
        self.conv_same(x, channels, 1, 1)
    }

    /// Batch norm: without affine parameters in the search form, with them in the final form.
    pub fn batch_norm(&mut self, x: Value) -> Value {
        self.batch_norm_with(x, self.affine)
    }

    /// Batch norm, with or without affine parameters, in every form.
    pub fn batch_norm_with(&mut self, x: Value, affine: bool) -> Value {
        self.one("batch_norm", &[x], &Attributes::new().boolean("affine", affine))
    }

    /// Max pooling that keeps the size at stride 1.
    pub fn max_pool(&mut self, x: Value, kernel: i64, stride: i64) -> Value {
        self.pool("max_pool", x, kernel, stride)
    }

    /// Average pooling that keeps the size at stride 1; what lies outside the map is not counted.
    pub fn avg_pool(&mut self, x: Value, kernel: i64, stride: i64) -> Value {
        self.pool("avg_pool", x, kernel, stride)
    }

    fn pool(&mut self, kind: &str, x: Value, kernel: i64, stride: i64) -> Value {
        let attributes =
            Attributes::new().integer("kernel", kernel).integer("stride", stride).integer("padding", kernel / 2);
        self.one(kind, &[x], &attributes)
    }

    /// The mean over height and width: (channels, 1, 1).
    pub fn global_avg_pool(&mut self, x: Value) -> Value {
        self.one("global_avg_pool", &[x], &Attributes::new())
    }

    /// A linear map of everything in x to `features` numbers, with bias.
    pub fn linear(&mut self, x: Value, features: i64) -> Value {
        self.one("linear", &[x], &Attributes::new().integer("features", features).boolean("bias", true))
    }

    /// a + b; sizes of 1 are stretched.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.one("add", &[a, b], &Attributes::new())
    }

    /// a · b; sizes of 1 are stretched.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.one("mul", &[a, b], &Attributes::new())
    }

    /// x times a constant.
    pub fn scale(&mut self, x: Value, factor: f64) -> Value {
        self.one("scale", &[x], &Attributes::new().number("factor", factor))
    }

    /// Joins values along their channels.
    pub fn concat(&mut self, values: &[Value]) -> Value {
        self.one("concat", values, &Attributes::new())
    }

    /// `length` channels from `start` on.
    pub fn narrow(&mut self, x: Value, start: i64, length: i64) -> Value {
        self.one("narrow", &[x], &Attributes::new().integer("start", start).integer("length", length))
    }

    /// Adds rows and columns of zeros; negative amounts cut some off.
    pub fn pad(&mut self, x: Value, top: i64, left: i64, bottom: i64, right: i64) -> Value {
        let attributes = Attributes::new()
            .integer("top", top)
            .integer("left", left)
            .integer("bottom", bottom)
            .integer("right", right);
        self.one("pad", &[x], &attributes)
    }

    /// Zeros of the shape that x would have after a stride. A graph that returns them costs nothing: the host skips it.
    pub fn zero(&mut self, x: Value, channels: i64, stride: i64) -> Value {
        self.one("zero", &[x], &Attributes::new().integer("channels", channels).integer("stride", stride))
    }

    /// A weight that training moves.
    pub fn parameter(&mut self, name: &str, shape: &[i64], initialiser: Initialiser) -> Value {
        self.tensor(self.builder.parameter, name, shape, initialiser)
    }

    /// A tensor that training does not move.
    pub fn buffer(&mut self, name: &str, shape: &[i64], initialiser: Initialiser) -> Value {
        self.tensor(self.builder.buffer, name, shape, initialiser)
    }

    fn tensor(&mut self, make: MakeTensor, name: &str, shape: &[i64], initialiser: Initialiser) -> Value {
        let (kind, a) = match initialiser {
            Initialiser::Uniform(a) => ("uniform", a),
            Initialiser::Normal(a) => ("normal", a),
            Initialiser::Constant(a) => ("constant", a),
        };
        let start = Attributes::new().number(kind, a).to_abi();
        match make {
            Some(make) => {
                let (name, context) = (abi::Text::new(name), self.builder.context);
                // SAFETY: `new` vouches for the table; text, shape and attributes live until the call returns.
                Value(unsafe { make(context, name, shape.as_ptr(), shape.len(), start.as_ptr(), start.len()) })
            }
            None => Value(0),
        }
    }

    /// The shape of a value, without the batch; empty where the value is of no graph.
    pub fn shape(&self, x: Value) -> Vec<i64> {
        let mut sizes = [0; 8];
        let Some(shape) = self.builder.shape else { return Vec::new() };
        // SAFETY: `new` vouches for the table; the host writes at most the capacity given.
        let rank = unsafe { shape(self.builder.context, x.0, sizes.as_mut_ptr(), sizes.len()) };
        sizes[..usize::try_from(rank).unwrap_or(0).min(sizes.len())].to_vec()
    }
}

/// # Safety
/// `outputs` has room for `count` values.
pub(crate) unsafe fn write_values(values: &[Value], outputs: *mut u64, count: usize) -> Result<(), String> {
    if values.len() != count {
        return Err(format!("{} values were returned, {count} are declared", values.len()));
    }
    for (i, value) in values.iter().enumerate() {
        // SAFETY: the caller vouches for the room.
        unsafe { *outputs.add(i) = value.0 };
    }
    Ok(())
}
