//! Which images train weights, which search, and which are held out.
//!
//! Every part is drawn by the seed with its classes balanced: within each class the images are put into a random order,
//! and parts are cut from it. Where `limit` takes fewer images than there are, it takes as many of each class as of any
//! other, as far as they go; parts of them keep that balance. The paper says only "half of the training images"; balanced halves differ from plain
//! ones by a few images per class.

use crate::error::{Error, Result};
use crate::random::{Purpose, Source};

/// The parts of a data set's train images, each as sorted numbers of images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// They train weights.
    pub train: Vec<usize>,
    /// They search: α is trained on them.
    pub search: Vec<usize>,
    /// They train nothing.
    pub holdout: Vec<usize>,
}

/// The sizes of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitSizes {
    /// Images that train weights.
    pub train: usize,
    /// Images that search.
    pub search: usize,
    /// Images that are held out.
    pub holdout: usize,
}

/// The sizes of the parts of `count` images, of which `holdout` is a share of all and `train` a share of the rest.
pub fn split_sizes(count: usize, holdout: f64, train: f64) -> SplitSizes {
    let held = (count as f64 * holdout).round() as usize;
    let trained = ((count - held) as f64 * train).round() as usize;
    SplitSizes { train: trained, search: count - held - trained, holdout: held }
}

impl Split {
    /// All images, or as many as `limit` says, train weights.
    ///
    /// # Errors
    /// Where more images are wanted than there are.
    pub fn whole(labels: &[u16], limit: Option<usize>, seed: u64) -> Result<Self> {
        let count = count(labels, limit)?;
        let mut train = balanced_order(labels, count, seed);
        train.sort_unstable();
        Ok(Self { train, ..Self::default() })
    }

    /// Splits the images with these labels.
    ///
    /// # Errors
    /// Where more images are wanted than there are, or a part would be empty.
    pub fn new(labels: &[u16], limit: Option<usize>, holdout: f64, train: f64, seed: u64) -> Result<Self> {
        let count = count(labels, limit)?;
        let sizes = split_sizes(count, holdout, train);
        if sizes.train == 0 || sizes.search == 0 || (holdout > 0.0 && sizes.holdout == 0) {
            return Err(Error::new("a part of the data would be empty")
                .expected("at least one image each to train weights, to search, and to hold out where that is asked")
                .found(format!(
                    "{} train weights, {} search, {} are held out",
                    sizes.train, sizes.search, sizes.holdout
                ))
                .help("use more images, or other shares in `data.split` and `validation.data`"));
        }
        let order = balanced_order(labels, count, seed);
        // Of an order in which every stretch is balanced, stretches are balanced parts.
        let part = |from: usize, length: usize| {
            let mut part = order[from..from + length].to_vec();
            part.sort_unstable();
            part
        };
        Ok(Self {
            holdout: part(0, sizes.holdout),
            train: part(sizes.holdout, sizes.train),
            search: part(sizes.holdout + sizes.train, sizes.search),
        })
    }
}

/// How many images are used.
fn count(labels: &[u16], limit: Option<usize>) -> Result<usize> {
    let count = limit.unwrap_or(labels.len());
    if count > labels.len() {
        return Err(Error::new("`data.limit` asks for more images than there are")
            .expected(format!("at most {}", labels.len()))
            .found(count.to_string()));
    }
    Ok(count)
}

/// How many images of each class make `count` images, given how many there are: equally many of each, all of a class that
/// has fewer. What does not divide evenly goes to classes that the seed draws.
fn quotas(available: &[usize], count: usize, source: Source) -> Vec<usize> {
    let mut quotas = vec![0; available.len()];
    let mut left = count;
    loop {
        let mut open: Vec<usize> = (0..quotas.len()).filter(|class| quotas[*class] < available[*class]).collect();
        if left == 0 || open.is_empty() {
            return quotas;
        }
        let each = left / open.len();
        if each == 0 {
            source.named("limit").shuffle(&mut open);
            open.truncate(left);
        }
        for class in open {
            let more = each.max(1).min(available[class] - quotas[class]);
            quotas[class] += more;
            left -= more;
        }
    }
}

/// `count` images in an order of which every stretch has its classes nearly balanced: the k-th of n images of a class stands
/// at (k + a random share) / n of the way.
fn balanced_order(labels: &[u16], count: usize, seed: u64) -> Vec<usize> {
    let source = Source::new(seed, Purpose::Split);
    let classes = labels.iter().max().map_or(0, |label| usize::from(*label) + 1);
    let mut by_class: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (image, label) in labels.iter().enumerate() {
        by_class[usize::from(*label)].push(image);
    }
    let available: Vec<usize> = by_class.iter().map(Vec::len).collect();
    let quotas = quotas(&available, count, source);
    let mut placed: Vec<(f64, usize)> = Vec::with_capacity(count);
    for (class, (mut images, quota)) in by_class.into_iter().zip(quotas).enumerate() {
        let mut stream = source.at(class as u64);
        stream.shuffle(&mut images);
        images.truncate(quota);
        let n = quota as f64;
        placed.extend(images.iter().enumerate().map(|(k, image)| ((k as f64 + stream.uniform()) / n, *image)));
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    placed.into_iter().map(|(_, image)| image).collect()
}
