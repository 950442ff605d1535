//! Numbers without a pattern that a seed decides.

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug)]
pub(super) struct SplitMix64(pub(super) u64);

impl SplitMix64 {
    /// A number from 0 to `end`, without it.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        #[expect(clippy::cast_possible_truncation, reason = "less than a usize")]
        let below = (bits % end as u64) as usize;
        below
    }

    /// The same of a smaller number.
    pub(super) fn draw(&mut self, end: u32) -> u32 {
        u32::try_from(self.below(end as usize)).expect("it is below another")
    }

    /// Moves so many elements to the front that all could have been, in any order.
    pub(super) fn move_to_front(&mut self, elements: &mut [u32], count: usize) {
        for place in 0..count {
            let chosen = place + self.below(elements.len() - place);
            elements.swap(place, chosen);
        }
    }

    /// So many of the numbers up to `end`, each once, or all where there are fewer.
    pub(super) fn choose(&mut self, count: usize, end: usize) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..).take(end).collect();
        self.move_to_front(&mut numbers, count.min(end));
        numbers.truncate(count);
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_a_part_without_repeats() {
        let mut chosen = SplitMix64(7).choose(20, 50);
        assert_eq!(chosen, SplitMix64(7).choose(20, 50), "a seed decides");
        assert_ne!(chosen, SplitMix64(8).choose(20, 50));
        chosen.sort_unstable();
        chosen.dedup();
        assert!(chosen.len() == 20 && chosen[19] < 50);

        let mut all = SplitMix64(7).choose(9, 4);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
    }
}
