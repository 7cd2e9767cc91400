//! Specs: a text, and behind NULs (which no YAML has) the assignments of `--set`.
//!
//! Holds: a text that is taken gives a spec that is written as YAML and read back equal; whoever merges it with nothing gets it
//! unchanged; every error's place lies within the text.

use super::check;
use edas::spec::{Node, Spec};

/// In a folder that is not there: nothing that a text names beside it is found.
const FILE: &str = "/nowhere/fuzzed/spec.yaml";

/// One input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.split('\0');
    let text = parts.next().unwrap_or_default();
    let assignments: Vec<String> = parts.map(str::to_owned).collect();

    let Some(node) = check::sound(Node::parse(text, FILE)) else { return };
    check::written(&node);

    // A spec that extends another reads a file, wherever that lies: those of this machine are no part of the input.
    if node.entry("extends").is_some_and(|entry| entry.node.as_str().is_some()) {
        return;
    }
    let Some(spec) = check::sound(Spec::parse(text, FILE, &assignments)) else { return };
    let yaml = spec.to_yaml().expect("a spec that was read can be written");
    let again = Spec::parse(&yaml, FILE, &[]).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    assert_eq!(spec.to_yaml(), again.to_yaml());
    assert!(spec == again || yaml.contains(".nan"), "{yaml}");
    if let Some(place) = spec.place("data.root") {
        assert!(!place.to_string().is_empty());
    }
}
