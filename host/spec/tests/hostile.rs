//! Input made to break the reader: it is refused with a place, or read; nothing panics or takes long.

use super::{LEAST, message, with};
use crate::spec::{Node, Spec, Value};

fn error(text: &str) -> String {
    Node::parse(text, "h.yaml").unwrap_err().to_string()
}

#[test]
fn deep_nesting() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(10_000)] {
        error(&text);
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    Node::parse(&nested(64), "h.yaml").unwrap();
    assert_eq!(
        error(&nested(65)),
        "h.yaml:1:65: nested too deeply\n  expected: at most 64 lists or mappings within each other"
    );
}

#[test]
fn depth_counts_through_aliases() {
    let mut text = String::from("a0: &a0 [[[[[[[[x]]]]]]]]\n");
    for i in 1..9 {
        text += &format!("a{i}: &a{i} [[[[[[[*a{}]]]]]]]\n", i - 1);
    }
    assert!(error(&text).starts_with("h.yaml:9:"), "{}", error(&text));
}

#[test]
fn alias_bomb() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..30 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        text += &format!("a{i}: &a{i} [{aliases}]\n");
    }
    assert!(error(&text).contains("the text holds too many values"), "{}", error(&text));
}

#[test]
fn anchors_within_anchors() {
    let text = format!("{}[{}]{}", "[&a ".repeat(60), "1, ".repeat(60_000), "]".repeat(60));
    assert!(error(&text).contains("the text holds too many values"));
}

#[test]
fn aliases_expand_to_what_they_stand_for() {
    let node = Node::parse("a: &x {k: [1, 2]}\nb: *x\nc: [*x, &y 3, *y]\n", "h.yaml").unwrap();
    assert_eq!(node, Node::parse("{a: {k: [1, 2]}, b: {k: [1, 2]}, c: [{k: [1, 2]}, 3, 3]}", "").unwrap());
    assert_eq!(node.place_of("b.k").to_string(), "h.yaml:1:11");
    assert!(error("a: &x [*x]\n").starts_with("h.yaml:1:8: an alias within the value that it stands for"));
    assert!(error("a: *x\n").starts_with("h.yaml:1:4: not valid YAML"));
}

#[test]
fn what_is_refused() {
    for (text, start) in [
        ("a: !!str 1", "h.yaml:1:4: YAML tags"),
        ("a: !x {b: 1}", "h.yaml:1:4: YAML tags"),
        ("<<: {a: 1}", "h.yaml:1:1: merge keys"),
        ("a: 1\n---\nb: 2\n", "h.yaml:2:1: a second document begins here"),
        ("? [a]\n: 1\n", "h.yaml:1:3: this cannot be a key"),
        ("a: &x 1\n*x : 2\n", "h.yaml:2:1: this cannot be a key"),
        ("a: \0b", "h.yaml:1:4: a control character (U+0000)"),
        ("ä: 1\nb: ü\u{7}", "h.yaml:2:5: a control character (U+0007)"),
        ("a: x\u{2028}y", "h.yaml:1:5: a control character (U+2028)"),
        ("a: \"\\u2028\"", "h.yaml:1:4: a Unicode line separator"),
        ("a:\n\t- 1\n", "h.yaml:2:"),
        ("a: 99999999999999999999", "h.yaml:1:4: the number is too large"),
        ("a: -99999999999999999999", "h.yaml:1:4: the number is too large"),
        ("a: [1, 2", "h.yaml:1:9: not valid YAML"),
        ("a: 'x", "h.yaml:1:"),
        ("a: {b: 1, b: 2}", "h.yaml:1:11: duplicate key `b`\n  found: `b` already at h.yaml:1:5"),
        ("\u{feff}a: 1\na: 2", "h.yaml:2:1: duplicate key `a`"),
        ("a: 1\r\na: 2\r\n", "h.yaml:2:1: duplicate key `a`"),
    ] {
        let error = error(text);
        assert!(error.starts_with(start), "{text:?}: {error}");
    }
}

#[test]
fn plain_scalars() {
    for (text, value) in [
        ("3e-4", Value::Float(3e-4)),
        ("0x10", Value::Integer(16)),
        ("-7", Value::Integer(-7)),
        ("18446744073709551615", Value::Integer(u64::MAX.into())),
        (".inf", Value::Float(f64::INFINITY)),
        ("~", Value::Null),
        ("", Value::Null),
        ("true", Value::Bool(true)),
        ("yes", Value::String("yes".into())),
        ("007", Value::String("007".into())),
        ("1.2.3", Value::String("1.2.3".into())),
        ("1e400", Value::String("1e400".into())),
        ("'3'", Value::String("3".into())),
        ("\"\"", Value::String(String::new())),
        ("a ---", Value::String("a ---".into())),
        ("cells / 3", Value::String("cells / 3".into())),
        ("|\n  1\n", Value::String("1\n".into())),
    ] {
        let node = Node::parse(&format!("x: {text}"), "h").unwrap();
        assert_eq!(node.get("x").unwrap().value, value, "{text}");
    }
}

#[test]
fn odd_documents() {
    for text in ["", "\n\n", "# only a comment", "---", "~", "--- ~\n...\n"] {
        assert!(message(text).starts_with("specs/a.yaml:"), "{text:?}: {}", message(text));
        assert!(Node::parse(text, "h").unwrap().is_null(), "{text:?}");
    }
    assert!(with("name: \"\\ud800\"\n").is_err());
    let long = format!("k: [{}]", "1, ".repeat(300_000));
    assert!(error(&long).contains("too many values"));
    assert!(error(&" ".repeat(9 << 20)).contains("the text is too long"));
}

/// Every way to cut a spec short or to change one of its characters.
#[test]
fn mutations_never_panic() {
    let text =
        format!("{LEAST}search: &s {{weights: {{momentum: 0.9}}}}\nx: *s\ny: |\n  a\n  b\nz: [1, 'a', \"b\\n\"]\n");
    for (index, _) in text.char_indices() {
        let _ = Spec::parse(&text[..index], "m.yaml", &[]);
        let _ = Spec::parse(&text[index..], "m.yaml", &[]);
        for c in "\0\t\n :-?[]{},&*!|>'\"%@`#~.<0aä\u{feff}\u{2028}\\".chars() {
            let mut changed = String::from(&text[..index]);
            changed.push(c);
            let _ = Node::parse(&format!("{changed}{}", &text[index..]), "m.yaml");
            let _ = Node::parse(&format!("{changed}{}", &text[index + 1..]), "m.yaml");
        }
    }
    for assignment in ["", "=", ".", "a", "a=", "a.=1", "=a", "a=\0", "a=\n\n[", "ä.ö=ü: [", "a=---", "a=&x *x"] {
        let _ = Spec::parse(LEAST, "m.yaml", &[assignment.to_owned()]);
    }
}
