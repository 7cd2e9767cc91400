//! What the benches that measure whole searches and evaluations share.
//!
//! - [`case`]: what is measured, by a name: `edas-20x16-b64`
//! - [`space`]: the DARTS space with fewer or more candidates
//! - [`images`]: random images to train with
//! - [`measure`]: a case, measured in a process of its own
//! - [`comparison`]: several measurements of a case, and of the same work by the yardstick
//! - [`roofline`]: what an iteration has to do at least, and what this machine can do
//! - [`statistics`]: medians, means, the line through points
#![allow(dead_code, reason = "each bench uses a part of this")]

pub mod case;
pub mod comparison;
pub mod images;
pub mod measure;
pub mod roofline;
pub mod space;
pub mod statistics;

use std::path::{Path, PathBuf};

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
