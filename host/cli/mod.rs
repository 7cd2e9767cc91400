//! The command line: one file per subcommand, each thin over the library.
//!
//! - `results_table`: tables of architectures and their results
//! - `message`: errors as text, with the line that they are about
//! - `numbers`: lists of whole numbers
//! - `observed`: who listens to a run
//! - `output`: tables and JSON on stdout
//! - `progress`: a search as seen in the terminal
//! - `signals`: signals that interrupt a run
//! - `view`: a run on the whole terminal

mod check;
mod compare;
mod cost;
mod derive;
mod diff;
mod doctor;
mod evaluate;
mod export;
mod genotype;
mod golden;
mod lookup;
mod message;
mod numbers;
mod observed;
mod output;
mod pipeline;
mod plugin;
mod policy;
mod predict;
mod profile;
mod progress;
mod replay;
mod report;
mod results_table;
mod run_files;
mod search;
mod signals;
mod then;
mod trace;
mod view;
mod watch;

use crate::error::Error;
use crate::spec::Scratch;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Differentiable architecture search: one relaxed edge at a time.
#[derive(Parser)]
#[command(name = "edas", version, long_version = long_version(), propagate_version = true, max_term_width = 100)]
struct Cli {
    /// Say more in the log on stderr: -v for information, -vv for details. `RUST_LOG` wins.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Print results as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Search for an architecture, as a spec says.
    #[command(after_help = "Example:\n  edas search specs/quickstart.yaml --set search.epochs=5")]
    Search(search::Options),
    /// Train a found network from scratch, and test it.
    #[command(
        after_help = "Example:\n  edas evaluate runs/edas-cifar10-0 --spec specs/evaluate-cifar10.yaml\n  edas evaluate runs/edas-cifar10-0 --spec specs/evaluate-cifar10.yaml --epochs 0,9,24 --seeds 0..3"
    )]
    Evaluate(evaluate::Options),
    /// Train a found network from scratch at ImageNet's scale, and test it: images are decoded while it trains.
    #[command(
        after_help = "Example:\n  edas transfer runs/edas-cifar10-0 --spec specs/transfer-imagenet.yaml --set data.root=/data/imagenet"
    )]
    Transfer(evaluate::Options),
    /// Run a pipeline: searches, trainings from scratch and what follows them, one after the other.
    #[command(after_help = "Example:\n  edas run specs/pipelines/digits.yaml")]
    Run(pipeline::Options),
    /// Check a spec without training: plugins, scripts, space, network, data; what it costs and how long it takes. Or what a genotype costs.
    #[command(after_help = "Example:\n  edas check specs/edas-cifar10.yaml\n  edas check specs/genotypes/darts_v2.txt")]
    Check(check::Options),
    /// Print the plans that a policy makes, as JSON lines, without training.
    #[command(
        after_help = "Example:\n  edas trace specs/quickstart.yaml --iterations 10\n  edas trace specs/quickstart.yaml --summary"
    )]
    Trace(trace::Options),
    /// Derive a genotype from a run's α.
    #[command(after_help = "Example:\n  edas derive runs/quickstart-0 --epoch 3 --rule top2")]
    Derive(derive::Options),
    /// Write a run's genotype, or a genotype file, in another form.
    #[command(after_help = "Example:\n  edas export runs/quickstart-0 --format dot | dot -Tsvg > cell.svg")]
    Export(export::Options),
    /// Say what a trained network makes of images.
    #[command(after_help = "Example:\n  edas predict runs/evaluate-cifar10-0 cat.jpg ship.png")]
    Predict(predict::Options),
    /// Print what runs have come to, side by side.
    #[command(after_help = "Example:\n  edas compare runs/edas-cifar10-0 runs/evaluate-cifar10-0 --published")]
    Compare(compare::Options),
    /// Write a page that shows what runs were, and what came of them: for one run, or several side by side.
    #[command(
        after_help = "Example:\n  edas report runs/quickstart-0\n  edas report runs/edas-0 runs/darts-0 -o compared.html"
    )]
    Report(report::Options),
    /// Show a run that another process makes on the whole terminal, as `edas search --tui` shows its own.
    #[command(after_help = "Example:\n  edas watch runs/edas-cifar10-0")]
    Watch(watch::Options),
    /// Draw genotypes at random.
    #[command(subcommand)]
    Genotype(genotype::Command),
    /// Find a run's architecture in a table of benchmark results.
    #[command(after_help = "Example:\n  edas lookup runs/nb201-cifar10-0 --table nb201.csv --value cifar10_test")]
    Lookup(lookup::Options),
    /// Run a run again and compare every loss, plan and α with its record, bit by bit.
    #[command(
        after_help = "Example:\n  edas replay runs/quickstart-0\n  edas replay runs/quickstart-0 --from 252 --iterations 10"
    )]
    Replay(replay::Options),
    /// Say where the records of two runs part.
    #[command(after_help = "Example:\n  edas diff runs/quickstart-0 runs/quickstart-1")]
    Diff(diff::Options),
    /// Record the first iterations of a spec in a small file, or check them against one.
    #[command(subcommand)]
    Golden(golden::Command),
    /// List, inspect and check plugins, and write projects for new ones.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Write, inspect, try and compare policies.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Print the JSON schema of specs, for editors.
    #[command(after_help = "Example:\n  edas schema > edas.schema.json")]
    Schema,
    /// Print versions, devices, threads, memory and plugins, for bug reports.
    #[command(after_help = "Example:\n  edas doctor")]
    Doctor,
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  edas completions bash > ~/.local/share/bash-completion/completions/edas")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A spec, and what the command line changes in it.
#[derive(Args, Clone)]
struct SpecOptions {
    /// The spec.
    spec: PathBuf,
    /// Another seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Set a key of the spec; may be repeated.
    #[arg(long, value_name = "PATH.TO.KEY=VALUE")]
    set: Vec<String>,
}

impl SpecOptions {
    fn overrides(&self) -> Vec<String> {
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        self.set.iter().cloned().chain(seed).collect()
    }

    fn load(&self) -> crate::Result<crate::spec::Spec> {
        crate::spec::Spec::load(&self.spec, &self.overrides())
    }
}

/// How a command failed: the exit status follows from it.
enum Failure {
    /// The input is wrong; nothing was started.
    Input(Error),
    /// It failed after it had begun.
    Later(Error),
    /// The input is wrong; nothing was started, and it was said why.
    Wrong,
    /// It did its work, and the answer is no.
    No,
    /// It was interrupted, and can go on.
    Interrupted,
    /// Whoever reads the output has gone.
    Gone,
}

impl Failure {
    /// The failure of what comes after something that was done: input that is wrong is then no reason to say that nothing was started.
    fn after(self) -> Self {
        match self {
            Self::Input(error) => Self::Later(error),
            other => other,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Input(error)
    }
}

type Done = Result<(), Failure>;

fn long_version() -> &'static str {
    use edas_plugin::abi::{ABI_MAJOR, ABI_MINOR};
    let text = format!(
        "{}\nlibtorch {}\nplugin ABI {ABI_MAJOR}.{ABI_MINOR}",
        env!("CARGO_PKG_VERSION"),
        crate::native::LIBTORCH
    );
    // Made once per process, for an interface that wants text that lives as long as the program.
    Box::leak(text.into_boxed_str())
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors.
            let printed = error.print();
            return match printed {
                _ if error.use_stderr() => ExitCode::from(2),
                Err(e) if e.kind() != ErrorKind::BrokenPipe => ExitCode::FAILURE,
                _ => ExitCode::SUCCESS,
            };
        }
    };
    output::keep_stdout();
    let measured = match &cli.command {
        Command::Search(options) => options.profile,
        Command::Evaluate(options) | Command::Transfer(options) => options.profile,
        _ => false,
    };
    let profile = measured.then(profile::Profile::new);
    log(cli.verbose, profile.clone());
    match message::without_panics(|| run(cli, profile)) {
        Ok(()) | Err(Failure::Gone) => ExitCode::SUCCESS,
        Err(Failure::Wrong) => ExitCode::from(2),
        Err(Failure::No) => ExitCode::from(1),
        Err(Failure::Interrupted) => ExitCode::from(signals::INTERRUPTED),
        Err(Failure::Input(error)) => {
            message::show(&error);
            ExitCode::from(2)
        }
        Err(Failure::Later(error)) => {
            message::show(&error);
            ExitCode::from(1)
        }
    }
}

fn run(cli: Cli, profile: Option<profile::Profile>) -> Done {
    match cli.command {
        Command::Search(options) => match options.then {
            Some(then) => then::run(&options, then, cli.json, profile.as_ref()),
            None => search::run(&options, cli.json, profile.as_ref()),
        },
        Command::Evaluate(options) => evaluate::run(&options, Scratch::Evaluate, cli.json, profile.as_ref()),
        Command::Transfer(options) => evaluate::run(&options, Scratch::Transfer, cli.json, profile.as_ref()),
        Command::Run(options) => pipeline::run(&options),
        Command::Check(options) => check::run(&options, cli.json),
        Command::Trace(options) => trace::run(&options, cli.json),
        Command::Derive(options) => derive::run(&options, cli.json),
        Command::Export(options) => export::run(&options),
        Command::Predict(options) => predict::run(&options, cli.json),
        Command::Compare(options) => compare::run(&options, cli.json),
        Command::Report(options) => report::run(&options),
        Command::Watch(options) => watch::run(&options),
        Command::Genotype(command) => genotype::run(&command),
        Command::Lookup(options) => lookup::run(&options, cli.json),
        Command::Replay(options) => replay::run(&options, cli.json),
        Command::Diff(options) => diff::run(&options, cli.json),
        Command::Plugin(command) => plugin::run(&command, cli.json),
        Command::Policy(command) => policy::run(&command, cli.json),
        Command::Golden(command) => golden::run(&command, cli.json),
        Command::Schema => output::print(&format!("{:#}\n", crate::spec::schema())),
        Command::Doctor => doctor::run(cli.json),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "edas", &mut text);
            output::print(&String::from_utf8_lossy(&text))
        }
    }
}

fn log(verbose: u8, profile: Option<profile::Profile>) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // It would report on stderr that stderr cannot be written, and panic over that.
        .log_internal_errors(false)
        .with_ansi(output::colours(&std::io::stderr()))
        .with_filter(filter);
    let heard = |of: &tracing::Metadata<'_>| of.target() == profile::Profile::TARGET;
    let profile = profile.map(|profile| profile.with_filter(tracing_subscriber::filter::filter_fn(heard)));
    tracing_subscriber::registry().with(lines).with(profile).init();
}
