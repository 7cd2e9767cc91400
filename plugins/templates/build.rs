//! Collects the files of the templates and of the SDK into `files.rs`.
//!
//! The SDK's manifest takes version, edition and licence from the workspace; a copy elsewhere needs them spelt out.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let (files, sdk, workspace) = (here.join("files"), here.join("../sdk"), here.join("../../Cargo.toml"));
    println!("cargo::rerun-if-changed=build.rs");
    for path in [&files, &sdk.join("src"), &sdk.join("Cargo.toml"), &workspace] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let manifest = concrete(&fs::read_to_string(sdk.join("Cargo.toml"))?, &fs::read_to_string(&workspace)?)?;
    fs::write(out.join("sdk.toml"), manifest)?;

    let mut list = vec![("Cargo.toml".to_owned(), out.join("sdk.toml"))];
    collect(&sdk.join("src"), "src/", &mut list)?;
    let mut text = String::new();
    write_list(&mut text, "SDK", "The SDK for Rust: a crate named `edas-plugin`.", &list)?;
    list.clear();
    collect(&files, "", &mut list)?;
    write_list(&mut text, "TEMPLATES", "The templates: `<template>/<path>`.", &list)?;
    fs::write(out.join("files.rs"), text)?;
    Ok(())
}

/// Adds all files of a folder and of those in it, sorted.
fn collect(folder: &Path, prefix: &str, list: &mut Vec<(String, PathBuf)>) -> Result<(), Box<dyn Error>> {
    let mut entries = fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|n| n.to_str()).ok_or("a file name is not UTF-8")?;
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), list)?;
        } else {
            list.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}

fn write_list(text: &mut String, name: &str, doc: &str, list: &[(String, PathBuf)]) -> Result<(), Box<dyn Error>> {
    writeln!(text, "/// {doc}\npub const {name}: &[File] = &[")?;
    for (path, file) in list {
        writeln!(text, "    File {{ path: {path:?}, text: include_str!({:?}) }},", file.to_str().ok_or("not UTF-8")?)?;
    }
    writeln!(text, "];")?;
    Ok(())
}

/// A manifest with what it takes from the workspace spelt out, and without the workspace's lints.
fn concrete(manifest: &str, workspace: &str) -> Result<String, Box<dyn Error>> {
    let shared = workspace.split("[workspace.package]").nth(1).ok_or("the workspace has no shared values")?;
    let shared = shared.split("\n[").next().unwrap_or(shared);
    let mut made = String::new();
    for line in manifest.replace("\n[lints]\nworkspace = true\n", "").lines() {
        match line.split_once(".workspace = true") {
            Some((key, _)) => {
                let line = shared.lines().find(|l| l.split('=').next().is_some_and(|k| k.trim() == key));
                made += line.ok_or_else(|| format!("the workspace does not say `{key}`"))?;
            }
            None => made += line,
        }
        made += "\n";
    }
    if made.contains("workspace") {
        return Err(format!("something of the workspace is left in\n{made}").into());
    }
    Ok(made)
}
