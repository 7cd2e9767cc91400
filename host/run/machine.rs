//! What the bits of a run depend on besides its spec, its seed and its inputs.

use crate::native;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A program on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The version of edas.
    pub edas: String,
    /// The version of libtorch.
    pub libtorch: String,
    /// Operating system and kind of processor.
    pub system: String,
    /// What the processor offers of what libtorch's kernels are chosen by.
    pub cpu: String,
    /// Threads that compute.
    pub threads: u32,
    /// Where it computes.
    pub device: String,
}

impl Machine {
    /// This one, with the threads and the device of a resolved spec.
    pub fn here(spec: &Spec) -> Self {
        Self {
            edas: env!("CARGO_PKG_VERSION").to_owned(),
            libtorch: native::LIBTORCH.to_owned(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: native::cpu_features(),
            threads: spec.threads,
            device: spec.device.to_string(),
        }
    }

    /// In what two differ: the name of the quantity, and both values.
    pub fn differences(&self, other: &Self) -> Vec<[String; 3]> {
        let parts = |m: &Self| {
            [
                ("edas", m.edas.clone()),
                ("libtorch", m.libtorch.clone()),
                ("system", m.system.clone()),
                ("processor", m.cpu.clone()),
                ("threads", m.threads.to_string()),
                ("device", m.device.clone()),
            ]
        };
        let pairs = parts(self).into_iter().zip(parts(other));
        pairs.filter(|(a, b)| a != b).map(|((name, a), (_, b))| [name.to_owned(), a, b]).collect()
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { edas, libtorch, system, cpu, threads, device } = self;
        write!(f, "edas {edas}; {system} {cpu}; libtorch {libtorch}; {threads} threads; {device}")
    }
}
