//! Vectors of f32 by what the processor has, chosen at run time.
//!
//! Lanes are channels, and every sum runs over pixels, taps or input channels in an order of its own: how many lanes a vector
//! has changes no result, and a fused multiply-add rounds once everywhere. What a kernel computes is the same on every processor.

use pulp::{Arch, Simd, WithSimd};

/// The instructions that kernels use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The widest vectors that the processor has.
    Best,
    /// Vectors of 8 numbers on x86-64 that has wider ones; elsewhere as [`Level::Best`].
    Half,
    /// One number at a time, on any processor.
    Scalar,
}

impl Level {
    /// Runs `op` with this level's vectors.
    #[inline]
    pub fn run<O: WithSimd>(self, op: O) -> O::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Half => match Arch::new() {
                Arch::V4(wide) => Arch::V3(*wide).dispatch(op),
                other => other.dispatch(op),
            },
            #[cfg(not(target_arch = "x86_64"))]
            Level::Half => Arch::new().dispatch(op),
            Level::Best => Arch::new().dispatch(op),
            Level::Scalar => Arch::Scalar.dispatch(op),
        }
    }

    /// What the vectors are called.
    pub fn name(self) -> &'static str {
        match self {
            Level::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Half if matches!(Arch::new(), Arch::V4(_)) => "avx2",
            Level::Half | Level::Best => match Arch::new() {
                Arch::Scalar => "scalar",
                #[cfg(target_arch = "x86_64")]
                Arch::V3(_) => "avx2",
                #[cfg(target_arch = "x86_64")]
                Arch::V4(_) => "avx512",
                #[allow(unreachable_patterns, reason = "the other processors that pulp knows")]
                _ => "vectors",
            },
        }
    }
}

/// A vector from `p` on.
///
/// # Safety
/// A vector's numbers can be read at `p`.
#[inline(always)]
pub unsafe fn load<S: Simd>(_: S, p: *const f32) -> S::f32s {
    // SAFETY: the caller's; no alignment is needed.
    unsafe { p.cast::<S::f32s>().read_unaligned() }
}

/// Writes a vector from `p` on.
///
/// # Safety
/// A vector's numbers can be written at `p`.
#[inline(always)]
pub unsafe fn store<S: Simd>(_: S, p: *mut f32, v: S::f32s) {
    // SAFETY: the caller's; no alignment is needed.
    unsafe { p.cast::<S::f32s>().write_unaligned(v) }
}

/// The numbers in a vector of this kind.
#[inline(always)]
pub fn lanes<S: Simd>(_: S) -> usize {
    S::F32_LANES
}

/// x, or 0 where it is negative; NaN stays.
#[inline(always)]
pub fn relu<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let zero = s.splat_f32s(0.0);
    s.select_f32s(s.less_than_f32s(x, zero), zero, x)
}

/// Vectors of 8 numbers, for what is left where those of 16 do not fit.
#[cfg(target_arch = "x86_64")]
pub type Half = pulp::x86::V3;
/// Other processors have no vectors of 16 numbers.
#[cfg(not(target_arch = "x86_64"))]
pub type Half = pulp::Scalar;

/// The half of vectors of 16 numbers; `None` of shorter ones.
#[inline(always)]
pub fn half<S: Simd>(_: S) -> Option<Half> {
    #[cfg(target_arch = "x86_64")]
    if S::F32_LANES == 16 {
        // SAFETY: on x86-64 only AVX-512 has vectors of 16 numbers, and a processor that has it has all that V3 asks for.
        return Some(unsafe { pulp::x86::V3::new_unchecked() });
    }
    None
}

/// Runs a block for all channels, `$at` being the first of each vector: whole vectors first, then half of one, then what is left one
/// by one, with `$s` standing for these shorter vectors.
macro_rules! each_channel {
    ($s:ident, $count:expr, $at:ident, $body:block) => {{
        let count: usize = $count;
        let mut $at = 0;
        while $at + $crate::execute::fast::kernels::simd::lanes($s) <= count {
            $body
            $at += $crate::execute::fast::kernels::simd::lanes($s);
        }
        $crate::execute::fast::kernels::simd::rest!($s, count, $at, $body);
    }};
}
pub(super) use each_channel;

/// What whole vectors have left of the channels.
macro_rules! rest {
    ($s:ident, $count:ident, $at:ident, $body:block) => {{
        if let Some($s) = $crate::execute::fast::kernels::simd::half($s)
            && $at + 8 <= $count
        {
            $body
            $at += 8;
        }
        let $s = pulp::Scalar::new();
        while $at < $count {
            $body
            $at += 1;
        }
    }};
}
pub(super) use rest;

/// As `each_channel`, by `$n` vectors at a time: two where they fit, so that whole lines of the cache are used at once.
macro_rules! each_group {
    ($s:ident, $count:expr, $at:ident, $n:ident, $body:block) => {{
        let count: usize = $count;
        let mut $at = 0;
        {
            const $n: usize = 2;
            while $at + $n * $crate::execute::fast::kernels::simd::lanes($s) <= count {
                $body
                $at += $n * $crate::execute::fast::kernels::simd::lanes($s);
            }
        }
        {
            const $n: usize = 1;
            while $at + $crate::execute::fast::kernels::simd::lanes($s) <= count {
                $body
                $at += $crate::execute::fast::kernels::simd::lanes($s);
            }
            $crate::execute::fast::kernels::simd::rest!($s, count, $at, $body);
        }
    }};
}
pub(super) use each_group;

/// N vectors, one after the other.
///
/// # Safety
/// As [`load`] for all of them.
#[inline(always)]
pub unsafe fn load_group<S: Simd, const N: usize>(s: S, p: *const f32) -> [S::f32s; N] {
    // SAFETY: the caller's.
    std::array::from_fn(|k| unsafe { load(s, p.add(k * S::F32_LANES)) })
}

/// Writes N vectors, one after the other.
///
/// # Safety
/// As [`store`] for all of them.
#[inline(always)]
pub unsafe fn store_group<S: Simd, const N: usize>(s: S, p: *mut f32, v: [S::f32s; N]) {
    for (k, v) in v.into_iter().enumerate() {
        // SAFETY: the caller's.
        unsafe { store(s, p.add(k * S::F32_LANES), v) }
    }
}

/// One result from each of N.
#[inline(always)]
pub fn each_of<T: Copy, const N: usize>(f: impl FnMut(usize) -> T) -> [T; N] {
    std::array::from_fn(f)
}
