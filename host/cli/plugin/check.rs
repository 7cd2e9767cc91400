//! `edas plugin check`: the conformance kit over all that a plugin, or the script of an op set or space, offers.

use super::super::{Done, Failure, output};
use super::Opened;
use crate::conformance::{self, Check, Outcome};
use crate::error::Error;
use crate::extension::Plugin;
use crate::extension::registry::bundled;
use crate::graph::{OpSet, OpSets};
use crate::policy::Policy;
use crate::policy::plugin::PluginPolicies;
use crate::space::plugin::PluginSpaces;
use crate::spec::Node;
use serde_json::json;
use std::sync::Arc;

/// The options of `edas plugin check`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// A library, the name of a plugin, or the script of an op set or space.
    plugin: String,
    /// Only what is called so: an operation, a space or a policy.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let opened = super::open(&options.plugin)?;
    // Maps this small gain nothing from more; kernels are tried on several besides.
    tch::set_num_threads(1);
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| only == name);
    let (name, version, checks) = match &opened {
        Opened::Plugin(plugin) => (plugin.name.clone(), plugin.version.clone(), self::plugin(plugin, &wanted)?),
        Opened::OpSet(script) => {
            let checks = operations(Some(&OpSet::scripted(script)), &wanted);
            (script.name().to_owned(), script.version().to_owned(), checks)
        }
        Opened::Space(script) => {
            let name = script.name();
            let text = script.write(&Node::empty("<default>"))?.text;
            let checks =
                if wanted(&name) { conformance::space::check(&name, &text, &op_sets(None)) } else { Vec::new() };
            (name, String::new(), checks)
        }
    };
    if checks.is_empty() {
        let what = match &options.only {
            Some(only) => format!("nothing that is called `{only}`"),
            None => "nothing that can be checked".to_owned(),
        };
        return Err(Failure::Input(Error::new(match &opened {
            Opened::Plugin(plugin) => format!("plugin `{}` offers {what}", plugin.name),
            Opened::OpSet(_) | Opened::Space(_) => format!("the script {} offers {what}", options.plugin),
        })));
    }
    let failed = checks.iter().filter(|c| matches!(c.outcome, Outcome::Failed { .. })).count();
    if json_wanted {
        output::json(&json!({ "plugin": name, "version": version, "failed": failed, "checks": checks }))?;
    } else {
        output::print(&text(&checks, failed))?;
    }
    if failed == 0 { Ok(()) } else { Err(Failure::No) }
}

/// The checks of an op set's operations.
fn operations(set: Option<&OpSet>, wanted: &dyn Fn(&str) -> bool) -> Vec<Check> {
    let wanted = set.into_iter().flat_map(|set| &set.operations).filter(|o| wanted(&o.name));
    wanted.flat_map(conformance::operation::check).collect()
}

/// The checks of all that a plugin offers.
fn plugin(plugin: &Arc<Plugin>, wanted: &dyn Fn(&str) -> bool) -> crate::Result<Vec<Check>> {
    let own = OpSet::of(plugin)?;
    let mut checks = operations(own.as_ref(), wanted);
    if let Some(spaces) = PluginSpaces::of(plugin)? {
        let sets = op_sets(own.as_ref());
        for space in spaces.list.iter().filter(|s| wanted(&s.name)) {
            let text = spaces.write(&space.name, &Node::empty("<default>"))?.text;
            checks.extend(conformance::space::check(&space.name, &text, &sets));
        }
    }
    if let Some(policies) = PluginPolicies::of(plugin)? {
        let space = conformance::policy::space();
        for policy in policies.list.iter().filter(|p| wanted(&p.name)) {
            let make = || -> crate::Result<Box<dyn Policy>> {
                Ok(Box::new(policies.create(&policy.name, &Node::empty("<default>"), &space, 1)?))
            };
            checks.extend(conformance::policy::check(&policy.name, &space, &make));
        }
    }
    Ok(checks)
}

fn text(checks: &[Check], failed: usize) -> String {
    let mut table = output::table(["what", "check", "cases", "result"]);
    let mut faults = String::new();
    for check in checks {
        let result = match &check.outcome {
            Outcome::Passed => "passed".to_owned(),
            Outcome::Skipped { reason } => format!("skipped: {reason}"),
            Outcome::Failed { found, mend } => {
                faults.push_str(&format!("\n{}, {}:\n  found: {found}\n  mend: {mend}\n", check.subject, check.name));
                "FAILED".to_owned()
            }
        };
        table.add_row([check.subject.clone(), check.name.to_owned(), check.cases.to_string(), result]);
    }
    let verdict = match failed {
        0 => "All checks passed.".to_owned(),
        1 => "1 check failed.".to_owned(),
        n => format!("{n} checks failed."),
    };
    format!("{}\n{faults}\n{verdict}\n", table.trim_fmt())
}

/// Lists of op sets to look for a space's operations in: the plugin's own, alone and with each bundled one.
fn op_sets(own: Option<&OpSet>) -> Vec<OpSets> {
    let alone = OpSets(own.cloned().into_iter().collect());
    let others = bundled::NAMES.iter().filter_map(|name| bundled::find(name)?.ok());
    let sets = others.filter_map(|plugin| OpSet::of(&plugin).ok().flatten());
    let with = sets.map(|set| OpSets(alone.0.iter().cloned().chain([set]).collect()));
    std::iter::once(alone.clone()).chain(with).collect()
}
