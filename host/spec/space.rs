//! The spec's `space` section: a file, an inline mapping, a script or a plugin's space.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::decode::{Part, decode_at, raise};
use super::path::{self, PluginRef, SpecPath};
use super::policy::{check_params, choice, no_params};
use super::tree::Node;
use crate::error::Result;

/// The search space: what it is, or where its description comes from.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Space {
    /// A YAML file with the description.
    File(SpecPath),
    /// A script that gives the description.
    Script(ScriptSpace),
    /// A space that a plugin provides.
    Plugin(PluginSpace),
    /// The description itself, with its places.
    Inline(Node),
}

/// A space from a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptSpace {
    /// The script's file.
    pub script: SpecPath,
    /// Values for the parameters that the script declares; the others keep their defaults.
    #[serde(default = "no_params")]
    pub params: Node,
}

/// A space from a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginSpace {
    /// The plugin.
    pub plugin: PluginRef,
    /// The space's name within the plugin.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Values for the parameters that the space declares; the others keep their defaults.
    #[serde(default = "no_params")]
    pub params: Node,
}

impl Space {
    /// The values of a script's or plugin's parameters, to change them.
    pub fn params_mut(&mut self) -> Option<&mut Node> {
        match self {
            Self::Script(space) => Some(&mut space.params),
            Self::Plugin(space) => Some(&mut space.params),
            Self::File(_) | Self::Inline(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Space {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        space(Part::deserialize(deserializer)?).map_err(raise)
    }
}

fn space(part: Part) -> Result<Space> {
    const FORMS: &str = "a file, a mapping that describes the space, {script: …, params: {…}} or \
                         {plugin: …, name: …, params: {…}}";
    Ok(match choice(&part)? {
        Some("script") => {
            let mut space: ScriptSpace = decode_at(&part.node, &part.path, "the space")?;
            check_params(&mut space.params, &part.path)?;
            Space::Script(space)
        }
        Some(_) => {
            let mut space: PluginSpace = decode_at(&part.node, &part.path, "the space")?;
            check_params(&mut space.params, &part.path)?;
            Space::Plugin(space)
        }
        None if part.node.as_mapping().is_some() => Space::Inline(part.node),
        None => Space::File(SpecPath::resolve(&path::text(&part, FORMS)?, &part.node.place())),
    })
}
