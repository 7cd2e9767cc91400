//! `edas predict`: what a trained network makes of images.

use super::output::{self, say};
use super::{Done, Failure, message};
use crate::error::Error;
use crate::model::image::Prediction;
use crate::model::{Model, Which};
use crate::spec::{PluginRef, SpecPath};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The options of `edas predict`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The run directory of a finished evaluation, or a file that `edas export --format safetensors` wrote.
    model: PathBuf,
    /// JPEG or PNG images, of any size.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Of a run: the weights of the epoch with the best test.
    #[arg(long)]
    best: bool,
    /// How many classes are printed of each image.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    top: u64,
    /// A plugin that the network's operations come from, and that is not found by its name; may be repeated.
    #[arg(long, value_name = "PLUGIN")]
    plugin: Vec<PathBuf>,
}

/// The network of a run directory, or of a file.
pub(super) fn model(path: &Path, best: bool, plugins: &[PathBuf]) -> Result<Model, Error> {
    let plugins: Vec<PluginRef> = std::iter::once(PluginRef::Name("darts-ops".to_owned()))
        .chain(plugins.iter().map(|path| PluginRef::Path(SpecPath::new(path))))
        .collect();
    match path.is_dir() {
        true => Model::of_run(path, if best { Which::Best } else { Which::Last }),
        false => Model::read(path, &plugins),
    }
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let model = model(&options.model, options.best, &options.plugin)?;
    images(&model, &options.images, options.top as usize, json_wanted)
}

/// Says what a network makes of images.
pub(super) fn images(model: &Model, images: &[PathBuf], top: usize, json_wanted: bool) -> Done {
    let mut faults = 0;
    let mut table = output::table(["image", "class", "probability"]);
    let mut list = Vec::new();
    for image in images {
        // A broken image does not hold up the others.
        match model.predict(image) {
            Ok(Prediction { classes, resized }) => {
                let few = &classes[..classes.len().min(top)];
                if let Some((width, height)) = resized {
                    let [_, h, w] = model.description.input.shape;
                    say(&format!("{}: {width}×{height}, brought to {w}×{h}", image.display()));
                }
                for (k, (class, probability)) in few.iter().enumerate() {
                    let name = if k == 0 { image.display().to_string() } else { String::new() };
                    table.add_row([name, class.clone(), format!("{probability:.4}")]);
                }
                let classes: Vec<Value> =
                    few.iter().map(|(class, p)| json!({"class": class, "probability": p})).collect();
                list.push(json!({"image": image.display().to_string(), "classes": classes}));
            }
            Err(error) => {
                faults += 1;
                message::show(&error);
            }
        }
    }
    if json_wanted {
        output::json(&Value::Array(list))?;
    } else if faults < images.len() {
        output::print(&(table.trim_fmt() + "\n"))?;
    }
    match faults {
        0 => Ok(()),
        // The messages are above.
        n if n == images.len() => Err(Failure::Wrong),
        _ => Err(Failure::No),
    }
}
