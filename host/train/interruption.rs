//! The wish that a search stops where it is, so that it can go on later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The wish that a search stops where it is, so that it can go on later. Plugins do not hear of it: what they do must not depend on
/// when it is uttered.
#[derive(Debug, Clone, Default)]
pub struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// Utters it. Any thread, also a signal handler's.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is uttered.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for who sets it from a signal.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}
