//! The exponential function, the same on every machine: Rust's own calls the platform's.
//!
//! The method and its constants are those of FreeBSD's `e_exp.c`:
//!
//! > Copyright (C) 2004 by Sun Microsystems, Inc. All rights reserved. Permission to use, copy, modify, and distribute this
//! > software is freely granted, provided that this notice is preserved.

const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
const P: [f64; 5] = [
    f64::from_bits(0x3fc5_5555_5555_553e),
    f64::from_bits(0xbf66_c16c_16be_bd93),
    f64::from_bits(0x3f11_566a_af25_de2c),
    f64::from_bits(0xbebb_bd41_c5d2_6bf1),
    f64::from_bits(0x3e66_3769_72be_a4d0),
];

/// eˣ, less than one unit in the last place off, and the same on every machine: policies and the host agree to the bit.
///
/// With x = k·ln 2 + r, |r| ≤ ln 2 / 2, it is 2ᵏ·eʳ, and eʳ a rational function of r.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() || x > 709.782_712_893_384 {
        return x * f64::INFINITY; // NaN, or too large
    }
    if x < -745.133_219_101_941_1 {
        return 0.0;
    }
    // The upper half of |x|: enough to tell how large it is.
    let size = (x.to_bits() >> 32) as u32 & 0x7fff_ffff;
    if size <= 0x3e30_0000 {
        return 1.0 + x; // |x| ≤ 2⁻²⁸
    }
    let k = if size <= 0x3fd6_2e42 {
        0 // |x| ≤ ln 2 / 2
    } else if size < 0x3ff0_a2b2 {
        x.signum() as i32 // |x| < 1.5 · ln 2
    } else {
        (std::f64::consts::LOG2_E * x + 0.5f64.copysign(x)) as i32
    };
    let (high, low) = (x - f64::from(k) * LN2_HIGH, f64::from(k) * LN2_LOW);
    let r = high - low;
    let square = r * r;
    let c = r - square * (P[0] + square * (P[1] + square * (P[2] + square * (P[3] + square * P[4]))));
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    // 2¹⁰²⁴ and what lies below 2⁻¹⁰²² are no factors: in two steps, of which the first is exact.
    match k {
        1024.. => y * 2.0 * power_of_two(k - 1),
        -1022.. => y * power_of_two(k),
        _ => y * power_of_two(k + 200) * power_of_two(-200),
    }
}

/// 2ᵏ for k from −1022 to 1023.
fn power_of_two(k: i32) -> f64 {
    f64::from_bits(((1023 + k) as u64) << 52)
}
