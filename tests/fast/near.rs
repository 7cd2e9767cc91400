//! How near is near enough. The result in double precision is the measure: the fast executor may be no further from it than four
//! times what the reference executor is in single precision.

/// What a pass found, by name.
pub type Results = Vec<(String, Vec<f64>)>;

/// How often a comparison may be repeated with other numbers.
///
/// Where a value lies so near to a kink of ReLU or of a maximum that its rounding decides, or where the reference executor's own error
/// happens to be tiny, one draw tells nothing. What is wrong is wrong in every draw.
const DRAWS: u64 = 3;

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(a.iter().zip(b).map(|(a, b)| a - b))
}

/// What is too far away. `rounding` is the share of a result that its rounding to single precision, and that of what it is made of,
/// may cost where the reference executor had none.
fn far([exact, reference, fast]: &[Results; 3], rounding: f64) -> Vec<String> {
    assert_eq!(exact.len(), fast.len());
    let mut wrong = Vec::new();
    for ((exact, reference), fast) in exact.iter().zip(reference).zip(fast) {
        assert_eq!((&exact.0, exact.1.len()), (&fast.0, fast.1.len()));
        let scale = norm(exact.1.iter().copied());
        let (own, found) = (distance(&exact.1, &reference.1), distance(&exact.1, &fast.1));
        // Not `found > …`: NaN is far from everything.
        if !(found <= 4.0 * own + rounding * scale) {
            wrong.push(format!("{}: {found:e} from {scale:e}, the reference executor {own:e}", exact.0));
        }
    }
    wrong
}

/// What is too far away in every draw of the numbers, by what the last of them showed; `run` makes what the reference executor finds in
/// double and in single precision and what the fast one finds, for one draw.
pub fn compare(rounding: f64, run: impl Fn(u64) -> [Results; 3]) -> Result<(), String> {
    let mut wrong = Vec::new();
    for draw in 0..DRAWS {
        let results = run(draw);
        wrong = far(&results, rounding);
        if wrong.is_empty() {
            return Ok(());
        }
    }
    Err(format!("{} of the results are too far away:\n{}", wrong.len(), wrong.join("\n")))
}
