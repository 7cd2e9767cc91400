//! From a space to a network: every operation built once, every tensor named and placed.

use super::parameters::Parameters;
use crate::error::{Error, Result};
use crate::execute::fast;
use crate::graph::{Arguments, Cost, Form, LayerGraph, Operation, Shape, op_set::check_output, shape_text};
use crate::policy::CandidateCost;
use crate::space::genotype::Choices;
use crate::space::resolve::{Fixed, Stage};
use crate::space::{Output, Space};
use crate::spec::{CpuExecutor, CudaArithmetic};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tch::{Device, Kind};

/// What a network is made for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The number of cells.
    pub cells: i64,
    /// The channels of the first cell's nodes.
    pub channels: i64,
    /// The shape of an image: channels, height, width.
    pub image: [i64; 3],
    /// The number of classes.
    pub classes: i64,
    /// The form in which operations are built.
    pub form: Form,
    /// The element type.
    pub kind: Kind,
    /// Where the network lies.
    pub device: Device,
    /// The seed of its start.
    pub seed: u64,
    /// What runs it on a CPU.
    pub cpu: CpuExecutor,
    /// What a GPU computes in.
    pub cuda: CudaArithmetic,
}

/// Which candidates a network holds.
#[derive(Debug, Clone, Copy)]
pub enum Include<'a> {
    /// All: a supernet.
    All,
    /// What each edge became: a derived network.
    Chosen(&'a Choices),
}

/// An operation in its place, with its tensors.
#[derive(Debug)]
pub struct Block {
    /// Its name: `cells.3.edges.5.sep_conv_3x3`.
    pub name: String,
    /// Whose it is: `operation sep_conv_3x3 of plugin darts-ops`.
    pub owner: String,
    /// What it computes.
    pub graph: Arc<LayerGraph>,
    /// Its tensors, by position in the network's parameters, in the graph's order.
    pub tensors: Vec<usize>,
}

/// A cell of the network.
#[derive(Debug)]
pub struct Cell {
    /// Its type, by position in the space.
    pub cell_type: usize,
    /// What each input passes first, where it does.
    pub preprocess: Vec<Option<Block>>,
    /// The candidates of each edge; `None` for those that carry nothing or are not held.
    pub edges: Vec<Vec<Option<Block>>>,
    /// The shape of the intermediate nodes.
    pub node: Shape,
}

impl Cell {
    /// The shape of what it returns, where it returns this of its nodes.
    fn output(&self, output: &Output) -> Shape {
        let nodes = match output {
            Output::Concat(list) => list.len() as i64,
            Output::Sum(_) | Output::Node(_) => 1,
        };
        vec![self.node[0] * nodes, self.node[1], self.node[2]]
    }
}

/// A stage of the network.
#[derive(Debug)]
pub enum Part {
    /// A cell.
    Cell(Cell),
    /// A fixed operation.
    Fixed(Block),
}

/// A second classifier within a network: its loss is added in training, so that early stages learn too. (Szegedy et al.: "Going
/// deeper with convolutions"; as in DARTS.)
#[derive(Debug)]
pub struct Auxiliary {
    /// The stage whose output it reads, by position in [`Network::parts`].
    pub after: usize,
    /// From there to logits.
    pub block: Block,
}

/// A network.
#[derive(Debug)]
pub struct Network {
    /// The space that it is of.
    pub space: Arc<Space>,
    /// What it was made for.
    pub settings: Settings,
    /// Its weights and buffers.
    pub parameters: Parameters,
    /// From the image to the first stage.
    pub stem: Block,
    /// The stages.
    pub parts: Vec<Part>,
    /// From the last stage to the logits.
    pub head: Block,
    /// A second classifier within, for training.
    pub auxiliary: Option<Auxiliary>,
    /// What the fast executor keeps from pass to pass.
    pub(super) kept: Mutex<fast::State>,
}

/// Builds operations; equal requests share one graph.
struct Builder<'a> {
    settings: &'a Settings,
    parameters: Parameters,
    #[allow(clippy::type_complexity, reason = "a cache's key is what the result depends on")]
    cache: HashMap<(String, String, String, Arguments, Vec<Shape>), Arc<LayerGraph>>,
}

impl Builder<'_> {
    fn graph(
        &mut self,
        operation: &Operation,
        parameters: &crate::extension::Settings,
        channels_out: i64,
        stride: i64,
        inputs: &[Shape],
    ) -> Result<Arc<LayerGraph>> {
        let arguments = Arguments { channels_out, stride, form: self.settings.form, classes: self.settings.classes };
        let key = (
            operation.op_set().to_owned(),
            operation.name.clone(),
            format!("{parameters:?}"),
            arguments,
            inputs.to_vec(),
        );
        if let Some(graph) = self.cache.get(&key) {
            return Ok(graph.clone());
        }
        let graph = Arc::new(operation.build(parameters, &arguments, inputs)?);
        self.cache.insert(key, graph.clone());
        Ok(graph)
    }

    fn block(&mut self, name: String, operation: &Operation, graph: Arc<LayerGraph>) -> Result<Block> {
        let add = |spec: &crate::graph::TensorSpec| self.parameters.add(format!("{name}.{}", spec.name), spec);
        let tensors = graph.tensors.iter().map(add).collect::<Result<_>>()?;
        Ok(Block { name, owner: operation.to_string(), graph, tensors })
    }

    fn fixed(&mut self, name: String, fixed: &Fixed, channels: i64, stride: i64, input: &Shape) -> Result<Block> {
        let inputs = std::slice::from_ref(input);
        let graph = self.graph(&fixed.operation, &fixed.parameters, channels, stride, inputs)?;
        self.block(name, &fixed.operation, graph)
    }
}

impl Network {
    /// Builds a network.
    ///
    /// # Errors
    /// Where an operation cannot be built, or returns another shape than its place needs.
    pub fn build(space: &Arc<Space>, settings: &Settings, include: Include) -> Result<Self> {
        let layout = space.layout(settings.cells, settings.channels)?;
        let parameters = Parameters::new(settings.seed, settings.kind, settings.device);
        let mut builder = Builder { settings, parameters, cache: HashMap::new() };
        let image = settings.image.to_vec();
        let stem = builder.fixed("stem".to_owned(), &space.stem, layout.stem_channels, 1, &image)?;
        let mut maps: Vec<Shape> = feature_maps(&stem)?;
        let mut parts = Vec::new();
        for (number, stage) in layout.stages.iter().enumerate() {
            let name = format!("cells.{number}");
            match stage {
                Stage::Cell { cell_type, channels } => {
                    let (cell, output) = cell(&mut builder, space, *cell_type, *channels, &name, &maps, include)
                        .map_err(|e| e.context(format!("building cell {number}")))?;
                    maps.push(output);
                    parts.push(Part::Cell(cell));
                }
                Stage::Fixed { operation, channels, stride } => {
                    let Some(input) = maps.last() else { return Err(no_maps(&name, 1, 0)) };
                    let block = builder.fixed(name, operation, *channels, *stride, &input.clone())?;
                    maps.extend(feature_maps(&block)?);
                    parts.push(Part::Fixed(block));
                }
            }
        }
        let Some(last) = maps.last().cloned() else { return Err(no_maps("head", 1, 0)) };
        let head = builder.fixed("head".to_owned(), &space.head, last[0], 1, &last)?;
        check_output(&head.graph, &[settings.classes], &space.head.operation.name)?;
        let parameters = builder.parameters;
        let kept = Mutex::default();
        let (space, settings) = (space.clone(), settings.clone());
        Ok(Self { space, settings, parameters, stem, parts, head, auxiliary: None, kept })
    }

    /// The same network with a second classifier that reads what the stage at this position returns.
    ///
    /// # Errors
    /// Where there is no such stage, or the operation cannot be built for its output, or returns no logits.
    pub fn with_auxiliary(
        mut self,
        operation: &Operation,
        parameters: &crate::extension::Settings,
        after: usize,
    ) -> Result<Self> {
        let Some(part) = self.parts.get(after) else {
            return Err(Error::new("there is no stage for the auxiliary head to read")
                .expected(format!("a position from 0 to {}", self.parts.len() - 1))
                .found(after.to_string()));
        };
        let input = match part {
            Part::Cell(cell) => cell.output(&self.space.cell_types[cell.cell_type].output),
            Part::Fixed(block) => feature_maps(block)?.pop().unwrap_or_default(),
        };
        let Settings { form, classes, .. } = self.settings;
        let arguments = Arguments { channels_out: input[0], stride: 1, form, classes };
        let graph = operation
            .build(parameters, &arguments, &[input])
            .map_err(|e| e.context(format!("building the auxiliary head behind stage {after}")))?;
        check_output(&graph, &[classes], &operation.name)?;
        let name = "auxiliary".to_owned();
        let add = |spec: &crate::graph::TensorSpec| self.parameters.add(format!("{name}.{}", spec.name), spec);
        let tensors = graph.tensors.iter().map(add).collect::<Result<_>>()?;
        let block = Block { name, owner: operation.to_string(), graph: Arc::new(graph), tensors };
        self.auxiliary = Some(Auxiliary { after, block });
        Ok(self)
    }

    /// The derived network of a genotype's choices: what no edge became is not there.
    ///
    /// # Errors
    /// As [`Network::build`].
    pub fn derived(space: &Arc<Space>, settings: &Settings, choices: &Choices) -> Result<Self> {
        Self::build(space, settings, Include::Chosen(choices))
    }

    /// The cells, in order.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.parts.iter().filter_map(|part| if let Part::Cell(cell) = part { Some(cell) } else { None })
    }

    /// All operations, in the order in which the network was built.
    pub fn blocks(&self) -> Vec<&Block> {
        let mut blocks = vec![&self.stem];
        for part in &self.parts {
            match part {
                Part::Fixed(block) => blocks.push(block),
                Part::Cell(cell) => {
                    blocks.extend(cell.preprocess.iter().flatten());
                    blocks.extend(cell.edges.iter().flatten().flatten());
                }
            }
        }
        blocks.push(&self.head);
        blocks
    }

    /// The index over all cell types of an edge of a cell.
    pub fn edge_index(&self, cell: &Cell, position: usize) -> usize {
        self.space.cell_types[cell.cell_type].first_edge + position
    }

    /// Per edge over all cell types and candidate: what it costs in all cells of its type together.
    pub fn candidate_costs(&self) -> Vec<Vec<CandidateCost>> {
        let mut costs: Vec<Vec<CandidateCost>> =
            self.space.edges().map(|(_, e)| vec![CandidateCost::default(); e.candidates.len()]).collect();
        for cell in self.cells() {
            for (position, candidates) in cell.edges.iter().enumerate() {
                for (candidate, block) in candidates.iter().enumerate() {
                    if let Some(block) = block {
                        let cost = block.graph.cost();
                        let sum = &mut costs[self.edge_index(cell, position)][candidate];
                        sum.parameters += cost.parameters;
                        sum.multiply_adds += cost.multiply_adds;
                    }
                }
            }
        }
        costs
    }

    /// The cost of what the network holds besides its candidates: stem, head, preprocessing, fixed operations.
    pub fn fixed_cost(&self) -> Cost {
        let part = |part: &Part| match part {
            Part::Fixed(block) => block.graph.cost(),
            Part::Cell(cell) => cell.preprocess.iter().flatten().map(|b| b.graph.cost()).sum(),
        };
        self.stem.graph.cost() + self.head.graph.cost() + self.parts.iter().map(part).sum()
    }
}

/// What a stem or fixed stage returns, which must be feature maps.
fn feature_maps(block: &Block) -> Result<Vec<Shape>> {
    let maps: Vec<Shape> = block.graph.output_shapes().cloned().collect();
    match maps.iter().find(|shape| shape.len() != 3) {
        None => Ok(maps),
        Some(shape) => Err(Error::new(format!("`{}` returns no feature map", block.name))
            .expected("channels×height×width")
            .found(format!("a value of shape {shape:?}"))),
    }
}

fn no_maps(name: &str, needed: usize, found: usize) -> Error {
    Error::new(format!("`{name}` has too few inputs"))
        .expected(format!("{needed} feature maps from the stages before it"))
        .found(found.to_string())
        .help("use a stem with more outputs, or a cell type with fewer inputs")
}

fn cell(
    builder: &mut Builder,
    space: &Space,
    cell_type: usize,
    channels: i64,
    name: &str,
    maps: &[Shape],
    include: Include,
) -> Result<(Cell, Shape)> {
    let form = &space.cell_types[cell_type];
    let Some(first) = maps.len().checked_sub(form.inputs) else {
        return Err(no_maps(name, form.inputs, maps.len()));
    };
    let inputs = &maps[first..];
    let main = &inputs[form.inputs - 1];
    let mut nodes: Vec<Shape> = Vec::new();
    let mut preprocess = Vec::new();
    for (k, input) in inputs.iter().enumerate() {
        match &form.preprocess {
            None => {
                preprocess.push(None);
                nodes.push(input.clone());
            }
            Some((same, after)) => {
                let stride = (input[1] + main[1] - 1) / main[1];
                let operation = if stride == 1 { same } else { after };
                let none = crate::extension::Settings::new();
                let graph = builder.graph(operation, &none, channels, stride, std::slice::from_ref(input))?;
                check_output(&graph, &[channels, main[1], main[2]], &operation.name)?;
                preprocess.push(Some(builder.block(format!("{name}.preprocess.{k}"), operation, graph)?));
                nodes.push(vec![channels, main[1], main[2]]);
            }
        }
    }
    let stride = form.edges.iter().map(|e| e.stride).max().unwrap_or(1);
    let shrink = |size: i64, stride: i64| (size + stride - 1) / stride;
    let node = vec![channels, shrink(main[1], stride), shrink(main[2], stride)];
    nodes.resize(form.inputs + form.nodes, node.clone());
    let mut edges = Vec::new();
    for (position, edge) in form.edges.iter().enumerate() {
        let index = form.first_edge + position;
        let from = &nodes[edge.from];
        let reached = [channels, shrink(from[1], edge.stride), shrink(from[2], edge.stride)];
        if reached[..] != node[..] {
            return Err(Error::new(format!("the edge from {} to {} cannot reach its node's size", edge.from, edge.to))
                .expected(shape_text(&node))
                .found(format!("{} with stride {}", shape_text(from), edge.stride))
                .help("give the cell type a `preprocess`, or all of its edges one stride"));
        }
        let mut blocks = Vec::new();
        for (number, candidate) in edge.candidates.iter().enumerate() {
            let held = match include {
                Include::All => true,
                Include::Chosen(choices) => choices[index] == Some(number),
            };
            if !held {
                blocks.push(None);
                continue;
            }
            let graph = builder.graph(
                &candidate.operation,
                &candidate.parameters,
                channels,
                edge.stride,
                std::slice::from_ref(from),
            )?;
            check_output(&graph, &node, &candidate.name)?;
            if graph.is_zero() {
                blocks.push(None);
                continue;
            }
            let block = format!("{name}.edges.{position}.{}", candidate.name);
            blocks.push(Some(builder.block(block, &candidate.operation, graph)?));
        }
        edges.push(blocks);
    }
    let cell = Cell { cell_type, preprocess, edges, node };
    let output = cell.output(&form.output);
    Ok((cell, output))
}
