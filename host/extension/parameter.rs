//! Parameters that extensions declare (of operations, spaces, policies), and the values that specs give them.

use super::memory::{self, Attribute};
use crate::error::{Error, Result, nearest};
use crate::spec::{self, Node};
use edas_plugin::abi;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeMap;
use std::fmt;

/// A value that a spec gives to a parameter.
#[derive(Debug, Clone, PartialEq, schemars::JsonSchema)]
#[schemars(untagged)]
pub enum Setting {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A truth value.
    Boolean(bool),
    /// A word.
    Word(String),
}

/// The values that a spec gives to parameters, by name.
pub type Settings = BTreeMap<String, Setting>;

impl Setting {
    /// What stands in a spec, or `None` where that is no value of a parameter.
    pub fn written(node: &Node) -> Option<Self> {
        match &node.value {
            spec::Value::Integer(v) => i64::try_from(*v).ok().map(Self::Integer),
            spec::Value::Float(v) => Some(Self::Number(*v)),
            spec::Value::Bool(v) => Some(Self::Boolean(*v)),
            spec::Value::String(v) => Some(Self::Word(v.clone())),
            _ => None,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(v) => write!(f, "{v}"),
            Self::Number(v) => write!(f, "{v}"),
            Self::Boolean(v) => write!(f, "{v}"),
            Self::Word(v) => write!(f, "`{v}`"),
        }
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(v) => serializer.serialize_i64(*v),
            Self::Number(v) => serializer.serialize_f64(*v),
            Self::Boolean(v) => serializer.serialize_bool(*v),
            Self::Word(v) => serializer.serialize_str(v),
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Setting;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, true, false or a word")
            }
            fn visit_bool<E: de::Error>(self, v: bool) -> Result<Setting, E> {
                Ok(Setting::Boolean(v))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Setting, E> {
                Ok(Setting::Integer(v))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Setting, E> {
                i64::try_from(v).map(Setting::Integer).map_err(|_| E::custom("the number is too large"))
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Setting, E> {
                Ok(Setting::Number(v))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Setting, E> {
                Ok(Setting::Word(v.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A parameter that an extension declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// What it means, for people.
    pub doc: String,
    /// Its kind, default and range.
    pub kind: ParameterKind,
}

/// Kind, default and range of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterKind {
    /// A whole number: default, lowest, highest.
    Integer(i64, i64, i64),
    /// A number: default, lowest, highest.
    Number(f64, f64, f64),
    /// A truth value: default.
    Boolean(bool),
    /// One of several words: default, words.
    Word(String, Vec<String>),
}

impl ParameterKind {
    /// The value where a spec gives none.
    pub fn default(&self) -> Setting {
        match self {
            Self::Integer(default, ..) => Setting::Integer(*default),
            Self::Number(default, ..) => Setting::Number(*default),
            Self::Boolean(default) => Setting::Boolean(*default),
            Self::Word(default, _) => Setting::Word(default.clone()),
        }
    }

    /// The value as this kind has it, or `None` where it is of another kind or out of range.
    pub fn accept(&self, value: &Setting) -> Option<Setting> {
        match (self, value) {
            (Self::Integer(_, least, most), Setting::Integer(v)) if (least..=most).contains(&v) => Some(value.clone()),
            (Self::Number(_, least, most), Setting::Number(v)) if (least..=most).contains(&v) => Some(value.clone()),
            (Self::Number(_, least, most), Setting::Integer(v)) if (*least..=*most).contains(&(*v as f64)) => {
                Some(Setting::Number(*v as f64))
            }
            (Self::Boolean(_), Setting::Boolean(_)) => Some(value.clone()),
            (Self::Word(_, words), Setting::Word(v)) if words.contains(v) => Some(value.clone()),
            _ => None,
        }
    }

    /// What is accepted, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Integer(_, least, most) => format!("a whole number from {least} to {most}"),
            Self::Number(_, least, most) => format!("a number from {least} to {most}"),
            Self::Boolean(_) => "true or false".to_owned(),
            Self::Word(_, words) => format!("one of {}", words.join(", ")),
        }
    }
}

impl Parameter {
    /// Checks that a spec can name it, and hold its value.
    ///
    /// # Errors
    /// Where its name or one of its words could not be read back from a spec.
    pub(crate) fn check(&self) -> Result<()> {
        let words: &[String] = if let ParameterKind::Word(_, words) = &self.kind { words } else { &[] };
        match std::iter::once(&self.name).chain(words).find(|text| !spec::can_be_written(text)) {
            None => Ok(()),
            Some(text) => Err(Error::new(format!("the parameter {:?} cannot be written in a spec", self.name))
                .expected("a name and words without Unicode line separators and byte order marks")
                .found(format!("{text:?}"))),
        }
    }

    /// The parameters that a plugin's table describes. `describe` fills in the table of the n-th.
    ///
    /// # Errors
    /// Where one cannot be described, or says something impossible.
    pub(crate) fn read_all(
        count: usize,
        describe: impl Fn(usize, &mut abi::ParameterInfo) -> Result<abi::Status>,
    ) -> Result<Vec<Self>> {
        let mut list: Vec<Self> = Vec::new();
        if count > MOST {
            return Err(Error::new("it has an impossible number of parameters")
                .expected(format!("at most {MOST}"))
                .found(count.to_string()));
        }
        for number in 0..count {
            let mut info = abi::ParameterInfo::EMPTY;
            if describe(number, &mut info)? != abi::OK {
                return Err(Error::new(format!("its parameter {number} cannot be described")));
            }
            // SAFETY: the plugin filled in our table; what it points to lives as long as the library.
            let parameter =
                unsafe { Self::read(&info) }.map_err(|e| e.context(format!("reading parameter {number}")))?;
            if list.iter().any(|p| p.name == parameter.name) {
                return Err(Error::new(format!("it has two parameters named `{}`", parameter.name)));
            }
            list.push(parameter);
        }
        Ok(list)
    }

    /// # Safety
    /// The table's pointers live until this returns.
    unsafe fn read(info: &abi::ParameterInfo) -> Result<Self> {
        // SAFETY: the caller vouches for texts and lists.
        let ((name, default), doc, words) = unsafe {
            if info.word_count > MOST {
                return Err(Error::new(format!("it has {} words", info.word_count)));
            }
            let words = memory::slice(info.words, info.word_count)?.iter().map(|w| Ok(memory::text(*w)?.to_owned()));
            (
                Attribute::read(&info.default_value)?,
                memory::text(info.doc)?.to_owned(),
                words.collect::<Result<Vec<_>>>()?,
            )
        };
        let (least, most) = (info.minimum, info.maximum);
        let kind = match default {
            Attribute::Integer(v) => ParameterKind::Integer(v, info.least, info.most),
            Attribute::Number(v) => ParameterKind::Number(v, least, most),
            Attribute::Boolean(v) => ParameterKind::Boolean(v),
            Attribute::Text(v) => ParameterKind::Word(v, words),
            _ => return Err(Error::new(format!("the parameter `{name}` is a list, which no parameter can be"))),
        };
        if name.is_empty() || kind.accept(&kind.default()).is_none() {
            return Err(Error::new(format!("the default of the parameter `{name}` is outside its own range"))
                .expected(kind.describe())
                .found(kind.default().to_string()));
        }
        let parameter = Self { name, doc, kind };
        parameter.check()?;
        Ok(parameter)
    }
}

/// The most parameters, operations, spaces or policies that a table may have.
pub(crate) const MOST: usize = 10_000;

/// The value of every declared parameter, in the declared order: the spec's where it gives one, the default elsewhere. `owner`
/// says whose parameters they are, for messages.
///
/// # Errors
/// Where a given name is not declared, or a value is out of range.
pub fn resolve(declared: &[Parameter], given: &Settings, owner: &str) -> Result<Vec<Setting>> {
    let names = || declared.iter().map(|p| p.name.as_str());
    if let Some(unknown) = given.keys().find(|name| names().all(|n| n != name.as_str())) {
        return Err(unknown_parameter(declared, unknown, owner));
    }
    let value = |p: &Parameter| match given.get(&p.name) {
        None => Ok(p.kind.default()),
        Some(value) => p.kind.accept(value).ok_or_else(|| out_of_range(p, owner).found(value.to_string())),
    };
    declared.iter().map(value).collect()
}

/// As [`resolve`], for values that stand in a spec: errors name their places.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_written(declared: &[Parameter], given: &Node, owner: &str) -> Result<Vec<Setting>> {
    for entry in given.entries() {
        if declared.iter().all(|p| p.name != entry.key) {
            return Err(unknown_parameter(declared, &entry.key, owner).at(entry.place()));
        }
    }
    let value = |p: &Parameter| match given.entry(&p.name) {
        None => Ok(p.kind.default()),
        Some(entry) => Setting::written(&entry.node)
            .and_then(|value| p.kind.accept(&value))
            .ok_or_else(|| out_of_range(p, owner).at(entry.node.place()).found(entry.node.describe())),
    };
    declared.iter().map(value).collect()
}

fn out_of_range(parameter: &Parameter, owner: &str) -> Error {
    Error::new(format!("parameter `{}` of {owner} is out of range", parameter.name)).expected(parameter.kind.describe())
}

/// The values of all parameters as a spec writes them.
pub fn written(declared: &[Parameter], values: &[Setting]) -> Node {
    let mut node = Node::empty("<default>");
    let mark = node.mark().clone();
    let value = |setting: &Setting| match setting {
        Setting::Integer(v) => spec::Value::Integer((*v).into()),
        Setting::Number(v) => spec::Value::Float(*v),
        Setting::Boolean(v) => spec::Value::Bool(*v),
        Setting::Word(v) => spec::Value::String(v.clone()),
    };
    let entry = |(p, v): (&Parameter, &Setting)| {
        spec::Entry::new(p.name.clone(), Node::new(value(v), mark.clone()), mark.clone())
    };
    node.value = spec::Value::Mapping(declared.iter().zip(values).map(entry).collect());
    node
}

/// The error for a parameter that was not declared.
pub fn unknown_parameter(declared: &[Parameter], unknown: &str, owner: &str) -> Error {
    let known: Vec<&str> = declared.iter().map(|p| p.name.as_str()).collect();
    Error::new(format!("{owner} has no parameter `{unknown}`"))
        .expected(if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") })
        .help_if(nearest(unknown, known))
}

/// The values of all declared parameters for the other side. They must not be used after names and values are gone.
pub(crate) fn to_abi(declared: &[Parameter], settings: &[Setting]) -> Vec<abi::Attribute> {
    let attribute = |(p, value): (&Parameter, &Setting)| {
        let mut a = abi::Attribute { name: abi::Text::new(&p.name), ..abi::Attribute::EMPTY };
        match value {
            Setting::Integer(v) => a.integer = *v,
            Setting::Number(v) => (a.kind, a.number) = (abi::KIND_NUMBER, *v),
            Setting::Boolean(v) => (a.kind, a.integer) = (abi::KIND_BOOLEAN, i64::from(*v)),
            Setting::Word(v) => (a.kind, a.text) = (abi::KIND_TEXT, abi::Text::new(v)),
        }
        a
    };
    declared.iter().zip(settings).map(attribute).collect()
}
