//! `edas policy new`: a script to begin with, a spec that searches under it, and the schema that editors check the spec by.

use super::super::{Done, output};
use crate::error::{Error, Place, Result};
use crate::policy::shipped::shipped;
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const SCRIPT: &str = include_str!("template/policy.rhai");
const SPEC: &str = include_str!("template/spec.yaml");
/// What the templates are called in themselves.
const NAME: &str = "my_policy";
/// The schema's file, as the spec's first line names it.
const SCHEMA: &str = "edas.schema.json";

/// The options of `edas policy new`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// The policy's name: NAME.rhai and NAME.yaml are written.
    name: String,
    /// The folder to write them into.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let name = &options.name;
    check_name(name)?;
    let path = |file: &str| if options.folder == Path::new(".") { file.into() } else { options.folder.join(file) };
    let [script, spec, schema] = [format!("{name}.rhai"), format!("{name}.yaml"), SCHEMA.to_owned()].map(|f| path(&f));
    for file in [&script, &spec] {
        if file.symlink_metadata().is_ok() {
            return Err(Error::new("this file exists, and is not overwritten")
                .at(Place::file(file))
                .help("take another name, or remove it")
                .into());
        }
    }
    fs::create_dir_all(&options.folder).map_err(|e| Error::io("create", &options.folder, &e))?;
    write(&script, &SCRIPT.replace(NAME, name))?;
    write(&spec, &SPEC.replace(NAME, name))?;
    let mut files = vec![script.display().to_string(), spec.display().to_string()];
    // One schema serves all specs of a folder.
    if schema.symlink_metadata().is_err() {
        write(&schema, &format!("{:#}\n", crate::spec::schema()))?;
        files.push(schema.display().to_string());
    }
    let [script, spec] = [script, spec].map(|file| file.display().to_string());
    let steps = [
        (format!("edas policy test {script}"), "tries it on small problems with known answers"),
        (format!("edas trace {spec} --summary"), "shows what it draws"),
        (format!("edas search {spec}"), "searches under it on the built-in digits"),
    ];
    if json_wanted {
        let next: Vec<&String> = steps.iter().map(|(command, _)| command).collect();
        return output::json(&json!({ "name": name, "files": files, "next": next }));
    }
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = steps.iter().map(|(command, does)| format!("  {command:width$}   {does}")).collect();
    output::print(&format!("Written: {}. Next:\n\n{}\n", files.join(", "), lines.join("\n")))
}

fn check_name(name: &str) -> Result<()> {
    let wrong = |what: &str| Error::new(what).found(format!("`{name}`"));
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !name.chars().all(letter) || name.len() > 64 {
        let stem = name.strip_suffix(".rhai").filter(|stem| stem.chars().all(letter));
        return Err(wrong("this cannot be the name of a policy")
            .expected("at most 64 lower-case letters, digits, `_` and `-`, a letter first: `my_policy`")
            .help_if(stem.map(|stem| format!("leave the ending out: `{stem}`"))));
    }
    if shipped(name).is_some() {
        return Err(wrong("a policy of this name comes with the program")
            .help(format!("`my_{name}`, say; `edas policy inspect {name}` shows the one that is there")));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|e| Error::io("write", path, &e))
}
