//! The table of a plugin's policies.

use super::{Plugin, Tables};
use crate::abi::{self, Status, Text};
use crate::boundary::{guard, quietly, send as send_bytes, slice};
use crate::parameter::Arguments;
use crate::policy::{EpochEnd, Models, Object, Owned, SpaceView, StepResult, Turn, during, send, send_after};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl<P: Plugin> Tables<P> {
    pub(super) const POLICY: &'static abi::Policy = &abi::Policy {
        size: size_of::<abi::Policy>(),
        count: Some(count::<P>),
        describe: Some(describe::<P>),
        describe_parameter: Some(describe_parameter::<P>),
        create: Some(create::<P>),
        destroy: Some(destroy),
        plan: Some(plan),
        feedback: Some(feedback),
        end_epoch: Some(end_epoch),
        save: Some(save),
        restore: Some(restore),
    };
}

/// What the host's pointer points to.
struct Instance {
    policy: Box<dyn Object>,
    space: Arc<SpaceView>,
    owner: Owned,
    panicked: bool,
}

/// Runs `body` with the policy that the host's pointer points to, unless it panicked before.
///
/// # Safety
/// `policy` is what `create` made, and no other function runs on it; `error` is a valid sink or null.
unsafe fn with(
    policy: *mut c_void,
    error: *const abi::Sink,
    body: impl FnOnce(&mut Instance) -> Result<(), String>,
) -> Status {
    // SAFETY: the caller vouches for the pointer.
    let Some(instance) = (unsafe { policy.cast::<Instance>().as_mut() }) else { return abi::FAILED };
    let owner = instance.owner;
    let body = || match instance.panicked {
        true => Err("the policy panicked before, and is not asked again".to_owned()),
        false => during(owner, || body(instance)),
    };
    // SAFETY: the caller vouches for the sink.
    let status = unsafe { guard(error, body) };
    // SAFETY: the caller vouches for the pointer; what `body` borrowed of it is given back.
    if let (abi::PANICKED, Some(instance)) = (status, unsafe { policy.cast::<Instance>().as_mut() }) {
        instance.panicked = true;
    }
    status
}

unsafe extern "C-unwind" fn count<P: Plugin>() -> usize {
    P::POLICIES.len()
}

unsafe extern "C-unwind" fn describe<P: Plugin>(policy: usize, info: *mut abi::Info) -> Status {
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(policy), Some(info)) = (P::POLICIES.get(policy), unsafe { info.as_mut() }) else { return abi::FAILED };
    (info.name, info.doc) = (Text::new(policy.name), Text::new(policy.doc));
    info.parameter_count = policy.parameters.len();
    abi::OK
}

unsafe extern "C-unwind" fn describe_parameter<P: Plugin>(
    policy: usize,
    parameter: usize,
    info: *mut abi::ParameterInfo,
) -> Status {
    let parameter = P::POLICIES.get(policy).and_then(|p| p.parameters.get(parameter));
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(parameter), Some(info)) = (parameter, unsafe { info.as_mut() }) else { return abi::FAILED };
    parameter.describe(info);
    abi::OK
}

unsafe extern "C-unwind" fn create<P: Plugin>(
    policy: usize,
    arguments: *const abi::PolicyArguments,
    made: *mut *mut c_void,
    error: *const abi::Sink,
) -> Status {
    let body = || {
        let entry = P::POLICIES.get(policy).ok_or("there is no policy of this number")?;
        // SAFETY: the host passes valid tables and lists for the time of the call, and room for one pointer.
        let (arguments, space, owner, made) = unsafe {
            let table = arguments.as_ref().ok_or("the arguments are null")?;
            let arguments = Arguments::read(entry.parameters, table.parameters, table.parameter_count)?;
            let space = SpaceView::read(table.space.as_ref().ok_or("the space is null")?)?;
            (arguments, Arc::new(space), Owned(table.owner), made.as_mut().ok_or("there is no room for the policy")?)
        };
        let policy = during(owner, || entry.create(&space, &arguments, &mut Models::new(owner)))?;
        *made = Box::into_raw(Box::new(Instance { policy, space, owner, panicked: false })).cast();
        Ok(())
    };
    // SAFETY: the host passes a valid sink or null.
    unsafe { guard(error, body) }
}

unsafe extern "C-unwind" fn destroy(policy: *mut c_void) {
    if policy.is_null() {
        return;
    }
    // SAFETY: the pointer is what `create` made, and the host hands it back once.
    let instance = unsafe { Box::from_raw(policy.cast::<Instance>()) };
    let owner = instance.owner;
    // A panic in a policy's `drop` has nobody to hear of it, and must not reach the host.
    let _ = quietly(|| catch_unwind(AssertUnwindSafe(|| during(owner, || drop(instance)))));
}

unsafe extern "C-unwind" fn plan(
    policy: *mut c_void,
    turn: *const abi::Turn,
    planner: *const abi::Planner,
    error: *const abi::Sink,
) -> Status {
    // SAFETY: the host passes what `create` made, valid tables for the time of the call, and a valid sink or null.
    unsafe {
        with(policy, error, |instance| {
            let mut turn = Turn::read(turn.as_ref().ok_or("the turn is null")?, &instance.space)?;
            let steps = instance.policy.plan(&mut turn)?;
            send(&steps, &instance.space, planner.as_ref().ok_or("the planner is null")?)
        })
    }
}

unsafe extern "C-unwind" fn feedback(
    policy: *mut c_void,
    turn: *const abi::Turn,
    results: *const abi::StepResult,
    result_count: usize,
    error: *const abi::Sink,
) -> Status {
    // SAFETY: as in `plan`.
    unsafe {
        with(policy, error, |instance| {
            let mut turn = Turn::read(turn.as_ref().ok_or("the turn is null")?, &instance.space)?;
            let results = slice(results, result_count).iter().map(StepResult::read).collect::<Result<Vec<_>, _>>()?;
            instance.policy.feedback(&mut turn, &results)
        })
    }
}

unsafe extern "C-unwind" fn end_epoch(
    policy: *mut c_void,
    end: *const abi::EpochEnd,
    answer: *const abi::EpochAnswer,
    error: *const abi::Sink,
) -> Status {
    // SAFETY: as in `plan`.
    unsafe {
        with(policy, error, |instance| {
            let end = EpochEnd::read(end.as_ref().ok_or("the epoch is null")?, &instance.space);
            let after = instance.policy.end_epoch(&end)?;
            send_after(&after, answer.as_ref().ok_or("the answer is null")?)
        })
    }
}

unsafe extern "C-unwind" fn save(policy: *mut c_void, state: *const abi::Sink, error: *const abi::Sink) -> Status {
    // SAFETY: as in `plan`.
    unsafe {
        with(policy, error, |instance| {
            let bytes = instance.policy.save();
            send_bytes(state, &bytes);
            Ok(())
        })
    }
}

unsafe extern "C-unwind" fn restore(
    policy: *mut c_void,
    state: *const u8,
    length: usize,
    error: *const abi::Sink,
) -> Status {
    // SAFETY: as in `plan`; the host passes `length` bytes.
    unsafe { with(policy, error, |instance| instance.policy.restore(slice(state, length))) }
}
