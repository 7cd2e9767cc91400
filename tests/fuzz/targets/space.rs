//! Search spaces as YAML. The first byte says with which op sets.
//!
//! Holds: a space that is taken has its edges in order, candidates on each, and outputs that are there; its form is written and
//! read back to the same space; α gives a genotype whose choices are those that made it; a backbone is laid out within limits.

use super::check;
use edas::space::{Genotype, Rule, Space, derive};
use edas::spec::Node;

const FILE: &str = "/nowhere/fuzzed/space.yaml";
/// Above this, laying out the backbone takes longer than it finds.
const MOST_TEXT: usize = 4096;

/// One input.
pub fn run(data: &[u8]) {
    let Some((sets, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let op_sets = check::op_sets(match sets {
        b'd' => "darts-ops",
        b'n' => "nb201",
        b'm' => "mobile-ops",
        _ => "all",
    });
    if text.len() > MOST_TEXT {
        return;
    }
    let Some(node) = check::sound(Node::parse(text, FILE)) else { return };
    let Some(space) = check::sound(Space::from_node(&node, op_sets)) else { return };
    sound(&space);
    let form = serde_json::to_value(&space.form).expect("a form is plain data");
    let again = Space::from_node(&Node::from_json(&form, FILE), op_sets);
    let again = again.unwrap_or_else(|e| panic!("a space that was written cannot be read: {e}\n{form}"));
    assert_eq!(space.form, again.form);

    let alpha: Vec<Vec<f64>> = space.edges().enumerate().map(|(e, (_, edge))| row(e, edge.candidates.len())).collect();
    for rule in [Rule::Argmax, Rule::Top2] {
        let genotype = derive(&space, &alpha, rule);
        let choices = genotype.choices(&space).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(Genotype::new(&space, &choices).cells, genotype.cells);
    }
    for (cells, channels) in [(1, 1), (5, 16), (20, 36)] {
        let Some(layout) = check::sound(space.layout(cells, channels)) else { continue };
        assert!((1..=10_000).contains(&layout.stages.len()));
    }
}

/// What a space promises to those who use it.
pub fn sound(space: &Space) {
    let mut first = 0;
    for cell in &space.cell_types {
        assert_eq!(cell.first_edge, first);
        first += cell.edges.len();
        assert!(cell.edges.is_sorted_by(|a, b| (a.to, a.from) < (b.to, b.from)));
        for edge in &cell.edges {
            assert!(edge.from < edge.to && (cell.inputs..cell.inputs + cell.nodes).contains(&edge.to));
            assert!(!edge.candidates.is_empty() && edge.stride >= 1);
        }
    }
    assert_eq!(space.edge_count(), first);
}

fn row(edge: usize, candidates: usize) -> Vec<f64> {
    (0..candidates).map(|c| ((edge * 7 + c * 5) % 11) as f64 / 4.0).collect()
}
