//! Queries and what else is asked, as objects of JavaScript.

use js_sys::Float32Array;
use vicino_core::{Filter, Mmr, RecallProbe, Scope, Target, TimeRange, VectorQuery};
use wasm_bindgen::JsValue;

use crate::entries::within;
use crate::error::{Of as _, Result, expected};
use crate::read::{self, Known};

/// Results where no number is named.
const K: usize = 10;

/// A query, whether it names what it is to be near to, and the scopes that it names: a list of none
/// is no scope, and not the global one.
struct Asked {
    query: VectorQuery,
    named: bool,
    scopes: Option<Vec<Scope>>,
}

impl Asked {
    fn new(now: i64) -> Self {
        let query = VectorQuery::new(Vec::new(), K).with_now(now);
        Self { query, named: false, scopes: None }
    }

    fn near(&mut self, target: Target) -> Result<()> {
        if self.named {
            return expected("alone: a query has one of `vector` and `id`");
        }
        self.named = true;
        self.query.target = target;
        Ok(())
    }

    /// What a single query may say beside what several have in common.
    fn set_one(&mut self, name: &str, value: &JsValue) -> Result<Known> {
        match name {
            "vector" => self.near(Target::Vector(read::vector(value)?))?,
            "id" => self.near(Target::Entry(read::string(value)?))?,
            "includeMetadata" => self.query.include_metadata = read::boolean(value)?,
            "includeContent" => self.query.include_content = read::boolean(value)?,
            "includeVector" => self.query.include_vector = read::boolean(value)?,
            "mmr" => self.query.mmr = Some(mmr(value)?),
            _ => return self.set(name, value),
        }
        Ok(Known::Yes)
    }

    fn set(&mut self, name: &str, value: &JsValue) -> Result<Known> {
        let query = &mut self.query;
        match name {
            "k" => query.k = read::count(value)?,
            "ef" => query.ef = Some(read::count(value)?),
            "recall" => query.recall = Some(read::number(value)?),
            "exact" => query.exact = read::boolean(value)?,
            "threshold" => query.threshold = Some(read::float(value)?),
            "offset" => query.offset = read::count(value)?,
            "scope" => self.scopes.get_or_insert_default().push(read::scope(value)?),
            "scopes" => self.scopes.get_or_insert_default().extend(read::scopes(value)?),
            "filter" => query.filter = Some(read::filter(value)?),
            "eventTimeRange" => query.event_time_range = Some(range(value)?),
            "ingestionTimeRange" => query.ingestion_time_range = Some(range(value)?),
            "excludeExpired" => query.exclude_expired = read::boolean(value)?,
            "now" => query.now = Some(read::time(value)?),
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    }

    /// Where no number of candidates is named, 50 are chosen from, or as many as are returned.
    fn with_candidates(mut self) -> Self {
        let least = self.query.offset.saturating_add(self.query.k);
        if let Some(mmr) = self.query.mmr.as_mut().filter(|mmr| mmr.fetch_k == 0) {
            mmr.fetch_k = least.max(50);
        }
        self
    }

    fn within(self, handle: Option<&Scope>) -> Result<VectorQuery> {
        let Self { query, scopes, .. } = self;
        match (handle, scopes) {
            (None, None) => Ok(query),
            (None, Some(scopes)) => Ok(query.with_scopes(scopes)),
            (Some(handle), scopes) => {
                for found in scopes.into_iter().flatten() {
                    within(Some(handle), Some(found))?;
                }
                Ok(query.with_scope(handle.clone()))
            }
        }
    }
}

/// A query.
pub(crate) fn query(value: &JsValue, handle: Option<&Scope>, now: i64) -> Result<VectorQuery> {
    let mut asked = Asked::new(now);
    read::options(value, &mut |name, value| asked.set_one(name, value))?;
    if !asked.named {
        return expected("given, or an `id` instead").of("vector");
    }
    asked.with_candidates().within(handle)
}

/// Queries whose vectors lie one after the other, and what they have in common.
pub(crate) fn many(
    value: &JsValue,
    handle: Option<&Scope>,
    now: i64,
) -> Result<(Float32Array, VectorQuery)> {
    let (mut asked, mut vectors) = (Asked::new(now), None);
    asked.query.include_metadata = false;
    asked.query.include_content = false;
    read::options(value, &mut |name, value| {
        if name != "vectors" {
            return asked.set(name, value);
        }
        vectors = Some(read::floats(value)?);
        Ok(Known::Yes)
    })?;
    let Some(vectors) = vectors else {
        return expected("a Float32Array").of("vectors");
    };
    Ok((vectors, asked.within(handle)?))
}

fn range(value: &JsValue) -> Result<TimeRange> {
    let mut range = TimeRange::default();
    read::options(value, &mut |name, value| {
        match name {
            "from" => range.from = Some(read::time(value)?),
            "to" => range.to = Some(read::time(value)?),
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    })?;
    Ok(range)
}

fn mmr(value: &JsValue) -> Result<Mmr> {
    let mut mmr = Mmr { lambda: 0.5, fetch_k: 0 };
    read::options(value, &mut |name, value| {
        match name {
            "lambda" => mmr.lambda = read::float(value)?,
            "fetchK" => mmr.fetch_k = read::count(value)?,
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    })?;
    Ok(mmr)
}

/// Which entries are meant, and which page of them.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    pub(crate) scope: Scope,
    pub(crate) filter: Option<Filter>,
    pub(crate) after: Option<String>,
    pub(crate) limit: Option<usize>,
}

impl Selection {
    /// Of a list: scope, filter, after, limit; of a count only the first two, of a delete the
    /// first.
    pub(crate) fn read(
        value: &JsValue,
        handle: Option<&Scope>,
        takes: &'static [&'static str],
    ) -> Result<Self> {
        let (mut selection, mut scope) = (Self::default(), None);
        read::options(value, &mut |name, value| {
            match name {
                _ if !takes.contains(&name) => return Ok(Known::No),
                "scope" => scope = Some(read::scope(value)?),
                "filter" => selection.filter = Some(read::filter(value)?),
                "after" => selection.after = Some(read::string(value)?),
                "limit" => selection.limit = Some(read::count(value)?),
                _ => return Ok(Known::No),
            }
            Ok(Known::Yes)
        })?;
        selection.scope = within(handle, scope)?;
        Ok(selection)
    }
}

/// What to measure.
pub(crate) fn probe(value: &JsValue, handle: Option<&Scope>) -> Result<RecallProbe> {
    let (mut probe, mut scope) = (RecallProbe::default(), None);
    read::options(value, &mut |name, value| {
        match name {
            "scope" => scope = Some(read::scope(value)?),
            "filter" => probe.filter = Some(read::filter(value)?),
            "sample" => probe.sample = read::count(value)?,
            "k" => probe.k = read::count(value)?,
            "ef" => probe.ef = Some(read::count(value)?),
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    })?;
    probe.scope = within(handle, scope)?;
    Ok(probe)
}

/// How a scope is tuned: the scope and the results.
pub(crate) fn tuning(value: &JsValue, handle: Option<&Scope>) -> Result<(Scope, usize)> {
    let (mut k, mut scope) = (K, None);
    read::options(value, &mut |name, value| {
        match name {
            "scope" => scope = Some(read::scope(value)?),
            "k" => k = read::count(value)?,
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    })?;
    Ok((within(handle, scope)?, k))
}
