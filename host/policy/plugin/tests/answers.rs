//! Answers to the end of an epoch, by name.

use super::super::answer::Answer;
use super::{boolean, integer, integers, number, view};
use crate::error::Result;
use crate::policy::AfterEpoch;
use edas_plugin::abi::{self, Attribute};

fn say(settings: &[Attribute]) -> Result<AfterEpoch> {
    let mut answer = Answer::default();
    let table = answer.table();
    for setting in settings {
        // SAFETY: the answer that the table was made of is alive; the setting outlives the call.
        unsafe { table.set.expect("a function")(table.context, setting) };
    }
    answer.close(Ok(())).and_then(|after| after.check(&view()).map(|()| after))
}

#[test]
fn the_end_of_an_epoch_is_answered_by_name() {
    assert_eq!(say(&[]).expect("an answer"), AfterEpoch::default());
    assert!(say(&[boolean("stop", 1)]).expect("an answer").stop);
    let (first, second) = ([0, 2, 0, 2], [1, 1]);
    let after = say(&[integers("keep", &first), integers("keep", &second), boolean("reset_weights", 1)]);
    let keep = [(0, vec![0, 2]), (1, vec![1])].into();
    assert_eq!(after.expect("an answer"), AfterEpoch { stop: false, keep, reset_weights: true });
}

#[test]
fn what_an_epoch_cannot_end_with_is_refused() {
    let no_edge = [2, 0];
    let no_candidate = [1, 0, 3];
    let none = [1];
    let negative = [-1, 0];
    for (setting, what) in [
        (integer("stop", 1), "a truth value"),
        (number("reset_weights", 1.0), "a truth value"),
        (integer("halt", 1), "named `halt`"),
        (boolean("reset_weight", 1), "did you mean `reset_weights`?"),
        (integer("keep", 1), "whole numbers: an edge, then the candidates that it keeps"),
        (integers("keep", &[]), "whole numbers: an edge, then the candidates that it keeps"),
        (integers("keep", &negative), "whole numbers: an edge, then the candidates that it keeps"),
        (integers("keep", &none), "edge 1 keeps no candidate"),
        (integers("keep", &no_edge), "the space has no such edge"),
        (integers("keep", &no_candidate), "edge 1 has no candidate number 3"),
    ] {
        // What follows an error does nothing.
        let message = say(&[setting, boolean("stop", 1)]).expect_err("an error").to_string();
        assert!(message.contains(what), "`{what}` is not in {message}");
    }
    // A setting that is null.
    let mut answer = Answer::default();
    let table = answer.table();
    // SAFETY: as above; null is what is tried.
    let status = unsafe { table.set.expect("a function")(table.context, std::ptr::null()) };
    assert_eq!(status, abi::FAILED);
    assert!(answer.close(Ok(())).is_err());
}
