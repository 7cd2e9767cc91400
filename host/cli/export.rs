//! `edas export`: a genotype in another form.

use super::derive::RuleOption;
use super::output::{self, say};
use super::{Done, Failure, predict, run_files};
use crate::error::Error;
use crate::model::Model;
use crate::report::picture::{cell, png};
use crate::space::derive::Rule;
use crate::space::{Architecture, text};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// How many pixels of a PNG one of the picture is: it is to be legible in print.
const SCALE: f32 = 2.0;

/// The form of an export.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// The genotype file: whole in itself.
    Json,
    /// The text that DARTS prints.
    Darts,
    /// A graph for Graphviz.
    Dot,
    /// The cells as a picture.
    Svg,
    /// The same in pixels.
    Png,
    /// The architecture string of NAS-Bench-201.
    Nb201,
    /// The trained network of an evaluation: weights, with its description in the header.
    Safetensors,
    /// The trained network of an evaluation as a program for Python's torch and for libtorch.
    Torchscript,
    /// The trained network of an evaluation as PyTorch source, one file to read and change, and its weights beside it.
    Pytorch,
}

/// The options of `edas export`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// A run directory, a genotype file, or a published text (of DARTS or NAS-Bench-201). For `safetensors`, `torchscript` and `pytorch`
    /// the run directory of a finished evaluation, or a safetensors file of its network.
    run: PathBuf,
    /// The form.
    #[arg(long)]
    format: Format,
    /// Derive a run's genotype by this rule first.
    #[arg(long)]
    rule: Option<RuleOption>,
    /// Derive a run's genotype from α after this epoch first; epochs count from 0.
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// Of an evaluation: the weights of the epoch with the best test.
    #[arg(long)]
    best: bool,
    /// Write to this file; to stdout where it is not given. Networks need one.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    if options.best && options.format.ending().is_none() {
        return Err(Error::new("only a trained network has weights of its best epoch")
            .expected(format!("`--format` {} with `--best`", alternatives()))
            .into());
    }
    let genotype = || run_files::genotype(&options.run, options.rule.map(Rule::from), options.epoch);
    let text = match options.format {
        Format::Json => genotype()?.to_json() + "\n",
        Format::Darts => text::darts(&genotype()?)? + "\n",
        Format::Dot => cell::dot(&genotype()?),
        Format::Svg => cell::svg(&genotype()?),
        Format::Png => return binary(options, &png(&cell::svg(&genotype()?), SCALE)?),
        Format::Nb201 => format!("{}\n", Architecture::of(&genotype()?)?),
        Format::Safetensors | Format::Torchscript | Format::Pytorch => return network(options),
    };
    match &options.output {
        None => output::print(&text),
        Some(path) => write(path, text.as_bytes()),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Done {
    std::fs::write(path, bytes).map_err(|e| Failure::Later(Error::io("write", path, &e)))
}

/// Writes what is no text: to a file, or to whatever reads stdout.
fn binary(options: &Options, bytes: &[u8]) -> Done {
    match &options.output {
        Some(path) => write(path, bytes),
        None if output::is_terminal() => {
            Err(Error::new("a PNG is no text for a terminal").expected("`-o FILE`").into())
        }
        None => output::write(bytes),
    }
}

/// Writes a trained network to a file.
fn network(options: &Options) -> Done {
    if options.rule.is_some() || options.epoch.is_some() {
        return Err(Error::new("a trained network cannot be derived anew")
            .help("leave out `--rule` and `--epoch`; `edas evaluate RUN --epochs N` trains what a search derived then")
            .into());
    }
    let Some(path) = &options.output else {
        return Err(Error::new("a network goes to a file").expected("`-o FILE`").into());
    };
    let model = predict::model(&options.run, options.best, &[])?;
    write_network(&model, options.format, path)
}

impl Format {
    /// The form of a network with this name.
    pub(super) fn of_network(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok().filter(|format| format.ending().is_some())
    }

    /// The ending of the file of a network in this form; `None` for a form that is none of a network.
    pub(super) fn ending(self) -> Option<&'static str> {
        match self {
            Self::Safetensors => Some("safetensors"),
            Self::Torchscript => Some("pt"),
            Self::Pytorch => Some("py"),
            Self::Json | Self::Darts | Self::Dot | Self::Svg | Self::Png | Self::Nb201 => None,
        }
    }
}

/// The forms of a network, for messages.
pub(super) fn alternatives() -> String {
    let networks = Format::value_variants().iter().filter(|format| format.ending().is_some());
    let names = networks.filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()));
    names.collect::<Vec<_>>().join(", ")
}

/// Writes a network in a form, and its description beside it.
pub(super) fn write_network(model: &Model, format: Format, path: &Path) -> Done {
    let later = Failure::Later;
    match format {
        Format::Torchscript => model.write_torchscript(path).map_err(later)?,
        Format::Pytorch => {
            if path.extension().is_none_or(|ending| ending != "py") {
                return Err(Error::new("the weights of a Python program go beside it, under its name")
                    .expected("a file that ends in `.py`")
                    .found(path.display().to_string())
                    .into());
            }
            let program = model.to_pytorch().map_err(later)?;
            write(&path.with_extension("safetensors"), &model.to_safetensors().map_err(later)?)?;
            write(path, program.as_bytes())?;
        }
        _ => write(path, &model.to_safetensors().map_err(later)?)?,
    }
    let json = path.with_extension("json");
    let text = serde_json::to_string_pretty(&model.description)
        .map_err(|e| later(Error::new(format!("the description: {e}"))))?;
    write(&json, (text + "\n").as_bytes())?;
    say(&format!("the network is in {}, its description in {}", path.display(), json.display()));
    Ok(())
}
