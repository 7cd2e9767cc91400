//! `edas check` of a genotype: what the network costs that it becomes.

use super::Done;
use super::output::{self, count};
use crate::error::Result;
use crate::space::Genotype;
use crate::spec::{Evaluate, PluginRef, Spec};
use crate::train::evaluation::setup::cost_of;
use crate::train::evaluation::{Cost, Setup};
use serde_json::{Value, json};

/// A setting, and what the network costs in it.
struct Row {
    setting: String,
    cells: u32,
    channels: u32,
    image: [i64; 3],
    classes: i64,
    cost: Result<Cost>,
}

/// Prints the costs by a spec, which may limit them, or else in the settings that papers report.
pub(super) fn run(genotype: &Genotype, spec: Option<Spec>, json_wanted: bool) -> Done {
    let rows = match spec {
        Some(spec) => vec![by(spec, genotype)?],
        None => {
            let settings = [
                ("CIFAR-10", Evaluate::default(), [3, 32, 32], 10),
                ("ImageNet, mobile", Evaluate::transfer(), [3, 224, 224], 1000),
            ];
            settings
                .into_iter()
                .map(|(name, evaluate, image, classes)| row(name, genotype, &evaluate, image, classes))
                .collect()
        }
    };
    if let [Row { cost: Err(error), .. }, rest @ ..] = rows.as_slice()
        && rest.iter().all(|row| row.cost.is_err())
    {
        // What nowhere becomes a network is no sound genotype.
        return Err(error.clone().into());
    }
    if json_wanted {
        output::json(&rows.iter().map(Row::json).collect::<Vec<_>>().into())
    } else {
        output::print(&table(&rows))
    }
}

/// A setting that papers report.
fn row(name: &str, genotype: &Genotype, evaluate: &Evaluate, image: [i64; 3], classes: i64) -> Row {
    // Its stem and second classifier are this op set's.
    let plugins = [PluginRef::Name("darts-ops".to_owned())];
    Row {
        setting: name.to_owned(),
        cells: evaluate.cells,
        channels: evaluate.channels,
        image,
        classes,
        cost: cost_of(genotype, evaluate, &plugins, image, classes),
    }
}

fn by(spec: Spec, genotype: &Genotype) -> Result<Row> {
    let setup = Setup::new(spec, Some(genotype.clone()))?;
    let settings = &setup.network.settings;
    Ok(Row {
        setting: setup.spec.name.clone(),
        cells: setup.evaluate().cells,
        channels: setup.evaluate().channels,
        image: settings.image,
        classes: settings.classes,
        cost: Ok(setup.cost()),
    })
}

impl Row {
    fn json(&self) -> Value {
        let Self { setting, cells, channels, image, classes, cost } = self;
        let mut value = json!({
            "setting": setting, "cells": cells, "channels": channels, "image": image, "classes": classes,
        });
        match cost {
            Ok(Cost { parameters, auxiliary, multiply_adds, longest_paths }) => {
                value["parameters"] = json!(parameters);
                value["auxiliary_parameters"] = json!(auxiliary);
                value["multiply_adds"] = json!(multiply_adds);
                value["longest_paths"] = json!(longest_paths);
            }
            Err(error) => value["error"] = json!(error.to_string()),
        }
        value
    }
}

fn table(rows: &[Row]) -> String {
    let head = [
        "setting",
        "cells",
        "channels",
        "image",
        "classes",
        "parameters",
        "second classifier",
        "multiply-adds",
        "longest paths",
    ];
    let mut table = output::table(head);
    let mut faults = String::new();
    for Row { setting, cells, channels, image: [_, height, width], classes, cost } in rows {
        let mut row = vec![
            setting.clone(),
            cells.to_string(),
            channels.to_string(),
            format!("{width}×{height}"),
            classes.to_string(),
        ];
        match cost {
            Ok(cost) => {
                let numbers = [cost.parameters, cost.auxiliary, cost.multiply_adds].map(count);
                row.extend(numbers);
                row.push(output::paths(&cost.longest_paths));
            }
            Err(error) => {
                row.extend(["–"; 4].map(str::to_owned));
                faults += &format!("\n{setting}: {error}\n");
            }
        }
        table.add_row(row);
    }
    format!("{}\n{faults}\nThe genotype is sound.\n", table.trim_fmt())
}
