//! Passes by the executor that the spec names: logits alone, or with the way back.

use super::forward::{Mixture, Mode};
use super::network::Network;
use crate::error::Result;
use crate::execute::fast::{Found, State, Tape};
use crate::policy::Resolved;
use crate::spec::CpuExecutor;
use tch::{Device, Kind, Tensor};

/// A forward pass by the fast executor that can be gone back through.
pub struct Recorded<'a> {
    network: &'a Network,
    tape: Tape,
    /// The logits, (batch, classes): a leaf of libtorch's autograd where a gradient reaches them.
    pub logits: Tensor,
}

impl Recorded<'_> {
    /// The gradients of the weights and mixtures that ask for them, from that of the logits.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn backward(mut self, logits: &Tensor) -> Result<Found> {
        let found = self.tape.backward(logits);
        self.network.keep_state(self.tape.into_state());
        found
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
        let logits = self.forward_by(&mut tape, images, plan, mixture, mode.drop);
        self.keep_state(tape.into_state());
        logits
    }

    /// A forward pass by the fast executor, with what the way back needs: gradients go to mixtures and weights that require them.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn recorded(&self, images: &Tensor, plan: &Resolved, mixture: &Mixture, mode: Mode) -> Result<Recorded<'_>> {
        let mut tape = Tape::new(self.state(), mode.norm, images.size()[0], true);
        let logits = self.forward_by(&mut tape, images, plan, mixture, mode.drop)?;
        Ok(Recorded { network: self, tape, logits })
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
