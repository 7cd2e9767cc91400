//! A run, and the sizes of what it derived.

use crate::report::history::{Derived, History};
use crate::report::picture::cell::{Kinds, diagram, drawings};
use crate::report::picture::diagram::Drawing;
use crate::report::sizes::Setting;
use crate::space::genotype::{GenotypeCell, Ordered};
use crate::train::evaluation::Cost;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run, and what there is to be worked out of it once.
pub(super) struct Sized<'a> {
    pub(super) run: &'a History,
    /// What its genotypes are measured in.
    pub(super) setting: Option<Setting>,
    /// Different genotypes that it derived, in the order in which they came, with their sizes.
    pub(super) genotypes: Vec<(Arc<Ordered<GenotypeCell>>, Option<Cost>)>,
    /// What was derived, each with the position of its genotype.
    pub(super) frames: Vec<(Derived, usize)>,
    /// The size of the result so far.
    pub(super) cost: Option<Cost>,
}

impl<'a> Sized<'a> {
    pub(super) fn of(run: &'a History) -> Self {
        let setting = if run.is_search() { Setting::of(run) } else { None };
        let mut genotypes: Vec<(Arc<Ordered<GenotypeCell>>, Option<Cost>)> = Vec::new();
        let mut frames = Vec::new();
        for derived in run.derived.kept() {
            let at = genotypes.iter().position(|(cells, _)| *cells == derived.cells).unwrap_or_else(|| {
                genotypes.push((derived.cells.clone(), None));
                genotypes.len() - 1
            });
            frames.push((derived.clone(), at));
        }
        let mut sized = Self { run, setting, genotypes, frames, cost: None };
        let costs: Vec<Option<Cost>> = sized.genotypes.iter().map(|(cells, _)| sized.measure(cells)).collect();
        for ((_, cost), measured) in sized.genotypes.iter_mut().zip(costs) {
            *cost = measured;
        }
        sized.cost = match (&run.evaluation, &run.genotype, sized.frames.last()) {
            (Some(result), ..) => Some(Cost {
                parameters: result.parameters,
                auxiliary: 0,
                multiply_adds: result.multiply_adds,
                longest_paths: result.longest_paths.clone(),
            }),
            (None, Some(genotype), _) => sized.measure(&genotype.cells),
            (None, None, Some((_, at))) => sized.genotypes[*at].1.clone(),
            (None, None, None) => None,
        };
        sized
    }

    fn measure(&self, cells: &Ordered<GenotypeCell>) -> Option<Cost> {
        self.setting.as_ref()?.cost(&self.run.genotype_of(cells)?)
    }

    /// The pictures of cell types.
    pub(super) fn pictures(&self, cells: &Ordered<GenotypeCell>) -> Vec<Drawing> {
        match self.run.genotype_of(cells) {
            Some(genotype) => drawings(&genotype),
            None => {
                // Where nothing is known of the space: nodes that no edge leads to are inputs.
                let inputs = |cell: &GenotypeCell| cell.edges.iter().map(|edge| edge.to).min().unwrap_or(0);
                let draw =
                    |(name, cell): &(String, GenotypeCell)| diagram(name, cell, inputs(cell), &Kinds::default()).draw();
                cells.0.iter().map(draw).collect()
            }
        }
    }

    /// The names of the cell types whose longest paths are known.
    pub(super) fn cell_types(&self) -> Vec<String> {
        let paths = |cost: &Option<Cost>| cost.as_ref().map(|cost| cost.longest_paths.clone());
        let known: BTreeMap<String, usize> =
            self.genotypes.iter().filter_map(|(_, cost)| paths(cost)).flatten().collect();
        known.into_keys().collect()
    }
}
