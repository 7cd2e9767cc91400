//! Medians, means, the line through points.

/// The middle one, or the mean of the two in the middle; not a number where there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The mean; not a number where there is none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean over iterations of each one's median over rounds: what passes by in one round alone does not count, and what
/// iterations differ by does. `rounds[r][i]` is iteration i in round r.
pub fn typical(rounds: &[Vec<f64>]) -> f64 {
    let iterations = rounds.iter().map(Vec::len).min().unwrap_or(0);
    let of = |i: usize| median(&rounds.iter().map(|round| round[i]).collect::<Vec<f64>>());
    mean(&(0..iterations).map(of).collect::<Vec<f64>>())
}

/// The line of least squares through points, as its values at their places.
pub fn line(points: &[(f64, f64)]) -> Vec<f64> {
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let (x, y) = (mean(&xs), mean(&ys));
    let covariance: f64 = points.iter().map(|(a, b)| (a - x) * (b - y)).sum();
    let variance: f64 = xs.iter().map(|a| (a - x) * (a - x)).sum();
    xs.iter().map(|a| y + covariance / variance * (a - x)).collect()
}
