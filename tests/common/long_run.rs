//! Run directories of any length, made of a short one.

use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Makes a run directory of so many iterations, 391 in an epoch, whose logs say again and again what those of a short run say, with
/// iteration and epoch of their own.
pub fn stretch(from: &Path, to: &Path, iterations: u64) {
    const PER_EPOCH: u64 = 391;
    fs::create_dir_all(to.join("inputs")).expect("made");
    for file in fs::read_dir(from.join("inputs")).expect("inputs") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join("inputs").join(file.file_name())).expect("copied");
    }
    for file in ["spec.yaml", "genotype.json", "sessions.jsonl"] {
        fs::copy(from.join(file), to.join(file)).expect("copied");
    }
    let lines = |log: &str, kind: &str| -> Vec<Value> {
        let text = fs::read_to_string(from.join(log)).expect("the log");
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        all.filter(|line| kind.is_empty() || line["kind"] == kind).collect()
    };
    // What comes before and after the numbers that change.
    let of_iteration: Vec<(String, String)> = [("metrics.jsonl", "iteration"), ("trace.jsonl", "")]
        .into_iter()
        .flat_map(|(log, kind)| lines(log, kind).into_iter().take(20))
        .map(|mut line| {
            let kind = line["kind"].as_str().map_or(String::new(), |kind| format!("\"kind\":\"{kind}\","));
            let object = line.as_object_mut().expect("an object");
            for key in ["kind", "iteration", "epoch"] {
                object.remove(key);
            }
            (kind, line.to_string()[1..].to_owned())
        })
        .collect();
    let (metrics_lines, trace_lines) = of_iteration.split_at(of_iteration.len() / 2);
    let (epochs, alpha, genotypes) =
        (lines("metrics.jsonl", "epoch"), lines("alpha.jsonl", ""), lines("genotypes.jsonl", ""));
    let create = |log: &str| BufWriter::new(File::create(to.join(log)).expect("created"));
    let (mut metrics, mut trace) = (create("metrics.jsonl"), create("trace.jsonl"));
    let (mut alphas, mut derived) = (create("alpha.jsonl"), create("genotypes.jsonl"));
    let with = |line: &Value, epoch: u64, iteration: Option<u64>| {
        let mut line = line.clone();
        line["epoch"] = epoch.into();
        if let Some(iteration) = iteration {
            line["iteration"] = iteration.into();
        }
        line
    };
    for iteration in 0..iterations {
        let (epoch, at) = (iteration / PER_EPOCH, iteration as usize);
        for (log, lines) in [(&mut metrics, metrics_lines), (&mut trace, trace_lines)] {
            let (kind, rest) = &lines[at % lines.len()];
            writeln!(log, "{{{kind}\"iteration\":{iteration},\"epoch\":{epoch},{rest}").expect("written");
        }
        if (iteration + 1).is_multiple_of(PER_EPOCH) {
            let at = epoch as usize;
            writeln!(metrics, "{}", with(&epochs[at % epochs.len()], epoch, None)).expect("written");
            writeln!(alphas, "{}", with(&alpha[at % alpha.len()], epoch, None)).expect("written");
            writeln!(derived, "{}", with(&genotypes[at % genotypes.len()], epoch, Some(iteration))).expect("written");
        }
    }
    for log in [&mut metrics, &mut trace, &mut alphas, &mut derived] {
        log.flush().expect("written");
    }
}
