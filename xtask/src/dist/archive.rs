//! Packs and unpacks archives, by a program of its own (`xtask/pack`): compression takes long to compile, and who only builds and runs
//! edas does not wait for it.

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The files of an archive: their paths in it, `/` between the parts, and where each one lies.
pub type Files = BTreeMap<String, PathBuf>;

/// Packs files below one top folder.
pub fn pack(workspace: &Workspace, files: &Files, top: &str, archive: &Path) -> Result {
    run(workspace, "pack", archive, Path::new(top), &list(files)?)
}

/// Unpacks an archive into a folder.
pub fn unpack(workspace: &Workspace, archive: &Path, folder: &Path) -> Result {
    run(workspace, "unpack", archive, folder, "")
}

fn run(workspace: &Workspace, what: &str, archive: &Path, other: &Path, input: &str) -> Result {
    let mut command = workspace.cargo("run");
    command.args(["--quiet", "--release", "--package", "edas-pack", "--", what]).arg(archive).arg(other);
    let failed = |error: std::io::Error| Failure::later("cannot run cargo").found(error.to_string());
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
    // Where it ends before it has read all of this, it has said why.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(Failure::of(status)) }
}

/// The list that the program reads.
fn list(files: &Files) -> Result<String> {
    let mut list = String::new();
    for (path, source) in files {
        let source = source.to_str().ok_or_else(|| {
            Failure::new(format!("the name of {} is not text", source.display())).expected("UTF-8").help("rename it")
        })?;
        list += &format!("{path}\0{source}\0");
    }
    Ok(list)
}

/// A folder for what no file holds yet, removed when it goes out of scope.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Makes it, beside what it is for.
    pub fn new(beside: &Path, name: &str) -> Result<Self> {
        let folder = beside.join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| Failure::io("write", &folder, &error))?;
        Ok(Self(folder))
    }

    /// Writes the file that lies at `path` in the archive, and adds it.
    pub fn add(&self, path: &str, bytes: impl AsRef<[u8]>, files: &mut Files) -> Result {
        let file = self.0.join(path);
        let failed = |error| Failure::io("write", &file, &error);
        fs::create_dir_all(file.parent().unwrap_or(&self.0)).map_err(failed)?;
        fs::write(&file, bytes).map_err(failed)?;
        files.insert(path.to_owned(), file);
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_for_it_is_listed_and_goes_again() {
        let scratch = Scratch::new(&std::env::temp_dir(), "xtask-archive").unwrap();
        let mut files = Files::from([("a".to_owned(), "/a".into())]);
        scratch.add("bin/edas", "program", &mut files).unwrap();
        let made = files["bin/edas"].clone();
        assert_eq!(fs::read_to_string(&made).unwrap(), "program");
        assert_eq!(list(&files).unwrap(), format!("a\0/a\0bin/edas\0{}\0", made.display()));
        drop(scratch);
        assert!(!made.exists());
    }
}
