//! Messages for the user's log.

use crate::abi;
use std::sync::OnceLock;

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something failed.
    Error = 0,
    /// Something looks wrong.
    Warning = 1,
    /// Something worth knowing.
    Information = 2,
    /// A detail.
    Detail = 3,
    /// A detail of details.
    Trace = 4,
}

/// The host's table, as `init` received it.
pub(crate) struct HostTable(pub(crate) &'static abi::Host);

pub(crate) static HOST: OnceLock<HostTable> = OnceLock::new();

/// Writes a message to the host's log; does nothing before `init` and in hosts without a log. Any thread.
pub fn log(severity: Severity, message: &str) {
    let Some(HostTable(host)) = HOST.get() else { return };
    let Some(get) = host.get_extension else { return };
    // SAFETY: the host's table and its extensions live as long as the process; the text outlives the call.
    unsafe {
        let table = get(abi::Text::new(abi::HOST_LOG)).cast::<abi::Log>();
        if let Some(write) = table.as_ref().and_then(|table| table.write) {
            write(severity as u32, abi::Text::new(message));
        }
    }
}
