//! `edas plugin new`: a project for a plugin.

use super::super::{Done, output};
use super::scaffold::{self, Kind, Language};
use serde_json::json;
use std::path::PathBuf;

/// The options of `edas plugin new`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// The folder of the project, which must not exist yet or be empty. Its name becomes the plugin's.
    folder: PathBuf,
    /// What the plugin offers.
    #[arg(long, value_enum, default_value_t = Kind::OpSet)]
    kind: Kind,
    /// What it is written in; spaces and policies in Rust alone.
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let project = scaffold::write(&options.folder, options.kind, options.lang)?;
    let folder = options.folder.display().to_string();
    let steps = [
        (format!("cd {folder}"), String::new()),
        (project.build.to_owned(), format!("builds {}", project.library)),
        (format!("edas plugin check {}", project.library), "tests it".to_owned()),
        ("edas search spec.yaml".to_owned(), "searches with it on the built-in digits".to_owned()),
    ];
    if json_wanted {
        let next: Vec<&String> = steps.iter().map(|(command, _)| command).collect();
        return output::json(&json!({
            "name": project.name,
            "folder": folder,
            "library": project.library,
            "files": project.files,
            "next": next,
        }));
    }
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        steps.iter().map(|(command, does)| format!("  {command:width$}   {does}").trim_end().to_owned()).collect();
    output::print(&format!(
        "{}, {} in {}, is in {folder}: README.md says which file is what. Next:\n\n{}\n",
        project.name,
        options.kind.text(),
        options.lang.text(),
        lines.join("\n")
    ))
}
