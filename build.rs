//! Compiles the C++ of `host/native`, and tells the linker where libtorch lies, so that binaries, tests and benches run without
//! environment variables.
//!
//! An rpath in `.cargo/config.toml` would be lost whenever `RUSTFLAGS` is set; link arguments from here are
//! not. `lib-cuda` is where `cargo x setup --cuda` puts `libtorch_cuda.so`: torch-sys, which looks into `lib`,
//! must not link it, but opening it by its bare name must find it.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let lib = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);

    // Beside `bin`, where an archive to install has it (`cargo x dist`, which leaves these two alone in its program).
    for folder in ["lib", "lib-cuda"] {
        rpath(&format!("$ORIGIN/../lib/torch/{folder}"));
    }
    // The checkout's own libtorch as seen from target/release and target/release/deps, so that a checkout
    // may move. Only when it is the one in use: it would hide a libtorch that LIBTORCH names.
    if lib.as_ref().is_none_or(|lib| lib.starts_with(root.join(".libtorch"))) {
        for up in ["../..", "../../.."] {
            rpath(&format!("$ORIGIN/{up}/.libtorch/torch/lib"));
            rpath(&format!("$ORIGIN/{up}/.libtorch/torch/lib-cuda"));
        }
    }
    if let Some(lib) = &lib {
        native(&root, lib);
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

fn native(root: &Path, lib: &Path) {
    let folder = root.join("host/native");
    let include = lib.with_file_name("include");
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false);
    // The C++ library's own interface, as torch-sys has it.
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    build.define("_GLIBCXX_USE_CXX11_ABI", abi.as_str());
    build.include(&include).include(include.join("torch/csrc/api/include"));
    build.include(&folder).include(root.join("plugins/sdk/include"));
    for name in ["cuda.cpp", "guard.cpp", "kernel.cpp", "operator.cpp"] {
        println!("cargo::rerun-if-changed={}", folder.join(name).display());
        build.file(folder.join(name));
    }
    for header in [folder.join("native.h"), root.join("plugins/sdk/include/edas_plugin.h")] {
        println!("cargo::rerun-if-changed={}", header.display());
    }
    // libtorch's loops over parts are templates: without OpenMP they would run on one thread.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        build.flag("-fopenmp");
        let own = lib.join("libgomp.so.1");
        let runtime = if own.exists() { own.display().to_string() } else { "-lgomp".to_owned() };
        println!("cargo::rustc-link-arg={runtime}");
    }
    build.compile("edas_native");
}
