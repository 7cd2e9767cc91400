//! The functions of `edas.host.model/1`.

use super::Models;
use super::network::{Network, Step};
use crate::error::{Error, Result, nearest};
use crate::extension::memory::{say, slice, text};
use crate::extension::{Attribute, call};
use crate::graph::Shape;
use crate::graph::builder::Build;
use edas_plugin::abi::{self, Sink, Status, Text};
use std::ffi::c_void;

/// The table.
pub(super) static MODEL: abi::Model = abi::Model {
    size: size_of::<abi::Model>(),
    create: Some(create),
    tensor: Some(tensor),
    forward: Some(forward),
    read: Some(read),
    backward: Some(backward),
    step: Some(step),
    clear: Some(clear),
};

/// Runs `body` with the owner's models; writes its error to the sink.
///
/// # Safety
/// `owner` is what [`Models::owner`] made, and its policy is not destroyed; `error` is a valid sink or null.
unsafe fn with(owner: *mut abi::Owner, error: *const Sink, body: impl FnOnce(&Models) -> Result<()>) -> Status {
    // SAFETY: the caller vouches for the pointer; models are shared, and lock themselves.
    let result = match unsafe { owner.cast::<Models>().as_ref() } {
        Some(models) => body(models),
        None => Err(Error::new("the owner of a model is null")),
    };
    let Err(problem) = result else { return abi::OK };
    // SAFETY: the caller vouches for the sink.
    unsafe { say(error, &problem.to_string()) };
    abi::FAILED
}

/// As [`with`], with one of the models.
///
/// # Safety
/// As [`with`].
unsafe fn with_model(
    owner: *mut abi::Owner,
    model: u64,
    error: *const Sink,
    body: impl FnOnce(&mut Network) -> Result<()>,
) -> Status {
    let body = |models: &Models| {
        let mut inner = models.try_lock()?;
        let count = inner.networks.len();
        let network = usize::try_from(model).ok().and_then(|model| inner.networks.get_mut(model));
        body(network.ok_or_else(|| {
            Error::new(format!("{} has no model {model}", models.policy)).expected(format!("one of its {count}"))
        })?)
    };
    // SAFETY: passed on as they came.
    unsafe { with(owner, error, body) }
}

/// Writes one value to where the other side has room for it.
///
/// # Safety
/// `to` is null or has room for a value.
unsafe fn give<T>(to: *mut T, value: T) -> Result<()> {
    // SAFETY: the caller vouches for the room.
    let to = unsafe { to.as_mut() }.ok_or_else(|| Error::new("there is no room for the result"))?;
    *to = value;
    Ok(())
}

/// # Safety
/// The shape's list lives until this returns.
unsafe fn sizes(shape: &abi::Shape) -> Result<Shape> {
    // SAFETY: the caller vouches for the list.
    let sizes = unsafe { slice(shape.sizes, shape.rank)? };
    let elements = sizes.iter().try_fold(1i64, |n, size| n.checked_mul(*size).filter(|n| *size > 0 && *n < 1 << 31));
    match elements {
        Some(_) if !sizes.is_empty() => Ok(sizes.to_vec()),
        _ => Err(Error::new("a shape has an impossible size").found(format!("{sizes:?}"))),
    }
}

unsafe extern "C-unwind" fn create(
    owner: *mut abi::Owner,
    name: Text,
    inputs: *const abi::Shape,
    input_count: usize,
    output_count: usize,
    build: abi::ModelBuild,
    user_data: *mut c_void,
    model: *mut u64,
    error: *const Sink,
) -> Status {
    let body = |models: &Models| {
        // SAFETY: the policy passes a text and a list of the length it says, for the time of the call.
        let (name, inputs) = unsafe {
            let inputs = slice(inputs, input_count)?.iter().map(|shape| sizes(shape)).collect::<Result<Vec<_>>>()?;
            (text(name)?, inputs)
        };
        let build = build.ok_or_else(|| Error::new(format!("model `{name}` has no function that builds it")))?;
        {
            let inner = models.try_lock()?;
            if inner.closed {
                return Err(Error::new("a model was made too late").expected("all models to be made with the policy"));
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(plain) || inner.networks.iter().any(|n| n.name == name) {
                return Err(Error::new("a model's name is not usable")
                    .expected("letters, digits, `_` and `-`, and every name once")
                    .found(format!("`{name}`"))
                    .help_if(
                        nearest(name, inner.networks.iter().map(|n| n.name.as_str())).map(|_| "number them".into()),
                    ));
            }
            if inputs.is_empty() || output_count == 0 || output_count > 1024 {
                return Err(Error::new(format!("model `{name}` has an impossible number of inputs or outputs"))
                    .expected("at least one input, 1 to 1024 outputs")
                    .found(format!("{input_count} inputs, {output_count} outputs")));
            }
        }
        // Not locked: the policy builds meanwhile.
        let what = format!("model `{name}` of {}", models.policy);
        let mut graph = Build::new(&inputs, &what);
        let values = graph.inputs();
        let mut outputs = vec![0; output_count];
        let builder = graph.table();
        let result = call::run(|error| {
            // SAFETY: the function is the policy's; every pointer is valid for the time of the call, with the lengths given, and
            // `graph` is not touched from here before it returns.
            unsafe {
                build(user_data, &*builder, values.as_ptr(), values.len(), outputs.as_mut_ptr(), outputs.len(), error)
            }
        });
        drop(builder);
        let graph = graph.close(result, &outputs).map_err(|e| e.context(format!("building {what}")))?;
        let network = Network::new(name, graph, inputs, models.seed)?;
        let mut inner = models.try_lock()?;
        inner.networks.push(network);
        // SAFETY: the policy passes room for a number, or null.
        unsafe { give(model, (inner.networks.len() - 1) as u64) }
    };
    // SAFETY: the policy passes its owner and a valid sink or null.
    unsafe { with(owner, error, body) }
}

unsafe extern "C-unwind" fn tensor(
    owner: *mut abi::Owner,
    model: u64,
    data: *const f64,
    shape: abi::Shape,
    tensor: *mut u64,
    error: *const Sink,
) -> Status {
    let body = |network: &mut Network| {
        // SAFETY: the policy passes a shape and as many numbers as it has, for the time of the call, and room for a number.
        unsafe {
            let shape = sizes(&shape)?;
            let data = slice(data, shape.iter().product::<i64>() as usize)?;
            give(tensor, network.tensor(data, &shape)?)
        }
    };
    // SAFETY: the policy passes its owner and a valid sink or null.
    unsafe { with_model(owner, model, error, body) }
}

unsafe extern "C-unwind" fn forward(
    owner: *mut abi::Owner,
    model: u64,
    inputs: *const u64,
    input_count: usize,
    outputs: *mut u64,
    output_count: usize,
    error: *const Sink,
) -> Status {
    let body = |network: &mut Network| {
        // SAFETY: the policy passes a list of the length it says, for the time of the call.
        let results = network.forward(unsafe { slice(inputs, input_count)? }, output_count)?;
        for (k, result) in results.into_iter().enumerate() {
            // SAFETY: the policy passes room for `output_count` numbers, as many as there are results, or null.
            unsafe { give(if outputs.is_null() { outputs } else { outputs.add(k) }, result)? };
        }
        Ok(())
    };
    // SAFETY: the policy passes its owner and a valid sink or null.
    unsafe { with_model(owner, model, error, body) }
}

unsafe extern "C-unwind" fn read(
    owner: *mut abi::Owner,
    model: u64,
    tensor: u64,
    data: *mut f64,
    capacity: usize,
    length: *mut usize,
    error: *const Sink,
) -> Status {
    let body = |network: &mut Network| {
        if !data.is_null() && capacity > 0 {
            for (k, number) in network.read(tensor)?.into_iter().take(capacity).enumerate() {
                // SAFETY: the policy passes room for `capacity` numbers.
                unsafe { *data.add(k) = number };
            }
        }
        // SAFETY: the policy passes room for a number, or null.
        unsafe { give(length, network.length(tensor)?) }
    };
    // SAFETY: the policy passes its owner and a valid sink or null.
    unsafe { with_model(owner, model, error, body) }
}

unsafe extern "C-unwind" fn backward(
    owner: *mut abi::Owner,
    model: u64,
    tensors: *const u64,
    gradients: *const *const f64,
    count: usize,
    error: *const Sink,
) -> Status {
    let body = |network: &mut Network| {
        // SAFETY: the policy passes lists of the length it says, and for each tensor as many numbers as it has.
        let pairs = unsafe {
            let pairs = slice(tensors, count)?.iter().zip(slice(gradients, count)?);
            pairs.map(|(t, g)| Ok((*t, slice(*g, network.length(*t)?)?))).collect::<Result<Vec<_>>>()?
        };
        network.backward(&pairs)
    };
    // SAFETY: the policy passes its owner and a valid sink or null.
    unsafe { with_model(owner, model, error, body) }
}

unsafe extern "C-unwind" fn step(
    owner: *mut abi::Owner,
    model: u64,
    settings: *const abi::Attribute,
    setting_count: usize,
    error: *const Sink,
) -> Status {
    let body = |network: &mut Network| {
        // SAFETY: the policy passes a list of the length it says, for the time of the call.
        let settings = unsafe { Attribute::read_all(settings, setting_count)? };
        network.step(&Step::read(settings)?)
    };
    // SAFETY: the policy passes its owner and a valid sink or null.
    unsafe { with_model(owner, model, error, body) }
}

unsafe extern "C-unwind" fn clear(owner: *mut abi::Owner, model: u64) {
    let body = |network: &mut Network| {
        network.clear();
        Ok(())
    };
    // SAFETY: the policy passes its owner; no sink is passed.
    unsafe { with_model(owner, model, std::ptr::null(), body) };
}
