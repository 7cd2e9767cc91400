//! What a plugin's table lists by name (policies, spaces): name, text and parameters of each, read without making any.

use super::call::guarded;
use super::memory;
use super::parameter::{MOST, Parameter};
use super::plugin::Plugin;
use crate::error::{Error, Result, nearest};
use edas_plugin::abi;

/// Something that a plugin offers by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The name, as specs write it.
    pub name: String,
    /// What it is, for people.
    pub doc: String,
    /// What a spec may set.
    pub parameters: Vec<Parameter>,
}

/// The functions of a table that lists.
#[derive(Clone, Copy)]
pub(crate) struct Lister {
    /// The number of entries.
    pub count: Option<unsafe extern "C-unwind" fn() -> usize>,
    /// Describes an entry.
    pub describe: Option<unsafe extern "C-unwind" fn(usize, *mut abi::Info) -> abi::Status>,
    /// Describes a parameter of an entry.
    pub describe_parameter: Option<unsafe extern "C-unwind" fn(usize, usize, *mut abi::ParameterInfo) -> abi::Status>,
}

impl Lister {
    /// Everything that the table of extension `id` lists; `what` is one entry, in messages.
    ///
    /// # Errors
    /// Where the table is incomplete or says something impossible.
    pub fn read(self, plugin: &Plugin, id: &str, what: &str) -> Result<Vec<Listed>> {
        let broken = |why: String| plugin.broken(id, &why);
        let thrown = |e: String| broken(format!("an exception was thrown: {e}"));
        let (Some(count), Some(describe)) = (self.count, self.describe) else {
            return Err(broken("a function of its table is null".to_owned()));
        };
        // SAFETY: the function comes from the plugin's table and takes nothing.
        let count = guarded(|| unsafe { count() }).map_err(thrown)?;
        if count > MOST {
            return Err(broken(format!("it says that it has {count} entries")));
        }
        let mut list: Vec<Listed> = Vec::new();
        for index in 0..count {
            let mut info = abi::Info::EMPTY;
            // SAFETY: the plugin fills in a table of ours.
            if guarded(|| unsafe { describe(index, &mut info) }).map_err(thrown)? != abi::OK {
                return Err(broken(format!("{what} {index} cannot be described")));
            }
            // SAFETY: the table's texts live as long as the library, which is never unloaded.
            let (name, doc) = unsafe { (memory::text(info.name), memory::text(info.doc)) };
            let name = name.map_err(|e| broken(format!("the name of {what} {index}: {}", e.fields().what)))?;
            let doc = doc.map_err(|e| broken(format!("the text of {what} `{name}`: {}", e.fields().what)))?;
            if !memory::is_name(name) {
                return Err(broken(format!("the name of {what} {index} cannot be written in a spec: {name:?}")));
            }
            if list.iter().any(|l| l.name == name) {
                return Err(broken(format!("it has two entries named `{name}`")));
            }
            let parameters = Parameter::read_all(info.parameter_count, |p, info| {
                let describe = self.describe_parameter.ok_or_else(|| Error::new("`describe_parameter` is null"))?;
                // SAFETY: the plugin fills in a table of ours.
                guarded(|| unsafe { describe(index, p, info) }).map_err(thrown)
            });
            let parameters = parameters.map_err(|e| broken(format!("{what} `{name}`: {}", e.fields().what)))?;
            list.push(Listed { name: name.to_owned(), doc: doc.to_owned(), parameters });
        }
        Ok(list)
    }
}

/// The entry of a name, with its number.
///
/// # Errors
/// Where there is none; `what` is one entry, and `plugin` lists them.
pub(crate) fn named<'a>(list: &'a [Listed], name: &str, what: &str, plugin: &Plugin) -> Result<(usize, &'a Listed)> {
    list.iter().enumerate().find(|(_, l)| l.name == name).ok_or_else(|| {
        let known: Vec<&str> = list.iter().map(|l| l.name.as_str()).collect();
        Error::new(format!("plugin `{}` has no {what} named `{name}`", plugin.name))
            .expected(known.join(", "))
            .found(format!("`{name}`"))
            .help_if(nearest(name, known))
    })
}

/// The error for a plugin that lacks an extension.
pub(crate) fn lacking(plugin: &Plugin, what: &str) -> Error {
    Error::new(format!("plugin `{}` has no {what}", plugin.name))
        .expected(format!("a plugin that offers at least one {what}"))
        .help(format!("`edas plugin inspect {}` shows what it offers", plugin.name))
}
