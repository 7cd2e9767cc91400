//! `edas plugin inspect`: all that a plugin, or the script of an op set or space, describes.

use super::super::Done;
use super::super::output::{self, count};
use super::Opened;
use crate::error::{Error, Result};
use crate::extension::{Listed, Origin, Parameter, Plugin, Settings};
use crate::graph::{Arguments, Form, LayerGraph, OpScript, OpSet, Operation};
use crate::policy::plugin::PluginPolicies;
use crate::space::ScriptSpace;
use crate::space::plugin::PluginSpaces;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

/// The options of `edas plugin inspect`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// A library, the name of a plugin, or the script of an op set or space.
    plugin: String,
    /// Only the operation of this name.
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Channels of the graphs that are shown.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(i64).range(1..=4096))]
    channels: i64,
    /// Height and width of the maps that the graphs take.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(i64).range(1..=1024))]
    size: i64,
}

/// What a plugin offers, in a few words: `op set of 16 operations`.
pub(super) fn offers(plugin: &Arc<Plugin>) -> String {
    let mut parts = Vec::new();
    match OpSet::of(plugin) {
        Ok(Some(set)) => parts.push(format!("op set of {} operations", set.operations.len())),
        Ok(None) => {}
        Err(error) => parts.push(error.fields().what.clone()),
    }
    let named = |list: Result<Option<Vec<Listed>>>, kind: &str| match list {
        Ok(list) => {
            let names: Vec<String> = list.unwrap_or_default().into_iter().map(|l| l.name).collect();
            (!names.is_empty()).then(|| format!("{kind} {}", names.join(", ")))
        }
        Err(error) => Some(error.fields().what.clone()),
    };
    parts.extend(named(PluginSpaces::of(plugin).map(|s| s.map(|s| s.list)), "spaces"));
    parts.extend(named(PluginPolicies::of(plugin).map(|p| p.map(|p| p.list)), "policies"));
    parts.join("; ")
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let (report, text) = match super::open(&options.plugin)? {
        Opened::Plugin(plugin) => self::plugin(&plugin, options)?,
        Opened::OpSet(script) => op_script(&script, options)?,
        Opened::Space(script) => space_script(&script),
    };
    if json_wanted { output::json(&report) } else { output::print(&text) }
}

/// The op set of a script.
fn op_script(script: &Arc<OpScript>, options: &Options) -> Result<(Value, String)> {
    let (name, version, description) = (script.name(), script.version(), script.description());
    let path = script.file().display().to_string();
    let about = if description.is_empty() { String::new() } else { format!(": {description}") };
    let mut text = format!("{name} {version}{about}\nop set, {path}\n");
    let mut report = json!({ "name": name, "version": version, "description": description, "where": path });
    report["operations"] = operations(&OpSet::scripted(script), options, &mut text)?;
    Ok((report, text))
}

/// The space of a script.
fn space_script(script: &ScriptSpace) -> (Value, String) {
    let (name, path) = (script.name(), script.file().display().to_string());
    let mut text = format!("{name}\nspace, {path}\n");
    let parameters = parameters(script.declared(), &mut text);
    (json!({ "name": name, "where": path, "spaces": [{ "name": name, "doc": "", "parameters": parameters }] }), text)
}

/// A plugin, with all that it offers.
fn plugin(plugin: &Arc<Plugin>, options: &Options) -> Result<(Value, String)> {
    let mut report = json!({
        "name": plugin.name,
        "version": plugin.version,
        "description": plugin.description,
        "abi": format!("{}.{}", plugin.abi.0, plugin.abi.1),
        "where": match &plugin.origin {
            Origin::Bundled => "bundled".to_owned(),
            Origin::Library { path, .. } => path.display().to_string(),
        },
    });
    let mut text = format!(
        "{} {}: {}\nABI {}, {}\n",
        plugin.name,
        plugin.version,
        plugin.description,
        report["abi"].as_str().unwrap_or_default(),
        report["where"].as_str().unwrap_or_default(),
    );
    report["operations"] = match OpSet::of(plugin)? {
        Some(set) => operations(&set, options, &mut text)?,
        None => Value::Array(Vec::new()),
    };
    if options.operation.is_none() {
        if let Some(spaces) = PluginSpaces::of(plugin)? {
            report["spaces"] = spaces.list.iter().map(|space| listed("space", space, &mut text)).collect();
        }
        if let Some(policies) = PluginPolicies::of(plugin)? {
            report["policies"] = policies.list.iter().map(|policy| listed("policy", policy, &mut text)).collect();
        }
    }
    Ok((report, text))
}

/// The operations of an op set that are wanted.
fn operations(set: &OpSet, options: &Options, text: &mut String) -> Result<Value> {
    let wanted = |o: &&Operation| options.operation.as_ref().is_none_or(|name| *name == o.name);
    let list: Vec<&Operation> = set.operations.iter().filter(wanted).collect();
    match &options.operation {
        Some(name) if list.is_empty() => Err(unknown(name, set)),
        _ => Ok(list.into_iter().map(|operation| self::operation(operation, options, text)).collect()),
    }
}

fn unknown(name: &str, set: &OpSet) -> Error {
    let names = || set.operations.iter().map(|o| o.name.as_str());
    Error::new(format!("{} has no operation `{name}`", set.provider))
        .expected(names().collect::<Vec<_>>().join(", "))
        .help_if(crate::error::nearest(name, names()))
}

/// One operation: its descriptor, and its graph in both forms at strides 1 and 2, as text and as JSON.
fn operation(operation: &Operation, options: &Options, text: &mut String) -> Value {
    let doc = if operation.doc.is_empty() { String::new() } else { format!(": {}", operation.doc) };
    let _ = writeln!(text, "\noperation {}{doc}", operation.name);
    let mut costs = output::table(["form", "stride", "layers", "parameters", "multiply-adds", "activations"]);
    let mut graphs = Vec::new();
    let mut shown: Option<LayerGraph> = None;
    for (form, form_name) in [(Form::Search, "search"), (Form::Final, "final")] {
        for stride in [1, 2] {
            let built = build(operation, options, form, stride);
            let mut entry = json!({ "form": form_name, "stride": stride });
            match built {
                Err(error) => {
                    entry["refused"] = json!(error.fields().what);
                    let [n1, n2, n3] = [""; 3].map(str::to_owned);
                    costs.add_row([form_name.to_owned(), stride.to_string(), "refused".to_owned(), n1, n2, n3]);
                }
                Ok(graph) => {
                    let cost = graph.cost();
                    entry["graph"] = json!(graph.to_string());
                    entry["cost"] = json!(cost);
                    costs.add_row([
                        form_name.to_owned(),
                        stride.to_string(),
                        graph.nodes.len().to_string(),
                        count(cost.parameters),
                        count(cost.multiply_adds),
                        count(cost.activations),
                    ]);
                    shown.get_or_insert(graph);
                }
            }
            graphs.push(entry);
        }
    }
    // A script says how many values it returns by returning them.
    let outputs = operation.outputs.or_else(|| shown.as_ref().map(|graph| graph.outputs.len()));
    if let Some(outputs) = outputs
        && (operation.inputs, outputs) != (1, 1)
    {
        let _ = writeln!(text, "  {} inputs, {outputs} outputs", operation.inputs);
    }
    let parameters = parameters(&operation.parameters, text);
    if let Some(graph) = &shown {
        let _ = writeln!(text, "  {}", graph.to_string().replace('\n', "\n  "));
    }
    let _ = writeln!(text, "  {}", costs.trim_fmt().replace('\n', "\n  "));
    json!({
        "name": operation.name,
        "doc": operation.doc,
        "inputs": operation.inputs,
        "outputs": outputs,
        "parameters": parameters,
        "graphs": graphs,
    })
}

fn build(operation: &Operation, options: &Options, form: Form, stride: i64) -> Result<LayerGraph> {
    let arguments = Arguments { channels_out: options.channels, stride, form, classes: 10 };
    let inputs = vec![vec![options.channels, options.size, options.size]; operation.inputs];
    operation.build(&Settings::new(), &arguments, &inputs)
}

/// A space or policy: name, doc and parameters.
fn listed(kind: &str, item: &Listed, text: &mut String) -> Value {
    let _ = writeln!(text, "\n{kind} {}: {}", item.name, item.doc);
    let parameters = parameters(&item.parameters, text);
    json!({ "name": item.name, "doc": item.doc, "parameters": parameters })
}

/// Parameters with ranges, defaults and docs, as text and as JSON.
fn parameters(list: &[Parameter], text: &mut String) -> Value {
    for p in list {
        let default = p.kind.default();
        let _ = writeln!(text, "  {}: {}, default {default}: {}", p.name, p.kind.describe(), p.doc);
    }
    list.iter()
        .map(|p| json!({ "name": p.name, "doc": p.doc, "accepts": p.kind.describe(), "default": p.kind.default() }))
        .collect()
}
