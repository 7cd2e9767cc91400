//! Models of policies that learn: built from the same layers as operations, owned by the host.

use super::{Attribute, Builder, Owner, Shape, Sink, Status, Text};
use std::ffi::c_void;

/// The id of the host's [`Model`].
pub const HOST_MODEL: &str = "edas.host.model/1";

/// Builds a model's graph from its inputs. Called before the call of [`Model::create`] returns, on the same thread.
pub type ModelBuild = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        builder: *const Builder,
        inputs: *const u64,
        input_count: usize,
        outputs: *mut u64,
        output_count: usize,
        error: *const Sink,
    ) -> Status,
>;

/// Host extension [`HOST_MODEL`]: a model that belongs to one policy. Models compute in 64-bit floating point on the
/// processor. Their weights start from the search's seed, by the model's name, and are saved with the policy's state.
///
/// Tensors are numbers that live until `clear`; they remember how they were computed, so that several forwards in a row (a
/// recurrent controller) are differentiated as one. A tensor of a model belongs to it alone.
///
/// Every function writes its message to `error`, which may be null. Thread: the one that runs a function of the policy, until
/// that function returns.
#[repr(C)]
pub struct Model {
    /// The size of this table in bytes.
    pub size: usize,
    /// Makes a model, in the policy's `create` alone. `inputs` are the shapes of its inputs, without the batch; writes its
    /// number.
    pub create: Option<
        unsafe extern "C-unwind" fn(
            owner: *mut Owner,
            name: Text,
            inputs: *const Shape,
            input_count: usize,
            output_count: usize,
            build: ModelBuild,
            user_data: *mut c_void,
            model: *mut u64,
            error: *const Sink,
        ) -> Status,
    >,
    /// Makes a tensor of numbers: (batch, …), contiguous. Writes its number.
    pub tensor: Option<
        unsafe extern "C-unwind" fn(
            owner: *mut Owner,
            model: u64,
            data: *const f64,
            shape: Shape,
            tensor: *mut u64,
            error: *const Sink,
        ) -> Status,
    >,
    /// Computes the model's outputs from tensors; writes their numbers.
    pub forward: Option<
        unsafe extern "C-unwind" fn(
            owner: *mut Owner,
            model: u64,
            inputs: *const u64,
            input_count: usize,
            outputs: *mut u64,
            output_count: usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Writes at most `capacity` numbers of a tensor to `data`, and how many it has to `length`.
    pub read: Option<
        unsafe extern "C-unwind" fn(
            owner: *mut Owner,
            model: u64,
            tensor: u64,
            data: *mut f64,
            capacity: usize,
            length: *mut usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Adds the gradient of Σ tensorₖ · gradientₖ to the gradients of the weights. `gradients` points to as many numbers
    /// for each tensor as it has. The tensors may be differentiated once.
    pub backward: Option<
        unsafe extern "C-unwind" fn(
            owner: *mut Owner,
            model: u64,
            tensors: *const u64,
            gradients: *const *const f64,
            count: usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Moves the weights against the gradients that were added up, and sets these to zero. The settings: `rule` (a text; `adam`,
    /// the default), `learning_rate` (a number), `beta1` and `beta2` (numbers; 0.9 and 0.999), `clip` (the largest norm of all
    /// gradients together; 0, the default, for no limit).
    pub step: Option<
        unsafe extern "C-unwind" fn(
            owner: *mut Owner,
            model: u64,
            settings: *const Attribute,
            setting_count: usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Forgets all tensors of the model.
    pub clear: Option<unsafe extern "C-unwind" fn(owner: *mut Owner, model: u64)>,
}
