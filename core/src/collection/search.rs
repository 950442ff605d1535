//! A search, from the query to the results.
//!
//! In each scope: find the partition, choose what the query wants, have the index find the
//! nearest of it, and take the records that belong to the same commit. Then all are merged by
//! their scores, cut, and only now are ids, metadata and vectors copied.

use std::borrow::Cow;
use std::sync::Arc;

use super::directory::Known;
use super::lookup::Wanted;
use super::mmr;
use super::partition::{Catalog, Partition};
use super::reader::CollectionReader;
use super::record::{RECORDS, Record};
use crate::entry::EntryKey;
use crate::error::{Error, beginning};
use crate::explain::{Explain, ScopeExplain, Short};
use crate::graph::{Cost, Neighbor, Scratch, Searcher};
use crate::index::{Plan, Request, check_query};
use crate::memory::{Guard, SlotSet};
use crate::query::{Target, VectorQuery, VectorResult};
use crate::scope::Scope;
use crate::snapshot::corrupt;
use crate::sorted::{joined, ordered_bits, parted};

/// An entry that was found in one of the scopes.
pub(super) struct Hit<'g> {
    pub(super) score: f32,
    distance: f32,
    /// Which of the query's scopes it is in.
    scope: usize,
    /// Where its record begins; its own bytes once its scope is no longer being searched.
    record: Cow<'g, [u8]>,
    /// Where it is asked for, or needed to choose.
    pub(super) vector: Vec<f32>,
}

/// What is the same in all scopes of a query.
struct Ask<'q> {
    query: &'q VectorQuery,
    vector: &'q [f32],
    /// The id of the entry that is no result, in the first scope.
    itself: Option<&'q str>,
}

/// How a search went in one scope; nothing where it holds nothing.
#[derive(Default)]
struct Seen {
    plan: Option<Plan>,
    entries: usize,
    matches: usize,
    ef: Option<usize>,
    cost: Cost,
}

impl CollectionReader {
    /// The entries nearest to what the query names, the best first: as many as it asks for, or all
    /// that match it where there are fewer. A scope that holds nothing has no results.
    ///
    /// A search takes no lock and waits for nobody, but for a filter's short look at what is known
    /// of metadata. It sees each batch of writes to a scope whole or not at all.
    ///
    /// # Errors
    ///
    /// Those of [`VectorQuery::validate`]; [`Error::DimensionMismatch`], [`Error::NotFinite`],
    /// [`Error::ZeroNorm`] and [`Error::NormTooLarge`] for its vector; [`Error::UnknownId`] where
    /// it names an entry that is not there, [`Error::NotTuned`] for a recall without measurement;
    /// [`Error::Corrupt`] where a result comes from a damaged snapshot.
    pub fn search(
        &self,
        query: &VectorQuery,
        searcher: &mut Searcher,
    ) -> Result<Vec<VectorResult>, Error> {
        self.answer(query, searcher, &mut |_, _| ()).map(|(results, _)| results)
    }

    /// The same as [`search`](Self::search), and how it came about.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn explain(
        &self,
        query: &VectorQuery,
        searcher: &mut Searcher,
    ) -> Result<(Vec<VectorResult>, Explain), Error> {
        let mut scopes = Vec::with_capacity(query.scopes.len());
        let (results, short) = self.answer(query, searcher, &mut |scope, seen| {
            let Seen { plan, entries, matches, ef, cost } = seen;
            scopes.push(ScopeExplain { scope: scope.clone(), plan, entries, matches, ef, cost });
        })?;
        Ok((results, Explain { scopes, short }))
    }

    /// The results, why they are few, and for `tell` how it went in each scope.
    fn answer(
        &self,
        query: &VectorQuery,
        searcher: &mut Searcher,
        tell: &mut dyn FnMut(&Scope, Seen),
    ) -> Result<(Vec<VectorResult>, Option<Short>), Error> {
        query.validate()?;
        let (vector, itself) = match &query.target {
            Target::Vector(vector) => (Cow::Borrowed(vector), None),
            Target::Entry(id) => {
                (Cow::Owned(self.named(&query.scopes[0], id, query)?), Some(&**id))
            }
        };
        let ask = Ask { query, vector: &vector, itself };
        if let [scope] = &*query.scopes {
            let mut answer = Ok((Vec::new(), None));
            self.search_scope(&ask, 0, searcher, &mut |hits, seen| {
                tell(scope, seen);
                answer = self.finish(query, hits);
            })?;
            return answer;
        }
        let mut hits: Vec<Hit<'static>> = Vec::new();
        for (number, scope) in query.scopes.iter().enumerate() {
            // A scope that is named twice is searched once.
            if !query.scopes[..number].contains(scope) {
                self.search_scope(&ask, number, searcher, &mut |found, seen| {
                    tell(scope, seen);
                    merge(&mut hits, found, query.depth());
                })?;
            }
        }
        self.finish(query, hits)
    }

    /// The results that a query wants of what was found, and why they are few.
    fn finish(
        &self,
        query: &VectorQuery,
        mut hits: Vec<Hit<'_>>,
    ) -> Result<(Vec<VectorResult>, Option<Short>), Error> {
        let found = hits.len();
        if let Some(threshold) = query.threshold {
            hits.truncate(hits.partition_point(|hit| hit.score >= threshold));
        }
        let scored = hits.len();
        if let Some(mmr) = &query.mmr {
            hits = mmr::choose(hits, mmr, query.offset + query.k, self.config().distance_metric);
        }
        // Records lie anywhere: all are on their way before the first is read.
        let flags = hits.iter().map(|hit| Record::at(&hit.record).flags());
        std::hint::black_box(flags.fold(0, u8::max));
        let scopes: Vec<_> = query.scopes.iter().cloned().map(Arc::new).collect();
        let mut results = Vec::with_capacity(scored.saturating_sub(query.offset).min(query.k));
        for hit in hits.into_iter().skip(query.offset).take(query.k) {
            results.push(hit.result(query, &scopes)?);
        }
        let short = match results.len() {
            enough if enough == query.k => None,
            _ if scored < found => Some(Short::Threshold),
            _ => Some(Short::Matches),
        };
        Ok((results, short))
    }

    /// The vector of the entry that a query names.
    fn named(&self, scope: &Scope, id: &str, query: &VectorQuery) -> Result<Vec<f32>, Error> {
        let unknown = || Error::UnknownId { scope: scope.clone(), id: beginning(id, 64) };
        let found = self.read(scope, |at| {
            let (slot, record) = at.find(id)?;
            let now = self.now(at.catalog, query);
            let there = !(query.exclude_expired && record.is_expired(now));
            there.then(|| at.vector(slot, record))
        })?;
        found.flatten().ok_or_else(unknown)
    }

    /// Finds the nearest in one of the scopes, and gives them to `then` while it is being read.
    fn search_scope(
        &self,
        ask: &Ask<'_>,
        number: usize,
        searcher: &mut Searcher,
        then: &mut dyn FnMut(Vec<Hit<'_>>, Seen),
    ) -> Result<(), Error> {
        let scope = &ask.query.scopes[number];
        let Searcher { pin, outer, scratch } = searcher;
        let outer = outer.enter(self.reading());
        let partition = match self.directory(&outer).get(scope) {
            Some(Known::Open(partition)) => partition,
            Some(Known::Closed(closed)) => {
                let closed = Arc::clone(closed);
                drop(outer);
                self.open(&closed)?;
                return self.search_scope(ask, number, searcher, then);
            }
            None => {
                check_query(self.config().distance_metric, self.dimensions(), ask.vector)?;
                then(Vec::new(), Seen::default());
                return Ok(());
            }
        };
        partition.count_query();
        let guard = pin.enter(partition.index.reading());
        let mut chosen = std::mem::take(&mut scratch.chosen);
        let found = self.search_partition(ask, number, partition, &guard, scratch, &mut chosen);
        scratch.chosen = chosen;
        let (seen, catalog) = found?;

        let itself = ask.itself.filter(|_| number == 0);
        let metric = self.config().distance_metric;
        let vectors = ask.query.include_vector || ask.query.mmr.is_some();
        let mut hits = Vec::with_capacity(scratch.exact.results.len());
        for &Neighbor { slot, distance } in &scratch.exact.results {
            let record = catalog.records.get(slot);
            let record = record.ok_or_else(|| corrupt(RECORDS.name)("lack one that is shown"))?;
            let vector = if vectors { partition.vector(slot, record, &guard) } else { Vec::new() };
            let record = Cow::Borrowed(record.and_behind());
            let score = metric.score(distance);
            hits.push(Hit { score, distance, scope: number, record, vector });
        }
        if itself.is_some() {
            hits.retain(|hit| itself != Some(Record::at(&hit.record).id()));
            hits.truncate(ask.query.depth());
        }
        then(hits, seen);
        Ok(())
    }

    /// Leaves the nearest in a partition in the scratch.
    fn search_partition<'g>(
        &self,
        ask: &Ask<'_>,
        number: usize,
        partition: &'g Partition,
        guard: &'g Guard<'_>,
        scratch: &mut Scratch,
        chosen: &mut SlotSet,
    ) -> Result<(Seen, &'g Catalog), Error> {
        let query = ask.query;
        let mut catalog = partition.catalog(guard);
        let now = self.now(catalog, query);
        let wanted = Wanted {
            filter: query.filter.as_ref(),
            events: query.event_time_range.as_ref(),
            created: query.ingestion_time_range.as_ref(),
            now: query.exclude_expired.then_some(now),
        };
        let all = wanted.filter.is_none() && wanted.events.is_none() && wanted.created.is_none();
        let none_expired = catalog.next_expiry.is_none_or(|next| now < next);
        let matches = if all && (none_expired || wanted.now.is_none()) {
            None
        } else {
            let lookup = partition.lookup();
            catalog = partition.catalog(guard);
            let now = query.exclude_expired.then(|| self.now(catalog, query));
            let wanted = Wanted { now, ..wanted };
            lookup.select(&wanted, &catalog.records, &mut scratch.spare, chosen);
            drop(lookup);
            Some(chosen.len())
        };
        let shown = partition.index.numbers().shown_at(catalog.number);
        let shown = matches.map_or(shown, |matches| shown.among(chosen, matches));
        let depth = query.depth() + usize::from(ask.itself.is_some() && number == 0);
        let ef = match (query.exact, query.ef, query.recall) {
            (true, _, _) => None,
            (_, Some(ef), _) => Some(ef),
            (_, None, Some(recall)) => Some(tuned(partition, catalog, recall, depth, guard)?),
            (_, None, None) => Some(self.config().ef_search),
        };
        let ef = ef.map(|ef| ef.max(depth));
        let request = Request { query: ask.vector, k: depth, ef, shown };
        let plan = partition.index.answer(&request, guard, scratch)?;
        let seen = Seen {
            plan: Some(plan),
            entries: catalog.len,
            matches: matches.unwrap_or(catalog.len),
            ef,
            cost: scratch.pool.cost,
        };
        Ok((seen, catalog))
    }
}

/// The candidates that a recall takes in a scope that was tuned for it.
fn tuned(
    partition: &Partition,
    catalog: &Catalog,
    recall: f64,
    k: usize,
    guard: &Guard<'_>,
) -> Result<usize, Error> {
    // A scan finds all there is.
    if !partition.index.is_graph(guard) {
        return Ok(k.max(1));
    }
    let enough = catalog.tuned.iter().filter(|tuned| tuned.recall >= recall && tuned.k >= k);
    enough.map(|tuned| tuned.ef).min().ok_or_else(|| {
        let scope = partition.scope().clone();
        Error::NotTuned { scope, recall, k }
    })
}

/// Adds hits of another scope to those of some, as far as they are among the `depth` nearest.
fn merge(hits: &mut Vec<Hit<'static>>, found: Vec<Hit<'_>>, depth: usize) {
    let edge = hits.get(depth.saturating_sub(1)).map(|last| last.distance);
    for hit in found {
        let is_nearer = edge.is_none_or(|edge| hit.distance < edge);
        if !is_nearer {
            break;
        }
        hits.push(hit.owned());
    }
    // Stable: of equals those of the scope that is named first.
    let numbers = (0..).zip(&*hits).map(|(i, hit)| joined(ordered_bits(hit.distance), i));
    let mut order: Vec<u64> = numbers.collect();
    order.sort_unstable();
    let mut all: Vec<Option<Hit<'static>>> = hits.drain(..).map(Some).collect();
    let places = order.into_iter().map(|number| parted(number).1 as usize);
    hits.extend(places.take(depth).filter_map(|place| all[place].take()));
}

impl Hit<'_> {
    /// The same, no longer of the search.
    fn owned(self) -> Hit<'static> {
        let record = Cow::Owned(Record::at(&self.record).bytes().to_vec());
        Hit { record, ..self }
    }

    fn result(self, query: &VectorQuery, scopes: &[Arc<Scope>]) -> Result<VectorResult, Error> {
        let Self { score, distance, scope, record, vector } = self;
        let record = Record::at(&record);
        let content = if query.include_content { record.content()? } else { None };
        Ok(VectorResult {
            key: EntryKey::shared(Arc::clone(&scopes[scope]), record.id().to_owned()),
            score,
            distance,
            metadata: query.include_metadata.then(|| record.metadata()).transpose()?,
            content: content.map(str::to_owned),
            vector: query.include_vector.then_some(vector),
        })
    }
}
