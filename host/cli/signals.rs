//! SIGINT, SIGTERM and SIGHUP end a run so that it can go on later: the first lets it finish its iteration and save, the second ends the
//! program at once.

use crate::error::{Error, Result};
use crate::train::Interruption;

/// The exit status of a run that was interrupted.
pub(super) const INTERRUPTED: u8 = 130;

/// What the signals utter from here on.
pub(super) fn interruption() -> Result<Interruption> {
    let interruption = Interruption::default();
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let failed = |e: std::io::Error| Error::new(format!("signals cannot be listened to: {e}"));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // Under `nohup` a run outlives its terminal.
            if is_ignored(signal) {
                continue;
            }
            // In this order the first signal finds the flag down.
            let ends =
                signal_hook::flag::register_conditional_shutdown(signal, INTERRUPTED.into(), interruption.flag());
            let utters = signal_hook::flag::register(signal, interruption.flag());
            ends.and(utters).map_err(failed)?;
        }
    }
    Ok(interruption)
}

/// Whether whoever started the program had it ignore a signal, where the system tells.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
