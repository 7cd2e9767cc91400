//! Batches of feature maps as kernels see them.

/// (batch, height, width, channels) in memory, with room between pixels: part of the channels of a wider map, perhaps.
#[derive(Debug, Clone, Copy)]
pub struct Map {
    /// The first number.
    pub data: *mut f32,
    /// The distance between pixels.
    pub pixel: usize,
    /// Rows.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

// SAFETY: a map is an address and sizes; kernels share it among threads that work on images of their own.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// A map of this height, width and number of channels without room between pixels.
    pub fn dense(data: *mut f32, [height, width, channels]: [usize; 3]) -> Self {
        Self { data, pixel: channels, height, width, channels }
    }

    /// Where a row of an image begins.
    #[inline(always)]
    pub fn row(&self, image: usize, y: usize) -> *mut f32 {
        self.data.wrapping_add((image * self.height + y) * self.width * self.pixel)
    }

    /// Some of the channels.
    pub fn channels(&self, first: usize, count: usize) -> Self {
        assert!(first + count <= self.channels, "channels that there are not");
        Self { data: self.data.wrapping_add(first), channels: count, ..*self }
    }

    /// Whether it has the same height, width and channels.
    pub fn is_like(&self, other: &Self) -> bool {
        [self.height, self.width, self.channels] == [other.height, other.width, other.channels]
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }
}

/// What is done to every number of a channel as it is read: a batch norm, folded into its reader.
#[derive(Debug, Clone, Copy)]
pub struct Fold<'a> {
    /// By what it is multiplied, per channel.
    pub scale: &'a [f32],
    /// What is added then.
    pub shift: &'a [f32],
}

/// A map with what is done to it as it is read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The numbers.
    pub map: Map,
    /// Batch norm first.
    pub fold: Option<Fold<'a>>,
    /// Then ReLU.
    pub relu: bool,
}
