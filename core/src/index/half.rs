//! Floats of 16 bits (IEEE 754 binary16), for vectors that are kept in half the bytes.
//!
//! Written here because a crate for it brings more code than this crate has; both ways are held to
//! the definition for every one of the 65,536 values.

/// The largest value.
pub(super) const MAX: f32 = 65504.0;

/// 2^112: what the exponents of the two widths differ by.
const WIDER: f32 = f32::from_bits((127 + 112) << 23);

/// The nearest half, the even one of two; for values up to [`MAX`] in size.
pub(super) fn encode(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16) & 0x8000;
    let size = value.to_bits() & 0x7fff_ffff;
    let half = if size < 113 << 23 {
        // Below 2^-14 a half's steps are those of an f32 between a half and one.
        (f32::from_bits(size) + 0.5).to_bits() - 0.5_f32.to_bits()
    } else {
        let even = (size >> 13) & 1;
        (size + 0xfff + even - (112 << 23)) >> 13
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most 0x7bff and the sign")]
    let half = (sign | half) as u16;
    half
}

/// The value of a half.
pub(super) fn decode(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let size = f32::from_bits(u32::from(half & 0x7fff) << 13) * WIDER;
    f32::from_bits(size.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the formula of the standard, in `f64`.
    fn definition(half: u16) -> f64 {
        let (exponent, fraction) = (i32::from(half >> 10 & 31), f64::from(half & 1023));
        let power = |n: i32| f64::from_bits(u64::try_from(1023 + n).unwrap() << 52);
        let size = match exponent {
            0 => fraction * power(-24),
            _ => (1024.0 + fraction) * power(exponent - 25),
        };
        if half & 0x8000 == 0 { size } else { -size }
    }

    #[test]
    fn every_half_is_what_the_standard_says_and_stays_what_it_is() {
        for half in (0..=0x7bff).chain(0x8000..=0xfbff) {
            assert_eq!(f64::from(decode(half)), definition(half), "{half:#x}");
            assert_eq!(encode(decode(half)), half, "{half:#x}");
        }
        assert_eq!(decode(encode(MAX)), MAX);
    }

    #[test]
    fn what_lies_between_two_goes_to_the_nearer_and_a_tie_to_the_even() {
        for half in 0..0x7bff_u16 {
            let (low, high) = (definition(half), definition(half + 1));
            #[expect(clippy::cast_possible_truncation, reason = "halves of halves are exact")]
            let at = |share: f64| encode((low + (high - low) * share) as f32);
            assert_eq!((at(0.25), at(0.75)), (half, half + 1), "{half:#x}");
            assert_eq!(at(0.5), half + (half & 1), "{half:#x}");
        }
    }
}
