//! Data sets, how they are split, and the batches made of them.
//!
//! - [`dataset`]: a data set, whatever it came from
//! - `read`: data files, read whole
//! - [`source`]: data sets by their names; [`digits`], [`cifar`], [`folder`] read them; [`files`] are images that are decoded when they are
//!   needed, [`decode`] does so
//! - [`split`]: which images train weights, which search, which are held out
//! - [`augment`]: what is changed in images at random; [`window`] cuts parts out and brings them to a size, [`jitter`] changes colours
//! - [`batch`]: normalised batches
//! - [`loader`]: batches prepared ahead on background threads
//!
//! Images are bytes and become numbers when a batch is made. A batch lies as (image, height, width,
//! channel), which is libtorch's channels-last layout.

pub mod augment;
pub mod batch;
pub mod cifar;
pub mod dataset;
pub mod decode;
pub mod digits;
pub mod files;
pub mod folder;
pub mod jitter;
pub mod loader;
mod read;
pub mod source;
pub mod split;
#[cfg(test)]
mod tests;
pub mod window;

pub use augment::Augment;
pub use batch::{Batch, Plain};
pub use dataset::{DataSet, Part};
pub use loader::{Loader, LoaderSettings};
pub use source::{Size, published_size};
pub use split::{Split, SplitSizes, split_sizes};
