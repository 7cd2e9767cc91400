//! Whole-number expressions in a backbone: `2 * cells / 3`, `3 * channels`, `× 2`.

use crate::error::{Error, Place, Result};
use crate::spec::{Node, Value, raise};
use rhai::packages::{ArithmeticPackage, Package};
use serde::{Deserialize, Deserializer, Serialize};

/// A whole number, or an expression over whole numbers; a text that begins with `×` multiplies what was there before.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    place: Option<Place>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Expression {
    /// An expression that code writes.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), place: None }
    }

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
        let text = match self.text.trim().strip_prefix('×') {
            Some(factor) => format!("{before} * ({factor})"),
            None => self.text.clone(),
        };
        let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
        let wrong = |what: String| {
            let error = Error::new(format!("`{}` is no whole-number expression: {what}", self.text))
                .expected(format!("numbers, {}, + - * / and parentheses", names.join(", ")));
            match &self.place {
                Some(place) => error.at(place.clone()),
                None => error,
            }
        };
        let value: i64 = engine
            .eval_expression_with_scope(&mut scope, &text)
            .map_err(|e| wrong(e.to_string().split(" (line").next().unwrap_or_default().to_owned()))?;
        if !(0..=1 << 31).contains(&value) {
            return Err(wrong(format!("its value is {value}")));
        }
        Ok(value)
    }
}

impl Serialize for Expression {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text.parse::<i64>() {
            Ok(number) => serializer.serialize_i64(number),
            Err(_) => serializer.serialize_str(&self.text),
        }
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let text = match &node.value {
            Value::Integer(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => {
                let error = node.error("this is no whole-number expression");
                return Err(raise(
                    error.expected("a whole number, or an expression such as `cells / 3`").found(node.describe()),
                ));
            }
        };
        Ok(Self { text, place: Some(node.place()) })
    }
}
