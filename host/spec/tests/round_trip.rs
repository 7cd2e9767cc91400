//! A resolved spec reads back to an equal one, and the schema says what the types say.

use super::{LEAST, set, with};
use crate::spec::{
    Augment, Data, DataSet, Every, Node, Policy, Precision, Space, Spec, ValidationData, Value, check_ranges, schema,
};

#[track_caller]
fn assert_round_trip(spec: &Spec) {
    let text = spec.to_yaml().unwrap();
    let again = Spec::parse(&text, "/elsewhere/spec.yaml", &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(&again, spec, "{text}");
    assert_eq!(again.to_yaml().unwrap(), text);
    assert!(!text.contains("extends"), "{text}");
}

#[test]
fn specs_from_text() {
    for lines in [
        "",
        "seed: 18446744073709551615\nname: '3e-4'\ndevice: cuda:1\nthreads: 4\n",
        "validation: {data: {holdout: 0.1}, every: 200, batch_norm: {recalibrate: 20}}\nderive: {rule: top2}\n",
        "validation: {every: 20 iterations, batch_norm: running}\nnetwork: {precision: float64}\n",
        "search: {weights: {weight_decay: 3e-4, clip: null}, architecture: {betas: [0, 0.999]}}\n",
        "plugins: [a, ./b.so, 'yes', '1']\nname: \"x # : - ✓\"\n",
        "plugins: []\nsandbox: {operations: 5000}\n",
    ] {
        assert_round_trip(&with(lines).unwrap());
    }
    assert_round_trip(&set(&["policy={plugin: p, name: q, params: {b: 1, a: [1.5, x, {y: null}], c: -3}}"]).unwrap());
    let params = "policy.params={x: \"tabs\\tand\\n\\nlines\\0 # : - ✓\\n\", '- ': ' a '}";
    assert_round_trip(&set(&[params]).unwrap());
    assert_round_trip(&set(&["space={plugin: ./p.so, name: q}"]).unwrap());
    assert_round_trip(&set(&["space={script: s.rhai}"]).unwrap());
    assert_round_trip(&set(&["space={name: x, cell_types: [{name: normal, at: cells / 3, text: '× 2'}]}"]).unwrap());
}

#[test]
fn floats_keep_their_bits() {
    for value in [3e-4, 0.1 + 0.2, 1e-7, f64::MIN_POSITIVE, 5e-324, 1.0 / 3.0, 0.0] {
        let mut spec = with("").unwrap();
        spec.search.architecture.learning_rate = value;
        spec.policy.as_mut().unwrap().params_mut().value = Value::Mapping(vec![]);
        let text = spec.to_yaml().unwrap();
        let again = Spec::parse(&text, "s.yaml", &[]).unwrap();
        assert_eq!(again.search.architecture.learning_rate.to_bits(), value.to_bits(), "{text}");
    }
    // Also where no type asks for a float.
    for value in [3e-4, 1.0, 1e21, -2.5e-300, f64::INFINITY] {
        let text = format!("x: {value:?}").replace("inf", ".inf");
        let node = Node::parse(&text, "x").unwrap();
        assert_eq!(node.get("x").unwrap().value, Value::Float(value));
        assert_eq!(Node::parse(&node.to_yaml().unwrap(), "x").unwrap(), node);
    }
}

#[test]
fn a_spec_made_in_code() {
    let data = Data {
        augment: Augment { crop: 0, flip: false, ..Augment::default() },
        ..Data::new(DataSet::Images, Some("images".into()))
    };
    let mut spec = Spec::new(Space::File("specs/spaces/darts.yaml".into()), Policy::script("edas.rhai"), data);
    spec.network.precision = Precision::Float64;
    spec.validation.every = Every::Iterations(10);
    spec.check().unwrap();
    assert_round_trip(&spec);
    assert_eq!(spec.place("seed"), None);

    spec.search.batch = 0;
    assert!(spec.check().unwrap_err().to_string().starts_with("<spec>: `search.batch` is out of range"));
    spec.search.batch = 1;
    spec.search.weights.learning_rate = f64::NAN;
    assert!(spec.check().is_err());
    spec.search.weights.learning_rate = 1e-4;
    assert!(spec.check().unwrap_err().to_string().contains("minimum learning rate"));
}

#[test]
fn defaults_are_those_of_the_paper() {
    let spec = with("").unwrap();
    let text = spec.to_yaml().unwrap();
    for line in [
        "name: a\n",
        "seed: 0\n",
        "device: auto\n",
        "- darts-ops\n",
        "  cells: 20\n  channels: 16\n",
        "  split: 0.5\n",
        "    resized_crop: null\n    crop: 4\n    flip: true\n    jitter: null\n    cutout: 0\n",
        "  epochs: 25\n  batch: 64\n",
        "    learning_rate: 0.025\n    minimum_learning_rate: 0.001\n    momentum: 0.9\n    weight_decay: 0.0003\n    clip: 5.0\n",
        "    betas:\n    - 0.5\n    - 0.999\n    weight_decay: 0.0\n    lazy: true\n",
        "validation:\n  data: search\n  every: epoch\n  batch_norm: batch\n",
        "  rule: argmax\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// What the schema calls a default is what a spec without the key gets.
#[test]
fn the_schema_shows_every_default_and_a_description_of_every_key() {
    let schema = schema();
    let resolved = serde_json::to_value(with("").unwrap()).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.keys().nth(1).unwrap(), "extends");
    for (key, property) in properties {
        assert!(property["description"].is_string(), "{key}");
        if !["edas", "extends", "name", "space", "policy", "data"].contains(&key.as_str()) {
            assert_eq!(property["default"], resolved[key], "{key}");
        }
    }
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert!(definition["description"].is_string(), "{name}");
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{key}");
        }
    }
    assert_eq!(schema["$defs"]["WeightsOptimizer"]["properties"]["momentum"]["exclusiveMaximum"], 1);
    assert_eq!(schema["$defs"]["Data"]["properties"]["split"]["default"], 0.5);
}

#[test]
fn json_and_back() {
    let node = Node::parse(LEAST, "a.yaml").unwrap();
    assert_eq!(Node::from_json(&node.to_json(), "<json>"), node);
    let odd = Node::parse("[.nan, .inf, -.inf, 18446744073709551615, -5]", "a").unwrap();
    assert_eq!(odd.to_json(), serde_json::json!(["NaN", "inf", "-inf", u64::MAX, -5]));
    let mut spec = with("").unwrap();
    spec.validation.data = ValidationData::Holdout(0.5);
    assert_eq!(serde_json::to_value(&spec).unwrap()["validation"]["data"]["holdout"], 0.5);
    check_ranges::<Spec>(&Node::from_json(&serde_json::to_value(&spec).unwrap(), "<json>")).unwrap();
}
