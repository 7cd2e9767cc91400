//! Tells the linker where libtorch lies: what the root package's build script says holds for its own programs only.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.with_file_name("lib-cuda").display());
    }
}
