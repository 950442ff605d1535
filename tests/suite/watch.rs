//! What can be watched: reports of what was done, and events as they come.

use std::fmt::{Debug, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{env, fs, mem};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use vicino::{HnswConfig, HnswVectorStorage, Scope, Store, VectorEntry, VectorQuery};

use crate::process;

/// Writes down what it hears, a line an event, and one a span.
#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

/// A line of notes.
struct Line(String);

impl Line {
    fn of(metadata: &Metadata<'_>) -> Self {
        let name = if metadata.is_span() { metadata.name() } else { "" };
        Self(format!("{} {} {name}", metadata.level(), metadata.target()))
    }
}

impl Visit for Line {
    /// No two runs take the same time.
    fn record_f64(&mut self, field: &Field, value: f64) {
        assert!(value.is_finite() && value > 0.0);
        self.record_debug(field, &format_args!("_"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, "{value:?}").unwrap(),
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("vicino")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line::of(span.metadata());
        span.record(&mut line);
        self.0.lock().unwrap().push(line.0);
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::of(event.metadata());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn ada() -> Scope {
    Scope::User("ada".to_owned())
}

fn entry(number: usize, scope: Scope) -> VectorEntry {
    VectorEntry::new(format!("id {number}"), vec![number as f32, 1.0]).with_scope(scope)
}

fn open(folder: &Path) -> (Store, HnswVectorStorage) {
    let store = Store::open_blocking(folder).unwrap();
    let storage = store.collection_blocking("notes", 2, HnswConfig::fast()).unwrap();
    (store, storage)
}

#[test]
#[ignore = "it is started by the test below, since all threads of its process are listened to"]
fn a_process_that_listens() {
    if env::var("VICINO_LISTEN").is_err() {
        return;
    }
    let notes = Notes::default();
    tracing::subscriber::set_global_default(notes.clone()).unwrap();
    let heard = || mem::take(&mut *notes.0.lock().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let opened =
        format!("DEBUG vicino::open a store is open path={} ms=_", folder.path().display());

    let (store, storage) = open(folder.path());
    storage.blocking().insert((0..37).map(|number| entry(number, ada())).collect()).unwrap();
    store.backend().blocking().set("key", vec![1]).unwrap();
    store.checkpoint_blocking().unwrap();
    storage.blocking().insert(vec![entry(1, Scope::Global)]).unwrap();
    drop((store, storage));
    let checkpoint = fs::metadata(folder.path().join("checkpoints/00000000.vcn")).unwrap().len();
    let expected = [
        opened.clone(),
        "DEBUG vicino::open a collection is open name=\"notes\" entries=0 replayed=0 ms=_".into(),
        "DEBUG vicino::commit committed entries=37 keys=0 ms=_".into(),
        "DEBUG vicino::commit committed entries=0 keys=1 ms=_".into(),
        "DEBUG vicino::checkpoint begun files=1".into(),
        format!("DEBUG vicino::checkpoint ended files=1 bytes={checkpoint} ms=_"),
        "DEBUG vicino::commit committed entries=1 keys=0 ms=_".into(),
    ];
    assert_eq!(heard(), expected);

    let (store, storage) = open(folder.path());
    let query = VectorQuery::new(vec![1.0, 1.0], 3).with_scope(ada());
    storage.blocking().search(&query).unwrap();
    let bytes = storage.blocking().reader().unwrap().close_unused(usize::MAX);
    storage.blocking().search_many(&[VectorQuery::new(vec![1.0, 1.0], 1)]).unwrap();
    drop((store, storage));
    let expected = [
        opened,
        "DEBUG vicino::open a collection is open name=\"notes\" entries=38 replayed=1 ms=_".into(),
        "TRACE vicino::search search k=3 scopes=[User(\"ada\")] filtered=false".into(),
        format!("DEBUG vicino::scopes opened scope=user:ada bytes={bytes} ms=_"),
        format!("DEBUG vicino::scopes evicted scopes=1 bytes={bytes}"),
        "TRACE vicino::search search_many queries=1".into(),
    ];
    assert_eq!(heard(), expected);
}

#[test]
fn events_come_with_their_fields() {
    let listening =
        process::of("watch::a_process_that_listens").env("VICINO_LISTEN", "1").output().unwrap();
    let told = String::from_utf8_lossy(&listening.stderr);
    assert!(listening.status.success(), "{told}");
    assert!(String::from_utf8_lossy(&listening.stdout).contains("1 passed"), "{told}");
}

#[test]
fn a_report_counts_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let (store, storage) = open(folder.path());
    let storage = storage.blocking();
    storage.insert((0..37).map(|number| entry(number, ada())).collect()).unwrap();
    store.checkpoint_blocking().unwrap();
    store.checkpoint_blocking().unwrap();
    let query = VectorQuery::new(vec![1.0, 1.0], 3).with_scope(ada());
    for _ in 0..3 {
        storage.search(&query).unwrap();
        storage.reader().unwrap().close_unused(usize::MAX);
    }
    storage.explain(&query).unwrap();
    storage.search_many(&[query.clone(), query.clone()]).unwrap();
    storage.search(&VectorQuery::new(vec![1.0], 3)).unwrap_err();

    let report = storage.report().unwrap();
    assert_eq!(report.search_latency.count, 6, "{report:?}");
    assert_eq!((report.opening_latency.count, report.evictions.scopes), (3, 3), "{report:?}");
    assert_eq!((report.commit_latency.count, report.checkpoint_latency.count), (1, 1));
    for latency in [report.search_latency, report.opening_latency, report.commit_latency] {
        let times = [latency.p50, latency.p95, latency.p99, latency.max];
        assert!(!latency.p50.is_zero() && times.is_sorted(), "{latency:?}");
    }

    let stats = store.stats().unwrap();
    assert_eq!((stats.evictions, stats.commit_latency), (report.evictions, report.commit_latency));
    assert_eq!(stats.checkpoint_latency, report.checkpoint_latency);

    let in_memory = HnswVectorStorage::new(2, HnswConfig::fast());
    in_memory.blocking().insert(vec![entry(1, ada())]).unwrap();
    assert_eq!(in_memory.report().unwrap().commit_latency.count, 0, "nothing is durable");
    assert!(HnswVectorStorage::new(0, HnswConfig::fast()).report().is_err());
}
