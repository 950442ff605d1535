//! A store in a folder: what is put into it is found by meaning, by what it says about itself, and
//! by nobody but its tenant.
//!
//! `cargo run -p vicino --example quickstart`

use std::error::Error;

use vicino::{
    HnswConfig, HnswVectorStorage, Scope, VectorEntry, VectorQuery, VectorStorage, field,
};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("vicino-quickstart-{}", std::process::id()));
    let storage = HnswVectorStorage::open(&folder, 3, HnswConfig::balanced()).await?;

    // Vectors come from an embedding model; these are short enough to be read.
    let acme = Scope::Tenant("acme".to_owned());
    let entry = |id: &str, vector: [f32; 3], kind: &str| {
        VectorEntry::new(id, vector.to_vec())
            .with_scope(acme.clone())
            .with_metadata([("type".to_owned(), kind)])
            .with_content(format!("the text of {id}"))
    };
    let entries = vec![
        entry("install", [0.9, 0.1, 0.0], "guide"),
        entry("upgrade", [0.8, 0.3, 0.1], "guide"),
        entry("prices", [0.0, 0.2, 0.9], "page"),
    ];
    storage.insert(entries).await?;

    let query = VectorQuery::new(vec![1.0, 0.2, 0.0], 2)
        .with_scope(acme)
        .with_filter(field("type").eq("guide"));
    for found in storage.search(&query).await? {
        println!("{} {:.3} {}", found.key, found.score, found.content.unwrap_or_default());
    }

    // It is there again after the program has ended.
    drop(storage);
    let storage = HnswVectorStorage::open(&folder, 3, HnswConfig::balanced()).await?;
    assert_eq!(storage.search(&query).await?.len(), 2);
    drop(storage);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
