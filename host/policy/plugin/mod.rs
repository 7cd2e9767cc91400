//! Policies that plugins offer.
//!
//! - `planner`: how a policy answers a turn: plans and steps
//! - `answer`: how it answers the end of an epoch
//! - `kept`: candidates that edges lost
//! - `tables`: what a policy sees: the space, turns, the end of an epoch
//! - [`model`]: models of policies that learn
//! - `adapter`: one policy, made

mod adapter;
mod answer;
mod kept;
pub mod model;
mod planner;
mod tables;
#[cfg(test)]
mod tests;

pub use adapter::PluginPolicy;
pub use answer::ANSWERS;
pub use planner::{GATES, SETTINGS};

use super::view::SpaceView;
use crate::error::Result;
use crate::extension::listed::{self, Lister};
use crate::extension::{Listed, Plugin, parameter};
use crate::spec::Node;
use edas_plugin::abi;
use std::sync::Arc;

/// The policies of a plugin.
#[derive(Debug, Clone)]
pub struct PluginPolicies {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its policies, in the plugin's order.
    pub list: Vec<Listed>,
    functions: adapter::Functions,
}

impl PluginPolicies {
    /// The policies of a plugin, or `None` where it has none.
    ///
    /// # Errors
    /// Where the plugin's table is incomplete or says something impossible.
    pub fn of(plugin: &Arc<Plugin>) -> Result<Option<Self>> {
        model::offer();
        let Some(table) = plugin.extension::<abi::Policy>(abi::POLICY)? else { return Ok(None) };
        let lister =
            Lister { count: table.count, describe: table.describe, describe_parameter: table.describe_parameter };
        let list = lister.read(plugin, abi::POLICY, "policy")?;
        let functions = adapter::Functions::of(table)
            .ok_or_else(|| plugin.broken(abi::POLICY, "a function of its table is null"))?;
        Ok(Some(Self { plugin: plugin.clone(), list, functions }))
    }

    /// The policies of a plugin that a spec names for them.
    ///
    /// # Errors
    /// As [`PluginPolicies::of`], and where it has none.
    pub fn expected(plugin: &Arc<Plugin>) -> Result<Self> {
        Self::of(plugin)?.ok_or_else(|| listed::lacking(plugin, "policy"))
    }

    /// Makes a policy for a space. `given` holds a spec's parameters; models start from `seed`.
    ///
    /// # Errors
    /// Where there is no policy of this name, a parameter is unknown or out of range, or the plugin refuses.
    pub fn create(&self, name: &str, given: &Node, space: &Arc<SpaceView>, seed: u64) -> Result<PluginPolicy> {
        let (index, policy) = listed::named(&self.list, name, "policy", &self.plugin)?;
        let owner = format!("policy `{name}` of plugin `{}`", self.plugin.name);
        let settings = parameter::resolve_written(&policy.parameters, given, &owner)?;
        let attributes = parameter::to_abi(&policy.parameters, &settings);
        let params = parameter::written(&policy.parameters, &settings);
        let made = adapter::Made { functions: self.functions, index, owner, plugin: self.plugin.clone() };
        PluginPolicy::new(made, &attributes, params, space, seed)
    }
}
