//! Memory for values and gradients: taken where something is computed, given back where nothing reads it any more, and kept for the
//! next pass, so that a search that has found its sizes asks the system for no further maps.

use super::kernels::map::Map;
use super::kernels::work::Exhausted;
use crate::error::{Error, Result};
use crate::native::slice;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::{Device, Kind, Tensor};

/// Stretches of memory that nobody uses, by their length.
#[derive(Debug, Default)]
pub struct Store {
    free: BTreeMap<usize, Vec<Tensor>>,
}

/// A store in use by a pass.
pub type Shared = Rc<RefCell<Store>>;

/// A stretch of memory; it goes back to its store when the last who has it lets it go.
#[derive(Debug)]
pub struct Buffer {
    tensor: Tensor,
    home: Option<Shared>,
}

impl Buffer {
    /// Memory for at least this many numbers, whatever it holds.
    ///
    /// # Errors
    /// Where there is none.
    pub fn take(store: &Shared, length: usize) -> Result<Rc<Self>> {
        let found = {
            let free = &mut store.borrow_mut().free;
            // A smaller batch uses the memory of a larger one.
            let key = free.range(length..=length.saturating_mul(2)).find(|(_, list)| !list.is_empty()).map(|(k, _)| *k);
            key.and_then(|key| free.get_mut(&key)).and_then(Vec::pop)
        };
        let tensor = match found {
            Some(tensor) => tensor,
            None => Tensor::f_empty([length as i64], (Kind::Float, Device::Cpu))?,
        };
        Ok(Rc::new(Self { tensor, home: Some(store.clone()) }))
    }

    /// Memory that is libtorch's: of a tensor that another executor made.
    pub fn of(tensor: Tensor) -> Rc<Self> {
        Rc::new(Self { tensor, home: None })
    }

    /// The first number.
    pub fn data(&self) -> *mut f32 {
        slice::address(&self.tensor)
    }

    /// Whether a tensor's numbers lie within it.
    pub fn holds(&self, tensor: &Tensor) -> bool {
        let (first, length) = (self.data() as usize, self.tensor.numel() * size_of::<f32>());
        (first..first + length).contains(&(slice::address(tensor) as usize))
    }

    /// A map of these within it, as a tensor (batch, channels, height, width) over the same memory.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn view(&self, map: &Map, batch: usize) -> Result<Tensor> {
        let [n, h, w, c, pixel] = [batch, map.height, map.width, map.channels, map.pixel].map(|v| v as i64);
        let flat = self.tensor.f_view(-1)?;
        let first = ((map.data as usize - self.data() as usize) / size_of::<f32>()) as i64;
        let rest = flat.f_narrow(0, first, flat.size()[0] - first)?;
        Ok(rest.f_as_strided([n, c, h, w], [h * w * pixel, 1, w * pixel, pixel], None)?)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            home.borrow_mut().free.entry(self.tensor.numel()).or_default().push(self.tensor.shallow_clone());
        }
    }
}

impl From<Exhausted> for Error {
    fn from(exhausted: Exhausted) -> Self {
        Error::exhausted(exhausted.bytes, "what a kernel computes in")
    }
}
