//! What goes wrong around a run: disks, checkpoints, data, memory, other processes, streams that nobody reads, signals. Each fault ends
//! within bounded time in a message without a panic's text and in the right exit status, and when it is gone the run goes on to the bits
//! of one that was never disturbed.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod checkpoints;
mod data;
mod disk;
mod memory;
mod processes;
mod signals;
mod streams;
mod trial;
