//! Brings libtorch to `.libtorch`, a link to a folder in the user's cache that holds `torch/` and `nvidia/` side by side,
//! where the libraries' own relative paths find each other.
//!
//! The CPU version is the part of PyPI's wheel `torch` that computes on CPUs, with the two small NVIDIA libraries that
//! it links all the same. The CUDA version adds the rest of the wheel and the NVIDIA wheels that it names. There the CUDA
//! libraries lie in `torch/lib-cuda`, where the build does not see them (it would link them, and the program would not
//! start elsewhere); links beside them lead to the CPU libraries, so that their own relative paths resolve, and the
//! program opens them at run time when a GPU is asked for. The CUDA version has not been tried on a machine with a GPU.

use crate::wheel::{self, Wheel, disk};
use crate::{Result, tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

const VERSION: &str = "2.13.0";

const TORCH: Wheel = Wheel {
    requirement: "torch==2.13.0",
    hash: Some("60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7"),
};

const NVIDIA: &[Wheel] = &[
    Wheel {
        requirement: "nvidia-cuda-runtime==13.0.96",
        hash: Some("7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"),
    },
    Wheel {
        requirement: "nvidia-cuda-cupti==13.0.85",
        hash: Some("4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"),
    },
];

/// The other wheels that `torch` 2.13.0 names for CUDA 13.0; pip checks these against the index's own hashes.
const CUDA: &[&str] = &[
    "nvidia-cublas==13.1.1.3",
    "nvidia-cufft==12.0.0.61",
    "nvidia-cufile==1.15.1.6",
    "nvidia-curand==10.4.0.35",
    "nvidia-cusolver==12.0.4.66",
    "nvidia-cusparse==12.6.3.3",
    "nvidia-nvjitlink",
    "nvidia-cuda-nvrtc==13.0.88",
    "nvidia-nvtx==13.0.85",
    "nvidia-cudnn-cu13==9.20.0.48",
    "nvidia-cusparselt-cu13==0.8.1",
    "nvidia-nccl-cu13==2.29.7",
    "nvidia-nvshmem-cu13==3.4.5",
];

/// The libraries of the wheel that CPUs need.
const CPU_LIBRARIES: &[&str] =
    &["libc10.so", "libtorch_cpu.so", "libtorch.so", "libtorch_global_deps.so", "libgomp.so.1"];
/// The libraries of the wheel that a GPU needs besides.
const CUDA_LIBRARIES: &[&str] =
    &["libc10_cuda.so", "libtorch_cuda.so", "libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so", "libtorch_nvshmem.so"];

/// KiB of free disk that provisioning needs at its peak.
const ROOM: [u64; 2] = [1_400_000, 9_000_000];

/// Makes sure that libtorch is there.
pub(crate) fn provision(cuda: bool) -> Result<()> {
    if let Some(what) = own_libtorch() {
        if cuda {
            return Err(format!("{what} is set, so that libtorch is used; unset it to fetch another"));
        }
        return Ok(());
    }
    let link = tool::root().join(".libtorch");
    let sound = |folder: &Path| folder.join("torch/build-version").is_file();
    let has_cuda = |folder: &Path| folder.join("torch/lib-cuda").is_dir();
    if sound(&link) && (!cuda || has_cuda(&link)) {
        return Ok(());
    }
    if std::env::consts::OS != "linux" || std::env::consts::ARCH != "x86_64" {
        return Err(format!(
            "libtorch is fetched for Linux on x86_64 only; this is {} on {}\n  help: set LIBTORCH to a libtorch {VERSION} for this \
             system, or LIBTORCH_USE_PYTORCH=1 with PyTorch {VERSION} installed",
            std::env::consts::OS,
            std::env::consts::ARCH
        ));
    }
    compiler()?;
    let cache = cache()?;
    let folder = cache.join(format!("libtorch-{VERSION}-{}", if cuda { "cuda" } else { "cpu" }));
    if !sound(&folder) {
        fetch(cuda, &cache, &folder)?;
    }
    point(&link, &folder)
}

/// The variable that names a libtorch of the user's own. Cargo sets LIBTORCH to our folder itself.
fn own_libtorch() -> Option<&'static str> {
    if std::env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return Some("LIBTORCH_USE_PYTORCH");
    }
    let own = std::env::var_os("LIBTORCH").map(PathBuf::from)?;
    (own != tool::root().join(".libtorch/torch")).then_some("LIBTORCH")
}

fn compiler() -> Result<()> {
    let named = std::env::var("CXX").ok();
    let found = named
        .iter()
        .map(String::as_str)
        .chain(["c++", "g++", "clang++"])
        .any(|c| tool::output(c, &["--version"]).is_some());
    if found {
        return Ok(());
    }
    Err("libtorch's bindings need a C++ compiler: none of $CXX, c++, g++ and clang++ works here\n  \
         help: install one (Debian: apt install g++)"
        .to_owned())
}

/// The folder that keeps what was fetched, for every clone.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("EDAS_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|p| p.join("edas")))
        .or_else(|| set("HOME").map(|p| p.join(".cache/edas")))
        .ok_or_else(|| "there is no place for downloads: set EDAS_CACHE to a folder".to_owned())
}

fn room(folder: &Path, needed: u64) -> Result<()> {
    // The standard library cannot tell; where `df` cannot either, a full disk shows while unpacking.
    let Some(text) = tool::output("df", &["-Pk", &folder.to_string_lossy()]) else { return Ok(()) };
    let free: Option<u64> = text.lines().nth(1).and_then(|l| l.split_whitespace().nth(3)).and_then(|n| n.parse().ok());
    match free {
        Some(free) if free < needed => Err(format!(
            "the disk of {} is too full for libtorch\n  expected: {} MiB free\n  found: {} MiB\n  help: make room, or set EDAS_CACHE \
             to a folder on another disk",
            folder.display(),
            needed / 1024,
            free / 1024
        )),
        _ => Ok(()),
    }
}

/// Fetches into a folder of its own beside `folder`, which then takes its place: whoever comes second finds it done.
fn fetch(cuda: bool, cache: &Path, folder: &Path) -> Result<()> {
    let python = wheel::python()?;
    fs::create_dir_all(cache).map_err(|e| disk(cache, &e))?;
    room(cache, ROOM[usize::from(cuda)])?;
    let work =
        cache.join(format!("{}.{}", folder.file_name().unwrap_or_default().to_string_lossy(), std::process::id()));
    let done = fill(cuda, python, &work).and_then(|()| match fs::rename(&work, folder) {
        Ok(()) => Ok(()),
        // Another clone was quicker.
        Err(_) if folder.join("torch/build-version").is_file() => Ok(()),
        Err(e) => Err(disk(folder, &e)),
    });
    let _ = fs::remove_dir_all(&work);
    done
}

fn fill(cuda: bool, python: &str, work: &Path) -> Result<()> {
    let begun = Instant::now();
    let wheels = work.join("wheels");
    eprintln!(
        "fetching libtorch {VERSION} from PyPI ({} to download, once per machine) …",
        if cuda { "2.6 GB" } else { "570 MB" }
    );
    let torch = wheel::download(python, &TORCH, &wheels)?;
    eprintln!("unpacking …");
    wheel::unpack(&torch, work, |name| {
        let library = name.strip_prefix("torch/lib/");
        match library {
            Some(library) if CPU_LIBRARIES.contains(&library) => Some(name.into()),
            Some(library) if cuda && CUDA_LIBRARIES.contains(&library) => {
                Some(Path::new("torch/lib-cuda").join(library))
            }
            _ => name.starts_with("torch/include/").then(|| name.into()),
        }
    })?;
    let _ = fs::remove_file(&torch);
    let library = |name: &str| {
        let wanted = name.starts_with("nvidia/") && name.contains(".so");
        let small = ["libcudart.so", "libcupti.so"].iter().any(|l| name.contains(l));
        (wanted && (cuda || small)).then(|| PathBuf::from(name))
    };
    for wheel in NVIDIA {
        wheel::unpack(&wheel::download(python, wheel, &wheels)?, work, library)?;
    }
    if cuda {
        for requirement in CUDA {
            eprintln!("fetching {requirement} …");
            let file = wheel::download(python, &Wheel { requirement, hash: None }, &wheels)?;
            wheel::unpack(&file, work, library)?;
            let _ = fs::remove_file(&file);
        }
        lead_back(&work.join("torch/lib-cuda"))?;
    }
    let _ = fs::remove_dir_all(&wheels);
    // Written last: its presence says that the folder is whole.
    let mark = work.join("torch/build-version");
    fs::write(&mark, VERSION).map_err(|e| disk(&mark, &e))?;
    eprintln!("libtorch is there after {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Links beside the CUDA libraries: to the CPU libraries, which they look for in their own folder.
#[cfg(unix)]
fn lead_back(folder: &Path) -> Result<()> {
    for library in CPU_LIBRARIES {
        let link = folder.join(library);
        std::os::unix::fs::symlink(Path::new("../lib").join(library), &link).map_err(|e| disk(&link, &e))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn lead_back(_: &Path) -> Result<()> {
    Ok(())
}

/// Points `.libtorch` to a folder of the cache.
#[cfg(unix)]
fn point(link: &Path, folder: &Path) -> Result<()> {
    let fresh = link.with_extension(format!("new{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    std::os::unix::fs::symlink(folder, &fresh).map_err(|e| disk(&fresh, &e))?;
    if link.is_dir() && !link.is_symlink() {
        let _ = fs::remove_file(&fresh);
        return Err(format!("{} is a folder, and should be a link\n  help: remove it", link.display()));
    }
    fs::rename(&fresh, link).map_err(|e| disk(link, &e))
}

#[cfg(not(unix))]
fn point(_: &Path, _: &Path) -> Result<()> {
    Err("links are made on Unix only: set LIBTORCH instead".to_owned())
}
