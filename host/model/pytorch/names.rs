//! Names and values as Python writes them.

use crate::extension::Attribute;
use std::collections::HashSet;

/// Python's keywords: no argument or class is called so.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Names that the file gives to other things.
const TAKEN: &[&str] = &["CLASSES", "F", "MEAN", "Network", "Path", "STD", "WEIGHTS"];

pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// Names that are given once each.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// A class for what is called `name`: `SepConv3x3` for `sep_conv_3x3`; with a number where that is taken.
    pub(super) fn class(&mut self, name: &str) -> String {
        let base = capitalised(name);
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        let free = |name: &String| !is_keyword(name) && !TAKEN.contains(&name.as_str()) && !self.0.contains(name);
        let name = std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or_default();
        self.0.insert(name.clone());
        name
    }
}

/// Words, each with a capital, without what no name may have between them.
fn capitalised(name: &str) -> String {
    let mut made = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let digits = made.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
        if digits {
            made.push('_');
        }
        let (first, rest) = word.split_at(1);
        made.push_str(&first.to_ascii_uppercase());
        made.push_str(rest);
    }
    if made.starts_with(|c: char| c.is_ascii_alphabetic()) { made } else { format!("Op{made}") }
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut made = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => made.extend(['\\', c]),
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => made.push_str(&format!("\\U{:08x}", c as u32)),
            c => made.push(c),
        }
    }
    made + "\""
}

/// A text within a docstring.
pub(super) fn within_doc(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    plain.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A number that reads back to the same bits.
pub(super) fn float(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { format!("float(\"{value}\")") }
}

/// The value of an operator's argument.
pub(super) fn value(attribute: &Attribute) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    match attribute {
        Attribute::Integer(v) => v.to_string(),
        Attribute::Number(v) => float(*v),
        Attribute::Boolean(v) => if *v { "True" } else { "False" }.to_owned(),
        Attribute::Text(v) => quoted(v),
        Attribute::Integers(v) => list(v.iter().map(i64::to_string).collect()),
        Attribute::Numbers(v) => list(v.iter().map(|v| float(*v)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_makes_a_class() {
        let mut names = Names::default();
        for (name, class) in [
            ("sep_conv_3x3", "SepConv3x3"),
            ("sep-conv 3x3", "SepConv3x3_2"),
            ("conv_7x1_1x7", "Conv7x1_1x7"),
            ("none", "None_2"),
            ("f", "F_2"),
            ("3x3", "Op3x3"),
            ("×", "Op"),
            ("network", "Network_2"),
        ] {
            assert_eq!(names.class(name), class);
        }
    }

    #[test]
    fn texts_and_numbers_are_written_so_that_they_read_back() {
        assert_eq!(quoted("a \"b\"\\\n"), "\"a \\\"b\\\"\\\\\\U0000000a\"");
        assert_eq!(within_doc("\"\"\" \\n"), "\\\"\\\"\\\" \\\\n");
        assert_eq!(float(1e-5), "1e-5");
        assert_eq!(float(f64::NEG_INFINITY), "float(\"-inf\")");
        assert_eq!(value(&Attribute::Numbers(vec![1.0, 0.5])), "[1.0, 0.5]");
    }
}
