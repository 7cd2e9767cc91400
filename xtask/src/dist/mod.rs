//! `cargo x dist`: an archive to install. Unpacked anywhere on a machine that has neither Rust nor Python nor the repository, its `bin/edas`
//! works, with specs and scripts beside it.
//!
//! - [`contents`]: what goes in, and where to
//! - [`licences`]: the licences of what is not this project's own
//! - [`elf`]: what programs and libraries need, and where they look for it
//! - [`archive`]: packs and unpacks, by `xtask/pack`: the same files give the same bytes
//! - [`trial`]: what came out is unpacked elsewhere and run, before it gets its name

mod archive;
mod contents;
mod elf;
mod licences;
mod trial;

use crate::failure::{Failure, Result};
use crate::libtorch;
use crate::workspace::{Workspace, finish};
use archive::{Files, Scratch};
use elf::Elf;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Where the installed program looks for libtorch (the root package's `build.rs` says the same).
const INSTALLED: &str = "$ORIGIN/../lib/torch/";

/// Plugins that specs name and that are no part of the program: they lie beside it, where names are looked for.
const BESIDE: [&str; 1] = ["example-controller"];

/// Makes `target/dist/edas-<version>-<target>.tar.zst`.
pub fn run(workspace: &Workspace) -> Result {
    if let Some(setting) = libtorch::users_own(workspace)? {
        return Err(Failure::new("an archive is made of the libtorch that `cargo x setup` fetches")
            .expected("no libtorch of your own to be set, for what it needs besides is not known")
            .found(setting)
            .help("unset it and run this again"));
    }
    let start = Instant::now();
    libtorch::set_up(workspace, None, false)?;
    let target = host()?;
    let name = format!("edas-{}-{target}", env!("CARGO_PKG_VERSION"));
    let folder = workspace.target.join("dist");
    let made = Scratch::new(&folder, "made")?;
    let mut files = contents::kept(&workspace.root)?;
    contents::sdk().try_for_each(|(path, text)| made.add(&path, text, &mut files))?;
    licences::libtorch(&workspace.link(), &mut files)?;
    licences::crates(workspace, &target, &made, &mut files)?;
    let versions = binaries(workspace, &made, &mut files)?;

    let (archive, partial) = (folder.join(format!("{name}.tar.zst")), folder.join(format!("{name}.partial")));
    eprintln!("dist: packing {} files", files.len());
    let result = archive::pack(workspace, &files, &name, &partial).and_then(|()| {
        eprintln!("dist: trying what came out");
        let place = Scratch::new(&folder, "trial")?;
        archive::unpack(workspace, &partial, &place.0)?;
        trial::run(&place.0.join(&name))
    });
    // What is not whole, or does not work, does not stay.
    result.inspect_err(|_| drop(fs::remove_file(&partial)))?;
    fs::rename(&partial, &archive).map_err(|error| Failure::io("write", &archive, &error))?;

    let size = fs::metadata(&archive).map_err(|error| Failure::io("read", &archive, &error))?.len();
    println!("{}", archive.display());
    println!("  {:.1} MB: {} files, made in {:.0} s", megabytes(size), files.len(), start.elapsed().as_secs_f64());
    let newest = |name| elf::highest(&versions, name).unwrap_or_else(|| "?".to_owned());
    println!("  needs glibc {} or later, and a libstdc++ with GLIBCXX_{}", newest("GLIBC"), newest("GLIBCXX"));
    println!("  unpack: tar --zstd -xf {name}.tar.zst (or: zstd -dc {name}.tar.zst | tar -x); then bin/edas there");
    Ok(())
}

/// Builds the program and adds it, the plugins beside it and the libraries that it needs; returns what versions these want of the system's.
fn binaries(workspace: &Workspace, made: &Scratch, files: &mut Files) -> Result<BTreeSet<String>> {
    // Of the program alone debug information and symbols are left out, so nothing else is compiled anew.
    let bare = ["--", "-C", "strip=symbols"];
    finish(workspace.cargo("rustc").args(["--release", "--package", "edas", "--bin", "edas"]).args(bare))?;
    let mut versions = BTreeSet::new();
    for plugin in BESIDE {
        finish(workspace.cargo("rustc").args(["--release", "--package", plugin, "--lib"]).args(bare))?;
        let library = format!("lib{}.so", plugin.replace('-', "_"));
        let path = workspace.target.join("release").join(&library);
        versions.extend(Elf::read(&path)?.versions());
        files.insert(format!("bin/{library}"), path);
    }

    let path = workspace.target.join("release/edas");
    let mut program = Elf::read(&path)?;
    let libtorch = workspace.link();
    let libraries = contents::libraries(&program, &libtorch, &mut versions)?;
    // The other folders are this machine's: elsewhere they are anybody's.
    program.restrict_search_path(|folder| folder.starts_with(INSTALLED));
    if program.search_path().is_empty() {
        return Err(Failure::later(format!("{} would not find libtorch once it is installed", path.display()))
            .expected(format!("{INSTALLED}lib among the folders where it looks for libraries"))
            .help("build.rs passes them to the linker; see `rpath` there"));
    }
    let program = program.into_bytes();
    eprintln!("dist: the program without debug information: {:.1} MB", megabytes(program.len() as u64));
    made.add("bin/edas", program, files)?;
    for library in libraries {
        let path = libtorch.join(&library);
        let size = fs::metadata(&path).map_err(|error| Failure::io("read", &path, &error))?.len();
        eprintln!("dist: {}: {:.1} MB", library.display(), megabytes(size));
        files.insert(format!("lib/{}", library.display()), path);
    }
    Ok(versions)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The target that cargo builds for: that of this machine.
fn host() -> Result<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo).arg("-vV").output().map_err(|error| {
        Failure::new(format!("cannot start {}", Path::new(&cargo).display())).found(error.to_string())
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| Failure::later("cargo does not say what machine this is").expected("`host: …`").found(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_machine() {
        let host = host().unwrap();
        assert!(host.starts_with(env::consts::ARCH) && host.contains(env::consts::OS), "{host}");
    }

    #[test]
    fn the_build_script_says_where_the_installed_program_looks() {
        let script = include_str!("../../../build.rs");
        assert!(script.contains(&format!("\"{INSTALLED}{{folder}}\"")), "{script}");
    }
}
