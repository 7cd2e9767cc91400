//! `cargo x fixtures`: makes the numbers from PyTorch that the tests compare with, or compares them with new ones.

use crate::compare;
use crate::failure::{Failure, Result};
use crate::libtorch::VERSION;
use crate::requirements;
use crate::workspace::{Workspace, finish};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The space that PyTorch takes once it is installed, with its download beside it, in megabytes.
const PYTORCH_MEGABYTES: u64 = 9000;

/// The release of torchvision that goes with it.
const TORCHVISION: &str = "torchvision==0.28.0";

/// Writes the fixtures into `tests/fixtures`, or with `check` elsewhere and compares.
pub fn run(workspace: &Workspace, check: bool, python: Option<PathBuf>) -> Result {
    let python = match python {
        Some(python) => python,
        None => environment(&workspace.cache)?,
    };
    let help = "name another with --python, or leave it out to have one made";
    requirements::pytorch(&python, &["numpy", "safetensors", "torchvision", "PIL"], "make the fixtures", help)?;
    let folder = workspace.root.join("tests/fixtures");
    if !check {
        return make(&python, &folder, &folder);
    }

    let new = std::env::temp_dir().join(format!("edas-fixtures-{}", std::process::id()));
    fs::create_dir_all(&new).map_err(|error| Failure::io("write", &new, &error))?;
    make(&python, &folder, &new)?;
    let same = compare_folders(&new, &folder)?;
    if !same {
        return Err(Failure::later("the fixtures are not what PyTorch computes now")
            .help(format!("the new files are in {}; `cargo x fixtures` puts new ones in place", new.display())));
    }
    fs::remove_dir_all(&new).map_err(|error| Failure::io("remove", &new, &error))
}

fn make(python: &Path, source: &Path, target: &Path) -> Result {
    let script = source.join("make.py");
    finish(Command::new(python).arg("-B").arg(&script).arg("--out").arg(target))
}

/// Compares all files that either folder holds, and says how far they are apart. False on any difference.
fn compare_folders(new: &Path, old: &Path) -> Result<bool> {
    let (new_names, old_names) = (made_files(new)?, made_files(old)?);
    let mut same = true;
    for name in new_names.union(&old_names) {
        let result = match (new_names.contains(name), old_names.contains(name)) {
            (true, true) => compare::files(&new.join(name), &old.join(name))?,
            (true, false) => Err(vec![format!("is made, but is not in {}", old.display())]),
            _ => Err(vec!["is not made any more".to_owned()]),
        };
        match result {
            Ok(summary) => println!("{}: {summary}", name.display()),
            Err(faults) => {
                same = false;
                for fault in faults {
                    println!("{}: DIFFERS: {fault}", name.display());
                }
            }
        }
    }
    Ok(same)
}

/// The names of a folder's files without those that people write: scripts and the page about them.
fn made_files(folder: &Path) -> Result<BTreeSet<OsString>> {
    let failed = |error| Failure::io("read", folder, &error);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let written = path.extension().is_some_and(|extension| extension == "py" || extension == "md");
        if let (true, false, Some(name)) = (path.is_file(), written, path.file_name()) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// The Python of the cache, with PyTorch; made on first use.
fn environment(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join(format!("pytorch-{VERSION}"));
    let (python, done) = (folder.join("bin/python"), folder.join("complete"));
    if done.exists() {
        return Ok(python);
    }
    let system = requirements::python()?;
    let failed = |error| Failure::io("write", &folder, &error);
    // A virtual environment knows its own path, so it is made in place; what is not complete starts anew.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    fs::create_dir_all(cache).map_err(failed)?;
    requirements::space(cache, PYTORCH_MEGABYTES)?;
    eprintln!("making a Python with torch {VERSION} in {}", folder.display());
    eprintln!("  about 2.5 GB to download, once; --python PATH uses one that is there");
    let step = |command: &mut Command, what: &str| {
        finish(command).map_err(|_| {
            Failure::new(format!("{what} failed"))
                .expected(
                    "a Python from 3.10 on with `venv` (Debian, Ubuntu: apt install python3-venv), and the network",
                )
                .help("see above, or name a Python that has torch with --python")
        })
    };
    step(Command::new(system).args(["-m", "venv"]).arg(&folder), "making a virtual environment")?;
    let torch = format!("torch=={VERSION}");
    let pip =
        ["-m", "pip", "--disable-pip-version-check", "install", &torch, TORCHVISION, "pillow", "numpy", "safetensors"];
    step(Command::new(&python).args(pip), "installing torch")?;
    fs::write(&done, "").map_err(failed)?;
    Ok(python)
}
