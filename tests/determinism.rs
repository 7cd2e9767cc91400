//! Same spec and seed, same bits: between processes, within one, from the written spec, whatever the number of loader
//! threads, and whether a plugin is bundled or loaded.

mod common;

use common::record::{assert_same, record};
use common::{edas, library, repository};
use std::collections::BTreeMap;
use std::path::Path;

const SETTINGS: &[&str] =
    &["search.epochs=2", "data.limit=160", "search.batch=16", "network.cells=3", "network.channels=4", "threads=1"];

/// Runs a search in a folder and returns what it wrote, without times.
fn search(folder: &Path, spec: &Path, run: &str, settings: &[&str]) -> BTreeMap<&'static str, Vec<u8>> {
    let mut command = edas(folder);
    command.args(["search", "--quiet", "--run", run]).arg(spec);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.assert().success();
    record(&folder.join(run))
}

#[test]
fn same_seed_same_bits_in_every_way_of_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = repository("specs/quickstart.yaml");
    let first = search(folder.path(), &spec, "first", SETTINGS);
    let again = search(folder.path(), &spec, "again", SETTINGS);
    assert_same(&first, &again, "another process");

    // From the written spec, in a copy of the run directory elsewhere.
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(elsewhere.path().join("inputs")).expect("a folder");
    for name in ["spec.yaml", "inputs/darts.yaml", "inputs/edas_inversion.rhai"] {
        std::fs::copy(folder.path().join("first").join(name), elsewhere.path().join(name)).expect("the run wrote it");
    }
    let repeated = search(elsewhere.path(), &elsewhere.path().join("spec.yaml"), "repeated", &[]);
    assert_same(&first, &repeated, "the written spec");

    let four: Vec<&str> = SETTINGS.iter().copied().chain(["data.workers=4"]).collect();
    assert_same(&first, &search(folder.path(), &spec, "four", &four), "four loader threads");

    let path = format!("plugins=[{}]", library("edas-darts-ops-library").display());
    let loaded: Vec<&str> = SETTINGS.iter().copied().chain([path.as_str()]).collect();
    assert_same(&first, &search(folder.path(), &spec, "loaded", &loaded), "a loaded darts-ops");

    let other: Vec<&str> = SETTINGS.iter().copied().chain(["seed=1"]).collect();
    let other = search(folder.path(), &spec, "other", &other);
    for (name, bytes) in &first {
        assert!(other[name] != *bytes, "another seed gives the same {name}");
    }
}

#[test]
fn a_second_search_in_the_same_process_gives_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |name: &str| {
        let search = edas::Search::from_spec(common::small_spec(&[])).expect("a sound spec");
        let path = folder.path().join(name);
        let mut directory = edas::run::RunDirectory::create(&path, &search.setup().contents()).expect("a new folder");
        search.run(&mut [&mut directory]).expect("it runs");
        drop(directory);
        record(&path)
    };
    assert_same(&run("first"), &run("second"), "a second search");
}

#[test]
fn the_written_spec_has_every_default_and_says_what_auto_became() {
    let folder = tempfile::tempdir().expect("a folder");
    search(folder.path(), &repository("specs/quickstart.yaml"), "run", SETTINGS);
    let text = std::fs::read_to_string(folder.path().join("run/spec.yaml")).expect("the run wrote it");
    for line in [
        "device: cpu",
        "threads: 1",
        "warmup_epochs: 5",
        "period: 2",
        "lazy: true",
        "script: inputs/edas_inversion.rhai",
    ] {
        assert!(text.contains(line), "`{line}` is not in\n{text}");
    }
}
