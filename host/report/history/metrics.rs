//! Losses, accuracies and times of a run.

use super::lines::{Metrics, Number, each_line};
use super::series::Series;
use crate::run::LogName;
use std::path::Path;

/// Losses, accuracies and times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricsHistory {
    /// The number of iterations.
    pub iterations: u64,
    /// The number of whole epochs.
    pub epochs: u64,
    /// The loss of architecture steps, by iteration.
    pub search_loss: Series,
    /// The loss of weights steps, by iteration.
    pub train_loss: Series,
    /// The accuracy of architecture steps, by iteration.
    pub search_accuracy: Series,
    /// The accuracy of weights steps, by iteration.
    pub train_accuracy: Series,
    /// Seconds, by iteration.
    pub seconds: Series,
    /// The accuracy of the supernet, by the last iteration before it.
    pub supernet_accuracy: Series,
    /// The accuracy of the derived network, by the last iteration before it.
    pub derived_accuracy: Series,
    /// What the supernet is better by than the derived network, by the last iteration before it.
    pub gap: Series,
    /// The learning rate, by epoch.
    pub learning_rate: Series,
    /// Of an evaluation: the mean training loss, by epoch.
    pub epoch_train_loss: Series,
    /// The accuracy in training, by epoch.
    pub epoch_train_accuracy: Series,
    /// Of an evaluation: the loss on the test images, by epoch.
    pub test_loss: Series,
    /// Of an evaluation: the accuracy on the test images, by epoch.
    pub test_accuracy: Series,
    /// Seconds, validation or test included, by epoch.
    pub epoch_seconds: Series,
    /// Seconds of all iterations that belong to whole epochs, and of these epochs.
    pub totals: (f64, f64),
}

impl MetricsHistory {
    pub(super) fn read(run: &Path) -> (Self, Vec<String>) {
        let mut metrics = Self::default();
        let mut last = 0;
        let mut within_epoch = 0.0;
        let missing = each_line(&run.join(LogName::Metrics.file()), |line| {
            let Ok(line) = serde_json::from_slice::<Metrics>(line) else { return false };
            match (line.kind.as_ref(), line.iteration, line.epoch) {
                ("iteration", Some(iteration), _) => {
                    last = iteration;
                    metrics.iterations += 1;
                    within_epoch += line.seconds.map_or(0.0, |seconds| seconds.0);
                    metrics.search_loss.maybe(iteration, line.search_loss);
                    metrics.train_loss.maybe(iteration, line.train_loss);
                    metrics.search_accuracy.maybe(iteration, line.search_accuracy);
                    metrics.train_accuracy.maybe(iteration, line.train_accuracy);
                    metrics.seconds.maybe(iteration, line.seconds);
                }
                ("validation", Some(iteration), _) => metrics.validation(iteration, &line),
                ("epoch", _, Some(epoch)) => {
                    metrics.epochs += 1;
                    metrics.validation(last, &line);
                    metrics.learning_rate.maybe(epoch, line.learning_rate);
                    metrics.epoch_train_loss.maybe(epoch, line.train_loss);
                    metrics.epoch_train_accuracy.maybe(epoch, line.train_accuracy);
                    metrics.test_loss.maybe(epoch, line.test_loss);
                    metrics.test_accuracy.maybe(epoch, line.test_accuracy);
                    metrics.epoch_seconds.maybe(epoch, line.seconds);
                    metrics.totals.0 += within_epoch;
                    metrics.totals.1 += line.seconds.map_or(0.0, |seconds| seconds.0);
                    within_epoch = 0.0;
                }
                _ => return false,
            }
            true
        });
        (metrics, missing)
    }

    fn validation(&mut self, iteration: u64, line: &Metrics) {
        self.supernet_accuracy.maybe(iteration, line.supernet_accuracy);
        self.derived_accuracy.maybe(iteration, line.derived_accuracy);
        if let (Some(Number(supernet)), Some(Number(derived))) = (line.supernet_accuracy, line.derived_accuracy) {
            self.gap.push(iteration as f64, supernet - derived);
        }
    }
}
