//! Numbers: mathematics from `libm`, so that a script computes the same on every machine, and comparisons that are exact.
//!
//! The engine's own comparisons of floats call two numbers equal that differ by a rounding error, relative to the larger one. With
//! an infinity that is a division of infinities: every comparison is false, `-inf == -inf` and `-inf < 0.0` among them.

use super::raise;
use crate::error::Error;
use rhai::{Engine, FLOAT, INT};
use std::cmp::Ordering;

pub(super) fn register(engine: &mut Engine) {
    macro_rules! float {
        ($($name:literal => $f:path),* $(,)?) => { $( engine.register_fn($name, |x: FLOAT| $f(x)); )* };
    }
    float!("sin" => libm::sin, "cos" => libm::cos, "tan" => libm::tan, "tanh" => libm::tanh, "exp" => libm::exp,
        "ln" => libm::log, "log2" => libm::log2, "log10" => libm::log10, "sqrt" => libm::sqrt, "floor" => libm::floor,
        "ceiling" => libm::ceil, "round" => libm::round);
    engine.register_fn("pow", libm::pow).register_fn("hypot", libm::hypot);
    engine.register_fn("**", libm::pow);
    engine.register_fn("**", |x: FLOAT, n: INT| libm::pow(x, n as FLOAT));
    engine.register_fn("**", |n: INT, x: FLOAT| libm::pow(n as FLOAT, x));
    engine.register_fn("PI", || std::f64::consts::PI).register_fn("E", || std::f64::consts::E);
    engine.register_fn("to_float", |n: INT| n as FLOAT).register_fn("to_float", |x: FLOAT| x);
    engine.register_fn("to_int", |n: INT| n).register_fn("to_int", |x: FLOAT| {
        let cut = libm::trunc(x);
        if cut.abs() < 9.2e18 {
            Ok(cut as INT)
        } else {
            Err(raise(Error::new("this number does not fit a whole number").found(x.to_string())))
        }
    });
    engine.register_fn("is_nan", |x: FLOAT| x.is_nan()).register_fn("is_finite", |x: FLOAT| x.is_finite());
    register_comparisons(engine);
    // The built-in operators are the engine's own: without fast operators the ones above are found first.
    engine.set_fast_operators(false);
}

fn register_comparisons(engine: &mut Engine) {
    macro_rules! compare {
        ($($name:literal: $accepts:pat),* $(,)?) => { $(
            engine
                .register_fn($name, |a: FLOAT, b: FLOAT| matches!(a.partial_cmp(&b), $accepts))
                .register_fn($name, |a: FLOAT, b: INT| matches!(compare(b, a).map(Ordering::reverse), $accepts))
                .register_fn($name, |a: INT, b: FLOAT| matches!(compare(a, b), $accepts));
        )* };
    }
    compare!(
        "==": Some(Ordering::Equal),
        "!=": None | Some(Ordering::Less | Ordering::Greater),
        "<": Some(Ordering::Less),
        "<=": Some(Ordering::Less | Ordering::Equal),
        ">": Some(Ordering::Greater),
        ">=": Some(Ordering::Greater | Ordering::Equal),
    );
}

/// A whole number against a float, as the numbers that they are: `n as FLOAT` would round.
pub(super) fn compare(n: INT, x: FLOAT) -> Option<Ordering> {
    const BEYOND: FLOAT = 9_223_372_036_854_775_808.0;
    if x.is_nan() {
        None
    } else if x >= BEYOND {
        Some(Ordering::Less)
    } else if x < -BEYOND {
        Some(Ordering::Greater)
    } else {
        let whole = libm::trunc(x);
        // The whole part fits; where it is equal, the rest decides.
        Some(n.cmp(&(whole as INT)).then_with(|| whole.partial_cmp(&x).unwrap_or(Ordering::Equal)))
    }
}
