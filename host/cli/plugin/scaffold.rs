//! Writes a project for a plugin: a template with the project's name in it, and the SDK or the header beside it.

use crate::error::{Error, Place, Result};
use crate::extension::registry::bundled;
use edas_plugin_templates::{HEADER, LICENCES, SDK, template};
use std::fs;
use std::path::Path;

/// What a plugin offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Operations.
    OpSet,
    /// Search spaces.
    Space,
    /// Policies.
    Policy,
}

impl Kind {
    /// The kind within a sentence.
    pub(super) fn text(self) -> &'static str {
        match self {
            Kind::OpSet => "an op set",
            Kind::Space => "a search space",
            Kind::Policy => "a policy",
        }
    }
}

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Language {
    /// Rust, on a copy of the SDK.
    Rust,
    /// C11, on a copy of the header.
    C,
    /// C++17, on a copy of the header.
    Cpp,
}

impl Language {
    /// The language within a sentence.
    pub(super) fn text(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::C => "C",
            Language::Cpp => "C++",
        }
    }
}

/// A project that was written.
#[derive(Debug)]
pub(super) struct Project {
    /// The plugin's name.
    pub name: String,
    /// The command that builds it, in its folder.
    pub build: &'static str,
    /// The library that comes out, seen from its folder.
    pub library: String,
    /// Its files.
    pub files: Vec<String>,
}

/// Writes a project.
///
/// # Errors
/// Where the folder's name is no name of a plugin, there is something in the folder already, there is no such template, or a file
/// cannot be written.
pub(super) fn write(folder: &Path, kind: Kind, language: Language) -> Result<Project> {
    let which = match (kind, language) {
        (Kind::OpSet, Language::Rust) => "op-set-rust",
        (Kind::OpSet, Language::C) => "op-set-c",
        (Kind::OpSet, Language::Cpp) => "op-set-cpp",
        (Kind::Space, Language::Rust) => "space-rust",
        (Kind::Policy, Language::Rust) => "policy-rust",
        _ => {
            return Err(Error::new(format!("there is no project for {} in {}", kind.text(), language.text()))
                .expected("--lang rust")
                .help("plugins/README.md says what such a plugin exports, in any language"));
        }
    };
    let name = plugin_name(folder)?;
    refuse_what_is_there(folder)?;
    let snake = name.replace('-', "_");
    // `make` builds `.so` everywhere, which all systems load; cargo takes the system's own name.
    let (build, library) = match language {
        Language::Rust => {
            let file = format!("{}{snake}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
            ("cargo build --release", format!("target/release/{file}"))
        }
        _ => ("make", format!("lib{snake}.so")),
    };
    let named = |text: &str| {
        let library_name = library.rsplit('/').next().unwrap_or(&library);
        text.replace("libmy_plugin.so", library_name).replace("my-plugin", &name).replace("my_plugin", &snake)
    };
    let mut files: Vec<(String, String)> = template(which)
        .map(|file| {
            let path = if file.path == "gitignore" { ".gitignore".to_owned() } else { named(file.path) };
            (path, named(file.text))
        })
        .collect();
    let beside = match language {
        Language::Rust => {
            files.extend(SDK.iter().map(|file| (format!("edas-plugin/{}", file.path), file.text.to_owned())));
            "edas-plugin"
        }
        _ => {
            files.push(("include/edas_plugin.h".to_owned(), HEADER.to_owned()));
            "include"
        }
    };
    files.extend(LICENCES.iter().map(|file| (format!("{beside}/{}", file.path), file.text.to_owned())));
    for (path, text) in &files {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text)).map_err(|e| Error::io("write", &path, &e))?;
    }
    let files = files.into_iter().map(|(path, _)| path).collect();
    Ok(Project { name, build, library, files })
}

/// What may not be the name of a crate, or would hide one that the project needs.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "edas-plugin",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The plugin's name: the folder's.
fn plugin_name(folder: &Path) -> Result<String> {
    let absolute = std::path::absolute(folder).map_err(|e| Error::io("find", folder, &e))?;
    let found = absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let wrong = |what: &str| Err(Error::new(what).at(Place::file(folder)).found(format!("`{found}`")));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let well_formed = found.split('-').all(plain) && !found.starts_with(|c: char| c.is_ascii_digit());
    if !well_formed || found.len() > 64 {
        return wrong("the folder's name cannot be the name of a plugin").map_err(|e: Error| {
            e.expected("at most 64 lower-case letters, digits and single `-` between them, a letter first: `my-ops`")
        });
    }
    if bundled::NAMES.contains(&found.as_str()) {
        return wrong("a bundled plugin has this name, and would be found in its place")
            .map_err(|e: Error| e.expected(format!("another name than {}", bundled::NAMES.join(", "))));
    }
    if TAKEN.contains(&found.as_str()) {
        return wrong("this name is taken: no Rust crate may bear it")
            .map_err(|e: Error| e.help(format!("`{found}-ops`, say")));
    }
    Ok(found)
}

/// # Errors
/// Where something is in the folder already.
fn refuse_what_is_there(folder: &Path) -> Result<()> {
    let refused = |what: &str, found: String| Error::new(what).at(Place::file(folder)).found(found);
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(entry) => {
                let name = entry.map_or_else(|e| e.to_string(), |e| e.file_name().to_string_lossy().into_owned());
                Err(refused("there is something in the folder already", name)
                    .expected("a folder that does not exist yet, or is empty"))
            }
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(refused("the folder cannot be used", e.to_string())),
    }
}
