//! Queries and results: what can be asked of a search, and what it says.

use crate::config::EF_MAX;
use crate::entry::{EntryKey, check_id, check_time};
use crate::error::Error;
use crate::filter::{Filter, field};
use crate::metadata::{Object, Value};
use crate::scope::Scope;

/// A search: what to look near to, where, and among what.
///
/// ```
/// use vicino_core::{Scope, VectorQuery, field};
///
/// let query = VectorQuery::new(vec![0.1, 0.2], 10)
///     .with_scope(Scope::Tenant("acme".to_owned()))
///     .with_filter(field("type").eq("guide"))
///     .with_threshold(0.8);
/// assert!(query.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VectorQuery {
    /// What results are near to.
    pub target: Target,
    /// How many results to return at most, 0 to 65,536.
    pub k: usize,
    /// Candidates of the walk, 1 to 65,536. Default: the collection's `ef_search`.
    pub ef: Option<usize>,
    /// The recall to aim at, over 0 and up to 1, where `Collection::tune` has measured what it
    /// takes. An `ef` goes before it.
    pub recall: Option<f64>,
    /// Compare with everything that matches, however many there are. Default: false.
    pub exact: bool,
    /// Leave out results with a lower score.
    pub threshold: Option<f32>,
    /// Leave out the first so many results, up to 65,536 with `k`. Default: 0.
    pub offset: usize,
    /// The scopes to search, one after the other. Default: the global scope, and no other.
    pub scopes: Vec<Scope>,
    /// Which entries are results. Default: all.
    pub filter: Option<Filter>,
    /// Leave out entries whose event was not in this range, or that have no event time.
    pub event_time_range: Option<TimeRange>,
    /// Leave out entries that were not created in this range.
    pub ingestion_time_range: Option<TimeRange>,
    /// Leave out entries that have expired. Default: true.
    pub exclude_expired: bool,
    /// The time in milliseconds since 1970. Default: that of the last write to the scope or of the
    /// hand that searches (`CollectionReader::at`), whichever is later.
    pub now: Option<i64>,
    /// Return the metadata of results. Default: true, as filters and callers are about it.
    pub include_metadata: bool,
    /// Return the text of results. Default: true, as it is what a search is for.
    pub include_content: bool,
    /// Return the vectors of results. Default: false: they are large and seldom needed.
    pub include_vector: bool,
    /// Choose results that also differ from one another.
    pub mmr: Option<Mmr>,
}

/// What results are near to.
///
/// ```
/// use vicino_core::{Target, VectorQuery};
///
/// let query = VectorQuery::like("doc-1", 10);
/// assert_eq!(query.target, Target::Entry("doc-1".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// A vector.
    Vector(Vec<f32>),
    /// The vector of the entry with this id, in the first of the query's scopes. The entry itself
    /// is no result.
    Entry(String),
}

/// A range of times, in milliseconds since 1970.
///
/// ```
/// use vicino_core::TimeRange;
///
/// let range = TimeRange { from: Some(1_000), to: None };
/// assert!(range.contains(1_000) && !range.contains(999));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first time that is in it; none for no beginning.
    pub from: Option<i64>,
    /// The first time that is no longer in it; none for no end.
    pub to: Option<i64>,
}

impl TimeRange {
    /// Is the time in the range?
    #[must_use]
    pub fn contains(&self, time: i64) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }
}

/// Maximal marginal relevance (Carbonell and Goldstein, "The use of MMR, diversity-based reranking
/// for reordering documents and producing summaries", 1998): each result is the candidate with
/// the best `lambda` of its own score less `1 - lambda` of its likeness to a result before it.
///
/// ```
/// use vicino_core::{Mmr, VectorQuery};
///
/// let query = VectorQuery::new(vec![1.0], 5).with_mmr(Mmr { lambda: 0.5, fetch_k: 20 });
/// assert!(query.validate().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmr {
    /// 1 is the order of the scores, 0 is difference alone.
    pub lambda: f32,
    /// The candidates to choose from, at least `offset + k` and up to 1,024: choosing compares
    /// each with every result.
    pub fetch_k: usize,
}

/// The most candidates that results are chosen from for their difference.
const FETCH_MAX: usize = 1024;

/// The most scopes of one query.
const SCOPES_MAX: usize = 1024;

impl VectorQuery {
    /// The `k` nearest to a vector, in the global scope.
    #[must_use]
    pub fn new(vector: Vec<f32>, k: usize) -> Self {
        Self::to(Target::Vector(vector), k)
    }

    /// The `k` nearest to an entry of the global scope, without itself.
    #[must_use]
    pub fn like(id: impl Into<String>, k: usize) -> Self {
        Self::to(Target::Entry(id.into()), k)
    }

    fn to(target: Target, k: usize) -> Self {
        Self {
            target,
            k,
            ef: None,
            recall: None,
            exact: false,
            threshold: None,
            offset: 0,
            scopes: vec![Scope::Global],
            filter: None,
            event_time_range: None,
            ingestion_time_range: None,
            exclude_expired: true,
            now: None,
            include_metadata: true,
            include_content: true,
            include_vector: false,
            mmr: None,
        }
    }

    /// Sets the scope to search.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scopes = vec![scope];
        self
    }

    /// Sets several scopes to search; results are merged by their scores.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Also asks that the metadata has this value at a path, beside what the filter asks.
    #[must_use]
    pub fn with_metadata_filter(mut self, path: &str, value: impl Into<Value>) -> Self {
        let equals = field(path).eq(value);
        self.filter = Some(match self.filter {
            Some(filter) => filter & equals,
            None => equals,
        });
        self
    }

    /// Sets how many results to return at most.
    #[must_use]
    pub fn with_k(mut self, k: usize) -> Self {
        self.k = k;
        self
    }

    /// Sets how many candidates the walk keeps.
    #[must_use]
    pub fn with_ef(mut self, ef: usize) -> Self {
        self.ef = Some(ef);
        self
    }

    /// Sets the recall to aim at.
    #[must_use]
    pub fn with_recall(mut self, recall: f64) -> Self {
        self.recall = Some(recall);
        self
    }

    /// Sets whether everything that matches is compared with.
    #[must_use]
    pub fn with_exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// Sets the lowest score of a result.
    #[must_use]
    pub fn with_threshold(mut self, threshold: f32) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// Sets how many of the first results are left out.
    #[must_use]
    pub fn with_offset(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    /// Sets which entries are results; those that an earlier filter of the query leaves out stay
    /// out.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(earlier) => earlier & filter,
            None => filter,
        });
        self
    }

    /// Sets when events of results were.
    #[must_use]
    pub fn with_event_time_range(mut self, range: TimeRange) -> Self {
        self.event_time_range = Some(range);
        self
    }

    /// Sets when results were created.
    #[must_use]
    pub fn with_ingestion_time_range(mut self, range: TimeRange) -> Self {
        self.ingestion_time_range = Some(range);
        self
    }

    /// Sets whether entries that have expired, and were not yet purged, are left out.
    #[must_use]
    pub fn with_exclude_expired(mut self, exclude_expired: bool) -> Self {
        self.exclude_expired = exclude_expired;
        self
    }

    /// Sets the time.
    #[must_use]
    pub fn with_now(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// Sets whether metadata is returned.
    #[must_use]
    pub fn with_include_metadata(mut self, include_metadata: bool) -> Self {
        self.include_metadata = include_metadata;
        self
    }

    /// Sets whether text is returned.
    #[must_use]
    pub fn with_include_content(mut self, include_content: bool) -> Self {
        self.include_content = include_content;
        self
    }

    /// Sets whether vectors are returned.
    #[must_use]
    pub fn with_include_vector(mut self, include_vector: bool) -> Self {
        self.include_vector = include_vector;
        self
    }

    /// Sets that results differ from one another.
    #[must_use]
    pub fn with_mmr(mut self, mmr: Mmr) -> Self {
        self.mmr = Some(mmr);
        self
    }

    /// How many of the nearest the query has to know.
    pub(crate) fn depth(&self) -> usize {
        self.mmr.map_or(self.offset + self.k, |mmr| mmr.fetch_k)
    }

    /// Can the query be answered, as far as it can be told without a collection?
    ///
    /// # Errors
    ///
    /// [`Error::InvalidQuery`] for a number outside its limits, [`Error::InvalidRecall`],
    /// [`Error::InvalidFilter`], [`Error::InvalidName`] for a scope or the id, and
    /// [`Error::InvalidTime`].
    pub fn validate(&self) -> Result<(), Error> {
        let invalid = |field, reason: String| Err(Error::InvalidQuery { field, reason });
        let depth = self.offset.saturating_add(self.k);
        if depth > EF_MAX {
            return invalid("k", format!("with offset is at most {EF_MAX}, found {depth}"));
        }
        if let Some(ef) = self.ef.filter(|ef| !(1..=EF_MAX).contains(ef)) {
            return invalid("ef", format!("is 1 to {EF_MAX}, found {ef}"));
        }
        if let Some(found) = self.recall.filter(|recall| !(*recall > 0.0 && *recall <= 1.0)) {
            return Err(Error::InvalidRecall { found });
        }
        if self.threshold.is_some_and(f32::is_nan) {
            return invalid("threshold", "is a score, found NaN".to_owned());
        }
        if !(1..=SCOPES_MAX).contains(&self.scopes.len()) {
            let found = self.scopes.len();
            return invalid("scopes", format!("are 1 to {SCOPES_MAX}, found {found}"));
        }
        if let Some(Mmr { lambda, fetch_k }) = self.mmr {
            if !(0.0..=1.0).contains(&lambda) {
                return invalid("mmr.lambda", format!("is 0 to 1, found {lambda}"));
            }
            if !(depth..=FETCH_MAX).contains(&fetch_k) {
                let reason = format!("is offset + k ({depth}) to {FETCH_MAX}, found {fetch_k}");
                return invalid("mmr.fetch_k", reason);
            }
        }
        self.scopes.iter().try_for_each(Scope::validate)?;
        if let Target::Entry(id) = &self.target {
            check_id(id)?;
        }
        self.now.map_or(Ok(()), check_time)?;
        self.filter.as_ref().map_or(Ok(()), Filter::validate)
    }
}

/// An entry that a search found.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Searcher, Simd, VectorEntry, VectorQuery};
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 2, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("a", vec![3.0, 4.0])], 0)?;
/// let query = VectorQuery::new(vec![6.0, 8.0], 1);
/// let results = collection.search(&query, &mut Searcher::default())?;
/// assert_eq!(results[0].key.id(), "a");
/// assert_eq!((results[0].score, results[0].distance), (1.0, 0.0));
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VectorResult {
    /// Its scope and its id.
    pub key: EntryKey,
    /// How good it is: larger is better, whatever the metric.
    pub score: f32,
    /// The metric's own value: smaller is nearer.
    pub distance: f32,
    /// Its metadata, if asked for.
    pub metadata: Option<Object>,
    /// Its text, if asked for and there.
    pub content: Option<String>,
    /// Its vector, if asked for: as it was given, but for what is lost in scaling it to length one
    /// under the cosine, or to the form that is kept.
    pub vector: Option<Vec<f32>>,
}
