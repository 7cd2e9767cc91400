//! The terminal view of a run: curves, α, the drawn edge, the derived cells, the log, and keys that steer.
//!
//! - `seen`: what there is to see
//! - `draw`: what it looks like, by `chart`, `graph` and `colour`
//! - `keys`: the view as it goes
//! - `control`: what keys ask of the run
//! - `screen`: the terminal, taken and given back
//! - `live`: the view of a run of this process
//! - `tail`: the logs of another process's run

mod chart;
mod colour;
mod control;
mod draw;
mod graph;
mod keys;
mod live;
mod screen;
mod seen;
mod tail;

pub(super) use live::Live;
pub(super) use screen::{give_back, needed};
pub(super) use tail::watch;
