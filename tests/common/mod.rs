//! What several test files need.
#![allow(dead_code, reason = "each test file uses a part of this")]

pub mod examples;
pub mod fixtures;
pub mod kill;
pub mod long_run;
pub mod operations;
pub mod record;

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
    space_of("darts-ops", text)
}

/// A space of a plugin's operations from its YAML text.
pub fn space_of(plugin: &str, text: &str) -> Arc<Space> {
    let node = Node::parse(text, "space.yaml").expect("valid YAML");
    Arc::new(Space::from_node(&node, &op_sets(plugin)).expect("a valid space"))
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
        cpu: edas::spec::CpuExecutor::Reference,
        cuda: edas::spec::CudaArithmetic::default(),
    }
}

/// Builds a package of this workspace that is a plugin library, and returns the library.
pub fn library(package: &str) -> PathBuf {
    library_named(package, &package.trim_start_matches("edas-").trim_end_matches("-library").replace('-', "_"))
}

/// The same, for a library that is not called after its package.
pub fn library_named(package: &str, name: &str) -> PathBuf {
    let mut command = std::process::Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--package", package]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let status = command.current_dir(repository("")).status().expect("cargo runs");
    assert!(status.success(), "{package} cannot be built");
    let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    profile_folder().join(file)
}

/// The folder of this build's profile: `target/release`, say.
pub fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    test.ancestors().nth(2).expect("it lies in target/<profile>/deps").to_owned()
}

/// The `edas` program, in a folder of its own, without variables that would change what it does.
pub fn edas(folder: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::cargo_bin("edas").expect("the program is built");
    command.current_dir(folder).env_remove("RUST_LOG").env_remove("EDAS_PLUGIN_PATH").env("NO_COLOR", "1");
    command
}

/// A spec of the DARTS space on digits that takes a second: `keys` are further lines, or replace those here.
pub fn small_spec(keys: &[&str]) -> edas::spec::Spec {
    let mut overrides: Vec<String> =
        ["network.cells=3", "network.channels=4", "search.epochs=2", "data.limit=160", "search.batch=16", "threads=1"]
            .map(str::to_owned)
            .to_vec();
    overrides.extend(keys.iter().map(|k| (*k).to_owned()));
    edas::spec::Spec::load(repository("specs/quickstart.yaml"), &overrides).expect("a sound spec")
}

/// Compiles a plugin in C or C++ from one file of the repository, with warnings as errors, and returns the library.
pub fn compiled(source: &str, variant: &str, flags: &[&str]) -> PathBuf {
    let source = repository(source);
    let cpp = source.extension().is_some_and(|e| e == "cpp");
    let (variable, compiler, standard) = if cpp { ("CXX", "c++", "-std=c++17") } else { ("CC", "cc", "-std=c11") };
    let stem = source.file_stem().expect("a file").to_string_lossy();
    let name = format!("{stem}-{variant}{}", std::env::consts::DLL_SUFFIX);
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    // Tests of several processes may build the same one at once.
    let made = library.with_file_name(format!("{}-{name}", std::process::id()));
    let mut command = std::process::Command::new(std::env::var(variable).unwrap_or_else(|_| compiler.to_owned()));
    command.args([standard, "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"]);
    // An include folder among the flags comes before the SDK's own.
    command.args(flags).arg("-I").arg(repository("plugins/sdk/include")).arg("-o").arg(&made).arg(&source);
    let output = command.output().expect("a compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(made, &library).expect("it can be put in place");
    library
}

/// Small files in CIFAR's layouts: noise with a faint bar at a place that tells the class.
pub fn cifar(folder: &Path) {
    for (name, labels, classes) in [("data_batch_1.bin", 1, 10u32), ("train.bin", 2, 100)] {
        let mut stream = edas::random::Stream::new(1, edas::random::Purpose::Split, u64::from(classes));
        let mut bytes = Vec::new();
        for image in 0..200u32 {
            let label = image % classes;
            bytes.extend(std::iter::repeat_n(0, labels - 1));
            bytes.push(label as u8);
            for at in 0..3072u32 {
                let bar = if at / 32 % 32 == label % 32 { 60 } else { 0 };
                bytes.push((stream.index(120) + bar) as u8);
            }
        }
        std::fs::write(folder.join(name), bytes).expect("written");
    }
}

/// The names of the shipped specs of searches.
pub fn shipped_specs() -> Vec<String> {
    let files = std::fs::read_dir(repository("specs")).expect("the specs");
    let names = files.filter_map(|f| f.expect("a file").file_name().to_str()?.strip_suffix(".yaml").map(str::to_owned));
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with("evaluate-") && !name.starts_with("transfer-")).collect();
    names.sort();
    names
}
