//! The functions of `op` and of values. Each layer has the name, the attributes and the defaults that the plugins' SDK gives it.
//!
//! Where a function takes a value, `op` stands for the operation's first input.
//!
//! - `layers`: the layers by their names
//! - `doors`: any layer by its kind, ATen operators, weights and buffers
//! - `arithmetic`: operators between values
//!
//! Every function is registered together with its signature and meaning: [`reference()`] is all that there is.

mod arithmetic;
mod doors;
mod layers;

use super::values::{OpValue, Raised, Value, attributes, value};
use crate::error::Error;
use crate::extension::Attribute;
use crate::extension::declaration::{self, type_name};
use crate::extension::interface::{Entry, Interface};
use crate::extension::script::{self, raise};
use crate::graph::op_set::Form;
use rhai::{Array, Dynamic, Engine, FLOAT, INT, Map, NativeCallContext};
use std::sync::LazyLock;

/// A function's context, which knows where it was called.
type Context<'a> = NativeCallContext<'a>;

static REFERENCE: LazyLock<Vec<Entry>> = LazyLock::new(|| all(&mut Engine::new_raw()));
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| REFERENCE.iter().map(Entry::name).collect());

/// All that op sets can use.
pub(super) fn reference() -> &'static [Entry] {
    &REFERENCE
}

/// The definition file of it, for editors.
pub(super) fn definitions() -> String {
    script::definitions(register)
}

/// The names of it, for suggestions.
pub(super) fn names() -> &'static [&'static str] {
    &NAMES
}

/// Registers it all.
pub(super) fn register(engine: &mut Engine) {
    all(engine);
}

fn all(engine: &mut Engine) -> Vec<Entry> {
    let mut api = Interface::new(engine);
    request(&mut api);
    declaration::declare(&mut api);
    values(&mut api);
    layers::register(&mut api);
    doors::register(&mut api);
    arithmetic::register(api.engine());
    api.entries()
}

/// A value from an argument of a script.
fn input(argument: &Dynamic) -> Raised<Value> {
    value(argument).map_err(raise)
}

/// One layer with one output.
fn one<const N: usize>(
    context: &Context,
    kind: &str,
    inputs: &[Value],
    attributes: [(&'static str, Attribute); N],
) -> Raised<Value> {
    let Some(first) = inputs.first() else {
        return Err(raise(Error::new(format!("layer `{kind}` got no input")).expected("at least one value")));
    };
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    first.graph.layer(context, kind, inputs, attributes, 1).and_then(only)
}

/// The value of a layer that has one.
fn only(values: Vec<Value>) -> Raised<Value> {
    values.into_iter().next().ok_or_else(|| raise(Error::new("a layer of one output returned none")))
}

fn whole(value: INT) -> Attribute {
    Attribute::Integer(value)
}

fn both(value: INT) -> Attribute {
    Attribute::Integers(vec![value; 2])
}

/// What the operation is asked for.
fn request(api: &mut Interface) {
    let int = |get: fn(&OpValue) -> INT| move |op: &mut OpValue| get(op);
    api.subject("What an operation is asked for")
        .named::<OpValue>("Op")
        .property("op.input: Value", "The first input.", |op: &mut OpValue| op.input())
        .property("op.inputs: Array", "All inputs.", |op: &mut OpValue| op.inputs())
        .property("op.channels_in: int", "Channels of the first input.", int(|op| op.graph.channels_in))
        .property(
            "op.channels_out: int",
            "Channels that the output must have.",
            int(|op| op.graph.arguments.channels_out),
        )
        .property(
            "op.stride: int",
            "The factor by which height and width must shrink, rounded up.",
            int(|op| op.graph.arguments.stride),
        )
        .property(
            "op.form: String",
            "`\"search\"` in the supernet, `\"final\"` in the derived network that is trained from scratch.",
            |op: &mut OpValue| match op.graph.arguments.form {
                Form::Search => "search",
                Form::Final => "final",
            },
        )
        .property("op.classes: int", "Classes of the data set, for heads.", int(|op| op.graph.arguments.classes))
        .property("op.params: Map", "The operation's parameters, defaults filled in.", |op: &mut OpValue| {
            op.params.clone()
        })
        .function(
            "refuse(op: Op, why: String)",
            "Ends the building: the operation does not serve the place that it is asked for.",
            |context: Context, op: &mut OpValue, why: &str| -> Raised<()> { op.graph.fail(&context, Error::new(why)) },
        );
}

/// What a value tells of itself.
fn values(api: &mut Interface) {
    api.subject("Values")
        .named::<Value>("Value")
        .property(
            "value.shape: Array",
            "Its sizes without the batch: channels, height, width of a map, features of a vector.",
            |x: &mut Value| x.shape().into_iter().map(Dynamic::from_int).collect::<Array>(),
        )
        .property("value.channels: int", "Its channels.", |x: &mut Value| x.size(0))
        .property("value.height: int", "Its height.", |x: &mut Value| x.size(1))
        .property("value.width: int", "Its width.", |x: &mut Value| x.size(2));
    for name in ["to_string", "to_debug"] {
        api.engine().register_fn(name, |x: &mut Value| x.text());
    }
}

fn number(value: &Dynamic) -> Raised<FLOAT> {
    value.as_float().or_else(|_| value.as_int().map(|n| n as FLOAT)).map_err(|_| {
        raise(
            Error::new("this is no number")
                .expected("a number, whole or not")
                .found(format!("a value of type {}", type_name(value))),
        )
    })
}

/// x times a constant.
fn scale(context: &Context, x: &Value, factor: FLOAT) -> Raised<Value> {
    one(context, "scale", std::slice::from_ref(x), [("factor", Attribute::Number(factor))])
}

/// Any layer with one value, by its kind.
fn named(context: &Context, x: &Value, kind: &str, map: &Map) -> Raised<Value> {
    let attributes = attributes(kind, map).map_err(raise)?;
    x.graph.layer(context, kind, std::slice::from_ref(x), attributes, 1).and_then(only)
}
