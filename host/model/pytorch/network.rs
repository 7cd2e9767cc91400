//! The network as a class, what loads its weights, and the program around it.

use super::cell::Operations;
use super::class::Classes;
use super::code::{Code, Reading, WIDTH, wrapped};
use super::names::{float, quoted, within_doc};
use super::numbers::{Numbers, resolve};
use crate::model::Model;
use crate::space::{Architecture, text};
use crate::supernet::{Block, Part, Route};
use std::fmt::Write as _;
use tch::Kind;

/// What stands at the top of the file.
pub(super) fn header(model: &Model) -> String {
    let about = &model.description;
    let [channels, height, width] = about.input.shape;
    let classes = about.classes.len();
    let mut text = format!("\"\"\"A network for {}, trained by edas.\n", within_doc(&about.data));
    let fill = |text: &str| {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        format!("\n{}\n", wrapped(&words, WIDTH - 10, ""))
    };
    text += &fill(&format!(
        "It has {} cells, {} channels in the first of them, and classifies {:.2} % of the test images correctly.",
        about.cells,
        about.channels,
        about.test_accuracy * 100.0
    ));
    let genotype = text::darts(&about.genotype).ok();
    if let Some(genotype) = genotype.or_else(|| Some(Architecture::of(&about.genotype).ok()?.to_string())) {
        let _ = write!(text, "\n    {}\n", wrapped(&words(&within_doc(&genotype)), WIDTH - 18, "        "));
    }
    text += &fill(&format!(
        "It takes pixels from 0 to 1, (batch, {channels}, {height}, {width}), normalises them itself, and returns logits, (batch, \
         {classes}). Its weights are in the safetensors file of the same name beside this one. It needs torch and safetensors. \
         Where this file is network.py:"
    ));
    text + "
    from network import load

    network = load()  # or load(\"other.safetensors\"); in eval mode
    logits = network(pixels)

    python network.py pixels.pt  # classifies what torch.save(pixels, \"pixels.pt\") wrote
\"\"\"

"
}

/// The words of a genotype: what stands in brackets within it belongs together.
fn words(genotype: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0;
    for letter in genotype.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match words.last_mut() {
            Some(word) if letter != ' ' || depth > 1 => word.push(letter),
            _ => words.push(String::new()),
        }
    }
    words
}

/// The imports and constants; `functional` says whether the code calls functions of `F`.
pub(super) fn constants(model: &Model, functional: bool) -> String {
    let about = &model.description;
    let functions = if functional { "import torch.nn.functional as F\n" } else { "" };
    let numbers = |values: &[f32]| {
        let list: Vec<String> = values.iter().map(|value| float_of(*value)).collect();
        format!("[{}]", list.join(", "))
    };
    let classes: Vec<String> = about.classes.iter().map(|class| format!("{},", quoted(class))).collect();
    let one = wrapped(&classes, usize::MAX, "");
    let one = format!("CLASSES = [{}]\n", one.trim_end_matches(','));
    let classes = match one.chars().count() - 1 <= WIDTH {
        true => one,
        false => format!("# fmt: off\nCLASSES = [\n    {}\n]\n# fmt: on\n", wrapped(&classes, 96, "    ")),
    };
    format!(
        "import re
import sys
from pathlib import Path

import torch
{functions}from safetensors.torch import load_file
from torch import nn

WEIGHTS = Path(__file__).with_suffix(\".safetensors\")
# Of the pixels that it was trained on, per channel.
MEAN = {}
STD = {}
{classes}",
        numbers(&about.input.mean),
        numbers(&about.input.std),
    )
}

/// A number of 32 bits: as few digits as tell it from its neighbours.
fn float_of(value: f32) -> String {
    if value.is_finite() { format!("{value:?}") } else { float(f64::from(value)) }
}

/// The class of the network; `cells` has an item per stage, where that is a cell.
pub(super) fn network(model: &Model, operations: &Operations, cells: &Classes) -> String {
    let network = &model.network;
    let mut numbers = Numbers::default();
    let mut stages = Vec::new();
    let mut items = 0..;
    for part in &network.parts {
        stages.push(match part {
            Part::Fixed(block) => call(operations, block, &mut numbers),
            Part::Cell(cell) => {
                let blocks = cell.preprocess.iter().flatten();
                let preprocess = blocks.map(|block| call(operations, block, &mut numbers)).collect();
                cells.call(items.next().unwrap_or_default(), preprocess, &mut numbers)
            }
        });
    }
    let stem = call(operations, &network.stem, &mut numbers);
    let head = call(operations, &network.head, &mut numbers);
    let resolved = resolve(&[&numbers], Vec::new());
    let reading = Reading { expressions: &resolved.expressions, own: "" };
    let mut text = "class Network(nn.Module):
    \"\"\"From pixels to logits.\"\"\"

    def __init__(self):
        super().__init__()
        self.register_buffer(\"mean\", torch.tensor(MEAN).view(-1, 1, 1), persistent=False)
        self.register_buffer(\"std\", torch.tensor(STD).view(-1, 1, 1), persistent=False)
"
    .to_owned();
    text.push_str(&stem.statement(8, "self.stem = ", "", reading));
    text.push_str("        self.cells = nn.ModuleList(\n            [\n");
    stages.iter().for_each(|stage| text.push_str(&stage.statement(16, "", ",", reading)));
    text.push_str("            ]\n        )\n");
    text.push_str(&head.statement(8, "self.head = ", "", reading));
    text.push_str(
        "\n    def forward(self, pixels):\n        x = (pixels.to(self.mean.dtype) - self.mean) / self.std\n",
    );
    text.push_str(&passes(model));
    text
}

fn call(operations: &Operations, block: &Block, numbers: &mut Numbers) -> Code {
    match operations.item(block) {
        Some(item) => operations.classes.call(item, Vec::new(), numbers),
        None => Code::text("nn.Identity()"),
    }
}

/// The way of the maps through the stages: a loop where all stages read alike, line by line where they do not.
fn passes(model: &Model) -> String {
    let network = &model.network;
    let mut routes = network.routes(&model.plan, false);
    if network.unfed(&model.plan).is_some() {
        // Zeros are shaped like a map that nothing else may read.
        routes.iter_mut().for_each(|route| _ = route.get_or_insert_with(Route::default));
    }
    let reads = |part: &Part| match part {
        Part::Cell(cell) => (network.space.cell_types[cell.cell_type].inputs, 1),
        Part::Fixed(block) => (1, block.graph.outputs.len()),
    };
    let stem = network.stem.graph.outputs.len();
    let first = network.parts.first().map_or(1, |part| reads(part).0);
    let alike = routes.iter().all(Option::is_some) && network.parts.iter().all(|part| reads(part) == (first, 1));
    if alike && stem == first {
        let names: Vec<String> =
            (0..first).map(|k| if first == 1 { "x".to_owned() } else { format!("s{k}") }).collect();
        let (list, last) = (names.join(", "), &names[first - 1]);
        let mut moved = names[1..].to_vec();
        moved.push(format!("cell({list})"));
        return format!(
            "        {list} = self.stem(x)\n        for cell in self.cells:\n            {list} = {}\n        return self.head({last})\n",
            moved.join(", "),
        );
    }
    let mut made = stem;
    let names = |from: usize, count: usize| (from..from + count).map(|k| format!("m{k}")).collect::<Vec<_>>();
    let mut text = format!("        {} = self.stem(x)\n", names(0, stem).join(", "));
    let mut there = vec![true; stem];
    for (number, (part, route)) in network.parts.iter().zip(&routes).enumerate() {
        let (count, outputs) = reads(part);
        if route.is_some() {
            let inputs = names(made - count, count).into_iter().zip(&there[made - count..]);
            let inputs: Vec<String> =
                inputs.map(|(name, there)| if *there { name } else { "None".to_owned() }).collect();
            let made = names(made, outputs).join(", ");
            let _ = writeln!(text, "        {made} = self.cells[{number}]({})", inputs.join(", "));
        }
        there.extend(std::iter::repeat_n(route.is_some(), outputs));
        made += outputs;
    }
    format!("{text}        return self.head(m{})\n", made - 1)
}

/// What brings the weights in, and what the file does as a program.
pub(super) fn program(model: &Model) -> String {
    let cells = || model.network.cells();
    let preprocessed = cells().any(|cell| cell.preprocess.iter().any(Option::is_some));
    let preprocess = match preprocessed {
        true => "        in_file = re.sub(r\"^(cells\\.\\d+\\.preprocess)(\\d+)\", r\"\\1.\\2\", in_file)\n",
        false => "",
    };
    let mut blocks = cells().flat_map(|cell| cell.edges.iter().flatten().flatten());
    let edges = match blocks.any(|block| !block.graph.tensors.is_empty()) {
        true => {
            "        if edge := re.match(r\"(cells\\.\\d+)\\.edge(\\d+)\\.\", name):
            candidate = network.get_submodule(edge[0][:-1]).candidate
            in_file = in_file.replace(edge[0], f\"{edge[1]}.edges.{edge[2]}.{candidate}.\")
"
        }
        false => "",
    };
    let double = if model.network.settings.kind == Kind::Double { ".double()" } else { "" };
    format!(
        "def names_in_file(network):
    \"\"\"By what the file calls a tensor: its name here.

    The file calls a layer by its number alone, and an edge's operation by its candidate, too:
    `cells.0.edge1.conv2.weight` is `cells.0.edges.1.CANDIDATE.2.weight` there.
    \"\"\"
    names = {{}}
    for name in network.state_dict():
        in_file = re.sub(r\"\\.(?:conv|norm|linear|tensor_)(\\w+)\", r\".\\1\", name)
{preprocess}{edges}        names[in_file] = name
    return names


def load(path=WEIGHTS):
    \"\"\"The network with its weights, in eval mode; every tensor must be there, and no other.\"\"\"
    network = Network(){double}
    names = names_in_file(network)
    tensors = load_file(path)
    unknown = sorted(tensors.keys() - names.keys())
    if unknown:
        raise ValueError(f\"{{path}} is of another network: it has {{', '.join(unknown)}}\")
    network.load_state_dict({{names[name]: tensor for name, tensor in tensors.items()}})
    return network.eval()


if __name__ == \"__main__\":
    if len(sys.argv) != 2:
        sys.exit(f\"usage: python {{sys.argv[0]}} PIXELS\")
    pixels = torch.load(sys.argv[1], weights_only=True)
    with torch.no_grad():
        probabilities = load()(pixels).softmax(dim=1)
    for image in probabilities:
        print(f\"{{CLASSES[image.argmax()]}}  {{image.max():.4f}}\")
"
    )
}
