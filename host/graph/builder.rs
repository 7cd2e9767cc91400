//! The host's side of the builder: calls that arrive from a plugin, or from a script, become a [`LayerGraph`].
//!
//! Errors stick: the first one is kept, every later call does nothing, and [`Build::close`] reports it.

mod doors;

use super::aten::Aten;
use super::layer::Layer;
use super::{Initialiser, LayerGraph, Node, Shape, TensorSpec, ValueId, shape, shape_text};
use crate::error::{Error, Place, Result, nearest};
use crate::extension::Attribute;
use crate::extension::memory::{slice, text};
use edas_plugin::abi;
use std::cell::RefCell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The most elements that one value or tensor of a graph may have, for one example.
const MOST_ELEMENTS: i64 = 1 << 28;

/// The most layers of a graph.
const MOST_LAYERS: usize = 10_000;

/// A graph in the making.
pub struct Build {
    /// Tells this graph's values from those of others; never 0.
    number: u32,
    /// Whose graph it is, for messages: `operation x of plugin y`.
    owner: String,
    /// How many reference graphs this one is within.
    depth: u32,
    graph: LayerGraph,
    error: Option<Error>,
}

impl Build {
    /// A graph with inputs of these shapes; `owner` says whose it is.
    pub fn new(inputs: &[Shape], owner: &str) -> Self {
        Self::with_inputs(inputs.iter().map(|shape| (shape.clone(), true)).collect(), owner)
    }

    /// A graph with inputs of these shapes, each with or without a batch.
    fn with_inputs(inputs: Vec<(Shape, bool)>, owner: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let count = inputs.len();
        let (shapes, batched) = inputs.into_iter().unzip();
        let graph =
            LayerGraph { inputs: count, shapes, batched, nodes: Vec::new(), outputs: Vec::new(), tensors: Vec::new() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
        Self { number, owner: owner.to_owned(), depth: 0, graph, error: None }
    }

    /// The names of all inputs for the other side.
    pub fn inputs(&self) -> Vec<u64> {
        (0..self.graph.inputs).map(|v| self.export(v)).collect()
    }

    /// The name of a value for the other side.
    fn export(&self, value: ValueId) -> u64 {
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

    fn push(
        &mut self,
        layer: Layer,
        inputs: Vec<ValueId>,
        outputs: Vec<(Shape, bool)>,
        tensors: Vec<usize>,
    ) -> Result<Vec<ValueId>> {
        if self.graph.nodes.len() >= MOST_LAYERS {
            return Err(Error::new("the graph has too many layers").expected(format!("at most {MOST_LAYERS}")));
        }
        for (shape, _) in &outputs {
            check_elements(shape, &format!("the output of layer `{layer}`"))?;
        }
        let first = self.graph.shapes.len();
        let made: Vec<ValueId> = (first..first + outputs.len()).collect();
        for (shape, batched) in outputs {
            self.graph.shapes.push(shape);
            self.graph.batched.push(batched);
        }
        self.graph.nodes.push(Node { layer, inputs, outputs: made.clone(), tensors });
        Ok(made)
    }

    /// Adds a layer.
    ///
    /// # Errors
    /// Where the inputs do not fit.
    fn layer(&mut self, layer: Layer, inputs: Vec<ValueId>) -> Result<Vec<ValueId>> {
        let shapes: Vec<&[i64]> = inputs.iter().map(|v| self.graph.shapes[*v].as_slice()).collect();
        let shape = shape::infer(&layer, &shapes)?;
        // What is computed of weights and buffers alone, number by number, is like them.
        let batched = !layer.is_elementwise() || inputs.iter().any(|v| self.graph.batched[*v]);
        let number = self.graph.nodes.len();
        let mut tensors = Vec::new();
        for (name, shape, initialiser, trained) in layer.tensors(&shapes) {
            check_elements(&shape, &format!("the {name} of layer `{layer}`"))?;
            tensors.push(self.graph.tensors.len());
            self.graph.tensors.push(TensorSpec { name: format!("{number}.{name}"), shape, initialiser, trained });
        }
        self.push(layer, inputs, vec![(shape, batched)], tensors)
    }

    /// Adds a layer by the name of its kind, and returns its values.
    ///
    /// # Errors
    /// Where there is no such layer, or it does not fit.
    fn add(
        &mut self,
        kind: &str,
        inputs: &[u64],
        attributes: Vec<(String, Attribute)>,
        outputs: usize,
    ) -> Result<Vec<u64>> {
        let inputs = inputs.iter().map(|v| self.import(*v)).collect::<Result<_>>()?;
        let values = if kind == "aten" {
            self.aten(attributes, inputs, outputs)?
        } else {
            check_count(kind, outputs, 1)?;
            self.layer(Layer::read(kind, attributes)?, inputs)?
        };
        Ok(values.into_iter().map(|v| self.export(v)).collect())
    }

    /// As [`Build::add`], for callers that get errors as they come: an error that was kept before comes again, a new one is
    /// kept, with this place.
    pub(super) fn add_at(
        &mut self,
        place: impl FnOnce() -> Place,
        kind: &str,
        inputs: &[u64],
        attributes: Vec<(String, Attribute)>,
        outputs: usize,
    ) -> Result<Vec<u64>> {
        self.attempt(|build| build.add(kind, inputs, attributes, outputs).map_err(|e| e.at(place())))
    }

    /// A weight (`trained`) or buffer, as [`Build::add_at`] adds a layer.
    pub(super) fn tensor_at(
        &mut self,
        place: impl FnOnce() -> Place,
        name: &str,
        shape: Shape,
        initialiser: Initialiser,
        trained: bool,
    ) -> Result<u64> {
        self.attempt(|build| {
            let values = build.tensor(name, shape, initialiser, trained).map_err(|e| e.at(place()))?;
            Ok(build.export(values[0]))
        })
    }

    /// The shape of a value, where it is one of this graph.
    pub(super) fn shape_of(&self, value: u64) -> Option<&Shape> {
        self.import(value).ok().map(|id| &self.graph.shapes[id])
    }

    /// Keeps an error, unless one was kept before.
    pub(super) fn keep(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    fn attempt<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let kept = |build: &Self| build.error.clone().unwrap_or_else(|| Error::new("the graph cannot be built"));
        self.run(body).ok_or_else(|| kept(self))
    }

    /// Adds an ATen operator.
    fn aten(
        &mut self,
        attributes: Vec<(String, Attribute)>,
        inputs: Vec<ValueId>,
        outputs: usize,
    ) -> Result<Vec<ValueId>> {
        let aten = Aten::new(attributes, inputs.len(), outputs)?;
        let batched = inputs.iter().any(|v| self.graph.batched[*v]);
        let shapes = aten.shapes(&self.signature(&inputs))?.into_iter().map(|shape| (shape, batched)).collect();
        self.push(Layer::Aten(Arc::new(aten)), inputs, shapes, Vec::new())
    }

    /// Shapes of values, each with or without a batch.
    fn signature(&self, values: &[ValueId]) -> Vec<(&[i64], bool)> {
        values.iter().map(|v| (self.graph.shapes[*v].as_slice(), self.graph.batched[*v])).collect()
    }

    fn tensor(&mut self, name: &str, shape: Shape, initialiser: Initialiser, trained: bool) -> Result<Vec<ValueId>> {
        let (Initialiser::Uniform(a) | Initialiser::Normal(a) | Initialiser::Constant(a)) = initialiser;
        if !a.is_finite() {
            return Err(Error::new(format!("the start of the tensor `{name}` is not finite")).found(a.to_string()));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) || self.graph.tensors.iter().any(|t| t.name == name) {
            return Err(Error::new("a tensor's name is not usable")
                .expected("letters, digits and `_`, and every name once")
                .found(format!("`{name}`")));
        }
        check_elements(&shape, &format!("the tensor `{name}`"))?;
        let index = self.graph.tensors.len();
        self.graph.tensors.push(TensorSpec { name: name.to_owned(), shape: shape.clone(), initialiser, trained });
        self.push(Layer::Tensor { name: name.to_owned() }, Vec::new(), vec![(shape, false)], vec![index])
    }

    /// The finished graph, with these values as its outputs, after the plugin's call ended so.
    ///
    /// # Errors
    /// The first error that any call ran into: a plugin's failure over a value that a failed layer returned is a consequence, and
    /// the layer's own error says more. Otherwise the plugin's, or that of an output.
    pub fn close(mut self, result: Result<()>, outputs: &[u64]) -> Result<LayerGraph> {
        if let Some(error) = self.error {
            return Err(error);
        }
        result?;
        self.graph.outputs = outputs.iter().map(|v| self.import(*v)).collect::<Result<_>>()?;
        Ok(self.graph)
    }

    /// The table that a plugin is given. It works as long as what is returned lives, and while no other is made on the same
    /// thread: what a plugin keeps, or passes to another thread, answers nothing.
    pub fn table(&mut self) -> Table<'_> {
        let build = std::ptr::from_mut(self);
        let number = LIVE.with_borrow_mut(|live| {
            live.made += 1;
            live.builds.push((live.made, build));
            live.made
        });
        let table = abi::Builder {
            size: size_of::<abi::Builder>(),
            context: std::ptr::without_provenance_mut(number),
            layer: Some(layer),
            parameter: Some(parameter),
            buffer: Some(buffer),
            shape: Some(value_shape),
            kernel: Some(doors::kernel),
            native: Some(doors::native),
        };
        Table { table, build: PhantomData }
    }

    /// Runs `body` unless an error was kept before; keeps its error.
    fn run<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        if self.error.is_some() {
            return None;
        }
        // A mistake of ours must not cross the plugin, which could not catch it.
        let result = catch_unwind(AssertUnwindSafe(|| body(self))).unwrap_or_else(|_| {
            Err(Error::new("the host made a mistake over what the plugin asked for")
                .help("please report it, with the plugin"))
        });
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }
}

/// The graphs of a thread that are being built, the innermost last, with the numbers by which plugins know them.
struct Live {
    made: usize,
    builds: Vec<(usize, *mut Build)>,
}

thread_local! {
    static LIVE: RefCell<Live> = const { RefCell::new(Live { made: 0, builds: Vec::new() }) };
}

/// A builder's table, while a plugin may use it.
pub struct Table<'a> {
    table: abi::Builder,
    build: PhantomData<&'a mut Build>,
}

impl Deref for Table<'_> {
    type Target = abi::Builder;
    fn deref(&self) -> &abi::Builder {
        &self.table
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        LIVE.with_borrow_mut(|live| live.builds.retain(|(number, _)| *number != self.table.context.addr()));
    }
}

/// The graph of a context, where it is the innermost one that is being built on this thread.
///
/// # Safety
/// Nothing else of this thread uses the graph as long as what is returned is used.
unsafe fn live<'a>(context: *mut c_void) -> Option<&'a mut Build> {
    let (number, build) = LIVE.with_borrow(|live| live.builds.last().copied())?;
    // SAFETY: a graph is in the list as long as its table lives, which borrows it; the caller vouches that nobody uses it.
    (number == context.addr()).then(|| unsafe { &mut *build })
}

/// Checks the number of elements of one value or tensor.
fn check_elements(shape: &[i64], what: &str) -> Result<()> {
    let elements = shape.iter().try_fold(1i64, |n, size| n.checked_mul((*size).max(0)));
    if !shape.is_empty() && elements.is_some_and(|n| (1..=MOST_ELEMENTS).contains(&n)) {
        return Ok(());
    }
    Err(Error::new(format!("{what} has an impossible size"))
        .expected(format!("1 to {MOST_ELEMENTS} elements in at least one dimension"))
        .found(if shape.is_empty() { "no dimension".to_owned() } else { shape_text(shape) }))
}

/// # Safety
/// `outputs` has room for `count` values.
unsafe fn give(values: Option<Vec<u64>>, outputs: *mut u64, count: usize) -> abi::Status {
    let Some(values) = values else { return abi::FAILED };
    for (i, value) in values.into_iter().enumerate().take(count) {
        // SAFETY: the caller vouches for the room; a null pointer with a length was refused before.
        unsafe { *outputs.add(i) = value };
    }
    abi::OK
}

/// Checks that there is room for a layer's outputs.
fn check_outputs(layer: &str, outputs: *mut u64, given: usize, returned: usize) -> Result<()> {
    check_count(layer, if outputs.is_null() { 0 } else { given }, returned)
}

/// Checks that as many outputs are asked for as a layer returns.
fn check_count(layer: &str, given: usize, returned: usize) -> Result<()> {
    if given == returned {
        return Ok(());
    }
    Err(Error::new(format!("layer `{layer}` returns another number of values"))
        .expected(returned.to_string())
        .found(given.to_string()))
}

unsafe extern "C-unwind" fn layer(
    context: *mut c_void,
    kind: abi::Text,
    inputs: *const u64,
    input_count: usize,
    attributes: *const abi::Attribute,
    attribute_count: usize,
    outputs: *mut u64,
    output_count: usize,
) -> abi::Status {
    // SAFETY: nothing else of this thread uses the graph during the call.
    let Some(build) = (unsafe { live(context) }) else { return abi::FAILED };
    let values = build.run(|build| {
        // SAFETY: the plugin passes arrays of the lengths it says, for the time of the call.
        let (kind, inputs, attributes) =
            unsafe { (text(kind)?, slice(inputs, input_count)?, Attribute::read_all(attributes, attribute_count)?) };
        check_outputs(kind, outputs, output_count, output_count)?;
        build.add(kind, inputs, attributes, output_count)
    });
    // SAFETY: the plugin passes room for `output_count` values, which was checked.
    unsafe { give(values, outputs, output_count) }
}

/// How a tensor starts, as its attributes say.
fn start(name: &str, attributes: Vec<(String, Attribute)>) -> Result<Initialiser> {
    let wrong = |found: String| {
        Error::new(format!("how the tensor `{name}` starts is not said"))
            .expected("one attribute, a number: `uniform`, `normal` or `constant`")
            .found(found)
    };
    let [(kind, value)] = &attributes[..] else { return Err(wrong(format!("{} attributes", attributes.len()))) };
    let a = match value {
        Attribute::Number(a) => *a,
        Attribute::Integer(a) => *a as f64,
        other => return Err(wrong(format!("`{kind}`: {other:?}"))),
    };
    match kind.as_str() {
        "uniform" => Ok(Initialiser::Uniform(a)),
        "normal" => Ok(Initialiser::Normal(a)),
        "constant" => Ok(Initialiser::Constant(a)),
        other => Err(wrong(format!("`{other}`")).help_if(nearest(other, ["uniform", "normal", "constant"]))),
    }
}

/// # Safety
/// As [`layer`].
unsafe fn tensor(
    context: *mut c_void,
    name: abi::Text,
    (sizes, rank): (*const i64, usize),
    (attributes, attribute_count): (*const abi::Attribute, usize),
    trained: bool,
) -> u64 {
    // SAFETY: nothing else of this thread uses the graph during the call.
    let Some(build) = (unsafe { live(context) }) else { return 0 };
    let value = build.run(|build| {
        // SAFETY: the plugin passes a text and lists of the lengths it says, for the time of the call.
        let (name, sizes, attributes) =
            unsafe { (text(name)?, slice(sizes, rank)?, Attribute::read_all(attributes, attribute_count)?) };
        build.tensor(name, sizes.to_vec(), start(name, attributes)?, trained)
    });
    value.map_or(0, |values| build.export(values[0]))
}

unsafe extern "C-unwind" fn parameter(
    context: *mut c_void,
    name: abi::Text,
    sizes: *const i64,
    rank: usize,
    attributes: *const abi::Attribute,
    attribute_count: usize,
) -> u64 {
    // SAFETY: passed on as they came.
    unsafe { tensor(context, name, (sizes, rank), (attributes, attribute_count), true) }
}

unsafe extern "C-unwind" fn buffer(
    context: *mut c_void,
    name: abi::Text,
    sizes: *const i64,
    rank: usize,
    attributes: *const abi::Attribute,
    attribute_count: usize,
) -> u64 {
    // SAFETY: passed on as they came.
    unsafe { tensor(context, name, (sizes, rank), (attributes, attribute_count), false) }
}

unsafe extern "C-unwind" fn value_shape(context: *mut c_void, value: u64, sizes: *mut i64, capacity: usize) -> i64 {
    // SAFETY: nothing else of this thread uses the graph during the call.
    let Some(build) = (unsafe { live(context) }) else { return -1 };
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
