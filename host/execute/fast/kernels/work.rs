//! How work is divided: by images, into parts that depend on the batch alone, so that sums come out the same however many threads
//! there are.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs tasks, on as many threads as it likes.
pub trait Threads: Sync {
    /// Calls `task` with 0 to `tasks` − 1, each once, in any order, and returns when all are done.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// Memory ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// The bytes that were wanted.
    pub bytes: usize,
}

/// Room for so many more numbers.
///
/// # Errors
/// Where there is no memory for them.
pub fn reserve<T>(numbers: &mut Vec<T>, more: usize) -> Result<(), Exhausted> {
    numbers.try_reserve_exact(more).map_err(|_| Exhausted { bytes: more.saturating_mul(size_of::<T>()) })
}

/// So many zeros.
///
/// # Errors
/// Where there is no memory for them.
pub fn zeros<T: Copy + Default>(length: usize) -> Result<Vec<T>, Exhausted> {
    let mut numbers = Vec::new();
    reserve(&mut numbers, length)?;
    numbers.resize(length, T::default());
    Ok(numbers)
}

/// Runs a task for each part of a batch.
///
/// # Errors
/// Where one of them ran out of memory.
pub fn each_part(
    threads: &dyn Threads,
    parts: &Parts,
    task: &(dyn Fn(usize) -> Result<(), Exhausted> + Sync),
) -> Result<(), Exhausted> {
    let missing = AtomicUsize::new(0);
    threads.run(parts.count(), &|part| {
        if let Err(Exhausted { bytes }) = task(part) {
            missing.store(bytes.max(1), Ordering::Relaxed);
        }
    });
    match missing.into_inner() {
        0 => Ok(()),
        bytes => Err(Exhausted { bytes }),
    }
}

/// The most parts that a batch is divided into.
const PARTS: usize = 16;

/// A batch in parts.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    batch: usize,
    size: usize,
}

impl Parts {
    /// Parts of a batch of images.
    pub fn of(batch: usize) -> Self {
        Self { batch, size: batch.div_ceil(PARTS).max(1) }
    }

    /// Their number.
    pub fn count(&self) -> usize {
        self.batch.div_ceil(self.size)
    }

    /// The images of a part.
    pub fn images(&self, part: usize) -> Range<usize> {
        part * self.size..((part + 1) * self.size).min(self.batch)
    }
}

/// Numbers that the parts of a batch fill, each a stretch of its own.
#[derive(Debug)]
pub struct Stretches<T> {
    data: *mut T,
    each: usize,
    count: usize,
}

// SAFETY: every part takes the stretch of its own number alone.
unsafe impl<T: Send> Send for Stretches<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Stretches<T> {}

impl<T> Stretches<T> {
    /// Divides `numbers` among `count` parts.
    pub fn of(numbers: &mut [T], count: usize) -> Self {
        Self { data: numbers.as_mut_ptr(), each: numbers.len() / count.max(1), count }
    }

    /// The stretch of a part.
    ///
    /// # Safety
    /// Nobody else has this part's stretch, and the numbers outlive it.
    #[allow(clippy::mut_from_ref, reason = "the caller vouches that each part is taken once")]
    pub unsafe fn part(&self, part: usize) -> &mut [T] {
        assert!(part < self.count, "a part that there is not");
        // SAFETY: the stretch lies within the numbers; the caller vouches for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(part * self.each), self.each) }
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    static PARTIAL: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Zeros in which the parts of a batch gather what will be summed, kept from call to call. One is had at a time.
#[derive(Debug)]
pub struct Partial(Vec<f32>);

impl Partial {
    /// So many zeros.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn take(length: usize) -> Result<Self, Exhausted> {
        let mut numbers = PARTIAL.take();
        numbers.clear();
        reserve(&mut numbers, length)?;
        numbers.resize(length, 0.0);
        Ok(Self(numbers))
    }

    /// The numbers.
    pub fn numbers(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        PARTIAL.set(std::mem::take(&mut self.0));
    }
}

/// This thread's scratch memory, whatever it holds. It is kept for the next who takes it.
///
/// Taken, not lent to a closure: a closure that another crate calls would not be compiled for the processor's vectors.
#[derive(Debug)]
pub struct Scratch(Vec<f32>);

impl Scratch {
    /// At least `length` numbers.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn take(length: usize) -> Result<Self, Exhausted> {
        let mut numbers = SCRATCH.take();
        if numbers.len() < length {
            let more = length - numbers.len();
            reserve(&mut numbers, more)?;
            numbers.resize(length, 0.0);
        }
        Ok(Self(numbers))
    }

    /// The numbers.
    pub fn numbers(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SCRATCH.set(std::mem::take(&mut self.0));
    }
}
