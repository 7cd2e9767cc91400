//! How near is near enough. The result in double precision is the measure: the fast executor may be no further from it than four
//! times what the reference executor is in single precision.

use edas::execute::fast::Level;
use edas::random::{Purpose, Stream};
use tch::{Kind, Tensor};

/// What a pass found, by name.
pub type Results = Vec<(String, Vec<f64>)>;

/// How often a comparison may be repeated with other numbers.
///
/// Where a value lies so near to a kink of ReLU or of a maximum that its rounding decides, one draw tells nothing. What is wrong is
/// wrong in every draw.
const DRAWS: u64 = 3;

/// Who computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum By {
    /// The reference executor in double precision, on the numbers of single precision.
    Exact,
    /// The reference executor in single precision.
    Reference,
    /// The same on numbers that are a unit in the last place off. Where results cancel, as before a batch norm over a few numbers, the
    /// reference executor may be right by accident; beside the accident it is not.
    Nudged,
    /// The fast executor.
    Fast(Level),
}

impl By {
    pub fn kind(self) -> Kind {
        if self == By::Exact { Kind::Double } else { Kind::Float }
    }

    /// Numbers as this one gets them.
    pub fn nudged(self, tensor: &Tensor) -> Tensor {
        if self != By::Nudged {
            return tensor.shallow_clone();
        }
        let mut stream = Stream::new(7, Purpose::Problem, tensor.numel() as u64);
        let mut factor = |_| 1.0 + f32::EPSILON * (stream.index(3) as f32 - 1.0);
        let factors: Vec<f32> = (0..tensor.numel()).map(&mut factor).collect();
        let factors = Tensor::from_slice(&factors);
        tensor * factors.view(tensor.size().as_slice())
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(a.iter().zip(b).map(|(a, b)| a - b))
}

/// What is too far away. `rounding` is the share of a result that its rounding to single precision, and that of what it is made of,
/// may cost where the reference executor had none.
fn far(exact: &Results, reference: &[Results], fast: &Results, rounding: f64) -> Vec<String> {
    assert_eq!(exact.len(), fast.len());
    let mut wrong = Vec::new();
    for (number, (exact, fast)) in exact.iter().zip(fast).enumerate() {
        assert_eq!((&exact.0, exact.1.len()), (&fast.0, fast.1.len()));
        let scale = norm(exact.1.iter().copied());
        let own = reference.iter().map(|r| distance(&exact.1, &r[number].1)).fold(0.0, f64::max);
        let found = distance(&exact.1, &fast.1);
        // Numbers are about 1; what is 0 but for the noise of noise is 0.
        let near = found <= 4.0 * own + rounding * scale + 1e-12;
        // NaN is far from everything.
        if !near {
            wrong.push(format!("{}: {found:e} from {scale:e}, the reference executor {own:e}", exact.0));
        }
    }
    wrong
}

/// What is too far away in every draw of the numbers, by what the last of them showed; `run` says what is found, for one draw.
pub fn compare(rounding: f64, run: impl Fn(By, u64) -> Results) -> Result<(), String> {
    let mut wrong = Vec::new();
    for draw in 0..DRAWS {
        let [exact, reference, fast] = [By::Exact, By::Reference, By::Fast(Level::Best)].map(|by| run(by, draw));
        let mut reference = vec![reference];
        wrong = far(&exact, &reference, &fast, rounding);
        if wrong.is_empty() {
            return Ok(());
        }
        reference.push(run(By::Nudged, draw));
        wrong = far(&exact, &reference, &fast, rounding);
        if wrong.is_empty() {
            return Ok(());
        }
    }
    Err(format!("{} of the results are too far away:\n{}", wrong.len(), wrong.join("\n")))
}
