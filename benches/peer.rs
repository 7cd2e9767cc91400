//! Ours and the yardstick on the same work, in turn: `cargo x bench --peer PYTHON`. benches/README.md says what is compared.

mod common;

use clap::Parser;
use common::case::{Case, Kind, genotype_file};
use common::comparison::{Comparison, Pair};
use common::measure::{Measured, Task, output};
use common::{repository, space};
use edas::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Ours and the yardstick (eager PyTorch) on the same work, in turn.
#[derive(Parser)]
struct Options {
    /// A Python with torch 2.13.0 and numpy.
    #[arg(long, value_name = "PYTHON")]
    peer: PathBuf,
    /// Print one line of JSON per case, and nothing else.
    #[arg(long)]
    json: bool,
    /// One case alone, more when given again. [default: all that are compared]
    #[arg(long, value_name = "NAME", value_parser = yardsticks)]
    case: Vec<Case>,
    /// How many times each side is measured.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Iterations that count, in each process.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    iterations: u32,
    /// Iterations before those.
    #[arg(long, value_name = "N", default_value_t = 2)]
    warmup: u32,
    /// Threads that compute, on both sides; 0 for all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: u32,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    // `cargo bench` runs every bench, also where no Python was named.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        eprintln!("peer: `cargo x bench --peer PYTHON` compares with PyTorch; see benches/README.md");
        return ExitCode::SUCCESS;
    }
    let result = match Task::of_this_process() {
        Ok(Some(task)) => task.here().map(|measured| println!("{}", serde_json::json!(measured))),
        Ok(None) => compare(&Options::parse()),
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

/// Measures all cases and prints each as soon as its turns are over.
fn compare(options: &Options) -> Result<()> {
    let cases = match options.case.is_empty() {
        true => Case::COMPARED.iter().map(|name| yardsticks(name)).collect::<Result<Vec<Case>>>()?,
        false => options.case.clone(),
    };
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1)),
        threads => threads,
    };
    if !options.json {
        println!("{}", Comparison::HEAD);
    }
    for case in cases {
        let mut comparison = Comparison { case: case.to_string(), pairs: Vec::new() };
        for turn in 1..=options.pairs {
            let pair = pair(&case, options, threads)?;
            eprintln!(
                "{case}, pair {turn} of {}: ours {:.3} s, channels-last {:.3} s, contiguous {:.3} s",
                options.pairs, pair.ours.iteration_s, pair.channels_last.iteration_s, pair.contiguous.iteration_s
            );
            comparison.pairs.push(pair);
        }
        if let Some([network, second]) = comparison.parameters() {
            eprintln!("{case}: both sides train {network} numbers, and {second} in the second classifier");
        }
        match options.json {
            true => println!("{}", comparison.line()),
            false => println!("{}", comparison.row()),
        }
    }
    Ok(())
}

/// A case that a yardstick can run.
fn yardsticks(name: &str) -> Result<Case> {
    let case: Case = name.parse()?;
    match case.kind {
        Kind::Search { candidates, .. } if candidates != space::ALL => {
            Err(Error::new("the yardstick has eight candidates per edge").found(format!("`{name}`")))
        }
        _ => Ok(case),
    }
}

/// One turn: each process has the machine for itself, one after the other.
fn pair(case: &Case, options: &Options, threads: u32) -> Result<Pair> {
    let Options { warmup, iterations, peer, .. } = options;
    let task =
        Task { case: case.to_string(), warmup: *warmup, iterations: *iterations, threads, device: "cpu".to_owned() };
    let pair = Pair {
        ours: task.apart()?,
        channels_last: yardstick(peer, case, &task, true)?,
        contiguous: yardstick(peer, case, &task, false)?,
    };
    pair.check()?;
    Ok(pair)
}

fn yardstick(python: &Path, case: &Case, task: &Task, channels_last: bool) -> Result<Measured> {
    let mut command = Command::new(python);
    // Without -B it would leave compiled Python in the repository.
    command.arg("-B");
    match &case.kind {
        Kind::Search { method, .. } => {
            command.arg(repository("benches/peer/search_step.py")).args(["--policy", method.name()])
        }
        Kind::Evaluation { genotype } => {
            command.arg(repository("benches/peer/evaluate_step.py")).arg("--genotype").arg(genotype_file(genotype))
        }
    };
    for (option, value) in [
        ("--cells", case.cells),
        ("--channels", case.channels),
        ("--batch", case.batch),
        ("--warmup", task.warmup),
        ("--iterations", task.iterations),
        ("--threads", task.threads),
    ] {
        command.arg(option).arg(value.to_string());
    }
    if channels_last {
        command.arg("--channels-last");
    }
    let of = format!("the yardstick, {case}");
    Measured::read(&output(&mut command, &of)?, &of)
}
