//! Measurements of a case in turn with those of the same work by the yardstick, and what they come to.

use super::measure::Measured;
use super::statistics::median;
use edas::{Error, Result};
use serde_json::{Value, json};

/// One turn: ours, then the yardstick in both its layouts.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Ours.
    pub ours: Measured,
    /// The yardstick with its maps channels-last.
    pub channels_last: Measured,
    /// The yardstick with its maps contiguous, channel by channel.
    pub contiguous: Measured,
}

impl Pair {
    /// Whether both sides train networks of one size, as far as they say it.
    ///
    /// # Errors
    /// Where they do not.
    pub fn check(&self) -> Result<()> {
        let ours = self.ours.parameters;
        let theirs = [&self.channels_last, &self.contiguous].map(|measured| measured.parameters);
        if theirs == [ours; 2] {
            return Ok(());
        }
        let say = |parameters: Option<[i64; 2]>| match parameters {
            Some([network, second]) => format!("{network} numbers, and {second} in the second classifier"),
            None => "no number".to_owned(),
        };
        Err(Error::new("the yardstick trains another network than ours").expected(say(ours)).found(say(theirs[0])))
    }
}

/// All turns of a case.
#[derive(Debug)]
pub struct Comparison {
    /// The case's name.
    pub case: String,
    /// The turns.
    pub pairs: Vec<Pair>,
}

impl Comparison {
    /// The median of something over all turns.
    fn of(&self, what: impl Fn(&Pair) -> f64) -> f64 {
        median(&self.pairs.iter().map(what).collect::<Vec<f64>>())
    }

    /// How many numbers are trained, on both sides, where they say it.
    pub fn parameters(&self) -> Option<[i64; 2]> {
        self.pairs.first()?.ours.parameters
    }

    /// Ours as a share of the yardstick in the layout that takes less memory.
    fn memory_ratio(&self) -> f64 {
        let [ours, last, contiguous] = self.memory();
        ours / last.min(contiguous)
    }

    /// Peak memory in MiB: ours, channels-last, contiguous.
    fn memory(&self) -> [f64; 3] {
        [
            self.of(|pair| pair.ours.peak_rss_mib),
            self.of(|pair| pair.channels_last.peak_rss_mib),
            self.of(|pair| pair.contiguous.peak_rss_mib),
        ]
    }

    /// Seconds per iteration: ours, channels-last, contiguous.
    fn seconds(&self) -> [f64; 3] {
        [
            self.of(|pair| pair.ours.iteration_s),
            self.of(|pair| pair.channels_last.iteration_s),
            self.of(|pair| pair.contiguous.iteration_s),
        ]
    }

    /// Medians and ratios, in the form that `--json` prints. A ratio of speeds is the median of the turns' own: what the machine
    /// did to one turn, it did to both sides of it.
    pub fn line(&self) -> Value {
        let [ours, last, contiguous] = self.seconds();
        json!({
            "case": self.case,
            "ours_s": round(ours, 4),
            "peer_channels_last_s": round(last, 4),
            "peer_contiguous_s": round(contiguous, 4),
            "speed_ratio_channels_last": round(self.of(faster_than_channels_last), 3),
            "speed_ratio_contiguous": round(self.of(faster_than_contiguous), 3),
            "memory_ratio": round(self.memory_ratio(), 3),
        })
    }

    /// The head of the table whose rows are [`Comparison::row`]s.
    pub const HEAD: &str = "\
| case | ours, s | channels-last, s | contiguous, s | ratio to channels-last | ratio to contiguous | peak memory, MiB: ours | channels-last | contiguous | ratio |
|---|---|---|---|---|---|---|---|---|---|";

    /// A row of the table for people: medians, and beside the ratios of speeds the lowest and the highest of a turn.
    pub fn row(&self) -> String {
        let ([ours, last, contiguous], memory) = (self.seconds(), self.memory());
        let ratio = |what: fn(&Pair) -> f64| {
            let each = self.pairs.iter().map(what);
            let (lowest, highest) = (each.clone().fold(f64::INFINITY, f64::min), each.fold(0.0, f64::max));
            format!("{:.2} ({lowest:.2}–{highest:.2})", self.of(what))
        };
        format!(
            "| {} | {ours:.3} | {last:.3} | {contiguous:.3} | {} | {} | {:.0} | {:.0} | {:.0} | {:.2} |",
            self.case,
            ratio(faster_than_channels_last),
            ratio(faster_than_contiguous),
            memory[0],
            memory[1],
            memory[2],
            self.memory_ratio(),
        )
    }
}

fn faster_than_channels_last(pair: &Pair) -> f64 {
    pair.channels_last.iteration_s / pair.ours.iteration_s
}

fn faster_than_contiguous(pair: &Pair) -> f64 {
    pair.contiguous.iteration_s / pair.ours.iteration_s
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
