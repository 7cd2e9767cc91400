//! Pictures: cells and plots as SVG, and SVG as PNG. Nothing here knows of runs.
//!
//! - [`cell`]: what a cell type became, as a graph
//! - [`colour`]: their colours
//! - [`diagram`]: boxes and arrows
//! - [`mod@dot`]: the same for Graphviz
//! - [`plot`]: curves and bars
//! - [`raster`]: SVG as PNG
//! - `axis`: the ends of axes
//! - `text`: how wide texts are

mod axis;
pub mod cell;
pub mod colour;
pub mod diagram;
pub mod dot;
pub mod plot;
pub mod raster;
mod text;

pub use diagram::{Diagram, Drawing};
pub use plot::Plot;
pub use raster::png;
