//! Tells the linker where libtorch lies, so that binaries and tests run without environment variables.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for origin in ["$ORIGIN/../../.libtorch/torch/lib", "$ORIGIN/../../../.libtorch/torch/lib"] {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{origin}");
    }
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
