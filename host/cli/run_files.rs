//! What a finished run says (its genotype, its α, its space), and genotypes that were published as text.

use crate::error::{Error, Place, Result};
use crate::extension::Registry;
use crate::graph::{OpSet, OpSets};
use crate::run::record::read_number;
use crate::space::derive::Rule;
use crate::space::{Alpha, Architecture, CellType, Edge, Genotype, Published, Space, derive};
use crate::spec::{Node, Spec};
use crate::train::inputs::Inputs;
use crate::train::setup;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The genotype of a run directory, a genotype file, or a published text (an architecture string of NAS-Bench-201, or what DARTS
/// prints; given as it is or in a file). A run's is derived anew where a rule or an epoch is given.
pub(super) fn genotype(path: &Path, rule: Option<Rule>, epoch: Option<u64>) -> Result<Genotype> {
    const WANTED: &str = "a run directory, the file of a genotype, or a published text";
    if !path.is_dir() {
        let text = text(path);
        let of_nb201 = Architecture::is_meant_by(&text);
        let is_published = of_nb201 || Published::is_meant_by(&text);
        if (path.exists() || is_published) && (rule.is_some() || epoch.is_some()) {
            return Err(Error::new("only a run can be derived anew")
                .at(Place::file(path))
                .expected("a run directory")
                .found(if path.exists() { "a file" } else { "a published text" })
                .help(match path.parent().filter(|folder| folder.join("alpha.jsonl").is_file()) {
                    Some(run) if run != Path::new("") => format!("name the folder that it lies in: {}", run.display()),
                    _ => "name the run directory that it comes from: a genotype file holds no α".to_owned(),
                }));
        }
        if of_nb201 {
            return text.parse::<Architecture>()?.genotype(&nb201_space()?);
        }
        if is_published {
            let file = if path.exists() { path } else { Path::new("<genotype>") };
            return Published::parse(&text, file)?.genotype(&op_sets("darts-ops")?);
        }
        return Genotype::read(path).map_err(|e| match e.fields().place {
            Some(_) => e.help_if_none(format!("what is wanted here is {WANTED}")),
            None => e.expected(WANTED),
        });
    }
    if !path.join("spec.yaml").is_file() {
        return Err(Error::new(format!("{} is no run directory", path.display()))
            .expected(WANTED)
            .found("a folder without `spec.yaml`")
            .help("`edas search` makes run directories: runs/<spec name>-<seed>"));
    }
    if rule.is_none() && epoch.is_none() {
        let file = path.join("genotype.json");
        if file.is_file() {
            return Genotype::read(&file);
        }
        // An evaluation has the one that it trains from its beginning on.
        let is_evaluation = Spec::load(path.join("spec.yaml"), &[]).is_ok_and(|spec| !spec.is_search());
        return if is_evaluation { Genotype::read(&path.join("inputs/genotype.json")) } else { Err(unfinished(path)) };
    }
    let space = space(path)?;
    let (alpha, kept) = alpha(path, epoch)?;
    let Some(rule) = rule else {
        // What the run itself derived: its policy may have had a say.
        return recorded(path, epoch, &space);
    };
    let misfit = || Error::new("the run's α does not fit its space").at(Place::file(path.join("alpha.jsonl")));
    let space = match kept {
        Some(kept) => space.keeping(&positions(&space, &kept).ok_or_else(misfit)?),
        None => Space::clone(&space),
    };
    let rows: Vec<usize> = space.edges().map(|(_, edge)| edge.candidates.len()).collect();
    if alpha.iter().map(Vec::len).ne(rows) {
        return Err(misfit());
    }
    Ok(derive(&space, &alpha, rule))
}

/// Whether an argument is a genotype, or a folder that may hold one, and no spec.
pub(super) fn is_genotype(path: &Path) -> bool {
    let text = text(path);
    let is_published = Architecture::is_meant_by(&text) || Published::is_meant_by(&text);
    let has = |key: &str| Node::parse(&text, path).is_ok_and(|node| node.entry(key).is_some());
    path.is_dir() || is_published || (path.extension().is_some_and(|ending| ending == "json") && !has("edas"))
}

/// The space of a run, with all candidates.
pub(super) fn space(run: &Path) -> Result<Arc<Space>> {
    let mut spec = Spec::load(run.join("spec.yaml"), &[])?;
    Ok(setup::space(&mut spec, &mut Inputs::default())?.1)
}

/// Per edge, the positions of candidates that are given by name.
fn positions(space: &Space, kept: &[Vec<String>]) -> Option<BTreeMap<usize, Vec<usize>>> {
    let edge = |(names, (_, edge)): (&Vec<String>, (&CellType, &Edge))| {
        names.iter().map(|name| edge.candidates.iter().position(|c| c.name == *name)).collect::<Option<Vec<usize>>>()
    };
    let all: Option<Vec<Vec<usize>>> = kept.iter().zip(space.edges()).map(edge).collect();
    Some(all?.into_iter().enumerate().collect())
}

/// The genotype that a run derived at the end of an epoch, the last where none is given.
fn recorded(run: &Path, epoch: Option<u64>, space: &Space) -> Result<Genotype> {
    let path = run.join("genotypes.jsonl");
    let lines = lines(&path, "genotypes")?;
    let of_epoch = |(_, line): &&(usize, Value)| epoch.is_none() || line["epoch"].as_u64() == epoch;
    let missing = || Error::new("the run has no genotype of this epoch").at(Place::file(&path));
    let (number, line) = lines.iter().rev().find(of_epoch).ok_or_else(missing)?;
    let wrong = || Error::new("this line holds no genotype").at(Place::at(&path, *number, 0));
    let cells = serde_json::from_value(line["genotype"].clone()).map_err(|_| wrong())?;
    let choices = Genotype { cells, ..Genotype::new(space, &vec![None; space.edge_count()]) }.choices(space)?;
    Ok(Genotype::new(space, &choices))
}

/// The architecture string that an argument is, or that the file holds which it names; `None` where it is neither.
///
/// # Errors
/// Where the text begins like an architecture string and is none.
pub(super) fn architecture(argument: &Path) -> Result<Option<Architecture>> {
    let text = text(argument);
    if Architecture::is_meant_by(&text) { text.parse().map(Some) } else { Ok(None) }
}

/// What the file holds that an argument names, or the argument itself.
fn text(argument: &Path) -> String {
    std::fs::read_to_string(argument).unwrap_or_else(|_| argument.to_string_lossy().into_owned())
}

/// The op set of a plugin that published texts speak of.
fn op_sets(plugin: &str) -> Result<OpSets> {
    Ok(OpSets(OpSet::of(&Registry::new(None).named(plugin)?)?.into_iter().collect()))
}

/// The space that architecture strings are of.
#[cfg(feature = "nb201")]
fn nb201_space() -> Result<Space> {
    Space::from_node(&crate::spec::Node::parse(edas_nb201::SPACE, "nb201.yaml")?, &op_sets("nb201")?)
}

#[cfg(not(feature = "nb201"))]
fn nb201_space() -> Result<Space> {
    Err(Error::new("architecture strings need the feature `nb201`, without which this program was built"))
}

/// The accuracy of what a finished run derived, in its last validation.
pub(super) fn derived_accuracy(run: &Path) -> Result<f64> {
    let path = run.join("genotypes.jsonl");
    let last = lines(&path, "genotypes")?.pop().and_then(|(_, line)| line["derived_accuracy"].as_f64());
    last.ok_or_else(|| Error::new("the run has no validation").at(Place::file(&path)))
}

/// The error for a run that has come to no result.
fn unfinished(run: &Path) -> Error {
    let last = lines(&run.join("alpha.jsonl"), "α").ok().and_then(|lines| lines.last()?.1["epoch"].as_u64());
    Error::new(format!("the run in {} has no genotype", run.display()))
        .expected("a run that is finished")
        .found(match run.join("failure.txt").is_file() {
            true => "one that failed: its `failure.txt` says why",
            false => "one that was interrupted, or still runs",
        })
        .help(match last {
            Some(epoch) => format!("`--epoch {epoch}` derives one from α after its last whole epoch"),
            None => "none of its epochs is whole: search anew".to_owned(),
        })
}

/// The lines of one of a run's files, with their numbers. A last line that was cut off does not count.
fn lines(path: &Path, what: &str) -> Result<Vec<(usize, Value)>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, &e).at(Place::file(path)))?;
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate();
    let value = |(i, line)| {
        let value = serde_json::from_str(line).map_err(|e| {
            Error::new(format!("this is no line of {what}: {e}")).at(Place::at(path, i + 1, e.column()))
        })?;
        Ok((i + 1, value))
    };
    whole.map(value).collect()
}

/// α after an epoch, the last where none is given; and the names of each edge's candidates, where some are gone.
pub(super) fn alpha(run: &Path, epoch: Option<u64>) -> Result<(Alpha, Option<Vec<Vec<String>>>)> {
    let path = run.join("alpha.jsonl");
    let lines = lines(&path, "α")?;
    let epochs: Vec<u64> = lines.iter().filter_map(|(_, line)| line["epoch"].as_u64()).collect();
    let found = match epoch {
        Some(epoch) => lines.iter().find(|(_, line)| line["epoch"].as_u64() == Some(epoch)),
        None => lines.last(),
    };
    let Some((number, line)) = found else {
        return Err(Error::new("the run has no α of this epoch")
            .at(Place::file(&path))
            .expected(match (epochs.first(), epochs.last()) {
                (Some(first), Some(last)) => format!("an epoch from {first} to {last}"),
                _ => "a run with at least one whole epoch".to_owned(),
            })
            .found(epoch.map_or_else(|| "none".to_owned(), |e| e.to_string())));
    };
    let name_of = |v: &Value| v.as_str().map(str::to_owned);
    let rows = || Some((per_edge(&line["cells"], read_number)?, per_edge(&line["candidates"], name_of)));
    rows().ok_or_else(|| {
        Error::new("this is no line of α").at(Place::at(&path, *number, 0)).expected(r#"{"epoch":…,"cells":{…}}"#)
    })
}

/// The rows of all edges, which a line has by cell type.
fn per_edge<T>(cells: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<Vec<T>>> {
    let rows = cells.as_object()?.values().flat_map(|cell| cell.as_array().into_iter().flatten());
    rows.map(|row| row.as_array()?.iter().map(&read).collect()).collect()
}
