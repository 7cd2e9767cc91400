//! Diagrams as text for Graphviz's `dot`.

use super::colour::{LINE, PALE};
use super::diagram::{Diagram, Look};
use std::fmt::Write;

/// Diagrams as one graph, a cluster each, for who wants to lay them out or colour them otherwise.
pub fn dot(diagrams: &[Diagram]) -> String {
    let mut text =
        String::from("digraph genotype {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11, height=0.3];\n");
    // Text that cannot be written is none of a string's faults.
    let _ = writeln!(text, "  edge [color=\"{LINE}\", arrowsize=0.6];");
    for (number, diagram) in diagrams.iter().enumerate() {
        let _ = writeln!(text, "  subgraph \"cluster_{number}\" {{\n    label=\"{}\";", quoted(&diagram.title));
        for (at, shape) in diagram.shapes.iter().enumerate() {
            let (fill, stroke, ink) = shape.look.colours();
            let form = match shape.look {
                Look::Node => "shape=circle, style=filled, margin=0.02",
                Look::Port | Look::Operation(_) => "shape=box, style=\"rounded,filled\"",
                Look::Nothing => "shape=box, style=\"rounded,dashed\"",
            };
            let label = quoted(&shape.text);
            let _ = writeln!(
                text,
                "    \"{number}_{at}\" [label=\"{label}\", {form}, fillcolor=\"{fill}\", color=\"{stroke}\", fontcolor=\"{ink}\"];"
            );
        }
        for arrow in &diagram.arrows {
            let head = if arrow.head { "normal" } else { "none" };
            let pale = if arrow.pale { format!(", style=dashed, color=\"{PALE}\"") } else { String::new() };
            let _ = writeln!(
                text,
                "    \"{number}_{}\" -> \"{number}_{}\" [arrowhead={head}{pale}];",
                arrow.from, arrow.to
            );
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ")
}
