//! libtorch's own threads for kernels: a second pool beside them would cost more than it gives.

use super::kernels::work::Threads;
use crate::native::guard;

/// libtorch's threads.
#[derive(Debug, Clone, Copy)]
pub struct Libtorch;

impl Threads for Libtorch {
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        guard::parallel_tasks(tasks, task);
    }
}
