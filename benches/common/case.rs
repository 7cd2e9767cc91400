//! What is measured: a search by some method, or the training of a derived network; its size; the batch.

use super::{images, repository, space};
use edas::spec::Spec;
use edas::{Error, Result};
use std::fmt;
use std::path::{Path, PathBuf};
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

/// What is trained, and so what an iteration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A search: an architecture phase and a weights phase.
    Search {
        /// Whose plans are run.
        method: Method,
        /// The number of candidates per edge: 4, 8 or 16.
        candidates: usize,
    },
    /// The training of a derived network from scratch, as DARTS does it on CIFAR.
    Evaluation {
        /// The name of a file in `specs/genotypes`.
        genotype: String,
    },
}

/// The name of the method of cases that are evaluations.
const EVALUATE: &str = "evaluate";

/// Something that is trained on random images of CIFAR's size. As text `edas-20x16-b64`: method, cells × channels, batch; `-c4` at the end
/// says another number of candidates per edge than the eight of DARTS. An evaluation names its genotype: `evaluate-darts_v2-20x36-b32`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What is trained.
    pub kind: Kind,
    /// The number of cells.
    pub cells: u32,
    /// The channels of the first cell.
    pub channels: u32,
    /// The number of images in a batch.
    pub batch: u32,
}

impl Case {
    /// The cases that are compared with a yardstick.
    pub const COMPARED: [&'static str; 4] =
        ["edas-20x16-b64", "edas-20x16-b16", "darts-8x16-b16", "evaluate-darts_v2-20x36-b32"];

    /// The whole spec of its search or evaluation, whose images and space are written into `folder`.
    ///
    /// # Errors
    /// Where something cannot be written, and what is wrong with the spec.
    pub fn spec(&self, folder: &Path, threads: u32, device: &str) -> Result<Spec> {
        let Self { kind, cells, channels, batch } = self;
        images::write(folder, images::COUNT)?;
        let mut settings =
            vec![format!("data.root={}", folder.display()), format!("threads={threads}"), format!("device={device}")];
        let spec = match kind {
            Kind::Search { method, candidates } => {
                let space = match *candidates {
                    space::ALL => repository("specs/spaces/darts.yaml"),
                    number => space::write(folder, number)?,
                };
                settings.extend([
                    format!("space={}", space.display()),
                    format!("policy.script={}", repository(method.script()).display()),
                    format!("network.cells={cells}"),
                    format!("network.channels={channels}"),
                    format!("search.batch={batch}"),
                    // More than anyone measures: an iteration past the last epoch would have no learning rate.
                    "search.epochs=1000".to_owned(),
                ]);
                "specs/edas-cifar10.yaml"
            }
            Kind::Evaluation { genotype } => {
                images::write_test(folder)?;
                settings.extend([
                    format!("evaluate.genotype={}", genotype_file(genotype).display()),
                    format!("evaluate.cells={cells}"),
                    format!("evaluate.channels={channels}"),
                    format!("evaluate.batch={batch}"),
                    // Every iteration is an epoch, so that drop-path is at work from the second on.
                    format!("data.limit={batch}"),
                ]);
                "specs/evaluate-cifar10.yaml"
            }
        };
        Spec::load(repository(spec), &settings)
    }
}

/// The file with a genotype, as DARTS prints it; the yardstick reads the same one.
pub fn genotype_file(name: &str) -> PathBuf {
    repository("specs/genotypes").join(format!("{name}.txt"))
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, cells, channels, batch } = self;
        match kind {
            Kind::Search { method, .. } => write!(f, "{}", method.name())?,
            Kind::Evaluation { genotype } => write!(f, "{EVALUATE}-{genotype}")?,
        }
        write!(f, "-{cells}x{channels}-b{batch}")?;
        match kind {
            Kind::Search { candidates, .. } if *candidates != space::ALL => write!(f, "-c{candidates}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Case {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let case = parse(text).ok_or_else(|| {
            Error::new("there is no such case")
                .expected(
                    "METHOD-CELLSxCHANNELS-bBATCH, as in edas-20x16-b64 or darts-8x16-b16; -c4 or -c16 at the end says other \
                     candidates; or evaluate-GENOTYPE-CELLSxCHANNELS-bBATCH, as in evaluate-darts_v2-20x36-b32",
                )
                .found(format!("`{text}`"))
        })?;
        match &case.kind {
            Kind::Evaluation { genotype } if !genotype_file(genotype).is_file() => {
                Err(Error::new("there is no such genotype")
                    .expected(format!("a file {}", genotype_file(genotype).display()))
                    .found(format!("`{text}`")))
            }
            _ => Ok(case),
        }
    }
}

fn parse(text: &str) -> Option<Case> {
    let mut parts = text.split('-');
    let mut kind = match parts.next()? {
        "edas" => Kind::Search { method: Method::Edas, candidates: space::ALL },
        "darts" => Kind::Search { method: Method::Darts, candidates: space::ALL },
        EVALUATE => Kind::Evaluation { genotype: parts.next().filter(|name| is_word(name))?.to_owned() },
        _ => return None,
    };
    let (cells, channels) = parts.next()?.split_once('x')?;
    let batch = parts.next()?.strip_prefix('b')?;
    if let Some(number) = parts.next() {
        let Kind::Search { candidates, .. } = &mut kind else { return None };
        *candidates = number.strip_prefix('c')?.parse().ok().filter(|number| space::NUMBERS.contains(number))?;
    }
    let positive = |text: &str| text.parse().ok().filter(|n: &u32| *n > 0);
    let case = Case { kind, cells: positive(cells)?, channels: positive(channels)?, batch: positive(batch)? };
    parts.next().is_none().then_some(case)
}

/// The name of a file, and of none in another folder.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
