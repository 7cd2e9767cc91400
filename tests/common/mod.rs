//! What several test files need.
#![allow(dead_code, reason = "each test file uses a part of this")]

pub mod fixtures;

use edas::extension::Registry;
use edas::graph::{Form, OpSet, OpSets};
use edas::space::Space;
use edas::spec::Node;
use edas::supernet::Settings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tch::{Device, Kind};

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The op sets that a plugin's name stands for.
pub fn op_sets(plugin: &str) -> OpSets {
    let plugin = Registry::new(None).named(plugin).expect("the plugin is bundled");
    OpSets(vec![OpSet::of(&plugin).expect("a sound table").expect("an op set")])
}

/// The DARTS space.
pub fn darts_space() -> Arc<Space> {
    space(&std::fs::read_to_string(repository("specs/spaces/darts.yaml")).expect("the space is there"))
}

/// A space of `darts-ops` from its YAML text.
pub fn space(text: &str) -> Arc<Space> {
    let node = Node::parse(text, "space.yaml").expect("valid YAML");
    Arc::new(Space::from_node(&node, &op_sets("darts-ops")).expect("a valid space"))
}

/// A network of this size on the CPU, in the search form.
pub fn settings(cells: i64, channels: i64, size: i64, kind: Kind) -> Settings {
    Settings {
        cells,
        channels,
        image: [3, size, size],
        classes: 10,
        form: Form::Search,
        kind,
        device: Device::Cpu,
        seed: 1,
    }
}
