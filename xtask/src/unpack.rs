//! Unpacks a wheel, which is a zip archive: only the files that a build or a run needs, each to its place.

use crate::failure::{Failure, Result};
use crate::libtorch::Flavour;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use zip::ZipArchive;
use zip::result::ZipError;

/// Unpacks the files that [`place`] wants below `folder`.
pub fn unpack(wheel: &Path, folder: &Path, flavour: Flavour) -> Result {
    let broken = |error: ZipError| match error {
        ZipError::Io(error) => Failure::io("read", wheel, &error),
        other => Failure::new(format!("cannot read {}", wheel.display())).found(other.to_string()),
    };
    let file = File::open(wheel).map_err(|error| Failure::io("read", wheel, &error))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let wanted: Vec<_> =
        archive.file_names().filter_map(|name| Some((name.to_owned(), folder.join(place(name, flavour)?)))).collect();
    for (name, path) in wanted {
        let mut entry = archive.by_name(&name).map_err(broken)?;
        let failed = |error| Failure::io("write", &path, &error);
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
        io::copy(&mut entry, &mut File::create(&path).map_err(failed)?).map_err(failed)?;
    }
    Ok(())
}

/// Where an archive's file goes, below the folder that holds `torch` and `nvidia`; `None` if it is not needed.
fn place(name: &str, flavour: Flavour) -> Option<PathBuf> {
    let parts: Vec<&str> = name.split('/').collect();
    // Folders' own entries end in a slash; a name with `..` is not torch's.
    if parts.iter().any(|part| part.is_empty() || *part == "..") {
        return None;
    }
    match parts[..] {
        ["torch", "include", ..] => Some(name.into()),
        ["torch", "lib", library] => {
            let cuda = library.contains("cuda") || matches!(library, "libtorch_nvshmem.so" | "libcaffe2_nvrtc.so");
            match library {
                // It links libtorch_cuda.so, so something else takes its place.
                "libtorch.so" => None,
                "libtorch_python.so" | "libshm.so" => None,
                _ if !library.contains(".so") || (cuda && flavour == Flavour::Cpu) => None,
                "libtorch_cuda.so" => Some(Path::new("torch/lib-cuda").join(library)),
                _ => Some(name.into()),
            }
        }
        ["nvidia", _, "lib", library] if library.contains(".so") => {
            let always = library.starts_with("libcudart.so") || library.starts_with("libcupti.so");
            (always || flavour == Flavour::Cuda).then(|| name.into())
        }
        // Whoever hands the libraries on (`cargo x dist`) hands these on with them.
        [information, "licenses", ..] => {
            let (project, _) = information.strip_suffix(".dist-info")?.split_once('-')?;
            Some(Path::new("licenses").join(project).join(parts[2..].join("/")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_needed() {
        let cpu = |name| place(name, Flavour::Cpu);
        let cuda = |name| place(name, Flavour::Cuda);
        for both in [
            "torch/include/ATen/ATen.h",
            "torch/lib/libtorch_cpu.so",
            "torch/lib/libgomp.so.1",
            "torch/lib/libarm_compute.so",
            "nvidia/cu13/lib/libcudart.so.13",
        ] {
            assert_eq!((cpu(both), cuda(both)), (Some(both.into()), Some(both.into())));
        }
        let licence = cpu("torch-2.13.0.dist-info/licenses/third_party/fmt/LICENSE");
        assert_eq!(licence, Some("licenses/torch/third_party/fmt/LICENSE".into()));
        for neither in [
            "torch-2.13.0.dist-info/METADATA",
            "torch/lib/",
            "torch/lib/libtorch.so",
            "torch/lib/libtorch_python.so",
            "torch/lib/libshm/err.h",
            "torch/nn/functional.py",
            "torch/include/../../../etc/passwd",
            "nvidia/cu13/include/cuda.h",
        ] {
            assert_eq!((cpu(neither), cuda(neither)), (None, None), "{neither}");
        }
        for only_cuda in ["torch/lib/libc10_cuda.so", "nvidia/cudnn/lib/libcudnn.so.9"] {
            assert_eq!((cpu(only_cuda), cuda(only_cuda)), (None, Some(only_cuda.into())));
        }
        let hidden = Some("torch/lib-cuda/libtorch_cuda.so".into());
        assert_eq!((cpu("torch/lib/libtorch_cuda.so"), cuda("torch/lib/libtorch_cuda.so")), (None, hidden));
    }
}
