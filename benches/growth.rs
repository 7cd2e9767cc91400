//! What an iteration costs as a search grows, as the tables of benches/README.md: in cells, in candidates per edge, EDAS beside
//! DARTS; how soon a search is at its first iteration; and how near the whole is to what the machine can do.
//!
//! `cargo x bench --bench growth -- TABLE…`, each of `cells`, `candidates`, `methods`, `start`, `roofline`.

mod common;

use clap::{Parser, ValueEnum};
use common::measure::Task;
use common::repository;
use common::roofline::{Machine, Work, work};
use common::statistics::{line, median, typical};
use edas::spec::Spec;
use edas::train::resume::Resume;
use edas::{Error, Result, Search};
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// 8, 14, 20 and 32 cells under EDAS.
    Cells,
    /// 4, 8 and 16 candidates per edge, under EDAS and under DARTS.
    Candidates,
    /// EDAS beside DARTS.
    Methods,
    /// From the start of the process to the first iteration.
    Start,
    /// What an iteration has to do, and what this machine can do.
    Roofline,
}

/// What an iteration costs as a search grows.
#[derive(Parser)]
struct Options {
    /// What to measure.
    #[arg(required = true)]
    tables: Vec<Table>,
    /// How many times each search is measured; they take turns.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Threads that compute; 0 for all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: u32,
    /// Where the searches are computed.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One after the other, these relax each of the DARTS space's edges once.
const EDGES: u32 = 28;
/// Under DARTS all iterations are alike.
const ALIKE: u32 = 6;
/// Iterations before those that count.
const WARMUP: u32 = 2;
/// The first argument of a process that is to come to its first iteration.
const START: &str = "start";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` runs every bench; these take long, and are for who asks for them.
    if arguments.iter().all(|argument| argument == "--bench") {
        eprintln!(
            "growth: `cargo x bench --bench growth -- cells candidates methods start roofline`; see benches/README.md"
        );
        return ExitCode::SUCCESS;
    }
    let result = match Task::of_this_process() {
        Ok(Some(task)) => task.here().map(|measured| println!("{}", serde_json::json!(measured))),
        Ok(None) if arguments == [START] => first_iteration(),
        Ok(None) => tables(&Options::parse()),
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tables(options: &Options) -> Result<()> {
    for table in &options.tables {
        match table {
            Table::Cells => cells(options)?,
            Table::Candidates => candidates(options)?,
            Table::Methods => methods(options)?,
            Table::Start => start(options.rounds)?,
            Table::Roofline => roofline(options)?,
        }
        println!();
    }
    Ok(())
}

/// What a case costs.
struct Cost {
    /// An iteration: the mean over all edges, or over all iterations where they are alike.
    seconds: f64,
    /// Peak memory.
    mebibytes: f64,
}

/// Measures cases, one process at a time, all of them in every round.
fn costs(cases: &[String], options: &Options) -> Result<Vec<Cost>> {
    let Options { rounds, threads, device, .. } = options;
    let mut measured = vec![Vec::new(); cases.len()];
    for round in 1..=*rounds {
        for (case, measured) in cases.iter().zip(&mut measured) {
            let iterations = if case.starts_with("darts") { ALIKE } else { EDGES };
            let task =
                Task { case: case.clone(), warmup: WARMUP, iterations, threads: *threads, device: device.clone() };
            let one = task.apart()?;
            eprintln!("{case}, round {round} of {rounds}: {:.3} s", one.iteration_s);
            measured.push(one);
        }
    }
    let cost = |of: &Vec<common::measure::Measured>| Cost {
        seconds: typical(&of.iter().map(|one| one.seconds.clone()).collect::<Vec<_>>()),
        mebibytes: median(&of.iter().map(|one| one.peak_rss_mib).collect::<Vec<_>>()),
    };
    Ok(measured.iter().map(cost).collect())
}

fn cells(options: &Options) -> Result<()> {
    let numbers = [8, 14, 20, 32];
    let costs = costs(&numbers.map(|n| format!("edas-{n}x16-b64")), options)?;
    let points: Vec<(f64, f64)> = numbers.iter().zip(&costs).map(|(n, cost)| (f64::from(*n), cost.seconds)).collect();
    println!("| cells | s per iteration | on the line, s | off the line | peak memory, MiB |\n|---|---|---|---|---|");
    for ((number, cost), expected) in numbers.iter().zip(&costs).zip(line(&points)) {
        let Cost { seconds, mebibytes } = cost;
        let off = 100.0 * (seconds / expected - 1.0);
        println!("| {number} | {seconds:.3} | {expected:.3} | {off:+.1} % | {mebibytes:.0} |");
    }
    Ok(())
}

fn candidates(options: &Options) -> Result<()> {
    let cases: Vec<String> = ["edas", "darts"]
        .iter()
        .flat_map(|method| ["-c4", "", "-c16"].map(|number| format!("{method}-8x16-b16{number}")))
        .collect();
    let costs = costs(&cases, options)?;
    println!("| s per iteration | 4 candidates | 8 | 16 | 8 to 4 | 16 to 8 |\n|---|---|---|---|---|---|");
    for (method, of) in ["EDAS", "DARTS"].iter().zip(costs.chunks(3)) {
        let [four, eight, sixteen] = [&of[0], &of[1], &of[2]].map(|cost| cost.seconds);
        let (first, second) = (eight / four, sixteen / eight);
        println!("| {method} | {four:.3} | {eight:.3} | {sixteen:.3} | {first:.3} | {second:.3} |");
    }
    Ok(())
}

fn methods(options: &Options) -> Result<()> {
    let numbers = [8, 20];
    let cases: Vec<String> =
        numbers.iter().flat_map(|n| ["edas", "darts"].map(|method| format!("{method}-{n}x16-b16"))).collect();
    let costs = costs(&cases, options)?;
    println!("| cells | EDAS, s | DARTS, s | EDAS to DARTS | EDAS, MiB | DARTS, MiB | EDAS to DARTS |");
    println!("|---|---|---|---|---|---|---|");
    for (number, of) in numbers.iter().zip(costs.chunks(2)) {
        let (edas, darts) = (&of[0], &of[1]);
        let share = |edas: f64, darts: f64| format!("1/{:.1}", darts / edas);
        println!(
            "| {number} | {:.3} | {:.3} | {} | {:.0} | {:.0} | {} |",
            edas.seconds,
            darts.seconds,
            share(edas.seconds, darts.seconds),
            edas.mebibytes,
            darts.mebibytes,
            share(edas.mebibytes, darts.mebibytes)
        );
    }
    Ok(())
}

fn roofline(options: &Options) -> Result<()> {
    let names = ["edas-20x16-b64", "edas-20x16-b16"].map(str::to_owned);
    let costs = costs(&names, options)?;
    if options.threads > 0 {
        tch::set_num_threads(options.threads as i32);
    }
    let machine = Machine::measure();
    let billions = 1e-9;
    println!(
        "this machine: {:.0} · 10⁹ multiply-adds and {:.1} · 10⁹ bytes per second\n",
        machine.multiply_adds * billions,
        machine.bytes * billions
    );
    println!(
        "| case | multiply-adds, 10⁹ | bytes, 10⁹ | arithmetic alone, s | memory alone, s | measured, s | reached |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, cost) in names.iter().zip(costs) {
        let Work { multiply_adds, bytes } = work(&name.parse()?)?;
        let (arithmetic, memory) = (multiply_adds / machine.multiply_adds, bytes / machine.bytes);
        println!(
            "| {name} | {:.1} | {:.1} | {arithmetic:.2} | {memory:.2} | {:.3} | {:.0} % |",
            multiply_adds * billions,
            bytes * billions,
            cost.seconds,
            100.0 * arithmetic.max(memory) / cost.seconds
        );
    }
    Ok(())
}

/// How long from the start of a process until the quickstart's first iteration begins, and until it is over.
fn start(rounds: u32) -> Result<()> {
    let program = std::env::current_exe().map_err(|e| Error::new(format!("where this program lies: {e}")))?;
    let mut marks = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let begun = Instant::now();
        let mut process = Command::new(&program).arg(START).stdout(Stdio::piped()).spawn();
        let process = process.as_mut().map_err(|e| Error::new(format!("cannot start {}: {e}", program.display())))?;
        let lines = BufReader::new(process.stdout.take().ok_or_else(|| Error::new("a process without an output"))?);
        let seen: Vec<f64> = lines.lines().map(|_| begun.elapsed().as_secs_f64()).collect();
        let status = process.wait().map_err(|e| Error::new(format!("waiting for a process: {e}")))?;
        let [first, second] = seen[..] else {
            return Err(Error::new("the quickstart did not come to its first iteration").found(status.to_string()));
        };
        marks[0].push(first);
        marks[1].push(second);
    }
    println!("| quickstart, from the start of the process | s |\n|---|---|");
    println!("| until the first iteration begins | {:.3} |", median(&marks[0]));
    println!("| until it is over | {:.3} |", median(&marks[1]));
    Ok(())
}

/// Says when the quickstart's first iteration is about to begin, and when it is over: a line each.
fn first_iteration() -> Result<()> {
    let folder = tempfile::tempdir().map_err(|e| Error::new(format!("a folder for a run: {e}")))?;
    let spec = Spec::load(repository("specs/quickstart.yaml"), &[])?;
    let Some(run) = Search::resume(spec, &folder.path().join("run"), Resume::default())? else {
        return Err(Error::new("a new run is over already"));
    };
    let (mut running, mut directory) = (run.stage.start()?, run.directory);
    println!("begins");
    running.iteration(&mut [&mut directory])?;
    println!("is over");
    Ok(())
}
