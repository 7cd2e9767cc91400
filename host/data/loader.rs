//! Batches prepared ahead on background threads: for every iteration one of the train and one of the search split, which is empty where
//! nothing searches.
//!
//! What a batch holds depends on seed, epoch and position alone: the number of threads changes nothing.

use super::augment::Augment;
use super::batch::{Batch, Normaliser, augmented};
use super::dataset::DataSet;
use super::split::Split;
use crate::error::{Error, Result, panic_text};
use crate::random::{Purpose, Source};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// How batches are made.
#[derive(Debug, Clone, Copy)]
pub struct LoaderSettings {
    /// Images in a batch.
    pub batch: usize,
    /// How they are augmented.
    pub augment: Augment,
    /// The seed.
    pub seed: u64,
    /// The number of threads.
    pub workers: usize,
    /// The iteration to begin with.
    pub first_iteration: u64,
}

/// Hands out batches, iteration by iteration.
pub struct Loader {
    /// One queue per thread: thread k prepares every `queues.len()`-th iteration.
    queues: Vec<Receiver<Result<(Batch, Batch)>>>,
    next: usize,
}

/// What one thread works with.
struct Worker {
    data: Arc<DataSet>,
    split: Split,
    settings: LoaderSettings,
    normaliser: Normaliser,
    train: Order,
    search: Order,
}

/// The order of a split in an epoch; made once per epoch.
struct Order {
    shuffle: Source,
    augment: Source,
    epoch: Option<u64>,
    list: Vec<usize>,
}

impl Order {
    fn new(seed: u64, shuffle: Purpose, augment: Purpose) -> Self {
        Self { shuffle: Source::new(seed, shuffle), augment: Source::new(seed, augment), epoch: None, list: Vec::new() }
    }

    fn at(&mut self, images: &[usize], epoch: u64) -> &[usize] {
        if self.epoch != Some(epoch) {
            self.list = images.to_vec();
            self.shuffle.at(epoch).shuffle(&mut self.list);
            self.epoch = Some(epoch);
        }
        &self.list
    }
}

impl Worker {
    fn batches(&mut self, iteration: u64) -> Result<(Batch, Batch)> {
        let LoaderSettings { batch, augment, .. } = self.settings;
        let per_epoch = self.split.train.len().div_ceil(batch) as u64;
        let (epoch, within) = (iteration / per_epoch, (iteration % per_epoch) as usize);
        let order = self.train.at(&self.split.train, epoch);
        let train = order[within * batch..order.len().min((within + 1) * batch)].to_vec();
        let first = augmented(&self.data, &self.normaliser, &train, augment, &self.train.augment, epoch)?;
        // The search split has a batch of the same size; where it is smaller, it begins again.
        let length = train.len();
        let order = self.search.at(&self.split.search, epoch);
        let search: Vec<usize> = match order.len() {
            0 => Vec::new(),
            images => (within * batch..within * batch + length).map(|i| order[i % images]).collect(),
        };
        let second = augmented(&self.data, &self.normaliser, &search, augment, &self.search.augment, epoch)?;
        Ok((first, second))
    }
}

impl Loader {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the system refuses a thread.
    pub fn start(data: Arc<DataSet>, split: &Split, settings: LoaderSettings) -> Result<Self> {
        let workers = settings.workers.max(1);
        let mut queues = Vec::with_capacity(workers);
        for k in 0..workers {
            let (sender, receiver) = sync_channel(if workers == 1 { 2 } else { 1 });
            let seed = settings.seed;
            let mut worker = Worker {
                normaliser: Normaliser::new(&data),
                data: data.clone(),
                split: split.clone(),
                settings,
                train: Order::new(seed, Purpose::ShuffleTrain, Purpose::AugmentTrain),
                search: Order::new(seed, Purpose::ShuffleSearch, Purpose::AugmentSearch),
            };
            let run = move || {
                let mut iteration = settings.first_iteration + k as u64;
                loop {
                    // Whoever waits for the batches must hear of a mistake in making them.
                    let made = catch_unwind(AssertUnwindSafe(|| worker.batches(iteration)));
                    let made = made.unwrap_or_else(|panic| Err(died().found(panic_text(&*panic))));
                    let last = made.is_err();
                    // The queue closes when the loader is dropped: the thread then ends by itself.
                    if sender.send(made).is_err() || last {
                        return;
                    }
                    iteration += workers as u64;
                }
            };
            thread::Builder::new()
                .name(format!("loader-{k}"))
                .spawn(run)
                .map_err(|e| Error::new(format!("a loader thread cannot be started: {e}")))?;
            queues.push(receiver);
        }
        Ok(Self { queues, next: 0 })
    }

    /// The batches of the next iteration: train split, search split.
    ///
    /// # Errors
    /// Where the thread that prepares them died, or has not enough memory.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and it can fail")]
    pub fn next(&mut self) -> Result<(Batch, Batch)> {
        let batches = self.queues[self.next].recv();
        self.next = (self.next + 1) % self.queues.len();
        batches.unwrap_or_else(|_| Err(died()))
    }
}

fn died() -> Error {
    Error::new("a loader thread died").help("this is a bug: please report it, with the spec")
}
