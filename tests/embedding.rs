//! The embedding example, run as a program: what it prints is its own, and a second run gives the same.

mod common;

use std::process::Command;

#[test]
fn the_example_runs_and_the_library_prints_nothing() {
    let run = || {
        let mut command = Command::new(env!("CARGO"));
        // With the workspace, so that dependencies have the features that they were built with already.
        command.args(["build", "--quiet", "--workspace", "--example", "embed"]).current_dir(common::repository(""));
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        assert!(command.status().expect("cargo runs").success());
        let output = Command::new(common::profile_folder().join("examples/embed")).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let first = run();
    // The example prints the genotype, which begins with its version, and one line; nothing else is there.
    assert!(first.starts_with("{\n  \"version\": 1"), "{first}");
    assert_eq!(first.lines().last().map(|l| l.starts_with("derived accuracy per epoch: [")), Some(true));
    assert!(first.ends_with("]\n"));
    let json = &first[..first.find("\nderived").expect("the second line")];
    let genotype: serde_json::Value = serde_json::from_str(json).expect("the first part is JSON alone");
    assert_eq!(genotype["cells"]["normal"]["edges"].as_array().map(Vec::len), Some(14));
    assert_eq!(first, run(), "a second run gives the same");
}
