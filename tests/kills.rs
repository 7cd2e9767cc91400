//! Kill -9 and SIGTERM at random moments and at planted points: a run that goes on each time comes to the bits of one that was never
//! stopped. A few here; `tests/soak` has hundreds.

mod common;

use common::kill::{Stop, Trial, stops};
use std::time::Duration;

#[test]
fn killed_and_stopped_now_and_then() {
    let mut list = stops(1, 8, 5, "KILL");
    list.extend(stops(2, 3, 0, "TERM"));
    // At its very beginning, and where the result is written.
    list.push(Stop::Signal("KILL", Duration::from_millis(1)));
    list.push(Stop::Planted("rename", "run-1/spec.yaml", 1, "kill-before"));
    list.push(Stop::Planted("rename", "final.safetensors", 1, "kill-before"));
    list.push(Stop::Planted("rename", "genotype.json", 1, "kill-before"));
    let [planted, killed, saved, _] = Trial::new(60).endure(list);
    assert!(planted >= 3 && killed >= 2 && saved >= 1, "{planted} {killed} {saved}");
}
