//! The interface as it was published: plugins built from the frozen SDK and header load and work in this host, and in one whose
//! minor revision is newer; layouts are what they were.

mod common;

use common::{compiled, edas, repository};
use edas::extension::{Plugin, library, offer};
use edas::graph::OpSet;
use edas::policy::plugin::PluginPolicies;
use edas::space::plugin::PluginSpaces;
use edas_plugin::abi;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// The frozen Rust plugin, built once per process with the frozen SDK.
fn rust() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi-1.0");
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--release", "--offline", "--locked", "--target-dir"]).arg(&target);
        command.current_dir(repository("tests/abi/1.0/rust"));
        assert!(command.status().expect("cargo runs").success());
        let folder = match std::env::var("CARGO_BUILD_TARGET") {
            Ok(triple) => target.join(triple),
            Err(_) => target,
        };
        let name = format!("{}frozen{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        folder.join("release").join(name)
    })
}

fn c() -> PathBuf {
    let include = format!("-I{}", repository("tests/abi/1.0/include").display());
    compiled("tests/abi/1.0/plugin.c", "frozen", &[&include])
}

/// All that the frozen Rust plugin offers is read, and works.
fn works(plugin: &Arc<Plugin>) {
    assert_eq!((plugin.name.as_str(), plugin.abi), ("frozen", (1, 0)));
    let set = OpSet::of(plugin).expect("a sound table").expect("an op set");
    for operation in &set.operations {
        for check in edas::conformance::operation::check(operation) {
            assert!(!matches!(check.outcome, edas::conformance::Outcome::Failed { .. }), "{check:?}");
        }
    }
    let spaces = PluginSpaces::of(plugin).expect("a sound table").expect("spaces");
    let given = edas::spec::Node::empty("<test>");
    assert!(spaces.write("frozen", &given).expect("it is written").text.starts_with("space: 1"));
    let policies = PluginPolicies::of(plugin).expect("a sound table").expect("policies");
    let space = edas::conformance::policy::space();
    let make = || -> edas::Result<Box<dyn edas::policy::Policy>> {
        Ok(Box::new(policies.create("in-turn", &given, &space, 1)?))
    };
    for check in edas::conformance::policy::check("in-turn", &space, &make) {
        assert_eq!(check.outcome, edas::conformance::Outcome::Passed, "{check:?}");
    }
}

#[test]
fn what_was_published_works() {
    works(&library::open(rust()).expect("it loads"));
    let plugin = library::open(&c()).expect("it loads");
    let set = OpSet::of(&plugin).expect("a sound table").expect("an op set");
    for check in edas::conformance::operation::check(&set.operations[0]) {
        assert!(!matches!(check.outcome, edas::conformance::Outcome::Failed { .. }), "{check:?}");
    }
}

/// A copy of the library, since a library is opened once per process.
#[test]
fn a_newer_host_loads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("libcopy.so");
    std::fs::copy(rust(), &copy).expect("a copy");
    let host = Box::leak(Box::new(offer::host(abi::ABI_MINOR + 1)));
    works(&library::open_for(&copy, host).expect("it loads"));
}

/// A whole search with nothing but frozen parts, through the command line.
#[test]
fn a_search_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = rust().display();
    let spec = format!(
        "edas: 1\nname: frozen\nplugins: [{path}, darts-ops]\nspace: {{plugin: {path}, name: frozen}}\n\
         network: {{cells: 1, channels: 4}}\npolicy: {{plugin: {path}, name: in-turn, params: {{order: last}}}}\n\
         data: {{name: digits, limit: 160, augment: {{crop: 0, flip: false}}}}\nsearch: {{epochs: 2, batch: 16}}\nthreads: 1\n"
    );
    std::fs::write(folder.path().join("spec.yaml"), spec).expect("it can be written");
    edas(folder.path()).args(["search", "spec.yaml", "--run", "run", "--quiet"]).assert().success();
    assert!(folder.path().join("run/genotype.json").exists());
}

/// Where each table's parts lie: a change here breaks every plugin that was built before.
#[test]
#[cfg(target_pointer_width = "64")]
fn layouts() {
    assert_eq!((abi::ABI_MAJOR, size_of::<abi::Text>(), size_of::<abi::Sink>()), (1, 16, 16));
    assert_eq!(
        (size_of::<abi::Entry>(), offset_of!(abi::Entry, name), offset_of!(abi::Entry, get_extension)),
        (88, 16, 80)
    );
    assert_eq!((size_of::<abi::Host>(), offset_of!(abi::Host, get_extension)), (56, 48));
    assert_eq!((size_of::<abi::Attribute>(), offset_of!(abi::Attribute, integers)), (80, 56));
    assert_eq!((size_of::<abi::ParameterInfo>(), offset_of!(abi::ParameterInfo, words)), (152, 136));
    assert_eq!((size_of::<abi::Info>(), size_of::<abi::OperationInfo>()), (48, 64));
    assert_eq!((size_of::<abi::Arguments>(), offset_of!(abi::Arguments, parameters)), (64, 48));
    assert_eq!((size_of::<abi::OpSet>(), offset_of!(abi::OpSet, build)), (40, 32));
    assert_eq!((size_of::<abi::Builder>(), offset_of!(abi::Builder, kernel)), (64, 48));
    assert_eq!((size_of::<abi::Buffer>(), size_of::<abi::KernelCall>()), (40, 136));
    assert_eq!((size_of::<abi::Kernel>(), offset_of!(abi::Kernel, forward)), (144, 104));
    assert_eq!((size_of::<abi::Native>(), offset_of!(abi::Native, forward)), (88, 64));
    assert_eq!(size_of::<abi::SearchSpace>(), 40);
    assert_eq!((size_of::<abi::Edge>(), size_of::<abi::Candidate>(), size_of::<abi::Space>()), (48, 32, 40));
    assert_eq!((size_of::<abi::Turn>(), offset_of!(abi::Turn, random)), (72, 64));
    assert_eq!((size_of::<abi::Planner>(), size_of::<abi::StepResult>(), size_of::<abi::EpochEnd>()), (48, 24, 40));
    assert_eq!((size_of::<abi::Policy>(), offset_of!(abi::Policy, plan)), (88, 48));
    assert_eq!((size_of::<abi::PolicyArguments>(), size_of::<abi::EpochAnswer>()), (40, 24));
    assert_eq!((size_of::<abi::Model>(), size_of::<abi::KernelTensor>()), (64, 24));
    assert_eq!((size_of::<abi::Random>(), size_of::<abi::Parallel>()), (40, 24));
    assert_eq!((size_of::<abi::Log>(), size_of::<abi::Cancel>(), size_of::<abi::Libtorch>()), (16, 16, 24));
}
