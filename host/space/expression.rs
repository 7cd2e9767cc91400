//! Whole-number expressions in a backbone: `2 * cells / 3`, `3 * channels`, `× 2`.

use crate::error::{Error, Result};
use rhai::packages::{ArithmeticPackage, Package};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// A whole number, or an expression over whole numbers; a text that begins with `×` multiplies what was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(pub String);

impl Expression {
    /// The value, where `variables` hold.
    ///
    /// # Errors
    /// Where the text is no expression, names something else, or its value is not within 0 to 2³¹.
    pub fn value(&self, variables: &[(&str, i64)], before: i64) -> Result<i64> {
        let mut engine = rhai::Engine::new_raw();
        ArithmeticPackage::new().register_into_engine(&mut engine);
        engine.set_max_expr_depths(16, 16).set_max_operations(1000).set_strict_variables(true);
        let mut scope = rhai::Scope::new();
        for (name, value) in variables {
            scope.push_constant(*name, *value);
        }
        let text = match self.0.trim().strip_prefix('×') {
            Some(factor) => format!("{before} * ({factor})"),
            None => self.0.clone(),
        };
        let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
        let wrong = |what: String| {
            Error::new(format!("`{}` is no whole-number expression: {what}", self.0))
                .expected(format!("numbers, {}, + - * / and parentheses", names.join(", ")))
        };
        let value: i64 = engine.eval_expression_with_scope(&mut scope, &text).map_err(|e| wrong(e.to_string()))?;
        if !(0..=1 << 31).contains(&value) {
            return Err(wrong(format!("its value is {value}")));
        }
        Ok(value)
    }
}

impl Serialize for Expression {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<i64>() {
            Ok(number) => serializer.serialize_i64(number),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Expression;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or an expression such as `cells / 3`")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Expression, E> {
                Ok(Expression(v.to_string()))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Expression, E> {
                Ok(Expression(v.to_string()))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Expression, E> {
                Ok(Expression(v.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
