//! What a run wrote, for comparison with another one to the bit.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The files of a run that must not depend on how it was run.
const FILES: [&str; 6] = [
    "metrics.jsonl",
    "trace.jsonl",
    "genotypes.jsonl",
    "alpha.jsonl",
    "genotype.json",
    "checkpoints/final.safetensors",
];

/// The files of a finished run, without how long things took.
pub fn record(run: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let file = |name| {
        let bytes = std::fs::read(run.join(name)).unwrap_or_else(|e| panic!("{}: {e}", run.join(name).display()));
        (name, if name == "metrics.jsonl" { without_seconds(&bytes) } else { bytes })
    };
    FILES.into_iter().map(file).collect()
}

/// The lines of `metrics.jsonl`, without their seconds.
pub fn without_seconds(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).expect("text");
    let line = |line: &str| {
        let mut value: Value = serde_json::from_str(line).expect("JSON");
        if value["kind"] != "validation" {
            assert!(value["seconds"].as_f64().expect("a number") > 0.0);
        }
        value.as_object_mut().expect("an object").remove("seconds");
        format!("{value}\n")
    };
    text.lines().map(line).collect::<String>().into_bytes()
}

/// Asserts that two runs wrote the same.
pub fn assert_same(a: &BTreeMap<&str, Vec<u8>>, b: &BTreeMap<&str, Vec<u8>>, what: &str) {
    for (name, bytes) in a {
        if b[name] == *bytes {
            continue;
        }
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
        let (a, b) = (lines(bytes), lines(&b[name]));
        let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
        let line =
            |lines: &[String]| lines.get(at).map_or_else(|| "no line".to_owned(), |l| l.chars().take(400).collect());
        panic!(
            "{what}: {name} differs in line {} ({} and {} lines)\n{}\n{}",
            at + 1,
            a.len(),
            b.len(),
            line(&a),
            line(&b)
        );
    }
}
