//! `cargo x gpu-check`: what is looked at on a machine with an NVIDIA GPU, and a report of it. Written without one at hand.

use crate::failure::{Failure, Result};
use crate::libtorch::{self, Flavour};
use crate::workspace::Workspace;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is run: a title, and what follows `cargo`.
const STEPS: [(&str, &[&str]); 5] = [
    ("What edas finds", &["run", "--release", "--quiet", "--bin", "edas", "--", "doctor"]),
    ("Operations against PyTorch's numbers", &test("gpu_operations")),
    ("Three iterations against the CPU's", &test("gpu_three_iterations")),
    ("50 iterations of edas-cifar10", &test("gpu_fifty_iterations")),
    (
        "Benchmarks: EDAS beside DARTS",
        &["bench", "--bench", "growth", "--", "methods", "--device", "cuda:0", "--rounds", "1"],
    ),
];

const fn test(name: &'static str) -> [&'static str; 8] {
    ["test", "--release", "--test", "gpu", name, "--", "--ignored", "--nocapture"]
}

/// Runs everything and writes the report; what fails does not keep the rest from running.
pub fn run(workspace: &Workspace, report: &Path) -> Result {
    let gpus = gpus().ok_or_else(|| {
        Failure::new("there is no NVIDIA GPU to check")
            .expected("a GPU that `nvidia-smi -L` lists")
            .help("run this on a machine that has one; everything else works without")
    })?;
    libtorch::set_up(workspace, Some(Flavour::Cuda), true)?;
    let mut text = format!("# edas on a GPU\n\n{gpus}\n");
    let mut failed = Vec::new();
    for (title, arguments) in STEPS {
        eprintln!("gpu-check: {title}");
        let output = workspace.cargo(arguments[0]).args(&arguments[1..]).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| Failure::later(format!("cannot start cargo: {error}")))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let result = if output.status.success() { "done" } else { "FAILED" };
        let _ = write!(
            text,
            "\n## {title}: {result}\n\n`cargo {}`\n\n```\n{}\n```\n",
            arguments.join(" "),
            said.trim_end()
        );
        std::fs::write(report, &text).map_err(|error| Failure::io("write", report, &error))?;
        if !output.status.success() {
            failed.push(title);
        }
    }
    println!("the report is in {}", report.display());
    match failed.is_empty() {
        true => Ok(()),
        false => {
            Err(Failure::later(format!("failed: {}", failed.join("; "))).help("the report and what is above say why"))
        }
    }
}

/// The GPUs of this machine, one to a line; `None` where there is none.
fn gpus() -> Option<String> {
    let output = Command::new("nvidia-smi").arg("-L").stderr(Stdio::null()).output().ok()?;
    let list = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !list.is_empty()).then_some(list)
}
