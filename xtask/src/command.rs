//! The command line: what follows `cargo x`.
//!
//! Written by hand: eight forms do not pay for a parser that would take longer to compile than all else here.

use crate::failure::{Failure, Result};
use crate::libtorch::Flavour;
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
    cargo x ci                all that CI checks: format, clippy, docs, build, tests
    cargo x header            makes the C header of the plugin interface anew; --check compares and compiles it
    cargo x fixtures          makes the files of tests/fixtures anew, with PyTorch
    cargo x fixtures --check  makes them elsewhere and compares
        --python PATH         a Python with torch, numpy and safetensors (default: one that is made on first use)

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
    /// `ci`
    Ci,
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
        let own = matches!(first.as_str(), "setup" | "ci" | "header" | "fixtures");
        if !own {
            return Ok(match first.as_str() {
                "-h" | "--help" => Self::Help,
                "test" => Self::Test { args: args.split_off(1) },
                "bench" => Self::Bench { args: args.split_off(1) },
                _ => Self::Edas { args },
            });
        }

        let (mut cuda, mut check, mut python) = (false, false, None);
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
                (command, other) => {
                    return Err(Failure::new(format!("unexpected argument of `cargo x {command}`"))
                        .expected(match command {
                            "setup" => "`--cuda` or nothing",
                            "header" => "`--check` or nothing",
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
            "header" => Self::Header { check },
            _ => Self::Fixtures { check, python },
        })
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
        for wrong in ["", "setup --cpu", "ci now", "fixtures --python"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_rest_is_passed_on_whole() {
        let args = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let search = "search a.yaml --set b=c --help";
        assert_eq!(parse(search).unwrap(), Command::Edas { args: args(search) });
        assert_eq!(parse("test a -- --nocapture").unwrap(), Command::Test { args: args("a -- --nocapture") });
    }
}
