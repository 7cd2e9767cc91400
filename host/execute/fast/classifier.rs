//! The end of most networks: the mean of each channel over the pixels, then a linear map.
//!
//! libtorch divides a product among its threads along the sums; here every sum is made in one order.

use super::kernels::combine::{self, Term};
use super::kernels::map::Map;
use super::kernels::work::{reserve, zeros};
use super::tape::Tape;
use super::value::Handle;
use crate::error::Result;
use crate::graph::{Layer, LayerGraph};
use crate::native::slice;
use tch::{Kind, Tensor};

/// What its way back needs.
pub(super) struct ClassifierEntry {
    pub input: Handle,
    /// (batch, channels).
    means: Vec<f64>,
    /// The weight (features, channels), and the bias (features) where there is one.
    tensors: Vec<Tensor>,
}

/// Whether an operation is one.
pub fn is_classifier(graph: &LayerGraph) -> bool {
    let [pool, linear] = &graph.nodes[..] else { return false };
    graph.inputs == 1
        && matches!((&pool.layer, &linear.layer), (Layer::GlobalAvgPool, Layer::Linear { .. }))
        && pool.inputs == [0]
        && linear.inputs == pool.outputs
        && graph.outputs == linear.outputs
}

/// The logits, (batch, features), and what the way back needs.
///
/// # Errors
/// What libtorch refuses.
pub(super) fn forward(tape: &Tape, input: &Handle, tensors: &[&Tensor]) -> Result<(Tensor, ClassifierEntry)> {
    input.read();
    let [batch, channels, pixels] = [tape.batch, input.map.channels, input.map.pixels()];
    let plain = tape.tensor(input)?.f_permute([0, 2, 3, 1])?.f_contiguous()?;
    let mut means = zeros::<f64>(batch * channels)?;
    for (mean, image) in means.chunks_mut(channels).zip(slice::numbers(&plain).chunks(channels * pixels)) {
        for pixel in image.chunks(channels) {
            mean.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += f64::from(*v));
        }
        mean.iter_mut().for_each(|sum| *sum /= pixels as f64);
    }
    let (weight, bias) = (slice::numbers(tensors[0]), tensors.get(1).map(|bias| slice::numbers(bias)));
    let features = weight.len() / channels;
    let mut logits = Vec::new();
    reserve(&mut logits, batch * features)?;
    for mean in means.chunks(channels) {
        for (f, row) in weight.chunks(channels).enumerate() {
            let sum: f64 = row.iter().zip(mean).map(|(w, m)| f64::from(*w) * m).sum();
            logits.push((sum + bias.map_or(0.0, |bias| f64::from(bias[f]))) as f32);
        }
    }
    let logits = Tensor::f_from_slice(&logits)?.f_view([batch as i64, features as i64])?;
    let tensors = tensors.iter().map(|t| t.shallow_clone()).collect();
    Ok((logits, ClassifierEntry { input: input.clone(), means, tensors }))
}

/// The gradients that a classifier's way back finds.
pub(super) struct Gradients {
    /// Of its tensors, where they ask for one.
    pub tensors: Vec<(Tensor, Tensor)>,
    /// Of a pixel of its input, the same for all of an image: (batch, channels).
    pixel: Vec<f32>,
}

impl ClassifierEntry {
    /// The way back from the gradient of the logits, (batch, features).
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn backward(&self, gradient: &Tensor) -> Result<Gradients> {
        let gradient = Vec::<f32>::try_from(gradient.f_to_kind(Kind::Float)?.f_contiguous()?.f_view(-1)?)?;
        let (channels, pixels) = (self.input.map.channels, self.input.map.pixels() as f64);
        let weight = slice::numbers(&self.tensors[0]);
        let features = weight.len() / channels;
        let mut sums = [zeros::<f64>(weight.len())?, zeros(features)?];
        let mut pixel = Vec::new();
        reserve(&mut pixel, self.means.len())?;
        for (g, mean) in gradient.chunks(features).zip(self.means.chunks(channels)) {
            let mut of_input = zeros::<f64>(channels)?;
            for (f, g) in g.iter().map(|g| f64::from(*g)).enumerate() {
                let row = f * channels..(f + 1) * channels;
                sums[1][f] += g;
                sums[0][row.clone()].iter_mut().zip(mean).for_each(|(sum, m)| *sum += g * m);
                of_input.iter_mut().zip(&weight[row]).for_each(|(sum, w)| *sum += g * f64::from(*w));
            }
            pixel.extend(of_input.iter().map(|sum| (sum / pixels) as f32));
        }
        let mut tensors = Vec::new();
        for (tensor, sums) in self.tensors.iter().zip(&sums).filter(|(tensor, _)| tensor.requires_grad()) {
            let values: Vec<f32> = sums.iter().map(|v| *v as f32).collect();
            tensors.push((tensor.shallow_clone(), Tensor::f_from_slice(&values)?.f_view_as(tensor)?));
        }
        Ok(Gradients { tensors, pixel })
    }
}

impl Gradients {
    /// Puts the gradient of the input where it gathers; where `add`, on top of what is there.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn of_input(&self, tape: &Tape, to: &Map, add: bool) -> Result<()> {
        let [n, h, w, c] = [tape.batch, to.height, to.width, to.channels].map(|v| v as i64);
        let pixels = Tensor::f_from_slice(&self.pixel)?.f_view([n, 1, c])?;
        let whole = pixels.f_expand([n, h * w, c], false)?.f_contiguous()?;
        let map = Map::dense(slice::address(&whole), [to.height, to.width, to.channels]);
        combine::sum(tape.go(), &[Term { map, fold: None, weight: &tape.ones }], to, add, tape.batch);
        Ok(())
    }
}
