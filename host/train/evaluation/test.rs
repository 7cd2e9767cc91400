//! A network on test images.

use crate::data::{DataSet, Plain};
use crate::error::{Error, Result};
use crate::execute::Norm;
use crate::policy::Resolved;
use crate::supernet::Network;
use crate::train::batch::TensorBatch;
use crate::train::differentiate::cross_entropy;
use tch::Kind;

/// How many first choices count besides the very first.
const CHOICES: i64 = 5;

/// What a network makes of test images.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// The mean loss.
    pub loss: f64,
    /// The share whose class is the first choice.
    pub accuracy: f64,
    /// The share whose class is among the first five choices; with at most five classes none.
    pub top5: Option<f64>,
    /// Per class, and per class that its images are taken for: how many.
    pub confusion: Vec<Vec<u64>>,
    /// The number of images that were left out, because they are broken.
    pub broken: u64,
}

/// Tests a network on all images of a data set that can be decoded, in batches, with the running statistics of batch norm.
///
/// # Errors
/// Where there are no images, and what libtorch refuses.
pub fn test(network: &Network, plan: &Resolved, data: &DataSet, batch: usize) -> Result<Tested> {
    let settings = &network.settings;
    let classes = settings.classes as usize;
    let mixture = plan.gates.iter().map(|_| None).collect();
    let all: Vec<usize> = (0..data.len()).collect();
    let mut confusion = vec![vec![0; classes]; classes];
    let (mut loss, mut among, mut broken) = (0.0, 0, 0);
    for images in Plain::new(data, &all, batch) {
        let images = images?;
        broken += images.broken;
        if images.labels.is_empty() {
            continue;
        }
        let images = TensorBatch::new(&images, settings.image, settings.kind, settings.device)?;
        let logits = network.logits(&images.images, plan, &mixture, Norm::Running)?;
        loss += cross_entropy(&logits, &images.labels)?.f_double_value(&[])? * images.len() as f64;
        let (_, choices) = logits.f_topk(CHOICES.min(settings.classes), -1, true, true)?;
        among += choices.f_eq_tensor(&images.labels.f_unsqueeze(-1)?)?.f_sum(Kind::Int64)?.f_int64_value(&[])?;
        let first = Vec::<i64>::try_from(logits.f_argmax(-1, false)?.f_to_device(tch::Device::Cpu)?)?;
        let labels = Vec::<i64>::try_from(images.labels.f_to_device(tch::Device::Cpu)?)?;
        for (label, choice) in labels.into_iter().zip(first) {
            confusion[label as usize][choice as usize] += 1;
        }
    }
    let count: u64 = confusion.iter().flatten().sum();
    if count == 0 {
        return Err(Error::new("there are no test images").found(format!("{broken} broken ones, of {}", data.len())));
    }
    let count = count as f64;
    let right: u64 = (0..classes).map(|class| confusion[class][class]).sum();
    let top5 = (settings.classes > CHOICES).then(|| among as f64 / count);
    Ok(Tested { loss: loss / count, accuracy: right as f64 / count, top5, confusion, broken })
}
