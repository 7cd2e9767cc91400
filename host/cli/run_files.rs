//! What a finished run says (its genotype, its α, its space), and genotypes that were published as text.

use crate::error::{Error, Place, Result};
use crate::space::derive::Rule;
use crate::space::{Alpha, Architecture, Genotype, Space, derive};
use crate::spec::Spec;
use crate::train::inputs::Inputs;
use crate::train::setup;
#[cfg(feature = "nb201")]
use crate::{
    extension::Registry,
    graph::{OpSet, OpSets},
    spec::Node,
};
use serde_json::Value;
use std::path::Path;

/// The genotype of a run directory, a genotype file, or a published text (an architecture string of NAS-Bench-201, given as it
/// is or in a file). A run's is derived anew where a rule or an epoch is given.
pub(super) fn genotype(path: &Path, rule: Option<Rule>, epoch: Option<u64>) -> Result<Genotype> {
    if !path.is_dir() {
        if rule.is_some() || epoch.is_some() {
            return Err(Error::new("only a run can be derived anew")
                .at(Place::file(path))
                .expected("a run directory")
                .found("no folder"));
        }
        return match architecture(path)? {
            Some(architecture) => architecture.genotype(&nb201_space()?),
            None => Genotype::read(path),
        };
    }
    if rule.is_none() && epoch.is_none() {
        return Genotype::read(&path.join("genotype.json")).map_err(|e| {
            e.help_if_none(
                "a run has a genotype when it is finished; `--epoch N` derives one from an epoch before".to_owned(),
            )
        });
    }
    let mut spec = Spec::load(path.join("spec.yaml"), &[])?;
    let (_, space) = setup::space(&mut spec, &mut Inputs::default())?;
    let alpha = alpha(path, epoch)?;
    let rows: Vec<usize> = space.edges().map(|(_, edge)| edge.candidates.len()).collect();
    if alpha.iter().map(Vec::len).ne(rows) {
        return Err(Error::new("the run's α does not fit its space").at(Place::file(path.join("alpha.jsonl"))));
    }
    Ok(derive(&space, &alpha, rule.unwrap_or(spec.derive.rule)))
}

/// The architecture string that an argument is, or that the file holds which it names; `None` where it is neither.
///
/// # Errors
/// Where the text begins like an architecture string and is none.
pub(super) fn architecture(argument: &Path) -> Result<Option<Architecture>> {
    let text = match std::fs::read_to_string(argument) {
        Ok(text) => text,
        Err(_) => argument.to_string_lossy().into_owned(),
    };
    if Architecture::is_meant_by(&text) { text.parse().map(Some) } else { Ok(None) }
}

/// The space that architecture strings are of.
#[cfg(feature = "nb201")]
fn nb201_space() -> Result<Space> {
    let plugin = Registry::new(None).named("nb201")?;
    let op_sets = OpSets(OpSet::of(&plugin)?.into_iter().collect());
    Space::from_node(&Node::parse(edas_nb201::SPACE, "nb201.yaml")?, &op_sets)
}

#[cfg(not(feature = "nb201"))]
fn nb201_space() -> Result<Space> {
    Err(Error::new("architecture strings need the feature `nb201`, without which this program was built"))
}

/// α after an epoch, the last where none is given.
fn alpha(run: &Path, epoch: Option<u64>) -> Result<Alpha> {
    let path = run.join("alpha.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, &e).at(Place::file(&path)))?;
    let lines: Vec<(usize, Value)> = text
        .lines()
        .enumerate()
        .map(|(i, line)| {
            let value = serde_json::from_str(line).map_err(|e| {
                Error::new(format!("this is no line of α: {e}")).at(Place::at(&path, i + 1, e.column()))
            })?;
            Ok((i + 1, value))
        })
        .collect::<Result<_>>()?;
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
    let number_of = |v: &Value| match v {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    let rows = line["cells"].as_object().map(|cells| {
        let rows = cells.values().flat_map(|cell| cell.as_array().into_iter().flatten());
        rows.map(|row| row.as_array()?.iter().map(number_of).collect()).collect::<Option<Alpha>>()
    });
    rows.flatten().ok_or_else(|| {
        Error::new("this is no line of α").at(Place::at(&path, *number, 0)).expected(r#"{"epoch":…,"cells":{…}}"#)
    })
}
