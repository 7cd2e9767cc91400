//! A case, measured in a process of its own: its memory is then its own, and nothing that ran before warms or burdens it.

use super::case::{Case, Kind};
use super::statistics::median;
use edas::train::evaluation::Evaluation;
use edas::{Error, Result, Search, native};
use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What is to be measured, as a bench tells it to itself in another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// The case's name.
    pub case: String,
    /// Iterations before those that count.
    pub warmup: u32,
    /// Iterations that count.
    pub iterations: u32,
    /// Threads that compute; 0 for all cores.
    pub threads: u32,
    /// Where it is computed, as the spec's `device` says it.
    pub device: String,
}

/// What was measured; the yardstick says the same of itself in the same words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Threads that computed.
    pub threads: u32,
    /// The median of the iterations, all phases together, in seconds.
    pub iteration_s: f64,
    /// The most memory that the process held, in MiB.
    pub peak_rss_mib: f64,
    /// Every iteration that counts, in seconds; the yardstick keeps them to itself.
    #[serde(default)]
    pub seconds: Vec<f64>,
    /// Of an evaluation how many numbers are trained: the network's, and those of its second classifier.
    #[serde(default)]
    pub parameters: Option<[i64; 2]>,
}

impl Measured {
    /// Reads the line that a process printed.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(output: &[u8], of: &str) -> Result<Self> {
        serde_json::from_slice(output).map_err(|e| Error::new(format!("{of} printed no measurement: {e}")))
    }
}

/// The first argument of a process that measures.
const WORD: &str = "measure";

impl Task {
    /// What this process was started to measure, if it was.
    ///
    /// # Errors
    /// Where what it is to measure cannot be read.
    pub fn of_this_process() -> Result<Option<Self>> {
        let arguments: Vec<String> = std::env::args().collect();
        match &arguments[..] {
            [_, word, task] if word == WORD => {
                serde_json::from_str(task).map(Some).map_err(|e| Error::new(format!("not a task: {e}")))
            }
            _ => Ok(None),
        }
    }

    /// Measures it in a process of its own.
    ///
    /// # Errors
    /// Where that process cannot be started, or fails.
    pub fn apart(&self) -> Result<Measured> {
        let program = std::env::current_exe().map_err(|e| Error::new(format!("where this program lies: {e}")))?;
        let task = serde_json::to_string(self).map_err(|e| Error::new(e.to_string()))?;
        let output = output(Command::new(program).args([WORD, &task]), &self.case)?;
        Measured::read(&output, &self.case)
    }

    /// Measures it in this process: everything that an iteration does counts, from its batches and, in a search, its plan to the
    /// optimizers.
    ///
    /// # Errors
    /// As [`Search::from_spec`] and [`Running::iteration`](edas::train::Running::iteration), or the same of an evaluation.
    pub fn here(&self) -> Result<Measured> {
        let case: Case = self.case.parse()?;
        let folder = tempfile::tempdir().map_err(|e| Error::new(format!("a folder for images: {e}")))?;
        let spec = case.spec(folder.path(), self.threads, &self.device)?;
        match case.kind {
            Kind::Search { .. } => {
                let mut running = Search::from_spec(spec)?.start()?;
                let threads = running.spec.threads;
                self.measure(threads, None, || running.iteration(&mut []).map(drop))
            }
            Kind::Evaluation { .. } => {
                let mut training = Evaluation::from_spec(spec, None)?.start()?;
                let (threads, cost) = (training.setup.spec.threads, training.setup.cost());
                let parameters = [cost.parameters, cost.auxiliary];
                self.measure(threads, Some(parameters), || training.iteration().map(drop))
            }
        }
    }

    fn measure(
        &self,
        threads: u32,
        parameters: Option<[i64; 2]>,
        mut iteration: impl FnMut() -> Result<()>,
    ) -> Result<Measured> {
        for _ in 0..self.warmup {
            iteration()?;
        }
        let mut seconds = Vec::new();
        for _ in 0..self.iterations {
            let begun = Instant::now();
            iteration()?;
            seconds.push(begun.elapsed().as_secs_f64());
        }
        let bytes = native::peak_memory().ok_or_else(|| Error::new("the system tells no process's memory"))?;
        let peak_rss_mib = bytes as f64 / f64::from(1 << 20);
        Ok(Measured { threads, iteration_s: median(&seconds), peak_rss_mib, seconds, parameters })
    }
}

/// Runs a process to its end, its messages shown, and returns what it printed.
///
/// # Errors
/// Where it cannot be started, or fails.
pub fn output(command: &mut Command, of: &str) -> Result<Vec<u8>> {
    let program = command.get_program().to_owned();
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|e| Error::new(format!("cannot start {}", program.display())).found(e.to_string()))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Error::new(format!("measuring {of} failed")).found(output.status.to_string()))
    }
}
