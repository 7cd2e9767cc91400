//! Pages about runs: their numbers are those of the run directories, of whatever is left of these; and texts are shown as text.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{edas, repository};
use edas::report::History;
use edas::report::history::{Series, State};
use edas::report::page;
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A finished search of three epochs, made once for all tests.
fn searched() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("searched");
        let mut command = edas(folder.path());
        command.arg("search").arg(repository("specs/quickstart.yaml")).arg("-q").arg("--run").arg(&run);
        for setting in ["network.cells=3", "network.channels=4", "search.epochs=3", "data.limit=160", "search.batch=16"]
        {
            command.args(["--set", setting]);
        }
        command.args(["--set", "validation.every=7", "--set", "threads=1", "--set", "policy.params.warmup_epochs=2"]);
        command.assert().success();
        (folder, run)
    };
    &FOLDER.get_or_init(make).1
}

fn lines(run: &Path, log: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join(log)).expect("the log");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The lines of the CSV file that a page offers for a plot.
fn csv(page: &str, plot: &str) -> Vec<Vec<String>> {
    let figure = page.split(&format!("<figure id=\"plot-{plot}\">")).nth(1).unwrap_or_else(|| panic!("no plot {plot}"));
    let figure = figure.split("</figure>").next().expect("its end");
    let data = figure.split("data:text/csv;charset=utf-8;base64,").nth(1).expect("its numbers");
    let bytes = STANDARD.decode(data.split('"').next().expect("the end of the link")).expect("base64");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
    reader.records().map(|record| record.expect("a record").iter().map(str::to_owned).collect()).collect()
}

/// x and y of a curve.
fn curve(page: &str, plot: &str, name: &str) -> Vec<(f64, f64)> {
    let number = |text: &String| text.parse::<f64>().expect("a number");
    let records = csv(page, plot).into_iter().skip(1).filter(|record| record[0] == name);
    records.map(|record| (number(&record[1]), number(&record[2]))).collect()
}

/// x and y of what log lines of a kind say.
fn told(lines: &[Value], kind: &str, x: &str, y: &str) -> Vec<(f64, f64)> {
    let lines = lines.iter().filter(|line| kind.is_empty() || line["kind"] == kind);
    lines.map(|line| (line[x].as_f64().expect(x), line[y].as_f64().expect(y))).collect()
}

#[test]
fn numbers_are_those_of_the_run_directory() {
    let run = searched();
    let history = History::read(run).expect("a run");
    assert_eq!(history.missing, Vec::<String>::new());
    assert_eq!(history.state, State::Finished);
    let page = page(std::slice::from_ref(&history)).expect("a page");
    let metrics = lines(run, "metrics.jsonl");
    for (plot, name, field) in [
        ("losses", "architecture steps", "search_loss"),
        ("losses", "weights steps", "train_loss"),
        ("training-accuracy", "architecture steps", "search_accuracy"),
        ("training-accuracy", "weights steps", "train_accuracy"),
        ("iteration-seconds", "searched", "seconds"),
    ] {
        assert_eq!(curve(&page, plot, name), told(&metrics, "iteration", "iteration", field), "{field}");
    }
    assert_eq!(curve(&page, "learning-rate", "searched"), told(&metrics, "epoch", "epoch", "learning_rate"));
    assert_eq!(curve(&page, "epoch-seconds", "searched"), told(&metrics, "epoch", "epoch", "seconds"));

    // Validations within and at the ends of epochs, as `genotypes.jsonl` has them all.
    let genotypes = lines(run, "genotypes.jsonl");
    let derived = told(&genotypes, "", "iteration", "derived_accuracy");
    assert!(derived.len() > 3);
    assert_eq!(curve(&page, "derived-accuracy", "searched"), derived);
    let supernet = curve(&page, "supernet-and-derived", "supernet");
    for (((at, gap), (_, supernet)), (_, derived)) in curve(&page, "gap", "searched").iter().zip(supernet).zip(derived)
    {
        assert_eq!(*gap, supernet - derived, "after iteration {at}");
    }

    // α of every edge.
    let alpha = lines(run, "alpha.jsonl");
    let mut edge = 0;
    for (cell, rows) in alpha[0]["cells"].as_object().expect("cells") {
        for position in 0..rows.as_array().expect("rows").len() {
            let expected: Vec<Vec<f64>> = alpha
                .iter()
                .map(|line| serde_json::from_value(line["cells"][cell][position].clone()).expect("a row"))
                .collect();
            for (candidate, name) in history.edges[edge].candidates.iter().enumerate() {
                let values: Vec<f64> =
                    curve(&page, &format!("alpha-{edge}"), name).iter().map(|point| point.1).collect();
                assert_eq!(values, expected.iter().map(|row| row[candidate]).collect::<Vec<f64>>(), "{cell} {name}");
            }
            edge += 1;
        }
    }
    assert_eq!(edge, 28);

    // What was drawn.
    let trace = lines(run, "trace.jsonl");
    let drawn = csv(&page, "drawn-edges");
    for index in 0..edge {
        let is_drawn =
            |line: &&Value| line["relaxed"].as_array().is_some_and(|all| all.iter().any(|e| e["index"] == index));
        assert_eq!(drawn[index + 1][2], trace.iter().filter(is_drawn).count().to_string(), "edge {index}");
    }
    let ran_alone =
        |name: &str| trace.iter().flat_map(|line| line["gates"].as_array()).flatten().filter(|g| *g == name).count();
    for record in csv(&page, "candidates").iter().skip(1).filter(|record| record[0] == "alone") {
        assert_eq!(record[2], ran_alone(&record[1]).to_string(), "{}", record[1]);
    }
    assert_eq!(history.draws.inverted_epochs, [(0, 1)]);

    // The result.
    let genotype: Value =
        serde_json::from_str(&fs::read_to_string(run.join("genotype.json")).expect("the result")).expect("JSON");
    for edge in genotype["cells"]["normal"]["edges"].as_array().expect("edges") {
        let name = edge["candidate"].as_str().expect("a name");
        assert!(page.contains(&format!("normal {} → {}: {name}", edge["from"], edge["to"])));
    }
    // Sizes are those that `edas check` tells by the same settings.
    let mut check = edas(run);
    check
        .args(["--json", "check"])
        .arg(run.join("genotype.json"))
        .args(["--by", &repository("specs/evaluate-digits.yaml").display().to_string()]);
    check.args(["--set", "evaluate.cells=20", "--set", "evaluate.channels=36", "--set", "evaluate.auxiliary=null"]);
    let told: Value = serde_json::from_slice(&check.assert().success().get_output().stdout).expect("JSON");
    let parameters = curve(&page, "parameters", "parameters").last().expect("a value").1;
    assert_eq!(told[0]["parameters"].as_f64(), Some(parameters));
}

/// How often the strongest candidate became another one, counted by hand.
#[test]
fn changes_of_rank_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let alpha = [[0.0, 1.0, 0.5], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.7, 0.1, 2.0], [0.7, 0.1, 0.3]];
    let line = |(epoch, row): (usize, &[f64; 3])| format!("{{\"epoch\":{epoch},\"cells\":{{\"c\":[{row:?}]}}}}\n");
    fs::write(folder.path().join("alpha.jsonl"), alpha.iter().enumerate().map(line).collect::<String>())
        .expect("written");
    let history = History::read(folder.path()).expect("a run, as far as it goes");
    let changes = history.alpha.as_ref().expect("α");
    assert_eq!((&changes.strongest_changed[..], &changes.order_changed[..]), (&[2][..], &[3][..]));
    assert_eq!(changes.strongest(), [0]);
    let page = page(&[history]).expect("a page");
    assert!(page.contains("candidate 2") && page.contains("there is no trace.jsonl"));
}

#[test]
fn an_evaluation_and_several_runs_side_by_side() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second, evaluated) = (searched(), folder.path().join("other"), folder.path().join("evaluated"));
    let mut search = edas(folder.path());
    search.arg("search").arg(repository("specs/quickstart.yaml")).args(["-q", "--seed", "1", "--run"]).arg(&second);
    for setting in ["network.cells=3", "network.channels=4", "search.epochs=2", "data.limit=160", "threads=1"] {
        search.args(["--set", setting]);
    }
    search.assert().success();
    let mut evaluate = edas(folder.path());
    evaluate
        .arg("evaluate")
        .arg(first)
        .arg("--spec")
        .arg(repository("specs/evaluate-digits.yaml"))
        .args(["-q", "--run"]);
    evaluate.arg(&evaluated);
    for setting in ["evaluate.epochs=2", "evaluate.cells=3", "evaluate.channels=4", "threads=1"] {
        evaluate.args(["--set", setting]);
    }
    evaluate.assert().success();

    let file = folder.path().join("page.html");
    edas(folder.path()).arg("report").args([first, &second, &evaluated]).arg("-o").arg(&file).assert().success();
    let page = fs::read_to_string(&file).expect("the page");
    for (run, name) in [(first, "searched"), (second.as_path(), "other")] {
        let derived = told(&lines(run, "genotypes.jsonl"), "", "iteration", "derived_accuracy");
        assert_eq!(curve(&page, "derived-accuracy", name), derived);
    }
    let tests = told(&lines(&evaluated, "metrics.jsonl"), "epoch", "epoch", "test_accuracy");
    assert_eq!(curve(&page, "test-accuracy", "evaluated"), tests);
    assert_eq!(
        curve(&page, "run-2-losses", "test"),
        told(&lines(&evaluated, "metrics.jsonl"), "epoch", "epoch", "test_loss")
    );
    let result: Value =
        serde_json::from_str(&fs::read_to_string(evaluated.join("result.json")).expect("it")).expect("JSON");
    let confusion: Vec<u64> =
        serde_json::from_value::<Vec<Vec<u64>>>(result["confusion"].clone()).expect("it").concat();
    let hits = page.split("<td class=\"number hit\"").skip(1).map(|cell| {
        let number = cell.split('>').nth(1).and_then(|text| text.split('<').next());
        number.and_then(|number| number.parse::<u64>().ok()).expect("a count")
    });
    assert_eq!(hits.collect::<Vec<u64>>(), confusion);
    // Names of classes are text.
    let named = folder.path().join("named");
    copy(&evaluated, &named);
    let hostile =
        ["<script>window.struck=1</script>", "\"'><svg onload=alert(1)>", "שלום & مرحبا", &"long ".repeat(200)];
    let mut renamed = result.clone();
    for (class, name) in renamed["classes"].as_array_mut().expect("classes").iter_mut().zip(hostile) {
        *class = name.into();
    }
    fs::write(named.join("result.json"), renamed.to_string()).expect("written");
    let shown = edas::report::page(&[History::read(&named).expect("a run")]).expect("a page");
    assert_eq!((shown.matches("<script").count(), shown.matches("onload=alert(1)>").count()), (1, 0));
    assert!(shown.contains("&lt;svg onload=alert(1)&gt;") && shown.contains("<th dir=\"auto\">שלום &amp; مرحبا</th>"));

    // The table of the paper's form is that of `edas compare`.
    let compared =
        edas(folder.path()).arg("compare").args([first, &second, &evaluated]).arg("--json").assert().success();
    let compared: Value = serde_json::from_slice(&compared.get_output().stdout).expect("JSON");
    for row in compared["rows"].as_array().or(compared.as_array()).expect("rows") {
        assert!(page.contains(&format!(
            "<td class=\"text\" dir=\"auto\">{}</td>",
            row["architecture"].as_str().expect("a name")
        )));
    }
}

/// What of several runs is read is no more than what is shown of them, and a run that is damaged leaves the others' rows.
#[test]
fn runs_are_told_apart_and_a_damaged_one_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    for place in ["a/seed-0", "b/seed-0", "b/other"] {
        copy(searched(), &folder.path().join(place));
    }
    fs::write(folder.path().join("b/other/genotype.json"), "{").expect("written");
    let mut command = edas(folder.path());
    command.args(["report", "a/seed-0", "b/seed-0", "b/other", "b/../a/seed-0/", "-o", "-"]);
    let output = command.assert().success();
    let page = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("named twice is shown once"));
    for name in ["a/seed-0", "b/seed-0", "other"] {
        assert!(page.contains(&format!("<bdi>{name}</bdi>")), "{name}");
    }
    assert!(page.contains("<li dir=\"auto\">other: ") && page.matches("gradient-based").count() == 1);
    assert!(page.contains("What the run has come to cannot be read: this is what it derived last."));
}

/// The last of many numbers is the last, though a point of the plot stands for several.
#[test]
fn the_last_value_is_no_mean() {
    let mut series = Series::default();
    (0..1500).for_each(|x| series.push(f64::from(x), f64::from(x % 2)));
    assert_eq!((series.last(), series.points().last().map(|point| point.y)), (Some(1.0), Some(0.5)));
    // Numbers that no axis has room for are left out.
    let mut run = History::read(searched()).expect("a run");
    run.metrics.train_loss.push(1e9, -1.7e308);
    run.metrics.train_loss.push(1e9 + 1.0, 1.7e308);
    assert!(page(&[run]).expect("a page").len() > 1000);
    assert!(page(&[]).expect("a page about nothing").ends_with("</html>"));
}

/// What a page must not hold: anything that a browser would fetch.
#[test]
fn nothing_is_fetched_from_elsewhere() {
    let page = page(&[History::read(searched()).expect("a run")]).expect("a page");
    for (at, _) in page.match_indices("http") {
        let around = &page[at.saturating_sub(12)..(at + 40).min(page.len())];
        assert!(around.contains("http-equiv") || around.contains("http://www.w3.org/2000/svg"), "{around}");
    }
    for forbidden in [" src=", "@import", "url(", "<iframe", "<object", "<embed", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // Every name of a part is that of one part.
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
}

#[test]
fn errors_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = edas(folder.path()).args(["report", "nowhere"]).assert().code(2);
    let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(text.contains("nowhere is no run directory") && text.contains("no folder"), "{text}");
    let output = edas(folder.path()).arg("report").arg(searched()).args(["-o", "not/there.html"]).assert().code(1);
    let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(text.contains("not/there.html") && text.contains("make its folder first"), "{text}");
}

/// Names and class labels that would be markup, in every place where a run has names.
#[test]
fn texts_are_shown_as_text() {
    let hostile = [
        "<script>window.struck=1</script>",
        "\"><img src=x onerror=window.struck=1>",
        "'];alert(1)//",
        "</style></svg>",
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("مرحبا <b>bold</b>");
    copy(searched(), &run);
    let spec = fs::read_to_string(run.join("spec.yaml")).expect("the spec");
    let name = format!("{:?}", format!("{} עברית {}", hostile.concat(), "long".repeat(500)));
    fs::write(run.join("spec.yaml"), spec.replace("name: quickstart", &format!("name: {name}"))).expect("written");
    for log in ["trace.jsonl", "genotypes.jsonl"] {
        let text = fs::read_to_string(run.join(log)).expect("the log");
        fs::write(run.join(log), text.replace("skip_connect", "<script>window.struck=2<\\/script>")).expect("written");
    }
    fs::remove_file(run.join("genotype.json")).expect("removed");
    fs::write(run.join("failure.txt"), hostile.concat()).expect("written");
    let page = page(&[History::read(&run).expect("a run"), History::read(searched()).expect("a run")]).expect("a page");
    // The page's own script and styles, and none besides; and no element that a text made.
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(!page.contains("<img") && !page.contains("<b>"));
    assert!(
        page.contains("&lt;script&gt;window.struck=1&lt;/script&gt;")
            && page.contains("עברית")
            && page.contains("مرحبا")
    );
    assert!(page.contains("&lt;script&gt;window.struck=2&lt;/script&gt;"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).expect("copied")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// A run directory whose files end anywhere makes a page, which says what is missing.
    #[test]
    fn a_run_cut_at_any_byte_makes_a_page(file in 0usize..7, share in 0.0f64..1.0, removed in any::<bool>()) {
        let names = ["spec.yaml", "metrics.jsonl", "trace.jsonl", "alpha.jsonl", "genotypes.jsonl", "genotype.json", "sessions.jsonl"];
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run");
        copy(searched(), &run);
        let path = run.join(names[file]);
        let bytes = fs::read(&path).expect("it is there");
        let length = (bytes.len() as f64 * share) as usize;
        if removed { fs::remove_file(&path).expect("removed") } else { fs::write(&path, &bytes[..length]).expect("cut") }
        let history = History::read(&run).expect("there is enough of a run");
        let is_whole_log = names[file].ends_with("jsonl") && !removed && (length == 0 || bytes[length - 1] == b'\n');
        // A result that is not there is one that has not come yet.
        if !(is_whole_log || removed && names[file] == "genotype.json") {
            prop_assert!(history.missing.iter().any(|what| what.contains(names[file]) || what.contains("genotype")), "{:?}", history.missing);
        }
        for missing in &history.missing {
            prop_assert!(page(std::slice::from_ref(&history)).expect("a page").contains(missing.split(['<', '>', '&', '"']).next().expect("a part")));
        }
        prop_assert!(page(&[history]).expect("a page").ends_with("</html>"));
    }

    /// However many numbers come, few points stand for all of them: none is lost.
    #[test]
    fn thinning_keeps_every_number(values in prop::collection::vec(-1e3f64..1e3, 1..6000)) {
        let mut series = Series::default();
        values.iter().enumerate().for_each(|(x, y)| series.push(x as f64, *y));
        let points = series.points();
        prop_assert!(points.len() <= 1000 && series.count() == values.len() as u64);
        let each = series.each() as usize;
        prop_assert_eq!(points.len(), values.len().div_ceil(each));
        for (point, part) in points.iter().zip(values.chunks(each)) {
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            prop_assert!((point.y - mean).abs() < 1e-9);
            let (least, most) = part.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            prop_assert_eq!(point.range.unwrap_or((point.y, point.y)), (least, most));
        }
    }
}

/// A long run makes a page that is not much larger than a short one.
#[test]
fn a_long_run_makes_a_small_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("long");
    common::long_run::stretch(searched(), &run, 60_000);
    let history = History::read(&run).expect("a run");
    assert_eq!((history.metrics.iterations, history.missing.len()), (60_000, 0));
    assert_eq!(history.draws.steps, 60_000);
    let page = page(&[history]).expect("a page");
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    assert!(page.contains("Each point is the mean of up to 64 values"));
}

/// The library alone gives what the page shows.
#[test]
fn figures_can_be_had_one_by_one() {
    let history = History::read(searched()).expect("a run");
    let plot = edas::report::figures::alpha(&history, 3);
    assert_eq!(plot.curves.len(), 8);
    assert_eq!(plot.shaded, [(-0.5, 1.5)]);
    let svg = plot.svg().expect("it can be drawn");
    let png = edas::report::picture::png(&svg, 1.0).expect("it can be painted");
    let image = image::load_from_memory(&png).expect("a PNG");
    assert!(image.width() == 560 && image.height() > 200);
}
