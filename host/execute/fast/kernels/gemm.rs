//! Matrix products of the shapes that convolutions of few channels have: many pixels, 8 to some hundred channels.

use super::simd::{half, load, store};
use pulp::{Scalar, Simd};

/// A matrix to be read: element (i, j) lies at `i * row + j * column`.
#[derive(Debug, Clone, Copy)]
pub struct Matrix {
    /// The first element.
    pub data: *const f32,
    /// The distance between rows.
    pub row: usize,
    /// The distance between columns.
    pub column: usize,
}

/// out = A · B, or out += A · B: `a` is m × k, `b` is k × n with rows `b_row` apart, `out` is m × n with rows `out_row` apart.
/// Every element is the sum over k from first to last.
///
/// # Safety
/// All elements are there, and `out` overlaps neither.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the sizes and strides of a product")]
pub unsafe fn gemm<S: Simd>(
    s: S,
    [m, n, k]: [usize; 3],
    a: Matrix,
    b: *const f32,
    b_row: usize,
    out: *mut f32,
    out_row: usize,
    add: bool,
) {
    let mut column = 0;
    // SAFETY: the caller's; columns are taken in widths that fit.
    unsafe {
        while column + 2 * S::F32_LANES <= n {
            columns::<S, 2>(s, m, k, a, b.add(column), b_row, out.add(column), out_row, add);
            column += 2 * S::F32_LANES;
        }
        while column + S::F32_LANES <= n {
            columns::<S, 1>(s, m, k, a, b.add(column), b_row, out.add(column), out_row, add);
            column += S::F32_LANES;
        }
        if let Some(s) = half(s)
            && column + 8 <= n
        {
            columns::<_, 1>(s, m, k, a, b.add(column), b_row, out.add(column), out_row, add);
            column += 8;
        }
        while column < n {
            columns::<Scalar, 1>(Scalar::new(), m, k, a, b.add(column), b_row, out.add(column), out_row, add);
            column += 1;
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the sizes and strides of a product")]
unsafe fn columns<S: Simd, const N: usize>(
    s: S,
    m: usize,
    k: usize,
    a: Matrix,
    b: *const f32,
    b_row: usize,
    out: *mut f32,
    out_row: usize,
    add: bool,
) {
    let mut i = 0;
    let at = |i: usize| Matrix { data: a.data.wrapping_add(i * a.row), ..a };
    // SAFETY: rows are taken in heights that fit.
    unsafe {
        macro_rules! rows {
            ($m:literal) => {{
                block::<S, $m, N>(s, k, at(i), b, b_row, out.add(i * out_row), out_row, add);
                i += $m;
            }};
        }
        if S::F32_LANES == 16 {
            // 32 registers: enough sums under way to hide how long an addition takes.
            while N == 1 && i + 16 <= m {
                rows!(16);
            }
            while i + 8 <= m {
                rows!(8);
            }
        } else {
            // 16 registers; eight rows are better halved than taken as six and two.
            while i + 6 <= m && m - i != 8 {
                rows!(6);
            }
        }
        while i + 4 <= m {
            rows!(4);
        }
        if i + 2 <= m {
            rows!(2);
        }
        if i < m {
            block::<S, 1, N>(s, k, at(i), b, b_row, out.add(i * out_row), out_row, add);
        }
    }
}

/// M × N vectors of the product, in registers.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the sizes and strides of a product")]
unsafe fn block<S: Simd, const M: usize, const N: usize>(
    s: S,
    k: usize,
    a: Matrix,
    b: *const f32,
    b_row: usize,
    out: *mut f32,
    out_row: usize,
    add: bool,
) {
    let lanes = S::F32_LANES;
    // SAFETY: the caller's.
    unsafe {
        let mut sum = [[s.splat_f32s(0.0); N]; M];
        if add {
            for (i, row) in sum.iter_mut().enumerate() {
                for (j, sum) in row.iter_mut().enumerate() {
                    *sum = load(s, out.add(i * out_row + j * lanes));
                }
            }
        }
        let (mut x, mut y) = (a.data, b);
        for _ in 0..k {
            let y_: [S::f32s; N] = std::array::from_fn(|j| load(s, y.add(j * lanes)));
            for (i, row) in sum.iter_mut().enumerate() {
                let x_ = s.splat_f32s(*x.add(i * a.row));
                for (sum, y) in row.iter_mut().zip(y_) {
                    *sum = s.mul_add_f32s(x_, y, *sum);
                }
            }
            x = x.add(a.column);
            y = y.add(b_row);
        }
        for (i, row) in sum.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                store(s, out.add(i * out_row + j * lanes), *sum);
            }
        }
    }
}
