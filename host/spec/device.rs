//! The spec's `device` key.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decode::{Part, raise, refuse};
use crate::error::{Error, nearest};

/// Where tensors live and are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The first GPU that libtorch can use, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number, from 0. `cuda` alone is the first.
    Cuda(u32),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |digits: &str| match digits.bytes().all(|b| b.is_ascii_digit()) {
            true => digits.parse::<u32>().ok().filter(|index| *index < 1024),
            false => None,
        };
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => match text.strip_prefix("cuda:").and_then(number) {
                Some(index) => Ok(Self::Cuda(index)),
                None => Err(Error::new(format!("unknown device `{text}`"))
                    .expected("`auto`, `cpu`, `cuda` or `cuda:N`")
                    .help_if(nearest(text, ["auto", "cpu", "cuda"]))),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = Part::deserialize(deserializer)?;
        match part.node.as_str() {
            Some(text) => text.parse().map_err(raise),
            None => Err(raise(refuse(&part, "is of the wrong type").expected("`auto`, `cpu`, `cuda` or `cuda:N`"))),
        }
    }
}

impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Device {
    fn schema_name() -> Cow<'static, str> {
        "Device".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where tensors live and are computed.",
            "type": "string",
            "pattern": "^(auto|cpu|cuda(:[0-9]+)?)$",
            "examples": ["auto", "cpu", "cuda", "cuda:0"]
        })
    }
}
