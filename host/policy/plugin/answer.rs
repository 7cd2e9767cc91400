//! How a plugin's policy answers the end of an epoch, by name. Errors stick, as in the planner.

use super::planner::{status, unknown, wrong};
use crate::error::{Error, Result};
use crate::extension::Attribute;
use crate::policy::AfterEpoch;
use edas_plugin::abi;
use std::ffi::c_void;

/// What plugins may set at the end of an epoch.
pub const ANSWERS: [&str; 3] = ["stop", "keep", "reset_weights"];

/// What a policy answers to the end of an epoch.
#[derive(Default)]
pub(super) struct Answer {
    after: AfterEpoch,
    error: Option<Error>,
}

impl Answer {
    /// The table that a policy is given. It points to `self`, which must stay where it is while the table is used.
    pub(super) fn table(&mut self) -> abi::EpochAnswer {
        abi::EpochAnswer {
            size: size_of::<abi::EpochAnswer>(),
            context: std::ptr::from_mut(self).cast(),
            set: Some(set_after),
        }
    }

    /// The answer, after the policy's call ended so.
    ///
    /// # Errors
    /// As that of a planner.
    pub(super) fn close(self, result: Result<()>) -> Result<AfterEpoch> {
        self.error.map_or(result, Err)?;
        Ok(self.after)
    }

    fn set(&mut self, (name, value): (String, Attribute)) -> Result<()> {
        match (name.as_str(), value) {
            ("stop", Attribute::Boolean(stop)) => self.after.stop = stop,
            ("reset_weights", Attribute::Boolean(reset)) => self.after.reset_weights = reset,
            // The edge, then the candidates that it keeps.
            ("keep", Attribute::Integers(list)) if !list.is_empty() && list.iter().all(|number| *number >= 0) => {
                let mut list = list.into_iter().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
                let edge = list.next().unwrap_or(usize::MAX);
                let mut kept: Vec<usize> = list.collect();
                kept.sort_unstable();
                kept.dedup();
                self.after.keep.insert(edge, kept);
            }
            ("stop" | "reset_weights", value) => return Err(wrong(&name, "a truth value", &value)),
            ("keep", value) => {
                return Err(wrong(&name, "whole numbers: an edge, then the candidates that it keeps", &value));
            }
            _ => return Err(unknown("answer to the end of an epoch", &name, &ANSWERS)),
        }
        Ok(())
    }
}

unsafe extern "C-unwind" fn set_after(context: *mut c_void, setting: *const abi::Attribute) -> abi::Status {
    // SAFETY: the policy passes the table's context, during the call that was given the table.
    let Some(answer) = (unsafe { context.cast::<Answer>().as_mut() }) else { return abi::FAILED };
    if answer.error.is_some() {
        return abi::FAILED;
    }
    // SAFETY: the policy passes a setting, or null, for the time of the call.
    let setting = unsafe { setting.as_ref().map(|s| Attribute::read(s)) };
    let done = setting.unwrap_or_else(|| Err(Error::new("a setting is null"))).and_then(|setting| answer.set(setting));
    status(done.map_err(|error| answer.error = Some(error)).ok())
}
