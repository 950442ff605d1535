//! What a search did: its plan, what it cost, and why there are fewer results than asked for.

use crate::graph::Cost;
use crate::index::Plan;
use crate::scope::Scope;

/// How a search came about.
///
/// ```
/// use vicino_core::{
///     Collection, HnswConfig, Plan, Searcher, Short, Simd, VectorEntry, VectorQuery, Way,
/// };
///
/// let mut collection = Collection::new(HnswConfig::balanced(), 2, Simd::detect())?;
/// collection.insert(vec![VectorEntry::new("a", vec![3.0, 4.0])], 0)?;
/// let query = VectorQuery::new(vec![6.0, 8.0], 10);
/// let (results, explain) = collection.explain(&query, &mut Searcher::default())?;
/// assert_eq!((results.len(), explain.short), (1, Some(Short::Matches)));
/// let scan = Plan { began: Way::Scan, ended: Way::Scan };
/// assert_eq!((explain.scopes[0].plan, explain.scopes[0].matches), (Some(scan), 1));
/// assert!(explain.is_exact());
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explain {
    /// What was done in each scope, in the order of the query.
    pub scopes: Vec<ScopeExplain>,
    /// Why there are fewer results than asked for; none where there are as many.
    pub short: Option<Short>,
}

impl Explain {
    /// Was the query compared with all that matches, so that no nearer entry can be missing?
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.scopes.iter().all(|scope| scope.plan.is_none_or(Plan::is_exact))
    }
}

/// How a search came about in one scope.
///
/// ```
/// use vicino_core::{Collection, HnswConfig, Searcher, Simd, VectorQuery};
///
/// let collection = Collection::new(HnswConfig::balanced(), 1, Simd::detect())?;
/// let query = VectorQuery::new(vec![1.0], 10);
/// let (_, explain) = collection.explain(&query, &mut Searcher::default())?;
/// assert_eq!((explain.scopes[0].entries, explain.scopes[0].plan), (0, None));
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeExplain {
    /// The scope.
    pub scope: Scope,
    /// How the nearest were found; none where the scope holds nothing.
    pub plan: Option<Plan>,
    /// The entries of the scope, those included that have expired and were not purged.
    pub entries: usize,
    /// How many of them the query wants.
    pub matches: usize,
    /// The candidates that a walk keeps; none for a search that is to be exact.
    pub ef: Option<usize>,
    /// What it took.
    pub cost: Cost,
}

/// Why a search has fewer results than it was asked for.
///
/// ```
/// use vicino_core::Short;
///
/// assert_ne!(Short::Matches, Short::Threshold);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Short {
    /// No more entries match.
    Matches,
    /// The others have too low a score.
    Threshold,
}
