//! Tenants that import much, beside others that write a little: nobody overtakes anybody else in a
//! scope, and imports are seen whole.

use std::slice;

use vicino::{EntryKey, HnswConfig, HnswVectorStorage, Scope, VectorEntry, VectorStorage, field};
use vicino_tests::Random;

const DIMENSIONS: usize = 8;

fn config() -> HnswConfig {
    HnswConfig::fast().with_ef_construction(16).with_promotion_size(100)
}

fn entry(random: &mut Random) -> VectorEntry {
    let vector = (0..DIMENSIONS).map(|_| random.signed()).collect();
    VectorEntry::new("", vector).with_metadata([("n".to_owned(), random.below(7) as i64)])
}

/// The keys of all entries.
fn all(storage: &HnswVectorStorage) -> Vec<EntryKey> {
    let storage = storage.blocking();
    let mut keys = Vec::new();
    for scope in storage.scopes().unwrap() {
        let page = storage.list(&scope, None, None, usize::MAX).unwrap();
        keys.extend(page.entries.iter().map(VectorEntry::key));
    }
    keys
}

/// A tenant that imports, and others that write a little: each sees what it wrote when it is told
/// so, in the order in which it wrote, and imports are seen whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_is_beside_what_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let storage = HnswVectorStorage::open(folder.path(), DIMENSIONS, config()).await.unwrap();
    let tenant = |name: &str| Scope::Tenant(name.to_owned());
    let importing = (0..3).map(|import| {
        let (storage, scope) = (storage.clone(), tenant("large"));
        tokio::spawn(async move {
            for round in 0..6 {
                let mut random = Random(import * 100 + round);
                let entries = (0..400).map(|i| {
                    let mut entry = entry(&mut random).with_scope(scope.clone());
                    entry.id = format!("{import} {round} {i}");
                    entry
                });
                storage.insert(entries.collect()).await.unwrap();
                let count = storage.count(&scope, None).await.unwrap();
                let whole = storage.count(&scope, Some(&field("n").exists(true))).await.unwrap();
                assert!(count >= whole && whole >= 400 && whole % 400 == 0, "{whole} of {count}");
            }
        })
    });
    let writing = (0..6).map(|caller| {
        let (storage, scope) = (storage.clone(), tenant(["large", "small"][caller % 2]));
        tokio::spawn(async move {
            let key = EntryKey::new(scope.clone(), format!("of {caller}"));
            for i in 0..40 {
                let vector = vec![i as f32 + 1.0; DIMENSIONS];
                let entry = VectorEntry::new(key.id(), vector.clone()).with_scope(scope.clone());
                storage.upsert(vec![entry]).await.unwrap();
                assert_eq!(storage.get(&key).await.unwrap().unwrap().vector, vector);
                // Not waited for, and made in their order all the same.
                let (a, b) = (storage.delete(slice::from_ref(&key)), storage.checkpoint());
                let (deleted, checkpoint) = tokio::join!(a, b);
                assert_eq!((deleted.unwrap(), checkpoint.is_ok()), (1, true));
            }
        })
    });
    let all_of_them: Vec<_> = importing.chain(writing).collect();
    for one in all_of_them {
        one.await.unwrap();
    }
    let before = all(&storage);
    assert_eq!(before.len(), 3 * 6 * 400);
    storage.close().await.unwrap();
    drop(storage);
    let again = HnswVectorStorage::open(folder.path(), DIMENSIONS, config()).await.unwrap();
    assert_eq!(all(&again), before);
}

/// Writes that are asked for one after the other are made in that order, though one of their scopes
/// is being linked and another is not.
#[tokio::test]
async fn who_waits_for_one_scope_is_not_overtaken_in_another() {
    let storage = HnswVectorStorage::new(DIMENSIONS, config());
    let [busy, idle] = ["busy", "idle"].map(|name| Scope::Tenant(name.to_owned()));
    let of = |scope: &Scope, value: usize| {
        VectorEntry::new("same", vec![value as f32 + 1.0; DIMENSIONS]).with_scope(scope.clone())
    };
    for round in 0..8_usize {
        let mut random = Random(round as u64);
        let import = (0..1500).map(|i| {
            let mut entry = entry(&mut random).with_scope(busy.clone());
            entry.id = format!("{round} {i}");
            entry
        });
        let import = tokio::spawn({
            let (storage, import) = (storage.clone(), import.collect());
            async move { storage.insert(import).await }
        });
        tokio::task::yield_now().await;
        let value = 10 * round;
        let (both, one) = tokio::join!(
            storage.upsert(vec![of(&busy, value), of(&idle, value)]),
            storage.upsert(vec![of(&idle, value + 1)]),
        );
        assert_eq!((both.unwrap().len(), one.unwrap().len()), (2, 1));
        let last = storage.get(&of(&idle, 0).key()).await.unwrap().unwrap();
        assert_eq!(last.vector, of(&idle, value + 1).vector, "round {round}");
        import.await.unwrap().unwrap();
    }
}
