//! The command line: what follows `cargo x`.
//!
//! Written by hand: eleven forms do not pay for a parser that would take longer to compile than all else here.

use crate::failure::{Failure, Result};
use crate::libtorch::{Flavour, VERSION};
use std::ffi::OsString;
use std::path::PathBuf;

/// What `cargo x --help` prints.
pub const HELP: &str = "\
cargo x: set-up, build and chores

    cargo x COMMAND …         any command of edas (search SPEC, check SPEC, trace SPEC, doctor, help, …):
                              puts libtorch in place on first use, builds in release, runs edas
    cargo x setup             puts libtorch in place: 540 MB once per machine, nothing afterwards
    cargo x setup --cuda      the same with the CUDA libraries, for machines with an NVIDIA GPU: 2.5 GB; edas
                              is the same program with and without. Back: rm .libtorch && cargo x setup
    cargo x test [ARGS]       builds, then cargo test --release --workspace ARGS
    cargo x bench [ARGS]      cargo bench ARGS
    cargo x bench --peer PYTHON [--json] [--case NAME] [--pairs N] [--iterations N]
                              ours and eager PyTorch on the same work, in turn: medians, ratios, peak memory; PYTHON
                              is one with torch 2.13.0 and numpy (benches/README.md)
    cargo x ci                all that CI checks: format, clippy, docs, build, tests
    cargo x gpu-check         on a machine with an NVIDIA GPU: operations against PyTorch's numbers, iterations against the
                              CPU's, 50 iterations of edas-cifar10, benchmarks; exit status 2 where there is no GPU
        --report FILE         where it writes what came out (default: gpu-report.md)
    cargo x dist              an archive to install, in target/dist: the program with its libraries, specs, scripts and the SDK;
                              it runs where there is neither Rust nor Python, and is tried before it gets its name
    cargo x header            makes the C header of the plugin interface anew; --check compares and compiles it
    cargo x fixtures          makes the files of tests/fixtures anew, with PyTorch
    cargo x fixtures --check  makes them elsewhere and compares
        --python PATH         a Python with torch, torchvision, Pillow, numpy and safetensors (default: one that is made on first use)

Afterwards plain `cargo build`, `cargo test` and `cargo run` work too, and target/release/edas by itself.

libtorch goes into a cache, $EDAS_CACHE, else $XDG_CACHE_HOME/edas, else ~/.cache/edas; .libtorch in the
repository is a link into it. To use a libtorch of your own, set LIBTORCH (its folder) or
LIBTORCH_USE_PYTORCH=1 (the one of Python's torch); nothing is downloaded then.

Exit status: that of what was run; 2 when something needed is missing or wrong; 1 when it failed later.
";

/// One form of the command line.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// `--help`
    Help,
    /// `setup [--cuda]`; without a flavour, whichever is in place will do.
    Setup {
        /// What the user asked for, if anything.
        flavour: Option<Flavour>,
    },
    /// `test …`
    Test {
        /// For `cargo test`.
        args: Vec<OsString>,
    },
    /// `bench …`
    Bench {
        /// For `cargo bench`.
        args: Vec<OsString>,
    },
    /// `bench --peer PYTHON …`
    Peer {
        /// The Python that has PyTorch.
        python: PathBuf,
        /// For the bench: what else was said.
        args: Vec<OsString>,
    },
    /// `ci`
    Ci,
    /// `gpu-check [--report FILE]`
    GpuCheck {
        /// Where the report goes.
        report: PathBuf,
    },
    /// `dist`
    Dist,
    /// `fixtures [--check] [--python PATH]`
    Fixtures {
        /// Compare instead of write.
        check: bool,
        /// The Python to use.
        python: Option<PathBuf>,
    },
    /// `header [--check]`
    Header {
        /// Compare instead of write.
        check: bool,
    },
    /// Everything else.
    Edas {
        /// For `edas`, its command first.
        args: Vec<OsString>,
    },
}

impl Command {
    /// Reads the words after `cargo x`.
    pub fn parse(mut args: Vec<OsString>) -> Result<Self> {
        let Some(first) = args.first().map(|first| first.to_string_lossy().into_owned()) else {
            return Err(Failure::new("a command is missing")
                .help("`cargo x --help` lists them; `cargo x search specs/quickstart.yaml` runs a search"));
        };
        let own = matches!(first.as_str(), "setup" | "ci" | "gpu-check" | "dist" | "header" | "fixtures");
        if !own {
            return Ok(match first.as_str() {
                "-h" | "--help" => Self::Help,
                "test" => Self::Test { args: args.split_off(1) },
                "bench" => bench(args.split_off(1))?,
                _ => Self::Edas { args },
            });
        }

        let (mut cuda, mut check, mut python, mut report) = (false, false, None, None);
        let mut rest = args.into_iter().skip(1);
        while let Some(arg) = rest.next() {
            match (first.as_str(), arg.to_string_lossy().as_ref()) {
                (_, "-h" | "--help") => return Ok(Self::Help),
                ("setup", "--cuda") => cuda = true,
                ("header" | "fixtures", "--check") => check = true,
                ("fixtures", "--python") => {
                    let path = rest.next().ok_or_else(|| {
                        Failure::new("`--python` has no value").expected("the path of a Python interpreter")
                    })?;
                    python = Some(PathBuf::from(path));
                }
                ("gpu-check", "--report") => {
                    let path = rest.next().ok_or_else(|| {
                        Failure::new("`--report` has no value").expected("the file that the report is written to")
                    })?;
                    report = Some(PathBuf::from(path));
                }
                (command, other) => {
                    return Err(Failure::new(format!("unexpected argument of `cargo x {command}`"))
                        .expected(match command {
                            "setup" => "`--cuda` or nothing",
                            "header" => "`--check` or nothing",
                            "gpu-check" => "`--report FILE` or nothing",
                            "fixtures" => "`--check`, `--python PATH` or nothing",
                            _ => "nothing",
                        })
                        .found(format!("`{other}`")));
                }
            }
        }
        Ok(match first.as_str() {
            "setup" => Self::Setup { flavour: cuda.then_some(Flavour::Cuda) },
            "ci" => Self::Ci,
            "dist" => Self::Dist,
            "gpu-check" => Self::GpuCheck { report: report.unwrap_or_else(|| "gpu-report.md".into()) },
            "header" => Self::Header { check },
            _ => Self::Fixtures { check, python },
        })
    }
}

/// The benchmarks, or the comparison with PyTorch where a Python is named for it. What follows `--` is for the benches themselves.
fn bench(mut args: Vec<OsString>) -> Result<Command> {
    let own = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let named = |arg: &OsString| arg == "--peer" || arg.to_string_lossy().starts_with("--peer=");
    let Some(at) = args[..own].iter().position(named) else { return Ok(Command::Bench { args }) };
    let option = args.remove(at);
    let python = match option.to_string_lossy().strip_prefix("--peer=") {
        Some(path) => Some(OsString::from(path)),
        None if at < own - 1 => Some(args.remove(at)),
        None => None,
    };
    match python {
        Some(python) if !python.is_empty() => Ok(Command::Peer { python: python.into(), args }),
        _ => Err(Failure::new("`--peer` has no value")
            .expected(format!("the path of a Python interpreter with torch {VERSION} and numpy"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command> {
        Command::parse(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn own_commands() {
        assert_eq!(parse("setup").unwrap(), Command::Setup { flavour: None });
        assert_eq!(parse("setup --cuda").unwrap(), Command::Setup { flavour: Some(Flavour::Cuda) });
        let python = Some(PathBuf::from("p"));
        assert_eq!(parse("fixtures --python p --check").unwrap(), Command::Fixtures { check: true, python });
        assert_eq!(parse("ci --help").unwrap(), Command::Help);
        assert_eq!(parse("dist").unwrap(), Command::Dist);
        assert_eq!(parse("gpu-check").unwrap(), Command::GpuCheck { report: "gpu-report.md".into() });
        assert_eq!(parse("gpu-check --report r").unwrap(), Command::GpuCheck { report: "r".into() });
        for wrong in ["gpu-check r", "gpu-check --report", "", "setup --cpu", "ci now", "dist now", "fixtures --python"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_rest_is_passed_on_whole() {
        let args = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let search = "search a.yaml --set b=c --help";
        assert_eq!(parse(search).unwrap(), Command::Edas { args: args(search) });
        assert_eq!(parse("test a -- --nocapture").unwrap(), Command::Test { args: args("a -- --nocapture") });
        for bench in ["", "--bench plugins", "-- --peer p"] {
            assert_eq!(parse(&format!("bench {bench}")).unwrap(), Command::Bench { args: args(bench) });
        }
    }

    #[test]
    fn a_python_to_compare_with() {
        let peer = |line: &str| match parse(line) {
            Ok(Command::Peer { python, args }) => {
                let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
                format!("{} {}", python.display(), args.join(" "))
            }
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(peer("bench --peer p"), "p ");
        assert_eq!(peer("bench --json --peer p --case a"), "p --json --case a");
        assert_eq!(peer("bench --peer=p --pairs 7"), "p --pairs 7");
        for wrong in ["bench --peer", "bench --peer=", "bench --json --peer", "bench --peer -- p"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
