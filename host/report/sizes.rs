//! How large the networks are that a search's genotypes become.

use super::history::History;
use crate::data::published_size;
use crate::space::Genotype;
use crate::spec::{Evaluate, Spec};
use crate::train::evaluation::Cost;
use crate::train::evaluation::setup::cost_of;
use std::collections::BTreeMap;
use std::fmt;

/// What genotypes are measured in: a network as an evaluation trains it.
#[derive(Debug, Clone)]
pub struct Setting {
    spec: Spec,
    evaluate: Evaluate,
    image: [i64; 3],
    classes: i64,
}

impl Setting {
    /// That of a search: of its spec's own `evaluate`, else of the paper, on images of its data set, or on those of CIFAR-10 where their size
    /// is not known beforehand.
    pub fn of(run: &History) -> Option<Self> {
        let spec = run.spec.clone()?;
        let mut evaluate = spec.evaluate.clone().unwrap_or_default();
        evaluate.auxiliary = None;
        let known = published_size(spec.data.name.name());
        let (image, classes) = known.map_or(([3, 32, 32], 10), |size| {
            ([size.channels as i64, size.height as i64, size.width as i64], size.classes as i64)
        });
        Some(Self { spec, evaluate, image, classes })
    }

    /// The size of what a genotype becomes, where it becomes a network.
    pub fn cost(&self, genotype: &Genotype) -> Option<Cost> {
        cost_of(genotype, &self.evaluate, &self.spec.plugins, self.image, self.classes).ok()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, height, width] = self.image;
        let Evaluate { cells, channels, .. } = self.evaluate;
        write!(f, "{cells} cells of {channels} channels, {width}×{height} pixels, {} classes", self.classes)
    }
}

/// The longest path of each cell type, as text.
pub fn paths(lengths: &BTreeMap<String, usize>) -> String {
    lengths.iter().map(|(cell, length)| format!("{cell} {length}")).collect::<Vec<_>>().join(", ")
}

/// A large count for people.
pub fn count(n: i64) -> String {
    match n {
        n if n >= 10_000_000_000 => format!("{:.1} G", n as f64 / 1e9),
        n if n >= 10_000_000 => format!("{:.1} M", n as f64 / 1e6),
        n if n >= 10_000 => format!("{:.1} k", n as f64 / 1e3),
        n => n.to_string(),
    }
}

/// A duration for people.
pub fn duration(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match s {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        3600..172_800 => format!("{} h {:02} min", s / 3600, s / 60 % 60),
        _ => format!("{:.1} days", seconds / 86_400.0),
    }
}
