//! What holds for every error, whatever it is about, and what several targets need.

use edas::error::Error;
use edas::extension::{Parameter, Registry, Settings, parameter};
use edas::graph::{OpSet, OpSets};
use edas::space::Space;
use edas::spec::Node;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// Whether errors are printed: for whoever writes a seed and wonders how far it comes.
pub static SHOW: AtomicBool = AtomicBool::new(false);

/// Checks that an error can be shown: its place lies within the text that it shows.
pub fn error(error: &Error) {
    let shown = error.to_string();
    assert!(!shown.is_empty());
    if SHOW.load(Ordering::Relaxed) {
        println!("{shown}");
    }
    let Some(place) = &error.fields().place else { return };
    let Some(text) = &place.text else { return };
    if place.line == 0 {
        return;
    }
    // An empty line follows a line end at the end of the text.
    let line = text.split('\n').nth(place.line - 1);
    let line = line.unwrap_or_else(|| panic!("line {} of a text that is shorter: {error}", place.line));
    let columns = line.chars().count() + 1;
    assert!(place.column <= columns, "column {} of a line that has {columns}: {error}", place.column);
}

/// The value, or nothing where there is an error, which is checked.
pub fn sound<T>(result: edas::Result<T>) -> Option<T> {
    result.map_err(|e| error(&e)).ok()
}

/// Checks that a tree is written as YAML and read back equal; returns the YAML.
pub fn written(node: &Node) -> String {
    let yaml = node.to_yaml().expect("a tree can be written");
    let again = Node::parse(&yaml, "written.yaml").unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    // As JSON NaN equals NaN.
    assert_eq!(again.to_json().to_string(), node.to_json().to_string(), "{yaml}");
    yaml
}

/// Checks that parameters accept their own defaults, as these are and as a spec would write them.
pub fn parameters(declared: &[Parameter]) {
    let values = parameter::resolve(declared, &Settings::new(), "it").unwrap_or_else(|e| panic!("{e}"));
    let text = written(&parameter::written(declared, &values));
    let node = Node::parse(&text, "spec.yaml").expect("it was read before");
    assert_eq!(parameter::resolve_written(declared, &node, "it"), Ok(values), "{text}");
}

/// The op set of a plugin that is linked into this program; all of them under any other name.
pub fn op_sets(name: &str) -> &'static OpSets {
    const NAMES: [&str; 3] = ["darts-ops", "nb201", "mobile-ops"];
    static SETS: LazyLock<[OpSets; 4]> = LazyLock::new(|| {
        let [darts, nb201, mobile] = NAMES.map(|name| {
            let plugin = Registry::default().named(name).expect("the plugin is bundled");
            OpSet::of(&plugin).expect("a sound table").expect("an op set")
        });
        let all = vec![darts.clone(), nb201.clone(), mobile.clone()];
        [vec![darts], vec![nb201], vec![mobile], all].map(OpSets)
    });
    &SETS[NAMES.iter().position(|known| *known == name).unwrap_or(NAMES.len())]
}

/// The DARTS space.
pub fn darts() -> &'static Arc<Space> {
    static SPACE: LazyLock<Arc<Space>> = LazyLock::new(|| {
        let node = Node::parse(include_str!("../../../specs/spaces/darts.yaml"), "darts.yaml").expect("YAML");
        Arc::new(Space::from_node(&node, op_sets("darts-ops")).expect("a space"))
    });
    &SPACE
}

/// The space of NAS-Bench-201.
pub fn nb201() -> &'static Arc<Space> {
    static SPACE: LazyLock<Arc<Space>> = LazyLock::new(|| {
        let node = Node::parse(include_str!("../../../plugins/nb201/src/nb201.yaml"), "nb201.yaml").expect("YAML");
        Arc::new(Space::from_node(&node, op_sets("nb201")).expect("a space"))
    });
    &SPACE
}
