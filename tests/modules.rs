//! Modules: what scripts import, from where, what they may hold, where their errors lie; and the host's own ones.

mod common;

use common::{darts_space, repository};
use edas::extension::script::{Script, embedded};
use edas::policy::turn::Clock;
use edas::policy::{Policy, ScriptPolicy, SpaceView, Turn};
use edas::spec::{Node, Sandbox};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of scripts.
struct Scripts(tempfile::TempDir);

impl Scripts {
    fn new(files: &[(&str, &str)]) -> Self {
        let scripts = Self(tempfile::tempdir().expect("a folder"));
        for (name, text) in files {
            let path = scripts.path(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("it can be written");
        }
        scripts
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The script `main.rhai`.
    fn script(&self) -> edas::Result<Script> {
        let file = self.path("main.rhai");
        let text = fs::read_to_string(&file).expect("it is there");
        Script::compile(&file, &text, &Sandbox::default(), &[], |_| {})
    }

    /// What its function `f` returns.
    fn f(&self) -> edas::Result<rhai::Dynamic> {
        self.script()?.call("f", None, ())
    }

    /// The message, without the folder's name.
    fn fails(&self) -> String {
        let error = self.f().err().unwrap_or_else(|| panic!("it fails"));
        let real = self.0.path().canonicalize().expect("it is there");
        let text = error.to_string().replace(&real.display().to_string(), "FOLDER");
        text.replace(&self.0.path().display().to_string(), "FOLDER")
    }
}

fn integer(files: &[(&str, &str)]) -> i64 {
    Scripts::new(files).f().expect("it runs").as_int().expect("a whole number")
}

#[test]
fn functions_and_constants_of_a_module() {
    let module = (
        "lib/more.rhai",
        "const OWN = 20; export const SHOWN = 2; fn add(n) { n + global::OWN + own() } private fn own() { 300 }",
    );
    assert_eq!(integer(&[("main.rhai", "import \"lib/more\" as m; fn f() { m::add(4000) + m::SHOWN }"), module]), 4322);
    assert_eq!(
        integer(&[("main.rhai", "fn f() { import \"lib/more\" as m; m::add(0) }"), module]),
        320,
        "within a function"
    );
    assert_eq!(
        integer(&[("main.rhai", "import \"lib/more\" as m; fn f() { [1, 2].map(|n| m::add(n))[1] }"), module]),
        322
    );
    let text = Scripts::new(&[("main.rhai", "import \"lib/more\" as m; fn f() { m::own() }"), module]).fails();
    assert!(text.contains("there is no function m::own"), "{text}");
}

/// A name means the same in every file: a path below the folder of the script.
#[test]
fn modules_import_others() {
    let files = [
        ("main.rhai", "import \"a/one\" as one; fn f() { import \"two\" as t; one::f() + t::f() }"),
        ("a/one.rhai", "import \"a/deep\" as d; import \"two\" as two; fn f() { d::f() + 10 * two::f() }"),
        ("a/deep.rhai", "fn f() { 100 }"),
        ("two.rhai", "fn f() { 2 }"),
    ];
    let scripts = Scripts::new(&files);
    assert_eq!(scripts.f().expect("it runs").as_int(), Ok(122));
    let script = scripts.script().expect("it compiles");
    let modules: Vec<_> =
        script.modules().iter().map(|m| (m.name.as_str(), m.path.clone(), &*m.text, m.embedded)).collect();
    let expected = [("a/deep", files[2]), ("two", files[3]), ("a/one", files[1])];
    assert_eq!(modules, expected.map(|(name, (file, text))| (name, scripts.path(file), text, false)));
}

/// A file beside the script wins over the host's own module of that name.
#[test]
fn the_scripts_own_folder_comes_first() {
    let main = ("main.rhai", "import \"lib/top\" as t; fn f() { t::argmax([1, 3, 2]) }");
    assert_eq!(integer(&[main]), 1);
    assert_eq!(integer(&[main, ("lib/top.rhai", "fn argmax(values) { 77 }")]), 77);
    let scripts = Scripts::new(&[main]);
    let script = scripts.script().expect("it compiles");
    let [module] = script.modules() else { panic!("one module") };
    assert_eq!(
        (module.name.as_str(), module.path.as_path(), module.embedded),
        ("lib/top", Path::new("<lib/top.rhai>"), true)
    );
    // A copy of it beside the script does the same.
    assert_eq!(integer(&[main, ("lib/top.rhai", &module.text)]), 1);
}

/// Modules are read once, when the script is compiled.
#[test]
fn nothing_is_read_while_a_script_runs() {
    let scripts = Scripts::new(&[("main.rhai", "import \"m\" as m; fn f() { m::f() }"), ("m.rhai", "fn f() { 1 }")]);
    let script = scripts.script().expect("it compiles");
    fs::remove_file(scripts.path("m.rhai")).expect("removed");
    assert_eq!(script.call("f", None, ()).expect("it runs").as_int(), Ok(1));
}

#[test]
fn what_cannot_be_imported() {
    let of = |import: &str, more: &[(&str, &str)]| {
        let main = format!("fn g() {{ 1 }}\n{import}\nfn f() {{ 1 }}");
        let files: Vec<_> = [("main.rhai", main.as_str())].into_iter().chain(more.iter().copied()).collect();
        Scripts::new(&files).fails()
    };
    for (import, words) in [
        ("import \"lib/schedule\" as s;", ["there is no module `lib/schedule`", "did you mean `lib/schedules`?"]),
        ("import \"mien\" as s;", ["there is no module `mien`", "did you mean `mine`?"]),
        ("import \"../mine\" as s;", ["outside of the script's folder", "copy it there"]),
        ("import \"lib/../../mine\" as s;", ["outside of the script's folder", "copy it there"]),
        ("import \"/tmp/mine\" as s;", ["outside of the script's folder", "copy it there"]),
        ("import \"C:/mine\" as s;", ["outside of the script's folder", "copy it there"]),
        ("import \"mine.rhai\" as s;", ["no name of a module", "write `mine`"]),
        ("import \"mine.txt\" as s;", ["no name of a module", "without an ending"]),
        ("import \"\" as s;", ["no name of a module", "letters, digits"]),
        ("import \"lib//top\" as s;", ["no name of a module", "letters, digits"]),
        ("import \"mi ne\" as s;", ["no name of a module", "letters, digits"]),
        ("import \"mine\";", ["this import has no name", "as name"]),
        ("import g() as s;", ["known before the script runs", "a name in quotes"]),
    ] {
        let text = of(import, &[("mine.rhai", "fn f() { 1 }")]);
        assert!(text.starts_with("FOLDER/main.rhai:2:"), "{import}: {text}");
        for word in words {
            assert!(text.contains(word), "{import}: {text}");
        }
    }
    let text = of("import \"broken\" as s;", &[("broken.rhai", "fn f() { 1 }\nfn g( { 2 }")]);
    assert!(text.contains("FOLDER/broken.rhai:2:") && text.contains("cannot be read"), "{text}");
    let text = of("import \"does\" as s;", &[("does.rhai", "fn f() { 1 }\nprint(1);")]);
    assert!(text.contains("FOLDER/does.rhai:2:") && text.contains("functions, constants and imports only"), "{text}");
    let text = of("import \"long\" as s;", &[("long.rhai", &"// a comment\n".repeat(100_000))]);
    assert!(text.contains("too long") && text.contains("long.rhai"), "{text}");
}

#[test]
fn circles() {
    let one = ("one.rhai", "import \"two\" as t; fn f() { 1 }");
    let two = ("two.rhai", "fn f() { 1 }\nfn g() { import \"one\" as o; o::f() }");
    let text = Scripts::new(&[("main.rhai", "import \"one\" as o; fn f() { o::f() }"), one, two]).fails();
    assert!(text.starts_with("FOLDER/two.rhai:2:17: scripts import each other in a circle: one → two → one"), "{text}");
    let text = Scripts::new(&[("main.rhai", "import \"main\" as m; fn f() { 1 }")]).fails();
    assert!(text.contains("in a circle: main → main"), "{text}");
}

/// What goes wrong in a module has its place there, with its text.
#[test]
fn errors_lie_where_they_happen() {
    let main = ("main.rhai", "import \"m\" as m;\n\nfn f() {\n    m::outer()\n}");
    let fails = |body: &str| {
        let module = format!("// A module.\nfn outer() {{ inner(2) }}\nfn inner(n) {{\n    {body}\n}}");
        let scripts = Scripts::new(&[main, ("m.rhai", &module)]);
        let error = scripts.f().err().unwrap_or_else(|| panic!("it fails"));
        let place = error.fields().place.clone().expect("a place");
        assert_eq!((place.file, place.line), (scripts.path("m.rhai"), 4), "{error}");
        assert_eq!(place.text.as_deref(), Some(module.as_str()));
        error.to_string()
    };
    assert!(fails("throw \"mine\";").contains("mine"));
    assert!(fails("[1].map(|x| x.missing)").contains("missing"));
    assert!(fails("1 / (n - 2)").contains("zero"));
    assert!(fails("loop { }").contains("sandbox.operations"));
    assert!(fails("inner(n + 1)").contains("sandbox.depth"));
    assert!(fails("let s = \"x\"; loop { s += s; }").contains("sandbox.string"));
    // A closure of the script that a module calls lies in the script.
    let scripts = Scripts::new(&[
        ("main.rhai", "import \"m\" as m;\nfn f() {\n    m::apply(|x| {\n        throw \"here\";\n    })\n}"),
        ("m.rhai", "fn apply(g) { [1].map(g) }"),
    ]);
    let error = scripts.f().err().unwrap_or_else(|| panic!("it fails"));
    let place = error.fields().place.clone().expect("a place");
    assert_eq!(place.line, 4, "{error}");
}

#[test]
fn scripts_say_what_they_are() {
    let scripts = Scripts::new(&[(
        "main.rhai",
        "// The head of it,\n// on two lines.\n\n// Not of it.\n\n/// What f is.\n///\n/// More.\nfn f() { [1].map(|x| x) }\n\n\
         fn g(a, b) { }\n/** Block. */\nprivate fn h() { }\n",
    )]);
    let script = scripts.script().expect("it compiles");
    assert_eq!(script.doc(), "The head of it,\non two lines.");
    let functions: Vec<_> =
        script.signatures().into_iter().map(|f| (f.name, f.parameters.join(" "), f.doc, f.private)).collect();
    let expected = [("f", "", "What f is.\n\nMore.", false), ("g", "a b", "", false), ("h", "", "Block.", true)];
    assert_eq!(functions, expected.map(|(n, p, d, x)| (n.to_owned(), p.to_owned(), d.to_owned(), x)));
    assert_eq!(script.functions(), ["f", "g", "h"]);
}

/// Every module of the host is listed, has a head, and says of every function that others can call what it does.
#[test]
fn the_hosts_modules_are_documented() {
    let folder = repository("scripts/lib");
    let mut files: Vec<String> = fs::read_dir(&folder)
        .expect("it is there")
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    let names: Vec<String> = embedded().map(|(name, _)| name.trim_start_matches("lib/").to_owned()).collect();
    assert_eq!(names, files);
    for (name, text) in embedded() {
        let script = Script::compile(Path::new(name), text, &Sandbox::default(), &[], |_| {}).expect("it compiles");
        assert!(script.doc().contains(&format!("import \"{name}\"")), "{name} shows how it is imported");
        for function in script.signatures() {
            assert!(!function.doc.is_empty(), "{name}: {}", function.name);
        }
    }
}

fn view() -> Arc<SpaceView> {
    Arc::new(SpaceView::new(&darts_space(), &[]))
}

fn turn(iteration: u64) -> Turn {
    let alpha = Arc::new((0..28).map(|e| (0..8).map(|c| f64::from((e * 7 + c * 5) % 8)).collect()).collect());
    Turn::new(Clock::at(iteration, 10, 5), &view(), &alpha, 1)
}

/// Conditions that hold in iteration 12 of 50, epoch 2 of 10.
fn holds(conditions: &[&str]) {
    let imports = "import \"lib/schedules\" as s; import \"lib/edges\" as e; import \"lib/top\" as top;";
    for condition in conditions {
        let text = format!(
            "{imports}\nfn plan(turn) {{ let edges = turn.space.edges; if !({condition}) {{ throw \"it does not\"; }} turn.strongest() }}"
        );
        let policy = ScriptPolicy::new(Path::new("p.rhai"), &text, &Node::empty("spec"), &Sandbox::default(), &view());
        policy.and_then(|mut policy| policy.plan(&turn(12))).unwrap_or_else(|error| panic!("{condition}: {error}"));
    }
}

/// Calls that say what is wrong with them.
fn refuses(calls: &[(&str, &str)]) {
    for (call, word) in calls {
        let condition =
            format!("{{ let said = \"\"; try {{ {call}; }} catch (e) {{ said = e; }} said.contains(\"{word}\") }}");
        holds(&[condition.as_str()]);
    }
}

#[test]
fn schedules() {
    holds(&[
        "s::progress(turn) == 0.24",
        "s::epoch_progress(turn) == 2.0 / 9.0",
        "s::progress_between(turn, 2, 4) == 0.2",
        "s::progress_between(turn, 0, 2) == 1.0",
        "s::progress_between(turn, 3, 9) == 0.0",
        "s::progress_between(turn, 3, 3) == 0.0",
        "s::progress_between(turn, 1, 1) == 1.0",
        "s::linear(10.0, 0.0, 0.25) == 7.5",
        "s::linear(1, 2, 0) == 1.0",
        "s::linear(1, 2, 1) == 2.0",
        "s::linear(1, 2, -5) == 1.0",
        "s::linear(1, 2, 5.5) == 2.0",
        "s::linear(0.1, 0.7, 1.0) == 0.7",
        "s::cosine(1.0, 0.0, 0.0) == 1.0",
        "s::cosine(1.0, 0.0, 1.0) == 0.0",
        "abs(s::cosine(1.0, 0.0, 0.5) - 0.5) < 0.000001",
        "s::cosine(1.0, 0.0, 0.1) > 0.97",
        "s::cosine(1.0, 0.0, 0.9) < 0.03",
        "s::exponential(8.0, 2.0, 0.0) == 8.0",
        "s::exponential(8.0, 2.0, 1.0) == 2.0",
        "abs(s::exponential(8, 2, 0.5) - 4.0) < 0.000001",
        "s::step([3, 2, 1], 0.0) == 3",
        "s::step([3, 2, 1], 0.34) == 2",
        "s::step([3, 2, 1], 0.99) == 1",
        "s::step([3, 2, 1], 1.0) == 1",
        "s::step_decay(1.0, 0.5, 10, 9) == 1.0",
        "s::step_decay(1.0, 0.5, 10, 10) == 0.5",
        "s::step_decay(1.0, 0.5, 10, 25) == 0.25",
    ]);
    refuses(&[
        ("s::linear(0.0, 1.0, 0.0 / 0.0)", "not a number"),
        ("s::step([], 0.5)", "at least one value"),
        ("s::exponential(0.0, 1.0, 0.5)", "above 0"),
        ("s::exponential(1.0, -1.0, 0.5)", "above 0"),
        ("s::step_decay(1.0, 0.5, 0, 3)", "at least 1"),
    ]);
}

#[test]
fn edges() {
    holds(&[
        "e::of_cell(edges, \"reduce\").map(|x| x.index) == [14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27]",
        "e::of_cell(edges, \"none\").is_empty()",
        "e::into(e::of_cell(edges, \"normal\"), 3).map(|x| x.index) == [2, 3, 4]",
        "e::out_of(e::of_cell(edges, \"normal\"), 2).map(|x| x.to) == [3, 4, 5]",
        "e::from_inputs(edges, 2).len == 16",
        "e::from_inputs(edges, 2).all(|x| x.from < 2)",
        "e::with_candidate(edges, \"sep_conv_3x3\").len == 28",
        "e::with_candidate(edges, \"conv\").len == 0",
        "e::with_candidates(edges, [\"none\", \"skip_connect\"]).len == 28",
        "e::with_candidates(edges, [\"none\", \"conv\"]).len == 0",
        "e::without(edges, e::of_cell(edges, \"normal\")) == e::of_cell(edges, \"reduce\")",
        "{ let groups = e::by_cell(turn.space); groups.len == 2 && groups[1] == e::of_cell(edges, \"reduce\") }",
        "e::candidates_without(edges[0], [\"none\", \"skip_connect\"]).len == 6",
        "!e::candidates_without(edges[0], [\"none\"]).contains(\"none\")",
    ]);
}

#[test]
fn the_largest() {
    holds(&[
        "top::argmax([1.0, 3.0, 2.0]) == 1",
        "top::argmax([3, 1, 3]) == 0",
        "top::argmin([3, 1, 1]) == 1",
        "top::top_k([1, 3, 2, 3], 3) == [1, 3, 2]",
        "top::top_k([1, 2], 0) == []",
        "top::top_k([], 0) == []",
        "top::ranked([0.5, 2, 1]) == [1, 2, 0]",
        "top::ranks([0.5, 2.0, 1.0]) == [2, 0, 1]",
        "{ let zero = 0.0; let nan = zero / zero; let inf = 1.0 / zero; top::argmax([nan, -inf]) == 1 && top::argmax([nan, 1.0, inf, nan]) == 2 \
         && top::ranked([nan, -inf, 0.0]) == [2, 1] && top::ranks([nan, 1.0]) == [(), 0] && top::argmin([nan, inf, -inf]) == 2 }",
        "top::argmax(turn.alpha(0)) == 3",
    ]);
    refuses(&[
        ("top::argmax([])", "no 1 largest among 0"),
        ("top::top_k([1], 2)", "no 2 largest"),
        ("top::top_k([1], -1)", "no -1 largest"),
        ("{ let zero = 0.0; top::argmax([zero / zero]) }", "of which 0 are numbers"),
    ]);
}
