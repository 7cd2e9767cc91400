//! Genotypes: JSON, and the architecture strings of NAS-Bench-201.
//!
//! Holds: what is read is written and read back equal; its other forms (DARTS's text, `dot`, an architecture string) are made or
//! refused, within limits; an architecture string is written as it was read, and is the string of the genotype that it means.

use super::check;
use edas::report::picture::cell;
use edas::space::{Architecture, Genotype, Space, text};
use edas::spec::Node;

const FILE: &str = "/nowhere/fuzzed/genotype.json";

/// One input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if Architecture::is_meant_by(text) {
        if let Some(architecture) = check::sound(text.parse()) {
            string(&architecture, text);
        }
    } else if let Some(genotype) = check::sound(Genotype::parse(text, FILE)) {
        whole(&genotype);
    }
}

fn string(architecture: &Architecture, text: &str) {
    assert_eq!(architecture.to_string(), text.trim());
    let Some(genotype) = check::sound(architecture.genotype(check::nb201())) else { return };
    assert_eq!(Architecture::of(&genotype).as_ref(), Ok(architecture));
    whole(&genotype);
}

fn whole(genotype: &Genotype) {
    let json = genotype.to_json();
    let again = Genotype::parse(&json, FILE).unwrap_or_else(|e| panic!("{e}\n{json}"));
    assert_eq!(again.to_json(), json);
    let dot = cell::dot(genotype);
    assert!(dot.len() < 1000 * (json.len() + 1000), "{} bytes of dot from {} of JSON", dot.len(), json.len());
    if let Some(text) = check::sound(text::darts(genotype)) {
        assert!(text.starts_with("Genotype("));
    }
    if let Some(architecture) = check::sound(Architecture::of(genotype)) {
        assert_eq!(architecture.to_string().parse().as_ref(), Ok(&architecture));
    }
    let form = serde_json::to_value(&genotype.space).expect("a form is plain data");
    let op_set = genotype.candidates.values().find_map(|source| source["op_set"].as_str());
    let op_sets = check::op_sets(op_set.unwrap_or_default());
    let Some(space) = check::sound(Space::from_node(&Node::from_json(&form, FILE), op_sets)) else { return };
    let Some(choices) = check::sound(genotype.choices(&space)) else { return };
    assert_eq!(choices.len(), space.edge_count());
    let made = Genotype::new(&space, &choices);
    assert_eq!(made.choices(&space).as_ref(), Ok(&choices));
}
