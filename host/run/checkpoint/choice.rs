//! Which of a run's checkpoints is meant.

use super::{Checkpoint, Checkpoints, Manifest};
use crate::error::{Error, Place, Result};
use crate::run::directory::CHECKPOINTS;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which of a run's checkpoints is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The newest one that is whole.
    Newest,
    /// That of the best derived accuracy.
    Best,
    /// The one after so many iterations.
    After(u64),
    /// The one of this manifest.
    File(PathBuf),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "newest" => Self::Newest,
            "best" => Self::Best,
            text => text.parse().map_or_else(|_| Self::File(text.into()), Self::After),
        })
    }
}

impl Choice {
    /// Reads it, where it `fits`; newer ones that were passed over come with their faults.
    ///
    /// # Errors
    /// Where there is no such checkpoint, or it is not whole.
    pub fn read(
        &self,
        run: &Path,
        fits: impl Fn(&Manifest) -> Result<()>,
    ) -> Result<(Checkpoint, Vec<(PathBuf, Error)>)> {
        let folder = run.join(CHECKPOINTS);
        let checkpoints = Checkpoints::open(&folder, 1)?;
        let none = |what: String| {
            let mut there: Vec<String> = checkpoints.files().map(|((iteration, _), _)| iteration.to_string()).collect();
            there.dedup();
            let there = if there.is_empty() { "none".to_owned() } else { format!("after {}", there.join(", ")) };
            Error::new(what).at(Place::file(&folder)).found(format!("checkpoints: {there}"))
        };
        let path = match self {
            Self::Newest => {
                let (newest, passed) = checkpoints.newest(fits)?;
                return match (newest, passed.into_iter().next()) {
                    (Some(newest), passed) => Ok((newest, passed.into_iter().collect())),
                    (None, Some((_, fault))) => Err(fault),
                    (None, None) => Err(none("the run has no checkpoint".to_owned())),
                };
            }
            Self::Best => checkpoints.best().ok_or_else(|| none("the run has no best checkpoint".to_owned()))?,
            Self::After(wanted) => {
                // What was written last after so many iterations.
                let found = checkpoints.files().filter(|((iteration, _), _)| iteration == wanted).last();
                let missing = || none(format!("the run has no checkpoint after {wanted} iterations"));
                found.ok_or_else(missing)?.1
            }
            Self::File(path) => path.clone(),
        };
        let checkpoint = Checkpoint::read(&path)?;
        fits(&checkpoint.manifest).map_err(|e| e.at(Place::file(&path)))?;
        Ok((checkpoint, Vec::new()))
    }
}
