//! A backup of a storage that is in use: one moment of it as a file, which is checked and then
//! becomes a storage in another folder.
//!
//! `cargo run -p vicino --example backup`

use std::error::Error;
use std::path::Path;

use vicino::{
    Collection, HnswConfig, HnswVectorStorage, Open, Scope, StoreError, VectorEntry, VectorStorage,
    Verify,
};

const DIMENSIONS: usize = 8;
const BATCH: usize = 100;

fn batch(number: usize) -> Vec<VectorEntry> {
    let entry = |i: usize| {
        let vector = (0..DIMENSIONS).map(|d| ((i * (d + 3)) % 17) as f32 + 1.0).collect();
        VectorEntry::new(format!("doc-{i}"), vector)
            .with_metadata([("batch".to_owned(), number as u64)])
    };
    (number * BATCH..(number + 1) * BATCH).map(entry).collect()
}

async fn write(storage: HnswVectorStorage, batches: usize) -> Result<(), StoreError> {
    for number in 0..batches {
        storage.insert(batch(number)).await?;
    }
    Ok(())
}

/// How many entries a backup holds. All of it is held against its checksums, so a file that was
/// damaged on its way gives an error.
fn verify(file: &Path) -> Result<usize, Box<dyn Error>> {
    let open = Open::default().with_verify(Verify::Full);
    let backup = Collection::open(vicino::read_file(file)?, vicino::simd()?, &open)?;
    Ok(backup.stats().vector_count)
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("vicino-backup-{}", std::process::id()));
    let file = folder.join("monday.vcn");
    let config = HnswConfig::balanced();
    let storage = HnswVectorStorage::open(folder.join("live"), DIMENSIONS, config.clone()).await?;

    // Nobody waits for a backup: batches are written before it, beside it and behind it.
    let writing = tokio::spawn(write(storage.clone(), 40));
    while storage.count(&Scope::Global, None).await? < 5 * BATCH {
        tokio::task::yield_now().await;
    }
    storage.export(&file).await?;
    writing.await??;

    let (entries, now) = (verify(&file)?, storage.count(&Scope::Global, None).await?);
    println!("the backup has {entries} entries, the storage has {now} by now");
    assert_eq!(entries % BATCH, 0, "it is of one moment: a batch is there whole or not at all");

    let copy = HnswVectorStorage::open(folder.join("copy"), DIMENSIONS, config).await?;
    println!("{} entries are imported", copy.import(&file).await?);
    assert_eq!(copy.count(&Scope::Global, None).await?, entries);
    let [here, there] = [storage.get(&"doc-7".into()).await?, copy.get(&"doc-7".into()).await?];
    assert_eq!(here.map(|entry| entry.metadata), there.map(|entry| entry.metadata));

    drop((storage, copy));
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
