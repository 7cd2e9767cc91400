//! What takes minutes, and is therefore not a part of every test run:
//!
//! ```text
//! cargo x test --test soak -- --ignored --nocapture
//! ```

#[path = "../common/mod.rs"]
mod common;

use common::kill::{Trial, stops};

/// A hundred kills, at least a fifth of them at planted points of a checkpoint's writing, with another number of loader threads each
/// time: the bits of a run that was never stopped.
#[test]
#[ignore = "it takes about four minutes"]
fn a_hundred_kills() {
    let mut stream = stops(11, 300, 5, "KILL").into_iter();
    let trial = Trial::new(250);
    let mut sums = [0; 4];
    while sums[0] + sums[1] < 100 || sums[0] < 20 {
        let found = trial.endure(stream.by_ref().take(25));
        sums.iter_mut().zip(found).for_each(|(sum, n)| *sum += n);
        println!("{} killed at planted points, {} at random moments, in {} runs", sums[0], sums[1], sums[3]);
    }
}

/// The same with SIGTERM, which lets a run save first.
#[test]
#[ignore = "it takes about a minute"]
fn fifty_times_asked_to_end() {
    let [_, killed, saved, runs] = Trial::new(150).endure(stops(12, 50, 0, "TERM"));
    println!("{saved} saved, {killed} ended before they listened, in {runs} runs");
    assert!(saved >= 20);
}
