//! What holds for every layer graph that was built, whoever asked for its layers.

use edas::graph::{LayerGraph, Shape};

/// The most elements of a value or tensor.
const MOST: i64 = 1 << 28;

/// Checks a graph that was built for inputs of these shapes.
pub fn sound(graph: &LayerGraph, inputs: &[Shape]) {
    assert_eq!(&graph.shapes[..graph.inputs], inputs);
    assert_eq!(graph.shapes.len(), graph.batched.len());
    for shape in graph.shapes.iter().chain(graph.tensors.iter().map(|tensor| &tensor.shape)) {
        let elements = shape.iter().try_fold(1i64, |n, size| n.checked_mul(*size));
        assert!(!shape.is_empty() && shape.iter().all(|size| *size > 0), "{shape:?}");
        assert!(elements.is_some_and(|n| n <= MOST), "{shape:?}");
    }
    let mut made = graph.inputs;
    for node in &graph.nodes {
        assert!(node.inputs.iter().all(|value| *value < made), "a value is read before it is made");
        assert!(
            node.outputs.iter().copied().eq(made..made + node.outputs.len()),
            "values are numbered as they are made"
        );
        assert!(node.tensors.iter().all(|tensor| *tensor < graph.tensors.len()));
        made += node.outputs.len();
    }
    assert_eq!(made, graph.shapes.len());
    assert!(graph.outputs.iter().all(|value| *value < made));
    let mut names: Vec<&str> = graph.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|a, b| a < b), "two tensors have one name: {names:?}");
    let cost = graph.cost();
    assert!(cost.parameters >= 0 && cost.multiply_adds >= 0 && cost.activations >= 0, "{cost:?}");
    assert!(!graph.to_string().is_empty());
    let _ = graph.is_zero();
    if let Ok(plain) = graph.without_kernels() {
        assert_eq!(plain.outputs, graph.outputs);
    }
}
