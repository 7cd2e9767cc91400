//! One policy of a plugin, made: the trait [`Policy`] over the functions of the plugin's table.

use super::answer::Answer;
use super::kept::Kept;
use super::model::Models;
use super::planner::Planner;
use super::tables::{self, SpaceTable, with_epoch, with_turn};
use crate::error::{Error, Result};
use crate::extension::Plugin;
use crate::extension::call::{self, Message, guarded};
use crate::policy::step::Steps;
use crate::policy::turn::{EpochEnd, StepResult, Turn};
use crate::policy::view::SpaceView;
use crate::policy::{AfterEpoch, Policy};
use crate::spec::Node;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use edas_plugin::abi::{self, Sink, Status};
use serde_json::{Value, json};
use std::ffi::c_void;
use std::sync::Arc;

type Create = unsafe extern "C-unwind" fn(usize, *const abi::PolicyArguments, *mut *mut c_void, *const Sink) -> Status;
type PlanFunction =
    unsafe extern "C-unwind" fn(*mut c_void, *const abi::Turn, *const abi::Planner, *const Sink) -> Status;
type Feedback =
    unsafe extern "C-unwind" fn(*mut c_void, *const abi::Turn, *const abi::StepResult, usize, *const Sink) -> Status;
type EndEpoch =
    unsafe extern "C-unwind" fn(*mut c_void, *const abi::EpochEnd, *const abi::EpochAnswer, *const Sink) -> Status;
type Save = unsafe extern "C-unwind" fn(*mut c_void, *const Sink, *const Sink) -> Status;
type Restore = unsafe extern "C-unwind" fn(*mut c_void, *const u8, usize, *const Sink) -> Status;

/// The functions of a plugin's table; those that may be null are optional.
#[derive(Debug, Clone, Copy)]
pub(super) struct Functions {
    create: Create,
    destroy: Option<unsafe extern "C-unwind" fn(*mut c_void)>,
    plan: PlanFunction,
    feedback: Option<Feedback>,
    end_epoch: Option<EndEpoch>,
    state: Option<(Save, Restore)>,
}

impl Functions {
    /// Those of a table, or `None` where one is null that must not be.
    pub(super) fn of(table: &abi::Policy) -> Option<Self> {
        let state = match (table.save, table.restore) {
            (Some(save), Some(restore)) => Some((save, restore)),
            (None, None) => None,
            _ => return None,
        };
        let (feedback, end_epoch) = (table.feedback, table.end_epoch);
        Some(Self { create: table.create?, destroy: table.destroy, plan: table.plan?, feedback, end_epoch, state })
    }
}

/// Which policy is to be made.
pub(super) struct Made {
    pub(super) functions: Functions,
    pub(super) index: usize,
    /// `policy x of plugin y`, for messages.
    pub(super) owner: String,
    pub(super) plugin: Arc<Plugin>,
}

/// A policy that a plugin provides.
pub struct PluginPolicy {
    functions: Functions,
    policy: *mut c_void,
    owner: String,
    params: Node,
    view: Arc<SpaceView>,
    // What the policy may point to until it is destroyed.
    models: Arc<Models>,
    _space: SpaceTable,
    _plugin: Arc<Plugin>,
}

// SAFETY: the interface says that one policy's functions are called by one thread at a time, not always the same one.
unsafe impl Send for PluginPolicy {}

impl PluginPolicy {
    pub(super) fn new(
        made: Made,
        attributes: &[abi::Attribute],
        params: Node,
        view: &Arc<SpaceView>,
        seed: u64,
    ) -> Result<Self> {
        let Made { functions, index, owner, plugin } = made;
        let space = SpaceTable::new(view);
        let models = Arc::new(Models::new(seed, &owner));
        let arguments = abi::PolicyArguments {
            size: size_of::<abi::PolicyArguments>(),
            space: space.table(),
            parameters: attributes.as_ptr(),
            parameter_count: attributes.len(),
            owner: models.owner(),
        };
        let mut policy = std::ptr::null_mut();
        let result = call::call(&format!("making {owner}"), |error| {
            // SAFETY: the function is the plugin's; every pointer is valid for the time of the call, `space` and `models` until
            // the policy is destroyed.
            unsafe { (functions.create)(index, &arguments, &mut policy, error) }
        });
        models.close();
        result?;
        let made =
            Self { functions, policy, owner, params, view: view.clone(), models, _space: space, _plugin: plugin };
        if made.policy.is_null() && made.functions.state.is_none() && made.functions.feedback.is_none() {
            // A policy without a memory may be no object at all.
            return Ok(made);
        }
        if made.policy.is_null() {
            return Err(Error::new(format!("{} made nothing", made.owner)).expected("a policy").found("null"));
        }
        Ok(made)
    }

    /// The values of all parameters, defaults filled in, as a spec writes them.
    pub fn params(&self) -> &Node {
        &self.params
    }

    fn call(&self, what: &str, body: impl FnOnce(&Sink) -> Status) -> Result<()> {
        call::run(body).map_err(|e| self.during(what, e))
    }

    fn during(&self, what: &str, error: Error) -> Error {
        error.context(format!("{what} {}", self.owner))
    }
}

impl Drop for PluginPolicy {
    fn drop(&mut self) {
        if let (Some(destroy), false) = (self.functions.destroy, self.policy.is_null()) {
            // SAFETY: the pointer is what `create` made; nothing uses it after this.
            if let Err(thrown) = guarded(|| unsafe { destroy(self.policy) }) {
                tracing::warn!(target: "edas::plugin", "freeing {}: an exception was thrown: {thrown}", self.owner);
            }
        }
    }
}

const ASKING: &str = "asking for the plan of";
const TELLING: &str = "telling the results to";

impl Policy for PluginPolicy {
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        let view = self.view.clone();
        let asking = |e| self.during(ASKING, e);
        let kept = Kept::of(&view, &turn.space).map_err(asking)?;
        let alpha = kept.alpha(&turn.alpha).map_err(asking)?;
        let mut planner = Planner::new(&view);
        let table = planner.table();
        let result = with_turn(turn, &alpha, |turn| {
            call::run(|error| {
                // SAFETY: the function is the plugin's; every pointer is valid for the time of the call, and `planner` is not
                // touched from here before it returns.
                unsafe { (self.functions.plan)(self.policy, turn, &table, error) }
            })
        });
        planner.close(result).and_then(|steps| kept.steps(steps)).map_err(asking)
    }

    fn feedback(&mut self, turn: &Turn, results: &[StepResult]) -> Result<()> {
        let Some(feedback) = self.functions.feedback else { return Ok(()) };
        let results = tables::results(results);
        let kept = Kept::of(&self.view, &turn.space).map_err(|e| self.during(TELLING, e))?;
        let alpha = kept.alpha(&turn.alpha).map_err(|e| self.during(TELLING, e))?;
        with_turn(turn, &alpha, |turn| {
            // SAFETY: the function is the plugin's; every pointer is valid for the time of the call.
            self.call(TELLING, |error| unsafe { feedback(self.policy, turn, results.as_ptr(), results.len(), error) })
        })
    }

    fn end_epoch(&mut self, epoch: &EpochEnd) -> Result<AfterEpoch> {
        let Some(end_epoch) = self.functions.end_epoch else { return Ok(AfterEpoch::default()) };
        let ending = |e| self.during("telling the end of an epoch to", e);
        let kept = Kept::of(&self.view, &epoch.space).map_err(ending)?;
        let alpha = kept.alpha(&epoch.alpha).map_err(ending)?;
        let mut answer = Answer::default();
        let table = answer.table();
        let result = with_epoch(epoch, &alpha, |end| {
            // SAFETY: the function is the plugin's; every pointer is valid for the time of the call, and `answer` is not touched
            // from here before it returns.
            call::run(|error| unsafe { end_epoch(self.policy, end, &table, error) })
        });
        answer.close(result).and_then(|after| kept.after(after)).map_err(ending)
    }

    fn state(&self) -> Result<Value> {
        let mut bytes = Message::default();
        if let Some((save, _)) = self.functions.state {
            let sink = bytes.long_sink();
            // SAFETY: the function is the plugin's; both sinks are valid for the time of the call.
            self.call("saving", |error| unsafe { save(self.policy, &sink, error) })?;
        }
        let bytes = bytes.whole().ok_or_else(|| Error::new(format!("the state of {} is too long", self.owner)))?;
        let models = self.models.state()?;
        if bytes.is_empty() && models.is_null() {
            return Ok(Value::Null);
        }
        Ok(json!({ "memory": BASE64_STANDARD.encode(bytes), "models": models }))
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let foreign = || Error::new(format!("the saved state is not one of {}", self.owner));
        let bytes = match state {
            Value::Null => Vec::new(),
            _ => {
                let text = state["memory"].as_str().ok_or_else(foreign)?;
                BASE64_STANDARD.decode(text).map_err(|_| foreign())?
            }
        };
        self.models.set_state(&state["models"])?;
        if let Some((_, restore)) = self.functions.state {
            // SAFETY: the function is the plugin's; the bytes live until it returns.
            self.call("restoring", |error| unsafe { restore(self.policy, bytes.as_ptr(), bytes.len(), error) })?;
        }
        Ok(())
    }
}
