//! What is needed of the machine: Python with pip, a C++ compiler, space on the disk; for some chores PyTorch.

use crate::failure::{Failure, Result};
use crate::libtorch::VERSION;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python that can run pip. Which release does not matter: pip is told what to fetch.
pub fn python() -> Result<PathBuf> {
    let python = on_path("python3").ok_or_else(|| {
        Failure::new("Python is missing; it fetches libtorch")
            .expected("`python3` on the PATH, with pip")
            .help(format!("install it (Debian, Ubuntu: apt install python3 python3-pip), or {OWN}"))
    })?;
    let output = Command::new(&python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
    let complaint = match output {
        Ok(output) if output.status.success() => return Ok(python),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::new("pip is missing; it fetches libtorch")
        .expected(format!("`{} -m pip` to work", python.display()))
        .found(complaint)
        .help(format!(
            "install it (Debian, Ubuntu: apt install python3-pip; elsewhere: python3 -m ensurepip), or {OWN}"
        )))
}

/// The way round Python.
const OWN: &str = "set LIBTORCH to the folder of a libtorch 2.13.0";

/// A C++ compiler, where the build of torch-sys looks for one.
pub fn compiler() -> Result {
    // The more particular names that torch-sys also reads (CXX_x86_64-…) are for people who know what they do.
    if env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("CXX_") || name == "HOST_CXX") {
        return Ok(());
    }
    let set = env::var("CXX").ok().filter(|set| !set.trim().is_empty());
    // CXX may hold arguments and a wrapper: `ccache g++`.
    let wanted = set.as_deref().and_then(|set| set.split_whitespace().next()).unwrap_or("c++");
    if on_path(wanted).is_some() || set.as_deref().is_some_and(|set| on_path(set).is_some()) {
        return Ok(());
    }
    let failure = Failure::new("a C++ compiler is missing; it builds the bindings to libtorch");
    let others: Vec<_> = ["c++", "g++", "clang++"].into_iter().filter(|other| on_path(other).is_some()).collect();
    let failure = match &set {
        Some(set) => failure.expected("CXX to name a compiler").found(format!("CXX={set}, which is not there")),
        None => failure.expected("`c++` on the PATH, or CXX to name a compiler"),
    };
    Err(match others.first() {
        Some(other) => failure.help(format!("`{other}` is there: set CXX={other}")),
        None => failure.help("install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++)"),
    })
}

/// Checks that a Python has torch, in the release that this library is compared with, and other modules; `cannot` says what it is
/// needed for, `help` what to do.
pub fn pytorch(python: &Path, modules: &[&str], cannot: &str, help: &str) -> Result {
    let program = format!("import torch, {}; print(torch.__version__)", modules.join(", "));
    let output = Command::new(python).args(["-c", &program]).stdin(Stdio::null()).output().map_err(|error| {
        Failure::new(format!("cannot start {}", python.display())).found(error.to_string()).help(help)
    })?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if version.split('+').next() == Some(VERSION) {
        return Ok(());
    }
    // Of what Python says the last line alone: which module is missing.
    let complaint = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned();
    let found = if output.status.success() { format!("torch {version}") } else { complaint };
    Err(Failure::new(format!("{} cannot {cannot}", python.display()))
        .expected(format!("torch {VERSION}, with {}", modules.join(" and ")))
        .found(found)
        .help(help))
}

/// Checks that `megabytes` are free where `folder` lies. Where the system does not tell, a full disk shows later.
pub fn space(folder: &Path, megabytes: u64) -> Result {
    let output = Command::new("df").arg("-Pk").arg(folder).stderr(Stdio::null()).output();
    let free = output.ok().and_then(|output| available(&String::from_utf8_lossy(&output.stdout)));
    match free {
        Some(free) if free < megabytes => {
            Err(Failure::new(format!("the disk is too full: not enough space at {}", folder.display()))
                .expected(format!("{megabytes} MB free"))
                .found(format!("{free} MB free"))
                .help("free some, or set EDAS_CACHE to a folder on another disk"))
        }
        _ => Ok(()),
    }
}

/// The megabytes available, from what `df -Pk` prints.
fn available(table: &str) -> Option<u64> {
    // The device's name may hold spaces, so count back from the percentage.
    let fields: Vec<&str> = table.lines().nth(1)?.split_whitespace().collect();
    let percentage = fields.iter().rposition(|field| field.ends_with('%'))?;
    let kibibytes: u64 = fields.get(percentage.checked_sub(1)?)?.parse().ok()?;
    Some(kibibytes * 1024 / 1_000_000)
}

/// Where a program lies: the path itself, or the first match on the PATH.
fn on_path(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let program = Path::new(program.as_ref());
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_df() {
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        assert_eq!(available(&format!("{head}/dev/vda 264212084 21858892 73426996 23% /")), Some(75_189));
        assert_eq!(available(&format!("{head}my disk 10 0 1000000 0% /a b")), Some(1024));
        assert_eq!(available("df: no such file"), None);
    }

    #[test]
    fn says_which_python_cannot_do_what() {
        let needs =
            |python: &str| pytorch(Path::new(python), &["numpy"], "be compared with", "name another").unwrap_err();
        let missing = needs("/no/such/python").to_string();
        assert!(missing.starts_with("cannot start /no/such/python") && missing.ends_with("help: name another"));
        // A program that is no Python, and prints no version.
        let expected = format!("cannot be compared with\n  expected: torch {VERSION}, with numpy\n");
        let other = needs("/bin/false").to_string();
        assert!(other.contains(&expected) && other.ends_with("help: name another"), "{other}");
        let older = needs("/bin/echo").to_string();
        assert!(older.contains("found: torch -c import torch, numpy;"), "{older}");
    }

    #[test]
    fn finds_programs() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program").is_none());
        assert!(on_path("/bin/sh").is_some());
    }
}
