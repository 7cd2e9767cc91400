//! `edas lookup`: what a table of benchmark results says of an architecture.

use super::results_table::{Table, rank};
use super::{Done, output, run_files};
use crate::error::{Error, Place};
use crate::space::Architecture;
use serde_json::{Map, json};
use std::path::PathBuf;

/// The options of `edas lookup`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// A run directory, a genotype file, or an architecture string of NAS-Bench-201.
    run: PathBuf,
    /// The table: CSV with a line of headings, and a line per architecture.
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
    /// The column with the architecture strings; found by its cells where it is not given.
    #[arg(long, value_name = "COLUMN")]
    arch: Option<String>,
    /// A column with a result; may be repeated. All columns of numbers where it is not given.
    #[arg(long, value_name = "COLUMN")]
    value: Vec<String>,
    /// Rank 1 is the lowest value, not the highest.
    #[arg(long)]
    lower_is_better: bool,
}

pub(super) fn run(options: &Options, json: bool) -> Done {
    let architecture = match run_files::architecture(&options.run)? {
        Some(architecture) => architecture,
        None => Architecture::of(&run_files::genotype(&options.run, None, None)?)?,
    };
    let table = Table::read(&options.table)?;
    let column = match &options.arch {
        Some(name) => table.column(name)?,
        None => table.architectures()?,
    };
    let results = match &options.value[..] {
        [] => table.numbers(),
        names => names.iter().map(|name| table.column(name)).collect::<crate::Result<_>>()?,
    };
    if results.is_empty() {
        return Err(Error::new("the table has no column of numbers")
            .at(Place::file(&options.table))
            .found(format!("the columns {}", table.headings.join(", ")))
            .into());
    }
    let found = table.find(&architecture, column)?;
    if found.is_empty() {
        return Err(Error::new("the table does not hold this architecture")
            .at(Place::file(&options.table))
            .expected(format!("a line with `{architecture}` in column `{}`", table.headings[column]))
            .into());
    }
    let values = results.iter().map(|c| Ok((*c, table.values(*c)?))).collect::<crate::Result<Vec<_>>>()?;
    let ranked = |position: usize| {
        values.iter().filter_map(move |(c, values)| Some((*c, rank(values, position, options.lower_is_better)?)))
    };
    if json {
        let line = |(position, number): &(usize, usize)| {
            let entry = |(c, r): (usize, super::results_table::Ranked)| {
                (table.headings[c].clone(), json!({"value": r.value, "rank": r.rank, "of": r.of}))
            };
            json!({"line": number, "results": ranked(*position).map(entry).collect::<Map<_, _>>()})
        };
        return output::json(&json!({
            "architecture": architecture.to_string(),
            "column": table.headings[column],
            "lower_is_better": options.lower_is_better,
            "found": found.iter().map(line).collect::<Vec<_>>(),
        }));
    }
    let mut shown = output::table(["line", "column", "value", "rank", "of"]);
    for (position, number) in &found {
        for (c, r) in ranked(*position) {
            let numbers = [r.value.to_string(), r.rank.to_string(), r.of.to_string()];
            let [value, rank, of] = numbers;
            shown.add_row([number.to_string(), table.headings[c].clone(), value, rank, of]);
        }
    }
    output::print(&format!("{architecture}\n\n{}\n", shown.trim_fmt()))
}
