//! The seeds of the fuzz targets, those that once broke something among them, through the bodies that cargo-fuzz runs.

#[path = "fuzz/targets/mod.rs"]
mod targets;

use std::path::Path;

/// The seeds of a target, in the order of their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    let mut seeds: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of the seeds")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            (path.file_name().expect("a file").to_string_lossy().into_owned(), std::fs::read(&path).expect("a seed"))
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn every_target_holds_on_its_seeds() {
    targets::check::SHOW.store(true, std::sync::atomic::Ordering::Relaxed);
    for (target, body) in targets::ALL {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "no seeds of `{target}`");
        for (name, data) in seeds {
            // What is printed last says of which seed a panic is.
            println!("{target}/{name}");
            body(&data);
        }
    }
}
