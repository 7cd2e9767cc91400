//! The table of a plugin's search spaces.

use super::{Plugin, Tables};
use crate::abi::{self, Status, Text};
use crate::boundary::{guard, send};
use crate::parameter::Arguments;

impl<P: Plugin> Tables<P> {
    pub(super) const SEARCH_SPACE: &'static abi::SearchSpace = &abi::SearchSpace {
        size: size_of::<abi::SearchSpace>(),
        count: Some(count::<P>),
        describe: Some(describe::<P>),
        describe_parameter: Some(describe_parameter::<P>),
        write: Some(write::<P>),
    };
}

unsafe extern "C-unwind" fn count<P: Plugin>() -> usize {
    P::SPACES.len()
}

unsafe extern "C-unwind" fn describe<P: Plugin>(space: usize, info: *mut abi::Info) -> Status {
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(space), Some(info)) = (P::SPACES.get(space), unsafe { info.as_mut() }) else { return abi::FAILED };
    (info.name, info.doc) = (Text::new(space.name), Text::new(space.doc));
    info.parameter_count = space.parameters.len();
    abi::OK
}

unsafe extern "C-unwind" fn describe_parameter<P: Plugin>(
    space: usize,
    parameter: usize,
    info: *mut abi::ParameterInfo,
) -> Status {
    let parameter = P::SPACES.get(space).and_then(|s| s.parameters.get(parameter));
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(parameter), Some(info)) = (parameter, unsafe { info.as_mut() }) else { return abi::FAILED };
    parameter.describe(info);
    abi::OK
}

unsafe extern "C-unwind" fn write<P: Plugin>(
    space: usize,
    parameters: *const abi::Attribute,
    parameter_count: usize,
    text: *const abi::Sink,
    error: *const abi::Sink,
) -> Status {
    let body = || {
        let space = P::SPACES.get(space).ok_or("there is no space of this number")?;
        // SAFETY: the host passes `parameter_count` attributes and a valid sink for the time of the call.
        unsafe {
            let arguments = Arguments::read(space.parameters, parameters, parameter_count)?;
            send(text, space.write(&arguments)?.as_bytes());
        }
        Ok(())
    };
    // SAFETY: the host passes a valid sink or null.
    unsafe { guard(error, body) }
}
