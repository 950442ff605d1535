//! Any sequence of calls of a collection: what it says of itself agrees, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vicino_core::{
    Collection, DistanceMetric, EntryKey, Filter, HnswConfig, Isa, Mmr, Object, Scope, Searcher,
    Simd, VectorEntry, VectorQuery,
};

const DIMENSIONS: usize = 3;

/// Bytes that are taken one after the other; zeros when there are no more.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn scope(&mut self) -> Scope {
        match self.byte() % 4 {
            0 => Scope::Global,
            1 => Scope::Tenant("a".to_owned()),
            2 => Scope::User("a".to_owned()),
            _ => Scope::Custom(String::new()),
        }
    }

    fn id(&mut self) -> String {
        match self.byte() {
            0 => String::new(),
            id => format!("{}", id % 64),
        }
    }

    /// Mostly small numbers, and now and then any bits.
    fn vector(&mut self) -> Vec<f32> {
        let count = DIMENSIONS + usize::from(self.0.first() == Some(&254));
        let value = |_| match self.byte() {
            255 => f32::from_bits(u32::from_le_bytes([0; 4].map(|_: u8| self.byte()))),
            byte => f32::from(byte % 16) - 4.0,
        };
        (0..count).map(value).collect()
    }

    fn json(&mut self) -> String {
        let len = usize::from(self.byte()).min(self.0.len());
        let (json, rest) = self.0.split_at(len);
        self.0 = rest;
        String::from_utf8_lossy(json).into_owned()
    }

    fn metadata(&mut self) -> Object {
        match self.byte() % 4 {
            0 => serde_json::from_str(&self.json()).unwrap_or_default(),
            n => [("n".to_owned(), i32::from(n).into())].into(),
        }
    }

    fn filter(&mut self) -> Option<Filter> {
        match self.byte() % 4 {
            0 => None,
            1 => serde_json::from_str(&self.json()).ok(),
            n => serde_json::from_str(&format!(r#"{{"n": {{"$gte": {n}}}}}"#)).ok(),
        }
    }

    fn entries(&mut self) -> Vec<VectorEntry> {
        let count = usize::from(self.byte() % 48);
        let entry = |_| {
            let mut entry = VectorEntry::new(self.id(), self.vector());
            entry.scope = self.scope();
            entry.metadata = self.metadata();
            entry.ttl_ms = Some(i64::from(self.byte())).filter(|ttl| ttl % 2 == 1);
            entry
        };
        (0..count).map(entry).collect()
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let metrics = DistanceMetric::ALL;
    let config = HnswConfig::balanced()
        .with_distance_metric(metrics[usize::from(bytes.byte()) % metrics.len()])
        .with_max_connections(4)
        .with_ef_construction(8)
        .with_promotion_size(20);
    let simd = Simd::new(Isa::Scalar).expect("scalar is everywhere");
    let collection = Collection::new(config, DIMENSIONS, simd).expect("it is valid");
    let mut collection = collection.with_memory_limit(1 << 20);
    let mut searcher = Searcher::default();
    let mut now = 0;
    while !bytes.0.is_empty() {
        now += i64::from(bytes.byte());
        let before = collection.at(now).stats();
        let count = before.vector_count;
        let failed = match bytes.byte() % 9 {
            0 | 1 => collection.insert(bytes.entries(), now).is_err(),
            2 => collection.upsert(bytes.entries(), now).is_err(),
            3 => {
                let key = EntryKey::new(bytes.scope(), bytes.id());
                collection.update_metadata(&key, bytes.metadata(), now).is_err()
            }
            4 => {
                let key = EntryKey::new(bytes.scope(), bytes.id());
                collection.patch_metadata(&key, bytes.metadata(), now).is_err()
            }
            5 => {
                let scope = bytes.scope();
                let keys: Vec<_> = (0..bytes.byte() % 32)
                    .map(|_| EntryKey::new(scope.clone(), bytes.id()))
                    .collect();
                collection.delete(&keys, now).is_err()
            }
            6 => {
                let (scope, filter) = (bytes.scope(), bytes.filter());
                filter.is_some_and(|filter| collection.delete_where(&scope, &filter, now).is_err())
            }
            7 => collection.maintain(u64::from(bytes.byte()) * 64, now).is_err(),
            _ => {
                look(&collection, &mut bytes, now, &mut searcher);
                false
            }
        };
        assert!(!failed || collection.at(now).stats().vector_count == count);
    }
});

/// What one call says is what the others say.
fn look(collection: &Collection, bytes: &mut Bytes<'_>, now: i64, searcher: &mut Searcher) {
    let (scope, filter, reader) = (bytes.scope(), bytes.filter(), collection.at(now));
    let count = reader.count(&scope, filter.as_ref()).expect("the filter is valid");
    let page = reader.list(&scope, filter.as_ref(), None, usize::MAX).expect("so is the list");
    assert_eq!((page.entries.len(), page.next), (count, None));
    let k = usize::from(bytes.byte() % 80);
    let mut query = VectorQuery::new(bytes.vector(), k).with_scope(scope.clone());
    query.exact = bytes.byte() % 2 == 1;
    query.include_vector = true;
    query.filter.clone_from(&filter);
    if bytes.byte() % 4 == 0 {
        query.mmr = Some(Mmr { lambda: 0.5, fetch_k: k });
    }
    if let Ok(found) = reader.search(&query, searcher) {
        assert_eq!(found.len(), k.min(count));
        for found in found {
            let entry = reader.get(&found.key).expect("it is whole");
            let entry = entry.expect("what is found is there");
            assert_eq!(entry.metadata, found.metadata.expect("it was asked for"));
            assert_eq!(Some(entry.vector), found.vector);
            assert!(filter.as_ref().is_none_or(|f| f.matches(found.key.id(), &entry.metadata)));
        }
    }
}
