//! What a hostile plugin says: texts, lists, numbers and attributes out of the fuzzer's bytes.
//!
//! Pointers are valid, as the interface demands, for as long as an input is tried; everything else may be anything. Where a length is
//! more than its pointer holds, it is one that the host must refuse without looking.

use edas_plugin::abi;
use std::any::Any;
use std::cell::RefCell;

/// Names that mean something to the host. New ones are added at the end: seeds count on their places.
const WORDS: &str = "relu conv batch_norm max_pool avg_pool global_avg_pool linear add mul scale concat narrow pad zero \
    aten sigmoid kernel stride padding dilation groups bias channels features affine epsilon momentum \
    factor start length top left bottom right operator overload uniform normal constant softplus softmax \
    int dim transpose dim0 dim1 mean dim_IntList strongest only relaxed straight_through off sign \
    temperature gumbel noise drop penalty alpha active active_only stop keep reset_weights 2.13.0 a b \
    learning_rate beta1 beta2 clip rule adam";

/// Numbers at the ends of what fits.
const EDGES: &[u64] = &[
    u64::MAX,
    u64::MAX - 1,
    1 << 63,
    (1 << 63) - 1,
    u32::MAX as u64,
    1 << 32,
    (1 << 31) - 1,
    1 << 31,
    10_000,
    10_001,
    4095,
    4096,
    1 << 20,
    (1 << 20) + 1,
    1 << 28,
    1 << 30,
    1000,
    65_536,
];

const FLOATS: &[f64] =
    &[0.0, -0.0, 1.0, -1.0, 0.5, 1e-5, 1e308, -1e308, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.1, 3.0];

/// The bytes of one input, and all that was made of them.
pub struct Source {
    bytes: Vec<u8>,
    at: usize,
    kept: Vec<Box<dyn Any>>,
    /// What `init` was given.
    pub host: *const abi::Host,
    /// What the models of the last policy belong to; null where there are none any more.
    pub owner: *mut abi::Owner,
    /// What was handed to the host to be freed, and what the host has freed.
    pub handed: usize,
    pub freed: usize,
}

thread_local! {
    static SOURCE: RefCell<Source> = RefCell::new(Source::new(&[]));
}

/// Begins an input. What was made of the last one is gone: nothing of it may be in use.
pub fn begin(bytes: &[u8]) {
    SOURCE.set(Source::new(bytes));
}

/// Takes something from the bytes of the input.
pub fn take<T>(body: impl FnOnce(&mut Source) -> T) -> T {
    SOURCE.with_borrow_mut(body)
}

impl Source {
    fn new(bytes: &[u8]) -> Self {
        let (host, owner) = (std::ptr::null(), std::ptr::null_mut());
        Self { bytes: bytes.to_vec(), at: 0, kept: Vec::new(), host, owner, handed: 0, freed: 0 }
    }

    /// Whether all bytes were taken.
    pub fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next byte; 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// True for one byte of eight: what is rare should be.
    pub fn rarely(&mut self) -> bool {
        self.byte() >= 224
    }

    /// Any number; small ones are likely.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=199 => small.into(),
            edge @ 200..=239 => EDGES[usize::from(edge - 200) % EDGES.len()],
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    pub fn size(&mut self) -> usize {
        self.number() as usize
    }

    /// Any whole number; half of the small ones are negative.
    pub fn integer(&mut self) -> i64 {
        match self.number() {
            small @ 100..=199 => 99 - small as i64,
            other => other.cast_signed(),
        }
    }

    pub fn float(&mut self) -> f64 {
        match self.byte() {
            known @ 0..=99 => FLOATS[usize::from(known) % FLOATS.len()],
            small @ 100..=199 => f64::from(small - 100) / 8.0,
            _ => f64::from_bits(self.number()),
        }
    }

    /// Keeps a list until the input is over.
    pub fn keep<T: 'static>(&mut self, list: Vec<T>) -> *const T {
        let list = list.into_boxed_slice();
        let pointer = list.as_ptr();
        self.kept.push(Box::new(list));
        pointer
    }

    /// Up to `most` of something, as pointer and length; now and then a pair that no list can be.
    pub fn list<T: 'static>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> (*const T, usize) {
        match self.byte() {
            253 => (std::ptr::null(), self.size()),
            // Too long to be looked at.
            254 => {
                let list = vec![one(self)];
                (self.keep(list), (1 << 30) + 1 + self.size() % (1 << 40))
            }
            // Where no such list can lie, unless its parts are bytes.
            255 if align_of::<T>() > 1 => {
                let list = vec![one(self), one(self)];
                let pointer = self.keep(list);
                (pointer.cast::<u8>().wrapping_add(1).cast(), 1)
            }
            count => {
                let list: Vec<T> = (0..usize::from(count).min(most)).map(|_| one(self)).collect();
                let length = list.len();
                (self.keep(list), length)
            }
        }
    }

    pub fn text(&mut self) -> abi::Text {
        match self.byte() {
            length @ 0..=63 => {
                let bytes = (0..length).map(|_| self.byte()).collect::<Vec<u8>>();
                let length = bytes.len();
                abi::Text { data: self.keep(bytes), length }
            }
            253 => abi::Text { data: std::ptr::null(), length: self.size() },
            254 => abi::Text { data: self.keep(vec![b'x']), length: (1 << 30) + 1 + self.size() % (1 << 40) },
            word => {
                let count = WORDS.split(' ').count();
                abi::Text::new(WORDS.split(' ').nth(usize::from(word - 64) % count).unwrap_or_default())
            }
        }
    }

    pub fn attribute(&mut self) -> abi::Attribute {
        let mut a = abi::Attribute { name: self.text(), kind: u32::from(self.byte() % 7), ..abi::Attribute::EMPTY };
        match a.kind {
            abi::KIND_INTEGER | abi::KIND_BOOLEAN => a.integer = self.integer(),
            abi::KIND_NUMBER => a.number = self.float(),
            abi::KIND_TEXT => a.text = self.text(),
            abi::KIND_INTEGERS => (a.integers, a.length) = self.list(16, Self::integer),
            abi::KIND_NUMBERS => (a.numbers, a.length) = self.list(16, Self::float),
            _ => a.kind = self.number() as u32,
        }
        a
    }

    pub fn shape(&mut self) -> abi::Shape {
        let (sizes, rank) = self.list(20, Self::integer);
        abi::Shape { sizes, rank }
    }

    pub fn parameter(&mut self) -> abi::ParameterInfo {
        let (words, word_count) = self.list(8, Self::text);
        abi::ParameterInfo {
            size: self.size(),
            default_value: self.attribute(),
            doc: self.text(),
            minimum: self.float(),
            maximum: self.float(),
            least: self.integer(),
            most: self.integer(),
            words,
            word_count,
        }
    }

    /// A status: mostly `OK`.
    pub fn status(&mut self) -> abi::Status {
        match self.byte() {
            0..=223 => abi::OK,
            224..=239 => abi::FAILED,
            240..=247 => abi::PANICKED,
            _ => self.number() as i32,
        }
    }
}
