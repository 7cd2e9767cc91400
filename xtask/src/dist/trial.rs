//! Tries what was unpacked from an archive, with an environment in which nothing points to this checkout.

use crate::failure::{Failure, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// What is run in the unpacked folder: that libraries are found; that specs find scripts and spaces, and the network can be built; that
/// the plugins beside the program are found.
const RUNS: [&[&str]; 3] =
    [&["--version"], &["check", "specs/quickstart.yaml"], &["check", "specs/controller-quickstart.yaml"]];

/// Runs what was unpacked into `place`.
pub fn run(place: &Path) -> Result {
    RUNS.iter().try_for_each(|arguments| attempt(place, arguments))
}

fn attempt(place: &Path, arguments: &[&str]) -> Result {
    let shown = format!("bin/edas {}", arguments.join(" "));
    let failure = |found: String| {
        Failure::later("the archive does not work, and is not kept")
            .expected(format!("`{shown}` to succeed in it, without this checkout's environment"))
            .found(found)
    };
    let output = Command::new(place.join("bin/edas"))
        .args(arguments)
        .current_dir(place)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", place)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failure(format!("it cannot be started: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failure(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))))
}

#[cfg(test)]
mod tests {
    use super::super::archive::{Files, Scratch};
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_archive_that_does_not_work_is_a_failure() {
        let place = Scratch::new(&std::env::temp_dir(), "xtask-trial").unwrap();
        let run = |program: &str| {
            place.add("bin/edas", program, &mut Files::new()).unwrap();
            set_permissions(place.0.join("bin/edas"), Permissions::from_mode(0o755)).unwrap();
            run(&place.0)
        };
        // A program that wants no environment but what is there everywhere, and sees the folder that it was unpacked into.
        assert_eq!(run("#!/bin/sh\ntest -z \"$CARGO\" && test -x bin/edas\n"), Ok(()));
        let failure = run("#!/bin/sh\necho no libtorch >&2\nexit 3\n").unwrap_err().to_string();
        assert!(failure.contains("`bin/edas --version` to succeed") && failure.contains("no libtorch"), "{failure}");
        let failure = run("\0no program").unwrap_err().to_string();
        assert!(failure.contains("it cannot be started"), "{failure}");
    }
}
