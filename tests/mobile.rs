//! Inverted residuals: numbers against PyTorch (f64, within 1e-9), what is refused, and a search over them.

mod common;

use common::fixtures::{Fixture, operation_matches};
use common::{edas, repository, space_of};
use edas::graph::{Arguments, Form};

/// A space of one edge with this stride and these candidates, as YAML.
fn one_edge(stride: i64, candidates: &str) -> String {
    format!(
        "{{space: 1, name: one, cell_types: [{{name: cell, inputs: 1, nodes: 1, stride: {{from_inputs: {stride}}}, \
         edges: {{from: all_before, candidates: [{candidates}]}}, output: {{node: 1}}}}], \
         backbone: {{stem: {{op: mobile_stem}}, cells: {{type: cell}}, head: {{op: mobile_head}}}}}}"
    )
}

#[test]
fn operations_match() {
    let space = space_of(
        "mobile-ops",
        &one_edge(
            1,
            "{name: e6_k3, op: mbconv}, \
             {name: e3_k5_se, op: mbconv, params: {expand: 3, kernel: 5, squeeze_excite: true}}, \
             {name: e1_k3_hs, op: mbconv, params: {expand: 1, kernel: 3, hard_swish: true}}, \
             {name: e2_k7_se_hs, op: mbconv, params: {expand: 2, kernel: 7, squeeze_excite: true, hard_swish: true}}, \
             {name: stem, op: mobile_stem}, {name: stem_hs, op: mobile_stem, params: {hard_swish: true}}, \
             {name: head, op: mobile_head}, {name: head_c6_hs, op: mobile_head, params: {channels: 6, hard_swish: true}}",
        ),
    );
    let fixture = Fixture::read("mobile_operations");
    let mut compared = 0;
    for candidate in &space.cell_types[0].edges[0].candidates {
        let (channels_in, channels_out, stride) = match candidate.name.as_str() {
            "e3_k5_se" => (4, 6, 2),
            "e1_k3_hs" => (4, 6, 1),
            "stem" | "stem_hs" => (3, 4, 1),
            _ => (4, 4, 1),
        };
        for (form_name, form) in [("search", Form::Search), ("final", Form::Final)] {
            let arguments = Arguments { channels_out, stride, form, classes: 10 };
            let input = vec![channels_in, 6, 6];
            let graph =
                candidate.operation.build(&candidate.parameters, &arguments, &[input]).expect("it can be built");
            compared += operation_matches(&fixture, &candidate.name, form_name, &graph);
        }
    }
    assert_eq!(compared, fixture.names("").count(), "everything that is in the file");
}

#[test]
fn what_cannot_be_built_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (stride, candidate, part) in [
        (1, "{name: m, op: mbconv, params: {kernel: 4}}", "`kernel` must be odd, and is 4"),
        (1, "{name: m, op: mbconv, params: {expand: 11}}", "a whole number from 1 to 10"),
        (1, "{name: m, op: mbconv, params: {expnad: 3}}", "did you mean `expand`?"),
        (2, "skip", "`skip` changes neither size nor channels"),
    ] {
        std::fs::write(folder.path().join("space.yaml"), one_edge(stride, candidate)).expect("written");
        let mut command = edas(folder.path());
        command.args(["check", "--no-timing"]).arg(repository("specs/mobile-digits.yaml"));
        let place = folder.path().join("space.yaml").display().to_string();
        let output = command.args(["--set", &format!("space={place}")]).output().expect("it runs");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_spec_finds_a_network_that_reads_digits() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = edas(folder.path());
    command.args(["search", "--quiet", "--json"]).arg(repository("specs/mobile-digits.yaml"));
    let output = command.args(["--set", "threads=1"]).assert().success();
    let result: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).expect("JSON");
    let accuracy = result["derived_accuracy"].as_f64().expect("a number");
    assert!(accuracy > 0.9, "{accuracy}");
    assert_eq!(result["genotype"].as_object().map(serde_json::Map::len), Some(5), "five blocks");
}
