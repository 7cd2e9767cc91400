//! `edas policy inspect`: what a policy says of itself.

use super::super::{Done, output};
use super::source::{SHIPPED_FOLDER, Source};
use crate::error::{Error, nearest};
use crate::extension::Parameter;
use crate::policy::{PluginPolicies, ScriptPolicy, SpaceView};
use crate::problem::{Problem, Settings};
use crate::spec::{Node, Sandbox};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// The options of `edas policy inspect`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// A script, a policy that comes with the program, or PLUGIN:NAME.
    policy: String,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let source = Source::find(&options.policy)?;
    let (value, text) = match &source {
        Source::Script(file, text) => script(&source.name(), file, text)?,
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

fn script(name: &str, file: &Path, text: &str) -> crate::Result<(Value, String)> {
    let space: Arc<SpaceView> = Problem::new(&Settings::new(0)).space;
    let policy = ScriptPolicy::new(file, text, &Node::empty("<default>"), &Sandbox::default(), &space)?;
    let script = policy.script();
    let doc = script.doc();
    let hooks = policy.hooks();
    let helpers: Vec<_> = script.signatures().into_iter().filter(|f| !hooks.contains(&f.name.as_str())).collect();
    let value = json!({
        "name": name,
        "file": file,
        "doc": doc,
        "parameters": parameters(policy.declared()),
        "hooks": hooks,
        "helpers": helpers.iter().map(|f| json!({ "signature": signature(f), "doc": f.doc })).collect::<Vec<_>>(),
        "modules": script.modules().iter().map(|m| json!({ "name": m.name, "file": m.path })).collect::<Vec<_>>(),
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
    for helper in &helpers {
        let _ = writeln!(shown, "  {}", signature(helper));
        for line in helper.doc.lines() {
            let _ = writeln!(shown, "    {line}");
        }
    }
    if !script.modules().is_empty() {
        let names: Vec<&str> = script.modules().iter().map(|m| m.name.as_str()).collect();
        let _ = writeln!(shown, "imports: {}", names.join(", "));
    }
    Ok((value, shown))
}

fn signature(function: &crate::extension::script::Function) -> String {
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
