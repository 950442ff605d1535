//! What stores answer, as a list of calls that is made here and repeated in every JavaScript
//! runtime: the same ids, the same order, the same bits of scores.
//!
//! A case is a store and calls with what each gives, all as the npm package has them. Vectors are
//! made on both sides: `{"$vector": seed}`.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use vicino::{
    Bytes, Collection, DistanceMetric, EntryKey, Error, Exact, Filter, HnswConfig, Mmr, Object,
    Open, Quantization, Scope, Searcher, Simd, TimeRange, Value, VectorEntry, VectorQuery,
};

const GOLDEN: &str = include_str!("../golden/conformance.json");

/// The time of all writes. What expires does so later than anybody runs this.
const NOW: i64 = 1_795_000_000_000;
const LATER: i64 = 8_000_000_000_000;

const DIMENSIONS: usize = 20;

/// A store, and what was called.
struct Case {
    collection: Collection,
    searcher: Searcher,
    steps: Vec<Json>,
}

#[test]
fn calls_give_what_they_give_everywhere() {
    let cases: Vec<Json> = stores().into_iter().map(case).collect();
    let cases = serde_json::to_string(&cases).unwrap().replace("},{\"", "},\n{\"") + "\n";
    if cases != GOLDEN {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::write(folder.join("conformance.json"), &cases).unwrap();
        panic!("tests/golden/conformance.json is not what {} has", folder.display());
    }
}

fn stores() -> Vec<(HnswConfig, Json)> {
    let base = || HnswConfig::balanced().with_promotion_size(300);
    let options = json!({ "dimensions": DIMENSIONS, "promotionSize": 300 });
    let with = |more: Json| {
        let mut options = options.clone();
        options.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        options
    };
    vec![
        (base(), with(json!({ "metric": "cosine" }))),
        (
            base().with_distance_metric(DistanceMetric::Euclidean).with_exact(Exact::F16),
            with(json!({ "metric": "euclidean", "exact": "f16" })),
        ),
        (
            base()
                .with_distance_metric(DistanceMetric::InnerProduct)
                .with_exact(Exact::None)
                .with_max_connections(8),
            with(json!({ "metric": "inner_product", "exact": "none", "maxConnections": 8 })),
        ),
        (
            base()
                .with_distance_metric(DistanceMetric::Manhattan)
                .with_quantization(Quantization::None)
                .with_seed(7),
            with(json!({ "metric": "manhattan", "quantization": "none", "seed": 7 })),
        ),
    ]
}

/// The life of a store: it grows into a graph, loses and changes entries, is written and opened.
fn case((config, options): (HnswConfig, Json)) -> Json {
    let collection = Collection::new(config, DIMENSIONS, Simd::detect()).unwrap();
    let mut case = Case { collection, searcher: Searcher::default(), steps: Vec::new() };
    let acme = Scope::Tenant("acme".to_owned());
    for chunk in 0..4 {
        case.insert_many(200 * chunk..200 * (chunk + 1), &Scope::Global);
        case.search_all(900 + chunk);
    }
    case.insert_many(0..50, &acme);
    case.search(json!({ "vector": { "$vector": 3 }, "k": 3, "scope": "tenant:acme" }));
    case.search(json!({ "vector": { "$vector": 3 }, "k": 4, "scopes": ["tenant:acme", "global"] }));
    case.search(json!({ "id": "7", "k": 3, "scope": "tenant:acme", "includeVector": true }));
    case.refused(json!({ "vector": [1.0] }));
    case.refused(json!({ "id": "none" }));
    case.refused(json!({ "vector": { "$vector": 1 }, "k": 70_000 }));
    case.refused(json!({ "vector": { "$vector": 1 }, "filter": { "n": { "$gth": 1 } } }));
    case.delete_where(json!({ "n": { "$lt": 120 } }), &Scope::Global);
    case.delete(&["130", "131", "nobody"], &Scope::Global);
    case.search_all(950);
    case.patch("140", json!({ "kind": "patched", "n": null }));
    case.upsert("141", 5000);
    case.search_all(960);
    case.reopen();
    case.search_all(970);
    case.insert_many(2000..2100, &Scope::Global);
    case.search_all(980);
    case.delete_scope(&acme);
    case.scopes();
    json!({ "options": options, "steps": case.steps })
}

/// The vector that a seed stands for.
fn vector(seed: u64) -> Vec<f32> {
    let value = |at: u64| (seed * 7919 + at * 104_729 + seed * at * 31) % 2003;
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
    let value = |at: usize| ((value(at as u64) as f64 - 1001.0) / 500.0) as f32;
    (0..DIMENSIONS).map(value).collect()
}

fn entry(seed: u64, scope: &Scope) -> VectorEntry {
    let mut entry = VectorEntry::new(seed.to_string(), vector(seed)).with_scope(scope.clone());
    entry.metadata = object(&metadata(seed));
    entry.content = seed.is_multiple_of(10).then(|| format!("text {seed}"));
    entry.event_time = Some(i64::try_from(seed).unwrap());
    entry.expires_at = seed.is_multiple_of(9).then_some(LATER);
    entry
}

fn metadata(seed: u64) -> Json {
    let kinds = ["guide", "note", "caf\u{e9}"];
    json!({ "n": seed, "kind": kinds[(seed % 3) as usize], "tags": [seed % 5, "all"], "half": 0.5 })
}

fn object(json: &Json) -> Object {
    serde_json::from_value(json.clone()).unwrap()
}

impl Case {
    fn step(&mut self, call: &str, args: Json, gives: Json) {
        self.steps.push(json!({ "do": call, "args": args, "expect": gives }));
    }

    fn insert_many(&mut self, seeds: std::ops::Range<u64>, scope: &Scope) {
        let entries = seeds.clone().map(|seed| entry(seed, scope)).collect();
        let keys = self.collection.insert(entries, NOW).unwrap();
        let last = keys.last().unwrap();
        assert_eq!(last.id(), (seeds.end - 1).to_string());
        // As short as it can be said: the runtimes make the entries, too.
        let made = json!({ "$entries": [seeds.start, seeds.end], "scope": scope });
        self.step("insert", json!([made]), keys.len().into());
    }

    /// Everything that a search can be asked, near to one vector.
    fn search_all(&mut self, seed: u64) {
        let vector = json!({ "$vector": seed });
        let ask = |more: Json| {
            let mut query = json!({
                "vector": vector, "k": 5, "includeContent": false, "includeMetadata": false,
            });
            query.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
            query
        };
        self.search(json!({ "vector": vector }));
        self.search(ask(json!({ "ef": 16 })));
        self.search(ask(json!({ "exact": true, "offset": 3, "k": 2 })));
        self.search(ask(json!({ "filter": { "kind": "guide", "n": { "$gte": 100 } } })));
        self.search(ask(
            json!({ "filter": { "$or": [{ "tags": 3 }, { "n": { "$in": [5, 500] } }] } }),
        ));
        self.search(ask(json!({ "filter": { "must_not": [
            { "key": "kind", "match": { "value": "note" } },
        ] } })));
        self.search(ask(json!({ "filter": { "n": { "$gt": 100_000 } } })));
        self.search(ask(json!({ "eventTimeRange": { "from": 20, "to": 200 } })));
        self.search(ask(json!({ "now": LATER, "k": 8 })));
        self.search(ask(json!({ "threshold": 0.4 })));
        self.search(ask(json!({ "mmr": { "lambda": 0.5, "fetchK": 20 } })));
        let count = self.collection.count(&Scope::Global, Some(&filter(&json!({ "tags": 3 }))));
        self.step("count", json!([{ "filter": { "tags": 3 } }]), count.unwrap().into());
    }

    fn search(&mut self, query: Json) {
        let results = self.collection.search(&read_query(&query), &mut self.searcher).unwrap();
        let results = results.into_iter().map(|result| {
            let mut json = json!({
                "id": result.key.id(), "scope": result.key.scope(),
                "score": f64::from(result.score), "distance": f64::from(result.distance),
            });
            if let Some(metadata) = result.metadata {
                json["metadata"] = serde_json::to_value(metadata).unwrap();
            }
            if let Some(content) = result.content {
                json["content"] = content.into();
            }
            if let Some(vector) = result.vector {
                json["vector"] = vector.into_iter().map(f64::from).collect();
            }
            json
        });
        let results = results.collect();
        self.step("search", json!([query]), results);
    }

    fn refused(&mut self, query: Json) {
        let code = match filter_of(&query) {
            Err(error) => error.code(),
            Ok(_) => {
                let found = self.collection.search(&read_query(&query), &mut self.searcher);
                found.unwrap_err().code()
            }
        };
        self.step("search", json!([query]), json!({ "error": code }));
    }

    fn delete_where(&mut self, json: Json, scope: &Scope) {
        let deleted = self.collection.delete_where(scope, &filter(&json), NOW).unwrap();
        self.step("deleteWhere", json!([json, { "scope": scope }]), deleted.into());
    }

    fn delete(&mut self, ids: &[&str], scope: &Scope) {
        let keys: Vec<_> = ids.iter().map(|id| EntryKey::new(scope.clone(), *id)).collect();
        let deleted = self.collection.delete(&keys, NOW).unwrap();
        self.step("delete", json!([ids]), deleted.into());
    }

    fn patch(&mut self, id: &str, patch: Json) {
        self.collection.patch_metadata(&id.into(), object(&patch), NOW).unwrap();
        self.step("patchMetadata", json!([id, patch]), Json::Null);
    }

    fn upsert(&mut self, id: &str, seed: u64) {
        let mut entry = VectorEntry::new(id, vector(seed));
        entry.metadata = object(&json!({ "n": seed }));
        self.collection.upsert(vec![entry], NOW).unwrap();
        let entry = json!({
            "id": id, "vector": { "$vector": seed }, "metadata": { "n": seed },
        });
        self.step("upsert", json!([entry]), json!([{ "scope": "global", "id": id }]));
    }

    /// Goes on with what a snapshot has.
    fn reopen(&mut self) {
        let mut bytes = Vec::new();
        self.collection.snapshot().unwrap().write(&mut bytes).unwrap();
        let bytes = Bytes::copy_of(&bytes).unwrap();
        self.collection = Collection::open(bytes, Simd::detect(), &Open::default()).unwrap();
        self.step("reopen", json!([]), Json::Null);
    }

    fn delete_scope(&mut self, scope: &Scope) {
        let deleted = self.collection.delete_scope(scope);
        self.step("deleteScope", json!([scope]), deleted.into());
    }

    fn scopes(&mut self) {
        let scopes = serde_json::to_value(self.collection.scopes()).unwrap();
        self.step("scopes", json!([]), scopes);
    }
}

fn filter(json: &Json) -> Filter {
    serde_json::from_value(json.clone()).unwrap()
}

fn filter_of(query: &Json) -> Result<Option<Filter>, Error> {
    let Some(filter) = query.get("filter") else { return Ok(None) };
    let value: Value = serde_json::from_value(filter.clone()).unwrap();
    Filter::try_from(&value).map(Some)
}

/// A query as the npm package has it.
fn read_query(json: &Json) -> VectorQuery {
    let count =
        |name: &str| json.get(name).map(|it| usize::try_from(it.as_u64().unwrap()).unwrap());
    let is = |name: &str, otherwise: bool| json.get(name).map_or(otherwise, |it| it == true);
    let k = count("k").unwrap_or(10);
    let mut query = match (json.get("id"), json.get("vector")) {
        (Some(id), _) => VectorQuery::like(id.as_str().unwrap(), k),
        (_, Some(Json::Array(values))) => {
            #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
            let values = values.iter().map(|value| value.as_f64().unwrap() as f32).collect();
            VectorQuery::new(values, k)
        }
        (_, made) => VectorQuery::new(vector(made.unwrap()["$vector"].as_u64().unwrap()), k),
    };
    let scope = |json: &Json| serde_json::from_value::<Scope>(json.clone()).unwrap();
    if let Some(one) = json.get("scope") {
        query = query.with_scope(scope(one));
    }
    if let Some(several) = json.get("scopes") {
        query = query.with_scopes(several.as_array().unwrap().iter().map(scope));
    }
    (query.ef, query.offset) = (count("ef"), count("offset").unwrap_or(0));
    query.exact = is("exact", false);
    query.filter = filter_of(json).unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
    let float = |json: &Json| json.as_f64().unwrap() as f32;
    query.threshold = json.get("threshold").map(float);
    query.event_time_range = json
        .get("eventTimeRange")
        .map(|range| TimeRange { from: range["from"].as_i64(), to: range["to"].as_i64() });
    query.mmr = json.get("mmr").map(|mmr| Mmr {
        lambda: float(&mmr["lambda"]),
        fetch_k: usize::try_from(mmr["fetchK"].as_u64().unwrap()).unwrap(),
    });
    query.now = json.get("now").and_then(Json::as_i64);
    query
        .with_include_metadata(is("includeMetadata", true))
        .with_include_content(is("includeContent", true))
        .with_include_vector(is("includeVector", false))
}
