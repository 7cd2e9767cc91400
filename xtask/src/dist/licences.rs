//! The licences of what is handed on with the program: the crates that it is made of, and libtorch's libraries.

use super::archive::{Files, Scratch};
use super::contents::folder;
use crate::failure::{Failure, Result};
use crate::workspace::Workspace;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Where they lie in the archive.
const FOLDER: &str = "licenses";

/// libtorch's, as its wheels had them.
pub fn libtorch(libtorch: &Path, files: &mut Files) -> Result {
    let licences = libtorch.join(FOLDER);
    if !licences.join("torch").is_dir() {
        let folder = libtorch.canonicalize().unwrap_or_else(|_| libtorch.to_owned());
        return Err(Failure::new("libtorch's licences are not beside it, and may not be left out")
            .expected(format!("a folder {}", licences.display()))
            .found("a libtorch that an earlier `cargo x` fetched")
            .help(format!("fetch it again: rm -r {} && cargo x setup", folder.display())));
    }
    folder(&licences, FOLDER, files)
}

/// Those of all crates that are linked into the program for `target`: one text.
pub fn crates(workspace: &Workspace, target: &str, made: &Scratch, files: &mut Files) -> Result {
    let run = |command: &str, arguments: &[&str]| {
        let output = workspace.cargo(command).args(arguments).output();
        let output = output.map_err(|error| Failure::later(format!("cannot start cargo: {error}")))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(Failure::later(format!("`cargo {command}` does not say what the program is made of"))
                .found(String::from_utf8_lossy(&output.stderr))),
        }
    };
    let format = ["--format", "{p}"];
    let tree = ["--package", "edas", "--edges", "normal", "--prefix", "none", "--target", target];
    let tree = run("tree", &[&tree[..], &format[..]].concat())?;
    let metadata = run("metadata", &["--format-version", "1", "--filter-platform", target])?;
    let metadata = serde_json::from_str(&metadata)
        .map_err(|error| Failure::later("what `cargo metadata` says cannot be read").found(error.to_string()))?;
    let text = text(&linked(&tree), &metadata)?;
    made.add(&format!("{FOLDER}/crates.txt"), text, files)
}

/// The crates of a tree that cargo prints, as `name version`.
fn linked(tree: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    tree.lines().filter_map(name).collect()
}

/// The crates that come from a registry: each one's name, its licence, and the texts that lie beside its manifest and its fonts.
fn text(linked: &BTreeSet<String>, metadata: &Value) -> Result<String> {
    let mut text = "The crates that the program `edas` is made of, and their licences.\n".to_owned();
    let mut packages: Vec<(String, &Value)> = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = format!("{} {}", word(&package["name"]), word(&package["version"]));
        // Its own crates have no source; their licences lie at the archive's top.
        if linked.contains(&name) && package["source"].is_string() {
            packages.push((name, package));
        }
    }
    packages.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, package) in packages {
        let _ = write!(text, "\n{}\n{name}: {}\n", "=".repeat(80), word(&package["license"]));
        let folder = Path::new(word(&package["manifest_path"])).parent().unwrap_or(Path::new(""));
        let failed = |error| Failure::io("read", folder, &error);
        let entries: Result<Vec<_>, _> = fs::read_dir(folder).map_err(failed)?.collect();
        let mut paths: Vec<_> = entries.map_err(failed)?.into_iter().map(|entry| entry.path()).collect();
        paths.retain(|path| is_licence(path));
        // Those of the fonts that pictures are drawn with lie beside these.
        let fonts = fs::read_dir(folder.join("fonts")).into_iter().flatten().filter_map(Result::ok);
        paths.extend(fonts.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "txt")));
        paths.sort();
        for path in &paths {
            let licence = fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
            let _ = write!(text, "\n{}\n", String::from_utf8_lossy(&licence).trim_end());
        }
    }
    Ok(text)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    let named = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
    path.is_file() && named.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathers_the_texts_of_what_is_linked() {
        let tree = "edas v0.1.0 (/somewhere)\nserde v1.0.0\nserde_derive v1.0.0 (proc-macro)\n\nserde v1.0.0 (*)\n";
        let linked = linked(tree);
        assert_eq!(linked.iter().collect::<Vec<_>>(), ["edas 0.1.0", "serde 1.0.0", "serde_derive 1.0.0"]);

        let folder = std::env::temp_dir().join(format!("xtask-licences-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("LICENSE-MIT"), "as you like\n").unwrap();
        fs::create_dir_all(folder.join("fonts")).unwrap();
        fs::write(folder.join("fonts/OFL.txt"), "letters too\n").unwrap();
        let package = |name: &str, source: Option<&str>| {
            let manifest = folder.join("Cargo.toml");
            serde_json::json!({ "name": name, "version": "1.0.0", "license": "MIT", "source": source, "manifest_path": manifest })
        };
        let packages = [package("serde", Some("registry")), package("other", Some("registry")), package("edas", None)];
        let text = text(&linked, &serde_json::json!({ "packages": packages })).unwrap();
        assert!(
            text.ends_with("serde 1.0.0: MIT\n\nas you like\n\nletters too\n") && !text.contains("other"),
            "{text}"
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_libtorch_without_licences_is_not_handed_on() {
        let failure = libtorch(Path::new("/no/such/folder"), &mut Files::new()).unwrap_err().to_string();
        assert!(failure.ends_with("help: fetch it again: rm -r /no/such/folder && cargo x setup"), "{failure}");
    }
}
