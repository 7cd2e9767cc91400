//! The controller: an LSTM cell that is unrolled over the edges, and chooses a candidate for each.

use edas_plugin::{Adam, Graph, Model, Models, SpaceView, Tensor, Turn, Value};

/// The logits are `SCALE` · tanh(logits / `TEMPERATURE`), as in ENAS: they start near zero, and stay small enough to explore.
const TEMPERATURE: f64 = 5.0;
const SCALE: f64 = 2.5;

/// The cell. With one-hot vectors x (the choice on the edge before; which edge this is), its memory (h, c), and one linear map
/// each for i, f, o and g:
///
/// ```text
/// i, f, o = σ(W x + V h);  g = tanh(W x + V h);  c ← f · c + i · g;  h ← o · tanh(c);  logits = 2.5 tanh(U h / 5)
/// ```
pub(crate) struct Controller {
    model: Model,
    /// The most candidates of an edge.
    width: usize,
    edges: usize,
    hidden: usize,
}

/// Some architectures, as they were sampled.
pub(crate) struct Rollout {
    samples: usize,
    /// Per edge: the logits (samples, width), softmax over the edge's candidates, and the choices.
    steps: Vec<Choice>,
}

struct Choice {
    logits: Tensor,
    probabilities: Vec<Vec<f64>>,
    chosen: Vec<usize>,
}

impl Rollout {
    /// The candidate of every edge in one architecture.
    pub(crate) fn choices(&self, sample: usize) -> impl Iterator<Item = usize> {
        self.steps.iter().map(move |step| step.chosen[sample])
    }
}

impl Controller {
    pub(crate) fn new(space: &SpaceView, hidden: i64, models: &mut Models) -> Result<Self, String> {
        let width = space.edges.iter().map(|edge| edge.candidates.len()).max().unwrap_or(1);
        let edges = space.edges.len();
        let input = (width + edges) as i64;
        let model = models.create("controller", &[&[input], &[hidden], &[hidden]], 3, |g, values| {
            let [x, h, c] = values[..] else { return Vec::new() };
            let gate = |g: &mut Graph| {
                let (from_x, from_h) = (g.linear(x, hidden), g.linear(h, hidden));
                g.add(from_x, from_h)
            };
            let [input, forget, output] = [(); 3].map(|()| {
                let sum = gate(g);
                g.sigmoid(sum)
            });
            let candidate = gate(g);
            let candidate = g.tanh(candidate);
            let (kept, added): (Value, Value) = (g.mul(forget, c), g.mul(input, candidate));
            let c = g.add(kept, added);
            let shown = g.tanh(c);
            let h = g.mul(output, shown);
            let logits = g.linear(h, width as i64);
            let logits = g.scale(logits, 1.0 / TEMPERATURE);
            let logits = g.tanh(logits);
            vec![g.scale(logits, SCALE), h, c]
        })?;
        Ok(Self { model, width, edges, hidden: hidden.unsigned_abs() as usize })
    }

    /// Samples architectures, all at once: the batch of the model.
    pub(crate) fn sample(&mut self, turn: &mut Turn, samples: usize) -> Result<Rollout, String> {
        self.model.clear();
        let zeros = vec![0.0; samples * self.hidden];
        let memory = [samples as i64, self.hidden as i64];
        let mut h = self.model.tensor(&zeros, &memory)?;
        let mut c = self.model.tensor(&zeros, &memory)?;
        let mut steps: Vec<Choice> = Vec::with_capacity(self.edges);
        for (index, edge) in turn.space.edges.iter().enumerate() {
            let size = self.width + self.edges;
            let mut x = vec![0.0; samples * size];
            for (sample, row) in x.chunks_mut(size).enumerate() {
                if let Some(before) = steps.last() {
                    row[before.chosen[sample]] = 1.0;
                }
                row[self.width + index] = 1.0;
            }
            let x = self.model.tensor(&x, &[samples as i64, size as i64])?;
            let outputs = self.model.forward(&[&x, &h, &c])?;
            let [logits, next_h, next_c] = outputs[..] else { return Err("the cell has three outputs".to_owned()) };
            (h, c) = (next_h, next_c);
            // An edge of fewer candidates leaves the last logits aside.
            let rows = self.model.read(&logits)?;
            let rows = rows.chunks(self.width).map(|row| softmax(&row[..edge.candidates.len()]));
            let probabilities: Vec<Vec<f64>> = rows.collect();
            let chosen = probabilities.iter().map(|p| turn.random.weighted(p)).collect();
            steps.push(Choice { logits, probabilities, chosen });
        }
        Ok(Rollout { samples, steps })
    }

    /// One step along Σ advantage · ∇ log p(choices) + entropy · ∇ H(p), both means over the samples.
    pub(crate) fn learn(
        &mut self,
        rollout: &Rollout,
        advantages: &[f64],
        entropy: f64,
        adam: &Adam,
    ) -> Result<(), String> {
        let share = 1.0 / rollout.samples as f64;
        let gradient = |step: &Choice| {
            let mut gradient = vec![0.0; rollout.samples * self.width];
            for (sample, row) in gradient.chunks_mut(self.width).enumerate() {
                let p = &step.probabilities[sample];
                let logs: Vec<f64> = p.iter().map(|p| libm::log(p.max(1e-300))).collect();
                let uncertain: f64 = -p.iter().zip(&logs).map(|(p, log)| p * log).sum::<f64>();
                for (k, (p, log)) in p.iter().zip(&logs).enumerate() {
                    let chosen = if k == step.chosen[sample] { 1.0 } else { 0.0 };
                    // Of the loss −A log p(choice) − entropy · H, by the logits.
                    row[k] = share * (advantages[sample] * (p - chosen) + entropy * p * (log + uncertain));
                }
            }
            (step.logits, gradient)
        };
        let gradients: Vec<(Tensor, Vec<f64>)> = rollout.steps.iter().map(gradient).collect();
        let pairs: Vec<(Tensor, &[f64])> = gradients.iter().map(|(tensor, g)| (*tensor, g.as_slice())).collect();
        self.model.backward(&pairs)?;
        self.model.step(adam)?;
        self.model.clear();
        Ok(())
    }
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = row.iter().map(|x| libm::exp(x - largest)).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}
