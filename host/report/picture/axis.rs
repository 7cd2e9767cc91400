//! The ends of axes, and numbers in few characters.

/// From the least to the most of what is finite, with a share of that free at both ends; never empty.
pub(super) fn span(values: impl Iterator<Item = f64>, free: f64) -> (f64, f64) {
    let finite = values.filter(|value| value.abs() < 1e300);
    let (least, most) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
    if least > most {
        return (0.0, 1.0);
    }
    let room = (most - least) * free;
    let room = if most - least > most.abs().max(least.abs()) * 1e-9 { room } else { most.abs().max(1.0) * 0.05 };
    (least - room, most + room)
}

/// Digits after the point that tell ticks of an axis apart.
pub(super) fn ticks((least, most): (f64, f64)) -> usize {
    let step = (most - least) / 10.0;
    (-step.log10().floor()).clamp(0.0, 12.0) as usize
}

pub(super) fn tick(value: f64, digits: usize) -> String {
    if value.abs() >= 1e5 || digits > 6 {
        return short(value);
    }
    let text = format!("{value:.digits$}");
    if text.trim_start_matches(['-', '0', '.']).is_empty() { "0".to_owned() } else { text }
}

/// A number in few characters.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1e9 {
        format!("{}G", trimmed(value / 1e9))
    } else if size >= 1e6 {
        format!("{}M", trimmed(value / 1e6))
    } else if size >= 1e5 {
        format!("{}k", trimmed(value / 1e3))
    } else if size > 0.0 && size < 1e-3 {
        format!("{value:.2e}")
    } else {
        trimmed(value)
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
