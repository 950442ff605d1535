//! How long calls took, one by one.

use std::time::Duration;

/// Durations of calls, the shortest first.
#[derive(Debug)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn new(mut calls: Vec<Duration>) -> Self {
        calls.sort_unstable();
        Self(calls)
    }

    /// Those of several series.
    pub(super) fn merge(series: Vec<Self>) -> Self {
        Self::new(series.into_iter().flat_map(|Self(calls)| calls).collect())
    }

    /// Calls a second, were there nothing between them.
    pub(super) fn per_second(&self) -> f64 {
        self.0.len() as f64 / self.0.iter().sum::<Duration>().as_secs_f64()
    }

    /// The microseconds that so many percent of the calls, 1 to 100, stayed within.
    pub(super) fn micros(&self, percent: usize) -> f64 {
        let calls = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(calls - 1).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_calls() {
        let latencies = |micros: &[u64]| {
            Latencies::new(micros.iter().map(|&micros| Duration::from_micros(micros)).collect())
        };
        let four = latencies(&[40, 10, 30, 20]);
        let percentiles = [1, 50, 51, 75, 99, 100].map(|percent| four.micros(percent).round());
        assert_eq!(percentiles, [10.0, 20.0, 30.0, 30.0, 40.0, 40.0]);
        assert_eq!(four.per_second().round(), 40_000.0);
        let merged = Latencies::merge(vec![latencies(&[3, 1]), latencies(&[2])]);
        assert_eq!(merged.micros(50).round(), 2.0);
        assert_eq!(latencies(&[7]).micros(99).round(), 7.0);
        assert_eq!(latencies(&[]).micros(50), 0.0);
    }
}
