//! Models of policies that learn. They are built from the same layers as operations; the host owns, starts and saves them.

use crate::abi::{self, Status};
use crate::boundary::{guard, slice};
use crate::graph::{Attributes, Graph, Value, write_values};
use crate::host::extension;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

thread_local! {
    /// Whose function runs on this thread: its models may be used meanwhile, and no others.
    static CURRENT: Cell<*mut abi::Owner> = const { Cell::new(ptr::null_mut()) };
}

/// A policy's owner in the host.
#[derive(Clone, Copy)]
pub(crate) struct Owned(pub *mut abi::Owner);

// SAFETY: the pointer is only handed back to the host, and only while the host runs a function of that policy (see `CURRENT`).
unsafe impl Send for Owned {}

/// Runs a function of an owner's policy.
pub(crate) fn during<T>(owner: Owned, body: impl FnOnce() -> T) -> T {
    struct Back(*mut abi::Owner);
    impl Drop for Back {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _back = Back(CURRENT.replace(owner.0));
    body()
}

/// Where a policy makes its models.
pub struct Models {
    owner: Owned,
}

impl Models {
    pub(crate) fn new(owner: Owned) -> Self {
        Self { owner }
    }

    /// Makes a model. `inputs` are the shapes of its inputs without the batch, `outputs` is the number of its outputs, and
    /// `build` makes its layers. Its weights start from the search's seed, by this name.
    ///
    /// # Errors
    /// Where the name is taken, or a layer does not fit.
    pub fn create(
        &mut self,
        name: &str,
        inputs: &[&[i64]],
        outputs: usize,
        build: impl FnOnce(&mut Graph, &[Value]) -> Vec<Value>,
    ) -> Result<Model, String> {
        unsafe extern "C-unwind" fn built<F: FnOnce(&mut Graph, &[Value]) -> Vec<Value>>(
            user_data: *mut c_void,
            builder: *const abi::Builder,
            inputs: *const u64,
            input_count: usize,
            outputs: *mut u64,
            output_count: usize,
            error: *const abi::Sink,
        ) -> Status {
            let body = || {
                // SAFETY: `user_data` is the option that `create` keeps until the host returns; the rest is valid for the call.
                unsafe {
                    let build = user_data.cast::<Option<F>>().as_mut().and_then(Option::take);
                    let build = build.ok_or("a model is built once")?;
                    let mut graph = Graph::new(builder.as_ref().ok_or("the builder is null")?, false);
                    let inputs: Vec<Value> = slice(inputs, input_count).iter().map(|v| Value(*v)).collect();
                    write_values(&build(&mut graph, &inputs), outputs, output_count)
                }
            };
            // SAFETY: the host passes a valid sink or null.
            unsafe { guard(error, body) }
        }
        fn build_of<F: FnOnce(&mut Graph, &[Value]) -> Vec<Value>>(_: &Option<F>) -> abi::ModelBuild {
            Some(built::<F>)
        }
        let shapes: Vec<abi::Shape> =
            inputs.iter().map(|shape| abi::Shape { sizes: shape.as_ptr(), rank: shape.len() }).collect();
        let mut build = Some(build);
        let function = build_of(&build);
        let mut number = 0;
        ask(self.owner, |table, owner, error| {
            let create = table.create?;
            // SAFETY: text, shapes and `build` outlive the call; `number` is room for one.
            Some(unsafe {
                create(
                    owner,
                    abi::Text::new(name),
                    shapes.as_ptr(),
                    shapes.len(),
                    outputs,
                    function,
                    ptr::from_mut(&mut build).cast(),
                    &mut number,
                    error,
                )
            })
        })?;
        Ok(Model { owner: self.owner, number, outputs })
    }
}

/// Numbers that a model computed or is to compute with. They live until [`Model::clear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor(u64);

/// What a model learns by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// The learning rate.
    pub learning_rate: f64,
    /// The decay of the mean of gradients, and of that of squared gradients.
    pub betas: [f64; 2],
    /// The largest norm of all gradients together.
    pub clip: Option<f64>,
}

impl Adam {
    /// Adam with the usual decays (0.9, 0.999), and gradients as they are.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, betas: [0.9, 0.999], clip: None }
    }
}

/// A model of a policy, in double precision. Its tensors remember how they were computed: several forwards in a row (a
/// recurrent controller) are differentiated as one.
///
/// It may be used while a function of its policy runs, on the thread on which it runs; elsewhere every function is an error.
pub struct Model {
    owner: Owned,
    number: u64,
    outputs: usize,
}

impl Model {
    fn ask(
        &self,
        body: impl FnOnce(&abi::Model, *mut abi::Owner, *const abi::Sink) -> Option<Status>,
    ) -> Result<(), String> {
        ask(self.owner, body)
    }

    /// A tensor of numbers: `shape` is (batch, …), the last dimension's neighbours lie side by side.
    ///
    /// # Errors
    /// Where the number of numbers is not the shape's.
    pub fn tensor(&self, data: &[f64], shape: &[i64]) -> Result<Tensor, String> {
        let elements = shape.iter().try_fold(1i64, |n, size| n.checked_mul(*size).filter(|_| *size > 0));
        if elements != i64::try_from(data.len()).ok() {
            return Err(format!("{} numbers make no tensor of the shape {shape:?}", data.len()));
        }
        let mut tensor = 0;
        self.ask(|table, owner, error| {
            let shape = abi::Shape { sizes: shape.as_ptr(), rank: shape.len() };
            // SAFETY: numbers and shape fit together and outlive the call; `tensor` is room for one.
            table.tensor.map(|make| unsafe { make(owner, self.number, data.as_ptr(), shape, &mut tensor, error) })
        })?;
        Ok(Tensor(tensor))
    }

    /// The model's outputs for these inputs, each (batch, …).
    ///
    /// # Errors
    /// Where the inputs do not fit.
    pub fn forward(&self, inputs: &[&Tensor]) -> Result<Vec<Tensor>, String> {
        let inputs: Vec<u64> = inputs.iter().map(|tensor| tensor.0).collect();
        let mut outputs = vec![0; self.outputs];
        self.ask(|table, owner, error| {
            let forward = table.forward?;
            let (from, to) = (inputs.as_ptr(), outputs.as_mut_ptr());
            // SAFETY: the lists have the lengths given and outlive the call.
            Some(unsafe { forward(owner, self.number, from, inputs.len(), to, self.outputs, error) })
        })?;
        Ok(outputs.into_iter().map(Tensor).collect())
    }

    /// The numbers of a tensor, in the order of [`Model::tensor`].
    ///
    /// # Errors
    /// Where the tensor is gone.
    pub fn read(&self, tensor: &Tensor) -> Result<Vec<f64>, String> {
        let mut numbers = Vec::new();
        let mut length = 0;
        // The first call says how many there are.
        for _ in 0..2 {
            numbers.resize(length, 0.0);
            self.ask(|table, owner, error| {
                let read = table.read?;
                let (to, room) = (numbers.as_mut_ptr(), numbers.len());
                // SAFETY: there is room for as many numbers as is said; `length` is room for one.
                Some(unsafe { read(owner, self.number, tensor.0, to, room, &mut length, error) })
            })?;
        }
        Ok(numbers)
    }

    /// Adds the gradient of Σ tensor · gradient to the gradients of the weights: `gradients` holds as many numbers for each
    /// tensor as it has. The tensors may be differentiated once.
    ///
    /// # Errors
    /// Where the numbers do not fit, or a tensor is gone or does not depend on the weights.
    pub fn backward(&self, gradients: &[(Tensor, &[f64])]) -> Result<(), String> {
        for (tensor, gradient) in gradients {
            let mut length = 0;
            self.ask(|table, owner, error| {
                // SAFETY: there is no room, and none is said to be; `length` is room for one.
                table
                    .read
                    .map(|read| unsafe { read(owner, self.number, tensor.0, ptr::null_mut(), 0, &mut length, error) })
            })?;
            if length != gradient.len() {
                return Err(format!("{} numbers are no gradient of a tensor with {length}", gradient.len()));
            }
        }
        let tensors: Vec<u64> = gradients.iter().map(|(tensor, _)| tensor.0).collect();
        let gradients: Vec<*const f64> = gradients.iter().map(|(_, gradient)| gradient.as_ptr()).collect();
        self.ask(|table, owner, error| {
            let backward = table.backward?;
            // SAFETY: every gradient has as many numbers as its tensor, and outlives the call.
            Some(unsafe { backward(owner, self.number, tensors.as_ptr(), gradients.as_ptr(), tensors.len(), error) })
        })
    }

    /// Moves the weights against the gradients that were added up, and sets these to zero.
    ///
    /// # Errors
    /// Where a gradient is not finite.
    pub fn step(&mut self, adam: &Adam) -> Result<(), String> {
        let settings = Attributes::new()
            .text("rule", "adam")
            .number("learning_rate", adam.learning_rate)
            .number("beta1", adam.betas[0])
            .number("beta2", adam.betas[1])
            .number("clip", adam.clip.unwrap_or(0.0))
            .to_abi();
        self.ask(|table, owner, error| {
            // SAFETY: the settings outlive the call.
            table.step.map(|function| unsafe { function(owner, self.number, settings.as_ptr(), settings.len(), error) })
        })
    }

    /// Forgets all tensors of the model: at the start of every turn, say. Does nothing while no function of its policy runs.
    pub fn clear(&mut self) {
        let _ = self.ask(|table, owner, _| {
            // SAFETY: the owner is this thread's for the time of the call.
            table.clear.map(|clear| unsafe { clear(owner, self.number) })?;
            Some(abi::OK)
        });
    }
}

/// Calls a function of the host's table with a sink for its message; `None` where the table lacks it.
fn ask(
    owner: Owned,
    body: impl FnOnce(&abi::Model, *mut abi::Owner, *const abi::Sink) -> Option<Status>,
) -> Result<(), String> {
    unsafe extern "C-unwind" fn keep(context: *mut c_void, data: *const u8, length: usize) {
        // SAFETY: `context` is the text that `ask` keeps until the host returns; the host's bytes live until this returns.
        unsafe {
            if let Some(text) = context.cast::<Vec<u8>>().as_mut() {
                text.extend_from_slice(slice(data, length));
            }
        }
    }
    if owner.0.is_null() || CURRENT.get() != owner.0 {
        return Err("a model may be used only while a function of its policy runs, and on its thread".to_owned());
    }
    let table = extension::<abi::Model>(abi::HOST_MODEL).ok_or("this host offers no models")?;
    let mut text: Vec<u8> = Vec::new();
    let sink = abi::Sink { context: ptr::from_mut(&mut text).cast(), write: Some(keep) };
    match body(table, owner.0, &sink) {
        Some(abi::OK) => Ok(()),
        Some(_) => Err(String::from_utf8_lossy(&text).into_owned()),
        None => Err("this host's models lack a function".to_owned()),
    }
}
