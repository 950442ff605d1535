//! Is a graph what it says it is?

use super::GraphView;
use crate::memory::State;

/// What a structural check of an index found.
///
/// ```
/// use vicino_core::{HnswConfig, HnswIndex, Serial, Simd};
///
/// let mut index = HnswIndex::new(HnswConfig::balanced(), 1024, Simd::detect())?;
/// let values: Vec<f32> = (0..1100 * 1024_i64).map(|i| (i * i % 1013) as f32).collect();
/// index.insert(&values, &Serial)?;
/// let report = index.check();
/// assert_eq!((report.slots, report.unreachable, report.invalid_links), (1100, 0, 0));
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphReport {
    /// Live slots in the graph; none where the index is flat.
    pub slots: usize,
    /// Deleted slots that are still walked through.
    pub dead: usize,
    /// Links of live slots in the ground layer.
    pub links: usize,
    /// The fewest links of a live slot in the ground layer.
    pub degree_min: usize,
    /// Live slots that a walk from the entry along the ground layer cannot reach.
    pub unreachable: usize,
    /// Links to a slot itself, to one twice, to one that is free, not there, or not in the layer.
    pub invalid_links: usize,
    /// A number that is the same only for the same links.
    pub digest: u64,
}

impl GraphView<'_> {
    pub(super) fn report(&self, states: &[State]) -> GraphReport {
        let mut report = GraphReport {
            degree_min: usize::MAX,
            digest: 0xcbf2_9ce4_8422_2325 ^ u64::from(self.entry),
            ..GraphReport::default()
        };
        let is = |slot: u32, state: State| states.get(slot as usize) == Some(&state);
        for slot in (0..self.len()).filter(|&slot| !is(slot, State::Free)) {
            let live = is(slot, State::Live);
            report.slots += usize::from(live);
            report.dead += usize::from(!live);
            for layer in 0..=self.layers_above(slot) {
                let mut links: Vec<u32> = self.links(slot, layer).collect();
                for &link in &links {
                    report.digest = (report.digest ^ u64::from(link)).wrapping_mul(0x100_0000_01b3);
                }
                report.digest = (report.digest ^ u64::MAX).wrapping_mul(0x100_0000_01b3);
                let count = links.len();
                if layer == 0 && live {
                    report.links += count;
                    report.degree_min = report.degree_min.min(count);
                }
                links.sort_unstable();
                links.dedup();
                let valid = links.iter().filter(|link| self.is_valid(slot, layer, **link, states));
                report.invalid_links += count - valid.count();
            }
        }
        report.degree_min = if report.slots == 0 { 0 } else { report.degree_min };
        report.unreachable = self.unreachable(states);
        report
    }

    /// May a slot lead to another in a layer?
    pub(super) fn is_valid(&self, slot: u32, layer: usize, link: u32, states: &[State]) -> bool {
        link < self.len()
            && link != slot
            && states.get(link as usize).is_some_and(|state| *state != State::Free)
            && (layer == 0 || self.layers_above(link) >= layer)
    }

    fn unreachable(&self, states: &[State]) -> usize {
        let mut reached = vec![false; self.len() as usize];
        self.reach(self.entry(), &mut reached);
        let live = reached.iter().zip(states).filter(|(_, state)| **state == State::Live);
        live.filter(|(reached, _)| !**reached).count()
    }

    /// Marks all slots that links of the ground layer lead to from one.
    pub(super) fn reach(&self, from: Option<u32>, reached: &mut [bool]) {
        let mut stack: Vec<u32> = from.into_iter().collect();
        while let Some(slot) = stack.pop() {
            if !std::mem::replace(&mut reached[slot as usize], true) {
                let links = self.links(slot, 0).filter(|&link| link < self.len());
                stack.extend(links.filter(|&link| !reached[link as usize]));
            }
        }
    }
}
