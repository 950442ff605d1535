//! Vectors as 7-bit codes: one range for all dimensions, fitted once, so that a code needs nothing
//! beside it and codes of one index compare as they are.

use crate::simd::Code;
use crate::sorted::{of_ordered_bits, ordered_bits};

/// A range of values in 127 steps; what lies outside is clipped to its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Int8 {
    low: f32,
    /// Codes for each unit of value.
    scale: f32,
}

impl Int8 {
    /// The range that leaves out one value in 2,000 at each end: few enough to be told apart by
    /// the exact vectors, and the steps of the others are not spent on them.
    pub(crate) fn fit(mut values: Vec<f32>) -> Self {
        values.iter_mut().for_each(|value| *value = f32::from_bits(ordered_bits(*value)));
        let bits: &mut [u32] = bytemuck::cast_slice_mut(&mut values);
        bits.sort_unstable();
        let clipped = bits.len() / 2000;
        match bits[clipped..bits.len() - clipped] {
            [] => Self::over(0.0, 0.0),
            [one] => Self::over(of_ordered_bits(one), of_ordered_bits(one)),
            [low, .., high] => Self::over(of_ordered_bits(low), of_ordered_bits(high)),
        }
    }

    fn over(low: f32, high: f32) -> Self {
        let scale = if high > low { 127.0 / (high - low) } else { 0.0 };
        let range = Self::of_ends([low, scale]);
        // Vectors of a damaged snapshot may be no numbers.
        range.unwrap_or(Self { low: 0.0, scale: 0.0 })
    }

    /// The lower end, and the codes for each unit of value.
    pub(crate) fn ends(&self) -> [f32; 2] {
        [self.low, self.scale]
    }

    /// The range with these ends, if they are some.
    pub(crate) fn of_ends([low, scale]: [f32; 2]) -> Option<Self> {
        (low.is_finite() && scale.is_finite() && scale >= 0.0).then_some(Self { low, scale })
    }

    /// The width of a step.
    pub(crate) fn step(&self) -> f64 {
        if self.scale > 0.0 { 1.0 / f64::from(self.scale) } else { 0.0 }
    }

    /// The value that a code stands for.
    pub(crate) fn value(&self, code: Code) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        let above = (f64::from(code.get()) * self.step()) as f32;
        self.low + above
    }

    /// The code of a value.
    #[inline]
    pub(crate) fn code(&self, value: f32) -> Code {
        let steps = ((value - self.low) * self.scale).clamp(0.0, 127.0);
        // At two to the power of 23 floats are integers: the sum is rounded to the nearest, ties
        // to even, without a call, and ends in the bits of the code.
        let rounded = (steps + 8_388_608.0).to_bits();
        Code::new((rounded & 127) as u8).expect("seven bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_nearest_steps_of_the_range() {
        let values: Vec<f32> = (0..=10_000_u16).map(|i| f32::from(i) / 5000.0 - 1.0).collect();
        let range = Int8::fit(values.clone());
        let step = 1.0 / range.scale;
        for &value in &values[5..=9_995] {
            let decoded = range.low + f32::from(range.code(value).get()) * step;
            assert!((decoded - value).abs() <= step * 0.5001, "{value} became {decoded}");
        }
        assert_eq!(range.code(-50.0).get(), 0);
        assert_eq!(range.code(f32::MAX).get(), 127);
    }

    #[test]
    fn values_that_are_all_alike_or_none_have_one_code() {
        for values in [vec![], vec![0.25], vec![-3.0; 5000]] {
            let range = Int8::fit(values.clone());
            assert!(values.iter().all(|&value| range.code(value).get() == 0), "{range:?}");
            assert_eq!(range.code(1e30).get(), 0);
        }
    }
}
