//! SIGINT, SIGTERM and SIGHUP end a run so that it can go on later: the first lets it finish its iteration and save, the second ends the
//! program at once.

use crate::error::{Error, Result};
use crate::train::Interruption;
#[cfg(unix)]
use std::sync::atomic::Ordering;

/// The exit status of a run that was interrupted.
pub(super) const INTERRUPTED: u8 = 130;

/// What the signals utter from here on.
pub(super) fn interruption() -> Result<Interruption> {
    let interruption = Interruption::default();
    #[cfg(unix)]
    for signal in heard() {
        let flag = interruption.flag();
        let hear = move || {
            // At once: of two signals that come together on two threads, one is the second.
            if flag.swap(true, Ordering::SeqCst) {
                signal_hook::low_level::exit(INTERRUPTED.into());
            }
        };
        // SAFETY: all that is done in the handler is an atomic swap and `_exit`, which any handler may do.
        unsafe { signal_hook::low_level::register(signal, hear) }.map_err(failed)?;
    }
    Ok(interruption)
}

/// The same where a view has the terminal: a thread hears the signals, which gives the terminal back before it ends the program.
pub(super) fn interruption_of_view() -> Result<Interruption> {
    let interruption = Interruption::default();
    #[cfg(unix)]
    {
        let mut signals = signal_hook::iterator::Signals::new(heard()).map_err(failed)?;
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

/// The signals that are listened to.
#[cfg(unix)]
fn heard() -> impl Iterator<Item = i32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    // Under `nohup` a run outlives its terminal.
    [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal))
}

#[cfg(unix)]
fn failed(e: std::io::Error) -> Error {
    Error::new(format!("signals cannot be listened to: {e}"))
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
