//! What a page about a long run costs: time, peak memory, and how large it is.
//!
//! `cargo x bench --bench report [-- --iterations N]`

mod common;
#[path = "../tests/common/long_run.rs"]
mod long_run;

use clap::Parser;
use common::repository;
use edas::report::{History, page};
use edas::run::RunDirectory;
use edas::spec::Spec;
use edas::{Error, Result, Search, native};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// A page about a long run.
#[derive(Parser)]
struct Options {
    /// Iterations of the run.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    iterations: u64,
    /// Make the page of this run, and say what it cost: what the bench asks of a process of its own.
    #[arg(long, hide = true)]
    of: Option<PathBuf>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.of {
        Some(run) => measure(run),
        None => bench(options.iterations),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(iterations: u64) -> Result<()> {
    let io = |e: std::io::Error| Error::new(e.to_string());
    let folder = tempfile::tempdir().map_err(io)?;
    let (short, long) = (folder.path().join("short"), folder.path().join("long"));
    let settings = ["search.epochs=3", "network.cells=3", "network.channels=4", "data.limit=320"].map(str::to_owned);
    let spec = Spec::load(repository("specs/quickstart.yaml"), &settings)?;
    let begun = Search::begin(spec, Default::default(), |contents| RunDirectory::create(&short, contents))?;
    let (search, mut directory) = (begun.stage, begun.directory);
    search.run(&mut [&mut directory])?;
    drop(directory);
    long_run::stretch(&short, &long, iterations);
    let logs: u64 = std::fs::read_dir(&long).map_err(io)?.filter_map(|f| Some(f.ok()?.metadata().ok()?.len())).sum();
    println!("{iterations} iterations, {:.0} MB of logs", logs as f64 / 1e6);
    // In a process of its own, whose memory is the page's alone.
    let own = std::env::current_exe().map_err(io)?;
    let status = Command::new(own).arg("--of").arg(&long).status().map_err(io)?;
    if status.success() { Ok(()) } else { Err(Error::new("the page cannot be made")) }
}

fn measure(run: &Path) -> Result<()> {
    let begun = Instant::now();
    let history = History::read(run)?;
    let read = begun.elapsed().as_secs_f64();
    let page = page(&[history])?;
    let peak = native::peak_memory().map_or_else(|| "?".to_owned(), |peak| format!("{:.0} MB", peak as f64 / 1e6));
    println!(
        "read in {read:.2} s, shown in {:.2} s; peak memory {peak}; page {:.2} MB",
        begun.elapsed().as_secs_f64() - read,
        page.len() as f64 / 1e6
    );
    Ok(())
}
