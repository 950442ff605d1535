//! Is a graph what it says it is?

use super::{Graph, Measure, Stored};

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
    /// Slots in the graph; none where the index is flat.
    pub slots: usize,
    /// Links of the ground layer.
    pub links: usize,
    /// Slots that a walk from the entry along the ground layer cannot reach.
    pub unreachable: usize,
    /// Links to a slot itself, to one twice, to one that is not there or not in the layer.
    pub invalid_links: usize,
    /// A number that is the same only for the same links.
    pub digest: u64,
}

impl<K: Measure<R>, R: Stored> Graph<K, R> {
    pub(super) fn report(&self) -> GraphReport {
        let slots = self.linked;
        let mut report = GraphReport {
            slots: slots as usize,
            digest: 0xcbf2_9ce4_8422_2325 ^ u64::from(self.entry.unwrap_or(u32::MAX)),
            ..GraphReport::default()
        };
        for slot in 0..slots {
            for layer in 0..=self.layers_above(slot) {
                let mut links: Vec<u32> = self.links(slot, layer).collect();
                for &link in &links {
                    report.digest = (report.digest ^ u64::from(link)).wrapping_mul(0x100_0000_01b3);
                }
                report.digest = (report.digest ^ u64::MAX).wrapping_mul(0x100_0000_01b3);
                let count = links.len();
                report.links += if layer == 0 { count } else { 0 };
                links.sort_unstable();
                links.dedup();
                let valid = |&&link: &&u32| {
                    link < slots && link != slot && self.layers_above(link) >= layer
                };
                report.invalid_links += count - links.iter().filter(valid).count();
            }
        }
        let mut reached = vec![false; slots as usize];
        let mut stack: Vec<u32> = self.entry.into_iter().collect();
        while let Some(slot) = stack.pop() {
            let links = self.links(slot, 0).filter(|&link| link < slots);
            if !std::mem::replace(&mut reached[slot as usize], true) {
                stack.extend(links.filter(|&link| !reached[link as usize]));
            }
        }
        report.unreachable = reached.iter().filter(|&&reached| !reached).count();
        report
    }
}
