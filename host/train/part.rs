//! Parts of an iteration, for those who measure where its time goes: spans of `tracing` with the target `edas::profile`. Where
//! nobody listens they cost a comparison.

use tracing::span::EnteredSpan;

/// A part that lasts as long as the result.
pub(super) fn part(name: &str) -> EnteredSpan {
    tracing::trace_span!(target: "edas::profile", "part", of = name).entered()
}
