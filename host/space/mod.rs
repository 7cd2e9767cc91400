//! Search spaces and genotypes.
//!
//! A search space is data: cell types with their graphs and candidates, and the backbone that stacks cells.
//! Nothing about a particular space is known to the host.
//!
//! - [`form`]: a space as YAML writes it
//! - [`expression`]: the whole-number expressions of a backbone
//! - [`resolve`]: from the form to [`Space`]: edges numbered, candidates found, everything checked
//! - [`genotype`]: discrete architectures
//! - [`mod@derive`]: from α to a genotype
//! - [`collapse`]: cells that became next to nothing
//! - [`architecture`]: cells as NAS-Bench-201 writes them
//! - [`plugin`]: spaces that plugins offer
//! - [`script`]: spaces that scripts return
//! - [`published`]: genotypes as code of the DARTS family prints them, read
//! - [`text`]: the same written

pub mod architecture;
pub mod collapse;
pub mod derive;
pub mod expression;
pub mod form;
pub mod genotype;
pub mod keep;
pub mod plugin;
pub mod published;
pub mod resolve;
pub mod script;
pub mod text;

pub use architecture::Architecture;
pub use collapse::Collapse;
pub use derive::{Rule, derive};
pub use genotype::{Choices, Genotype};
pub use plugin::PluginSpaces;
pub use published::Published;
pub use resolve::{Candidate, CellType, Combine, Edge, Output, Space, Stage};
pub use script::ScriptSpace;

use crate::spec::Node;

/// A space that a plugin or a script wrote.
#[derive(Debug, Clone)]
pub struct WrittenSpace {
    /// The text, in the form of a file.
    pub text: String,
    /// The same as a tree.
    pub node: Node,
    /// The values of all parameters, defaults filled in, as a spec writes them.
    pub params: Node,
}

/// The architecture parameters α: one row per edge (over all cell types), one number per candidate.
pub type Alpha = Vec<Vec<f64>>;
