//! What the documents of scripts say: definition files and the reference are made from the program (`EDAS_RECORD_DOCS=1 cargo x test
//! --test handbook` writes them anew), and every policy in the handbook is a sound one.

mod common;

use common::repository;
use edas::conformance::Outcome;
use edas::conformance::policy::{check, space};
use edas::extension::interface::Entry;
use edas::policy::script::interface::{self, HOOKS};
use edas::policy::{Policy, ScriptPolicy};
use edas::spec::{Node, Sandbox};
use std::fs;
use std::path::Path;

/// Compares a file with what it should be, or writes it.
fn is(path: &Path, wanted: &str) {
    if std::env::var_os("EDAS_RECORD_DOCS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, wanted).expect("written");
    }
    let found = fs::read_to_string(path).expect("it is there");
    assert!(found == wanted, "{} is stale: EDAS_RECORD_DOCS=1 cargo x test --test handbook", path.display());
}

#[test]
fn definition_files_are_what_the_program_says() {
    let common = edas::extension::script::common_definitions();
    let (policy, op_set) = (interface::definitions(), edas::graph::script::definitions());
    for (name, text) in [("policy", policy), ("op_set", op_set), ("common", common)] {
        is(&repository(&format!("scripts/definitions/{name}.d.rhai")), &text);
    }
}

#[test]
fn the_schema_of_specs_is_what_the_program_says() {
    is(&repository("specs/edas.schema.json"), &format!("{:#}\n", edas::spec::schema()));
    for file in fs::read_dir(repository("specs")).expect("the specs").map(|f| f.expect("a file").path()) {
        if file.extension().is_some_and(|e| e == "yaml") {
            let text = fs::read_to_string(&file).expect("a spec");
            let first = text.lines().next().unwrap_or_default();
            assert_eq!(first, "# yaml-language-server: $schema=edas.schema.json", "{}", file.display());
        }
    }
}

/// Tables of entries by subject. What has no meaning of its own is another form of the one before it.
fn reference(entries: &[Entry]) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut text = String::new();
    let mut subject = "";
    for (i, entry) in entries.iter().enumerate() {
        if entry.subject != subject {
            subject = entry.subject;
            text += &format!("\n### {subject}\n\n| | |\n|---|---|\n");
        }
        if entry.doc.is_empty() {
            continue;
        }
        let forms = entries[i + 1..].iter().take_while(|e| e.doc.is_empty() && e.subject == subject);
        let forms: Vec<String> =
            std::iter::once(entry).chain(forms).map(|e| format!("`{}`", cell(e.signature))).collect();
        text += &format!("| {} | {} |\n", forms.join("<br>"), cell(entry.doc));
    }
    text
}

fn hooks() -> String {
    let mut text = "\n### Hooks: the functions that a policy defines\n\n| | |\n|---|---|\n".to_owned();
    for hook in HOOKS {
        let fields: Vec<String> = hook.fields.iter().map(|(name, doc)| format!("`.{name}`: {doc}")).collect();
        let fields = if fields.is_empty() { String::new() } else { format!("<br>{}", fields.join("<br>")) };
        text += &format!(
            "| `fn {}({})` | {}{fields} |\n",
            hook.name,
            hook.arguments.join(", "),
            hook.doc.replace('|', "\\|")
        );
    }
    text
}

fn sandbox() -> String {
    let json = serde_json::to_value(Sandbox::default()).expect("JSON");
    let schema = edas::spec::schema();
    let mut text = "| `sandbox.` | default | |\n|---|---|---|\n".to_owned();
    for (key, value) in json.as_object().expect("an object") {
        let doc = schema["$defs"]["Sandbox"]["properties"][key]["description"].as_str().unwrap_or_default();
        text += &format!("| `{key}` | {value} | {} |\n", doc.replace('\n', " "));
    }
    text
}

/// Puts a text between the marks of a name.
fn filled(document: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no mark {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}"));
    format!("{before}{begin}{text}{end}{after}")
}

#[test]
fn the_reference_is_what_the_program_says() {
    let path = repository("scripts/README.md");
    let document = fs::read_to_string(&path).expect("the handbook");
    let document = filled(&document, "reference", &format!("{}{}\n", hooks(), reference(interface::reference())));
    let document = filled(&document, "op set reference", &format!("{}\n", reference(edas::graph::script::reference())));
    is(&path, &filled(&document, "sandbox", &sandbox()));
}

/// Every block of the handbook that is a policy.
#[test]
fn policies_of_the_handbook_are_sound() {
    let document = fs::read_to_string(repository("scripts/README.md")).expect("the handbook");
    let blocks =
        document.split("```rhai\n").skip(1).filter_map(|rest| rest.split_once("\n```")).map(|(block, _)| block);
    let policies: Vec<&str> = blocks.filter(|block| block.contains("fn plan(turn)")).collect();
    assert!(policies.len() >= 6);
    let space = space();
    for text in policies {
        let make = || {
            let params = Node::empty("spec");
            let policy = ScriptPolicy::new(&repository("scripts/x.rhai"), text, &params, &Sandbox::default(), &space)?;
            Ok(Box::new(policy) as Box<dyn Policy>)
        };
        for check in check("of the handbook", &space, &make) {
            assert!(check.outcome == Outcome::Passed, "{check:?}\n{text}");
        }
    }
}
