//! Numbers that come one after the other, thinned while they come: any number of them takes little memory, and none is dropped.

use crate::report::picture::plot::Point;

/// The most points that a series has.
const MOST: usize = 1_000;

/// A series of numbers over iterations or epochs. As long as there are few, each is a point; later each point stands for several that follow
/// each other: their mean, the smallest and the largest.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    points: Vec<Bucket>,
    /// How many numbers make a point.
    each: u64,
    count: u64,
    last: Option<f64>,
}

/// Numbers that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bucket {
    count: u64,
    finite: u64,
    x: f64,
    y: f64,
    least: f64,
    most: f64,
}

impl Bucket {
    fn of(x: f64, y: f64) -> Self {
        let is_finite = y.is_finite();
        Self { count: 1, finite: u64::from(is_finite), x, y: if is_finite { y } else { 0.0 }, least: y, most: y }
    }

    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            finite: self.finite + other.finite,
            x: self.x + other.x,
            y: self.y + other.y,
            // Those of the finite ones, where there are any.
            least: if self.finite == 0 || (other.finite > 0 && other.least < self.least) {
                other.least
            } else {
                self.least
            },
            most: if self.finite == 0 || (other.finite > 0 && other.most > self.most) { other.most } else { self.most },
        }
    }
}

impl Default for Series {
    fn default() -> Self {
        Self { points: Vec::new(), each: 1, count: 0, last: None }
    }
}

impl Series {
    /// Adds a number.
    pub fn push(&mut self, x: f64, y: f64) {
        self.count += 1;
        self.last = Some(y);
        let new = Bucket::of(x, y);
        match self.points.last_mut() {
            Some(last) if last.count < self.each => *last = last.and(new),
            _ => self.points.push(new),
        }
        if self.points.len() > MOST {
            self.each *= 2;
            self.points =
                self.points.chunks(2).map(|pair| pair.iter().skip(1).fold(pair[0], |a, b| a.and(*b))).collect();
        }
    }

    /// Adds a number, where there is one.
    pub(super) fn maybe(&mut self, x: u64, y: Option<super::lines::Number>) {
        if let Some(y) = y {
            self.push(x as f64, y.0);
        }
    }

    /// How many numbers there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many numbers a point stands for.
    pub fn each(&self) -> u64 {
        self.each
    }

    /// The points.
    pub fn points(&self) -> Vec<Point> {
        let point = |bucket: &Bucket| {
            let (count, finite) = (bucket.count as f64, bucket.finite as f64);
            match bucket {
                // The number itself, to the bit.
                Bucket { count: 1, .. } => Point::new(bucket.x, bucket.least),
                Bucket { finite: 0, .. } => Point::new(bucket.x / count, f64::NAN),
                _ => Point { x: bucket.x / count, y: bucket.y / finite, range: Some((bucket.least, bucket.most)) },
            }
        };
        self.points.iter().map(point).collect()
    }

    /// The number that came last.
    pub fn last(&self) -> Option<f64> {
        self.last
    }
}

/// Things that come one after the other, of which every so many are kept, and the first and the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled<T> {
    kept: Vec<T>,
    last: Option<T>,
    most: usize,
    each: u64,
    count: u64,
}

impl<T: Clone> Sampled<T> {
    /// None yet; of which at most so many will be kept.
    pub fn new(most: usize) -> Self {
        Self { kept: Vec::new(), last: None, most: most.max(2), each: 1, count: 0 }
    }

    /// Adds one.
    pub fn push(&mut self, thing: T) {
        if self.count.is_multiple_of(self.each) {
            self.kept.push(thing.clone());
        }
        self.last = Some(thing);
        self.count += 1;
        if self.kept.len() >= self.most {
            let mut at = 0;
            self.kept.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.each *= 2;
        }
    }

    /// The one that came last.
    pub fn last(&self) -> Option<&T> {
        self.last.as_ref()
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What is kept, the last included.
    pub fn kept(&self) -> impl Iterator<Item = &T> {
        let is_last_kept = self.count == 0 || (self.count - 1).is_multiple_of(self.each);
        self.kept.iter().chain(self.last.as_ref().filter(|_| !is_last_kept))
    }

    /// How many one that is kept stands for.
    pub fn each(&self) -> u64 {
        self.each
    }
}
