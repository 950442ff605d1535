//! How much of the truth searches of a scope find, measured on its own entries.

use super::CollectionReader;
use crate::error::Error;
use crate::filter::Filter;
use crate::graph::Searcher;
use crate::query::VectorQuery;
use crate::scope::Scope;

/// What to measure.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, RecallProbe, Searcher, Simd, VectorEntry};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("a", vec![1.0]), VectorEntry::new("b", vec![2.0])], 0)?;
/// let recall = collection.measure_recall(&RecallProbe::default(), &mut Searcher::default())?;
/// assert_eq!(recall, 1.0, "so few are scanned");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RecallProbe {
    /// The scope. Default: the global one.
    pub scope: Scope,
    /// Search among the entries that match. Default: all.
    pub filter: Option<Filter>,
    /// How many of these entries are searched for. Default: 200, which tells recalls apart by
    /// half a percent.
    pub sample: usize,
    /// The results of each search. Default: 10.
    pub k: usize,
    /// The candidates of each search. Default: the collection's.
    pub ef: Option<usize>,
}

impl Default for RecallProbe {
    fn default() -> Self {
        Self { scope: Scope::Global, filter: None, sample: 200, k: 10, ef: None }
    }
}

impl CollectionReader {
    /// The share of the nearest entries that searches find, each entry of the sample left out of
    /// its own answer; entries as near as the last of the nearest count. It costs an exact search
    /// for each, and says more than any figure measured on other data.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn measure_recall(
        &self,
        probe: &RecallProbe,
        searcher: &mut Searcher,
    ) -> Result<f64, Error> {
        let RecallProbe { scope, filter, sample, k, ef } = probe;
        filter.as_ref().map_or(Ok(()), Filter::validate)?;
        let sampled = self.read(scope, |at| {
            let slots: Vec<u32> = at.select(filter.as_ref()).iter().collect();
            let step = slots.len().div_ceil((*sample).max(1)).max(1);
            let records = slots
                .into_iter()
                .step_by(step)
                .filter_map(|slot| Some(at.catalog.records.get(slot)?.id().to_owned()));
            records.collect::<Vec<_>>()
        })?;
        let (mut hits, mut all) = (0, 0);
        for id in sampled.unwrap_or_default() {
            let mut query = VectorQuery::like(id, *k)
                .with_scope(scope.clone())
                .with_include_metadata(false)
                .with_include_content(false);
            query.filter.clone_from(filter);
            query.ef = *ef;
            let found = match self.search(&query, searcher) {
                // Deleted meanwhile.
                Err(Error::UnknownId { .. }) => continue,
                found => found?,
            };
            let nearest = self.search(&query.with_exact(true), searcher)?;
            let edge = nearest.last().map_or(0.0, |last| last.distance);
            hits += found.iter().filter(|found| found.distance <= edge).count().min(nearest.len());
            all += nearest.len();
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let recall = if all == 0 { 1.0 } else { hits as f64 / all as f64 };
        Ok(recall)
    }
}
