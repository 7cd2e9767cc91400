//! `cargo x header`: the C header of the plugin interface, made from its Rust tables and checked by C and C++ compilers.

use crate::failure::{Failure, Result};
use crate::workspace::{Workspace, finish};
use std::fs;
use std::process::Command;

/// Writes the header, or with `check` compares it with what there is and has it compiled.
pub fn run(workspace: &Workspace, check: bool) -> Result {
    let path = workspace.root.join("plugins/sdk/include/edas_plugin.h");
    let made = workspace
        .cargo("run")
        .args(["--quiet", "--release", "--package", "edas-plugin-header"])
        .output()
        .map_err(|error| Failure::new("cannot start cargo").found(error.to_string()))?;
    if !made.status.success() {
        return Err(Failure::later("the C header cannot be made").found(String::from_utf8_lossy(&made.stderr)));
    }
    if !check {
        return fs::write(&path, made.stdout).map_err(|error| Failure::io("write", &path, &error));
    }
    if fs::read(&path).map_err(|error| Failure::io("read", &path, &error))? != made.stdout {
        return Err(Failure::later("the C header is not what the Rust tables say")
            .found(path.display().to_string())
            .help("`cargo x header` makes it anew"));
    }
    for (variable, compiler, language, standard) in [("CC", "cc", "c", "c11"), ("CXX", "c++", "c++", "c++17")] {
        let compiler = std::env::var(variable).unwrap_or_else(|_| compiler.to_owned());
        let mut command = Command::new(compiler);
        command.args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]);
        finish(command.arg(format!("-std={standard}")).args(["-x", language]).arg(&path))?;
    }
    Ok(())
}
