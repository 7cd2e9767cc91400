//! Tells the linker where libtorch lies, so that binaries, tests and benches run without environment variables.
//!
//! An rpath in `.cargo/config.toml` would be lost whenever `RUSTFLAGS` is set; link arguments from here are
//! not. `lib-cuda` is where `cargo x setup --cuda` puts `libtorch_cuda.so`: torch-sys, which looks into `lib`,
//! must not link it, but opening it by its bare name must find it.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let lib = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);

    // The checkout's own libtorch as seen from target/release and target/release/deps, so that a checkout
    // may move. Only when it is the one in use: it would hide a libtorch that LIBTORCH names.
    if lib.as_ref().is_none_or(|lib| lib.starts_with(root.join(".libtorch"))) {
        for up in ["../..", "../../.."] {
            rpath(&format!("$ORIGIN/{up}/.libtorch/torch/lib"));
            rpath(&format!("$ORIGIN/{up}/.libtorch/torch/lib-cuda"));
        }
    }
    // The libtorch in use by its full path: for LIBTORCH, LIBTORCH_USE_PYTORCH and a target folder elsewhere.
    if let Some(lib) = lib {
        rpath(&lib.display().to_string());
        rpath(&lib.with_file_name("lib-cuda").display().to_string());
    }
}

fn rpath(folder: &str) {
    println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
}
