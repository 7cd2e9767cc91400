//! TensorBoard's files: what they hold is what the logs hold, interrupted or not; and TensorBoard's own reader reads it, where there is a
//! Python with it: `EDAS_PYTHON`, or `python3`.

mod common;

use common::{repository, small_spec};
use edas::report::TensorBoard;
use edas::run::{Event, Observer, RunDirectory};
use edas::train::resume::Resume;
use edas::train::{End, Interruption};
use edas::{Result, Search};
use prost::Message;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Interrupts a run after an iteration.
struct After(u64, Interruption);

impl Observer for After {
    fn event(&mut self, event: &Event) -> Result<()> {
        if matches!(event, Event::Iteration(record, _) if record.iteration == self.0) {
            self.1.request();
        }
        Ok(())
    }
}

/// Runs a small search in a directory, or goes on with it, until an iteration or its end.
fn run(folder: &Path, until: Option<u64>) {
    let spec = small_spec(&["search.epochs=3", "validation.every=7", "checkpoint.every=3"]);
    let resumed = Search::resume(spec, folder, Resume::default()).expect("it can go on").expect("it is not over");
    let (search, mut directory): (Search, RunDirectory) = (resumed.stage, resumed.directory);
    let mut board = TensorBoard::new(folder);
    let interruption = Interruption::default();
    let mut after = After(until.unwrap_or(u64::MAX), interruption.clone());
    let end = search.run_unless(&interruption, &mut [&mut directory, &mut board, &mut after]).expect("it runs");
    assert_eq!(matches!(end, End::Interrupted { .. }), until.is_some());
}

#[derive(Clone, PartialEq, Message)]
struct Read {
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Tagged>,
}

#[derive(Clone, PartialEq, Message)]
struct Tagged {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    scalar: Option<f32>,
    #[prost(bytes = "vec", optional, tag = "5")]
    histogram: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    image: Option<Vec<u8>>,
}

/// Step, value if it is a scalar, and bytes if it is not.
type Told = (i64, Option<f32>, Option<Vec<u8>>);

/// What there is by tag, times left out.
fn events(folder: &Path) -> BTreeMap<String, Vec<Told>> {
    let bytes = fs::read(folder.join("tensorboard/events.out.tfevents.edas")).expect("the file");
    let (mut rest, mut events) = (bytes.as_slice(), BTreeMap::new());
    while let Some((length, after)) = rest.split_first_chunk::<8>() {
        let length = u64::from_le_bytes(*length) as usize;
        let event = Read::decode(&after[4..4 + length]).expect("an event");
        for value in event.summary.unwrap_or_default().value {
            let list: &mut Vec<_> = events.entry(value.tag).or_default();
            list.push((event.step, value.scalar, value.histogram.or(value.image)));
        }
        rest = &after[4 + length + 4..];
    }
    // How long things took is never the same twice.
    events.retain(|tag: &String, _| !tag.ends_with("seconds"));
    events
}

#[test]
fn events_are_those_of_the_logs_interrupted_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, parted, killed) =
        (folder.path().join("whole"), folder.path().join("parted"), folder.path().join("killed"));
    run(&whole, None);
    let expected = events(&whole);
    let lines = fs::read_to_string(whole.join("metrics.jsonl")).expect("the log");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told = |kind: &str, field: &str| -> Vec<Option<f32>> {
        let lines = lines.iter().filter(|line| line["kind"] == kind);
        lines.map(|line| line[field].as_f64().map(|value| value as f32)).collect()
    };
    let values = |tag: &str| -> Vec<Option<f32>> { expected[tag].iter().map(|(_, value, _)| *value).collect() };
    for field in ["search_loss", "train_loss", "search_accuracy", "train_accuracy"] {
        assert_eq!(values(&format!("iteration/{field}")), told("iteration", field), "{field}");
    }
    assert_eq!(values("epoch/learning_rate"), told("epoch", "learning_rate"));
    let validations = fs::read_to_string(whole.join("genotypes.jsonl")).expect("the log").lines().count();
    assert_eq!(expected["validation/derived_accuracy"].len(), validations);
    assert_eq!(expected.keys().filter(|tag| tag.starts_with("alpha/")).count(), 28);
    assert_eq!((expected["alpha/normal 0 to 2 (edge 0)"].len(), expected["derived cells"].len()), (3, 3));

    // Interrupted between an iteration and its validation, at the end of an epoch, and anywhere.
    for until in [6, 7, 9] {
        run(&parted, Some(until));
    }
    run(&parted, None);
    assert_eq!(events(&parted), expected);

    // The file has more than the checkpoint, and ends within a record: as after a kill.
    run(&killed, Some(8));
    let ahead = fs::read(whole.join("tensorboard/events.out.tfevents.edas")).expect("the file");
    fs::write(killed.join("tensorboard/events.out.tfevents.edas"), &ahead[..ahead.len() - 5]).expect("written");
    run(&killed, None);
    assert_eq!(events(&killed), expected);
    read_in_python(&whole, &expected);
}

fn read_in_python(run: &Path, expected: &BTreeMap<String, Vec<Told>>) {
    let python = std::env::var("EDAS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import tensorboard"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("not read by TensorBoard: `{python}` has no tensorboard (EDAS_PYTHON names another)");
        return;
    }
    let mut command = Command::new(&python);
    command.arg(repository("tests/python/read_events.py")).arg(run.join("tensorboard"));
    let output = command.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (tag, events) in expected {
        let steps: Vec<i64> = events.iter().map(|(step, ..)| *step).collect();
        let (kind, is_scalar) = match tag.as_str() {
            "derived cells" => ("images", false),
            tag if tag.starts_with("alpha/") => ("histograms", false),
            _ => ("scalars", true),
        };
        let found = read[kind][tag].as_array().unwrap_or_else(|| panic!("{tag} is not read"));
        assert_eq!(found.iter().map(|event| event[0].as_i64().expect("a step")).collect::<Vec<_>>(), steps, "{tag}");
        for (event, (_, value, _)) in found.iter().zip(events) {
            if is_scalar {
                assert_eq!(event[1].as_f64().map(|value| value as f32), *value, "{tag}");
            } else if kind == "histograms" {
                assert_eq!(event[1].as_f64(), Some(8.0), "{tag}");
            }
        }
    }
    // α after the last epoch, by its moments.
    let last = fs::read_to_string(run.join("alpha.jsonl")).expect("the log");
    let last: Value = serde_json::from_str(last.lines().last().expect("a line")).expect("JSON");
    let row: Vec<f64> = serde_json::from_value(last["cells"]["normal"][0].clone()).expect("a row");
    let event = read["histograms"]["alpha/normal 0 to 2 (edge 0)"].as_array().and_then(|all| all.last()).expect("one");
    let of = |f: fn(f64, f64) -> f64, start: f64| row.iter().copied().fold(start, f);
    assert_eq!(
        (event[2].as_f64(), event[3].as_f64()),
        (Some(of(f64::min, f64::INFINITY)), Some(of(f64::max, f64::NEG_INFINITY)))
    );
    let image = read["images"]["derived cells"].as_array().and_then(|all| all.last()).expect("an image");
    assert_eq!(image[0], 11);
    assert!(image[1].as_i64().is_some_and(|width| width > 300) && image[3] == "PNG", "{image}");
}
