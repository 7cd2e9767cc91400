//! The DARTS space with fewer or more candidates per edge, whose mean cost stays what it is.
//!
//! Under the fixed plans every edge runs the same candidate in all of them, so that what differs is what a relaxed edge computes:
//!
//! - 4: the eight fall into two halves, each with one candidate of no cost, a pool, a separable and a dilated convolution. An edge
//!   has the half that holds the candidate which it runs: seven positions of a cell the one, seven the other.
//! - 8: the space as it is.
//! - 16: the eight, and the same operations once more under other names.

use super::repository;
use edas::{Error, Result};
use serde_yaml::Value;
use std::path::{Path, PathBuf};

/// The numbers of candidates that there are spaces for.
pub const NUMBERS: [usize; 3] = [4, ALL, 16];
/// The number of candidates in the DARTS space.
pub const ALL: usize = 8;

/// The DARTS space's candidates, by their places in its list.
const HALVES: [[usize; 4]; 2] = [[0, 1, 4, 7], [2, 3, 5, 6]];

/// Writes the space with so many candidates per edge into a folder, and returns its file.
///
/// # Errors
/// Where that fails.
pub fn write(folder: &Path, number: usize) -> Result<PathBuf> {
    let file = repository("specs/spaces/darts.yaml");
    let text = std::fs::read_to_string(&file).map_err(|e| Error::io("read", &file, &e))?;
    let unreadable = |e: serde_yaml::Error| Error::new(format!("{}: {e}", file.display()));
    let mut space: Value = serde_yaml::from_str(&text).map_err(unreadable)?;
    let edges = &mut space["cell_types"][0]["edges"];
    let names: Vec<String> = serde_yaml::from_value(edges["candidates"].clone()).map_err(unreadable)?;
    // The edges of a cell in their order: by the node that they lead to, then by the one they come from.
    let pairs = (2..6).flat_map(|to| (0..to).map(move |from| (from, to)));
    let list = pairs.enumerate().map(|(position, (from, to))| {
        let candidates = candidates(&names, position % ALL, number);
        serde_json::json!({ "from": from, "to": to, "candidates": candidates })
    });
    let list: Vec<serde_json::Value> = list.collect();
    *edges = serde_yaml::to_value(serde_json::json!({ "list": list })).map_err(unreadable)?;
    let target = folder.join(format!("darts-{number}.yaml"));
    let text = serde_yaml::to_string(&space).map_err(unreadable)?;
    std::fs::write(&target, text).map_err(|e| Error::io("write", &target, &e))?;
    Ok(target)
}

/// The candidates of an edge that runs the one at place `fixed`.
fn candidates(names: &[String], fixed: usize, number: usize) -> Vec<serde_json::Value> {
    let twins = names.iter().map(|name| serde_json::json!({ "name": format!("{name}_twin"), "op": name }));
    let named = names.iter().map(|name| name.as_str().into());
    match number {
        4 => {
            let half = HALVES.iter().find(|half| half.contains(&fixed)).unwrap_or(&HALVES[0]);
            half.iter().map(|place| names[*place].as_str().into()).collect()
        }
        16 => named.chain(twins).collect(),
        _ => named.collect(),
    }
}
