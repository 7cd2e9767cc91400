//! What a script's operation handles: `op`, which is what it was asked for, and the values of the graph that it builds.

use crate::error::{Error, Place, Result};
use crate::extension::Attribute;
use crate::extension::declaration::type_name;
use crate::extension::script::{Files, raise};
use crate::graph::builder::Build;
use crate::graph::op_set::{Arguments, Form};
use crate::graph::{Initialiser, LayerGraph, Shape, shape_text};
use rhai::{Array, Dynamic, EvalAltResult, INT, Map, NativeCallContext};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) type Raised<T> = Result<T, Box<EvalAltResult>>;

/// The graph of one call of an operation, with what the call asks for.
pub(super) struct Graph {
    /// Gone when the call is over.
    build: Mutex<Option<Build>>,
    inputs: Vec<u64>,
    pub arguments: Arguments,
    pub channels_in: INT,
    files: Arc<Files>,
}

impl Graph {
    pub(super) fn new(build: Build, arguments: &Arguments, inputs: &[Shape], files: &Arc<Files>) -> Self {
        Self {
            inputs: build.inputs(),
            build: Mutex::new(Some(build)),
            arguments: *arguments,
            channels_in: inputs.first().and_then(|s| s.first()).copied().unwrap_or(0),
            files: files.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Build>> {
        self.build.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether batch norms have weights of their own where nothing is said.
    pub(super) fn affine(&self) -> bool {
        self.arguments.form == Form::Final
    }

    /// Where a function was called.
    fn place(&self, context: &NativeCallContext) -> Place {
        let position = context.call_position();
        let (line, column) = (position.line().unwrap_or(0), position.position().unwrap_or(0));
        let module = context.call_source().map(Path::new).and_then(|source| {
            let (_, path, text) = self.files.modules.iter().find(|(_, path, _)| path == source)?;
            Some((path, text))
        });
        let (file, text) = module.unwrap_or((&self.files.script, &self.files.text));
        Place::at(file, line, column).with_text(text.clone())
    }

    /// Does something to the graph.
    fn change<T>(&self, change: impl FnOnce(&mut Build) -> Result<T>) -> Raised<T> {
        match self.lock().as_mut() {
            Some(build) => change(build).map_err(raise),
            None => Err(raise(Error::new("the graph of this value is finished"))),
        }
    }

    /// Adds a layer.
    pub(super) fn layer(
        self: &Arc<Self>,
        context: &NativeCallContext,
        kind: &str,
        inputs: &[Value],
        attributes: Vec<(String, Attribute)>,
        outputs: usize,
    ) -> Raised<Vec<Value>> {
        let inputs: Vec<u64> = inputs.iter().map(|v| v.id).collect();
        let place = || self.place(context);
        let made = self.change(|build| build.add_at(place, kind, &inputs, attributes, outputs))?;
        Ok(made.into_iter().map(|id| Value { graph: self.clone(), id }).collect())
    }

    /// Asks for a weight, or a buffer.
    pub(super) fn tensor(
        self: &Arc<Self>,
        context: &NativeCallContext,
        name: &str,
        shape: Shape,
        start: Initialiser,
        trained: bool,
    ) -> Raised<Value> {
        let place = || self.place(context);
        let id = self.change(|build| build.tensor_at(place, name, shape, start, trained))?;
        Ok(Value { graph: self.clone(), id })
    }

    /// An error that ends the building, also where the script catches it.
    pub(super) fn fail<T>(&self, context: &NativeCallContext, error: Error) -> Raised<T> {
        let error = error.at(self.place(context));
        self.change(|build| {
            build.keep(error.clone());
            Err(error)
        })
    }

    /// The finished graph, where the operation has returned values of it.
    pub(super) fn close(&self, returned: Result<Dynamic>, operation: &str) -> Result<LayerGraph> {
        let Some(build) = self.lock().take() else { return Err(Error::new("the graph was finished before")) };
        match returned.and_then(|returned| values(&returned, operation)) {
            Ok(values) => build.close(Ok(()), &values.iter().map(|v| v.id).collect::<Vec<_>>()),
            Err(error) => build.close(Err(error), &[]),
        }
    }
}

/// What the operation was asked for. Where a value is wanted, it stands for its first input.
#[derive(Clone)]
pub(super) struct OpValue {
    pub graph: Arc<Graph>,
    pub params: Map,
}

impl OpValue {
    pub(super) fn new(graph: &Arc<Graph>, params: Map) -> Self {
        Self { graph: graph.clone(), params }
    }

    /// The first input.
    pub(super) fn input(&self) -> Value {
        // Operations have at least one.
        Value { graph: self.graph.clone(), id: self.graph.inputs.first().copied().unwrap_or(0) }
    }

    pub(super) fn inputs(&self) -> Array {
        self.graph.inputs.iter().map(|id| Dynamic::from(Value { graph: self.graph.clone(), id: *id })).collect()
    }
}

/// A value of a graph.
#[derive(Clone)]
pub(super) struct Value {
    pub graph: Arc<Graph>,
    id: u64,
}

impl Value {
    /// Its shape without the batch; empty where its graph is finished.
    pub(super) fn shape(&self) -> Shape {
        self.graph.lock().as_ref().and_then(|build| build.shape_of(self.id).cloned()).unwrap_or_default()
    }

    /// A size of its shape; 0 where it has not so many.
    pub(super) fn size(&self, dimension: usize) -> INT {
        self.shape().get(dimension).copied().unwrap_or(0)
    }

    pub(super) fn text(&self) -> String {
        format!("a value of {}", shape_text(&self.shape()))
    }
}

/// The value that an argument is.
pub(super) fn value(argument: &Dynamic) -> Result<Value> {
    let op = || argument.read_lock::<OpValue>().map(|op| op.input());
    argument.read_lock::<Value>().map(|value| value.clone()).or_else(op).ok_or_else(|| {
        Error::new("this is no value of the graph")
            .expected("a value, such as `op.inputs[0]` or what a layer returned")
            .found(format!("a value of type {}", type_name(argument)))
    })
}

/// The values that an array holds.
pub(super) fn list(array: &[Dynamic]) -> Result<Vec<Value>> {
    array.iter().map(value).collect()
}

/// What an operation returned, as values.
fn values(returned: &Dynamic, operation: &str) -> Result<Vec<Value>> {
    let one = |value: &Dynamic| {
        self::value(value).map_err(|_| {
            let error = Error::new(format!("operation `{operation}` returned something else"))
                .expected("a value of its graph, or an array of values")
                .found(format!("a value of type {}", type_name(value)));
            match value.is_unit() {
                true => error.help("a function returns its last expression, where no `;` stands behind it"),
                false => error,
            }
        })
    };
    match returned.read_lock::<Array>() {
        Some(array) if array.is_empty() => Err(Error::new(format!("operation `{operation}` returned no value"))
            .expected("a value of its graph, or an array of values")
            .found("an empty array")),
        Some(array) => array.iter().map(one).collect(),
        None => Ok(vec![one(returned)?]),
    }
}

/// The attributes of a layer that a map says.
pub(super) fn attributes(kind: &str, map: &Map) -> Result<Vec<(String, Attribute)>> {
    let wrong = |name: &str, value: &Dynamic| {
        Error::new(format!("attribute `{name}` of layer `{kind}` is of a type that no attribute has"))
            .expected("a number, true or false, a text, or an array of numbers")
            .found(format!("a value of type {}", type_name(value)))
    };
    let attribute = |(name, value): (&rhai::Identifier, &Dynamic)| {
        let read = attribute(value).ok_or_else(|| wrong(name, value))?;
        Ok((name.to_string(), read))
    };
    map.iter().map(attribute).collect()
}

fn attribute(value: &Dynamic) -> Option<Attribute> {
    if let Ok(number) = value.as_int() {
        return Some(Attribute::Integer(number));
    }
    if let Ok(number) = value.as_float() {
        return Some(Attribute::Number(number));
    }
    if let Ok(truth) = value.as_bool() {
        return Some(Attribute::Boolean(truth));
    }
    if let Some(array) = value.read_lock::<Array>() {
        let whole: Option<Vec<INT>> = array.iter().map(|v| v.as_int().ok()).collect();
        let number = |v: &Dynamic| v.as_float().ok().or_else(|| v.as_int().ok().map(|n| n as f64));
        return match whole {
            Some(list) => Some(Attribute::Integers(list)),
            None => array.iter().map(number).collect::<Option<_>>().map(Attribute::Numbers),
        };
    }
    value.clone().into_string().ok().map(Attribute::Text)
}
