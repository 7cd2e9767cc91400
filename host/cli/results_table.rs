//! Tables of architectures and their results, as people keep them: CSV with headings, in columns of any name.

use crate::error::{Error, Place, Result, nearest};
use crate::space::Architecture;
use crate::spec::read_text;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table with headings.
pub(super) struct Table {
    path: PathBuf,
    text: Arc<str>,
    /// The headings.
    pub headings: Vec<String>,
    lines: Vec<Line>,
}

/// A line of a table.
struct Line {
    /// Where it begins in the text, or a line end before that.
    start: u64,
    cells: Vec<String>,
}

/// A value of a column and how it ranks within it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    /// The value.
    pub value: f64,
    /// 1 and the number of values that are better.
    pub rank: usize,
    /// The number of values in the column.
    pub of: usize,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// Where the file cannot be read, has no headings or no lines, or lines of differing lengths.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text: Arc<str> = read_text(path, "table")?.trim_start_matches('\u{feff}').into();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let at = |start: u64| Place::at(path, number(&text, start), 1).with_text(text.clone());
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let wrong = |error: csv::Error| match error.kind() {
            csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                let error = Error::new("this line has another number of cells than the headings")
                    .expected(expected_len.to_string())
                    .found(len.to_string())
                    .help("put a cell that holds a comma in quotes");
                match pos {
                    Some(pos) => error.at(at(pos.byte())),
                    None => error.at(Place::file(path)),
                }
            }
            _ => Error::new(format!("this is no CSV table: {error}")).at(Place::file(path)),
        };
        let headings = cells(reader.headers().map_err(wrong)?);
        if headings.iter().all(String::is_empty) {
            return Err(Error::new("the table is empty")
                .at(Place::file(path))
                .expected("a line of headings, and a line per architecture"));
        }
        if headings.iter().any(|h| Architecture::is_meant_by(h)) {
            return Err(Error::new("the table has no headings")
                .at(at(0))
                .expected("the columns' names in the first line")
                .found("an architecture"));
        }
        let mut lines = Vec::new();
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            lines.push(Line { start: record.position().map_or(0, csv::Position::byte), cells: cells(&record) });
        }
        if lines.is_empty() {
            return Err(Error::new("the table has headings and nothing else")
                .at(Place::file(path))
                .expected("a line per architecture"));
        }
        Ok(Self { path: path.to_owned(), text, headings, lines })
    }

    fn at(&self, line: &Line) -> Place {
        Place::at(&self.path, number(&self.text, line.start), 1).with_text(self.text.clone())
    }

    /// The position of the column with this heading.
    ///
    /// # Errors
    /// Where there is none, or more than one.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        let found: Vec<usize> = (0..self.headings.len()).filter(|c| self.headings[*c] == name).collect();
        match found[..] {
            [column] => Ok(column),
            [] => Err(Error::new(format!("the table has no column `{name}`"))
                .at(Place::file(&self.path))
                .expected(self.headings.join(", "))
                .help_if(nearest(name, self.headings.iter().map(String::as_str)))),
            _ => Err(Error::new(format!("the table has {} columns `{name}`", found.len())).at(Place::file(&self.path))),
        }
    }

    fn filled(&self, column: usize) -> impl Iterator<Item = (&Line, &str)> {
        self.lines.iter().map(move |line| (line, line.cells[column].as_str())).filter(|(_, cell)| !cell.is_empty())
    }

    /// The position of the one column that holds architecture strings.
    ///
    /// # Errors
    /// Where no column does, or several do.
    pub(super) fn architectures(&self) -> Result<usize> {
        let meant = |column: &usize| self.filled(*column).next().is_some_and(|(_, c)| Architecture::is_meant_by(c));
        let found: Vec<usize> = (0..self.headings.len()).filter(meant).collect();
        let names = |list: &[usize]| list.iter().map(|c| self.headings[*c].as_str()).collect::<Vec<_>>().join(", ");
        match found[..] {
            [column] => Ok(column),
            [] => Err(Error::new("no column of the table holds architecture strings")
                .at(Place::file(&self.path))
                .expected("a column of texts such as `|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|`")
                .found(format!("the columns {}", self.headings.join(", ")))),
            _ => Err(Error::new("several columns of the table hold architecture strings")
                .at(Place::file(&self.path))
                .found(names(&found))
                .help(format!("choose one: `--arch {}`", self.headings[found[0]]))),
        }
    }

    /// The positions of the columns in which every cell that is filled is a number.
    pub(super) fn numbers(&self) -> Vec<usize> {
        let number = |cell: &str| cell.parse::<f64>().is_ok();
        let all = |column: &usize| {
            self.filled(*column).next().is_some() && self.filled(*column).all(|(_, cell)| number(cell))
        };
        (0..self.headings.len()).filter(all).collect()
    }

    /// The lines on which a column holds an architecture: their positions, and their numbers in the file.
    ///
    /// # Errors
    /// Where the column holds something else than architecture strings.
    pub(super) fn find(&self, architecture: &Architecture, column: usize) -> Result<Vec<(usize, usize)>> {
        let mut found = Vec::new();
        for (position, line) in self.lines.iter().enumerate() {
            let cell = &line.cells[column];
            if cell.is_empty() {
                continue;
            }
            let here: Architecture = cell.parse().map_err(|e: Error| e.at(self.at(line)))?;
            if here == *architecture {
                found.push((position, number(&self.text, line.start)));
            }
        }
        Ok(found)
    }

    /// The values of a column, `None` where a cell is empty or no number that can be compared.
    ///
    /// # Errors
    /// Where a cell holds something else than a number.
    pub(super) fn values(&self, column: usize) -> Result<Vec<Option<f64>>> {
        let value = |line: &Line| match line.cells[column].as_str() {
            "" => Ok(None),
            cell => match cell.parse::<f64>() {
                Ok(value) => Ok(Some(value).filter(|v| !v.is_nan())),
                Err(_) => {
                    Err(Error::new(format!("column `{}` holds something else than numbers", self.headings[column]))
                        .at(self.at(line))
                        .expected("a number")
                        .found(format!("`{cell}`")))
                }
            },
        };
        self.lines.iter().map(value).collect()
    }
}

/// The number, from 1, of the first line from a byte on that is not blank.
fn number(text: &str, start: u64) -> usize {
    let (before, rest) = text.split_at(start as usize);
    let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    1 + before.matches('\n').count() + rest[..blank].matches('\n').count()
}

/// How one of a column's values ranks within it; `None` where there is no value.
pub(super) fn rank(values: &[Option<f64>], position: usize, lower_is_better: bool) -> Option<Ranked> {
    let value = values[position]?;
    let better = |other: &&f64| if lower_is_better { **other < value } else { **other > value };
    let rank = 1 + values.iter().flatten().filter(better).count();
    Some(Ranked { value, rank, of: values.iter().flatten().count() })
}
