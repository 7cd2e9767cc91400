//! Makes PyTorch's numbers anew, and compares them with those in the repository.

use crate::wheel::disk;
use crate::{Result, libtorch, tool, wheel};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `cargo x fixtures [--check] [--python PROGRAM]`.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (mut check, mut python) = (false, None);
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        match *word {
            "--check" => check = true,
            "--python" => python = Some(PathBuf::from(rest.next().ok_or("`--python` needs a program")?)),
            other => {
                return Err(format!(
                    "`cargo x fixtures` does not know `{other}`\n  expected: --check, --python PROGRAM"
                ));
            }
        }
    }
    let python = python.map_or_else(environment, Ok)?;
    let kept = tool::root().join("tests/fixtures");
    let make = |folder: &Path| tool::run(Command::new(&python).arg(kept.join("make.py")).arg("--out").arg(folder));
    if !check {
        return make(&kept);
    }
    let fresh = tool::target().join("fixtures");
    fs::create_dir_all(&fresh).map_err(|e| disk(&fresh, &e))?;
    make(&fresh)?;
    let names: BTreeSet<String> = names(&kept)?.union(&names(&fresh)?).cloned().collect();
    for name in names {
        let read = |folder: &Path| fs::read(folder.join(&name)).map_err(|e| disk(&folder.join(&name), &e));
        let (old, new) = (read(&kept)?, read(&fresh)?);
        if name.ends_with(".safetensors") {
            let furthest = compare(&name, &old, &new)?;
            println!("{name}: the same within {furthest:.1e}");
        } else {
            println!(
                "{name}: {}",
                if old == new { "the same bytes" } else { "other bytes (numbers for reading only)" }
            );
        }
    }
    Ok(())
}

/// A virtual environment with PyTorch, made on first use.
fn environment() -> Result<PathBuf> {
    let folder = libtorch::cache()?.join("python-torch-2.13.0");
    let python = folder.join("bin/python");
    let ready = folder.join("ready");
    if !ready.is_file() {
        eprintln!("making a Python environment with PyTorch (2.5 GB to download, once per machine) …");
        let folder = folder.to_string_lossy().into_owned();
        tool::run(Command::new(wheel::python()?).args(["-m", "venv", "--clear", &folder]))?;
        tool::run(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "torch==2.13.0",
            "numpy",
            "safetensors",
        ]))?;
        fs::write(&ready, "").map_err(|e| disk(&ready, &e))?;
    }
    Ok(python)
}

fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).map_err(|e| disk(folder, &e))?;
    let name = |entry: std::io::Result<fs::DirEntry>| entry.ok().map(|e| e.file_name().to_string_lossy().into_owned());
    Ok(entries.filter_map(name).filter(|n| n.ends_with(".safetensors") || n.ends_with(".json")).collect())
}

/// The largest distance max |a − b| / max |b| over all tensors, where none is too far.
fn compare(name: &str, old: &[u8], new: &[u8]) -> Result<f64> {
    let broken = |e: safetensors::SafeTensorError| format!("{name} is no safetensors file: {e}");
    let (old, new) = (SafeTensors::deserialize(old).map_err(broken)?, SafeTensors::deserialize(new).map_err(broken)?);
    let keys = |file: &SafeTensors| file.names().into_iter().map(str::to_owned).collect::<BTreeSet<String>>();
    if keys(&old) != keys(&new) {
        return Err(format!("{name}: the new file has other tensors"));
    }
    let mut furthest = 0f64;
    for (key, a) in old.tensors() {
        let b = new.tensor(&key).map_err(broken)?;
        if a.shape() != b.shape() || a.dtype() != b.dtype() {
            return Err(format!("{name}: `{key}` has another shape or type"));
        }
        let tolerance = if a.dtype() == Dtype::F64 { 1e-10 } else { 1e-5 };
        let distance = distance(&numbers(a.dtype(), a.data()), &numbers(b.dtype(), b.data()));
        if distance > tolerance {
            return Err(format!("{name}: `{key}` is {distance:e} away from what it was, more than {tolerance:e}"));
        }
        furthest = furthest.max(distance);
    }
    Ok(furthest)
}

fn numbers(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    match dtype {
        Dtype::F32 => bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect(),
        _ => bytes
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
            .collect(),
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let furthest = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let scale = b.iter().map(|b| b.abs()).fold(0.0, f64::max);
    if scale == 0.0 { furthest } else { furthest / scale }
}
