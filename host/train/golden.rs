//! Golden files: the first iterations of a spec, small enough to commit. Authors of policies and plugins check their work
//! against them.
//!
//! A file is lines of JSON: a head that says how it was made, then one line per iteration. A plan is a word per edge: the
//! number of the candidate that ran, `-` for off, `r` with its numbers for a relaxed edge, `s` (or `a`, where it alone is
//! computed) with the active number for a straight-through one; a minus before it for an inverted sign, `t`, `n` and `d` after it
//! for temperature, noise and drops.

use super::search::Search;
use crate::error::{Error, Place, Result};
use crate::native;
use crate::run::files::write_whole;
use crate::run::{Event, Observer};
use crate::spec::Spec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};

/// How far numbers may be apart on another kind of machine, relative to 1 + |expected|.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Of losses.
    pub loss: f64,
    /// Of α.
    pub alpha: f64,
}

/// The first line of a golden file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    golden: u32,
    spec: PathBuf,
    set: Vec<String>,
    machine: String,
    tolerance: Tolerance,
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
    /// The kind of machine that it was made on.
    pub machine: String,
}

/// Where two records part.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    iteration: u64,
    quantity: String,
    expected: String,
    found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { iteration, quantity, expected, found } = self;
        write!(f, "iteration {iteration} differs in {quantity}: expected {expected}, found {found}")
    }
}

/// What bits depend on besides spec and seed.
fn machine(threads: u32) -> String {
    let os = std::env::consts::OS;
    format!(
        "{os} {} {}; libtorch {}; {threads} threads",
        std::env::consts::ARCH,
        native::cpu_features(),
        native::LIBTORCH
    )
}

/// A spec whose first iterations are about to be recorded: its input is sound, nothing has run.
pub struct Recording {
    search: Search,
    spec: PathBuf,
    set: Vec<String>,
}

fn plan_text(line: &Value, candidates: &[Vec<String>]) -> String {
    let number = |edge: usize, name: &Value| {
        let name = name.as_str().unwrap_or_default();
        candidates[edge].iter().position(|c| c == name).map_or_else(|| name.to_owned(), |i| i.to_string())
    };
    let gate = |(edge, gate): (usize, &Value)| match gate {
        Value::Null => "-".to_owned(),
        Value::Object(gate) => {
            let of = |key: &str| gate.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let names = of("relaxed").iter().chain(of("straight_through"));
            let all: Vec<String> = names.map(|name| number(edge, name)).collect();
            let kind = match (gate.get("only"), gate.get("active")) {
                (Some(only), _) => number(edge, only),
                (None, Some(active)) => {
                    let alone = if gate.contains_key("active_only") { "a" } else { "s" };
                    format!("{alone}{}:", number(edge, active))
                }
                (None, None) => "r".to_owned(),
            };
            let sign = if gate.contains_key("sign") { "-" } else { "" };
            let further = [("temperature", 't'), ("noise", 'n'), ("drop", 'd')];
            let further = further.iter().filter_map(|(key, letter)| Some(format!("{letter}{}", gate.get(*key)?)));
            format!("{sign}{kind}{}{}", all.join(","), further.collect::<String>())
        }
        name => number(edge, name),
    };
    let gates: Vec<String> = line["gates"].as_array().into_iter().flatten().enumerate().map(gate).collect();
    let inverted = if line["inverted"] == true { " inverted" } else { "" };
    format!("{}{inverted}: {}", line["phase"].as_str().unwrap_or_default(), gates.join(" "))
}

impl Recording {
    /// Prepares a spec. `unrecorded` settings hold for this run and do not enter the record.
    ///
    /// # Errors
    /// Whatever is wrong with the spec.
    pub fn prepare(spec: &Path, overrides: &[String], unrecorded: &[String]) -> Result<Self> {
        let all: Vec<String> = overrides.iter().chain(unrecorded).cloned().collect();
        let search = Search::from_spec(Spec::load(spec, &all)?)?;
        Ok(Self { search, spec: spec.to_owned(), set: overrides.to_vec() })
    }

    /// Runs so many iterations, or all of the search where it has fewer.
    ///
    /// # Errors
    /// Where there are none, and whatever goes wrong in the run.
    pub fn run(self, iterations: u64) -> Result<Golden> {
        if iterations == 0 {
            return Err(Error::new("a record of no iterations says nothing").expected("at least 1 iteration"));
        }
        let search = self.search;
        let spec = &search.setup().spec;
        let machine = machine(spec.threads);
        let candidates: Vec<Vec<String>> = search.setup().view.edges.iter().map(|e| e.candidates.clone()).collect();
        let total = search.iterations_per_epoch() * u64::from(spec.search.epochs);
        let mut running = search.start()?;
        let mut list = Vec::new();
        for _ in 0..iterations.min(total) {
            let mut listener = Listener { plans: Vec::new(), candidates: &candidates };
            let (record, learning) = running.iteration(&mut [&mut listener])?;
            let alpha = &running.trainer.architecture.alpha;
            let rows = learning.iter().map(|edge| (*edge, alpha[*edge].clone())).collect();
            let losses = [record.search_loss, record.train_loss];
            list.push(Iteration { iteration: record.iteration, plans: listener.plans, losses, alpha: rows });
            if running.at_end_of_epoch() && running.end_epoch(&mut [])? {
                break;
            }
        }
        let tolerance = Tolerance { loss: 0.02, alpha: 0.01 };
        let head = Head { golden: 1, spec: self.spec, set: self.set, machine: machine.clone(), tolerance };
        Ok(Golden { head, list, machine })
    }
}

/// Listens to one iteration.
struct Listener<'a> {
    plans: Vec<String>,
    candidates: &'a [Vec<String>],
}

impl Observer for Listener<'_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Step(line) = event {
            self.plans.push(plan_text(line, self.candidates));
        }
        Ok(())
    }
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
        head.spec = relative(&head.spec, path.parent().unwrap_or(Path::new(""))).unwrap_or(head.spec);
        let json = |e: serde_json::Error| Error::new(format!("the record cannot be written: {e}"));
        let mut text = serde_json::to_string(&head).map_err(json)? + "\n";
        for iteration in &self.list {
            text += &(serde_json::to_string(iteration).map_err(json)? + "\n");
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
        if head.golden != 1 {
            return Err(Error::new("this golden file is written in another version of the form")
                .at(Place::file(path))
                .expected("version 1")
                .found(format!("version {}", head.golden)));
        }
        let list = lines
            .map(|(i, line)| serde_json::from_str(line).map_err(|e| wrong(i + 1, &e)))
            .collect::<Result<Vec<_>>>()?;
        if list.is_empty() {
            return Err(Error::new("this golden file has no iterations").at(Place::file(path)));
        }
        let machine = head.machine.clone();
        Ok(Self { head, list, machine })
    }

    /// Prepares the same spec again; `path` is where the file lies, `further` settings are added.
    ///
    /// # Errors
    /// As [`Recording::prepare`].
    pub fn recording(&self, path: &Path, further: &[String]) -> Result<Recording> {
        let spec = path.parent().unwrap_or(Path::new("")).join(&self.head.spec);
        Recording::prepare(&spec, &self.head.set, further)
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
                Some(Difference { iteration: a.iteration, quantity, expected, found })
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
        (self.list.len() != found.list.len()).then(|| Difference {
            iteration: self.list.len().min(found.list.len()) as u64,
            quantity: "the number of iterations".to_owned(),
            expected: self.list.len().to_string(),
            found: found.list.len().to_string(),
        })
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
