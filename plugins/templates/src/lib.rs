//! What `edas plugin new` writes, as text within the program: a folder of files for each kind of plugin and language, and the
//! SDK that goes beside them.
//!
//! The files of `files/<kind>-<language>` are whole projects, named `my-plugin`; `edas plugin new` puts the project's own name in
//! its place. `build.rs` collects them.

/// A file of a project.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Where it lies, with `/` between the parts.
    pub path: &'static str,
    /// What it holds.
    pub text: &'static str,
}

/// The C header of the plugin interface.
pub const HEADER: &str = include_str!("../../sdk/include/edas_plugin.h");

/// The licences of SDK and header.
pub const LICENCES: [File; 2] = [
    File { path: "LICENSE-APACHE", text: include_str!("../../../LICENSE-APACHE") },
    File { path: "LICENSE-MIT", text: include_str!("../../../LICENSE-MIT") },
];

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The files of a template: `op-set-rust`, say.
pub fn template(name: &str) -> impl Iterator<Item = File> + use<'_> {
    TEMPLATES.iter().filter_map(move |file| {
        let path = file.path.strip_prefix(name)?.strip_prefix('/')?;
        Some(File { path, text: file.text })
    })
}
