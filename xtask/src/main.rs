//! Set-up and chores, run as `cargo x …`.
//!
//! - [`libtorch`]: brings libtorch to `.libtorch`, from PyPI's wheels
//! - [`wheel`]: downloads and unpacks them
//! - [`checks`]: all that CI checks
//! - [`fixtures`]: makes PyTorch's numbers anew, and compares them
//! - [`tool`]: runs other programs

mod checks;
mod fixtures;
mod libtorch;
mod tool;
mod wheel;

use std::process::ExitCode;

const HELP: &str = "\
cargo x: everything from a clean checkout

  cargo x COMMAND …          brings libtorch on first use, builds edas, and runs `edas COMMAND …`
                             (search, check, trace, derive, export, golden, doctor, …; `cargo x help` is edas's own)
  cargo x setup [--cuda]     brings libtorch only; with --cuda its CUDA parts too
  cargo x test [ARGUMENTS]   builds and runs all tests (arguments go to `cargo test`)
  cargo x bench [ARGUMENTS]  the benchmarks (arguments go to `cargo bench`)
  cargo x ci                 all that CI checks: format, lints, documentation, build, tests
  cargo x fixtures [--check] [--python PROGRAM]
                             makes tests/fixtures anew with PyTorch, or compares them with new ones

libtorch comes from PyPI into a cache ($EDAS_CACHE, or $XDG_CACHE_HOME/edas, or ~/.cache/edas), and `.libtorch` points
there. A LIBTORCH or LIBTORCH_USE_PYTORCH that is set already wins over all this.
";

/// What stops a chore: a message that says what to do.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        [] | ["--help" | "-h", ..] => {
            print!("{HELP}");
            Ok(())
        }
        ["setup"] => libtorch::provision(false),
        ["setup", "--cuda"] => libtorch::provision(true),
        ["setup", ..] => Err(format!("`cargo x setup` takes `--cuda` or nothing\n\n{HELP}")),
        ["ci"] => checks::all(),
        ["test", rest @ ..] => libtorch::provision(false).and_then(|()| checks::test(rest)),
        ["bench", rest @ ..] => libtorch::provision(false).and_then(|()| tool::cargo("bench", rest)),
        ["fixtures", rest @ ..] => fixtures::run(rest),
        _ => libtorch::provision(false).and_then(|()| run_edas(&words)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// Builds `edas` and becomes it.
fn run_edas(arguments: &[&str]) -> Result<()> {
    tool::cargo("build", &["--quiet", "--release", "--bin", "edas"])?;
    let program = tool::target().join("release").join(format!("edas{}", std::env::consts::EXE_SUFFIX));
    tool::become_program(&program, arguments)
}
