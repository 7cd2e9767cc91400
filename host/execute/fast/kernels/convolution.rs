//! Convolutions in one pass over memory: batch norm and ReLU as the input is read, depthwise, then a product over channels, and
//! the sums for the batch norm that follows, image by image within the caches.

use super::depthwise::{self, Taps};
use super::gemm::{Matrix, gemm};
use super::map::{Map, Source};
use super::rows::{self, GradientSums, Unfold};
use super::simd::Level;
use super::window::Window;
use super::work::{Exhausted, Partial, Parts, Scratch, Stretches, Threads, each_part, reserve, zeros};
use pulp::{Simd, WithSimd};

/// What comes before the product over channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Front {
    /// Nothing: the product is over the channels of each pixel.
    Pixels,
    /// A depthwise convolution.
    Depthwise(Window),
    /// The pixels of a window together: a dense convolution.
    Patches(Window),
    /// The pixels on a window's diagonal, each with features of its own: convolutions of one pixel on shifted grids, side by side.
    Diagonal(Window),
}

/// A convolution's sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Height, width, channels of what it reads.
    pub input: [usize; 3],
    /// Height and width of what it writes.
    pub output: [usize; 2],
    /// What comes first.
    pub front: Front,
    /// Channels that the product makes; `None` where there is no product.
    pub features: Option<usize>,
}

/// Weights in the orders that the passes read.
#[derive(Debug, Default, Clone)]
pub struct Weights {
    /// Of the depthwise convolution: (taps, channels).
    taps: Vec<f32>,
    /// The same from the last tap to the first.
    reversed: Vec<f32>,
    /// Of the product: (inputs, features).
    product: Vec<f32>,
    /// The same: (features, inputs).
    transposed: Vec<f32>,
}

/// The pixels whose product is computed at a time, about.
const BLOCK: usize = 64;

impl Convolution {
    fn window(&self) -> Option<Window> {
        match self.front {
            Front::Pixels => None,
            Front::Depthwise(window) | Front::Patches(window) | Front::Diagonal(window) => Some(window),
        }
    }

    fn taps(&self) -> usize {
        self.window().map_or(1, |w| if self.is_diagonal() { w.kernel[0] } else { w.kernel[0] * w.kernel[1] })
    }

    fn is_diagonal(&self) -> bool {
        matches!(self.front, Front::Diagonal(_))
    }

    /// Whether the product reads the pixels of a window together.
    fn gathers(&self) -> bool {
        matches!(self.front, Front::Patches(_) | Front::Diagonal(_))
    }

    /// Numbers that the product reads per pixel.
    pub fn inputs(&self) -> usize {
        if self.gathers() { self.taps() * self.input[2] } else { self.input[2] }
    }

    /// Channels that come out.
    pub fn channels(&self) -> usize {
        self.features.unwrap_or(self.input[2])
    }

    /// Rows that are written at a time.
    fn rows(&self) -> usize {
        (BLOCK / self.output[1].max(1)).clamp(1, self.output[0].max(1))
    }

    /// Whether the passes can compute it.
    pub fn is_served(&self) -> bool {
        self.window().is_none_or(|w| (0..2).all(|k| w.padding[k] <= (w.kernel[k] - 1) * w.dilation[k]))
    }

    /// The tile that the window moves over: a map with zeros around it. Height and width, and where the map begins.
    fn tile(&self) -> ([usize; 2], [usize; 2]) {
        match self.window() {
            None => ([0, 0], [0, 0]),
            Some(w) => {
                let size = |k: usize| {
                    let reach = (self.output[k] - 1) * w.stride[k] + (w.kernel[k] - 1) * w.dilation[k] + 1;
                    reach.max(self.input[k] + w.padding[k])
                };
                ([size(0), size(1)], w.padding)
            }
        }
    }

    /// The tile of the output's gradient, spread by the stride, that the reversed window of a depthwise convolution moves over.
    fn back_tile(&self) -> ([usize; 2], [usize; 2]) {
        match self.front {
            Front::Depthwise(w) => {
                let pad = |k: usize| (w.kernel[k] - 1) * w.dilation[k] - w.padding[k];
                let size = |k: usize| {
                    let reach = self.input[k] + (w.kernel[k] - 1) * w.dilation[k];
                    reach.max(pad(k) + (self.output[k] - 1) * w.stride[k] + 1)
                };
                ([size(0), size(1)], [pad(0), pad(1)])
            }
            _ => self.tile(),
        }
    }

    /// Puts weights into the orders that the passes read. `depthwise`: (channels, 1, height, width); `products`: (features,
    /// channels, height, width), as libtorch lays them out; several for a diagonal, one for each of its pixels, or side by side.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn pack(&self, depthwise: &[f32], products: &[&[f32]], weights: &mut Weights) -> Result<(), Exhausted> {
        let (taps, channels, inputs) = (self.taps(), self.input[2], self.inputs());
        weights.taps.clear();
        weights.reversed.clear();
        if matches!(self.front, Front::Depthwise(_)) {
            reserve(&mut weights.taps, taps * channels)?;
            reserve(&mut weights.reversed, taps * channels)?;
            assert_eq!(depthwise.len(), taps * channels, "the weights of a depthwise convolution");
            weights.taps.resize(taps * channels, 0.0);
            transpose(depthwise, channels, &mut weights.taps);
            weights.reversed.extend(weights.taps.chunks_exact(channels).rev().flatten());
        }
        weights.product.clear();
        weights.transposed.clear();
        let Some(features) = self.features else { return Ok(()) };
        reserve(&mut weights.transposed, features * inputs)?;
        reserve(&mut weights.product, features * inputs)?;
        assert!(!self.is_diagonal() || products.len() == taps, "as many products as there are");
        if self.is_diagonal() {
            for (tap, product) in products.iter().enumerate() {
                for from in product.chunks_exact(channels) {
                    weights
                        .transposed
                        .extend((0..taps).flat_map(|t| from.iter().map(move |v| if t == tap { *v } else { 0.0 })));
                }
            }
        } else {
            products.iter().for_each(|product| weights.transposed.extend_from_slice(product));
            if self.gathers() {
                // Patches are (taps, channels), libtorch's weights (channels, taps).
                for (to, from) in weights.transposed.chunks_exact_mut(inputs).zip(products[0].chunks_exact(inputs)) {
                    transpose(from, channels, to);
                }
            }
        }
        assert_eq!(weights.transposed.len(), features * inputs, "the weights of a product");
        weights.product.resize(inputs * features, 0.0);
        transpose(&weights.transposed, features, &mut weights.product);
        Ok(())
    }

    /// Sums of the weights' gradients, in the orders of the passes, to libtorch's.
    fn unpack(&self, of_depthwise: &[f32], of_product: &[f32], found: &mut WeightGradients) -> Result<(), Exhausted> {
        let (taps, channels, inputs) = (self.taps(), self.input[2], self.inputs());
        if !of_depthwise.is_empty() {
            transpose(of_depthwise, taps, found.depthwise);
        }
        let Some(features) = self.features else { return Ok(()) };
        let mut transposed = zeros(of_product.len())?;
        transpose(of_product, inputs, &mut transposed);
        let mut first = 0;
        for (tap, to) in found.products.iter_mut().enumerate() {
            if self.is_diagonal() {
                for to in to.chunks_exact_mut(channels) {
                    to.copy_from_slice(&transposed[first * inputs + tap * channels..][..channels]);
                    first += 1;
                }
            } else if self.gathers() {
                for (to, from) in to.chunks_exact_mut(inputs).zip(transposed.chunks_exact(inputs)) {
                    transpose(from, taps, to);
                }
            } else {
                to.copy_from_slice(&transposed[first * inputs..][..to.len()]);
                first += to.len() / inputs.max(1);
            }
        }
        debug_assert!(first == 0 || first == features);
        Ok(())
    }
}

/// A matrix of so many rows, transposed.
fn transpose(from: &[f32], rows: usize, to: &mut [f32]) {
    let columns = from.len() / rows.max(1);
    for (row, from) in from.chunks_exact(columns.max(1)).enumerate() {
        for (column, v) in from.iter().enumerate() {
            to[column * rows + row] = *v;
        }
    }
}

/// Σ over the pixels of a batch, per channel: mean and variance (divided by the number of pixels).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moments {
    /// Per channel.
    pub mean: Vec<f64>,
    /// Per channel.
    pub variance: Vec<f64>,
}

impl Moments {
    /// From what the parts found: per part the shifts, and sums of distances and of their squares.
    pub(super) fn of(parts: &Parts, pixels: usize, shifts: &[f32], sums: &[f64], channels: usize) -> Self {
        let (mut mean, mut square, mut count) = (vec![0.0; channels], vec![0.0; channels], 0.0);
        for part in 0..parts.count() {
            let n = (parts.images(part).len() * pixels) as f64;
            let all = count + n;
            for c in 0..channels {
                let (sum, squares) = (sums[part * 2 * channels + c], sums[part * 2 * channels + channels + c]);
                let own = f64::from(shifts[part * channels + c]) + sum / n;
                let own_square = (squares - sum * sum / n).max(0.0);
                // Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample variances".
                let distance = own - mean[c];
                square[c] += own_square + distance * distance * count * n / all;
                mean[c] += distance * n / all;
            }
            count = all;
        }
        square.iter_mut().for_each(|s| *s /= count);
        Self { mean, variance: square }
    }
}

/// Forward over a batch: what the convolution makes of `source` goes to `out`. Returns the moments of `out` where they are wanted.
///
/// # Panics
/// Where a map is not of the convolution's size.
///
/// # Errors
/// Where memory runs out.
pub fn forward(
    (level, threads): (Level, &dyn Threads),
    convolution: &Convolution,
    weights: &Weights,
    source: &Source,
    out: &Map,
    batch: usize,
    moments: bool,
) -> Result<Option<Moments>, Exhausted> {
    convolution.check(source, out);
    let (parts, channels) = (Parts::of(batch), convolution.channels());
    let mut shifts = zeros::<f32>(if moments { parts.count() * channels } else { 0 })?;
    let mut sums = zeros::<f64>(2 * shifts.len())?;
    {
        let (shifts, sums) = (Stretches::of(&mut shifts, parts.count()), Stretches::of(&mut sums, parts.count()));
        each_part(threads, &parts, &|part| {
            // SAFETY: every part is run once; the numbers outlive the run.
            let (shifts, sums) = unsafe { (shifts.part(part), sums.part(part)) };
            let (images, c) = (parts.images(part), convolution);
            level.run(Forward { c, weights, source, out, images, moments: moments.then_some((shifts, sums)) })
        })?;
    }
    Ok(moments.then(|| Moments::of(&parts, convolution.output[0] * convolution.output[1], &shifts, &sums, channels)))
}

impl Convolution {
    fn check(&self, source: &Source, out: &Map) {
        assert_eq!([source.map.height, source.map.width, source.map.channels], self.input, "what is read");
        assert_eq!(
            [out.height, out.width, out.channels],
            [self.output[0], self.output[1], self.channels()],
            "what is written"
        );
        assert!(self.is_served(), "a convolution that is not served");
        if let Some(fold) = source.fold {
            assert_eq!([fold.scale.len(), fold.shift.len()], [self.input[2]; 2], "batch norm on the way");
        }
    }
}

/// An image's tile, and what rows are computed into.
struct Tile {
    data: *mut f32,
    /// The distance between rows.
    row: usize,
    /// Where the map begins.
    origin: usize,
}

impl Tile {
    fn new(memory: &mut [f32], size: [usize; 2], begin: [usize; 2], channels: usize) -> Self {
        memory.fill(0.0);
        let row = size[1] * channels;
        Self { data: memory.as_mut_ptr(), row, origin: begin[0] * row + begin[1] * channels }
    }
}

impl Tile {
    /// The first number of a window at a place.
    #[inline(always)]
    fn corner(&self, w: &Window, channels: usize, y: usize, x: usize) -> *mut f32 {
        self.data.wrapping_add(y * w.stride[0] * self.row + x * w.stride[1] * channels)
    }
}

impl Convolution {
    /// Calls `body` with the distance of each tap from a window's first number.
    #[inline(always)]
    fn each_tap(&self, w: &Window, row: usize, mut body: impl FnMut(usize)) {
        let (down, right) = (w.dilation[0] * row, w.dilation[1] * self.input[2]);
        for ky in 0..w.kernel[0] {
            for kx in 0..w.kernel[1] {
                if !self.is_diagonal() || kx == ky {
                    body(ky * down + kx * right);
                }
            }
        }
    }
}

/// What provides the rows of numbers that the product reads.
struct Provider<'a> {
    c: &'a Convolution,
    source: &'a Source<'a>,
    weights: &'a Weights,
    tile: Tile,
    /// (rows of a block, width, inputs).
    block: *mut f32,
}

impl Provider<'_> {
    /// Fills the tile with an image.
    ///
    /// # Safety
    /// The source holds the image.
    #[inline(always)]
    unsafe fn image<S: Simd>(&self, s: S, image: usize) {
        if self.c.window().is_none() {
            return;
        }
        let [height, width, channels] = self.c.input;
        // SAFETY: the caller's; the tile was made for this convolution.
        unsafe {
            for y in 0..height {
                let out = self.tile.data.add(self.tile.origin + y * self.tile.row);
                rows::read(s, self.source, self.source.map.row(image, y), out, channels, width);
            }
        }
    }

    /// The numbers of `count` rows from `y` on, and the distance between pixels: in `to` where the front computes them, in the tile or
    /// the source itself where it only reads.
    ///
    /// # Safety
    /// The tile holds the image; `to` holds the rows where it is given.
    #[inline(always)]
    unsafe fn rows<S: Simd>(
        &self,
        s: S,
        image: usize,
        y: usize,
        count: usize,
        to: Option<(*mut f32, usize)>,
    ) -> (*const f32, usize) {
        let (width, inputs, channels) = (self.c.output[1], self.c.inputs(), self.c.input[2]);
        let (out, step) = to.unwrap_or((self.block, inputs));
        // SAFETY: the caller's.
        unsafe {
            match self.c.front {
                Front::Pixels => {
                    let from = self.source.map.row(image, y);
                    if to.is_none() && self.source.fold.is_none() && !self.source.relu {
                        return (from, self.source.map.pixel);
                    }
                    rows::read(s, self.source, from, out, step, count * width);
                }
                Front::Depthwise(w) => {
                    let taps = taps(&w, channels, self.tile.row, w.stride[1] * channels);
                    for k in 0..count {
                        let x = self.tile.data.add((y + k) * w.stride[0] * self.tile.row);
                        let out = out.add(k * width * step);
                        depthwise::row(s, &taps, x, self.weights.taps.as_ptr(), out, step, width);
                    }
                }
                Front::Patches(w) | Front::Diagonal(w) => {
                    for k in 0..count {
                        for p in 0..width {
                            let corner = self.tile.corner(&w, channels, y + k, p);
                            let mut to = out.add((k * width + p) * step);
                            self.c.each_tap(&w, self.tile.row, |offset| {
                                corner.add(offset).copy_to_nonoverlapping(to, channels);
                                to = to.add(channels);
                            });
                        }
                    }
                }
            }
        }
        (out, step)
    }
}

fn taps(w: &Window, channels: usize, row: usize, step: usize) -> Taps {
    Taps { channels, kernel: w.kernel, tap: [w.dilation[0] * row, w.dilation[1] * channels], step }
}

struct Forward<'a> {
    c: &'a Convolution,
    weights: &'a Weights,
    source: &'a Source<'a>,
    out: &'a Map,
    images: std::ops::Range<usize>,
    moments: Option<(&'a mut [f32], &'a mut [f64])>,
}

impl WithSimd for Forward<'_> {
    type Output = Result<(), Exhausted>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) -> Self::Output {
        let (size, begin) = self.c.tile();
        let tile = size[0] * size[1] * self.c.input[2];
        let block = self.c.rows() * self.c.output[1] * self.c.inputs();
        let mut scratch = Scratch::take(tile + block)?;
        let (tile, block) = scratch.numbers().split_at_mut(tile);
        let tile = Tile::new(tile, size, begin, self.c.input[2]);
        let provider =
            Provider { c: self.c, source: self.source, weights: self.weights, tile, block: block.as_mut_ptr() };
        let first = self.images.start;
        for image in self.images.clone() {
            // SAFETY: `forward` checked the sizes; this part's images are its own.
            unsafe { self.image(s, &provider, image, image == first) };
        }
        Ok(())
    }
}

impl Forward<'_> {
    #[inline(always)]
    unsafe fn image<S: Simd>(&mut self, s: S, provider: &Provider, image: usize, first: bool) {
        let ([height, width], channels) = (self.c.output, self.c.channels());
        let at_a_time = self.c.rows();
        // SAFETY: the caller's.
        unsafe {
            provider.image(s, image);
            let mut y = 0;
            while y < height {
                let count = at_a_time.min(height - y);
                let out = self.out.row(image, y);
                match self.c.features {
                    None => {
                        provider.rows(s, image, y, count, Some((out, self.out.pixel)));
                    }
                    Some(features) => {
                        let (x, step) = provider.rows(s, image, y, count, None);
                        let sizes = [count * width, features, self.c.inputs()];
                        let x = Matrix { data: x, row: step, column: 1 };
                        gemm(s, sizes, x, self.weights.product.as_ptr(), features, out, self.out.pixel, false);
                    }
                }
                if let Some((shifts, sums)) = &mut self.moments {
                    if first && y == 0 {
                        out.copy_to_nonoverlapping(shifts.as_mut_ptr(), channels);
                    }
                    let (shifts, sums) = (shifts.as_ptr(), sums.as_mut_ptr());
                    rows::moments(s, out, self.out.pixel, count * width, channels, shifts, sums);
                }
                y += count;
            }
        }
    }
}

/// What comes back to a convolution: the gradient of what its batch norm returned.
#[derive(Debug, Clone, Copy)]
pub struct Gradient<'a> {
    /// The gradient.
    pub map: Map,
    /// Per image: by what it counts, the candidate's weight and drop-path.
    pub weight: &'a [f32],
    /// The batch norm after the convolution.
    pub norm: Option<Unfold<'a>>,
    /// What the convolution returned; read where there is a batch norm.
    pub output: Map,
}

/// Where the gradient of what was read goes.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The gradient's map.
    pub map: Map,
    /// Whether it is added to what is there.
    pub add: bool,
    /// The mean of what the batch norm that the source folds has read, where sums for it are wanted.
    pub mean: Option<&'a [f32]>,
}

/// Gradients of the weights, in libtorch's order.
#[derive(Debug)]
pub struct WeightGradients<'a> {
    /// (channels, 1, height, width).
    pub depthwise: &'a mut [f32],
    /// (features, channels, height, width), as many as there are products.
    pub products: Vec<&'a mut [f32]>,
}

/// Backward over a batch. Where `target` has a mean, the sums of its gradient and of it times the distance from the mean come
/// back, per channel.
///
/// # Panics
/// Where a map is not of the convolution's size.
///
/// # Errors
/// Where memory runs out.
pub fn backward(
    (level, threads): (Level, &dyn Threads),
    convolution: &Convolution,
    weights: &Weights,
    source: &Source,
    gradient: &Gradient,
    batch: usize,
    target: Option<&Target>,
    mut of_weights: Option<WeightGradients>,
) -> Result<Option<Vec<f64>>, Exhausted> {
    let c = convolution;
    c.check(source, &gradient.map);
    let parts = Parts::of(batch);
    let mean = target.and_then(|t| t.mean);
    let mut sums = zeros::<f64>(if mean.is_some() { parts.count() * 2 * c.input[2] } else { 0 })?;
    let depthwise = if matches!(c.front, Front::Depthwise(_)) { c.taps() * c.input[2] } else { 0 };
    let product = c.features.map_or(0, |features| features * c.inputs());
    let mut partial = Partial::take(if of_weights.is_some() { parts.count() * (depthwise + product) } else { 0 })?;
    let partial = partial.numbers();
    let wanted = of_weights.is_some();
    {
        let (sums, partial) = (Stretches::of(&mut sums, parts.count()), Stretches::of(partial, parts.count()));
        each_part(threads, &parts, &|part| {
            // SAFETY: every part is run once; the numbers outlive the run.
            let (sums, partial) = unsafe { (sums.part(part), partial.part(part)) };
            let of_weights = wanted.then(|| partial.split_at_mut(depthwise));
            let images = parts.images(part);
            level.run(Backward { c, weights, source, gradient, target, images, sums, of_weights })
        })?;
    }
    if let Some(found) = &mut of_weights
        && !partial.is_empty()
    {
        let (sum, others) = partial.split_at_mut(depthwise + product);
        for part in others.chunks_exact(sum.len()) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        let (of_depthwise, of_product) = sum.split_at(depthwise);
        c.unpack(of_depthwise, of_product, found)?;
    }
    Ok(mean.map(|_| {
        let each = 2 * c.input[2];
        (0..each).map(|at| (0..parts.count()).map(|part| sums[part * each + at]).sum()).collect()
    }))
}

struct Backward<'a> {
    c: &'a Convolution,
    weights: &'a Weights,
    source: &'a Source<'a>,
    gradient: &'a Gradient<'a>,
    target: Option<&'a Target<'a>>,
    images: std::ops::Range<usize>,
    sums: &'a mut [f64],
    of_weights: Option<(&'a mut [f32], &'a mut [f32])>,
}

impl WithSimd for Backward<'_> {
    type Output = Result<(), Exhausted>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) -> Self::Output {
        let c = self.c;
        let ((size, begin), (back_size, back_begin)) = (c.tile(), c.back_tile());
        let channels = c.input[2];
        let tile = size[0] * size[1] * channels;
        let back = back_size[0] * back_size[1] * channels;
        let pixels = c.rows() * c.output[1];
        let line = c.input[1] * channels;
        let lengths = [tile, back, pixels * c.inputs(), pixels * c.channels(), pixels * c.inputs(), line];
        let mut scratch = Scratch::take(lengths.iter().sum())?;
        let (tile_memory, memory) = scratch.numbers().split_at_mut(tile);
        let (back_memory, memory) = memory.split_at_mut(back);
        let (block, memory) = memory.split_at_mut(lengths[2]);
        let (g, memory) = memory.split_at_mut(lengths[3]);
        let (d, line) = memory.split_at_mut(lengths[4]);
        let tile = Tile::new(tile_memory, size, begin, channels);
        let back = Tile::new(back_memory, back_size, back_begin, channels);
        let provider = Provider { c, source: self.source, weights: self.weights, tile, block: block.as_mut_ptr() };
        let rows = [g.as_mut_ptr(), d.as_mut_ptr(), line.as_mut_ptr()];
        for image in self.images.clone() {
            // SAFETY: `backward` checked the sizes; this part's images and sums are its own.
            unsafe { self.image(s, &provider, &back, rows, image) };
        }
        Ok(())
    }
}

impl Backward<'_> {
    #[inline(always)]
    unsafe fn image<S: Simd>(
        &mut self,
        s: S,
        provider: &Provider,
        back: &Tile,
        [g, d, line]: [*mut f32; 3],
        image: usize,
    ) {
        let c = self.c;
        let ([height, width], [in_height, in_width, in_channels]) = (c.output, c.input);
        let (channels, inputs, at_a_time) = (c.channels(), c.inputs(), c.rows());
        let (from, output) = (&self.gradient.map, &self.gradient.output);
        let of_input = self.target.is_some();
        // Rows of the tile that take the product's result as it is; short ones are better computed together.
        let (direct, down) = match c.front {
            Front::Depthwise(w) => (w.stride[1] == 1 && width >= 16 && c.features.is_some(), w.stride[0]),
            _ => (false, 1),
        };
        // SAFETY: the caller's.
        unsafe {
            if self.of_weights.is_some() {
                provider.image(s, image);
            }
            if of_input && c.gathers() {
                for y in 0..in_height {
                    back.data.add(back.origin + y * back.row).write_bytes(0, in_width * in_channels);
                }
            }
            let mut y = 0;
            while y < height {
                let count = at_a_time.min(height - y);
                let pixels = count * width;
                // The gradient of what the convolution returned.
                let norm = self.gradient.norm.as_ref();
                let weight = self.gradient.weight[image];
                rows::unfold(
                    s,
                    norm,
                    weight,
                    from.row(image, y),
                    from.pixel,
                    output.row(image, y),
                    output.pixel,
                    g,
                    channels,
                    pixels,
                    channels,
                );
                // Of the product's weights, and of what it read.
                let mut of_rows = g;
                if let Some(features) = c.features {
                    if let Some((_, product)) = &mut self.of_weights {
                        let (x, step) = provider.rows(s, image, y, count, None);
                        let x = Matrix { data: x, row: 1, column: step };
                        gemm(s, [inputs, features, pixels], x, g, features, product.as_mut_ptr(), features, true);
                    }
                    let needed = of_input || (self.of_weights.is_some() && matches!(c.front, Front::Depthwise(_)));
                    let transposed = self.weights.transposed.as_ptr();
                    if direct {
                        for k in 0..count {
                            let g = Matrix { data: g.add(k * width * features), row: features, column: 1 };
                            let to = back.data.add(back.origin + (y + k) * down * back.row);
                            gemm(s, [width, inputs, features], g, transposed, inputs, to, inputs, false);
                        }
                    } else if needed {
                        let g = Matrix { data: g, row: features, column: 1 };
                        gemm(s, [pixels, inputs, features], g, transposed, inputs, d, inputs, false);
                    }
                    of_rows = d;
                }
                for k in 0..count {
                    let row = of_rows.add(k * width * inputs);
                    match (&c.front, self.target) {
                        (Front::Pixels, Some(target)) => self.row(s, image, y + k, row, inputs, target),
                        (Front::Pixels, None) => {}
                        (Front::Depthwise(_), _) if direct => {}
                        (Front::Depthwise(w), _) => {
                            let to = back.data.add(back.origin + (y + k) * w.stride[0] * back.row);
                            if w.stride[1] == 1 {
                                row.copy_to_nonoverlapping(to, width * in_channels);
                            } else {
                                for p in 0..width {
                                    let to = to.add(p * w.stride[1] * in_channels);
                                    row.add(p * in_channels).copy_to_nonoverlapping(to, in_channels);
                                }
                            }
                        }
                        (Front::Patches(w) | Front::Diagonal(w), Some(_)) => {
                            for p in 0..width {
                                let corner = back.corner(w, in_channels, y + k, p);
                                let mut from = row.add(p * inputs);
                                c.each_tap(w, back.row, |offset| {
                                    rows::accumulate(s, from, corner.add(offset), in_channels);
                                    from = from.add(in_channels);
                                });
                            }
                        }
                        (Front::Patches(_) | Front::Diagonal(_), None) => {}
                    }
                }
                y += count;
            }
            match c.front {
                Front::Pixels => {}
                Front::Depthwise(w) => {
                    if let Some((depthwise, _)) = &mut self.of_weights {
                        let taps = taps(&w, in_channels, provider.tile.row, w.stride[1] * in_channels);
                        depthwise::weights(
                            s,
                            &taps,
                            provider.tile.data,
                            w.stride[0] * provider.tile.row,
                            back.data.add(back.origin),
                            w.stride[0] * back.row,
                            w.stride[1] * in_channels,
                            depthwise.as_mut_ptr(),
                            [height, width],
                        );
                    }
                    if let Some(target) = self.target {
                        let taps = taps(&w, in_channels, back.row, in_channels);
                        for y in 0..in_height {
                            let x = back.data.add(y * back.row);
                            depthwise::row(s, &taps, x, self.weights.reversed.as_ptr(), line, in_channels, in_width);
                            self.row(s, image, y, line, in_channels, target);
                        }
                    }
                }
                Front::Patches(_) | Front::Diagonal(_) => {
                    if let Some(target) = self.target {
                        for y in 0..in_height {
                            let row = back.data.add(back.origin + y * back.row);
                            self.row(s, image, y, row, in_channels, target);
                        }
                    }
                }
            }
        }
    }

    /// A row of the gradient of what was read, to where it goes.
    #[inline(always)]
    unsafe fn row<S: Simd>(&mut self, s: S, image: usize, y: usize, d: *const f32, d_step: usize, target: &Target) {
        let sums = target.mean.map(|mean| GradientSums { mean, sums: self.sums.as_mut_ptr() });
        let (x, out, width) = (self.source.map.row(image, y), target.map.row(image, y), self.c.input[1]);
        // SAFETY: the caller's.
        unsafe {
            rows::unread(s, self.source, x, d, d_step, out, target.map.pixel, target.add, width, sums.as_ref());
        }
    }
}
