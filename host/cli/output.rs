//! Tables and JSON on stdout, which is for results alone. A reader that has gone (a closed pipe) ends the command without a message.

use super::{Done, Failure};
use crate::error::Error;
pub(super) use crate::report::sizes::{count, duration, paths};
use comfy_table::{Table, presets};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

/// Where results go, once stdout itself is kept from others.
static RESULTS: OnceLock<File> = OnceLock::new();

/// Keeps stdout for results: whatever else writes to it from here on, a plugin say, writes to stderr.
pub(super) fn keep_stdout() {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        if let Ok(stdout) = std::io::stdout().as_fd().try_clone_to_owned()
            && rustix::stdio::dup2_stdout(std::io::stderr().as_fd()).is_ok()
        {
            let _ = RESULTS.set(stdout.into());
        }
    }
}

/// Where results go.
pub(super) fn results() -> Box<dyn Write> {
    match RESULTS.get().and_then(|file| file.try_clone().ok()) {
        Some(file) => Box::new(file),
        None => Box::new(std::io::stdout().lock()),
    }
}

/// Whether to colour what goes to a stream.
pub(super) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Whether results go to a terminal.
pub(super) fn is_terminal() -> bool {
    RESULTS.get().map_or_else(|| std::io::stdout().is_terminal(), IsTerminal::is_terminal)
}

/// Writes text to stdout.
pub(super) fn print(text: &str) -> Done {
    write(text.as_bytes())
}

/// Writes bytes to stdout.
pub(super) fn write(bytes: &[u8]) -> Done {
    let mut out = results();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Failure::Gone),
        Err(e) => Err(Failure::Later(Error::io("write to", "stdout", &e))),
    }
}

/// Writes a line to stderr; where nobody reads, nothing is to be done about it.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes a value to stdout as JSON.
pub(super) fn json(value: &serde_json::Value) -> Done {
    print(&format!("{value:#}\n"))
}

/// A table with these headings and nothing drawn but a line under them.
pub(super) fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings);
    table
}

/// A number of bytes for people.
pub(super) fn bytes(n: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut n = n;
    let mut unit = 0;
    while n >= 1024.0 && unit + 1 < units.len() {
        n /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n:.0} {}", units[unit]) } else { format!("{n:.1} {}", units[unit]) }
}

/// A bar for a count, as long as its share of the largest.
pub(super) fn bar(count: u64, most: u64) -> String {
    const WIDTH: u64 = 20;
    let eighths = if most == 0 { 0 } else { (u128::from(count) * u128::from(WIDTH) * 8 / u128::from(most)) as usize };
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + rest
}
