//! Random mutations of the shipped scripts: whatever a script says, it ends in plans or in an error, in time and without a panic.
//!
//! Some hundreds are tried; `EDAS_MUTATIONS=100000` tries so many, and `EDAS_MUTATION=N` the Nth alone, and prints it.

mod common;

use common::{darts_space, repository};
use edas::error::{Error, Result};
use edas::extension::Settings;
use edas::graph::{Arguments, Form, OpScript, OpSet};
use edas::policy::turn::Clock;
use edas::policy::{EpochEnd, Phase, Policy, ScriptPolicy, SpaceView, StepResult, Turn};
use edas::random::{Purpose, Stream};
use edas::space::{Alpha, ScriptSpace};
use edas::spec::{Node, Sandbox};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What is tried where nothing else is asked for.
const FEW: u64 = 400;

/// How long the few may take in all: the rest is left out on a machine that is slower still.
const TIME: Duration = Duration::from_secs(10);

/// Limits that a mutated script hits soon. The time is ample: `HANG` is what must not happen.
fn limits() -> Sandbox {
    Sandbox { operations: 60_000, milliseconds: 1000, memory: 200_000_000, ..Sandbox::default() }
}

/// No single mutation takes so long, whatever it does.
const HANG: Duration = Duration::from_secs(20);

/// Every script below `scripts`, in the order of their names.
fn scripts() -> Vec<(PathBuf, String)> {
    fn below(folder: &Path, list: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, list);
            } else if path.extension().is_some_and(|e| e == "rhai") {
                let text = std::fs::read_to_string(&path).expect("a text");
                list.push((path, text));
            }
        }
    }
    let mut list = Vec::new();
    below(&repository("scripts"), &mut list);
    list.retain(|(path, _)| !path.to_string_lossy().ends_with(".d.rhai"));
    list.sort();
    assert!(list.len() >= 8, "{} scripts", list.len());
    list
}

/// Names, numbers, texts, blanks and signs.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            1
        } else if c.is_whitespace() {
            2
        } else {
            0
        }
    };
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let now = kind(c);
        if before.is_some_and(|b| b != now || now == 0) {
            tokens.push(&text[start..at]);
            start = at;
        }
        before = Some(now);
    }
    tokens.push(&text[start..]);
    tokens
}

/// Words that change what a script does more than its own words would.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "-1e308",
    "0.0",
    "(0.0/0.0)",
    "(1.0/0.0)",
    "\"\"",
    "'x'",
    "()",
    "[]",
    "#{}",
    "this",
    "turn",
    "loop { }",
    "while true { }",
    "return",
    "break",
    "continue",
    "throw",
    "let",
    "const",
    "fn",
    "private",
    "import",
    "export",
    "if",
    "else",
    "for",
    "in",
    "switch",
    "try { } catch { }",
    "|x| x",
    "||",
    "&&",
    "..",
    "..=",
    "?.",
    "??",
    "**",
    "<<",
    ">>",
    "!",
    "call",
    "curry",
    "Fn(\"plan\")",
    "plan",
    ".pad(100000, \"x\")",
    ".sort(|a, b| -1)",
    ".map(|x| [x, x])",
    ".reduce(|a, b| [a, b], [])",
    ".splice(-5, 7, [1])",
    ".extract(-3)",
    ".drain(|x| true)",
    ".chop(-1)",
    ".retain(0..2)",
    ".dedup()",
    ".zip([1], |a, b| a)",
    ".sub_string(-1, 5)",
    ".crop(1)",
    ".split(\"\")",
    ".chars()",
    ".to_string()",
    ".keys()",
    ".insert(-9, 1)",
    ".remove(9)",
    "+=",
    "[0]",
    "[-1]",
    ".index",
    ".epoch",
    ".invert()",
    ".relax_all()",
    ".gumbel(turn.rng)",
    ".temperature(0)",
    ".set_alpha(0, [])",
    ".straight_through(0, 1)",
    ".penalise(0, [1.0])",
    ".drop(0, 2.0)",
    "print(this)",
    "debug(turn)",
    "type_of(turn)",
    "is_def_fn(\"plan\", 1)",
    "range(0, 10, 0)",
    "bits",
    "body",
    "global::X",
    "/*",
    "*/",
    "//",
    "`${",
    "}",
    "{",
    "(",
    ")",
    "é",
    "\u{0}",
];

/// Numbers at the ends of what fits.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "100",
    "9223372036854775807",
    "(-9223372036854775807 - 1)",
    "0.5",
    "1e308",
    "-1e-308",
    "(0.0/0.0)",
];

/// One mutation of a text.
fn mutate(text: &str, scripts: &[(PathBuf, String)], random: &mut Stream) -> String {
    let below = |n: usize, random: &mut Stream| random.index(n.max(1) as u64) as usize;
    let other = &scripts[below(scripts.len(), random)].1;
    match below(11, random) {
        // Lines: left out, doubled, exchanged, from elsewhere.
        kind @ 0..=3 => {
            let mut lines: Vec<&str> = text.lines().collect();
            let (a, b) = (below(lines.len(), random), below(lines.len(), random));
            let others: Vec<&str> = other.lines().collect();
            match kind {
                _ if lines.is_empty() => {}
                0 => drop(lines.remove(a)),
                1 => lines.insert(b, lines[a]),
                2 => lines.swap(a, b),
                _ => lines.insert(a, others.get(below(others.len(), random)).copied().unwrap_or_default()),
            }
            lines.join("\n")
        }
        // The same with tokens, and words that do more.
        kind @ 4..=8 => {
            let mut list = tokens(text);
            let (a, b) = (below(list.len(), random), below(list.len(), random));
            let others = tokens(other);
            match kind {
                4 => drop(list.remove(a)),
                5 => list.swap(a, b),
                6 => list[a] = others[below(others.len(), random)],
                7 => list[a] = WORDS[below(WORDS.len(), random)],
                _ => list.insert(a, WORDS[below(WORDS.len(), random)]),
            }
            list.concat()
        }
        // A number, where there is one.
        9 => {
            let mut list = tokens(text);
            let is_number = |token: &&str| token.starts_with(|c: char| c.is_ascii_digit());
            let at: Vec<usize> = (0..list.len()).filter(|k| is_number(&list[*k])).collect();
            if let Some(at) = at.get(below(at.len(), random)) {
                list[*at] = NUMBERS[below(NUMBERS.len(), random)];
            }
            list.concat()
        }
        _ => {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..=below(3, random) {
                let at = below(bytes.len(), random);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.index(256) as u8;
                }
            }
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }
}

/// What happened to the mutations.
#[derive(Default)]
struct Tally {
    refused: u64,
    failed: u64,
    ran: u64,
    slowest: Duration,
}

/// How far a script came: 0 for refused, 1 for an error while it ran, 2 for no error.
fn run(path: &Path, text: &str, limits: &Sandbox, view: &Arc<SpaceView>) -> (u8, Option<Error>) {
    let came = |compiled: bool, result: Result<()>| match result {
        Ok(()) => (2, None),
        Err(error) => (u8::from(compiled), Some(error)),
    };
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    if folder == "ops" {
        return match OpScript::new(path, text, limits) {
            Ok(script) => came(true, operations(script)),
            Err(error) => came(false, Err(error)),
        };
    }
    if folder == "spaces" {
        return match ScriptSpace::new(path, text, limits) {
            Ok(script) => came(true, script.write(&Node::empty("spec")).map(|_| ())),
            Err(error) => came(false, Err(error)),
        };
    }
    // A module is tried as the policy that it may have become by what came from others.
    match ScriptPolicy::new(path, text, &Node::empty("spec"), limits, view) {
        Ok(policy) => came(true, hooks(policy, view)),
        Err(error) => came(false, Err(error)),
    }
}

fn operations(script: OpScript) -> Result<()> {
    let set = OpSet::scripted(&Arc::new(script));
    for operation in set.operations.iter().take(4) {
        let arguments = Arguments { channels_out: 6, stride: 2, form: Form::Search, classes: 7 };
        let _ = operation.build(&Settings::new(), &arguments, &vec![vec![4, 8, 8]; operation.inputs.min(4)])?;
    }
    Ok(())
}

fn hooks(mut policy: ScriptPolicy, view: &Arc<SpaceView>) -> Result<()> {
    let alpha: Arc<Alpha> =
        Arc::new((0..28).map(|e| (0..8).map(|c| f64::from((e * 7 + c * 5) % 8)).collect()).collect());
    for iteration in [0, 7, 49] {
        let turn = Turn::new(Clock::at(iteration, 10, 5), view, &alpha, 1);
        let steps = policy.plan(&turn)?;
        steps.check(view)?;
        let mut results = Vec::new();
        for (k, (phase, plan)) in steps.plans().into_iter().enumerate() {
            let _ = plan.resolve(&alpha, k as u64);
            results.push(StepResult { phase: phase.unwrap_or(Phase::Weights), loss: 0.5, accuracy: 1.0 });
        }
        policy.feedback(&turn, &results)?;
        let end =
            EpochEnd { index: iteration / 5, derived_accuracy: Some(0.5), alpha: alpha.clone(), space: view.clone() };
        policy.end_epoch(&end)?.check(view)?;
        let state = serde_json::to_string(&policy.state()?).expect("JSON");
        policy.set_state(&serde_json::from_str(&state).expect("it can be read again"))?;
    }
    policy.derive(view, &alpha).map(|_| ())
}

/// The `number`th mutation, and the script that it came from.
fn mutation(number: u64, scripts: &[(PathBuf, String)]) -> (PathBuf, String) {
    let mut random = Stream::new(12, Purpose::Policy, number);
    let (path, text) = &scripts[random.index(scripts.len() as u64) as usize];
    let mut text = text.clone();
    for _ in 0..=random.index(2) {
        text = mutate(&text, scripts, &mut random);
    }
    (path.clone(), text)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a whole number"))
}

#[test]
fn mutated_scripts_end_in_plans_or_errors() {
    let (scripts, view) = (scripts(), Arc::new(SpaceView::new(&darts_space(), &[])));
    for (path, text) in scripts.iter().filter(|(path, _)| !path.parent().is_some_and(|p| p.ends_with("lib"))) {
        let (came, error) = run(path, text, &Sandbox::default(), &view);
        assert_eq!(came, 2, "{} as it is: {}", path.display(), error.map(|e| e.to_string()).unwrap_or_default());
    }
    // A panic that is caught on its way still counts.
    let panics = Arc::new(Mutex::new(Vec::new()));
    let heard = panics.clone();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| heard.lock().expect("a list").push(panic.to_string())));
    let one = number("EDAS_MUTATION");
    let asked = number("EDAS_MUTATIONS");
    let range = one.map_or(0..asked.unwrap_or(FEW), |n| n..n + 1);
    let (started, mut tally, mut faults) = (Instant::now(), Tally::default(), Vec::new());
    for number in range {
        if one.is_none() && asked.is_none() && started.elapsed() > TIME {
            break;
        }
        let (path, text) = mutation(number, &scripts);
        if one.is_some() {
            println!("{}\n{text}", path.display());
        }
        let began = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| run(&path, &text, &limits(), &view)));
        let took = began.elapsed();
        let mut fault = |what: String| faults.push(format!("{number} ({}): {what}", path.display()));
        panics.lock().expect("a list").drain(..).for_each(&mut fault);
        if took > HANG {
            fault(format!("{took:?}"));
        }
        tally.slowest = tally.slowest.max(took);
        let Ok((came, error)) = result else { continue };
        *[&mut tally.refused, &mut tally.failed, &mut tally.ran][usize::from(came)] += 1;
        // An error's place lies in the text that it shows.
        if let Some(place) = error.as_ref().and_then(|error| error.fields().place.as_ref()) {
            let lines = place.text.as_ref().map_or(usize::MAX, |text| text.split('\n').count());
            if place.line > lines {
                fault(format!("a place beyond the text: {place}"));
            }
        }
        if one.is_some() {
            println!("{}", error.map_or_else(|| "no error".to_owned(), |error| error.to_string()));
        }
    }
    std::panic::set_hook(before);
    let Tally { refused, failed, ran, slowest } = tally;
    let took = started.elapsed().as_secs_f64();
    println!("{refused} refused, {failed} failed, {ran} ran, in {took:.1} s; the slowest took {slowest:?}");
    assert!(faults.is_empty(), "{} faults; EDAS_MUTATION=N shows the Nth:\n{}", faults.len(), faults.join("\n"));
    // Of many, each kind happens: else nothing would have been tried.
    assert!(refused + failed + ran < FEW || (refused > 0 && failed > 0 && ran > 0), "{refused}, {failed}, {ran}");
}
