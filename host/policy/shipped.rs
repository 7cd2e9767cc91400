//! The policies that come with the program, as scripts: `scripts/*.rhai`.

/// A script that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name: that of its file, without `.rhai`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../scripts/", $name, ".rhai")) }),*]
    };
}

/// All of them, the paper's first.
pub const SHIPPED: &[Shipped] = shipped![
    "edas",
    "edas_inversion",
    "alpha_max",
    "darts",
    "round_robin",
    "per_cell_type",
    "snas",
    "proxyless",
    "gdas",
    "uniform_paths",
    "p_darts",
];

/// The script of this name.
pub fn shipped(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}
