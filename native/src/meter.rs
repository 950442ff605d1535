//! How long calls take: a histogram that many threads add to at once, without a lock.
//!
//! A bucket is a 32nd as wide as the times in it are long, so what is told is at most 3.2 % too
//! long; times below 32 ns, and the longest, are exact. A call adds one to the count of its bucket,
//! and reads what the longest is.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long calls of one kind took: how many there were, and the time that so many percent of them
/// stayed within, which is at most 3.2 % too long. Zeros where there was none.
///
/// ```
/// use vicino::{HnswConfig, HnswVectorStorage, VectorEntry, VectorQuery};
///
/// let storage = HnswVectorStorage::new(2, HnswConfig::balanced());
/// storage.blocking().insert(vec![VectorEntry::new("a", vec![1.0, 0.0])])?;
/// storage.blocking().search(&VectorQuery::new(vec![1.0, 0.1], 3))?;
/// let latency = storage.report()?.search_latency;
/// assert_eq!(latency.count, 1);
/// assert!(latency.p50 <= latency.p99 && latency.p99 <= latency.max);
/// # Ok::<(), vicino::StoreError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// How many calls there were.
    pub count: u64,
    /// What half of them stayed within.
    pub p50: Duration,
    /// What 95 of a hundred stayed within.
    pub p95: Duration,
    /// What 99 of a hundred stayed within.
    pub p99: Duration,
    /// The longest, exactly.
    pub max: Duration,
}

/// Times of calls of one kind.
#[derive(Debug)]
pub(crate) struct Meter {
    buckets: Box<[AtomicU64; BUCKETS]>,
    /// Nanoseconds.
    max: AtomicU64,
}

/// Buckets between a time and its double, as a power of two.
const FINE: u32 = 5;

/// The last bucket begins below this power of two of nanoseconds, 18 minutes, and has all that is
/// longer.
const LONG: u32 = 40;

/// Nine kilobytes of them.
const BUCKETS: usize = ((LONG - FINE + 1) << FINE) as usize;

impl Default for Meter {
    fn default() -> Self {
        let buckets = Box::new(array::from_fn(|_| AtomicU64::new(0)));
        Self { buckets, max: AtomicU64::new(0) }
    }
}

impl Meter {
    /// Counts a call.
    pub(crate) fn record(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Nearly none is longer than all before, and those that are not write nothing here.
        if nanos > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(nanos, Ordering::Relaxed);
        }
        self.buckets[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far, about, while others go on.
    pub(crate) fn latency(&self) -> Latency {
        let counts = self.buckets.each_ref().map(|count| count.load(Ordering::Relaxed));
        let (count, max) = (counts.iter().sum::<u64>(), self.max.load(Ordering::Relaxed));
        let percentile = |percent: u64| {
            let mut left = (u128::from(count) * u128::from(percent)).div_ceil(100);
            let is_there = |(_, count): &(usize, &u64)| {
                left = left.saturating_sub((**count).into());
                left == 0
            };
            let bucket = counts.iter().enumerate().find(is_there).map_or(0, |(bucket, _)| bucket);
            Duration::from_nanos(last(bucket).min(max))
        };
        let [p50, p95, p99] = [50, 95, 99].map(percentile);
        Latency { count, p50, p95, p99, max: Duration::from_nanos(max) }
    }
}

/// Where a time belongs: its first bits behind the highest, after how many there are below them.
fn bucket(nanos: u64) -> usize {
    let below = (nanos | (1 << FINE)).ilog2() - FINE;
    let bucket = (u64::from(below) << FINE) + (nanos >> below);
    usize::try_from(bucket).map_or(BUCKETS - 1, |bucket| bucket.min(BUCKETS - 1))
}

/// The longest time that belongs there.
fn last(bucket: usize) -> u64 {
    if bucket == BUCKETS - 1 {
        return u64::MAX;
    }
    let below = (bucket >> FINE).saturating_sub(1);
    let first = ((bucket - (below << FINE)) as u64) << below;
    first + ((1 << below) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of times, all of them in nanoseconds.
    fn told(times: &[u64]) -> [u64; 5] {
        let meter = Meter::default();
        times.iter().for_each(|nanos| meter.record(Duration::from_nanos(*nanos)));
        let Latency { count, p50, p95, p99, max } = meter.latency();
        let [p50, p95, p99, max] =
            [p50, p95, p99, max].map(|time| u64::try_from(time.as_nanos()).unwrap());
        [count, p50, p95, p99, max]
    }

    #[test]
    fn buckets_are_one_behind_the_other_and_narrow() {
        let mut first = 0;
        for at in 0..BUCKETS - 1 {
            let last = last(at);
            assert_eq!((bucket(first), bucket(last)), (at, at));
            assert!((last - first) * 32 <= first.max(1), "{first} to {last}");
            first = last + 1;
        }
        assert_eq!((bucket(first), bucket(u64::MAX)), (BUCKETS - 1, BUCKETS - 1));
        assert_eq!(first, (1 << LONG) - (1 << (LONG - 1 - FINE)));
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut state = 1_u64;
        for count in [1, 2, 3, 19, 20, 21, 99, 100, 101, 10_000] {
            let mut times: Vec<u64> = Vec::new();
            for _ in 0..count {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Of all lengths up to nine minutes.
                times.push((state >> 25) >> (state >> 59));
            }
            let [all, told @ .., max] = told(&times);
            times.sort_unstable();
            assert_eq!((all, max), (count as u64, times[count - 1]));
            for (percent, told) in [50, 95, 99].into_iter().zip(told) {
                let exact = times[(count * percent).div_ceil(100) - 1];
                assert!(told >= exact && told - exact <= exact / 31, "{percent} of {count}");
            }
        }
    }

    #[test]
    fn none_the_shortest_and_the_longest() {
        assert_eq!(told(&[]), [0; 5]);
        assert_eq!(told(&[0]), [1, 0, 0, 0, 0]);
        assert_eq!(told(&[u64::MAX]), [1, u64::MAX, u64::MAX, u64::MAX, u64::MAX]);
        assert_eq!(told(&[0, 0, 31, u64::MAX]), [4, 0, u64::MAX, u64::MAX, u64::MAX]);
        let meter = Meter::default();
        meter.record(Duration::MAX);
        assert_eq!(meter.latency().max, Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn threads_lose_nothing() {
        let meter = Meter::default();
        std::thread::scope(|threads| {
            for thread in 1..=4 {
                let meter = &meter;
                threads.spawn(move || {
                    (0..1000).for_each(|_| meter.record(Duration::from_micros(thread)));
                });
            }
        });
        assert_eq!((meter.latency().count, meter.latency().max), (4000, Duration::from_micros(4)));
    }
}
