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
        use signal_hook::iterator::Signals;
        // Under `nohup` a run outlives its terminal.
        let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
        let mut signals = Signals::new(heard).map_err(|e| Error::new(format!("signals cannot be listened to: {e}")))?;
        let uttered = interruption.clone();
        std::thread::spawn(move || {
            for _ in signals.forever() {
                if uttered.requested() {
                    end_at_once();
                }
                uttered.request();
            }
        });
    }
    Ok(interruption)
}

/// Ends the program as an interrupted one, without waiting for anything; a terminal that the view has is given back.
pub(super) fn end_at_once() -> ! {
    super::view::give_back();
    #[cfg(unix)]
    // Other threads still compute: what would be taken down at an orderly end is theirs.
    signal_hook::low_level::exit(INTERRUPTED.into());
    #[cfg(not(unix))]
    std::process::exit(INTERRUPTED.into())
}

/// Whether whoever started the program had it ignore a signal, where the system tells.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
