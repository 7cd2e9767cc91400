//! Golden files: the first iterations of a spec, or those after a checkpoint, small enough to commit. Authors of policies and plugins
//! check their work against them.
//!
//! A file is lines of JSON: a head that says how it was made, with the hashes of what went in; one line per iteration; and the state
//! after the last one. A plan is a word per edge: the number of the candidate that ran, `-` for off, `r` with its numbers for a relaxed
//! edge, `s` (or `a`, where it alone is computed) with the active number for a straight-through one; a minus before it for an inverted
//! sign, `t`, `n` and `d` after it for temperature, noise and drops.
//!
//! Files of version 1 have neither hashes nor state; they are still read.
//!
//! - `recording`: iterations that are about to be recorded
//! - `plan`: a plan as a line of words
//! - [`pinned`]: the state after the last iteration

pub mod pinned;
mod plan;
mod recording;

use crate::error::{Error, Place, Result};
use crate::run::Changed;
use crate::run::checkpoint::Choice;
use crate::run::compare::Difference;
use crate::run::contents;
use crate::run::files::write_whole;
use pinned::Pinned;
pub use recording::Recording;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the form that is written.
const VERSION: u32 = 2;

/// How far numbers may be apart on another kind of machine, relative to 1 + |expected|.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Of losses.
    pub loss: f64,
    /// Of α.
    pub alpha: f64,
    /// Of the norms of weights, buffers, momentum, α and its moments.
    #[serde(default)]
    pub state: f64,
}

/// The first line of a golden file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    golden: u32,
    spec: PathBuf,
    /// The checkpoint that it begins at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<PathBuf>,
    set: Vec<String>,
    machine: String,
    tolerance: Tolerance,
    /// SHA-256 of what the spec names.
    #[serde(default)]
    inputs: BTreeMap<String, String>,
}

/// One iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Iteration {
    /// Its number, from 0.
    pub iteration: u64,
    /// Phase and gates of each step.
    pub plans: Vec<String>,
    /// The losses of the architecture and the weights phase.
    pub losses: [Option<f64>; 2],
    /// The rows of α of the edges whose gate had a softmax last, after the iteration: index, values.
    pub alpha: Vec<(usize, Vec<f64>)>,
}

/// What a golden file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    head: Head,
    /// The iterations.
    pub list: Vec<Iteration>,
    /// The state after the last one; none in files of version 1.
    pub state: Option<Pinned>,
    /// The kind of machine that it was made on.
    pub machine: String,
}

impl Golden {
    /// The number of iterations.
    pub fn iterations(&self) -> usize {
        self.list.len()
    }

    /// Writes the file; the spec is named relative to the file's folder.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut head = self.head.clone();
        let folder = path.parent().unwrap_or(Path::new(""));
        head.spec = relative(&head.spec, folder).unwrap_or(head.spec);
        head.from = head.from.map(|from| relative(&from, folder).unwrap_or(from));
        let json = |e: serde_json::Error| Error::new(format!("the record cannot be written: {e}"));
        let mut text = serde_json::to_string(&head).map_err(json)? + "\n";
        for iteration in &self.list {
            text += &(serde_json::to_string(iteration).map_err(json)? + "\n");
        }
        if let Some(state) = &self.state {
            text += &(serde_json::to_string(state).map_err(json)? + "\n");
        }
        write_whole(path, text.as_bytes())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, or is no golden file of this version.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::io("read the golden file", path, &e).at(Place::file(path)))?;
        let wrong = |line: usize, e: &serde_json::Error| {
            Error::new(format!("this is no golden file: {e}"))
                .at(Place::at(path, line, e.column()).with_text(text.as_str()))
                .help("make it with `edas golden record`")
        };
        let mut lines = text.lines().enumerate();
        let head: Head = match lines.next() {
            Some((_, line)) => serde_json::from_str(line).map_err(|e| wrong(1, &e))?,
            None => return Err(Error::new("this golden file is empty").at(Place::file(path))),
        };
        if !(1..=VERSION).contains(&head.golden) {
            return Err(Error::new("this golden file is written in another version of the form")
                .at(Place::file(path))
                .expected(format!("version {VERSION}, or an earlier one"))
                .found(format!("version {}", head.golden)));
        }
        let mut lines: Vec<(usize, &str)> = lines.collect();
        let state = match lines.pop_if(|_| head.golden > 1) {
            Some((i, line)) => Some(serde_json::from_str(line).map_err(|e| wrong(i + 1, &e))?),
            None => None,
        };
        let list = lines
            .into_iter()
            .map(|(i, line)| serde_json::from_str(line).map_err(|e| wrong(i + 1, &e)))
            .collect::<Result<Vec<_>>>()?;
        if list.is_empty() {
            return Err(Error::new("this golden file has no iterations").at(Place::file(path)));
        }
        let machine = head.machine.clone();
        Ok(Self { head, list, state, machine })
    }

    /// Prepares the same spec again, from the same checkpoint where there is one; `path` is where the file lies, `further` settings
    /// are added.
    ///
    /// # Errors
    /// As [`Recording::prepare`].
    pub fn recording(&self, path: &Path, further: &[String]) -> Result<Recording> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let from = self.head.from.as_ref().map(|from| Choice::File(folder.join(from)));
        Recording::prepare(&folder.join(&self.head.spec), from.as_ref(), &self.head.set, further)
    }

    /// What went in then and is another now: plugins, scripts, space, data, checkpoint. A file of version 1 says nothing of it.
    pub fn changes(&self, found: &Golden) -> Vec<Changed> {
        if self.head.golden < 2 { Vec::new() } else { contents::differences(&self.head.inputs, &found.head.inputs) }
    }

    /// The first difference between what was expected and what was found: exactly where the machines are of one kind, within
    /// the tolerances elsewhere.
    pub fn compare(&self, found: &Golden) -> Option<Difference> {
        let exact = self.machine == found.machine;
        let near = |a: f64, b: f64, tolerance: f64| {
            a.to_bits() == b.to_bits() || (!exact && (a - b).abs() <= tolerance * (1.0 + a.abs()))
        };
        for (a, b) in self.list.iter().zip(&found.list) {
            let differs = |quantity: String, expected: String, found: String| {
                Some(Difference::new(a.iteration, quantity, expected, found))
            };
            if a.plans != b.plans {
                return differs("its plans".to_owned(), a.plans.join("; "), b.plans.join("; "));
            }
            for (k, name) in ["the search loss", "the train loss"].into_iter().enumerate() {
                let same = match (a.losses[k], b.losses[k]) {
                    (Some(x), Some(y)) => near(x, y, self.head.tolerance.loss),
                    (x, y) => x == y,
                };
                if !same {
                    let text = |loss: Option<f64>| loss.map_or_else(|| "none".to_owned(), |loss| loss.to_string());
                    return differs(name.to_owned(), text(a.losses[k]), text(b.losses[k]));
                }
            }
            for ((edge, x), (_, y)) in a.alpha.iter().zip(&b.alpha) {
                if x.len() != y.len() || x.iter().zip(y).any(|(x, y)| !near(*x, *y, self.head.tolerance.alpha)) {
                    let text = |row: &[f64]| row.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
                    return differs(format!("α of edge {edge}"), text(x), text(y));
                }
            }
        }
        let [expected, here] = [self.list.len(), found.list.len()];
        let iteration = |number: usize| self.list.first().map_or(0, |first| first.iteration) + number as u64;
        if expected != here {
            let (expected_text, here_text) = (expected.to_string(), here.to_string());
            let end = iteration(expected.min(here));
            return Some(Difference::new(end, "the number of iterations", expected_text, here_text));
        }
        let (expected_state, found_state) = (self.state.as_ref()?, found.state.as_ref()?);
        let near = |a: f64, b: f64| near(a, b, self.head.tolerance.state);
        let near: Option<&dyn Fn(f64, f64) -> bool> = if exact { None } else { Some(&near) };
        expected_state.difference(found_state, iteration(expected - 1), near)
    }
}

/// A path as seen from a folder, where both can be made absolute.
fn relative(path: &Path, folder: &Path) -> Option<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (path, folder) = (path.canonicalize().ok()?, folder.canonicalize().ok()?);
    let common = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| std::path::Component::ParentDir);
    Some(up.chain(path.components().skip(common)).collect())
}
