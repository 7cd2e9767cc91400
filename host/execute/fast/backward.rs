//! The way back through a pass: the gradients of the weights and mixtures that ask for them, from that of the result.

use super::classifier::ClassifierEntry;
use super::kernels::combine::{self, Term};
use super::kernels::convolution::{self, Gradient, Target, WeightGradients};
use super::kernels::map::Map;
use super::kernels::pooling::{self, Index, Pool};
use super::memory::Buffer;
use super::norm::{BatchNormBack, Norm};
use super::stage::{Body, Stage};
use super::tape::{Entry, Mixture, StageEntry, SumEntry, SumTerm, Tape, UnknownEntry};
use crate::error::{Error, Result};
use crate::native::slice;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// The gradient of a stage's result, where it is that of the one who reads it, times a weight per image.
struct Incoming {
    map: Map,
    /// Keeps the map.
    _buffer: Rc<Buffer>,
    weight: Rc<Vec<f32>>,
    /// Per channel: the sum over pixels of the gradient, weight included, and of it times the distance from the batch norm's mean.
    sums: Option<Vec<f64>>,
}

/// The way back of a pass.
pub struct Backward<'a> {
    tape: &'a mut Tape,
    incoming: Vec<Option<Incoming>>,
    weights: HashMap<usize, Tensor>,
}

/// Gradients that a pass found.
#[derive(Debug)]
pub struct Found {
    weights: HashMap<usize, Tensor>,
    /// The weights of candidates that ask for gradients, and the gradients.
    pub mixtures: Vec<(Tensor, Vec<f64>)>,
}

impl Found {
    /// The gradient of a weight; undefined where the result does not depend on it.
    pub fn of(&self, weight: &Tensor) -> Tensor {
        self.weights.get(&(slice::address(weight) as usize)).map_or_else(Tensor::new, Tensor::shallow_clone)
    }
}

impl Tape {
    /// Goes back from the gradients of what `run_last` returned, each time that it returned something with a gradient, in that order.
    /// What the pass remembered is gone then.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn backward(&mut self, gradients: &[Tensor]) -> Result<Found> {
        let mut incoming = Vec::new();
        incoming.resize_with(self.entries.len(), || None);
        let mut way = Backward { incoming, weights: HashMap::new(), tape: self };
        for number in (0..way.tape.entries.len()).rev() {
            let name = way.tape.names[number].clone();
            let span = |of: Arc<str>| tracing::trace_span!(target: "edas::profile", "operation", of = &*of).entered();
            let _span = name.map(span);
            match way.tape.entries[number].take() {
                Some(Entry::Stage(entry)) => way.stage(number, &entry)?,
                Some(Entry::Sum(entry)) => way.sum(&entry)?,
                Some(Entry::Unknown(entry)) => way.unknown(&entry, gradients)?,
                Some(Entry::Classifier(entry, end)) => way.classifier(&entry, &gradients[end])?,
                None => {}
            }
        }
        let weights = way.weights;
        let mixtures = self.mixtures.iter_mut().filter(|m| m.reached);
        let mixtures = mixtures.filter_map(|m| Some((m.tensor.shallow_clone(), m.gradient.take()?))).collect();
        Ok(Found { weights, mixtures })
    }
}

impl Backward<'_> {
    fn stage(&mut self, number: usize, entry: &StageEntry) -> Result<()> {
        let stage = &entry.chain.stages[entry.number];
        let learned = self.learned(entry);
        let incoming = match self.incoming[number].take() {
            Some(incoming) => Some(incoming),
            None => self.tape.gathered(&entry.output).map(|(map, buffer)| Incoming {
                map,
                _buffer: buffer,
                weight: self.tape.ones.clone(),
                sums: None,
            }),
        };
        self.tape.release(&entry.output);
        let Some(mut incoming) = incoming else {
            if self.tape.is_zero(&entry.output) {
                for tensor in learned.iter().map(|t| &entry.tensors[*t]) {
                    self.found(tensor, tensor.f_zeros_like()?)?;
                }
                self.tape.note_zero(&entry.input);
            }
            return Ok(());
        };
        let is_affine = stage.norm.iter().flat_map(|n| &n.tensors).any(|list| learned.iter().any(|t| list.contains(t)));
        let mut way = None;
        if let Some(norm) = &entry.output.norm {
            if incoming.sums.is_none() && (norm.of_batch || is_affine) {
                let maps = [(entry.output.map, &norm.mean[..])];
                let weight = (!Rc::ptr_eq(&incoming.weight, &self.tape.ones)).then_some(&incoming.weight[..]);
                incoming.sums = Some(combine::products(self.tape.go(), &incoming.map, &maps, weight, self.tape.batch)?);
            }
            let count = (self.tape.batch * entry.output.map.pixels()) as f64;
            way = Some(BatchNormBack::new(norm, incoming.sums.as_deref(), count));
        }
        if let (Some(sums), Some(norm), Some(own)) = (&incoming.sums, &entry.output.norm, &stage.norm) {
            let (channels, mut first) = (norm.scale.len(), 0);
            for list in &own.tensors {
                let range = first..first + entry.tensors[list[0]].numel();
                first = range.end;
                for (k, tensor) in list.iter().enumerate().skip(2).filter(|(_, t)| learned.contains(t)) {
                    let of = |c: usize| if k == 2 { norm.inverse[c] * sums[channels + c] } else { sums[c] };
                    let values: Vec<f32> = range.clone().map(|c| of(c) as f32).collect();
                    self.found(&entry.tensors[*tensor], Tensor::f_from_slice(&values)?)?;
                }
            }
        }
        let gradient = Gradient {
            map: incoming.map,
            weight: &incoming.weight,
            norm: way.as_ref().map(BatchNormBack::unfold),
            output: entry.output.map,
        };
        self.body(stage, entry, &learned, &gradient)
    }

    /// The tensors of a stage that ask for a gradient and have one: of operations that ran side by side, some may not reach the
    /// result.
    fn learned(&self, entry: &StageEntry) -> Vec<usize> {
        let stage = &entry.chain.stages[entry.number];
        let asks = |tensor: &usize| entry.tensors[*tensor].requires_grad();
        let lists = stage.norm.as_ref().map_or(&[][..], |norm| &norm.tensors);
        let Body::Convolution { products, .. } = &stage.body else { return stage.tensors().filter(asks).collect() };
        if lists.len() < 2 {
            return stage.tensors().filter(asks).collect();
        }
        let (mut learned, mut first) = (Vec::new(), 0);
        for (product, list) in products.iter().zip(lists) {
            let channels = entry.tensors[list[0]].numel();
            if self.tape.is_reached(&entry.output, first..first + channels) {
                learned.extend([product].into_iter().chain(&list[2..]).copied().filter(asks));
            }
            first += channels;
        }
        learned
    }

    fn body(&mut self, stage: &Stage, entry: &StageEntry, learned: &[usize], gradient: &Gradient) -> Result<()> {
        // A stage that alone reads a batch norm's output gathers the sums of its way back as it writes.
        let input = &entry.input;
        let norm = input.norm.as_deref().filter(|_| input.readers.get() == 1);
        let maker = input.maker.filter(|_| norm.is_some());
        let gathering = self.tape.gathering(input)?;
        let mean = norm.filter(|_| maker.is_some()).map(|norm| &norm.mean[..]);
        let (go, batch) = (self.tape.go(), self.tape.batch);
        let mut sums = None;
        match &stage.body {
            Body::Convolution { sizes, relu, depthwise, products } => {
                let target = gathering.map(|(map, add)| Target { map, add, mean });
                let numbers: Vec<usize> = depthwise.iter().chain(products).copied().collect();
                let own: Vec<&Tensor> = numbers.iter().map(|t| &entry.tensors[*t]).collect();
                let wanted = numbers.iter().any(|t| learned.contains(t));
                let like =
                    |t: &&Tensor| Tensor::f_empty(if wanted { t.size() } else { vec![0] }, (Kind::Float, Device::Cpu));
                let mut found: Vec<Tensor> = own.iter().map(like).collect::<Result<_, _>>()?;
                let of_weights = wanted.then(|| {
                    let mut numbers = found.iter_mut().map(slice::numbers_mut);
                    let depthwise = if depthwise.is_some() { numbers.next() } else { None };
                    WeightGradients { depthwise: depthwise.unwrap_or_default(), products: numbers.collect() }
                });
                let weights = entry.weights.as_ref().ok_or_else(|| Error::new("a convolution without weights"))?;
                let source = input.source(*relu);
                sums =
                    convolution::backward(go, sizes, weights, &source, gradient, batch, target.as_ref(), of_weights)?;
                for (number, gradient) in numbers.iter().zip(found).filter(|(number, _)| learned.contains(number)) {
                    self.found(&entry.tensors[*number], gradient)?;
                }
            }
            Body::Maximum(window) | Body::Mean(window) => {
                if let Some((map, add)) = gathering {
                    let target = Target { map, add, mean: None };
                    let pool = match &stage.body {
                        Body::Maximum(_) => Pool::Maximum(entry.index.as_ref().map(|i| Index(i.data()))),
                        _ => Pool::Mean,
                    };
                    pooling::backward(go, (pool, window), &input.source(false), gradient, batch, &target)?;
                }
            }
        }
        if let (Some(maker), Some(sums)) = (maker, sums)
            && let Some((map, buffer)) = self.tape.gathered(input)
        {
            let weight = self.tape.ones.clone();
            self.incoming[maker] = Some(Incoming { map, _buffer: buffer, weight, sums: Some(sums) });
        }
        Ok(())
    }

    fn sum(&mut self, entry: &SumEntry) -> Result<()> {
        let gathered = self.tape.gathered(&entry.output);
        if let Some((g, buffer)) = gathered {
            // Terms that drop-path thins are summed by themselves.
            let sums = self.products(&g, &entry.terms)?;
            for (term, sums) in entry.terms.iter().zip(sums) {
                self.term(&g, &buffer, term, sums)?;
            }
        } else if self.tape.is_zero(&entry.output) {
            for term in &entry.terms {
                if let Some((number, _)) = term.mixture {
                    self.tape.mixtures[number].reached = true;
                }
                self.tape.note_zero(&term.value);
            }
        }
        if entry.last {
            self.tape.release(&entry.output);
        }
        Ok(())
    }

    /// Whether a term's gradient can be handed to the stage that made it as a part of the node's.
    fn direct(term: &SumTerm) -> Option<usize> {
        term.value.maker.filter(|_| term.value.readers.get() == 1)
    }

    fn asks(&self, term: &SumTerm) -> bool {
        term.mixture.is_some_and(|(number, _)| self.tape.mixtures[number].gradient.is_some())
    }

    /// Per term: the sums over the node's gradient, with what drop-path leaves of it, that the term's way back needs.
    fn products(&self, g: &Map, terms: &[SumTerm]) -> Result<Vec<Option<Vec<f64>>>> {
        let channels = g.channels;
        let zeros = vec![0f32; channels];
        let needs = |t: &SumTerm| self.asks(t) || (Self::direct(t).is_some() && t.value.norm.is_some());
        let map = |t: &'_ SumTerm| (t.value.map, t.value.norm.clone());
        let of = |norm: &Option<Rc<Norm>>| norm.as_ref().map_or_else(|| zeros.clone(), |norm| norm.mean.clone());
        let mut results: Vec<Option<Vec<f64>>> = vec![None; terms.len()];
        let together: Vec<usize> = (0..terms.len()).filter(|k| needs(&terms[*k]) && terms[*k].drop.is_none()).collect();
        let run = |numbers: &[usize], weight: Option<&[f32]>, results: &mut Vec<Option<Vec<f64>>>| -> Result<()> {
            let parts: Vec<(Map, Vec<f32>)> = numbers
                .iter()
                .map(|k| {
                    let (map, norm) = map(&terms[*k]);
                    (map, of(&norm))
                })
                .collect();
            let maps: Vec<(Map, &[f32])> = parts.iter().map(|(map, mean)| (*map, &mean[..])).collect();
            let sums = combine::products(self.tape.go(), g, &maps, weight, self.tape.batch)?;
            for (position, k) in numbers.iter().enumerate() {
                let own = &sums[(1 + position) * channels..][..channels];
                results[*k] = Some([&sums[..channels], own].concat());
            }
            Ok(())
        };
        if !together.is_empty() {
            run(&together, None, &mut results)?;
        }
        for (k, term) in terms.iter().enumerate() {
            if let (true, Some(drop)) = (needs(term), &term.drop) {
                run(&[k], Some(drop), &mut results)?;
            }
        }
        Ok(results)
    }

    fn term(&mut self, g: &Map, buffer: &Rc<Buffer>, term: &SumTerm, sums: Option<Vec<f64>>) -> Result<()> {
        if let (Some((number, position)), Some(sums)) = (term.mixture, &sums)
            && let Mixture { gradient: Some(gradient), reached, .. } = &mut self.tape.mixtures[number]
        {
            *reached = true;
            let channels = g.channels;
            let of = |c: usize| match &term.value.norm {
                Some(n) => {
                    let product = sums[channels + c] + f64::from(n.mean[c]) * sums[c];
                    f64::from(n.scale[c]) * product + f64::from(n.shift[c]) * sums[c]
                }
                None => sums[channels + c],
            };
            gradient[position] += f64::from(term.factor) * (0..channels).map(of).sum::<f64>();
        }
        if term.weight.iter().all(|w| *w == 0.0) {
            self.tape.note_zero(&term.value);
            return Ok(());
        }
        match Self::direct(term) {
            Some(maker) => {
                let all = term.mixture.map_or(1.0, |(number, position)| self.tape.mixtures[number].values[position]);
                let all = f64::from(all * term.factor);
                let sums = sums.map(|mut sums| {
                    sums.iter_mut().for_each(|s| *s *= all);
                    sums
                });
                let weight = term.weight.clone();
                self.incoming[maker] = Some(Incoming { map: *g, _buffer: buffer.clone(), weight, sums });
            }
            None => {
                if let Some((to, add)) = self.tape.gathering(&term.value)? {
                    let part = Term { map: *g, fold: None, weight: &term.weight };
                    combine::sum(self.tape.go(), &[part], &to, add, self.tape.batch);
                }
            }
        }
        Ok(())
    }

    fn unknown(&mut self, entry: &UnknownEntry, ends: &[Tensor]) -> Result<()> {
        let mut roots = Vec::new();
        // What depends on nothing that is asked for has no record of libtorch's.
        for (output, value) in entry.outputs.iter().filter(|(output, _)| output.requires_grad()) {
            let gradient = match value {
                None => match entry.end {
                    Some(end) => ends[end].shallow_clone(),
                    None => continue,
                },
                Some(value) => {
                    let Some((map, buffer)) = self.tape.gathered(value) else {
                        if self.tape.is_zero(value) {
                            roots.push(output.f_mul(&output.f_zeros_like()?)?.f_sum(Kind::Float)?);
                        }
                        continue;
                    };
                    buffer.view(&map, self.tape.batch)?
                }
            };
            roots.push(output.f_mul(&gradient)?.f_sum(Kind::Float)?);
        }
        let wanted: Vec<&Tensor> = entry.tensors.iter().filter(|t| t.requires_grad()).collect();
        let leaves: Vec<&Tensor> =
            entry.leaf.requires_grad().then_some(&entry.leaf).into_iter().chain(wanted.clone()).collect();
        if roots.is_empty() || leaves.is_empty() {
            return Ok(());
        }
        let mut found = Tensor::f_run_backward(&roots, &leaves, false, false)?;
        let of_weights = found.split_off(usize::from(entry.leaf.requires_grad()));
        for (weight, gradient) in wanted.into_iter().zip(of_weights) {
            if gradient.defined() {
                self.found(weight, gradient)?;
            }
        }
        for value in entry.outputs.iter().filter_map(|(_, value)| value.as_ref()) {
            self.tape.release(value);
        }
        let Some(gradient) = found.pop().filter(Tensor::defined) else { return Ok(()) };
        if let Some((to, add)) = self.tape.gathering(&entry.input)? {
            let plain = gradient.f_permute([0, 2, 3, 1])?.f_contiguous()?;
            let map = Map::dense(slice::address(&plain), [to.height, to.width, to.channels]);
            let part = Term { map, fold: None, weight: &self.tape.ones };
            combine::sum(self.tape.go(), &[part], &to, add, self.tape.batch);
        }
        Ok(())
    }

    fn classifier(&mut self, entry: &ClassifierEntry, last: &Tensor) -> Result<()> {
        let found = entry.backward(last)?;
        if let Some((to, add)) = self.tape.gathering(&entry.input)? {
            found.of_input(self.tape, &to, add)?;
        }
        for (tensor, gradient) in found.tensors {
            self.found(&tensor, gradient)?;
        }
        Ok(())
    }

    /// Adds to what was found for a weight, which several operations may share.
    fn found(&mut self, weight: &Tensor, gradient: Tensor) -> Result<()> {
        let key = slice::address(weight) as usize;
        let all = match self.weights.remove(&key) {
            Some(sum) => sum.f_add(&gradient)?,
            None => gradient,
        };
        self.weights.insert(key, all);
        Ok(())
    }
}
