//! Models of policies that learn: the host extension `edas.host.model/1`.
//!
//! A policy describes its model with the same layers as an operation; the host starts it from the search's seed, computes,
//! differentiates, steps and saves it. Models compute in double precision on the processor.

mod network;
mod table;

use crate::error::{Error, Result};
use edas_plugin::abi;
use network::Network;
use serde_json::{Map, Value};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Offers models to every plugin of this process.
pub fn offer() {
    crate::extension::offer::offer(abi::HOST_MODEL, &table::MODEL);
}

/// The models of one policy.
pub(super) struct Models {
    seed: u64,
    /// `policy x of plugin y`, for messages.
    policy: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    networks: Vec<Network>,
    /// Whether the policy's `create` is over.
    closed: bool,
}

impl Models {
    pub(super) fn new(seed: u64, policy: &str) -> Self {
        Self { seed, policy: policy.to_owned(), inner: Mutex::default() }
    }

    /// The owner as plugins get it. It points to `self`, which must live until the policy is destroyed.
    pub(super) fn owner(&self) -> *mut abi::Owner {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// From here on no model is made.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For calls that arrive from a policy: one that arrives within another, from a kernel in a model, must not wait for it.
    fn try_lock(&self) -> Result<MutexGuard<'_, Inner>> {
        match self.inner.try_lock() {
            Ok(inner) => Ok(inner),
            Err(TryLockError::Poisoned(inner)) => Ok(inner.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::new(format!("the models of {} are in use", self.policy))
                .help("call them from the policy's own functions alone, on the thread that runs these")),
        }
    }

    /// Everything that the models have learnt; null where there are none.
    pub(super) fn state(&self) -> Result<Value> {
        let inner = self.lock();
        if inner.networks.is_empty() {
            return Ok(Value::Null);
        }
        let states = inner.networks.iter().map(|n| Ok((n.name.clone(), n.state()?)));
        states.collect::<Result<Map<_, _>>>().map(Value::Object)
    }

    /// Puts back what [`Models::state`] returned. All tensors are gone afterwards.
    pub(super) fn set_state(&self, state: &Value) -> Result<()> {
        let mut inner = self.lock();
        let saved = state.as_object().map_or(0, Map::len);
        if saved != inner.networks.len() {
            return Err(Error::new(format!("the saved state has other models than {}", self.policy))
                .expected(format!("{} models", inner.networks.len()))
                .found(format!("{saved} models")));
        }
        inner.networks.iter_mut().try_for_each(|network| {
            let what = format!("restoring model `{}` of {}", network.name, self.policy);
            network.set_state(&state[network.name.as_str()]).map_err(|e| e.context(what))
        })
    }
}
