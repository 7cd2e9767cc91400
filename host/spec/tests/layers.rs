//! `extends`, merging, `--set`, and paths through them.

use std::path::Path;

use super::{LEAST, set};
use crate::spec::{Device, Node, PluginRef, Policy, Space, Spec, SpecPath, ValidationData};

/// A folder with files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &tempfile::TempDir, name: &str) -> Result<Spec, String> {
    Spec::load(folder.path().join(name), &[])
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

fn yaml(text: &str) -> Node {
    Node::parse(text, "x.yaml").unwrap()
}

#[test]
fn mappings_merge_and_the_rest_is_replaced() {
    let base = yaml("a: {x: 1, y: [1, 2]}\nb: 1\nc: 3");
    let over = yaml("d: 4\na: {y: [3], z: 0}\nb: null");
    let merged = Node::merge(base, over, &|_, _, _| false);
    assert_eq!(merged, yaml("{a: {x: 1, y: [3], z: 0}, b: null, c: 3, d: 4}"));
    let replaced = Node::merge(yaml("a: {x: 1}"), yaml("a: {y: 1}"), &|path, _, _| path == "a");
    assert_eq!(replaced, yaml("a: {y: 1}"));
}

#[test]
fn an_extending_spec_wins_and_takes_its_own_name() {
    let files = folder(&[
        ("base.yaml", &format!("{LEAST}name: base\nseed: 3\nsearch: {{epochs: 5, batch: 8}}\n")),
        ("sub/a.yaml", "extends: ../base.yaml\nsearch: {epochs: 7}\ndevice: cpu\nname: null\n"),
        ("sub/b.yaml", "extends: a.yaml\nseed: 4\n"),
    ]);
    let spec = load(&files, "sub/b.yaml").unwrap();
    assert_eq!((spec.seed, spec.search.epochs, spec.search.batch, spec.device), (4, 7, 8, Device::Cpu));
    assert_eq!(load(&files, "sub/a.yaml").unwrap().name, "a");
}

#[test]
fn errors_in_a_base_name_its_file() {
    let files = folder(&[
        ("base.yaml", &format!("{LEAST}search:\n  epochs: 0\n")),
        ("sub/a.yaml", "extends: ../base.yaml\n"),
        ("sub/b.yaml", "extends: ../bass.yaml\n"),
        ("sub/c.yaml", "extends: [x]\n"),
        ("sub/d.yaml", "extends: ../base.yaml\nsearch: {epochs: 1, batsh: 2}\n"),
    ]);
    assert!(load(&files, "sub/a.yaml").unwrap_err().starts_with("base.yaml:6:11: `search.epochs` is out"));
    assert_eq!(
        load(&files, "sub/b.yaml").unwrap_err(),
        "sub/b.yaml:1:10: there is no file bass.yaml\n  expected: the file of a spec\n  help: did you mean \
         `base.yaml`?"
    );
    assert!(load(&files, "sub/c.yaml").unwrap_err().starts_with("sub/c.yaml:1:10: `extends` is of the wrong"));
    assert!(load(&files, "sub/d.yaml").unwrap_err().starts_with("sub/d.yaml:2:21: unknown key `batsh` in search"));
}

#[test]
fn a_circle_is_named_whole() {
    let files =
        folder(&[("a.yaml", "extends: b.yaml\n"), ("b.yaml", "extends: c.yaml\n"), ("c.yaml", "extends: a.yaml\n")]);
    let error = load(&files, "a.yaml").unwrap_err();
    assert!(error.starts_with("c.yaml:1:10: specs extend each other in a circle\n  found: "), "{error}");
    assert!(error.ends_with("a.yaml → b.yaml → c.yaml → a.yaml"), "{error}");
}

#[test]
fn paths_are_relative_to_the_file_that_writes_them() {
    let files = folder(&[
        ("base/base.yaml", &format!("{LEAST}plugins: [darts-ops, ./x, ops.rhai]\n")),
        ("sub/a.yaml", "extends: ../base/base.yaml\ndata: {root: images}\n"),
    ]);
    // The temporary folder itself may be reached through a symbolic link.
    let root = |path: &str| SpecPath::new(files.path().join(path));
    let overrides = ["policy.script=here.rhai".to_owned()];
    let spec = Spec::load(files.path().join("sub/a.yaml"), &overrides).unwrap();
    assert_eq!(spec.space, Some(Space::File(root("base/spaces/darts.yaml"))));
    assert_eq!(spec.data.root, Some(root("sub/images")));
    assert_eq!(
        spec.plugins,
        [PluginRef::Name("darts-ops".into()), PluginRef::Path(root("base/x")), PluginRef::Path(root("base/ops.rhai"))]
    );
    let Some(Policy::Script(policy)) = &spec.policy else { panic!("{:?}", spec.policy) };
    assert_eq!(&*policy.script, std::env::current_dir().unwrap().join("here.rhai"));
    assert!(policy.script.is_absolute());
}

#[test]
fn dots_vanish_from_paths() {
    assert_eq!(&*SpecPath::new("/no/such/../a/./b"), Path::new("/no/a/b"));
    assert_eq!(&*SpecPath::new("/../../a"), Path::new("/a"));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_keeps_its_dots() {
    let files = folder(&[("real/inner/x", "")]);
    let link = files.path().join("link");
    std::os::unix::fs::symlink(files.path().join("real/inner"), &link).unwrap();
    assert!(SpecPath::new(link.join("../x")).ends_with("link/../x"));
}

#[test]
fn another_policy_or_space_replaces_the_old_one_whole() {
    let base = format!("{LEAST}extends: null\n").replace("rhai}", "rhai, params: {warmup: 3, period: 2}}");
    let params = |text: &str| {
        let files = folder(&[("base.yaml", &base), ("a/a.yaml", &format!("extends: ../base.yaml\n{text}"))]);
        let spec = load(&files, "a/a.yaml").unwrap();
        spec.policy.unwrap().params().entries().iter().map(|e| e.key.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(params("policy: {params: {warmup: 1}}"), "warmup period");
    assert_eq!(params("policy: {script: other.rhai}"), "");
    assert_eq!(params("policy: {plugin: p, name: q, params: {x: 1}}"), "x");
    // The same script, written from another folder.
    assert_eq!(params("policy: {script: ../../scripts/edas.rhai, params: {more: 1}}"), "warmup period more");

    let files = folder(&[
        ("base.yaml", &LEAST.replace("spaces/darts.yaml", "{script: s.rhai}")),
        ("a.yaml", "extends: base.yaml\nspace: {name: mine}\n"),
    ]);
    let Some(Space::Inline(space)) = load(&files, "a.yaml").unwrap().space else { panic!() };
    assert_eq!(space, yaml("name: mine"));
}

/// As with `extends`: parameters of the old script are not given to the new one, whatever the order of the assignments.
#[test]
fn a_policy_set_on_the_command_line_loses_the_parameters_of_the_old_one() {
    let text = LEAST.replace("rhai}", "rhai, params: {warmup: 3, period: 2}}");
    let policy = |assignments: &[&str]| {
        let overrides: Vec<String> = assignments.iter().map(|text| (*text).to_owned()).collect();
        Spec::parse(&text, "specs/a.yaml", &overrides).unwrap().policy.unwrap()
    };
    let params = |assignments: &[&str]| {
        policy(assignments).params().entries().iter().map(|e| e.key.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(params(&["policy.script=other.rhai"]), "");
    assert_eq!(params(&["policy.script=other.rhai", "policy.params.more=1"]), "more");
    assert_eq!(params(&["policy.params.more=1", "policy.script=other.rhai"]), "more");
    // The same script, written from another folder; and no script at all.
    assert_eq!(params(&["policy.script=scripts/edas.rhai"]), "warmup period");
    assert_eq!(params(&["policy.params.more=1"]), "warmup period more");
    let Policy::Plugin(plugin) = policy(&["policy.plugin=p", "policy.name=q"]) else { panic!("a plugin") };
    assert_eq!((plugin.name.as_str(), plugin.params.entries().len()), ("q", 0));
}

#[test]
fn assignments() {
    let spec = set(&[
        "seed=5",
        "search.weights.weight_decay=1e-3",
        "validation.data={holdout: 0.2}",
        "policy.params.warmup_epochs=10",
        "plugins=[a]",
        "plugins.1=b",
        "plugins.0=c",
        "data.augment.flip=false",
        "name=a=b",
    ])
    .unwrap();
    assert_eq!((spec.seed, spec.search.weights.weight_decay, spec.name.as_str()), (5, 1e-3, "a=b"));
    assert_eq!(spec.validation.data, ValidationData::Holdout(0.2));
    assert_eq!(spec.policy.unwrap().params().get("warmup_epochs").and_then(Node::as_i64), Some(10));
    assert_eq!(spec.plugins, [PluginRef::Name("c".into()), PluginRef::Name("b".into())]);
    assert!(!spec.data.augment.flip && spec.data.augment.crop == 4);

    for (assignment, start) in [
        ("edas.x=1", "<command line>:1:12: cannot set `edas.x`: `edas` holds no keys"),
        ("plugins.0=x", "<command line>:1:15: cannot set `plugins.0`: `plugins` is not written in the file"),
        ("a..b=1", "<command line>:1:7: `--set` needs the path of a key"),
        ("seed=[", "<command line>:1:13: not valid YAML"),
        ("seed=!t 3", "<command line>:1:12: YAML tags"),
    ] {
        let error = set(&[assignment]).unwrap_err();
        assert!(error.starts_with(start), "{assignment}: {error}");
    }
    let error = set(&["plugins=[a]", "plugins.3=b"]).unwrap_err();
    assert!(error.starts_with("<command line>:1:15: `plugins` has no entry `3`\n  expected: a number from 0 to 1"));
}

#[test]
fn places_after_loading() {
    let text = format!("{LEAST}plugins: [a,\n  b]\n");
    let spec = Spec::parse(&text, "s.yaml", &["seed=3".into()]).unwrap();
    let place = |path: &str| spec.place(path).unwrap().to_string();
    assert_eq!(place("plugins.1"), "s.yaml:6:3");
    assert_eq!(place("data.root"), "s.yaml:4:7");
    assert_eq!(place("seed"), "<command line>:1:12");
    assert_eq!(place("search.epochs"), "s.yaml:1:1");
}
