//! Checks of a spec that concern several keys, and the check of a spec made in code.

use super::{Data, DataSet, EvaluateOptimizer, Node, Spec, ValidationData, WeightsOptimizer, check_ranges, decode};
use crate::error::{Error, Result};

impl Spec {
    /// Checks a spec that was made or changed in code: every range, and how the keys fit together. One
    /// that was loaded has been checked.
    ///
    /// # Errors
    /// For the first value that is out of range or contradicts another.
    pub fn check(&self) -> Result<()> {
        let json = serde_json::to_value(self).map_err(|error| Error::new(format!("the spec: {error}")))?;
        let node = Node::from_json(&json, "<spec>");
        check_ranges::<Spec>(&node)?;
        // A number that is not finite became null on the way, which decoding refuses.
        decode::<Spec>(&node, "the spec")?;
        self.check_together(&node)
    }

    /// How the keys fit together; `node` gives the places.
    pub(super) fn check_together(&self, node: &Node) -> Result<()> {
        check_stage(self, node)?;
        check_name(&self.name, node)?;
        let WeightsOptimizer { learning_rate: high, minimum_learning_rate: low, .. } = self.search.weights;
        check_rates("search.weights", high, low, node)?;
        for (section, scratch) in [("evaluate", &self.evaluate), ("transfer", &self.transfer)] {
            if let Some(scratch) = scratch {
                let EvaluateOptimizer { learning_rate: high, minimum_learning_rate: low, .. } = scratch.weights;
                check_rates(&format!("{section}.weights"), high, low, node)?;
            }
        }
        check_root(&self.data, node)?;
        check_size(&self.data, node)?;
        check_shares(self, node)
    }
}

/// The name becomes a part of the run directory's name.
fn check_name(name: &str, node: &Node) -> Result<()> {
    if !name.starts_with('.') && !name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()) {
        return Ok(());
    }
    Err(Error::new("`name` cannot be the name of a folder")
        .at(node.place_of("name"))
        .expected("text without `/`, `\\` and control characters that does not begin with a dot")
        .found(format!("{name:?}")))
}

/// A search has a space and a policy; a spec without them describes an evaluation.
fn check_stage(spec: &Spec, node: &Node) -> Result<()> {
    let wanted = [("space", spec.space.is_some()), ("policy", spec.policy.is_some())];
    let given = wanted.iter().filter(|(_, given)| *given).count();
    if given == wanted.len() || (given == 0 && spec.from_scratch().is_some()) {
        return Ok(());
    }
    let missing = wanted.into_iter().find(|(_, given)| !given).map_or("space", |(key, _)| key);
    Err(Error::new(format!("missing key `{missing}` in the spec"))
        .at(node.place())
        .expected(format!("the key `{missing}`"))
        .found("the spec without it"))
}

fn check_rates(section: &str, high: f64, low: f64, node: &Node) -> Result<()> {
    if low <= high {
        return Ok(());
    }
    let path = |key: &str| format!("{section}.{key}");
    let written = node.get(&path("minimum_learning_rate")).is_some();
    let key = path(if written { "minimum_learning_rate" } else { "learning_rate" });
    Err(Error::new("the minimum learning rate is above the learning rate")
        .at(node.place_of(&key))
        .expected(format!("`{}` of at most {high:?}", path("minimum_learning_rate")))
        .found(format!("{low:?}{}", if written { "" } else { ", its default" }))
        .help(format!("set `{}` too", path(if written { "learning_rate" } else { "minimum_learning_rate" }))))
}

fn check_root(data: &Data, node: &Node) -> Result<()> {
    if data.root.is_some() || data.name == DataSet::Digits {
        return Ok(());
    }
    Err(Error::new("missing key `root` in data")
        .at(node.place_of("data"))
        .expected(format!("the folder that holds {}", data.name.name()))
        .help("add `root: FOLDER`, relative to the spec's folder"))
}

/// Only what is a folder of images can be brought to a size while it is read.
fn check_size(data: &Data, node: &Node) -> Result<()> {
    if data.name == DataSet::Images || data.size.is_none() {
        return Ok(());
    }
    Err(Error::new(format!("the images of `{}` have a size of their own", data.name.name()))
        .at(node.place_of("data.size"))
        .expected("`data.size` with `data.name: images` alone")
        .help("leave it out"))
}

/// With a limit, each part of the training images must get at least one.
fn check_shares(spec: &Spec, node: &Node) -> Result<()> {
    let Some(limit) = spec.data.limit else { return Ok(()) };
    let held_out = match spec.validation.data {
        ValidationData::Search => 0.0,
        ValidationData::Holdout(share) => share,
    };
    let rest = 1.0 - held_out;
    let parts = [
        ("hold-out", held_out, "validation.data.holdout"),
        ("train split", rest * spec.data.split, "data.split"),
        ("search split", rest * (1.0 - spec.data.split), "data.split"),
    ];
    for (name, share, key) in parts {
        let images = share * limit as f64;
        if share > 0.0 && images < 1.0 {
            return Err(Error::new(format!("`data.limit` leaves no image for the {name}"))
                .at(node.place_of("data.limit"))
                .expected(format!("a limit of at least {:.0}, or another `{key}`", (1.0 / share).ceil()))
                .found(limit.to_string()));
        }
    }
    Ok(())
}
