//! `edas policy new`: a script to begin with, a spec that searches under it, and the schema that editors check the spec by.

use super::super::{Done, output};
use crate::error::{Error, Place, Result, nearest};
use crate::policy::shipped::{SHIPPED, Shipped, shipped};
use serde_json::json;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

const SCRIPT: &str = include_str!("template/policy.rhai");
const SPEC: &str = include_str!("template/spec.yaml");
/// What the templates are called in themselves.
const NAME: &str = "my_policy";
/// How the template's spec sets the parameters of the template's script.
const PARAMS: &str = ", params: {warmup_epochs: 2}";
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
    /// Copy the script of a policy that comes with the program, to change it, instead of one with comments.
    #[arg(long, value_name = "POLICY")]
    from: Option<String>,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let name = &options.name;
    check_name(name)?;
    let from = options.from.as_deref().map(own).transpose()?;
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
    let (script_text, spec_text) = match from {
        // The parameters that the spec sets are the template's.
        Some(own) => (own.text.to_owned(), SPEC.replace(PARAMS, "")),
        None => (SCRIPT.replace(NAME, name), SPEC.to_owned()),
    };
    write(&script, &script_text)?;
    write(&spec, &spec_text.replace(NAME, name))?;
    let mut files = vec![script.display().to_string(), spec.display().to_string()];
    // One schema serves all specs of a folder.
    if schema.symlink_metadata().is_err() {
        write(&schema, &format!("{:#}\n", crate::spec::schema()))?;
        files.push(schema.display().to_string());
    }
    let [script, spec] = [script, spec].map(|file| file.display().to_string());
    let mut steps = vec![
        (format!("edas policy test {script}"), "tries it on small problems with known answers"),
        (format!("edas trace {spec} --summary"), "shows what it draws"),
        (format!("edas search {spec}"), "searches under it on the built-in digits"),
    ];
    if let Some(own) = from {
        steps.insert(
            1,
            (format!("edas policy diff {} {script}", own.name), "shows where its plans part, once it is changed"),
        );
    }
    if json_wanted {
        let next: Vec<&String> = steps.iter().map(|(command, _)| command).collect();
        return output::json(&json!({ "name": name, "from": options.from, "files": files, "next": next }));
    }
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = steps.iter().map(|(command, does)| format!("  {command:width$}   {does}")).collect();
    output::print(&format!("Written: {}. Next:\n\n{}\n", files.join(", "), lines.join("\n")))
}

/// The policy of the program that is copied.
fn own(name: &str) -> Result<&'static Shipped> {
    let names = || SHIPPED.iter().map(|s| s.name);
    shipped(name).ok_or_else(|| {
        Error::new(format!("no policy named `{name}` comes with the program"))
            .expected(names().collect::<Vec<_>>().join(", "))
            .help_if(nearest(name, names()))
    })
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
        return Err(wrong("a policy of this name comes with the program").help(format!(
            "`my_{name}`, say: `edas policy new my_{name} --from {name}` copies the one that is there"
        )));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|e| Error::io("write", path, &e))
}
