//! Random numbers as pure functions of (seed, purpose, position).
//!
//! The generator is ChaCha8. Its key is a hash of seed and purpose, its stream number the position (an epoch, an
//! iteration, a sample's index, or a hash of a name). So no random state is ever saved, a draw that is
//! added in one place disturbs no other place, and the number of threads changes nothing.
//!
//! The distributions are written out here, on the `libm` crate, because no library promises that the
//! numbers behind its distributions stay the same from version to version and machine to machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// What a random number is for. The names are hashed into the keys: they must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Weights, buffers and α at the start; the position is a hash of the parameter's full name.
    Initialisation,
    /// Which images are used, and on which split.
    Split,
    /// The order of the train split; the position is the epoch.
    ShuffleTrain,
    /// The order of the search split; the position is the epoch.
    ShuffleSearch,
    /// Crops, flips and cutout of an image of the train split; the position is epoch × images + image.
    AugmentTrain,
    /// Crops, flips and cutout of an image of the search split; the position is epoch × images + image.
    AugmentSearch,
    /// What a policy draws; the position is the iteration.
    Policy,
    /// Noise of relaxed gates, drawn when a plan is resolved: of the plan's own seed, which its policy drew for the
    /// iteration; the position is the step within the iteration.
    GateNoise,
    /// Which examples' outputs of a candidate are dropped; the position is a hash of iteration, step and the operation's name.
    DropPath,
    /// What a policy draws when it is asked for the plan under which the supernet is validated.
    Validation,
    /// Genotypes that nobody searched for; the position is their number.
    RandomGenotype,
    /// The synthetic problem that policies are tried on; positions are hashes of names.
    Problem,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Initialisation => "initialisation",
            Purpose::Split => "split",
            Purpose::ShuffleTrain => "shuffle-train",
            Purpose::ShuffleSearch => "shuffle-search",
            Purpose::AugmentTrain => "augment-train",
            Purpose::AugmentSearch => "augment-search",
            Purpose::Policy => "policy",
            Purpose::GateNoise => "gate-noise",
            Purpose::DropPath => "drop-path",
            Purpose::Validation => "validation",
            Purpose::RandomGenotype => "random-genotype",
            Purpose::Problem => "problem",
        }
    }
}

/// The keys of one seed's streams for one purpose: cheap to turn into a [`Stream`] for a position.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    key: [u8; 32],
}

impl Source {
    /// The streams of this seed for this purpose.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"edas/1\0");
        hash.update(seed.to_le_bytes());
        hash.update(purpose.name().as_bytes());
        Self { key: hash.finalize().into() }
    }

    /// The stream at a position.
    pub fn at(&self, position: u64) -> Stream {
        let mut generator = ChaCha8Rng::from_seed(self.key);
        generator.set_stream(position);
        Stream { generator }
    }

    /// The stream that belongs to a name.
    pub fn named(&self, name: &str) -> Stream {
        let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        self.at(u64::from_le_bytes(first))
    }
}

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream {
    generator: ChaCha8Rng,
}

impl Stream {
    /// The stream of this seed for this purpose at this position.
    pub fn new(seed: u64, purpose: Purpose, position: u64) -> Self {
        Source::new(seed, purpose).at(position)
    }

    /// A whole number in `0..n`, every one equally likely (Lemire's method, without bias). `n` must not be 0.
    pub fn index(&mut self, n: u64) -> u64 {
        assert!(n > 0, "an index below 0 was asked for");
        let threshold = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.generator.next_u64()) * u128::from(n);
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }

    /// A number in [0, 1), a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number in (0, 1): never 0, so that its logarithm is finite.
    fn open(&mut self) -> f64 {
        ((self.generator.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }

    /// A draw from the standard normal distribution (Box and Muller; the second value is not kept).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.open()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// A draw from the standard Gumbel distribution, −ln(−ln u).
    pub fn gumbel(&mut self) -> f64 {
        -libm::log(-libm::log(self.open()))
    }

    /// Puts a slice into a random order (Fisher and Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.index(i as u64 + 1) as usize);
        }
    }
}
