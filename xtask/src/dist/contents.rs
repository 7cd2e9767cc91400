//! What goes into the archive, and where to.
//!
//! ```text
//! bin/edas                      the program; beside it the plugins that specs name and that are no part of it
//! lib/torch/lib, lib/nvidia     libtorch's libraries, laid out as they find each other
//! specs, scripts                as in the repository, so that specs find scripts
//! plugins/sdk                   the SDK: for Rust a crate that builds anywhere, for C and C++ the header
//! plugins/example-c, …          what the manual of plugins refers to
//! README.md, LICENSE-*, …       texts
//! licenses                      of everything that is handed on with the program
//! ```

use super::archive::Files;
use super::elf::Elf;
use crate::failure::{Failure, Result};
use edas_plugin_templates::{HEADER, LICENCES, SDK};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What of the repository goes in as it is: files, and folders with all that git keeps there.
const KEPT: [&str; 12] = [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "host/data/digits.md",
    "host/report/README.md",
    "host/report/images",
    "host/run/README.md",
    "plugins/README.md",
    "plugins/example-c",
    "plugins/example-cpp",
    "scripts",
    "specs",
];

/// The libraries that every Linux has, or gets with its packages for C++ programs.
const SYSTEM: [&str; 9] = [
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
    "ld-linux-x86-64.so.2",
];

/// What of the repository goes in as it is, by what git keeps: nothing that only lies about.
pub fn kept(root: &Path) -> Result<Files> {
    let output = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z", "--"]).args(KEPT).output();
    let failure = |found: String| {
        Failure::new("git does not tell which files are the repository's")
            .expected("`git ls-files` to work, for an archive holds nothing else of its folders")
            .found(found)
            .help("make the archive in a checkout that git made")
    };
    let output = output.map_err(|error| failure(error.to_string()))?;
    if !output.status.success() {
        return Err(failure(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = names.split_terminator('\0');
    let files: Files = names.map(|name| (name.to_owned(), root.join(name))).collect();
    for wanted in KEPT {
        let within = |name: &String| Path::new(name).starts_with(wanted);
        if !files.keys().any(within) {
            return Err(failure(format!("nothing of `{wanted}`")));
        }
    }
    Ok(files)
}

/// The SDK, as `edas plugin new` writes it, and the C header: paths and texts.
pub fn sdk() -> impl Iterator<Item = (String, &'static str)> {
    let header = ("include/edas_plugin.h", HEADER);
    let files = SDK.iter().chain(&LICENCES).map(|file| (file.path, file.text)).chain([header]);
    files.map(|(path, text)| (format!("plugins/sdk/{path}"), text))
}

/// Libraries of libtorch's folder that `program` is linked with, directly or through each other: paths below that folder. What they want
/// of the system's libraries is added to `versions`.
pub fn libraries(program: &Elf, libtorch: &Path, versions: &mut BTreeSet<String>) -> Result<Vec<PathBuf>> {
    let folders = folders(libtorch)?;
    let mut found: Vec<PathBuf> = Vec::new();
    let (mut wanted, mut seen) = (program.needed(), BTreeSet::new());
    versions.extend(program.versions());
    while let Some(name) = wanted.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        match folders.iter().map(|folder| folder.join(&name)).find(|path| libtorch.join(path).is_file()) {
            Some(path) => {
                let library = Elf::read(&libtorch.join(&path))?;
                wanted.extend(library.needed());
                versions.extend(library.versions());
                found.push(path);
            }
            None if SYSTEM.contains(&name.as_str()) || name.starts_with("ld-linux") => {}
            None => {
                return Err(Failure::new(format!("`{name}` would be missing on another machine"))
                    .expected(format!("a library of {}, or one of the system's: {}", libtorch.display(), SYSTEM.join(", ")))
                    .help("link the program without it; or, where every Linux has it, add it to SYSTEM in xtask/src/dist/contents.rs"));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The folders that hold libraries for the CPU, below libtorch's: `torch/lib`, `nvidia/*/lib`.
fn folders(libtorch: &Path) -> Result<Vec<PathBuf>> {
    let nvidia = libtorch.join("nvidia");
    let failed = |error| Failure::io("read", &nvidia, &error);
    let mut folders = vec![PathBuf::from("torch/lib")];
    for entry in fs::read_dir(&nvidia).map_err(failed)? {
        folders.push(Path::new("nvidia").join(entry.map_err(failed)?.file_name()).join("lib"));
    }
    folders.sort();
    Ok(folders)
}

/// All files of a folder and of those in it, below `prefix`.
pub fn folder(folder: &Path, prefix: &str, files: &mut Files) -> Result {
    let failed = |error| Failure::io("read", folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = format!("{prefix}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        match path.is_dir() {
            true => self::folder(&path, &name, files)?,
            false => drop(files.insert(name, path)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn holds_what_specs_and_the_manual_need() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = kept(root).unwrap();
        for name in [
            "LICENSE-MIT",
            "README.md",
            "specs/quickstart.yaml",
            "specs/spaces/darts.yaml",
            "specs/pipelines/digits.yaml",
            "scripts/edas_inversion.rhai",
            "scripts/lib/softmax.rhai",
            "plugins/example-c/plugin.c",
        ] {
            assert!(files.contains_key(name), "{name}");
        }
        let others = files.keys().find(|name| name.contains("tests") || name.ends_with("Cargo.toml"));
        assert_eq!(others, None);

        let failure = kept(Path::new("/")).unwrap_err().to_string();
        assert!(failure.starts_with("git does not tell"), "{failure}");
    }

    #[test]
    fn the_sdk_stands_alone() {
        let files: BTreeMap<String, &str> = sdk().collect();
        assert!(!files["plugins/sdk/Cargo.toml"].contains("workspace"));
        for name in ["src/lib.rs", "include/edas_plugin.h", "LICENSE-MIT"] {
            assert!(files.contains_key(&format!("plugins/sdk/{name}")), "{name}");
        }
    }

    #[test]
    fn follows_libraries_and_names_one_that_is_nowhere() {
        let folder = std::env::temp_dir().join(format!("xtask-contents-{}", std::process::id()));
        fs::create_dir_all(folder.join("nvidia/cu/lib")).unwrap();
        fs::create_dir_all(folder.join("torch/lib")).unwrap();
        let this = std::env::current_exe().unwrap();
        // This program needs a library, which is another copy of this program.
        let program = Elf::read(&this).unwrap();
        let library = Path::new("nvidia/cu/lib/libgcc_s.so.1");
        fs::copy(&this, folder.join(library)).unwrap();
        let mut versions = BTreeSet::new();
        assert_eq!(libraries(&program, &folder, &mut versions).unwrap(), [library]);
        assert!(versions.iter().any(|version| version.starts_with("GLIBC_")));
        fs::remove_dir_all(&folder).unwrap();
        let failure = libraries(&program, &folder, &mut versions).unwrap_err().to_string();
        assert!(failure.starts_with("cannot read") && failure.contains("nvidia"), "{failure}");
    }
}
