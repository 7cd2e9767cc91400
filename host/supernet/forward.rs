//! The forward pass of a network under a plan.

use super::drop::DropPath;
use super::network::{Auxiliary, Block, Cell, Network, Part};
use super::route::Route;
use crate::error::{Error, Result};
use crate::execute::executor::Reference;
use crate::execute::{Brought, Executor, Norm};
use crate::native::cuda::Autocast;
use crate::policy::{Resolved, ResolvedGate};
use crate::space::Output;
use crate::spec::CudaArithmetic;
use tch::Tensor;
use tracing::span::EnteredSpan;

/// The weights of the candidates of each edge whose gate has a softmax, one vector per edge over all cell types: in a relaxed gate
/// that softmax over the gate's subset; in a straight-through gate 1 for the active candidate and 0 for the others, with the
/// softmax's gradient. `None` for all other edges.
pub type Mixture = Vec<Option<Tensor>>;

/// Called with every operation that has run and what it returned; an error ends the pass.
pub type Watch<'a, V = Tensor> = &'a mut dyn FnMut(&Block, &[V]) -> Result<()>;

/// How a pass is made.
#[derive(Debug, Clone, Copy)]
pub struct Mode<'a> {
    /// What batch norm does.
    pub norm: Norm,
    /// What is dropped of the candidates for which the plan has a probability; `None` outside of training: nothing.
    pub drop: Option<&'a DropPath>,
    /// Whether the second classifier runs, where the network has one.
    pub auxiliary: bool,
}

impl From<Norm> for Mode<'_> {
    fn from(norm: Norm) -> Self {
        Self { norm, drop: None, auxiliary: false }
    }
}

/// What a pass returns: logits, each (batch, classes).
#[derive(Debug)]
pub struct Logits {
    /// Those of the head.
    pub main: Tensor,
    /// Those of the second classifier, where it ran.
    pub auxiliary: Option<Tensor>,
}

/// A pass by an executor.
struct Pass<'a, E: Executor> {
    network: &'a Network,
    plan: &'a Resolved,
    mixture: &'a Mixture,
    drop: Option<&'a DropPath>,
    executor: &'a mut E,
    watch: Watch<'a, E::Value>,
    /// Per stage what it computes; `None` where nothing reads it.
    routes: Vec<Option<Route>>,
    /// What the next cell preprocesses, where it was run with what this one does.
    ahead: Option<E::Value>,
}

impl Network {
    /// The logits of a batch of images, by the reference executor.
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
        Ok(self.reference_pass(images, plan, mixture, mode.into(), watch)?.main)
    }

    /// As [`Network::forward`], with the logits of the second classifier where `mode` wants them.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_all(&self, images: &Tensor, plan: &Resolved, mixture: &Mixture, mode: Mode) -> Result<Logits> {
        self.reference_pass(images, plan, mixture, mode, &mut |_, _| Ok(()))
    }

    fn reference_pass(
        &self,
        images: &Tensor,
        plan: &Resolved,
        mixture: &Mixture,
        mode: Mode,
        watch: Watch,
    ) -> Result<Logits> {
        let mut executor = self.reference(mode.norm, images.size()[0]);
        let cast = self.settings.cuda == CudaArithmetic::Bfloat16 && self.settings.device.is_cuda();
        let _cast = cast.then(|| Autocast::begin(self.settings.device));
        let Logits { main, auxiliary } = self.pass(images, plan, mixture, mode, &mut executor, watch)?;
        let kind = self.parameters.kind();
        let auxiliary = auxiliary.map(|logits| logits.f_to_kind(kind)).transpose()?;
        Ok(Logits { main: main.f_to_kind(kind)?, auxiliary })
    }

    /// As [`Network::forward_all`], by any executor; what batch norm does is the executor's.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_by(
        &self,
        executor: &mut impl Executor,
        images: &Tensor,
        plan: &Resolved,
        mixture: &Mixture,
        mode: Mode,
    ) -> Result<Logits> {
        self.pass(images, plan, mixture, mode, executor, &mut |_, _| Ok(()))
    }

    fn reference(&self, norm: Norm, batch: i64) -> Reference {
        Reference { norm, kind: self.parameters.kind(), device: self.parameters.device(), batch }
    }

    fn pass<E: Executor>(
        &self,
        images: &Tensor,
        plan: &Resolved,
        mixture: &Mixture,
        Mode { drop, auxiliary, .. }: Mode,
        executor: &mut E,
        watch: Watch<E::Value>,
    ) -> Result<Logits> {
        let images = executor.images(images)?;
        let routes = self.routes(plan, auxiliary);
        let mut pass = Pass { network: self, plan, mixture, drop, executor, watch, routes, ahead: None };
        let second = self.auxiliary.as_ref().filter(|_| auxiliary);
        let mut of_second = None;
        let mut maps: Vec<Option<E::Value>> = pass.run(&self.stem, &images)?.into_iter().map(Some).collect();
        for (number, part) in self.parts.iter().enumerate() {
            match (pass.routes[number].take(), part) {
                (None, Part::Cell(_)) => maps.push(None),
                (None, Part::Fixed(block)) => maps.extend(block.graph.outputs.iter().map(|_| None)),
                (Some(route), Part::Cell(cell)) => maps.push(Some(pass.cell(cell, &route, number + 1, &maps)?)),
                (Some(_), Part::Fixed(block)) => {
                    let outputs = pass.run(block, newest(&maps)?)?;
                    maps.extend(outputs.into_iter().map(Some));
                }
            }
            if let Some(Auxiliary { block, .. }) = second.filter(|second| second.after == number) {
                of_second = Some(pass.run_last(block, newest(&maps)?)?);
            }
            // No stage looks further back than the cell type with the most inputs.
            let most = self.space.cell_types.iter().map(|c| c.inputs).max().unwrap_or(1);
            maps.drain(..maps.len().saturating_sub(most));
        }
        let main = pass.run_last(&self.head, newest(&maps)?)?;
        Ok(Logits { main, auxiliary: of_second })
    }

    /// The output of one cell alone, by the reference executor.
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
        let mode = mode.into();
        let executor = &mut self.reference(mode.norm, maps[0].size()[0]);
        let watch: Watch = &mut |_, _| Ok(());
        let route = Route::of(&self.space.cell_types[cell.cell_type], cell, plan);
        let maps: Vec<Option<Tensor>> = maps.iter().map(|map| Some(map.shallow_clone())).collect();
        let (drop, routes) = (mode.drop, Vec::new());
        Pass { network: self, plan, mixture, drop, executor, watch, routes, ahead: None }.cell(cell, &route, 0, &maps)
    }
}

/// The newest of the maps, which whoever asks for it reads.
fn newest<V>(maps: &[Option<V>]) -> Result<&V> {
    maps.last().and_then(Option::as_ref).ok_or_else(|| Error::new("a map that is read was not computed"))
}

impl<'a, E: Executor> Pass<'a, E> {
    fn tensors<'b>(&self, block: &Block, network: &'b Network) -> Vec<&'b Tensor> {
        block.tensors.iter().map(|t| &network.parameters.get(*t).tensor).collect()
    }

    fn run(&mut self, block: &Block, input: &E::Value) -> Result<Vec<E::Value>> {
        let tensors = self.tensors(block, self.network);
        let _span = self.begin(&block.name);
        let outputs = self.executor.run(&block.graph, input, &tensors).map_err(|e| running(block, e))?;
        (self.watch)(block, &outputs)?;
        Ok(outputs)
    }

    /// What an operation returns, and what a second one does where they could be run together.
    fn run_both(&mut self, blocks: [&Block; 2], input: &E::Value) -> Result<(E::Value, Option<E::Value>)> {
        let tensors = blocks.map(|block| self.tensors(block, self.network));
        let span = if tracing::enabled!(target: "edas::profile", tracing::Level::TRACE) {
            self.begin(&format!("{} and {}", blocks[0].name, blocks[1].name))
        } else {
            self.begin(&blocks[0].name)
        };
        let graphs = blocks.map(|block| &block.graph);
        let both = self.executor.run_both(graphs, input, [&tensors[0], &tensors[1]]);
        drop(span);
        let Some([own, other]) = both.map_err(|e| running(blocks[0], e))? else {
            return Ok((self.run_one(blocks[0], input)?, None));
        };
        for (block, value) in blocks.into_iter().zip([&own, &other]) {
            (self.watch)(block, std::slice::from_ref(value))?;
        }
        Ok((own, Some(other)))
    }

    fn run_last(&mut self, block: &Block, input: &E::Value) -> Result<Tensor> {
        let tensors = self.tensors(block, self.network);
        let _span = self.begin(&block.name);
        self.executor.run_last(&block.graph, input, &tensors).map_err(|e| running(block, e))
    }

    /// Names what the executor does next, for those who listen.
    fn begin(&mut self, name: &str) -> EnteredSpan {
        self.executor.name(name);
        tracing::trace_span!(target: "edas::profile", "operation", of = name).entered()
    }

    fn run_one(&mut self, block: &Block, input: &E::Value) -> Result<E::Value> {
        let mut outputs = self.run(block, input)?;
        outputs.pop().ok_or_else(|| Error::new(format!("`{}` returned nothing", block.name)))
    }

    /// What the stage at this position preprocesses of the newest map, if it does: it is the last but one of its inputs.
    fn next_preprocess(&self, next: usize) -> Option<&'a Block> {
        let Some(Part::Cell(cell)) = self.network.parts.get(next) else { return None };
        let input = self.network.space.cell_types[cell.cell_type].inputs.checked_sub(2)?;
        let route = self.routes.get(next)?.as_ref()?;
        cell.preprocess[input].as_ref().filter(|_| route.needed[input])
    }

    /// The inputs of a cell as its edges read them. What the `next` stage reads of the newest one is run with it where that spares a
    /// read.
    fn inputs(
        &mut self,
        cell: &Cell,
        next: usize,
        maps: &[Option<E::Value>],
        needed: &[bool],
    ) -> Result<Vec<Option<E::Value>>> {
        let mut ready = self.ahead.take();
        let mut nodes = Vec::with_capacity(needed.len());
        for (k, input) in maps.iter().enumerate() {
            // Nothing else needs it, or it would have been computed.
            let Some(input) = input.as_ref().filter(|_| needed[k]) else {
                nodes.push(None);
                continue;
            };
            nodes.push(match &cell.preprocess[k] {
                None => Some(self.executor.share(input)),
                Some(_) if k + 2 == maps.len() && ready.is_some() => ready.take(),
                Some(block) if k + 1 == maps.len() => match self.next_preprocess(next) {
                    Some(other) => {
                        let (own, ahead) = self.run_both([block, other], input)?;
                        self.ahead = ahead;
                        Some(own)
                    }
                    None => Some(self.run_one(block, input)?),
                },
                Some(block) => Some(self.run_one(block, input)?),
            });
        }
        Ok(nodes)
    }

    /// One cell: every node that is needed is the combination of what its active edges bring.
    fn cell(&mut self, cell: &Cell, route: &Route, next: usize, maps: &[Option<E::Value>]) -> Result<E::Value> {
        let form = &self.network.space.cell_types[cell.cell_type];
        let mut nodes = self.inputs(cell, next, &maps[maps.len() - form.inputs..], &route.needed)?;
        // Nodes that are concatenated, in the order in which they are computed, are written side by side.
        let mut area = match &form.output {
            Output::Concat(list) if list.is_sorted_by(|a, b| a < b) && list.iter().all(|n| *n >= form.inputs) => {
                self.executor.area(cell.node[0] * list.len() as i64, &cell.node)?
            }
            _ => None,
        };
        let mut position = 0;
        for node in form.inputs..form.inputs + form.nodes {
            let first = position;
            let mut brought = Vec::new();
            while position < form.edges.len() && form.edges[position].to == node {
                if route.active[position]
                    && let Some(x) = &nodes[form.edges[position].from]
                {
                    self.edge(cell, form.first_edge + position, position, x, &mut brought)?;
                }
                position += 1;
            }
            nodes.push(if route.needed[node] {
                let factor = form.combine.factor(position - first);
                let within = matches!(&form.output, Output::Concat(list) if list.contains(&node));
                let area = area.as_mut().filter(|_| within);
                let _span = self.begin("sums");
                Some(self.executor.sum(brought, factor, &cell.node, area)?)
            } else {
                None
            });
        }
        let executor = &mut *self.executor;
        let node = |executor: &E, n: &usize| match &nodes[*n] {
            Some(value) => Ok(executor.share(value)),
            None => Err(Error::new("an output node was not computed")),
        };
        match &form.output {
            Output::Node(n) => node(executor, n),
            Output::Concat(list) => {
                let list: Vec<E::Value> = list.iter().map(|n| node(executor, n)).collect::<Result<_>>()?;
                executor.concat(&list, area)
            }
            Output::Sum(list) => {
                let whole = |n| Ok(Brought { value: node(executor, n)?, mixture: None, drop: None });
                let list = list.iter().map(whole).collect::<Result<_>>()?;
                executor.sum(list, None, &cell.node, None)
            }
        }
    }

    /// What one edge brings to its node (eq. 1 to 3 of the paper).
    fn edge(
        &mut self,
        cell: &Cell,
        index: usize,
        position: usize,
        x: &E::Value,
        brought: &mut Vec<Brought<E::Value>>,
    ) -> Result<()> {
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
            let value = self.run_one(block, x)?;
            let drop = match (self.drop, plan.drop.get(&(index, *candidate))) {
                (Some(drop), Some(probability)) => Some(drop.factors(&block.name, *probability, self.executor.batch())),
                _ => None,
            };
            let mixture = weights.map(|weights| (weights.shallow_clone(), first + k));
            brought.push(Brought { value, mixture, drop });
        }
        Ok(())
    }
}

fn running(block: &Block, error: Error) -> Error {
    error.context(format!("running `{}` ({})", block.name, block.owner))
}
