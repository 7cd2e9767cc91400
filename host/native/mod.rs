//! What libtorch and the system offer where `tch` and the standard library don't; the C++ beside this file is its other half.
//!
//! - [`guard`]: trampolines that catch exceptions, and libtorch's threads
//! - [`operator`]: ATen operators by name
//! - [`kernel`]: kernels as nodes of autograd
//! - `slice`: the numbers of tensors
//! - [`cuda`]: libtorch's CUDA part, and its autocast

pub mod cuda;
pub mod guard;
pub mod kernel;
pub mod operator;
pub(crate) mod slice;

pub use cuda::cuda_devices;

use std::fs;

/// The version of libtorch that this program was built for.
pub const LIBTORCH: &str = "2.13.0";

/// The folder that libtorch was loaded from, where the system tells.
pub fn libtorch_folder() -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let path =
        maps.lines().find_map(|line| line.find('/').map(|at| &line[at..]).filter(|p| p.contains("libtorch_cpu")))?;
    path.rsplit_once('/').map(|(folder, _)| folder.to_owned())
}

fn kibibytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The memory of this machine in bytes, where the system tells.
pub fn memory() -> Option<u64> {
    kibibytes("/proc/meminfo", "MemTotal:").map(|k| k * 1024)
}

/// The most memory that this process has held, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    kibibytes("/proc/self/status", "VmHWM:").map(|k| k * 1024)
}

/// Variables of the environment that keep libtorch from using all that the CPU offers.
const LIMITS: [&str; 5] =
    ["ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR"];

/// What libtorch's kernels are chosen by: what the CPU offers, which one it is, and what the environment limits that to. Bits may differ
/// between machines that differ in this; two processors that offer the same of what is listed have been seen to differ.
pub fn cpu_features() -> String {
    let set = |name: &&str| Some(format!("{name}={}", std::env::var_os(name)?.to_string_lossy()));
    let limits = LIMITS.iter().filter_map(set);
    std::iter::once(offered()).chain(model()).chain(limits).collect::<Vec<_>>().join(" ")
}

/// The CPU's maker, family and model, where the system tells.
fn model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let value = |name: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    Some(format!("{}-{}-{}", value("vendor_id")?, value("cpu family")?, value("model")?))
}

/// What the CPU offers.
fn offered() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let found = [
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
            ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ];
        found.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.to_owned()
    }
}
