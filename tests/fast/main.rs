//! The fast executor against the reference executor: no further from the result in double precision than a small multiple of the
//! reference executor's own error, for every operation and every gradient; the same bits however it runs.
//!
//! That the reference executor's gradients in double precision are those of finite differences is tested elsewhere (`method.rs`,
//! `pytorch.rs`); here they are the measure.

#[path = "../common/mod.rs"]
mod common;

mod bits;
mod faults;
mod mixed;
mod near;
mod networks;
mod operations;
