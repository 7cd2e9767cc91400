//! What is shown of runs when they are done, made from their directories alone.
//!
//! - [`comparison`]: architectures side by side, in the form of the paper's table 2
//! - [`figures`]: the plots of a report
//! - [`history`]: what a run directory says
//! - [`mod@page`]: the report itself
//! - [`picture`]: cells and plots
//! - [`tensorboard`]: event files, written while a run goes
//! - [`sizes`]: how large derived networks are; numbers for people
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let run = edas::report::History::read("runs/quickstart-0".as_ref())?;
//! let plot = edas::report::figures::alpha(&run, 3); // α of edge 3 over the epochs
//! std::fs::write("alpha.svg", plot.svg()?)?;
//! std::fs::write("page.html", edas::report::page(&[run])?)?;
//! # Ok(())
//! # }
//! ```

pub mod comparison;
pub mod figures;
pub mod history;
pub mod page;
pub mod picture;
pub mod sizes;
pub mod tensorboard;

pub use comparison::Comparison;
pub use history::History;
pub use page::page;
pub use tensorboard::TensorBoard;

/// The mean of numbers, and their standard deviation as a sample, where there are several.
pub fn moments(values: &[f64]) -> (f64, Option<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}
