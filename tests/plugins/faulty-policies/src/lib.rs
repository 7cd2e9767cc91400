//! Policies and spaces that fail in every way they can, for tests of the host; and two that remember.

use edas_plugin::{
    Adam, AfterEpoch, Arguments, EpochEnd, Model, Models, Parameter, Plan, Plugin, Policy, PolicyEntry, Space,
    SpaceView, StepResult, Steps, Tensor, Turn, Words,
};
use std::sync::Arc;

/// The plugin.
pub struct FaultyPolicies;

const FAULT: Parameter = Parameter::word(
    "fault",
    "what fails",
    &Words::new([
        "none",
        "panic-create",
        "panic-plan",
        "panic-feedback",
        "panic-save",
        "error-create",
        "error-plan",
        "wrong-edge",
        "wrong-candidate",
        "empty-subset",
        "empty-answer",
        "cold",
        "unknown-drop",
        "wrong-drop",
        "wrong-active",
        "empty-straight",
        "short-penalty",
        "stolen-model",
    ]),
);

impl Plugin for FaultyPolicies {
    const NAME: &'static str = "faulty-policies";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "Policies that fail";
    const SPACES: &'static [Space] = &[
        Space::written("tiny", "one cell type of a few nodes", tiny).with_parameters(&[Parameter::integer(
            "nodes",
            "inner nodes",
            1,
            1,
            4,
        )]),
        Space::fixed("broken", "no YAML", "cell_types: [\n"),
        Space::written("refusing", "an error", |_| Err("not today".to_owned())),
    ];
    const POLICIES: &'static [PolicyEntry] = &[
        PolicyEntry::of::<Faulty>("faulty", "fails as it is told").with_parameters(&[FAULT]),
        PolicyEntry::of::<Counting>("counting", "walks from edge to edge, and ends the search")
            .with_parameters(&[Parameter::integer("stop", "the epoch after which it stops", 1000, 0, 1000)]),
        PolicyEntry::of::<Learning>("learning", "a model of one number per edge, pushed by every accuracy"),
    ];
}

fn tiny(arguments: &Arguments) -> Result<String, String> {
    let nodes = arguments.integer("nodes");
    let inner: Vec<String> = (2..2 + nodes).map(|node| node.to_string()).collect();
    Ok(format!(
        "space: 1
name: tiny
cell_types:
  - name: normal
    inputs: 2
    nodes: {nodes}
    edges: {{from: all_before, candidates: [skip_connect, sep_conv_3x3]}}
    combine: sum
    output: {{concat: [{}]}}
    preprocess: {{op: relu_conv_bn}}
backbone:
  stem: {{op: stem_cifar, channels: 3 * channels}}
  cells: {{repeat: cells, type: normal}}
  head: {{op: pool_linear}}
",
        inner.join(", ")
    ))
}

struct Faulty {
    fault: &'static str,
    model: Option<Model>,
}

impl Policy for Faulty {
    fn new(_: &Arc<SpaceView>, arguments: &Arguments, models: &mut Models) -> Result<Self, String> {
        let fault = arguments.word("fault");
        match fault {
            "panic-create" => panic!("made of glass"),
            "error-create" => return Err("no space for this".to_owned()),
            _ => {}
        }
        let model = if fault == "stolen-model" {
            let model = models.create("one", &[&[1]], 1, |g, x| vec![g.linear(x[0], 1)])?;
            let moved = std::thread::spawn(move || {
                let answer = model.tensor(&[1.0], &[1, 1]);
                (model, answer)
            });
            let (model, answer) = moved.join().map_err(|_| "the thread panicked")?;
            assert!(answer.is_err(), "a model was used on another thread");
            Some(model)
        } else {
            None
        };
        Ok(Self { fault, model })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let plan = turn.strongest();
        Ok(match self.fault {
            "panic-plan" => panic!("no idea at iteration {}", turn.iteration),
            "error-plan" => return Err(format!("no idea at iteration {}", turn.iteration)),
            "wrong-edge" => plan.relax(turn.space.edges.len() + 5).into(),
            "wrong-candidate" => plan.only(0, 99).into(),
            "empty-subset" => plan.relax_subset(2, &[]).into(),
            "empty-answer" => Steps::List(Vec::new()),
            "unknown-drop" => plan.drop("skip", 0.5).into(),
            "wrong-drop" => plan.drop_edge(3, 8, 0.5).into(),
            "wrong-active" => plan.straight_through_subset(1, &[0, 2], 1).into(),
            "empty-straight" => plan.straight_through_active_subset(1, &[], None).into(),
            "short-penalty" => plan.penalise(0, &[0.0; 8]).penalise(0, &[1.0]).into(),
            "cold" => plan.relax(0).temperature(0.0).into(),
            "stolen-model" => {
                let model = self.model.as_ref().ok_or("no model")?;
                let gone: Tensor =
                    model.tensor(&[1.0, 2.0], &[1, 1]).map_or_else(|_| model.tensor(&[1.0], &[1, 1]), Ok)?;
                assert_eq!(model.read(&gone)?, [1.0]);
                plan.into()
            }
            _ => plan.into(),
        })
    }

    fn feedback(&mut self, _: &mut Turn, results: &[StepResult]) -> Result<(), String> {
        assert!(self.fault != "panic-feedback", "{} results are too many", results.len());
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        assert!(self.fault != "panic-save", "nothing to tell");
        Vec::new()
    }
}

/// Relaxes edge after edge: what comes next depends on what came before.
struct Counting {
    next: u64,
    stop: u64,
}

impl Policy for Counting {
    fn new(_: &Arc<SpaceView>, arguments: &Arguments, _: &mut Models) -> Result<Self, String> {
        Ok(Self { next: 0, stop: arguments.integer("stop").unsigned_abs() })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        if self.next > turn.iteration {
            return Err(format!("asked {} times at iteration {}", self.next, turn.iteration));
        }
        let edge = self.next as usize % turn.space.edges.len();
        self.next += 1;
        Ok(turn.strongest().relax(edge).gumbel(&mut turn.random).temperature(2.0).invert_edge(edge).into())
    }

    fn end_epoch(&mut self, end: &EpochEnd) -> Result<AfterEpoch, String> {
        Ok(AfterEpoch { stop: end.epoch >= self.stop, ..AfterEpoch::default() })
    }

    fn save(&self) -> Vec<u8> {
        self.next.to_le_bytes().to_vec()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.next = u64::from_le_bytes(state.try_into().map_err(|_| "eight bytes")?);
        Ok(())
    }
}

/// Runs on each edge the candidate that a model's output for the edge says, and pushes the outputs by every accuracy.
struct Learning {
    model: Model,
    output: Option<Tensor>,
}

impl Learning {
    fn forward(&mut self, edges: usize) -> Result<Tensor, String> {
        self.model.clear();
        let one_hot: Vec<f64> = (0..edges * edges).map(|i| if i / edges == i % edges { 1.0 } else { 0.0 }).collect();
        let x = self.model.tensor(&one_hot, &[edges as i64, edges as i64])?;
        Ok(self.model.forward(&[&x])?[0])
    }
}

impl Policy for Learning {
    fn new(space: &Arc<SpaceView>, _: &Arguments, models: &mut Models) -> Result<Self, String> {
        let model = models.create("scores", &[&[space.edges.len() as i64]], 1, |g, x| {
            let y = g.linear(x[0], 8);
            let y = g.tanh(y);
            vec![g.linear(y, 1)]
        })?;
        if models.create("scores", &[&[1]], 1, |g, x| vec![g.tanh(x[0])]).is_ok() {
            return Err("two models of one name".to_owned());
        }
        Ok(Self { model, output: None })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let output = self.forward(turn.space.edges.len())?;
        self.output = Some(output);
        let scores = self.model.read(&output)?;
        let choice = |score: f64, count: usize| (score.abs() * 1000.0) as usize % count;
        let edges = turn.space.edges.iter().zip(scores);
        let plan: Plan =
            edges.fold(turn.strongest(), |plan, (edge, score)| plan.only(edge, choice(score, edge.candidates.len())));
        Ok(plan.into())
    }

    fn feedback(&mut self, turn: &mut Turn, results: &[StepResult]) -> Result<(), String> {
        let output = self.output.take().ok_or("no plan before")?;
        let push: Vec<f64> = (0..turn.space.edges.len()).map(|e| results[e % 2].accuracy - e as f64 / 28.0).collect();
        self.model.backward(&[(output, &push)])?;
        // A gradient that is added up over two iterations belongs to the state too.
        if turn.iteration % 2 == 1 {
            self.model.step(&Adam { clip: Some(1.0), ..Adam::new(0.05) })?;
        }
        Ok(())
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), String> {
        self.output = None;
        Ok(())
    }
}

edas_plugin::export!(FaultyPolicies);
