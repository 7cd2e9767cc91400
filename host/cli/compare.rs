//! `edas compare`: architectures side by side.

use super::{Done, output};
use crate::error::Error;
use crate::report::Comparison;
use std::path::PathBuf;

/// The form of the table.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// A table in Markdown.
    Markdown,
    /// Comma-separated values.
    Csv,
}

/// The options of `edas compare`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Run directories, of searches and of evaluations. Those of one genotype make one row.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Add rows of the literature, each with its source.
    #[arg(long)]
    published: bool,
    /// The form of the table.
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(options: &Options, json: bool) -> Done {
    let mut comparison = Comparison::of(&options.runs)?;
    if options.published {
        comparison = comparison.with_published()?;
    }
    if json {
        let value = serde_json::to_value(&comparison).map_err(|e| Error::new(format!("the table: {e}")))?;
        return output::json(&value);
    }
    output::print(&match options.format {
        Format::Text => text(&comparison),
        Format::Markdown => markdown(&comparison),
        Format::Csv => csv(&comparison)?,
    })
}

/// The table for a terminal.
pub(super) fn text(comparison: &Comparison) -> String {
    let mut table = output::table([]);
    table.set_header(comparison.headings());
    table.add_rows(comparison.cells());
    table.trim_fmt() + "\n"
}

/// The table in Markdown.
pub(super) fn markdown(comparison: &Comparison) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let headings = comparison.headings();
    let rule = "|---".repeat(headings.len()) + "|\n";
    let rows: Vec<String> = comparison.cells().iter().map(|row| line(row)).collect();
    [line(&headings), rule, rows.concat()].concat()
}

fn csv(comparison: &Comparison) -> Result<String, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::new(format!("the table: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in std::iter::once(comparison.headings()).chain(comparison.cells()) {
        writer.write_record(&record).map_err(|e| failed(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| failed(&e))?;
    String::from_utf8(bytes).map_err(|e| failed(&e))
}
