//! The forward pass of a network under a plan.

use super::drop::DropPath;
use super::network::{Block, Cell, Network, Part};
use super::route::route;
use crate::error::{Error, Result};
use crate::execute::{Norm, reference};
use crate::policy::{Resolved, ResolvedGate};
use crate::space::Output;
use tch::Tensor;

/// The weights of the candidates of each edge whose gate has a softmax, one vector per edge over all cell types: in a relaxed gate
/// that softmax over the gate's subset; in a straight-through gate 1 for the active candidate and 0 for the others, with the
/// softmax's gradient. `None` for all other edges.
pub type Mixture = Vec<Option<Tensor>>;

/// Called with every operation that has run and what it returned; an error ends the pass.
pub type Watch<'a> = &'a mut dyn FnMut(&Block, &[Tensor]) -> Result<()>;

/// How a pass is made.
#[derive(Debug, Clone, Copy)]
pub struct Mode<'a> {
    /// What batch norm does.
    pub norm: Norm,
    /// What is dropped of the candidates for which the plan has a probability; `None` outside of training: nothing.
    pub drop: Option<&'a DropPath>,
}

impl From<Norm> for Mode<'_> {
    fn from(norm: Norm) -> Self {
        Self { norm, drop: None }
    }
}

struct Pass<'a> {
    network: &'a Network,
    plan: &'a Resolved,
    mixture: &'a Mixture,
    mode: Mode<'a>,
    watch: Watch<'a>,
}

impl Network {
    /// The logits of a batch of images.
    ///
    /// # Shapes
    /// `images`: (batch, channels, height, width), channels-last; the result: (batch, classes).
    ///
    /// # Errors
    /// What libtorch refuses, or a mixture that lacks an edge whose gate has a softmax.
    pub fn forward<'a>(
        &self,
        images: &Tensor,
        plan: &Resolved,
        mixture: &Mixture,
        mode: impl Into<Mode<'a>>,
    ) -> Result<Tensor> {
        self.forward_watched(images, plan, mixture, mode, &mut |_, _| Ok(()))
    }

    /// As [`Network::forward`]; `watch` sees what every operation returns.
    ///
    /// # Errors
    /// As [`Network::forward`], and what `watch` returns.
    pub fn forward_watched<'a>(
        &self,
        images: &Tensor,
        plan: &Resolved,
        mixture: &Mixture,
        mode: impl Into<Mode<'a>>,
        watch: Watch,
    ) -> Result<Tensor> {
        let mut pass = Pass { network: self, plan, mixture, mode: mode.into(), watch };
        let mut maps = pass.run(&self.stem, images)?;
        for part in &self.parts {
            let outputs = match part {
                Part::Cell(cell) => vec![pass.cell(cell, &maps)?],
                Part::Fixed(block) => pass.run(block, &maps[maps.len() - 1])?,
            };
            maps.extend(outputs);
            // No stage looks further back than the cell type with the most inputs.
            let most = self.space.cell_types.iter().map(|c| c.inputs).max().unwrap_or(1);
            maps.drain(..maps.len().saturating_sub(most));
        }
        let mut logits = pass.run(&self.head, &maps[maps.len() - 1])?;
        logits.pop().ok_or_else(|| Error::new("the head returned nothing"))
    }
}

impl Network {
    /// The output of one cell alone.
    ///
    /// # Shapes
    /// `maps`: the outputs of the stages before it, as many as its type has inputs, oldest first, each (batch, channels,
    /// height, width).
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_cell<'a>(
        &self,
        cell: &Cell,
        maps: &[Tensor],
        plan: &Resolved,
        mixture: &Mixture,
        mode: impl Into<Mode<'a>>,
    ) -> Result<Tensor> {
        Pass { network: self, plan, mixture, mode: mode.into(), watch: &mut |_, _| Ok(()) }.cell(cell, maps)
    }
}

impl Pass<'_> {
    fn run(&mut self, block: &Block, input: &Tensor) -> Result<Vec<Tensor>> {
        let parameters = &self.network.parameters;
        let tensors: Vec<&Tensor> = block.tensors.iter().map(|t| &parameters.get(*t).tensor).collect();
        let outputs = reference::run(&block.graph, &[input], &tensors, self.mode.norm)
            .map_err(|e| e.context(format!("running `{}` ({})", block.name, block.owner)))?;
        (self.watch)(block, &outputs)?;
        Ok(outputs)
    }

    fn run_one(&mut self, block: &Block, input: &Tensor) -> Result<Tensor> {
        let mut outputs = self.run(block, input)?;
        outputs.pop().ok_or_else(|| Error::new(format!("`{}` returned nothing", block.name)))
    }

    /// One cell: every node that is needed is the combination of what its active edges bring.
    fn cell(&mut self, cell: &Cell, maps: &[Tensor]) -> Result<Tensor> {
        let form = &self.network.space.cell_types[cell.cell_type];
        let route = route(form, cell, self.plan);
        let inputs = &maps[maps.len() - form.inputs..];
        let batch = inputs[0].size()[0];
        let mut nodes: Vec<Option<Tensor>> = Vec::with_capacity(form.inputs + form.nodes);
        for (k, input) in inputs.iter().enumerate() {
            nodes.push(match (&cell.preprocess[k], route.needed[k]) {
                (_, false) => None,
                (None, true) => Some(input.shallow_clone()),
                (Some(block), true) => Some(self.run_one(block, input)?),
            });
        }
        let mut position = 0;
        for node in form.inputs..form.inputs + form.nodes {
            let first = position;
            let mut sum = Sum::default();
            while position < form.edges.len() && form.edges[position].to == node {
                if route.active[position]
                    && let Some(x) = &nodes[form.edges[position].from]
                {
                    let x = x.shallow_clone();
                    self.edge(cell, form.first_edge + position, position, &x, &mut sum)?;
                }
                position += 1;
            }
            nodes.push(if route.needed[node] {
                Some(match (sum.value, form.combine.factor(position - first)) {
                    (Some(sum), None) => sum,
                    (Some(sum), Some(factor)) => sum.f_mul_scalar(factor)?,
                    (None, _) => self.zeros(cell, batch)?,
                })
            } else {
                None
            });
        }
        let node = |n: &usize| nodes[*n].as_ref().ok_or_else(|| Error::new("an output node was not computed"));
        match &form.output {
            Output::Node(n) => Ok(node(n)?.shallow_clone()),
            Output::Concat(list) => {
                let list: Vec<&Tensor> = list.iter().map(node).collect::<Result<_>>()?;
                Ok(Tensor::f_cat(&list, 1)?)
            }
            Output::Sum(list) => {
                let mut sum = Sum::default();
                for n in list {
                    sum.add(node(n)?.shallow_clone())?;
                }
                sum.value.map_or_else(|| self.zeros(cell, batch), Ok)
            }
        }
    }

    /// Adds what one edge brings to its node's sum (eq. 1 to 3 of the paper).
    fn edge(&mut self, cell: &Cell, index: usize, position: usize, x: &Tensor, sum: &mut Sum) -> Result<()> {
        let (plan, mixture) = (self.plan, self.mixture);
        let gate = &plan.gates[index];
        let weights = match (gate.softmax(), &mixture[index]) {
            (None, _) => None,
            (Some(_), Some(weights)) => Some(weights),
            (Some(_), None) => return Err(Error::new(format!("edge {index} has a softmax, but no weights"))),
        };
        // Of the weights, those of what runs: all, or that of the active candidate.
        let first = match gate {
            ResolvedGate::StraightThrough { over, active, active_only: true } => {
                over.subset.iter().position(|c| c == active).unwrap_or(0)
            }
            _ => 0,
        };
        for (k, candidate) in gate.running().iter().enumerate() {
            // What carries nothing adds nothing; its probability counts all the same.
            let Some(block) = &cell.edges[position][*candidate] else { continue };
            let mut y = self.run_one(block, x)?;
            if let (Some(drop), Some(probability)) = (self.mode.drop, plan.drop.get(&(index, *candidate))) {
                y = drop.apply(&y, &block.name, *probability)?;
            }
            sum.add(match weights {
                Some(weights) => y.f_mul(&weights.f_select(0, (first + k) as i64)?)?,
                None => y,
            })?;
        }
        Ok(())
    }

    fn zeros(&self, cell: &Cell, batch: i64) -> Result<Tensor> {
        let parameters = &self.network.parameters;
        let size: Vec<i64> = std::iter::once(batch).chain(cell.node.iter().copied()).collect();
        Ok(Tensor::f_zeros(size, (parameters.kind(), parameters.device()))?)
    }
}

/// A sum that is made of its first two terms anew, and then in place: nothing else reads it, and the way
/// back of an addition needs neither of its terms.
#[derive(Default)]
struct Sum {
    value: Option<Tensor>,
    owned: bool,
}

impl Sum {
    fn add(&mut self, term: Tensor) -> Result<()> {
        self.value = Some(match (self.value.take(), self.owned) {
            (None, _) => term,
            (Some(mut sum), true) => sum.f_add_(&term)?,
            (Some(sum), false) => {
                self.owned = true;
                sum.f_add(&term)?
            }
        });
        Ok(())
    }
}
