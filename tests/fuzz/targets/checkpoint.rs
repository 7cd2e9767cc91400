//! Checkpoints. The first byte says what: a file of tensors as it is, one of a header alone, damage to a sound checkpoint, or a state
//! that a search is to go on from.
//!
//! Holds: tensors that are read are written and read back equal; a checkpoint whose files were changed is refused, or is the same
//! checkpoint; a search that goes on from a state stands where the state says.

use super::check;
use edas::policy::ScriptPolicy;
use edas::run::checkpoint::folder::About;
use edas::run::checkpoint::{Checkpoint, Checkpoints, State};
use edas::run::tensors::{Saved, deserialize, serialize};
use edas::run::{Machine, Snapshot};
use edas::spec::{Node, Sandbox, Spec};
use edas::train::{Running, Search};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// One input.
pub fn run(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    match kind {
        b't' => tensors(data),
        b'h' => header(data),
        b'd' => damage(data),
        b's' => state(data),
        _ => {}
    }
}

fn tensors(data: &[u8]) {
    let Some(read) = check::sound(deserialize(data)) else { return };
    for saved in &read {
        assert!(saved.bytes.len() <= data.len());
        // Shapes whose sizes no memory holds have no elements, or no bytes.
        if let Some(tensor) = check::sound(saved.tensor()) {
            let again = Saved::of(saved.name.clone(), &tensor).expect("a tensor of floats");
            assert_eq!((&again.bytes, &again.shape), (&saved.bytes, &saved.shape));
        }
        if let Some(numbers) = saved.numbers() {
            assert_eq!(numbers.len(), saved.shape[0]);
        }
    }
    let written = serialize(&read).unwrap_or_else(|e| panic!("{e}"));
    let again = deserialize(&written).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(sorted(read), sorted(again));
}

/// Tensors are read in no order.
fn sorted(mut tensors: Vec<Saved>) -> Vec<Saved> {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    tensors
}

/// Two bytes say how many bytes follow the header.
fn header(data: &[u8]) {
    let Some((&[low, high], header)) = data.split_first_chunk() else { return };
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.extend((0..usize::from(u16::from_le_bytes([low, high]))).map(|at| at as u8));
    tensors(&file);
}

/// A policy with a memory.
const POLICY: &str = "fn init(space, params) { #{ next: 0 } }
    fn plan(turn) { this.next += 1; turn.strongest().relax(this.next % turn.space.edges.len()) }";

const SPEC: &str = "edas: 1
name: tiny
threads: 1
plugins: [nb201]
space:
  space: 1
  name: tiny
  cell_types:
    - {name: cell, inputs: 1, nodes: 2, edges: {from: all_before, candidates: [none, skip_connect, nor_conv_1x1]}, output: {node: 2}}
  backbone: {stem: {op: nb201_stem}, cells: {repeat: cells, type: cell}, head: {op: nb201_head}}
network: {cells: 1, channels: 2}
policy: {script: nowhere.rhai}
data: {name: digits, limit: 64, workers: 1}
search: {epochs: 2, batch: 16}";

/// A small search that has not begun.
fn search() -> Running {
    let spec = Spec::parse(SPEC, "/nowhere/fuzzed/spec.yaml", &[]).expect("a spec");
    let view = Arc::new(edas::policy::SpaceView { edges: Vec::new(), cells: Vec::new() });
    let file = Path::new("policy.rhai");
    let policy = ScriptPolicy::new(file, POLICY, &Node::empty("spec"), &Sandbox::default(), &view).expect("a policy");
    Search::with_policy(spec, Box::new(policy)).expect("a search").start().expect("it starts")
}

/// Where that search stands after some iterations.
fn snapshot() -> &'static Snapshot {
    static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
        let mut search = search();
        for _ in 0..2 {
            search.iteration(&mut []).expect("an iteration");
        }
        let mut snapshot = search.snapshot().expect("a snapshot");
        (snapshot.state.seconds, snapshot.state.epoch_seconds) = (1.5, 1.25);
        snapshot
    });
    &SNAPSHOT
}

/// A checkpoint of it, and its two files: the manifest, the tensors.
fn sound() -> &'static (Checkpoint, [Vec<u8>; 2]) {
    static SOUND: LazyLock<(Checkpoint, [Vec<u8>; 2])> = LazyLock::new(|| {
        let folder = folder();
        let mut checkpoints = Checkpoints::open(folder.path(), 3).expect("a folder");
        let machine = Machine {
            edas: "1".to_owned(),
            libtorch: "2".to_owned(),
            system: "linux".to_owned(),
            cpu: "avx2".to_owned(),
            threads: 1,
            device: "cpu".to_owned(),
        };
        let hashes = BTreeMap::from([("spec".to_owned(), "0123".to_owned())]);
        let logs = BTreeMap::from([("metrics.jsonl".to_owned(), 17)]);
        checkpoints.write(snapshot(), About { run: "r".to_owned(), hashes, machine, logs }).expect("it is written");
        let (newest, passed) = checkpoints.newest(|_| Ok(())).expect("there is memory");
        assert!(passed.is_empty());
        let newest = newest.expect("a checkpoint");
        let files = files(folder.path()).map(|file| std::fs::read(file).expect("a file"));
        (newest, files)
    });
    &SOUND
}

fn files(folder: &Path) -> [PathBuf; 2] {
    ["000000002.json", "000000002.safetensors"].map(|name| folder.join(name))
}

fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::tempdir_in(base).expect("a folder")
}

/// Four bytes each: which file and what is done to it, where (two bytes), and with what.
fn damage(data: &[u8]) {
    let (checkpoint, sound) = sound();
    let mut contents = sound.clone();
    for &[what, low, high, value] in data.as_chunks().0.iter().take(16) {
        let content = &mut contents[usize::from(what & 1)];
        let at = usize::from(u16::from_le_bytes([low, high])) % (content.len() + 1);
        match what >> 1 & 3 {
            0 | 1 if at < content.len() => content[at] ^= value,
            2 => content.truncate(at),
            _ => content.insert(at, value),
        }
    }
    let folder = folder();
    for (file, content) in files(folder.path()).iter().zip(&contents) {
        std::fs::write(file, content).expect("it is written");
    }
    let checkpoints = Checkpoints::open(folder.path(), 3).expect("a folder");
    match checkpoints.newest(|_| Ok(())).expect("there is memory") {
        (Some(read), passed) => {
            assert!(passed.is_empty());
            assert_eq!(read.manifest, checkpoint.manifest);
            assert_eq!(sorted(read.tensors), sorted(checkpoint.tensors.clone()));
        }
        (None, passed) => {
            assert!(&contents != sound, "a sound checkpoint was passed over");
            let [(_, error)] = &passed[..] else { panic!("{} were passed over", passed.len()) };
            check::error(error);
        }
    }
}

fn state(data: &[u8]) {
    thread_local! {
        static SEARCH: RefCell<Option<Running>> = const { RefCell::new(None) };
    }
    let Ok(state) = serde_json::from_slice::<State>(data) else { return };
    let mut running = SEARCH.take().unwrap_or_else(search);
    let from = Snapshot { state, tensors: snapshot().tensors.clone() };
    if check::sound(running.restore(&from)).is_some() {
        let mut now = running.snapshot().expect("a snapshot");
        // Time goes on.
        (now.state.seconds, now.state.epoch_seconds) = (from.state.seconds, from.state.epoch_seconds);
        // A search whose candidates are all there says nothing of them.
        if now.state.candidates.is_none() {
            now.state.candidates.clone_from(&from.state.candidates);
        }
        assert_eq!(now.state, from.state);
        assert_eq!(now.tensors.len(), from.tensors.len());
    }
    // Candidates that are gone do not come back.
    if from.state.candidates.is_none() {
        SEARCH.set(Some(running));
    }
}
