//! What is measured: a method, the size of the supernet, the batch.

use super::{images, repository, space};
use edas::spec::Spec;
use edas::{Error, Result};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Whose plans are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// One edge is relaxed, each other one runs a candidate that is fixed (`benches/peer/fixed.rhai`).
    Edas,
    /// Every edge is relaxed.
    Darts,
}

impl Method {
    /// Its name in cases and for the yardstick.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edas => "edas",
            Self::Darts => "darts",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::Edas => "benches/peer/fixed.rhai",
            Self::Darts => "scripts/darts.rhai",
        }
    }
}

/// A search on random images of CIFAR's size. As text `edas-20x16-b64`: method, cells × channels, batch; `-c4` at the end says another
/// number of candidates per edge than the eight of DARTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Whose plans are run.
    pub method: Method,
    /// The number of cells.
    pub cells: u32,
    /// The channels of the first cell.
    pub channels: u32,
    /// The number of images in a batch.
    pub batch: u32,
    /// The number of candidates per edge: 4, 8 or 16.
    pub candidates: usize,
}

impl Case {
    /// The cases that are compared with the yardstick.
    pub const COMPARED: [&'static str; 3] = ["edas-20x16-b64", "edas-20x16-b16", "darts-8x16-b16"];

    /// The whole spec of its search, whose images and space are written into `folder`.
    ///
    /// # Errors
    /// Where something cannot be written, and what is wrong with the spec.
    pub fn spec(&self, folder: &Path, threads: u32, device: &str) -> Result<Spec> {
        images::write(folder, images::COUNT)?;
        let space = match self.candidates {
            space::ALL => repository("specs/spaces/darts.yaml"),
            number => space::write(folder, number)?,
        };
        let settings = [
            format!("data.root={}", folder.display()),
            format!("space={}", space.display()),
            format!("policy.script={}", repository(self.method.script()).display()),
            format!("network.cells={}", self.cells),
            format!("network.channels={}", self.channels),
            format!("search.batch={}", self.batch),
            format!("threads={threads}"),
            // More than anyone measures: an iteration past the last epoch would have no learning rate.
            "search.epochs=1000".to_owned(),
            format!("device={device}"),
        ];
        Spec::load(repository("specs/edas-cifar10.yaml"), &settings)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, cells, channels, batch, candidates } = self;
        write!(f, "{}-{cells}x{channels}-b{batch}", method.name())?;
        if *candidates == space::ALL { Ok(()) } else { write!(f, "-c{candidates}") }
    }
}

impl FromStr for Case {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text).ok_or_else(|| {
            Error::new("there is no such case")
                .expected("METHOD-CELLSxCHANNELS-bBATCH, as in edas-20x16-b64 or darts-8x16-b16; -c4 or -c16 at the end says other candidates")
                .found(format!("`{text}`"))
        })
    }
}

fn parse(text: &str) -> Option<Case> {
    let mut parts = text.split('-');
    let method = match parts.next()? {
        "edas" => Method::Edas,
        "darts" => Method::Darts,
        _ => return None,
    };
    let (cells, channels) = parts.next()?.split_once('x')?;
    let batch = parts.next()?.strip_prefix('b')?;
    let candidates = match parts.next() {
        Some(number) => number.strip_prefix('c')?.parse().ok()?,
        None => space::ALL,
    };
    let positive = |text: &str| text.parse().ok().filter(|n: &u32| *n > 0);
    let case =
        Case { method, cells: positive(cells)?, channels: positive(channels)?, batch: positive(batch)?, candidates };
    (parts.next().is_none() && space::NUMBERS.contains(&candidates)).then_some(case)
}
