//! The exponential and its companions without branches, so that the compiler uses vector registers, and with the same
//! bits on every machine. Within two units of the last place.

/// Adding it rounds to a whole number, which the lowest bits then hold.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// `ln 2` in two pieces, the first with zeros at the end so that whole multiples of it are exact.
const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Below it the result is 0.
const LOWEST: f64 = -708.0;
const HIGHEST: f64 = 709.0;

/// `e^x`; 0 below -708, as at 709 above it; NaN stays.
#[inline]
pub fn exp(x: f64) -> f64 {
    let bounded = if x < LOWEST { LOWEST } else { x };
    let bounded = if bounded > HIGHEST { HIGHEST } else { bounded };
    let shifted = bounded * std::f64::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = (bounded - whole * LN2_HIGH) - whole * LN2_LOW;
    // Taylor's series for |r| <= ln 2 / 2: the first term left out is below 1e-17.
    const INVERSE: [f64; 14] = inverse_factorials();
    let r2 = r * r;
    let r4 = r2 * r2;
    let pair = |k: usize| INVERSE[k] + INVERSE[k + 1] * r;
    let low = pair(0) + pair(2) * r2;
    let middle = pair(4) + pair(6) * r2;
    let high = pair(8) + pair(10) * r2 + pair(12) * r4;
    let series = low + (middle + high * r4) * r4;
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    if x < LOWEST { 0.0 } else { series * power }
}

const fn inverse_factorials() -> [f64; 14] {
    let mut values = [1.0; 14];
    let mut factorial = 1.0;
    let mut k = 1;
    while k < 14 {
        factorial *= k as f64;
        values[k] = 1.0 / factorial;
        k += 1;
    }
    values
}

/// `ln(1 + x)` for `x` from 0 to 1.
#[inline]
pub fn ln_1p_unit(x: f64) -> f64 {
    // ln(1 + x) = 2 artanh(s), s at most 1/3.
    let s = x / (2.0 + x);
    let s2 = s * s;
    let mut sum = 1.0 / 33.0;
    let mut k = 31;
    while k > 0 {
        sum = sum * s2 + 1.0 / k as f64;
        k -= 2;
    }
    2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_standard_library() {
        for i in -70_000..70_900 {
            let x = f64::from(i) * 0.01 + 1e-5 * f64::from(i % 13);
            if (-708.0..=709.0).contains(&x) {
                assert!((exp(x) / x.exp() - 1.0).abs() < 7e-16, "{x}: {} {}", exp(x), x.exp());
            }
        }
        assert_eq!((exp(0.0), exp(-800.0), exp(f64::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!(exp(f64::NAN).is_nan() && exp(f64::INFINITY) > 1e307);
        for i in 0..=10_000 {
            let x = f64::from(i) * 1e-4;
            assert!((ln_1p_unit(x) - x.ln_1p()).abs() <= 7e-16 * x.ln_1p(), "{x}");
        }
        assert_eq!(ln_1p_unit(1e-300), 1e-300);
    }
}
