//! Passes by the executor that the spec names: logits alone, or with the way back.

use super::forward::{Logits, Mixture, Mode};
use super::network::Network;
use crate::error::{Error, Result};
use crate::execute::fast::{Found, State, Tape};
use crate::policy::Resolved;
use crate::spec::CpuExecutor;
use tch::{Device, Kind, Tensor};

/// A forward pass by the fast executor that can be gone back through.
pub struct Recorded<'a> {
    network: &'a Network,
    /// There until the record goes: the network gets its state back, whether the way back was gone or not.
    tape: Option<Tape>,
    /// The logits: leaves of libtorch's autograd where a gradient reaches them.
    pub logits: Logits,
}

impl Recorded<'_> {
    /// The logits that a gradient reaches, in the order in which the network has them.
    pub fn ends(&self) -> Vec<&Tensor> {
        self.logits.auxiliary.iter().chain([&self.logits.main]).filter(|logits| logits.requires_grad()).collect()
    }

    /// The gradients of the weights and mixtures that ask for them, from those of the [`ends`](Self::ends).
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn backward(mut self, of_ends: &[Tensor]) -> Result<Found> {
        let tape = self.tape.as_mut().ok_or_else(|| Error::new("a record without a tape"))?;
        tape.backward(of_ends)
    }
}

impl Drop for Recorded<'_> {
    fn drop(&mut self) {
        if let Some(tape) = self.tape.take() {
            self.network.keep_state(tape.into_state());
        }
    }
}

impl Network {
    /// Whether the fast executor runs it.
    pub fn is_fast(&self) -> bool {
        self.settings.cpu == CpuExecutor::Fast
            && self.settings.kind == Kind::Float
            && self.settings.device == Device::Cpu
    }

    /// The logits of a batch of images, (batch, classes), by the network's executor; nothing is differentiated.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn logits<'a>(
        &self,
        images: &Tensor,
        plan: &Resolved,
        mixture: &Mixture,
        mode: impl Into<Mode<'a>>,
    ) -> Result<Tensor> {
        let mode = mode.into();
        if !self.is_fast() {
            return tch::no_grad(|| self.forward(images, plan, mixture, mode));
        }
        let mut tape = Tape::new(self.state(), mode.norm, images.size()[0], false);
        let logits = self.forward_by(&mut tape, images, plan, mixture, mode);
        self.keep_state(tape.into_state());
        Ok(logits?.main)
    }

    /// A forward pass by the fast executor, with what the way back needs: gradients go to mixtures and weights that require them.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn recorded(&self, images: &Tensor, plan: &Resolved, mixture: &Mixture, mode: Mode) -> Result<Recorded<'_>> {
        let mut tape = Tape::new(self.state(), mode.norm, images.size()[0], true);
        match self.forward_by(&mut tape, images, plan, mixture, mode) {
            Ok(logits) => Ok(Recorded { network: self, tape: Some(tape), logits }),
            Err(error) => {
                self.keep_state(tape.into_state());
                Err(error)
            }
        }
    }

    fn state(&self) -> State {
        self.kept.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    fn keep_state(&self, state: State) {
        if let Ok(mut kept) = self.kept.lock() {
            *kept = state;
        }
    }
}
