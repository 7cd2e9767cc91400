//! A search space: the cell types, their edges, the candidates of each edge, and the backbone that stacks cells.
//!
//! A space is a text, in the YAML form in which a file would hold it; `space.yaml` is this one's. The operations that it names
//! come from the op sets in the spec's `plugins`. Where nothing needs to be decided, `Space::fixed(name, doc,
//! include_str!("space.yaml"))` is all; this one makes its candidates from a parameter.

use edas_plugin::{Arguments, Parameter, Plugin, Space, Words};

/// The plugin.
pub struct MyPlugin;

impl Plugin for MyPlugin {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "A search space of my own";
    const SPACES: &'static [Space] = &[Space::written(
        env!("CARGO_PKG_NAME"),
        "cells of two nodes with pools and separable convolutions",
        write,
    )
    .with_parameters(&[KERNELS])];
}

const KERNELS: Parameter = Parameter::word("kernels", "which separable convolutions", &Words::new(["all", "small"]));

/// The text of the space. It must depend on nothing but the parameters.
fn write(arguments: &Arguments) -> Result<String, String> {
    let convolutions = match arguments.word("kernels") {
        "small" => "sep_conv_3x3",
        _ => "sep_conv_3x3, sep_conv_5x5, dil_conv_3x3",
    };
    Ok(include_str!("space.yaml").replace("CONVOLUTIONS", convolutions))
}

edas_plugin::export!(MyPlugin);
