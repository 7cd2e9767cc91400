//! The bodies of the fuzz targets. Each takes bytes and panics where a promise is broken: cargo-fuzz runs them on bytes that it
//! makes up, `tests/fuzz_seeds.rs` on the seeds.

pub mod check;
pub mod checkpoint;
pub mod data;
pub mod descriptor;
pub mod genotype;
pub mod graph;
pub mod manifest;
pub mod script;
pub mod space;
pub mod spec;

/// What a target does with an input.
pub type Body = fn(&[u8]);

/// All targets by name.
pub const ALL: &[(&str, Body)] = &[
    ("spec", spec::run),
    ("space", space::run),
    ("genotype", genotype::run),
    ("data", data::run),
    ("script", script::run),
    ("manifest", manifest::run),
    ("checkpoint", checkpoint::run),
    ("descriptor", descriptor::run),
];
