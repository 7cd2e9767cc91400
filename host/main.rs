//! The `edas` command.

fn main() -> std::process::ExitCode {
    edas::cli::main()
}
