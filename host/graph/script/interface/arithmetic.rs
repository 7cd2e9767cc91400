//! Operators between values, and between values and numbers: `a + b`, `a * b`, `a * 2`, `0.5 * a`. `op` is one of them.

use super::{Context, one, scale};
use crate::graph::script::values::{OpValue, Value};
use rhai::{Engine, FLOAT, INT};

pub(super) fn register(engine: &mut Engine) {
    pair::<Value, Value>(engine);
    pair::<OpValue, Value>(engine);
    pair::<Value, OpValue>(engine);
    pair::<OpValue, OpValue>(engine);
    numbers::<Value>(engine);
    numbers::<OpValue>(engine);
}

/// What stands beside an operator.
trait Operand: Clone + Send + Sync + 'static {
    fn value(&self) -> Value;
}

impl Operand for Value {
    fn value(&self) -> Value {
        self.clone()
    }
}

impl Operand for OpValue {
    fn value(&self) -> Value {
        self.input()
    }
}

fn pair<A: Operand, B: Operand>(engine: &mut Engine) {
    for (sign, kind) in [("+", "add"), ("*", "mul")] {
        engine.register_fn(sign, move |c: Context, a: A, b: B| one(&c, kind, &[a.value(), b.value()], []));
    }
}

fn numbers<T: Operand>(engine: &mut Engine) {
    engine
        .register_fn("*", |c: Context, x: T, factor: FLOAT| scale(&c, &x.value(), factor))
        .register_fn("*", |c: Context, x: T, factor: INT| scale(&c, &x.value(), factor as FLOAT))
        .register_fn("*", |c: Context, factor: FLOAT, x: T| scale(&c, &x.value(), factor))
        .register_fn("*", |c: Context, factor: INT, x: T| scale(&c, &x.value(), factor as FLOAT));
}
