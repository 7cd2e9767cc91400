//! Search spaces that plugins offer: texts in the form in which a file would hold them.

use super::WrittenSpace;
use crate::error::{Error, Result};
use crate::extension::call::{self, Message};
use crate::extension::listed::{self, Lister};
use crate::extension::{Listed, Plugin, parameter};
use crate::spec::Node;
use edas_plugin::abi;
use std::sync::Arc;

type Write =
    unsafe extern "C-unwind" fn(usize, *const abi::Attribute, usize, *const abi::Sink, *const abi::Sink) -> abi::Status;

/// The spaces of a plugin.
#[derive(Debug, Clone)]
pub struct PluginSpaces {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its spaces, in the plugin's order.
    pub list: Vec<Listed>,
    write: Write,
}

impl PluginSpaces {
    /// The spaces of a plugin, or `None` where it has none.
    ///
    /// # Errors
    /// Where the plugin's table is incomplete or says something impossible.
    pub fn of(plugin: &Arc<Plugin>) -> Result<Option<Self>> {
        let Some(table) = plugin.extension::<abi::SearchSpace>(abi::SEARCH_SPACE)? else { return Ok(None) };
        let lister =
            Lister { count: table.count, describe: table.describe, describe_parameter: table.describe_parameter };
        let list = lister.read(plugin, abi::SEARCH_SPACE, "space")?;
        let write = table.write.ok_or_else(|| plugin.broken(abi::SEARCH_SPACE, "a function of its table is null"))?;
        Ok(Some(Self { plugin: plugin.clone(), list, write }))
    }

    /// The spaces of a plugin that a spec names for them.
    ///
    /// # Errors
    /// As [`PluginSpaces::of`], and where it has none.
    pub fn expected(plugin: &Arc<Plugin>) -> Result<Self> {
        Self::of(plugin)?.ok_or_else(|| listed::lacking(plugin, "space"))
    }

    /// Has a space written. `given` holds a spec's parameters.
    ///
    /// # Errors
    /// Where there is no space of this name, a parameter is unknown or out of range, the plugin refuses, or what it writes is
    /// no YAML.
    pub fn write(&self, name: &str, given: &Node) -> Result<WrittenSpace> {
        let (index, space) = listed::named(&self.list, name, "space", &self.plugin)?;
        let owner = format!("space `{name}` of plugin `{}`", self.plugin.name);
        let settings = parameter::resolve_written(&space.parameters, given, &owner)?;
        let attributes = parameter::to_abi(&space.parameters, &settings);
        let mut text = Message::default();
        let sink = text.long_sink();
        call::call(&format!("writing {owner}"), |error| {
            // SAFETY: the function is the plugin's; attributes and sinks are valid for the time of the call.
            unsafe { (self.write)(index, attributes.as_ptr(), attributes.len(), &sink, error) }
        })?;
        let text =
            String::from_utf8(text.whole().ok_or_else(|| Error::new(format!("the text of {owner} is too long")))?)
                .map_err(|_| Error::new(format!("the text of {owner} is not valid UTF-8")))?;
        let node = Node::parse(&text, format!("<{owner}>"))?;
        Ok(WrittenSpace { text, node, params: parameter::written(&space.parameters, &settings) })
    }
}
