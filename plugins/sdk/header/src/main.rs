//! Prints the C header of the plugin interface, made from its Rust tables. `cargo x header` puts it in place.

use edas_plugin::abi;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

/// The Rust tables, in the order in which the header has them.
const SOURCES: [&str; 10] =
    ["mod", "value", "host", "builder", "kernel", "op_set", "space", "policy", "model", "entry"];

/// The ids, which are texts.
const IDS: [(&str, &str); 9] = [
    ("OP_SET", abi::OP_SET),
    ("SEARCH_SPACE", abi::SEARCH_SPACE),
    ("POLICY", abi::POLICY),
    ("HOST_LOG", abi::HOST_LOG),
    ("HOST_RANDOM", abi::HOST_RANDOM),
    ("HOST_PARALLEL", abi::HOST_PARALLEL),
    ("HOST_CANCEL", abi::HOST_CANCEL),
    ("HOST_LIBTORCH", abi::HOST_LIBTORCH),
    ("HOST_MODEL", abi::HOST_MODEL),
];

fn main() -> Result<(), Box<dyn Error>> {
    let header = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(header.join("cbindgen.toml"))?;
    let mut ids = String::from("\n/* The ids of extensions. */\n");
    for (name, id) in IDS {
        writeln!(ids, "#define EDAS_{name} \"{id}\"")?;
    }
    // What is handed around but never looked into, and what is named before it is described.
    ids.push_str(
        "\ntypedef struct EdasOwner EdasOwner;\ntypedef struct EdasRandomStream EdasRandomStream;\nstruct EdasBuilder;",
    );
    config.after_includes = Some(ids);
    config.trailer = Some(std::fs::read_to_string(header.join("helpers.h"))?);
    let mut builder = cbindgen::Builder::new().with_config(config);
    for name in SOURCES {
        builder = builder.with_src(header.join(format!("../src/abi/{name}.rs")));
    }
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    print!("{}", in_c(&String::from_utf8(text)?));
    Ok(())
}

/// Names of constants as C has them, `EDAS_ABI_MAJOR` for `EdasABI_MAJOR`, and no links of Rust's documentation.
fn in_c(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("Edas") {
        let (before, name) = rest.split_at(at);
        let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        result.push_str(before);
        match &name[4..length] {
            constant if constant.len() > 1 && !constant.contains(|c: char| c.is_ascii_lowercase()) => {
                result.push_str("EDAS_");
                result.push_str(constant);
            }
            _ => result.push_str(&name[..length]),
        }
        rest = &name[length..];
    }
    result.push_str(rest);
    result.replace("[`", "`").replace("`]", "`")
}
