//! The host's side of the plugin interface's builder: calls that arrive from a plugin become a [`LayerGraph`].
//!
//! Errors stick: the first one is kept, every later call does nothing, and [`Build::finish`] reports it.

use super::layer::{Attribute, Layer};
use super::{Initialiser, LayerGraph, Node, Shape, TensorSpec, ValueId, shape, shape_text};
use crate::error::{Error, Result};
use edas_plugin::abi;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};

/// The most elements that one value or tensor of a graph may have, for one example.
const MOST_ELEMENTS: i64 = 1 << 31;

/// A graph in the making.
pub struct Build {
    /// Tells this graph's values from those of others; never 0.
    number: u32,
    graph: LayerGraph,
    error: Option<Error>,
}

impl Build {
    /// A graph with inputs of these shapes.
    pub fn new(inputs: &[Shape]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let graph = LayerGraph {
            inputs: inputs.len(),
            shapes: inputs.to_vec(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            tensors: Vec::new(),
        };
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed).max(1), graph, error: None }
    }

    /// The name of a value for the other side.
    pub fn export(&self, value: ValueId) -> u64 {
        u64::from(self.number) << 32 | value as u64
    }

    fn import(&self, value: u64) -> Result<ValueId> {
        let (number, id) = ((value >> 32) as u32, (value & u64::from(u32::MAX)) as usize);
        if number != self.number || id >= self.graph.shapes.len() {
            return Err(Error::new("a value does not belong to the graph that is being built")
                .help("use only the values that this call of `build` was given or has made"));
        }
        Ok(id)
    }

    fn push(&mut self, layer: Layer, inputs: Vec<ValueId>, shape: Shape, tensors: Vec<usize>) -> Result<ValueId> {
        let elements = shape.iter().try_fold(1i64, |n, size| n.checked_mul(*size));
        if elements.is_none_or(|n| !(1..=MOST_ELEMENTS).contains(&n)) {
            return Err(Error::new(format!("the output of layer `{layer}` has an impossible size"))
                .expected(format!("1 to {MOST_ELEMENTS} elements"))
                .found(shape_text(&shape)));
        }
        let output = self.graph.shapes.len();
        self.graph.shapes.push(shape);
        self.graph.nodes.push(Node { layer, inputs, output, tensors });
        Ok(output)
    }

    /// Adds a layer.
    ///
    /// # Errors
    /// Where the inputs do not fit.
    pub fn layer(&mut self, layer: Layer, inputs: Vec<ValueId>) -> Result<ValueId> {
        let shapes: Vec<&[i64]> = inputs.iter().map(|v| self.graph.shapes[*v].as_slice()).collect();
        let shape = shape::infer(&layer, &shapes)?;
        let number = self.graph.nodes.len();
        let mut tensors = Vec::new();
        for (name, shape, initialiser, trained) in layer.tensors(&shapes) {
            tensors.push(self.graph.tensors.len());
            self.graph.tensors.push(TensorSpec { name: format!("{number}.{name}"), shape, initialiser, trained });
        }
        self.push(layer, inputs, shape, tensors)
    }

    fn tensor(&mut self, name: &str, shape: Shape, initialiser: Initialiser, trained: bool) -> Result<ValueId> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) || self.graph.tensors.iter().any(|t| t.name == name) {
            return Err(Error::new("a tensor's name is not usable")
                .expected("letters, digits and `_`, and every name once")
                .found(format!("`{name}`")));
        }
        let index = self.graph.tensors.len();
        self.graph.tensors.push(TensorSpec { name: name.to_owned(), shape: shape.clone(), initialiser, trained });
        self.push(Layer::Tensor { name: name.to_owned() }, Vec::new(), shape, vec![index])
    }

    /// The finished graph, with these values as its outputs.
    ///
    /// # Errors
    /// The first error that any call ran into.
    pub fn finish(mut self, outputs: &[u64]) -> Result<LayerGraph> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let values = outputs.iter().map(|v| self.import(*v)).collect::<Result<_>>()?;
        self.graph.outputs = values;
        Ok(self.graph)
    }

    /// The first error that any call ran into, if there was one.
    pub fn into_error(self) -> Option<Error> {
        self.error
    }

    /// The table that a plugin is given. It points to `self`, which must stay where it is while the table is used.
    pub fn table(&mut self) -> abi::Builder {
        abi::Builder {
            size: size_of::<abi::Builder>(),
            context: std::ptr::from_mut(self).cast(),
            layer: Some(layer),
            parameter: Some(parameter),
            buffer: Some(buffer),
            shape: Some(value_shape),
        }
    }

    /// Runs `body` unless an error was kept before; keeps its error.
    fn run<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        if self.error.is_some() {
            return None;
        }
        match body(self) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }
}

/// # Safety
/// `data` points to `length` elements that live until the caller returns, or `length` is 0.
unsafe fn slice<'a, T>(data: *const T, length: usize) -> Result<&'a [T]> {
    match (length, data.is_null()) {
        (0, _) => Ok(&[]),
        (_, true) => Err(Error::new("a null pointer was passed with a length")),
        // SAFETY: the caller vouches for the memory; null was excluded.
        _ => Ok(unsafe { std::slice::from_raw_parts(data, length) }),
    }
}

/// # Safety
/// As [`slice`].
pub(super) unsafe fn text<'a>(text: abi::Text) -> Result<&'a str> {
    // SAFETY: the caller vouches for the memory.
    unsafe { text.as_str() }.ok_or_else(|| Error::new("a text is not valid UTF-8"))
}

/// # Safety
/// The attribute's pointers live until the caller returns.
pub(super) unsafe fn attribute(a: &abi::Attribute) -> Result<(String, Attribute)> {
    // SAFETY: the caller vouches for texts and lists.
    unsafe {
        let value = match a.kind {
            abi::kind::INTEGER => Attribute::Integer(a.integer),
            abi::kind::NUMBER => Attribute::Number(a.number),
            abi::kind::BOOLEAN => Attribute::Boolean(a.integer != 0),
            abi::kind::TEXT => Attribute::Text(text(a.text)?.to_owned()),
            abi::kind::INTEGERS => Attribute::Integers(slice(a.integers, a.length)?.to_vec()),
            kind => return Err(Error::new(format!("an attribute has the unknown kind {kind}"))),
        };
        Ok((text(a.name)?.to_owned(), value))
    }
}

unsafe extern "C" fn layer(
    context: *mut c_void,
    kind: abi::Text,
    inputs: *const u64,
    input_count: usize,
    attributes: *const abi::Attribute,
    attribute_count: usize,
    outputs: *mut u64,
    output_count: usize,
) -> abi::Status {
    // SAFETY: `context` is the `Build` that `table` was made of, which the running `build` call has to itself.
    let Some(build) = (unsafe { context.cast::<Build>().as_mut() }) else { return abi::FAILED };
    let value = build.run(|build| {
        // SAFETY: the plugin passes arrays of the lengths it says, for the time of the call.
        let (kind, inputs, attributes) =
            unsafe { (text(kind)?, slice(inputs, input_count)?, slice(attributes, attribute_count)?) };
        let attributes = attributes.iter().map(|a| {
            // SAFETY: as above.
            unsafe { attribute(a) }
        });
        let layer = Layer::read(kind, attributes.collect::<Result<_>>()?)?;
        if output_count != 1 || outputs.is_null() {
            return Err(Error::new(format!("layer `{kind}` has another number of outputs"))
                .expected("1")
                .found(output_count.to_string()));
        }
        let inputs = inputs.iter().map(|v| build.import(*v)).collect::<Result<_>>()?;
        build.layer(layer, inputs)
    });
    match value {
        Some(value) => {
            // SAFETY: `outputs` is not null and has room for one value.
            unsafe { *outputs = build.export(value) };
            abi::OK
        }
        None => abi::FAILED,
    }
}

/// # Safety
/// As [`layer`].
unsafe fn tensor(
    context: *mut c_void,
    name: abi::Text,
    shape: *const i64,
    rank: usize,
    initialiser: u32,
    a: f64,
    trained: bool,
) -> u64 {
    // SAFETY: `context` is the `Build` that `table` was made of, which the running `build` call has to itself.
    let Some(build) = (unsafe { context.cast::<Build>().as_mut() }) else { return 0 };
    let value = build.run(|build| {
        // SAFETY: the plugin passes a text and a list of the length it says, for the time of the call.
        let (name, shape) = unsafe { (text(name)?, slice(shape, rank)?) };
        let initialiser = match initialiser {
            abi::initialiser::UNIFORM => Initialiser::Uniform(a),
            abi::initialiser::NORMAL => Initialiser::Normal(a),
            abi::initialiser::CONSTANT => Initialiser::Constant(a),
            kind => return Err(Error::new(format!("there is no initialiser of kind {kind}"))),
        };
        build.tensor(name, shape.to_vec(), initialiser, trained)
    });
    value.map_or(0, |value| build.export(value))
}

unsafe extern "C" fn parameter(
    context: *mut c_void,
    name: abi::Text,
    shape: *const i64,
    rank: usize,
    initialiser: u32,
    a: f64,
) -> u64 {
    // SAFETY: passed on as they came.
    unsafe { tensor(context, name, shape, rank, initialiser, a, true) }
}

unsafe extern "C" fn buffer(
    context: *mut c_void,
    name: abi::Text,
    shape: *const i64,
    rank: usize,
    initialiser: u32,
    a: f64,
) -> u64 {
    // SAFETY: passed on as they came.
    unsafe { tensor(context, name, shape, rank, initialiser, a, false) }
}

unsafe extern "C" fn value_shape(context: *mut c_void, value: u64, sizes: *mut i64, capacity: usize) -> i64 {
    // SAFETY: `context` is the `Build` that `table` was made of, which the running `build` call has to itself.
    let Some(build) = (unsafe { context.cast::<Build>().as_ref() }) else { return -1 };
    let Ok(id) = build.import(value) else { return -1 };
    let shape = &build.graph.shapes[id];
    if !sizes.is_null() {
        for (i, size) in shape.iter().take(capacity).enumerate() {
            // SAFETY: the plugin passes room for `capacity` sizes.
            unsafe { *sizes.add(i) = *size };
        }
    }
    shape.len() as i64
}
