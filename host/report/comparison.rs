//! Architectures side by side, in the form of the paper's table 2: test errors, size, what the search for it cost, and how it was found.
//!
//! Runs of one genotype make one row: a search says what it cost and how it searched, evaluations say errors and size. Rows of the
//! literature come from `published.csv`, each with its source.

use super::moments;
use crate::error::{Error, Place, Result};
use crate::run::session::Session;
use crate::run::{EvaluationResult, LogName};
use crate::space::Genotype;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// The data sets that the paper's table has, as specs write them and as people do.
const PAPER: [(&str, &str); 2] = [("cifar10", "CIFAR-10"), ("cifar100", "CIFAR-100")];

/// Architectures side by side.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Comparison {
    /// One per architecture, those of runs in the order in which they were named, those of the literature last.
    pub rows: Vec<Row>,
}

/// An architecture.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Row {
    /// Its name: of the search that found it, or of what is known of it otherwise.
    pub architecture: String,
    /// Per data set: test errors in percent, one per evaluation.
    pub test_errors: BTreeMap<String, Vec<f64>>,
    /// Numbers that are trained.
    pub parameters: Option<i64>,
    /// What the search cost, in days of its device.
    pub device_days: Option<f64>,
    /// That device.
    pub device: Option<String>,
    /// How it was found.
    pub method: Option<String>,
    /// Of a row of the literature: where it says so.
    pub source: Option<String>,
    /// The runs behind it.
    pub runs: Vec<PathBuf>,
    /// What tells its genotype from others; null for a row of the literature.
    #[serde(skip)]
    key: Value,
}

/// A row of the file of published results.
#[derive(Deserialize)]
struct Published {
    architecture: String,
    #[serde(rename = "cifar10 error")]
    cifar10: Option<f64>,
    #[serde(rename = "cifar100 error")]
    cifar100: Option<f64>,
    parameters: Option<i64>,
    #[serde(rename = "device-days")]
    device_days: Option<f64>,
    device: Option<String>,
    method: Option<String>,
    source: String,
}

impl Comparison {
    /// Compares runs: searches and evaluations, also of the same genotype. One that is named twice counts once.
    ///
    /// # Errors
    /// Where a directory is no run's, or the run has come to no result.
    pub fn of(runs: &[PathBuf]) -> Result<Self> {
        let mut comparison = Self::default();
        runs.iter().try_for_each(|run| comparison.add(run))?;
        Ok(comparison)
    }

    /// Adds a run, which stands in the row of its genotype.
    ///
    /// # Errors
    /// Where a directory is no run's, or the run has come to no result; nothing is added then.
    pub fn add(&mut self, run: &Path) -> Result<()> {
        let place = |run: &Path| run.canonicalize().unwrap_or_else(|_| run.to_owned());
        if self.rows.iter().flat_map(|row| &row.runs).any(|known| place(known) == place(run)) {
            return Ok(());
        }
        let spec = Spec::load(run.join("spec.yaml"), &[]).map_err(|e| {
            e.context(format!("reading the run in {}", run.display()))
                .help_if_none("name run directories, of searches and of evaluations".to_owned())
        })?;
        let genotype = genotype(run, &spec)?;
        let search = if spec.is_search() { Some((seconds(run)?, device(run)?, method(run)?)) } else { None };
        let evaluation = if spec.is_search() { None } else { Some(EvaluationResult::read(run)?) };
        // What it is, whatever versions its op sets have.
        let key = serde_json::json!([genotype.space, genotype.cells]);
        let at = self.rows.iter().position(|row| row.key == key).unwrap_or_else(|| {
            self.rows.push(Row { architecture: spec.name.clone(), key, ..Row::default() });
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        if let Some((seconds, device, method)) = search {
            row.architecture.clone_from(&spec.name);
            row.device_days = Some(seconds / DAY);
            row.device = device;
            row.method = Some(method.to_owned());
        }
        if let Some(result) = evaluation {
            row.test_errors.entry(result.data).or_default().push(100.0 * (1.0 - result.last.test_accuracy));
            row.parameters = Some(result.parameters);
        }
        row.runs.push(run.to_owned());
        Ok(())
    }

    /// Adds the rows of the literature.
    ///
    /// # Errors
    /// None for the file that the program has.
    pub fn with_published(mut self) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(include_str!("published.csv").as_bytes());
        for published in reader.deserialize::<Published>() {
            let Published { architecture, cifar10, cifar100, parameters, device_days, device, method, source } =
                published.map_err(|e| Error::new(format!("the published results: {e}")))?;
            let errors = [(PAPER[0].0, cifar10), (PAPER[1].0, cifar100)];
            let errors = errors.into_iter().filter_map(|(name, error)| Some((name.to_owned(), vec![error?])));
            self.rows.push(Row {
                architecture,
                test_errors: errors.collect(),
                parameters,
                device_days,
                device,
                method,
                source: Some(source),
                ..Row::default()
            });
        }
        Ok(self)
    }

    /// The headings of the table.
    pub fn headings(&self) -> Vec<String> {
        let error = |name: &String| format!("{} error, %", data_name(name));
        let rest = ["parameters, M", "search, device-days", "device", "found by", "source"].map(str::to_owned);
        std::iter::once("architecture".to_owned()).chain(self.data().iter().map(error)).chain(rest).collect()
    }

    /// The cells of the table, row by row; `–` where nothing is known.
    pub fn cells(&self) -> Vec<Vec<String>> {
        let data = self.data();
        let row = |row: &Row| {
            let known = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
            let mut cells = vec![row.architecture.clone()];
            cells.extend(data.iter().map(|name| known(row.test_errors.get(name).map(|errors| mean(errors)))));
            cells.push(known(row.parameters.map(|n| format!("{:.2}", n as f64 / 1e6))));
            cells.push(known(row.device_days.map(days)));
            cells.push(known(row.device.clone()));
            cells.push(known(row.method.clone()));
            cells.push(match &row.source {
                Some(source) => format!("published: {source}"),
                None => row.runs.iter().map(|run| run.display().to_string()).collect::<Vec<_>>().join(", "),
            });
            cells
        };
        self.rows.iter().map(row).collect()
    }

    /// The data sets of the table: the paper's where any row has them, then others.
    fn data(&self) -> Vec<String> {
        let known: Vec<&String> = self.rows.iter().flat_map(|row| row.test_errors.keys()).collect();
        let is_paper = |name: &str| PAPER.iter().any(|(paper, _)| *paper == name);
        let mut list: Vec<String> = Vec::new();
        if known.iter().any(|name| is_paper(name)) {
            list.extend(PAPER.map(|(name, _)| name.to_owned()));
        }
        for name in known {
            if !list.contains(name) {
                list.push(name.clone());
            }
        }
        list
    }
}

fn data_name(name: &str) -> &str {
    PAPER.iter().find(|(paper, _)| *paper == name).map_or(name, |(_, people)| people)
}

/// The mean of errors, with the standard deviation where there are several.
fn mean(errors: &[f64]) -> String {
    match moments(errors) {
        (mean, None) => format!("{mean:.2}"),
        (mean, Some(deviation)) => format!("{mean:.2} ± {deviation:.2}"),
    }
}

/// Days, with as many digits as say something.
fn days(days: f64) -> String {
    match days {
        days if days >= 0.1 => format!("{days:.3}"),
        days if days >= 1e-3 => format!("{days:.4}"),
        days => format!("{days:.1e}"),
    }
}

fn genotype(run: &Path, spec: &Spec) -> Result<Genotype> {
    let file = run.join(if spec.is_search() { "genotype.json" } else { "inputs/genotype.json" });
    if !file.is_file() {
        return Err(Error::new(format!("the run in {} has no genotype", run.display()))
            .at(Place::file(run))
            .expected("a finished run")
            .help("`--resume` goes on with it"));
    }
    Genotype::read(&file)
}

/// Reads the lines of one of a run's logs, one after the other, as long as `take` wants more; what is none of the form is passed over.
fn each_line<T: for<'de> Deserialize<'de>>(run: &Path, log: &str, mut take: impl FnMut(T) -> bool) -> Result<()> {
    let path = run.join(log);
    let failed = |e: std::io::Error| Error::io("read", &path, &e).at(Place::file(&path));
    let mut reader = BufReader::with_capacity(1 << 18, File::open(&path).map_err(failed)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        if serde_json::from_slice(&line).is_ok_and(|value| !take(value)) {
            break;
        }
        line.clear();
    }
    Ok(())
}

/// How long a search ran, in seconds: its epochs, validations included.
fn seconds(run: &Path) -> Result<f64> {
    #[derive(Deserialize)]
    struct Line {
        kind: String,
        seconds: Option<f64>,
    }
    let mut sum = 0.0;
    each_line(run, LogName::Metrics.file(), |line: Line| {
        sum += line.seconds.filter(|_| line.kind == "epoch").unwrap_or(0.0);
        true
    })?;
    Ok(sum)
}

/// Where a run ran last.
fn device(run: &Path) -> Result<Option<String>> {
    let mut last: Option<Session> = None;
    each_line(run, Session::FILE, |session| {
        last = Some(session);
        true
    })?;
    Ok(last.map(|Session { machine, .. }| match machine.device.as_str() {
        "cpu" if machine.threads == 1 => "1 CPU core".to_owned(),
        "cpu" => format!("{} CPU cores", machine.threads),
        device => device.to_owned(),
    }))
}

/// How a search searched: by gradients of α, where any of its steps had them.
fn method(run: &Path) -> Result<&'static str> {
    let learns = |gate: &Value| gate.get("relaxed").is_some() || gate.get("straight_through").is_some();
    let mut gradients = false;
    each_line(run, LogName::Trace.file(), |step: Value| {
        gradients = matches!(step["phase"].as_str(), Some("both" | "architecture"))
            && step["gates"].as_array().is_some_and(|gates| gates.iter().any(learns));
        !gradients
    })?;
    Ok(if gradients { "gradient-based" } else { "sampling" })
}
