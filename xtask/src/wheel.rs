//! Downloads wheels with pip, checks them, and unpacks parts of them.

use crate::Result;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A wheel on PyPI.
pub(crate) struct Wheel {
    /// Name and version, as pip takes them.
    pub(crate) requirement: &'static str,
    /// SHA-256 of the file, or `None` where pip's own check against the index must do.
    pub(crate) hash: Option<&'static str>,
}

/// The platform that wheels are asked for.
pub(crate) const PLATFORM: &[&str] = &[
    "--only-binary=:all:",
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux_2_27_x86_64",
    "--platform",
    "manylinux_2_25_x86_64",
    "--platform",
    "manylinux_2_17_x86_64",
    "--platform",
    "manylinux2014_x86_64",
];

/// The Python that has pip: `python3`, or `python`.
pub(crate) fn python() -> Result<&'static str> {
    let works = |program: &&str| {
        let status =
            Command::new(program).args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|s| s.success())
    };
    ["python3", "python"].into_iter().find(works).ok_or_else(|| {
        "libtorch comes from PyPI, and that needs Python 3 with pip: neither `python3 -m pip` nor `python -m pip` works here.\n  \
         help: install them (Debian: apt install python3-pip), or set LIBTORCH to a libtorch 2.13.0 that you have"
            .to_owned()
    })
}

/// Downloads a wheel into a folder and returns its file.
pub(crate) fn download(python: &str, wheel: &Wheel, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|e| disk(folder, &e))?;
    let output = Command::new(python)
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(PLATFORM)
        .arg("--dest")
        .arg(folder)
        .arg(wheel.requirement)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run {python}: {e}"))?;
    if !output.status.success() {
        return Err(explain_pip(wheel.requirement, &String::from_utf8_lossy(&output.stderr)));
    }
    let name = wheel.requirement.split("==").next().unwrap_or_default().replace('-', "_");
    let files = fs::read_dir(folder).map_err(|e| disk(folder, &e))?;
    let file = files
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.file_name().is_some_and(|f| f.to_string_lossy().starts_with(&format!("{name}-"))))
        .ok_or_else(|| format!("pip said that it downloaded {}, but the file is not there", wheel.requirement))?;
    if let Some(expected) = wheel.hash {
        check(&file, expected)?;
    }
    Ok(file)
}

/// What went wrong, from what pip printed.
fn explain_pip(requirement: &str, text: &str) -> String {
    let line = text.lines().rev().find(|l| l.contains("ERROR")).unwrap_or("no message").trim();
    let help = if text.contains("No space left") {
        "the disk is full: make room, or set EDAS_CACHE to a folder on another disk"
    } else if ["connection", "Connection", "No matching distribution", "resolve", "Max retries", "timed out", "Network"]
        .iter()
        .any(|w| text.contains(w))
    {
        "PyPI cannot be reached, or does not have it: check the network (pip's own settings hold, proxies included), or set LIBTORCH to a libtorch \
         2.13.0 that you have"
    } else {
        "see whether `python3 -m pip download torch==2.13.0` works, or set LIBTORCH to a libtorch 2.13.0 that you have"
    };
    format!("pip could not download {requirement}\n  found: {line}\n  help: {help}")
}

fn check(file: &Path, expected: &str) -> Result<()> {
    let mut hash = Sha256::new();
    let mut source = File::open(file).map_err(|e| disk(file, &e))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = source.read(&mut buffer).map_err(|e| disk(file, &e))?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
    }
    let found = hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "the download {} is not what it should be\n  expected: SHA-256 {expected}\n  found: SHA-256 {found}\n  \
         help: try again; if it stays, the package index serves another file",
        file.file_name().unwrap_or_default().to_string_lossy()
    ))
}

/// Unpacks the files for which `place` names a place below `folder`.
pub(crate) fn unpack(file: &Path, folder: &Path, place: impl Fn(&str) -> Option<PathBuf>) -> Result<()> {
    let broken = |e: &dyn std::fmt::Display| format!("the download {} cannot be unpacked: {e}", file.display());
    let mut archive = zip::ZipArchive::new(File::open(file).map_err(|e| disk(file, &e))?).map_err(|e| broken(&e))?;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).map_err(|e| broken(&e))?;
        let Some(inside) = entry.enclosed_name().filter(|_| entry.is_file()) else { continue };
        let Some(place) = place(&inside.to_string_lossy()) else { continue };
        let path = folder.join(place);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| disk(parent, &e))?;
        }
        let mut out = File::create(&path).map_err(|e| disk(&path, &e))?;
        io::copy(&mut entry, &mut out).map_err(|e| disk(&path, &e))?;
    }
    Ok(())
}

/// A message for a file that cannot be read or written.
pub(crate) fn disk(path: &Path, error: &io::Error) -> String {
    let help = match error.kind() {
        io::ErrorKind::StorageFull => {
            "\n  help: the disk is full: make room, or set EDAS_CACHE to a folder on another disk"
        }
        io::ErrorKind::PermissionDenied => "\n  help: set EDAS_CACHE to a folder that you may write",
        _ => "",
    };
    format!("{}: {error}{help}", path.display())
}
