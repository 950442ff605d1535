//! Handles of a storage: each does in its scope what the storage does, and nothing in another,
//! whatever it is given.

use vicino::{
    EntryKey, HnswConfig, HnswVectorStorage, Object, Scope, StoreError, VectorEntry, VectorQuery,
    VectorStorage, field,
};

fn tenant(name: &str) -> Scope {
    Scope::Tenant(name.to_owned())
}

fn entry(id: &str, n: i64) -> VectorEntry {
    VectorEntry::new(id, vec![1.0, n as f32]).with_metadata([("n".to_owned(), n)])
}

fn patch(n: i64) -> Object {
    [("n".to_owned(), n.into())].into()
}

/// A storage whose scopes "acm" and global hold an entry "a", and the key of the first.
fn storage() -> (HnswVectorStorage, EntryKey) {
    let storage = HnswVectorStorage::new(2, HnswConfig::fast());
    let foreign = entry("a", 1).with_scope(tenant("acm"));
    let keys = storage.blocking().insert(vec![foreign, entry("a", 1)]).unwrap();
    (storage, keys[0].clone())
}

fn is_refused<T>(done: Result<T, StoreError>) -> bool {
    done.is_err_and(|error| {
        error.code() == "scope_mismatch" && error.to_string().ends_with("to tenant:acm")
    })
}

#[tokio::test]
async fn a_handle_is_talked_into_no_other_scope() {
    let (storage, foreign) = storage();
    let before = storage.get(&foreign).await.unwrap();
    let acme = storage.scope(&tenant("acme")).unwrap();
    let other = || vec![entry("b", 1), entry("a", 2).with_scope(tenant("acm"))];
    let query = VectorQuery::new(vec![1.0, 1.0], 5).with_scopes([tenant("acme"), tenant("acm")]);

    assert!(is_refused(acme.insert(other()).await));
    assert!(is_refused(acme.upsert(other()).await));
    assert!(is_refused(acme.search(&query).await));
    assert!(is_refused(
        acme.search_many(&[VectorQuery::new(vec![1.0, 1.0], 5), query.clone()]).await
    ));
    assert!(is_refused(acme.explain(&query).await));
    assert!(is_refused(acme.get(&foreign).await));
    assert!(is_refused(acme.update_metadata(&foreign, patch(3)).await));
    assert!(is_refused(acme.patch_metadata(&foreign, patch(3)).await));
    assert!(is_refused(acme.delete([&foreign]).await));

    let acme = acme.blocking();
    assert!(is_refused(acme.insert(other())));
    assert!(is_refused(acme.upsert(other())));
    assert!(is_refused(acme.search(&query)));
    assert!(is_refused(acme.search_many(std::slice::from_ref(&query))));
    assert!(is_refused(acme.explain(&query)));
    assert!(is_refused(acme.get(&foreign)));
    assert!(is_refused(acme.update_metadata(&foreign, patch(3))));
    assert!(is_refused(acme.patch_metadata(&foreign, patch(3))));
    assert!(is_refused(acme.delete([&foreign])));

    assert_eq!(acme.count(None).unwrap(), 0, "nothing of what was refused is there");
    let unnamed = storage.scope(&Scope::User(String::new())).unwrap_err();
    assert_eq!(unnamed.code(), "invalid_name");
    assert_eq!(storage.get(&foreign).await.unwrap(), before);
}

/// The calls of a handle, and those of the storage that name its scope, come to the same; so do
/// those of programs that wait. Nothing of it is anything to the other scopes.
#[tokio::test]
async fn a_handle_does_what_the_storage_does() {
    let [(handled, foreign), (named, _), (waited, _)] = [storage(), storage(), storage()];
    let scope = tenant("acme");
    let acme = handled.scope(&scope).unwrap();
    let waits = waited.blocking().scope(&scope).unwrap();
    let key = |id: &str| EntryKey::new(scope.clone(), id);
    let own = |entries: Vec<VectorEntry>| {
        entries.into_iter().map(|entry| entry.with_scope(scope.clone())).collect::<Vec<_>>()
    };
    let entries = || ["a", "b", "c", "d", "e"].map(|id| entry(id, i64::from(id.as_bytes()[0])));

    let keys = named.insert(own(entries().to_vec())).await.unwrap();
    assert_eq!(acme.insert(entries().to_vec()).await.unwrap(), keys);
    assert_eq!(waits.insert(own(entries().to_vec())).unwrap(), keys);
    let newer = || vec![entry("c", 7), entry("f", 8)];
    let keys = named.upsert(own(newer())).await.unwrap();
    assert_eq!(acme.upsert(newer()).await.unwrap(), keys);
    assert_eq!(waits.upsert(newer()).unwrap(), keys);

    named.update_metadata(&key("a"), patch(7)).await.unwrap();
    acme.update_metadata("a", patch(7)).await.unwrap();
    waits.update_metadata(key("a"), patch(7)).unwrap();
    named.patch_metadata(&key("b"), patch(7)).await.unwrap();
    acme.patch_metadata(&key("b"), patch(7)).await.unwrap();
    waits.patch_metadata("b".to_owned(), patch(7)).unwrap();
    assert_eq!(named.delete(&[key("d"), key("nobody")]).await.unwrap(), 1);
    assert_eq!(acme.delete(["d", "nobody"]).await.unwrap(), 1);
    assert_eq!(waits.delete([key("d"), key("nobody")]).unwrap(), 1);

    let seven = field("n").eq(7);
    let query = VectorQuery::new(vec![1.0, 1.0], 3).with_filter(seven.clone());
    let expected: Vec<_> =
        named.search_scoped(&query, &scope).await.unwrap().into_iter().map(|it| it.key).collect();
    assert_eq!(expected.len(), 3);
    let both = [query.clone(), query.clone().with_scope(scope.clone())];
    let mut found = acme.search_many(&both).await.unwrap();
    found.extend(waits.search_many(&both).unwrap());
    found.push(acme.search(&query).await.unwrap());
    found.push(waits.search(&query).unwrap());
    found.push(acme.explain(&query).await.unwrap().0);
    found.push(waits.explain(&query).unwrap().0);
    for found in found {
        assert_eq!(found.into_iter().map(|it| it.key).collect::<Vec<_>>(), expected);
    }
    let vector = named.get(&key("f")).await.unwrap().unwrap().vector;
    assert_eq!(acme.get("f").await.unwrap().unwrap().vector, vector);
    assert_eq!(waits.get("f").unwrap().unwrap().vector, vector);

    let pages = [
        named.list(&scope, None, Some("a"), 2).await.unwrap(),
        acme.list(None, Some("a"), 2).await.unwrap(),
        waits.list(None, Some("a"), 2).unwrap(),
    ];
    for page in pages {
        let ids: Vec<_> = page.entries.iter().map(|entry| &*entry.id).collect();
        assert_eq!((ids, page.next.as_deref()), (vec!["b", "c"], Some("c")));
    }
    assert_eq!(acme.count(Some(&seven)).await.unwrap(), 3);
    assert_eq!(waits.count(Some(&seven)).unwrap(), 3);
    assert_eq!(acme.stats().await.unwrap().vector_count, 5);
    assert_eq!(waits.stats().unwrap().vector_count, 5);
    assert_eq!(acme.delete_where(&seven).await.unwrap(), 3);
    assert_eq!(waits.delete_where(&seven).unwrap(), 3);
    assert_eq!(acme.delete_all().await.unwrap(), 2);
    assert_eq!(waits.delete_all().unwrap(), 2);
    for storage in [handled, waited] {
        assert_eq!(storage.stats().await.unwrap().vector_count, 2, "one each of the others");
        assert!(storage.get(&foreign).await.unwrap().is_some());
    }
}

/// A program with threads of its own hands a handle to each, and awaits it anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_go_to_other_threads() {
    let (storage, _) = storage();
    let tenants = (0..8).map(|number| {
        let handle = storage.scope(&tenant(&number.to_string())).unwrap();
        tokio::spawn(async move {
            handle.insert(vec![entry("a", number), entry("b", number)]).await.unwrap();
            assert_eq!(handle.delete(["a"]).await.unwrap(), 1);
            handle.update_metadata("b", patch(7)).await.unwrap();
            assert_eq!(handle.count(Some(&field("n").eq(7))).await.unwrap(), 1);
        })
    });
    for tenant in tenants.collect::<Vec<_>>() {
        tenant.await.unwrap();
    }
}
