//! Trained networks taken away: safetensors and TorchScript files that give the same logits, predictions of images of any kind, wrong files.
//! PyTorch source has tests of its own.

mod common;

use common::{edas, op_sets, repository};
use edas::model::{Model, Which};
use edas::run::RunDirectory;
use edas::space::Published;
use edas::spec::{PluginRef, Spec};
use edas::train::Evaluation;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tch::{CModule, Kind, Tensor};

const GENOTYPE: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_3x3', 0), ('max_pool_3x3', 2)], \
     normal_concat=[2, 3], reduce=[('max_pool_3x3', 0), ('skip_connect', 1), ('sep_conv_5x5', 0), ('avg_pool_3x3', 2)], \
     reduce_concat=[2, 3])";

/// A small evaluation on digits, in a folder.
fn trained(folder: &Path, text: &str) -> PathBuf {
    let keys = ["evaluate.cells=3", "evaluate.channels=8", "evaluate.epochs=8", "data.limit=900", "threads=1"];
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let spec = Spec::load(repository("specs/evaluate-digits.yaml"), &keys).expect("a sound spec");
    let genotype =
        Published::parse(text, "g.txt").expect("well-formed").genotype(&op_sets("darts-ops")).expect("known");
    let evaluation = Evaluation::from_spec(spec, Some(genotype)).expect("a sound spec");
    let run = folder.join("run");
    let mut directory = RunDirectory::create(&run, &evaluation.setup().contents()).expect("a new folder");
    evaluation.run(&mut [&mut directory]).expect("it runs");
    run
}

fn plugins() -> Vec<PluginRef> {
    vec![PluginRef::Name("darts-ops".to_owned())]
}

/// Pixels of 64 images by the fixtures' formula, from 0 to 1.
fn pixels() -> Tensor {
    (common::fixtures::values("images", &[64, 1, 8, 8]) * 0.5 + 0.5).to_kind(Kind::Float)
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    let numbers = Vec::<f32>::try_from(tensor.contiguous().view(-1)).expect("numbers");
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn files_give_the_same_logits() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let run = trained(at, GENOTYPE);
    let model = Model::of_run(&run, Which::Last).expect("a finished evaluation");
    let logits = model.logits(&pixels()).expect("it runs");
    assert_eq!(logits.size(), [64, 10]);
    let best = Model::of_run(&run, Which::Best).expect("a finished evaluation");
    assert!(best.description.test_accuracy >= model.description.test_accuracy);
    // The program writes them.
    for (format, file) in
        [("safetensors", "network.safetensors"), ("torchscript", "network.pt"), ("pytorch", "source.py")]
    {
        let mut command = edas(at);
        command.args(["export", "run", "--format", format, "-o", file]).assert().success();
    }
    let read = |file: &str| fs::read(at.join(file)).expect("it is there");
    assert!(read("source.safetensors") == read("network.safetensors"), "the same weights beside the source");
    assert_eq!(String::from_utf8_lossy(&read("source.py")), model.to_pytorch().expect("it can be written"));
    let again = Model::read(&at.join("network.safetensors"), &plugins()).expect("its own file");
    assert_eq!(bytes(&again.logits(&pixels()).expect("it runs")), bytes(&logits), "to the bit");
    assert_eq!(again.description, model.description);
    let description = fs::read_to_string(at.join("network.json")).expect("a description");
    let description = edas::model::Description::parse(&description, Path::new("network.json"));
    assert_eq!(description.expect("a description"), model.description);
    // Also from the file of the network.
    edas(at).args(["export", "network.safetensors", "--format", "torchscript", "-o", "again.pt"]).assert().success();
    for file in ["network.pt", "again.pt"] {
        let module = CModule::load(at.join(file)).expect("a TorchScript file");
        let found = module.forward_ts(&[pixels()]).expect("it runs");
        let apart = (&found - &logits).abs().max().double_value(&[]);
        assert!(apart < 1e-5, "{apart}");
        // Any batch will do.
        let one = module.forward_ts(&[pixels().narrow(0, 3, 1)]).expect("it runs");
        assert!((one - logits.narrow(0, 3, 1)).abs().max().double_value(&[]) < 1e-5);
    }
    in_python(at, &logits);
}

/// The same in Python, where there is one with torch: `EDAS_PYTHON`, or `python3`.
fn in_python(at: &Path, logits: &Tensor) {
    let python = std::env::var("EDAS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_torch = Command::new(&python).args(["-c", "import torch"]).output();
    if !has_torch.is_ok_and(|output| output.status.success()) {
        eprintln!("not tried in Python: `{python}` has no torch (EDAS_PYTHON names another)");
        return;
    }
    fs::write(at.join("pixels"), bytes(&pixels())).expect("written");
    fs::write(at.join("logits"), bytes(logits)).expect("written");
    let mut command = Command::new(&python);
    command.current_dir(at).env("OMP_NUM_THREADS", "1").arg(repository("tests/python/torchscript.py"));
    let output = command.args(["network.pt", "pixels", "logits", "64", "1", "8", "8"]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let apart: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
    assert!(apart < 1e-5, "{apart}");
}

#[test]
fn images_of_any_kind_are_classified() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let run = trained(at, GENOTYPE);
    // Digits of the test part as pictures, of their own size and larger.
    let test = edas::data::DataSet::load("digits", None, edas::data::Part::Test, 1).expect("built in");
    let (mut right, count) = (0, 40);
    let model = Model::of_run(&run, Which::Last).expect("a finished evaluation");
    for image in 0..count {
        let grey: Vec<u8> = test.pixels(image).iter().map(|value| (u32::from(*value) * 255 / 16) as u8).collect();
        let picture = image::GrayImage::from_raw(8, 8, grey).expect("64 pixels");
        let file = at.join(format!("{image}.png"));
        picture.save(&file).expect("written");
        let prediction = model.predict(&file).expect("a picture");
        assert!(prediction.resized.is_none() && prediction.classes.len() == 10);
        let sum: f64 = prediction.classes.iter().map(|(_, p)| p).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        right += usize::from(prediction.classes[0].0 == test.images.labels[image].to_string());
    }
    assert!(right * 10 > count * 7, "{right} of {count}");
    let large = image::imageops::resize(
        &image::open(at.join("0.png")).expect("there").to_rgb8(),
        50,
        40,
        image::imageops::Triangle,
    );
    large.save(at.join("large.jpg")).expect("written");
    image::RgbImage::new(1, 1).save(at.join("pixel.png")).expect("written");
    fs::write(at.join("broken.jpg"), b"no picture").expect("written");
    let predict = |arguments: &[&str]| edas(at).arg("predict").args(arguments).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let output = predict(&["run", "0.png", "large.jpg", "pixel.png", "--top", "2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("large.jpg: 50×40, brought to 8×8"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1 + 3 * 2);
    let json = predict(&["run", "0.png", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json[0]["classes"].as_array().map(Vec::len), Some(3));
    // A broken image does not hold up the others; where all are broken nothing was done.
    let output = predict(&["run", "broken.jpg", "0.png"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("broken.jpg") && text(&output.stdout).contains("0.png"));
    assert_eq!(predict(&["run", "broken.jpg"]).status.code(), Some(2));
    assert_eq!(predict(&["run", "nowhere.png"]).status.code(), Some(2));
}

#[test]
fn wrong_files_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let run = trained(at, GENOTYPE);
    let fails = |arguments: &[&str], parts: &[&str]| {
        let output = edas(at).args(arguments).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in\n{text}"));
    };
    fails(&["predict", "nowhere", "x.png"], &["nowhere"]);
    fails(&["export", "run", "--format", "safetensors"], &["a network goes to a file", "-o FILE"]);
    fails(&["export", "run", "--format", "dot", "--best"], &["only a trained network", "pytorch"]);
    fails(&["export", "run", "--format", "pytorch", "-o", "x.safetensors"], &["ends in `.py`", "x.safetensors"]);
    fails(&["export", "run", "--format", "torchscript", "-o", "x.pt", "--rule", "top2"], &["derived anew"]);
    fs::write(at.join("text.safetensors"), "no network").expect("written");
    fails(&["predict", "text.safetensors", "x.png"], &["no network's file", "edas export"]);
    // Weights without a description; of another network; not whole.
    fails(&["predict", "run/checkpoints/final.safetensors", "x.png"], &["no description"]);
    let model = Model::of_run(&run, Which::Last).expect("a finished evaluation");
    let mut weights = model.weights().expect("weights");
    let another = edas::model::Description { channels: 4, ..model.description.clone() };
    let error = Model::new(another, &weights, &plugins()).expect_err("another network").to_string();
    assert!(error.contains("has another shape"), "{error}");
    let gone = weights.pop().expect("a tensor").name;
    let error = Model::new(model.description.clone(), &weights, &plugins()).expect_err("not whole").to_string();
    assert!(error.contains(&format!("no tensor `{gone}`")), "{error}");
    fs::remove_file(run.join("result.json")).expect("it is there");
    fails(&["predict", "run", "x.png"], &["is not finished", "--resume"]);
    // A node that nothing feeds would keep the batch of the trace.
    let dead = GENOTYPE.replace("('sep_conv_3x3', 0), ('skip_connect', 1)", "('none', 0), ('none', 1)");
    let other = at.join("other");
    fs::create_dir(&other).expect("a folder");
    let run = trained(&other, &dead);
    let model = Model::of_run(&run, Which::Last).expect("a finished evaluation");
    let error = model.write_torchscript(&at.join("dead.pt")).expect_err("it cannot be traced").to_string();
    assert!(error.contains("node 2 of cell 0, which nothing feeds"), "{error}");
}
