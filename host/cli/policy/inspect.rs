//! `edas policy inspect`: what a policy says of itself, or a module that policies import.

use super::super::{Done, output};
use super::source::{SHIPPED_FOLDER, Source, misspelt};
use crate::error::{Error, nearest};
use crate::extension::Parameter;
use crate::extension::script::{Function, Script, embedded};
use crate::policy::script::interface::HOOKS;
use crate::policy::{PluginPolicies, ScriptPolicy};
use crate::spec::{Node, Sandbox};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// The options of `edas policy inspect`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// A script, a policy that comes with the program, PLUGIN:NAME, or a module that scripts import (lib/schedules).
    policy: String,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let given = options.policy.as_str();
    if let Some((name, text)) = embedded().find(|(name, _)| *name == given) {
        let file = Path::new(SHIPPED_FOLDER).join(format!("{name}.rhai"));
        let (value, text) = module(name, &compile(&file, text)?);
        return if json_wanted { output::json(&value) } else { output::print(&text) };
    }
    let source = Source::find(given).map_err(|e| match nearest(given, embedded().map(|(name, _)| name)) {
        Some(help) => e.help_if_none(help),
        None => e,
    })?;
    let (value, text) = match &source {
        Source::Script(file, text) => match compile(file, text) {
            Ok(script) if is_module(&script) => module(&source.name(), &script),
            // What is wrong with it, a policy's own messages say best.
            _ => policy_script(&source.name(), file, text)?,
        },
        Source::Plugin(plugin, name) => {
            let policies = PluginPolicies::expected(plugin)?;
            let names = || policies.list.iter().map(|p| p.name.as_str());
            let listed = policies.list.iter().find(|p| p.name == *name).ok_or_else(|| {
                Error::new(format!("plugin `{}` has no policy `{name}`", plugin.name))
                    .expected(names().collect::<Vec<_>>().join(", "))
                    .help_if(nearest(name, names()))
            })?;
            let value = json!({
                "name": source.name(),
                "plugin": plugin.name,
                "version": plugin.version,
                "doc": listed.doc,
                "parameters": parameters(&listed.parameters),
            });
            let head = format!("{}, of plugin {} {}\n\n{}\n", source.name(), plugin.name, plugin.version, listed.doc);
            (value, format!("{head}{}", parameter_table(&listed.parameters)))
        }
    };
    if json_wanted { output::json(&value) } else { output::print(&text) }
}

/// Compiles a script without what policies have beyond the language: to read it, not to run it.
fn compile(file: &Path, text: &str) -> crate::Result<Script> {
    Script::compile(file, text, &Sandbox::default(), &[], |_| ())
}

/// Whether a script is there to be imported: it has functions, and none of a policy's, however they are spelt.
fn is_module(script: &Script) -> bool {
    let functions = script.functions();
    let hook = |name: &String| HOOKS.iter().any(|hook| hook.name == name) || nearest(name, ["plan"]).is_some();
    !functions.is_empty() && !functions.iter().any(hook)
}

/// A module: its head, and the functions that others can call.
fn module(name: &str, script: &Script) -> (Value, String) {
    let (file, doc) = (script.file(), script.doc());
    let functions: Vec<Function> = script.signatures().into_iter().filter(|f| !f.private).collect();
    let value = json!({
        "name": name,
        "kind": "module",
        "file": file,
        "doc": doc,
        "functions": functions_json(&functions),
        "modules": modules_json(script),
    });
    let mut shown = match file.starts_with(SHIPPED_FOLDER) {
        true => format!("{name}, a module that comes with the program\n"),
        false => format!("{name}, {}: a module, as it has no `plan(turn)`\n", file.display()),
    };
    if !doc.is_empty() {
        let _ = write!(shown, "\n{doc}\n");
    }
    shown.push_str("\nfunctions:\n");
    list(&mut shown, &functions, script);
    (value, shown)
}

fn policy_script(name: &str, file: &Path, text: &str) -> crate::Result<(Value, String)> {
    let policy = ScriptPolicy::compile(file, text, &Node::empty("<default>"), &Sandbox::default())?;
    let script = policy.script();
    let doc = script.doc();
    let hooks = policy.hooks();
    let warnings = misspelt(&policy);
    let helpers: Vec<Function> =
        script.signatures().into_iter().filter(|f| !hooks.contains(&f.name.as_str())).collect();
    let value = json!({
        "name": name,
        "kind": "policy",
        "file": file,
        "doc": doc,
        "parameters": parameters(policy.declared()),
        "hooks": hooks,
        "helpers": functions_json(&helpers),
        "modules": modules_json(script),
        "warnings": warnings,
    });
    let mut shown = match file.starts_with(SHIPPED_FOLDER) {
        true => format!("{name}, which comes with the program\n"),
        false => format!("{name}, {}\n", file.display()),
    };
    if !doc.is_empty() {
        let _ = write!(shown, "\n{doc}\n");
    }
    shown.push_str(&parameter_table(policy.declared()));
    let _ = writeln!(shown, "\nhooks: {}", hooks.join(", "));
    if !helpers.is_empty() {
        shown.push_str("helpers:\n");
    }
    list(&mut shown, &helpers, script);
    for warning in &warnings {
        let _ = writeln!(shown, "\nwarning: {warning}");
    }
    Ok((value, shown))
}

/// Functions with their comments, and what the script imports.
fn list(shown: &mut String, functions: &[Function], script: &Script) {
    for function in functions {
        let _ = writeln!(shown, "  {}", signature(function));
        for line in function.doc.lines() {
            let _ = writeln!(shown, "    {line}");
        }
    }
    if !script.modules().is_empty() {
        let names: Vec<&str> = script.modules().iter().map(|m| m.name.as_str()).collect();
        let _ = writeln!(shown, "imports: {}", names.join(", "));
    }
}

fn functions_json(functions: &[Function]) -> Value {
    functions.iter().map(|f| json!({ "signature": signature(f), "doc": f.doc })).collect()
}

fn modules_json(script: &Script) -> Value {
    script.modules().iter().map(|m| json!({ "name": m.name, "file": m.path })).collect()
}

fn signature(function: &Function) -> String {
    format!("{}({})", function.name, function.parameters.join(", "))
}

fn parameters(list: &[Parameter]) -> Value {
    list.iter()
        .map(|p| json!({ "name": p.name, "default": p.kind.default(), "accepts": p.kind.describe(), "doc": p.doc }))
        .collect()
}

fn parameter_table(list: &[Parameter]) -> String {
    if list.is_empty() {
        return "\nIt has no parameters.\n".to_owned();
    }
    let mut table = output::table(["parameter", "default", "accepts", "meaning"]);
    for p in list {
        table.add_row([p.name.clone(), p.kind.default().to_string(), p.kind.describe(), p.doc.clone()]);
    }
    format!("\n{}\n", table.trim_fmt())
}
