//! Puts libtorch in place: decides where it comes from and points `.libtorch` to it.
//!
//! `.libtorch` in the repository is one symbolic link to a folder in the user's cache, which all checkouts
//! share. It is one link and not one each for `torch` and `nvidia`, because the libraries find each other by
//! `../..`. Such a folder, made by [`crate::cache`], looks like this:
//!
//! ```text
//! torch/include            headers
//! torch/lib                libtorch_cpu.so, libc10.so, libgomp.so.1, …
//! torch/lib/libtorch.so    a linker script that stands for libtorch_cpu.so. The wheel's file of this name is an
//!                          empty library that links libtorch_cuda.so: GNU ld and gold keep it even with
//!                          --as-needed, and the program cannot start
//! torch/lib-cuda           with CUDA only: libtorch_cuda.so, and links to the two libraries of lib that it needs
//! torch/build-version      read by torch-sys, which wants this release and no other
//! nvidia/*/lib             libcudart.so.13 and libcupti.so.13, which the CPU part links as well; with CUDA all
//!                          of NVIDIA's libraries
//! licenses                 of all these, for whoever hands them on (`cargo x dist`)
//! ```
//!
//! With CUDA and without, the same program is built and no CUDA library is linked: torch-sys links CUDA when it
//! sees `torch/lib/libtorch_cuda.so`, so that file lies in `lib-cuda`. The program's rpath (the root
//! package's build.rs) names that folder too, so opening `libtorch_cuda.so` by its bare name at run time finds
//! it, and its own rpath `$ORIGIN/../../nvidia/…` holds from there as well. `libtorch_cuda_linalg.so` and
//! `libcaffe2_nvrtc.so` stay in `lib`: libtorch_cpu.so opens them, by its own rpath.

use crate::cache;
use crate::failure::{Failure, Result};
use crate::requirements;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

/// The release that `tch` is made for.
pub const VERSION: &str = "2.13.0";

/// Which parts of libtorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// What every machine needs.
    Cpu,
    /// That, and what an NVIDIA GPU needs.
    Cuda,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

impl Flavour {
    /// Whether the folder that holds `torch` and `nvidia` has this release, this flavour included.
    pub fn is_in(self, folder: &Path) -> bool {
        let torch = folder.join("torch");
        // A libtorch of the user's own may come without a version; torch-sys then takes it as well.
        let version = fs::read_to_string(torch.join("build-version"));
        version.map_or(true, |version| version.trim().split('+').next() == Some(VERSION))
            && torch.join("lib/libtorch_cpu.so").exists()
            && (self == Self::Cpu || torch.join("lib-cuda/libtorch_cuda.so").exists())
    }

    /// Its folder in the cache.
    pub fn folder(self, cache: &Path) -> PathBuf {
        cache.join(format!("libtorch-{VERSION}-{self}"))
    }
}

/// Puts libtorch in place unless it is there: milliseconds if so. `talk` says so in any case.
///
/// Without a flavour, any will do: what `.libtorch` points to, what the cache has, else `cpu` is downloaded.
pub fn set_up(workspace: &Workspace, flavour: Option<Flavour>, talk: bool) -> Result {
    if let Some(setting) = users_own(workspace)? {
        eprintln!("{setting} is set: using that libtorch, nothing is downloaded");
        return Ok(());
    }
    let link = workspace.link();
    if flavour.unwrap_or(Flavour::Cpu).is_in(&link) {
        if talk {
            let folder = link.canonicalize().unwrap_or(link);
            eprintln!("libtorch {VERSION} is in place: {}", folder.display());
        }
        return Ok(());
    }
    if link.symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink()) {
        return Err(Failure::new(format!("{} is in the way", link.display()))
            .expected(format!("a symbolic link, or a folder that holds libtorch {VERSION} in `torch`"))
            .help("move it away and run this again"));
    }

    requirements::compiler()?;
    let flavour = flavour
        .or_else(|| [Flavour::Cpu, Flavour::Cuda].into_iter().find(|f| f.is_in(&f.folder(&workspace.cache))))
        .unwrap_or(Flavour::Cpu);
    let folder = cache::provide(&workspace.cache, flavour)?;
    point(&link, &folder).map_err(|error| Failure::io("write", &link, &error))?;
    eprintln!("libtorch {VERSION} ({flavour}) is in place: .libtorch -> {}", folder.display());
    Ok(())
}

/// The environment variable by which the user has chosen a libtorch, as `NAME=value`.
pub fn users_own(workspace: &Workspace) -> Result<Option<String>> {
    // torch-sys looks at this one first, and only at whether it is set.
    if let Some(value) = env::var_os("LIBTORCH_USE_PYTORCH") {
        return Ok(Some(format!("LIBTORCH_USE_PYTORCH={}", value.display())));
    }
    match env::var_os("LIBTORCH") {
        Some(value) if !workspace.is_own_libtorch(&value) => {
            let setting = format!("LIBTORCH={}", value.display());
            match Path::new(&value).is_dir() {
                true => Ok(Some(setting)),
                false => Err(Failure::new("LIBTORCH is set, but there is no such folder")
                    .expected("a folder with `include` and `lib`, by its full path")
                    .found(setting)
                    .help("correct it, or unset it to let `cargo x` bring libtorch")),
            }
        }
        _ => Ok(None),
    }
}

/// Points the link to a folder. By a rename, so that a build that runs at the same time sees the old or the new.
fn point(link: &Path, folder: &Path) -> std::io::Result<()> {
    let new = link.with_file_name(format!(".libtorch-{}", std::process::id()));
    std::os::unix::fs::symlink(folder, &new)?;
    fs::rename(&new, link).inspect_err(|_| drop(fs::remove_file(&new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_a_folder_and_points_to_it() {
        let folder = env::temp_dir().join(format!("xtask-libtorch-{}", std::process::id()));
        fs::create_dir_all(folder.join("torch/lib-cuda")).unwrap();
        fs::create_dir_all(folder.join("torch/lib")).unwrap();
        assert!(!Flavour::Cpu.is_in(&folder));
        fs::write(folder.join("torch/lib/libtorch_cpu.so"), "").unwrap();
        assert!(Flavour::Cpu.is_in(&folder), "without a version");
        fs::write(folder.join("torch/build-version"), "2.13.0+cpu\n").unwrap();
        assert!(Flavour::Cpu.is_in(&folder) && !Flavour::Cuda.is_in(&folder));
        fs::write(folder.join("torch/build-version"), "2.13.01").unwrap();
        assert!(!Flavour::Cpu.is_in(&folder));

        let link = folder.join("link");
        for target in ["torch", "torch/lib"] {
            point(&link, &folder.join(target)).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), folder.join(target));
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
