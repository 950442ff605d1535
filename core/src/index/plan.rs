//! How a search finds what it shows: decided from numbers of the index and the request alone, so
//! that the same calls go the same way on every machine.
//!
//! Three ways lead to what passes a filter. A scan compares every match, and is exact. A walk with
//! the filter goes on as if there were none and keeps what passes: at a share `s` that passes it
//! meets `1 / s` times as many slots. A walk in two hops reads the lists of slots that do not pass
//! and measures whom they lead to: its cost hardly depends on the share.
//!
//! Costs are in about a nanosecond of a server of 2025 with AVX-512, measured on 965,128 image
//! features of 128 dimensions and 340,479 word vectors of 100, m 16, ef 100. Only their ratios
//! decide, and those are alike on machines whose searches wait for memory.

use std::fmt;

use crate::graph::Beam;

/// A way to find the nearest of what a search is about.
///
/// ```
/// use vicino_core::{Plan, Way};
///
/// let plan = Plan { began: Way::TwoHop, ended: Way::Scan };
/// assert!(plan.is_exact());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Way {
    /// Comparing all there is. It is exact, as far as exact vectors are kept.
    Scan,
    /// A walk through the graph, without a filter.
    Walk,
    /// A walk that measures everything and keeps what matches.
    FilteredWalk,
    /// A walk that measures what matches, and looks through the rest.
    TwoHop,
}

/// How an answer was found. Where it ended in another way than it began, the first found too
/// little, or cost too much.
///
/// ```
/// use vicino_core::{Plan, Way};
///
/// let plan = Plan { began: Way::FilteredWalk, ended: Way::TwoHop };
/// assert_eq!(plan.to_string(), "filtered walk, then two-hop walk");
/// assert!(!plan.is_exact());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    /// The way that the planner chose.
    pub began: Way,
    /// The way that found the answer.
    pub ended: Way,
}

impl Plan {
    /// Was the query compared with all that could be an answer?
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.ended == Way::Scan
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Scan => "scan",
            Self::Walk => "walk",
            Self::FilteredWalk => "filtered walk",
            Self::TwoHop => "two-hop walk",
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { began, ended } = self;
        if began == ended { write!(f, "{began}") } else { write!(f, "{began}, then {ended}") }
    }
}

/// What decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// Cache lines of a row that the graph compares.
    pub(super) lines: usize,
    /// m, the links of a slot in an upper layer.
    pub(super) connections: usize,
    pub(super) k: usize,
    pub(super) ef: usize,
    /// Slots that hold a vector.
    pub(super) live: usize,
    /// How many of them pass the filter, if there is one.
    pub(super) matches: Option<usize>,
}

/// A cache line at a place that nothing foretells, of many that are on their way: a scan of
/// matches takes 24 ns for each, with two lines of codes and one of commit numbers.
const LINE: u64 = 8;

/// What a walk does for a slot that it measures, beside its lines: 79 us for 1,480 slots.
const MEASURED: u64 = 34;

/// A link that a walk in two hops asks the filter about, its share of the list's lines included:
/// some 400 us for a hundred times 1,024 links.
const LINK: u64 = 4;

/// Slots that a walk in two hops measures for each that it keeps: 9 where 2 % pass, 34 where 20 %
/// do.
const BEHIND: u64 = 20;

/// Matches within two hops that hold a graph of matches together. Below them a walk in two hops
/// keeps more candidates: of 10 (1 % at m 16) it would find 0.95 of the nearest, of 20 it finds
/// 0.98.
const TIES: u64 = 16;

/// The most candidates beyond what was asked for, in times: there a scan is cheaper in any index
/// of less than 90 million vectors.
const SPREAD: u64 = 8;

impl Situation {
    /// The way to begin.
    pub(super) fn way(self) -> Way {
        // A beam meets some eight slots for each that it keeps, at scattered places.
        if self.ef.saturating_mul(8) >= self.matches.unwrap_or(self.live) {
            return Way::Scan;
        }
        let Some(matches) = self.matches else { return Way::Walk };
        // Half as much again, for the queries that lie where nothing passes and begin in vain.
        let walk = (3 * self.filtered_walk()) / 2;
        let (way, cost) = match self.two_hop() {
            two_hop if two_hop < walk => (Way::TwoHop, two_hop),
            _ => (Way::FilteredWalk, walk),
        };
        // An exact answer is worth a quarter more.
        if self.k >= matches || 4 * self.scan() <= 5 * cost { Way::Scan } else { way }
    }

    /// The way to go on where one found too little or cost too much.
    pub(super) fn after(self, way: Way) -> Way {
        match way {
            Way::FilteredWalk => Way::TwoHop,
            Way::Scan | Way::Walk | Way::TwoHop => Way::Scan,
        }
    }

    /// How a walk goes.
    pub(super) fn beam(self, way: Way) -> Beam {
        let (ef, two_hop) = (self.ef, way == Way::TwoHop);
        let most = match way {
            Way::Scan | Way::Walk => u64::MAX,
            // Twice what it takes where it does not depend on the query who passes.
            Way::FilteredWalk => 2 * self.met(),
            // What a scan would take, and a third: later, it would have been better to begin with
            // one. Two units are a list.
            Way::TwoHop => 13 * self.scan() / (10 * LINK * self.links() / 2),
        };
        let ef = if two_hop { ef.saturating_mul(self.spread_percent()) / 100 } else { ef };
        Beam { ef, most, two_hop }
    }

    /// The cost of comparing all matches: their rows, and their commit numbers in a line more.
    fn scan(self) -> u64 {
        self.matches() * (self.lines as u64 + 1) * LINE
    }

    fn filtered_walk(self) -> u64 {
        self.met() * (MEASURED + self.lines as u64 * LINE)
    }

    /// Slots that a walk with the filter meets: m for each that it would keep without.
    fn met(self) -> u64 {
        let met = self.ef as u64 * self.connections as u64;
        met.saturating_mul(self.live as u64) / self.matches()
    }

    fn two_hop(self) -> u64 {
        let behind = BEHIND * self.lines as u64 * LINE;
        let hop = self.links() * self.links() * LINK + behind;
        (self.ef as u64 * hop).saturating_mul(self.spread_percent() as u64) / 100
    }

    /// How many candidates a walk in two hops keeps, in hundredths of what was asked for.
    fn spread_percent(self) -> usize {
        let two_hops = self.links() * self.links() * self.matches();
        let percent = (100 * TIES * self.live as u64) / two_hops.max(1);
        usize::try_from(percent.clamp(100, 100 * SPREAD)).expect("at most hundreds")
    }

    /// Links of a slot in the ground layer.
    fn links(self) -> u64 {
        2 * self.connections as u64
    }

    fn matches(self) -> u64 {
        self.matches.unwrap_or(self.live).max(1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults on a million codes of 128 dimensions.
    const MILLION: Situation =
        Situation { lines: 2, connections: 16, k: 10, ef: 100, live: 1_000_000, matches: None };

    #[test]
    fn the_way_depends_on_how_many_pass() {
        for (matches, way) in [
            (0, Way::Scan),
            (7, Way::Scan),
            (10_000, Way::Scan),
            (20_000, Way::Scan),
            (30_000, Way::TwoHop),
            (100_000, Way::TwoHop),
            (200_000, Way::TwoHop),
            (400_000, Way::FilteredWalk),
            (1_000_000, Way::FilteredWalk),
        ] {
            let situation = Situation { matches: Some(matches), ..MILLION };
            assert_eq!(situation.way(), way, "{matches}");
        }
        assert_eq!(MILLION.way(), Way::Walk);
    }

    #[test]
    fn the_way_depends_on_the_index_and_on_what_is_asked() {
        let tenth = Situation { matches: Some(100_000), ..MILLION };
        for (situation, way) in [
            // Rows of 1,536 floats are dear to scan.
            (Situation { lines: 96, matches: Some(3_000), ..MILLION }, Way::Scan),
            (Situation { lines: 96, matches: Some(10_000), ..MILLION }, Way::TwoHop),
            // Wide beams and long lists make walks dear.
            (Situation { ef: 1000, ..tenth }, Way::Scan),
            (Situation { connections: 64, ..tenth }, Way::Scan),
            // All there are, and more.
            (Situation { k: 100_000, ef: 100_000, ..tenth }, Way::Scan),
            (Situation { k: usize::MAX, ef: usize::MAX, ..tenth }, Way::Scan),
            (Situation { live: 900, ef: 200, ..MILLION }, Way::Scan),
        ] {
            assert_eq!(situation.way(), way, "{situation:?}");
        }
        // However few pass, a walk keeps no more than eight times as many candidates.
        let few = Situation { live: 2_000_000_000, matches: Some(1_000_000), ..MILLION };
        assert_eq!((few.way(), few.beam(Way::TwoHop).ef), (Way::TwoHop, 800));
    }

    #[test]
    fn every_way_ends_in_a_scan_and_no_filtered_one_costs_more_than_it_may() {
        for matches in [1, 30_000, 1_000_000] {
            let situation = Situation { matches: Some(matches), ..MILLION };
            assert_eq!(situation.after(Way::FilteredWalk), Way::TwoHop);
            assert_eq!(situation.after(Way::TwoHop), Way::Scan);
            assert_eq!(situation.after(Way::Walk), Way::Scan);
            assert!(situation.beam(Way::TwoHop).most <= 1_000_000);
            assert!(situation.beam(Way::FilteredWalk).most < u64::MAX);
        }
        assert_eq!(MILLION.beam(Way::Walk).most, u64::MAX);
    }
}
