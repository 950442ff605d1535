//! Tenants of one storage, each behind a handle of its own: what one keeps, the other neither
//! finds nor counts nor deletes, though their entries have the same ids.
//!
//! `cargo run -p vicino --example multi_tenant`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use vicino::{
    HnswConfig, HnswVectorStorage, Scope, ScopedVectorStorage, StoreError, VectorEntry,
    VectorQuery, VectorStorage, field,
};

/// What serves a tenant. It is given a handle and no storage, so it cannot reach anybody else's.
async fn answer(tenant: &ScopedVectorStorage, question: [f32; 3]) -> Result<(), StoreError> {
    let query = VectorQuery::new(question.to_vec(), 2).with_filter(field("public").eq(true));
    for found in tenant.search(&query).await? {
        let content = found.content.unwrap_or_default();
        println!("{} finds {} at {:.2}: {content}", tenant.name(), found.key.id(), found.score);
    }
    Ok(())
}

fn entry(id: &str, vector: [f32; 3], content: &str) -> VectorEntry {
    VectorEntry::new(id, vector.to_vec())
        .with_metadata([("public".to_owned(), id != "margins")])
        .with_content(content)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let storage = HnswVectorStorage::try_new(3, HnswConfig::balanced())?;
    let acme = storage.scope(&Scope::Tenant("acme".to_owned()))?;
    let globex = storage.scope(&Scope::Tenant("globex".to_owned()))?;

    // Entries that name no scope become those of the handle.
    let of_acme = vec![
        entry("prices", [0.9, 0.1, 0.0], "Anvils are 40 a piece."),
        entry("margins", [0.8, 0.2, 0.0], "Each costs us 3."),
        entry("returns", [0.1, 0.9, 0.0], "Anvils are not taken back."),
    ];
    let keys = acme.insert(of_acme).await?;
    globex.insert(vec![entry("prices", [0.9, 0.0, 0.1], "Lasers are 9000 a piece.")]).await?;
    answer(&acme, [1.0, 0.1, 0.0]).await?;
    answer(&globex, [1.0, 0.1, 0.0]).await?;

    // An id means the tenant's own entry. A key says whose it is, and is refused elsewhere.
    assert_eq!(globex.get("returns").await?, None);
    if let Err(refused) = globex.delete(&keys).await {
        println!("refused: {refused}");
    }

    for tenant in [&acme, &globex] {
        let stats = tenant.stats().await?;
        let (entries, bytes) = (stats.vector_count, stats.memory.total());
        println!("{}: {entries} entries, {bytes} bytes", tenant.name());
    }

    // A tenant that leaves takes all that it had along.
    println!("{} leaves with {} entries", acme.name(), acme.delete_all().await?);
    assert_eq!(storage.scopes().await?, [globex.name().clone()]);
    answer(&globex, [1.0, 0.1, 0.0]).await?;
    Ok(())
}
