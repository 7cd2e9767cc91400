//! A forward pass that remembers what its way back needs.
//!
//! A value is a map in memory, with the batch norm that its readers apply as they read. Nothing is remembered where no gradient
//! will be asked for: upstream of the first value that one depends on, the memory of a map is free again once it has been read.

use super::chains::Chains;
use super::classifier::{self, ClassifierEntry};
use super::kernels::combine::{self, Term};
use super::kernels::convolution::{self, Weights};
use super::kernels::map::Map;
use super::kernels::pooling::{self, Index, Pool};
use super::kernels::simd::Level;
use super::kernels::work::Threads;
use super::memory::{Buffer, Shared, Store};
use super::norm::Norm;
use super::slot::Slot;
use super::stage::{Body, Chain, Stage};
use super::threads::Libtorch;
use super::value::{Handle, Value};
use crate::error::Result;
use crate::execute::{self, Brought, Executor, reference};
use crate::graph::LayerGraph;
use crate::native::slice;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tch::{Kind, Tensor};

/// What a stage needs on its way back.
pub(super) struct StageEntry {
    pub chain: Arc<Chain>,
    pub number: usize,
    pub weights: Option<Weights>,
    pub input: Handle,
    pub output: Handle,
    /// Of a maximum: which taps they were.
    pub index: Option<Rc<Buffer>>,
    /// The graph's tensors.
    pub tensors: Vec<Tensor>,
}

/// What a sum needs on its way back.
pub(super) struct SumEntry {
    pub terms: Vec<SumTerm>,
    pub output: Handle,
    /// Whether the output's slot is not needed any more after this entry's way back.
    pub last: bool,
}

pub(super) struct SumTerm {
    pub value: Handle,
    /// Per image: all factors together.
    pub weight: Rc<Vec<f32>>,
    /// The weight in the mixture, where there is one: its number among the tape's mixtures, and the position.
    pub mixture: Option<(usize, usize)>,
    /// The other factors: the node's, and per image what drop-path leaves.
    pub factor: f32,
    pub drop: Option<Rc<Vec<f32>>>,
}

/// An operation that ran by the reference executor.
pub(super) struct UnknownEntry {
    /// The input as a leaf of libtorch's autograd, and the value that it is.
    pub leaf: Tensor,
    pub input: Handle,
    /// The outputs with libtorch's own record; those of an operation that ends the network are no values.
    pub outputs: Vec<(Tensor, Option<Handle>)>,
    /// Of an operation that ends the network: its number among those.
    pub end: Option<usize>,
    pub tensors: Vec<Tensor>,
}

pub(super) enum Entry {
    Stage(StageEntry),
    Sum(SumEntry),
    Unknown(UnknownEntry),
    Classifier(ClassifierEntry, usize),
}

/// The weights of an edge's candidates.
pub(super) struct Mixture {
    pub tensor: Tensor,
    pub values: Vec<f32>,
    /// The gradient, where it is asked for.
    pub gradient: Option<Vec<f64>>,
    /// Whether anything reaches the result from it.
    pub reached: bool,
}

/// What executors of this kind keep from pass to pass: memory, and what graphs were recognised as.
#[derive(Debug, Default)]
pub struct State {
    store: Store,
    chains: Chains,
}

/// Room for the values that are concatenated: they are written side by side.
#[derive(Debug)]
pub struct Area {
    buffer: Rc<Buffer>,
    map: Map,
    slot: Option<usize>,
    /// Channels that are taken.
    taken: usize,
}

/// A pass.
pub struct Tape {
    store: Shared,
    chains: Chains,
    pub(super) level: Level,
    pub(super) batch: usize,
    norm: execute::Norm,
    recording: bool,
    pub(super) ones: Rc<Vec<f32>>,
    pub(super) entries: Vec<Option<Entry>>,
    /// What each entry is called, where somebody measures.
    pub(super) names: Vec<Option<Arc<str>>>,
    name: Option<Arc<str>>,
    pub(super) slots: Vec<Slot>,
    pub(super) mixtures: Vec<Mixture>,
    /// The number of ends of the network that the way back begins at.
    ends: usize,
    by_tensor: HashMap<usize, usize>,
}

impl Tape {
    /// A pass over a batch; `recording` where gradients will be asked for.
    pub fn new(state: State, norm: execute::Norm, batch: i64, recording: bool) -> Self {
        let batch = batch as usize;
        Self {
            store: Rc::new(RefCell::new(state.store)),
            chains: state.chains,
            level: Level::Best,
            batch,
            norm,
            recording,
            ones: Rc::new(vec![1.0; batch]),
            entries: Vec::new(),
            names: Vec::new(),
            name: None,
            slots: Vec::new(),
            mixtures: Vec::new(),
            ends: 0,
            by_tensor: HashMap::new(),
        }
    }

    /// The same pass by other instructions; the results are the same.
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// A tensor (batch, channels, height, width) as a value whose gradient [`Tape::gradient`] tells after the way back.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn leaf(&mut self, tensor: &Tensor) -> Result<Handle> {
        self.adopt(tensor, true)
    }

    /// The gradient of a [`Tape::leaf`], (batch, channels, height, width); `None` where nothing reaches the result from it.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn gradient(&mut self, leaf: &Handle) -> Result<Option<Tensor>> {
        let Some((map, buffer)) = self.gathered(leaf) else { return Ok(None) };
        copy(&buffer.view(&map, self.batch)?).map(Some)
    }

    /// What is kept for the next pass.
    pub fn into_state(self) -> State {
        let Self { store, chains, entries, slots, .. } = self;
        drop((entries, slots));
        // Memory that somebody still has does not come back.
        let store = std::mem::take(&mut *store.borrow_mut());
        State { store, chains }
    }

    pub(super) fn go(&self) -> (Level, &'static dyn Threads) {
        (self.level, &Libtorch)
    }

    /// A tensor (batch, channels, height, width) as a value.
    fn adopt(&mut self, tensor: &Tensor, differentiated: bool) -> Result<Handle> {
        let size = tensor.size();
        let last = tensor.f_detach()?.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_to_kind(Kind::Float)?;
        let sizes = [size[2] as usize, size[3] as usize, size[1] as usize];
        let buffer = Buffer::of(last);
        let map = Map::dense(buffer.data(), sizes);
        let slot = differentiated.then(|| (self.slot(sizes), 0));
        Ok(Rc::new(Value { buffer, map, norm: None, slot, maker: None, readers: Cell::new(0) }))
    }

    /// Memory for a map.
    pub(super) fn map(&self, [height, width, channels]: [usize; 3]) -> Result<(Rc<Buffer>, Map)> {
        let buffer = Buffer::take(&self.store, self.batch * height * width * channels)?;
        let map = Map::dense(buffer.data(), [height, width, channels]);
        Ok((buffer, map))
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(Some(entry));
        self.names.push(self.name.clone());
    }

    /// The number of one more end of the network.
    fn end(&mut self) -> usize {
        self.ends += 1;
        self.ends - 1
    }

    fn unknown(
        &mut self,
        graph: &LayerGraph,
        input: &Handle,
        tensors: &[&Tensor],
    ) -> Result<(Vec<Tensor>, Option<UnknownEntry>)> {
        input.read();
        let differentiated = self.recording && (input.slot.is_some() || tensors.iter().any(|t| t.requires_grad()));
        let leaf = self.tensor(input)?;
        if !differentiated {
            return Ok((tch::no_grad(|| reference::run(graph, &[&leaf], tensors, self.norm))?, None));
        }
        let leaf = leaf.f_set_requires_grad(input.slot.is_some())?;
        let outputs = tch::with_grad(|| reference::run(graph, &[&leaf], tensors, self.norm))?;
        let entry = UnknownEntry {
            leaf,
            input: input.clone(),
            outputs: outputs.iter().map(|output| (output.shallow_clone(), None)).collect(),
            end: None,
            tensors: tensors.iter().map(|t| t.shallow_clone()).collect(),
        };
        Ok((outputs, Some(entry)))
    }

    /// A value as a tensor (batch, channels, height, width), channels-last; it shares the value's memory where it can.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn tensor(&self, value: &Handle) -> Result<Tensor> {
        let map = &value.map;
        if map.pixel == map.channels && value.norm.is_none() {
            return Ok(value.buffer.view(map, self.batch)?.f_detach()?);
        }
        let sizes = [map.height, map.width, map.channels];
        let [n, h, w, c] = [self.batch, map.height, map.width, map.channels].map(|v| v as i64);
        let whole = Tensor::f_empty([n, h, w, c], (Kind::Float, tch::Device::Cpu))?;
        let term = Term { map: *map, fold: value.norm.as_ref().map(|n| n.fold()), weight: &self.ones };
        combine::sum(self.go(), &[term], &Map::dense(slice::address(&whole), sizes), false, self.batch);
        Ok(whole.f_permute([0, 3, 1, 2])?)
    }

    fn stage(&mut self, chain: &Arc<Chain>, number: usize, x: &Handle, tensors: &[&Tensor]) -> Result<Handle> {
        x.read();
        let stage = &chain.stages[number];
        let wanted = self.recording && (x.slot.is_some() || stage.tensors().any(|t| tensors[t].requires_grad()));
        let (buffer, map) = self.map(stage.output)?;
        let moments = stage.norm.is_some() && self.norm != execute::Norm::Running;
        let (mut weights, mut index) = (None, None);
        let found = match &stage.body {
            Body::Convolution { sizes, relu, depthwise, products } => {
                let mut packed = Weights::default();
                let depthwise = depthwise.map_or(&[][..], |t| slice::numbers(tensors[t]));
                let products: Vec<&[f32]> = products.iter().map(|t| slice::numbers(tensors[*t])).collect();
                sizes.pack(depthwise, &products, &mut packed)?;
                let found =
                    convolution::forward(self.go(), sizes, &packed, &x.source(*relu), &map, self.batch, moments)?;
                weights = Some(packed);
                found
            }
            Body::Maximum(window) => {
                if wanted && x.slot.is_some() {
                    index = Some(Buffer::take(&self.store, self.batch * map.pixels() * map.channels)?);
                }
                let pool = Pool::Maximum(index.as_ref().map(|index| Index(index.data())));
                pooling::forward(self.go(), (pool, window), &x.source(false), &map, self.batch, moments)?
            }
            Body::Mean(window) => {
                pooling::forward(self.go(), (Pool::Mean, window), &x.source(false), &map, self.batch, moments)?
            }
        };
        let count = (self.batch * map.pixels()) as f64;
        let norm = stage.norm.as_ref().map(|norm| Rc::new(Norm::new(norm, found, count, self.norm, tensors)));
        let slot = wanted.then(|| (self.slot(stage.output), 0));
        let maker = wanted.then_some(self.entries.len());
        let output = Rc::new(Value { buffer, map, norm, slot, maker, readers: Cell::new(0) });
        if wanted {
            self.push(Entry::Stage(StageEntry {
                chain: chain.clone(),
                number,
                weights,
                input: x.clone(),
                output: output.clone(),
                index,
                tensors: tensors.iter().map(|t| t.shallow_clone()).collect(),
            }));
        }
        Ok(output)
    }

    /// The weights of an edge's candidates, read once per pass.
    fn mixture(&mut self, tensor: &Tensor) -> Result<usize> {
        if let Some(number) = self.by_tensor.get(&(tensor.data_ptr() as usize)) {
            return Ok(*number);
        }
        let values = Vec::<f32>::try_from(tensor.f_detach()?.f_to_kind(Kind::Float)?)?;
        let gradient = (self.recording && tensor.requires_grad()).then(|| vec![0.0; values.len()]);
        self.mixtures.push(Mixture { tensor: tensor.shallow_clone(), values, gradient, reached: false });
        self.by_tensor.insert(tensor.data_ptr() as usize, self.mixtures.len() - 1);
        Ok(self.mixtures.len() - 1)
    }

    fn terms(&mut self, brought: Vec<Brought<Handle>>, factor: f32) -> Result<Vec<SumTerm>> {
        let mut terms = Vec::with_capacity(brought.len());
        for Brought { value, mixture, drop } in brought {
            value.read();
            let mixture = match mixture {
                Some((tensor, position)) => Some((self.mixture(&tensor)?, position)),
                None => None,
            };
            let all = factor * mixture.map_or(1.0, |(number, position)| self.mixtures[number].values[position]);
            let drop: Option<Rc<Vec<f32>>> = drop.map(|list| Rc::new(list.iter().map(|d| *d as f32).collect()));
            #[expect(clippy::float_cmp, reason = "exactly 1 changes nothing")]
            let weight = match &drop {
                None if all == 1.0 => self.ones.clone(),
                None => Rc::new(vec![all; self.batch]),
                Some(drop) => Rc::new(drop.iter().map(|d| all * d).collect()),
            };
            terms.push(SumTerm { value, weight, mixture, factor, drop });
        }
        Ok(terms)
    }
}

impl Executor for Tape {
    type Value = Handle;
    type Area = Area;

    fn batch(&self) -> usize {
        self.batch
    }

    fn name(&mut self, name: &str) {
        let wanted = tracing::enabled!(target: "edas::profile", tracing::Level::TRACE);
        self.name = wanted.then(|| Arc::from(name));
    }

    fn share(&self, value: &Handle) -> Handle {
        value.clone()
    }

    fn images(&mut self, images: &Tensor) -> Result<Handle> {
        self.adopt(images, false)
    }

    fn run(&mut self, graph: &Arc<LayerGraph>, input: &Handle, tensors: &[&Tensor]) -> Result<Vec<Handle>> {
        match self.chains.of(graph) {
            Some(chain) if tensors.iter().all(|t| slice::is_plain(t)) => {
                let mut x = input.clone();
                for number in 0..chain.stages.len() {
                    x = self.stage(&chain, number, &x, tensors)?;
                }
                Ok(vec![x; chain.outputs])
            }
            _ => {
                let (outputs, entry) = self.unknown(graph, input, tensors)?;
                let mut values = Vec::new();
                for output in &outputs {
                    values.push(self.adopt(&apart(output, input)?, entry.is_some())?);
                }
                if let Some(mut entry) = entry {
                    for (output, value) in entry.outputs.iter_mut().zip(&values) {
                        output.1 = Some(value.clone());
                    }
                    self.push(Entry::Unknown(entry));
                }
                Ok(values)
            }
        }
    }

    fn run_both(
        &mut self,
        graphs: [&Arc<LayerGraph>; 2],
        input: &Handle,
        tensors: [&[&Tensor]; 2],
    ) -> Result<Option<[Handle; 2]>> {
        let plain = tensors.iter().all(|list| list.iter().all(|t| slice::is_plain(t)));
        let Some(chain) = self.chains.of_both(graphs).filter(|_| plain) else { return Ok(None) };
        let both = self.stage(&chain, 0, input, &tensors.concat())?;
        let first = graphs[0].shapes[graphs[0].outputs[0]][0] as usize;
        Ok(Some([0..first, first..both.map.channels].map(|range| Rc::new(both.channels(range)))))
    }

    fn run_last(&mut self, graph: &LayerGraph, input: &Handle, tensors: &[&Tensor]) -> Result<Tensor> {
        if classifier::is_classifier(graph) && tensors.iter().all(|t| slice::is_plain(t)) {
            let (logits, entry) = classifier::forward(self, input, tensors)?;
            if self.recording && (input.slot.is_some() || tensors.iter().any(|t| t.requires_grad())) {
                let end = self.end();
                self.push(Entry::Classifier(entry, end));
                return Ok(logits.f_set_requires_grad(true)?);
            }
            return Ok(logits);
        }
        let (mut outputs, entry) = self.unknown(graph, input, tensors)?;
        let output = outputs.pop().ok_or_else(|| crate::Error::new("the head returned nothing"))?;
        let output = apart(&output, input)?.f_detach()?;
        if let Some(mut entry) = entry {
            entry.end = Some(self.end());
            self.push(Entry::Unknown(entry));
            return Ok(output.f_set_requires_grad(true)?);
        }
        Ok(output)
    }

    fn area(&mut self, channels: i64, shape: &[i64]) -> Result<Option<Area>> {
        let sizes = [shape[1] as usize, shape[2] as usize, channels as usize];
        let (buffer, map) = self.map(sizes)?;
        let slot = self.recording.then(|| self.slot(sizes));
        Ok(Some(Area { buffer, map, slot, taken: 0 }))
    }

    fn sum(
        &mut self,
        brought: Vec<Brought<Handle>>,
        factor: Option<f64>,
        shape: &[i64],
        area: Option<&mut Area>,
    ) -> Result<Handle> {
        let [channels, height, width] = [shape[0] as usize, shape[1] as usize, shape[2] as usize];
        if area.is_none()
            && factor.is_none()
            && let [Brought { value, mixture: None, drop: None }] = &brought[..]
        {
            return Ok(value.clone());
        }
        let terms = self.terms(brought, factor.unwrap_or(1.0) as f32)?;
        let wanted = |t: &SumTerm| {
            t.value.slot.is_some() || t.mixture.is_some_and(|(number, _)| self.mixtures[number].gradient.is_some())
        };
        let wanted = self.recording && terms.iter().any(wanted);
        let (buffer, map, slot, last) = match area {
            Some(area) => {
                let first = area.taken;
                area.taken += channels;
                let slot = area.slot.filter(|_| wanted).map(|slot| (slot, first));
                (area.buffer.clone(), area.map.channels(first, channels), slot, first == 0)
            }
            None => {
                let (buffer, map) = self.map([height, width, channels])?;
                let slot = wanted.then(|| (self.slot([height, width, channels]), 0));
                (buffer, map, slot, true)
            }
        };
        // Also those that count nothing: 0 times what is not finite is not 0.
        let counted: Vec<Term> = terms
            .iter()
            .map(|t| Term { map: t.value.map, fold: t.value.norm.as_ref().map(|n| n.fold()), weight: &t.weight })
            .collect();
        combine::sum(self.go(), &counted, &map, false, self.batch);
        let output = Rc::new(Value { buffer, map, norm: None, slot, maker: None, readers: Cell::new(0) });
        if wanted {
            self.push(Entry::Sum(SumEntry { terms, output: output.clone(), last }));
        }
        Ok(output)
    }

    fn concat(&mut self, values: &[Handle], area: Option<Area>) -> Result<Handle> {
        if let Some(area) = area
            && area.taken == area.map.channels
            && values.iter().zip(offsets(values)).all(|(v, first)| {
                Rc::ptr_eq(&v.buffer, &area.buffer) && v.map.data == area.map.data.wrapping_add(first)
            })
        {
            let wanted = values.iter().any(|v| v.slot.is_some());
            let slot = area.slot.filter(|_| wanted).map(|slot| (slot, 0));
            values.iter().for_each(|value| value.read());
            let (buffer, map) = (area.buffer, area.map);
            return Ok(Rc::new(Value { buffer, map, norm: None, slot, maker: None, readers: Cell::new(0) }));
        }
        let (first, channels) = (&values[0].map, values.iter().map(|v| v.map.channels as i64).sum());
        let mut room = self.area(channels, &[0, first.height as i64, first.width as i64])?;
        let mut copies = Vec::new();
        for value in values {
            let shape = [value.map.channels, value.map.height, value.map.width].map(|v| v as i64);
            let whole = Brought { value: value.clone(), mixture: None, drop: None };
            copies.push(self.sum(vec![whole], None, &shape, room.as_mut())?);
        }
        self.concat(&copies, room)
    }
}

/// What an operation returned, copied where it is its input's own memory: that is used again when nobody reads the input any more.
fn apart(output: &Tensor, input: &Handle) -> Result<Tensor> {
    if !input.buffer.holds(output) {
        return Ok(output.shallow_clone());
    }
    copy(&output.f_detach()?)
}

/// A copy with memory of its own.
fn copy(tensor: &Tensor) -> Result<Tensor> {
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

/// The first channel of each value, one after the other.
fn offsets(values: &[Handle]) -> impl Iterator<Item = usize> {
    values.iter().scan(0, |first, value| {
        let at = *first;
        *first += value.map.channels;
        Some(at)
    })
}

impl Stage {
    /// The graph's tensors that the stage learns.
    pub(super) fn tensors(&self) -> impl Iterator<Item = usize> {
        let (depthwise, products) = match &self.body {
            Body::Convolution { depthwise, products, .. } => (*depthwise, &products[..]),
            _ => (None, &[][..]),
        };
        let norm = self.norm.iter().flat_map(|norm| &norm.tensors).flat_map(|list| list.iter().skip(2).copied());
        depthwise.into_iter().chain(products.iter().copied()).chain(norm)
    }
}
