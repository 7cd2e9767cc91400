//! The report in a real browser: what is chosen is shown, nothing goes wrong, nothing is asked for. Skipped, with the reason, where there is
//! no Chromium: `EDAS_BROWSER`, or one on the PATH.

mod common;

use common::{edas, repository};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Listens from the page's first moment on.
const LISTEN: &str = r"<script>
window.faults = [];
for (const name of ['error', 'securitypolicyviolation', 'unhandledrejection'])
  document.addEventListener(name, (e) => window.faults.push(name + ': ' + (e.violatedDirective || e.message)));
window.addEventListener('error', (e) => window.faults.push(e.message));
console.error = (...what) => window.faults.push('console: ' + what.join(' '));
</script>";

/// Does what a reader does, and notes what is then shown.
const ACT: &str = r#"<script>
const seen = (element) => element !== null && element.offsetParent !== null && element.getClientRects().length > 0;
const told = {};
const set = (control, value, event) => { control.value = value; control.dispatchEvent(new Event(event)); };
told.captions = []; told.pictures = [];
const slider = document.querySelector('input[type=range]');
const cells = document.getElementById(slider.dataset.shows);
for (let at = 0; at <= Number(slider.max); at++) {
  set(slider, at, 'input');
  told.captions.push([...cells.querySelectorAll('figcaption')].filter(seen).map((c) => c.textContent));
  told.pictures.push([...cells.querySelectorAll('[data-picture]')].filter(seen).map((p) => p.dataset.picture));
}
const list = document.querySelector('select');
told.edges = [];
for (let at = 0; at < list.options.length; at++) {
  set(list, at, 'input');
  told.edges.push([...document.getElementById(list.dataset.shows).querySelectorAll('figure')].filter(seen)
    .map((f) => [list.options[at].textContent, f.querySelector('figcaption').textContent]));
}
const curves = () => [...document.querySelectorAll('#plot-derived-accuracy polyline')].filter((c) => getComputedStyle(c).display !== 'none').length;
told.curves = [curves()];
const box = document.querySelector('input[data-run]');
if (box) {
  const parts = () => [...document.querySelectorAll('[data-of-run="0"]')].filter(seen).length;
  told.parts = [parts()];
  for (const checked of [false, true]) {
    box.checked = checked; box.dispatchEvent(new Event('change'));
    told.curves.push(curves()); told.parts.push(parts());
  }
}
const link = document.querySelector('a[data-svg]');
link.addEventListener('click', (e) => e.preventDefault());
link.click();
told.svg = decodeURIComponent(link.href).slice(0, 40);
told.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
told.requests = performance.getEntriesByType('resource').map((e) => e.name);
told.struck = window.struck ?? null;
told.faults = window.faults;
document.documentElement.setAttribute('data-told', JSON.stringify(told));
</script>"#;

fn browser() -> Option<String> {
    let named = std::env::var("EDAS_BROWSER").ok();
    let candidates = named.into_iter().chain(["chromium", "chromium-browser", "google-chrome"].map(str::to_owned));
    let works = |program: &String| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    let found = candidates.into_iter().find(works);
    if found.is_none() {
        eprintln!("not tried in a browser: there is no Chromium (EDAS_BROWSER names one)");
    }
    found
}

fn search(folder: &Path, run: &str, seed: u64) {
    let mut command = edas(folder);
    command.arg("search").arg(repository("specs/quickstart.yaml")).args([
        "-q",
        "--run",
        run,
        "--seed",
        &seed.to_string(),
    ]);
    for setting in ["network.cells=3", "network.channels=4", "search.epochs=4", "data.limit=160", "threads=1"] {
        command.args(["--set", setting]);
    }
    command.assert().success();
}

/// What the reader saw.
fn read(browser: &str, folder: &Path, runs: &[&str], size: &str) -> Value {
    let file = folder.join("page.html");
    edas(folder).arg("report").args(runs).arg("-o").arg(&file).assert().success();
    let page = fs::read_to_string(&file).expect("the page");
    let page = page.replacen("<meta charset", &format!("{LISTEN}<meta charset"), 1).replacen(
        "</body>",
        &format!("{ACT}</body>"),
        1,
    );
    fs::write(&file, page).expect("written");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .args(["--virtual-time-budget=5000", "--enable-logging=stderr", &format!("--window-size={size}")])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("CONSOLE"), "{said}");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = dom.split("data-told=\"").nth(1).and_then(|rest| rest.split('"').next());
    let told = told.unwrap_or_else(|| panic!("nothing was seen: {said}")).replace("&quot;", "\"");
    let told = told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&told).expect("JSON")
}

#[test]
fn what_is_chosen_is_shown() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    search(folder.path(), "first", 0);
    search(folder.path(), "<img src=x onerror='window.struck=1'>", 1);
    for (runs, size) in
        [(&["first"][..], "1300,900"), (&["first", "<img src=x onerror='window.struck=1'>"][..], "500,900")]
    {
        let told = read(&browser, folder.path(), runs, size);
        for (name, expected) in [("faults", "[]"), ("requests", "[]"), ("struck", "null"), ("wide", "0")] {
            assert_eq!(told[name].to_string(), expected, "{name}: {told}");
        }
        let captions = told["captions"].as_array().expect("captions");
        assert_eq!(captions.len(), 4);
        for (at, (caption, pictures)) in captions.iter().zip(told["pictures"].as_array().expect("pictures")).enumerate()
        {
            assert_eq!((caption.as_array().map(Vec::len), pictures.as_array().map(Vec::len)), (Some(1), Some(1)));
            assert!(caption[0].as_str().is_some_and(|text| text.starts_with(&format!("epoch {at}, "))), "{caption}");
        }
        let edges = told["edges"].as_array().expect("edges");
        assert_eq!(edges.len(), 28);
        for edge in edges {
            assert_eq!(edge.as_array().map(Vec::len), Some(1), "{edge}");
            assert_eq!(edge[0][0], edge[0][1]);
        }
        assert!(
            told["svg"].as_str().is_some_and(|svg| svg.starts_with("data:image/svg+xml;charset=utf-8,<svg ")),
            "{told}"
        );
        if runs.len() > 1 {
            let curves: Vec<u64> = serde_json::from_value(told["curves"].clone()).expect("counts");
            assert!(curves[1] < curves[0] && curves[2] == curves[0], "{curves:?}");
            let parts: Vec<u64> = serde_json::from_value(told["parts"].clone()).expect("counts");
            assert!(parts[0] > 4 && parts[1] == 0 && parts[2] == parts[0], "{parts:?}");
        }
    }
}
