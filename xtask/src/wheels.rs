//! Which files libtorch comes from: wheels of the Python package index, each pinned by its SHA-256.

use crate::failure::{Failure, Result};
use crate::libtorch::Flavour;

/// One file of the index.
#[derive(Debug)]
pub struct Wheel {
    /// The project's name there.
    pub project: &'static str,
    /// Its release.
    pub version: &'static str,
    /// Its size, in millions of bytes.
    pub megabytes: u64,
    /// What the file hashes to.
    pub sha256: &'static str,
}

const fn wheel(project: &'static str, version: &'static str, megabytes: u64, sha256: &'static str) -> Wheel {
    Wheel { project, version, megabytes, sha256 }
}

/// For x86_64 Linux, without a GPU: torch, and the two libraries of NVIDIA's that its CPU part links too.
#[rustfmt::skip]
const CPU_X86_64: [Wheel; 3] = [
    wheel("torch", "2.13.0", 527, "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7"),
    wheel("nvidia-cuda-runtime", "13.0.96", 2, "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"),
    wheel("nvidia-cuda-cupti", "13.0.85", 11, "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"),
];

/// For aarch64 Linux, without a GPU. The files are there and complete; no such machine has tried them yet.
#[rustfmt::skip]
const CPU_AARCH64: [Wheel; 3] = [
    wheel("torch", "2.13.0", 427, "092790c696a760c729fd5722835f50b9d81fd7c8f141571f3f3cf4081a8f664c"),
    wheel("nvidia-cuda-runtime", "13.0.96", 2, "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55"),
    wheel("nvidia-cuda-cupti", "13.0.85", 10, "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151"),
];

/// For x86_64 Linux with a GPU: what torch's metadata requires, at the releases that CUDA 13.0.3 consists of.
#[rustfmt::skip]
const CUDA_X86_64: [Wheel; 16] = [
    wheel("torch", "2.13.0", 527, "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7"),
    wheel("nvidia-cublas", "13.1.1.3", 423, "37936a16db8fe4ac1f065c2139360608a543a09275cb1a1af612e08cfa065436"),
    wheel("nvidia-cuda-cupti", "13.0.85", 11, "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"),
    wheel("nvidia-cuda-nvrtc", "13.0.88", 90, "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575"),
    wheel("nvidia-cuda-runtime", "13.0.96", 2, "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"),
    wheel("nvidia-cudnn-cu13", "9.20.0.48", 366, "0c45dd8eeb50b603f07995b1b300c62ffe6a1980482b82b3bcf94a4ca9d49304"),
    wheel("nvidia-cufft", "12.0.0.61", 214, "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3"),
    wheel("nvidia-cufile", "1.15.1.6", 1, "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44"),
    wheel("nvidia-curand", "10.4.0.35", 60, "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc"),
    wheel("nvidia-cusolver", "12.0.4.66", 201, "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112"),
    wheel("nvidia-cusparse", "12.6.3.3", 146, "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b"),
    wheel("nvidia-cusparselt-cu13", "0.8.1", 170, "786ce87568c303fadb5afcc7102d454cd3040d75f6f8626f5db460d1871f4dd0"),
    wheel("nvidia-nccl-cu13", "2.29.7", 206, "edd81538446786ec3b73972543e53bb43bcaf0bfc8ef76cb679fcc390ffe136d"),
    // The metadata allows later ones as well; this is the one of CUDA 13.0.
    wheel("nvidia-nvjitlink", "13.0.88", 41, "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b"),
    wheel("nvidia-nvshmem-cu13", "3.4.5", 60, "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80"),
    wheel("nvidia-nvtx", "13.0.85", 1, "4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4"),
];

/// This machine's architecture, as the index writes it.
pub const ARCHITECTURE: &str = std::env::consts::ARCH;

/// The wheels for this machine.
pub fn wheels(flavour: Flavour) -> Result<&'static [Wheel]> {
    let linux = cfg!(all(target_os = "linux", target_env = "gnu"));
    match (flavour, ARCHITECTURE) {
        (Flavour::Cpu, "x86_64") if linux => Ok(&CPU_X86_64),
        (Flavour::Cpu, "aarch64") if linux => Ok(&CPU_AARCH64),
        (Flavour::Cuda, "x86_64") if linux => Ok(&CUDA_X86_64),
        _ => Err(Failure::new(format!("no libtorch is known for this machine ({flavour})"))
            .expected(match flavour {
                Flavour::Cpu => "x86_64 or aarch64 Linux with glibc",
                Flavour::Cuda => "x86_64 Linux with glibc",
            })
            .found(format!("{ARCHITECTURE} {}", std::env::consts::OS))
            .help(
                "set LIBTORCH to the folder of a libtorch 2.13.0, or install torch 2.13.0 for Python and set \
                 LIBTORCH_USE_PYTORCH=1",
            )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_whole_and_agree() {
        for wheel in CPU_X86_64.iter().chain(&CPU_AARCH64).chain(&CUDA_X86_64) {
            assert!(wheel.sha256.len() == 64 && wheel.sha256.bytes().all(|b| b.is_ascii_hexdigit()), "{wheel:?}");
        }
        for cpu in &CPU_X86_64 {
            let cuda = CUDA_X86_64.iter().find(|cuda| cuda.project == cpu.project).unwrap();
            assert_eq!((cpu.version, cpu.sha256), (cuda.version, cuda.sha256));
        }
    }
}
