//! Every kind of error, with its place.

use serde::Deserialize;

use super::{LEAST, message, set, with};
use crate::spec::{Node, Spec, decode, read_text};

#[track_caller]
fn assert_message(lines: &str, expected: &str) {
    assert_eq!(with(lines).unwrap_err(), expected);
}

#[test]
fn unknown_key() {
    assert_message(
        "search:\n  weights: {momentun: 0.9}\n",
        "specs/a.yaml:6:13: unknown key `momentun` in search.weights\n  expected: `learning_rate`, \
         `minimum_learning_rate`, `momentum`, `weight_decay` or `clip`\n  help: did you mean `momentum`?",
    );
    assert!(with("extend: x.yaml\n").unwrap_err().ends_with("did you mean `extends`?"));
}

#[test]
fn missing_key() {
    assert_eq!(
        message("edas: 1\nspace: x\npolicy: {script: p}\ndata:\n  root: images\n"),
        "specs/a.yaml:5:3: missing key `name` in data\n  expected: the key `name`\n  found: data without it"
    );
    assert_eq!(
        message("space: x\npolicy: {script: p}\ndata: {name: digits}\n"),
        "specs/a.yaml:1:1: missing key `edas` in the spec\n  expected: the key `edas`\n  found: the spec without it"
    );
    assert_eq!(
        message("edas: 1\nspace: x\npolicy: {params: {}}\ndata: {name: digits}\n"),
        "specs/a.yaml:3:9: missing key `script` or `plugin` in policy\n  expected: {script: …, params: {…}} or \
         {plugin: …, name: …, params: {…}}"
    );
    assert_eq!(
        message("edas: 1\nspace: x\npolicy: {script: p}\ndata: {name: cifar10}\n"),
        "specs/a.yaml:4:7: missing key `root` in data\n  expected: the folder that holds cifar10\n  \
         help: add `root: FOLDER`, relative to the spec's folder"
    );
}

#[test]
fn duplicate_key_names_both_places() {
    assert_message(
        "seed: 1\nseed: 2\n",
        "specs/a.yaml:6:1: duplicate key `seed`\n  found: `seed` already at specs/a.yaml:5:1\n  \
         help: remove one of the two",
    );
}

#[test]
fn wrong_type() {
    assert_message(
        "seed: abc\n",
        "specs/a.yaml:5:7: `seed` is of the wrong type\n  expected: a whole number of at least 0\n  \
         found: \"abc\"",
    );
    assert_message(
        "search:\n  epochs: 3.0\n",
        "specs/a.yaml:6:11: `search.epochs` is of the wrong type\n  expected: a whole number of at \
         least 0\n  found: 3.0\n  help: write 3, without a decimal point or an exponent",
    );
    assert_message(
        "name: 12\n",
        "specs/a.yaml:5:7: `name` is of the wrong type\n  expected: text\n  found: 12\n  \
         help: put it into quotes: \"12\"",
    );
    assert_message(
        "network:\n",
        "specs/a.yaml:5:1: `network` is of the wrong type\n  expected: a mapping (`key: value`)\n  \
         found: nothing (null)\n  help: leave the key out to get its default",
    );
    assert_message(
        "search: {architecture: {betas: [0.5, x]}}\n",
        "specs/a.yaml:5:38: `search.architecture.betas.1` is of the wrong type\n  expected: a number\n  \
         found: \"x\"",
    );
    assert_message(
        "search: {architecture: {lazy: yes}}\n",
        "specs/a.yaml:5:31: `search.architecture.lazy` is of the wrong type\n  expected: `true` or `false`\n  \
         found: \"yes\"",
    );
    assert_message(
        "plugins: darts-ops\n",
        "specs/a.yaml:5:10: `plugins` is of the wrong type\n  expected: a list\n  found: \"darts-ops\"",
    );
    assert_message(
        "search: {weights: {momentum: '0.9'}}\n",
        "specs/a.yaml:5:30: `search.weights.momentum` is of the wrong type\n  expected: a number\n  \
         found: \"0.9\"\n  help: write the number without quotes, within the range of 64-bit numbers",
    );
}

#[test]
fn choices() {
    assert_message(
        "derive: {rule: top3}\n",
        "specs/a.yaml:5:16: `derive.rule` has an unknown value\n  expected: `argmax` or `top2`\n  \
         found: \"top3\"\n  help: did you mean `top2`?",
    );
    assert_message(
        "validation:\n  data: holdout\n",
        "specs/a.yaml:6:9: `validation.data` is of the wrong type\n  expected: `holdout` with its value: \
         {holdout: …}\n  found: \"holdout\"",
    );
    assert_message(
        "validation: {batch_norm: {recalibrat: 3}}\n",
        "specs/a.yaml:5:27: `validation.batch_norm` has an unknown value\n  expected: `batch`, `running` or \
         `recalibrate`\n  found: \"recalibrat\"\n  help: did you mean `recalibrate`?",
    );
    assert_message(
        "device: cpu1\n",
        "specs/a.yaml:5:9: unknown device `cpu1`\n  expected: `auto`, `cpu`, `cuda` or `cuda:N`\n  \
         help: did you mean `cpu`?",
    );
    assert_message(
        "validation: {every: epochs}\n",
        "specs/a.yaml:5:21: `validation.every` has an unknown value\n  expected: `epoch`, or a whole number \
         of iterations of at least 1\n  found: \"epochs\"",
    );
    assert_eq!(
        message("edas: 1\nspace: {script: a, plugin: b}\npolicy: {script: p}\ndata: {name: digits}\n"),
        "specs/a.yaml:2:20: both `script` and `plugin` in space\n  expected: one of the two\n  \
         found: `script` at specs/a.yaml:2:9"
    );
    assert_eq!(
        message("edas: 1\nspace: a\npolicy: {plugin: p, nam: x}\ndata: {name: digits}\n"),
        "specs/a.yaml:3:21: unknown key `nam` in policy\n  expected: `plugin`, `name` or `params`\n  \
         help: did you mean `name`?"
    );
}

#[test]
fn ranges() {
    for (lines, place, expected, found) in [
        ("seed: -1", "5:7: `seed`", "a whole number of at least 0", "-1"),
        ("network: {cells: 0}", "5:18: `network.cells`", "a whole number from 1 to 1000", "0"),
        ("network: {cells: 1001}", "5:18: `network.cells`", "a whole number from 1 to 1000", "1001"),
        ("search: {batch: 0}", "5:17: `search.batch`", "a whole number from 1 to 65536", "0"),
        ("data2: 1\nthreads: 2000", "6:10: `threads`", "a whole number from 0 to 1024", "2000"),
        ("search: {weights: {clip: 0}}", "5:26: `search.weights.clip`", "a number above 0", "0"),
        (
            "search: {weights: {momentum: 1.0}}",
            "5:30: `search.weights.momentum`",
            "a number of at least 0 and below 1",
            "1.0",
        ),
        (
            "search: {weights: {learning_rate: .nan}}",
            "5:35: `search.weights.learning_rate`",
            "a number from 0 to 1000",
            ".nan",
        ),
        (
            "search: {architecture: {betas: [0.5, 1]}}",
            "5:38: `search.architecture.betas.1`",
            "a number of at least 0 and below 1",
            "1",
        ),
        (
            "validation: {data: {holdout: 1.0}}",
            "5:30: `validation.data.holdout`",
            "a number above 0 and below 1",
            "1.0",
        ),
        (
            "validation: {batch_norm: {recalibrate: 0}}",
            "5:40: `validation.batch_norm.recalibrate`",
            "a whole number from 1 to 1000000",
            "0",
        ),
        ("validation: {every: 0}", "5:21: `validation.every`", "a whole number of at least 1", "0"),
    ] {
        assert_message(
            lines,
            &format!("specs/a.yaml:{place} is out of range\n  expected: {expected}\n  found: {found}"),
        );
    }
    assert_message(
        "search: {architecture: {betas: [0.5]}}",
        "specs/a.yaml:5:32: `search.architecture.betas` has the wrong length\n  expected: a list of 2 entries\n  \
         found: a list of 1 entry",
    );
    assert_message(
        "name: ''",
        "specs/a.yaml:5:7: `name` has the wrong length\n  expected: text of 1 to 200 characters\n  found: \"\"",
    );
    for lines in ["search: {weights: {learning_rate: 0, minimum_learning_rate: 0, clip: null}}", "threads: 1024"] {
        with(lines).unwrap();
    }
}

#[test]
fn keys_that_contradict_each_other() {
    assert_message(
        "search: {weights: {minimum_learning_rate: 0.5}}",
        "specs/a.yaml:5:43: the minimum learning rate is above the learning rate\n  expected: \
         `search.weights.minimum_learning_rate` of at most 0.025\n  found: 0.5\n  help: set \
         `search.weights.learning_rate` too",
    );
    assert_message(
        "name: ../x",
        "specs/a.yaml:5:7: `name` cannot be the name of a folder\n  expected: text without `/`, `\\` and control \
         characters that does not begin with a dot\n  found: \"../x\"",
    );
    assert_message(
        "search: {weights: {learning_rate: 0}}",
        "specs/a.yaml:5:35: the minimum learning rate is above the learning rate\n  expected: \
         `search.weights.minimum_learning_rate` of at most 0.0\n  found: 0.001, its default\n  help: set \
         `search.weights.minimum_learning_rate` too",
    );
    assert_eq!(
        set(&["data.limit=4", "validation.data={holdout: 0.1}"]).unwrap_err(),
        "<command line>:1:18: `data.limit` leaves no image for the hold-out\n  expected: a limit of at least 10, \
         or another `validation.data.holdout`\n  found: 4"
    );
}

#[test]
fn reserved_keys_and_other_versions() {
    assert_message(
        "rounds: []",
        "specs/a.yaml:5:1: the key `rounds` is reserved for a later version\n  help: remove it",
    );
    assert_eq!(
        message("edas: 2\nnew_key: 1\n"),
        "specs/a.yaml:1:7: a spec of another version of the format\n  expected: `edas: 1`, the version that this \
         program reads\n  found: 2"
    );
}

#[test]
fn command_line() {
    assert_eq!(
        set(&["search.epochs=x"]).unwrap_err(),
        "<command line>:1:21: `search.epochs` is of the wrong type\n  expected: a whole number of at \
         least 0\n  found: \"x\""
    );
    assert_eq!(
        set(&["data.augmen.crop=1"]).unwrap_err(),
        "<command line>:1:12: unknown key `augmen` in data\n  expected: `name`, `root`, `size`, `broken`, `limit`, \
         `split`, `augment` or `workers`\n  help: did you mean `augment`?"
    );
    assert_eq!(
        set(&["space.name=x"]).unwrap_err(),
        "<command line>:1:13: cannot set `space.name`: `space` holds no keys\n  expected: a mapping or a list as \
         `space`\n  found: \"spaces/darts.yaml\""
    );
    assert_eq!(
        set(&["seed"]).unwrap_err(),
        "<command line>:1:7: `--set` without a value\n  expected: path.to.key=value\n  found: seed"
    );
    assert!(set(&["extends=x"]).unwrap_err().contains("`extends` cannot be set"));
    let error = Spec::parse(LEAST, "a.yaml", &["seed=x".into()]).unwrap_err();
    let place = error.fields().place.clone().unwrap();
    assert_eq!(place.text.as_deref(), Some("--set seed=x"));
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edas-cifar10.yaml");
    std::fs::write(&file, LEAST).unwrap();
    let shown = folder.path().display();

    let missing = Spec::load(folder.path().join("edas-cifar1.yaml"), &[]).unwrap_err().to_string();
    assert_eq!(
        missing,
        format!(
            "there is no file {shown}/edas-cifar1.yaml\n  expected: the file of a spec\n  help: did you mean \
             `edas-cifar10.yaml`?"
        )
    );
    let nowhere = Spec::load(folder.path().join("no/a.yaml"), &[]).unwrap_err().to_string();
    assert!(nowhere.ends_with("help: the folder does not exist either: check the path"), "{nowhere}");
    let directory = Spec::load(folder.path(), &[]).unwrap_err().to_string();
    assert!(directory.starts_with(&format!("{shown} is a folder\n")), "{directory}");

    std::fs::write(&file, b"edas: 1\nname: \xc3\xa4\xff\n").unwrap();
    let binary = Spec::load(&file, &[]).unwrap_err().to_string();
    assert_eq!(
        binary,
        format!(
            "{}:2:8: not a text file in UTF-8\n  expected: the text of a spec\n  found: the byte 0xff\n  help: save \
             the file as UTF-8",
            file.display()
        )
    );
}

#[cfg(unix)]
#[test]
fn a_file_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, LEAST).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o0)).unwrap();
    // The superuser may read it all the same.
    if let Err(error) = read_text(&file, "spec") {
        assert!(error.to_string().contains("may not be read"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_without_an_end() {
    let error = read_text("/dev/zero", "spec").expect_err("no file without an end is read");
    assert_eq!(error.fields().what, "/dev/zero is too long");
    assert_eq!(error.fields().expected.as_deref(), Some("the file of a spec, at most 67108864 bytes"));
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    pair: Option<(u8, i8)>,
    #[serde(default)]
    shape: Option<Shape>,
    #[serde(default)]
    table: std::collections::BTreeMap<String, f32>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Shape {
    Point,
    Circle(f64),
    Box { width: u32 },
    Line(u8, u8),
}

/// Decoding serves other types than the spec.
#[test]
fn decoding_other_types() {
    let sample = |text: &str| {
        let node = Node::parse(text, "s.yaml").unwrap();
        decode::<Sample>(&node, "the sample").map_err(|error| error.to_string())
    };
    assert_eq!(sample("pair: [255, -128]").unwrap().pair, Some((255, -128)));
    assert_eq!(sample("shape: {box: {width: 3}}").unwrap().shape, Some(Shape::Box { width: 3 }));
    assert_eq!(sample("shape: point").unwrap().shape, Some(Shape::Point));
    assert_eq!(sample("shape: {circle: 3}").unwrap().shape, Some(Shape::Circle(3.0)));
    assert_eq!(sample("shape: {line: [1, 2]}").unwrap().shape, Some(Shape::Line(1, 2)));
    assert_eq!(sample("table: {a: 1, b: 0.5}").unwrap().table.len(), 2);
    for (text, start) in [
        ("pair: [256, 0]", "s.yaml:1:8: `pair.0` is of the wrong type\n  expected: a whole number from 0 to 255"),
        ("pair: [1]", "s.yaml:1:7: `pair` is of the wrong type\n  expected: a list of 2 entries"),
        ("shape: {box: {width: 3, w: 1}}", "s.yaml:1:25: unknown key `w` in shape.box"),
        ("shape: {box: {}}", "s.yaml:1:14: missing key `width` in shape.box"),
        ("shape: {line: [1]}", "s.yaml:1:15: `shape.line` is of the wrong type"),
        ("shape: box", "s.yaml:1:8: `shape` is of the wrong type\n  expected: `box` with its value"),
        ("shape: {point: 1}", "s.yaml:1:8: `shape` is of the wrong type\n  expected: `point` alone"),
        ("table: {a: x}", "s.yaml:1:12: `table.a` is of the wrong type\n  expected: a number"),
        ("shapes: point", "s.yaml:1:1: unknown key `shapes` in the sample"),
        ("- 1", "s.yaml:1:1: the sample is of the wrong type\n  expected: a mapping"),
    ] {
        let error = sample(text).unwrap_err();
        assert!(error.starts_with(start), "{text}: {error}");
    }
}
