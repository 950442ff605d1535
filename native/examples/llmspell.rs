//! A program written for llmspell-storage, moved over by its `use` lines: what a tenant of a
//! documentation service stores and asks.
//!
//! `cargo run -p vicino --example llmspell`

#![expect(clippy::str_to_string, reason = "as it is written there")]

use std::collections::HashMap;
use std::error::Error;

use serde_json::{Value, json};
use vicino::{
    DimensionRouter, DistanceMetric, EmbeddingModel, HNSWConfig, HNSWVectorStorage, MemoryBackend,
    StateScope, StorageBackend, VectorEntry, VectorQuery, VectorStorage,
};

/// A stand-in for a model: what hangs together by its letters is near.
fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01; 1536];
    for pair in text.as_bytes().windows(2) {
        vector[usize::from(pair[0]) * 31 % 1536] += 1.0;
        vector[usize::from(pair[1]) * 17 % 1536] += 0.5;
    }
    vector
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn Error>> {
    let backend = MemoryBackend::new();
    let value = json!({"name": "Alice"});
    backend.set("user:123", serde_json::to_vec(&value)?).await?;
    let user: Value = serde_json::from_slice(&backend.get("user:123").await?.unwrap_or_default())?;
    println!("user: {}", user["name"]);

    let config = HNSWConfig::production()
        .with_distance_metric(DistanceMetric::Cosine)
        .with_max_connections(16)
        .with_ef_construction(200);
    let storage = HNSWVectorStorage::new(1536, config);
    let tenant = StateScope::Custom("tenant:company-123".to_string());

    let mut metadata: HashMap<String, Value> = HashMap::new();
    metadata.insert("document_id".to_string(), "user-guide-section-1".into());
    metadata.insert("document_type".to_string(), "documentation".into());
    metadata.insert("tenant_id".to_string(), "company-123".into());
    let entries = vec![
        VectorEntry::new("doc-1".to_string(), embed("how to install the program"))
            .with_scope(tenant.clone())
            .with_metadata(metadata.clone()),
        VectorEntry::new("doc-2".to_string(), embed("zebras, quaggas and other horses"))
            .with_scope(tenant.clone())
            .with_metadata(metadata.clone()),
    ];
    let ids = storage.insert(entries).await?;

    let query = VectorQuery::new(embed("installing the program"), 10)
        .with_scope(tenant.clone())
        .with_threshold(0.8)
        .with_metadata_filter("document_type", "documentation");
    let results = storage.search(&query).await?;
    assert!(results.len() == 1 && results[0].key == ids[0]);
    for result in results {
        println!("found: {} {:.2}", result.key, result.score);
    }

    let mut updated_metadata = metadata;
    updated_metadata.insert("document_type".to_string(), "archive".into());
    storage.update_metadata(&ids[0], updated_metadata).await?;

    assert!(storage.search(&query).await?.is_empty(), "it is documentation no longer");
    let stats = storage.stats_for_scope(&tenant).await?;
    println!("Tenant vectors: {}, memory: {} MB", stats.vector_count, stats.memory_mb);
    println!("deleted: {}", storage.delete_scope(&tenant).await?);

    let router = DimensionRouter::new();
    router.register_model(EmbeddingModel::OpenAI_Ada002, 1536)?;
    router.register_model(EmbeddingModel::OpenAI_Embedding3Large, 3072)?;
    let storage_ada = router.get_storage(&EmbeddingModel::OpenAI_Ada002)?;
    let storage_large = router.get_storage(&EmbeddingModel::OpenAI_Embedding3Large)?;
    let auto_storage = router.auto_detect_storage(&embed("which one is mine?"))?;
    auto_storage.insert(vec![VectorEntry::new("a", embed("ada"))]).await?;
    let [ada, large] = [storage_ada.stats().await?, storage_large.stats().await?];
    println!("ada: {}, large: {}", ada.vector_count, large.vector_count);
    Ok(())
}
