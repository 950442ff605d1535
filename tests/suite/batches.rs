//! Writes that are made together, as a store makes those of many callers: what they say that they
//! change is what changes, and the one that is refused leaves the others alone.

use std::collections::BTreeMap;

use vicino::{
    Change, Collection, DistanceMetric, EntryKey, HnswConfig, Object, Scope, ScopeLimits, Value,
    VectorEntry, Write, field,
};
use vicino_tests::Random;

const DIMENSIONS: usize = 3;

/// What a disk would have.
type Disk = BTreeMap<(Scope, String), (Vec<u8>, Vec<f32>)>;

fn keep(disk: &mut Disk, change: Change<'_>) {
    match change {
        Change::Put { scope, id, record, vector } => {
            let kept = disk.entry((scope.clone(), id.to_owned())).or_default();
            kept.0 = record.to_vec();
            kept.1 = vector.map_or(std::mem::take(&mut kept.1), <[f32]>::to_vec);
        }
        Change::Delete { scope, id } => {
            assert!(disk.remove(&(scope.clone(), id.to_owned())).is_some(), "{id} was there");
        }
        Change::DeleteScope { scope } => disk.retain(|(of, _), _| of != scope),
        other => unreachable!("{other:?}"),
    }
}

fn scope(number: usize) -> Scope {
    [Scope::Global, Scope::Tenant("a".into()), Scope::User("u".into())][number].clone()
}

fn entry(random: &mut Random, now: i64) -> VectorEntry {
    let vector = (0..DIMENSIONS).map(|_| random.signed()).collect();
    let entry = VectorEntry::new(format!("id-{}", random.below(60)), vector)
        .with_scope(scope(random.below(3)))
        .with_metadata([("n".to_owned(), Value::from(random.below(5) as i64))]);
    match random.below(4) {
        0 => entry.with_ttl_ms(1 + random.below(20) as i64),
        1 => entry.with_content(format!("at {now}")),
        _ => entry,
    }
}

fn write(random: &mut Random, now: i64) -> Write {
    let key = |random: &mut Random| {
        EntryKey::new(scope(random.below(3)), format!("id-{}", random.below(60)))
    };
    let object =
        |random: &mut Random| Object::from([("n".to_owned(), (random.below(5) as i64).into())]);
    let entries =
        |random: &mut Random| (0..1 + random.below(4)).map(|_| entry(random, now)).collect();
    match random.below(40) {
        0..12 => Write::Insert(entries(random)),
        12..22 => Write::Upsert(entries(random)),
        22..27 => Write::UpdateMetadata(key(random), object(random)),
        27..30 => Write::PatchMetadata(key(random), object(random)),
        30..36 => Write::Delete((0..random.below(4)).map(|_| key(random)).collect()),
        36 => Write::DeleteWhere(scope(random.below(3)), field("n").eq(2)),
        37..39 => Write::Purge(scope(random.below(3))),
        _ => Write::DeleteScope(scope(random.below(3))),
    }
}

fn restored(disk: &Disk) -> Vec<VectorEntry> {
    let kept = disk.iter().map(|((scope, _), (record, vector))| (scope, record, vector));
    let entry = |(scope, record, vector): (_, &Vec<u8>, &Vec<f32>)| {
        VectorEntry::of_record(scope, record, vector.clone()).unwrap()
    };
    kept.map(entry).collect()
}

fn config() -> HnswConfig {
    HnswConfig::fast().with_ef_construction(16).with_distance_metric(DistanceMetric::Euclidean)
}

/// All that a reader finds at a time, in the order of scopes and ids.
fn found(collection: &Collection, now: i64) -> Vec<VectorEntry> {
    let reader = collection.reader().at(now);
    let page = |scope: &Scope| reader.list(scope, None, None, usize::MAX).unwrap().entries;
    collection.scopes().iter().flat_map(page).collect()
}

#[test]
fn what_batches_say_that_they_change_is_what_changes() {
    let simd = vicino::simd().unwrap();
    let config = config().with_promotion_size(20);
    let mut collection = Collection::new(config.clone(), DIMENSIONS, simd).unwrap();
    let (mut disk, mut random) = (Disk::new(), Random(5));
    let [mut refused, mut later] = [0; 2];
    let mut waiting: Vec<Write> = Vec::new();
    for now in 0..800 {
        waiting.extend((0..random.below(8)).map(|_| write(&mut random, now)));
        let mut batch = collection.batch(now).unwrap();
        let mut conflicts = Vec::new();
        for write in waiting.drain(..) {
            if batch.conflicts_with(&write) {
                assert_eq!(batch.add(write.clone()).unwrap_err().code(), "write_conflict");
                conflicts.push(write);
                later += 1;
            } else if let Err(error) = batch.add(write) {
                assert!(["duplicate_id", "unknown_id"].contains(&error.code()), "{error}");
                refused += 1;
            }
        }
        waiting = conflicts;
        let prepared = batch.prepare().unwrap();
        if now % 7 == 3 {
            // The disk is full: nothing of it happens.
            drop(prepared);
        } else {
            prepared.changes().for_each(|change| keep(&mut disk, change));
            prepared.commit();
        }
        let expired = |entry: &VectorEntry| entry.expires_at.is_some_and(|at| at <= now);
        let mut expected = restored(&disk);
        expected.retain(|entry| !expired(entry));
        assert_eq!(found(&collection, now), expected, "at {now}");
    }
    assert!(refused > 100 && later > 100, "{refused} refused, {later} later");

    let mut again = Collection::new(config, DIMENSIONS, simd).unwrap();
    again.upsert(restored(&disk), 800).unwrap();
    assert_eq!(found(&again, 800), found(&collection, 800), "times included");
}

/// One caller too many does not cost the others their turn.
#[test]
fn a_write_that_is_too_much_is_refused_alone() {
    let limits = ScopeLimits { vectors: Some(3), bytes: None };
    let collection = Collection::new(config(), DIMENSIONS, vicino::simd().unwrap()).unwrap();
    let mut collection = collection.with_scope_limits(limits);
    let entries = |scope: usize, ids: [&str; 2]| {
        let entry = |id: &str| VectorEntry::new(id, vec![1.0; 3]).with_scope(self::scope(scope));
        Write::Insert(ids.map(entry).to_vec())
    };
    let mut batch = collection.batch(0).unwrap();
    batch.add(entries(0, ["a", "b"])).unwrap();
    assert_eq!(batch.add(entries(0, ["c", "d"])).unwrap_err().code(), "scope_limit");
    batch.add(entries(1, ["c", "d"])).unwrap();
    let fits = VectorEntry::new("d", vec![2.0; 3]);
    batch.add(Write::Insert(vec![fits])).unwrap();
    batch.prepare().unwrap().commit();
    let ids: Vec<_> = found(&collection, 0).into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, ["a", "b", "d", "c", "d"]);
}
