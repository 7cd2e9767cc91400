//! A hostile policy: plans, settings, steps and answers, in any order and with anything.

use super::builder::say;
use super::hostile::{Source, take};
use super::model;
use edas_plugin::abi;
use std::ffi::c_void;

/// The most calls of one turn.
const CALLS: usize = 24;

/// # Safety
/// As the interface says of `create`.
pub unsafe extern "C-unwind" fn create(
    _: usize,
    arguments: *const abi::PolicyArguments,
    made: *mut *mut c_void,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the arguments and the sink came with the call.
    unsafe {
        model::make((*arguments).owner);
        say(error);
    }
    let (address, status) = take(|s| (s.size(), s.status()));
    if address != 0 && status == abi::OK {
        take(|s| s.handed += 1);
        // SAFETY: the host passes room for a pointer, which it never follows.
        unsafe { *made = std::ptr::without_provenance_mut(address) };
    }
    status
}

/// # Safety
/// As the interface says of `destroy`.
pub unsafe extern "C-unwind" fn destroy(_: *mut c_void) {
    take(|s| s.freed += 1);
}

/// # Safety
/// As the interface says of `plan`.
pub unsafe extern "C-unwind" fn plan(
    _: *mut c_void,
    turn: *const abi::Turn,
    planner: *const abi::Planner,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the host passes valid tables.
    let (turn, planner) = unsafe { (&*turn, &*planner) };
    assert!(turn.iteration < turn.epochs * turn.iterations_per_epoch);
    let (Some(make), Some(gate), Some(set), Some(step)) = (planner.plan, planner.gate, planner.set, planner.step)
    else {
        panic!("a function of the planner is null");
    };
    let mut plans = Vec::new();
    for _ in 0..CALLS {
        if take(|s| s.is_over()) && !plans.is_empty() {
            break;
        }
        let (kind, which) = take(|s| (s.byte(), s.byte()));
        let which = plans.get(usize::from(which) % plans.len().max(1)).copied().unwrap_or_else(|| take(Source::number));
        let edge = take(|s| if s.rarely() { abi::ALL_EDGES } else { s.size() });
        // SAFETY: this is the call that the planner was given for; texts and lists are as valid as the interface demands.
        unsafe {
            match kind {
                0..=23 => plans.push(make(planner.context)),
                24..=31 => model::call(),
                32..=111 => {
                    let name = take(Source::text);
                    let (candidates, count) = take(|s| s.list(10, Source::size));
                    let _ = gate(planner.context, which, edge, name, candidates, count);
                }
                112..=191 => {
                    let setting = take(Source::attribute);
                    let null = take(|s| s.byte() == 255);
                    let pointer = if null { std::ptr::null() } else { &raw const setting };
                    let _ = set(planner.context, which, edge, pointer);
                }
                _ => {
                    let phase = take(|s| if s.rarely() { s.number() as u32 } else { u32::from(s.byte() % 4) });
                    let _ = step(planner.context, phase, which);
                }
            }
        }
    }
    // SAFETY: the sink came with the call.
    unsafe { say(error) };
    take(Source::status)
}

/// # Safety
/// As the interface says of `feedback`.
pub unsafe extern "C-unwind" fn feedback(
    _: *mut c_void,
    _: *const abi::Turn,
    _: *const abi::StepResult,
    _: usize,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the sink came with the call.
    unsafe { say(error) };
    take(Source::status)
}

/// # Safety
/// As the interface says of `end_epoch`.
pub unsafe extern "C-unwind" fn end_epoch(
    _: *mut c_void,
    _: *const abi::EpochEnd,
    answer: *const abi::EpochAnswer,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the host passes a valid table.
    let answer = unsafe { &*answer };
    for _ in 0..take(|s| s.byte() % 8) {
        let setting = take(Source::attribute);
        let Some(set) = answer.set else { panic!("a function of the answer is null") };
        // SAFETY: this is the call that the answer was given for.
        let _ = unsafe { set(answer.context, &setting) };
    }
    // SAFETY: the sink came with the call.
    unsafe { say(error) };
    take(Source::status)
}

/// # Safety
/// As the interface says of `save`.
pub unsafe extern "C-unwind" fn save(_: *mut c_void, state: *const abi::Sink, error: *const abi::Sink) -> abi::Status {
    // SAFETY: the sinks came with the call.
    unsafe {
        say(state);
        say(error);
    }
    take(Source::status)
}

/// # Safety
/// As the interface says of `restore`.
pub unsafe extern "C-unwind" fn restore(
    _: *mut c_void,
    _: *const u8,
    _: usize,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the sink came with the call.
    unsafe { say(error) };
    take(Source::status)
}
