//! The example plugins in C and C++, built with make as their authors would.

use super::repository;
use edas::extension::Registry;
use edas::graph::{OpSet, OpSets};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tch::{Device, Kind, Tensor};

/// Builds an example into a folder of its own, which later runs find again, and returns the library.
pub fn make(example: &str, variant: &str, settings: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{example}-{variant}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let libtorch = edas::native::libtorch_folder().expect("libtorch is loaded");
    let mut command = Command::new("make");
    command.arg("-C").arg(repository(&format!("plugins/{example}"))).arg(format!("OUT={}", folder.display()));
    command.arg(format!("LIBTORCH={}", Path::new(&libtorch).parent().expect("a folder above").display()));
    let output = command.args(settings).output().expect("make runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "warnings: {}", String::from_utf8_lossy(&output.stderr));
    let name = example.replace('-', "_");
    folder.join(format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
}

pub fn op_set(library: &Path) -> edas::Result<OpSet> {
    Ok(OpSet::of(&Registry::default().at(library)?)?.expect("an op set"))
}

/// The op sets of both examples, built once per process.
pub fn examples() -> &'static OpSets {
    static EXAMPLES: OnceLock<OpSets> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        // Makes sure that libtorch is in memory before its folder is asked for.
        let _ = Tensor::zeros([1], (Kind::Float, Device::Cpu));
        let open = |example| op_set(&make(example, "sound", &[])).unwrap_or_else(|e| panic!("{example}: {e}"));
        OpSets(vec![open("example-c"), open("example-cpp")])
    })
}
