//! Text as vectors.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use model2vec_rs::model::StaticModel;
use twox_hash::XxHash3_64;

/// What makes vectors of texts, the same for the same text.
pub(super) trait Embedder: Sync {
    /// What it is called: vectors of others are not compared with its own.
    fn name(&self) -> &str;

    /// How many values a vector has.
    fn dimensions(&self) -> usize;

    /// A vector for each text, in their order. Of a text in which nothing is known all is zero.
    fn embed(&self, texts: &[String]) -> Vec<Vec<f32>>;

    /// The vector of one text; none where nothing of it is known.
    fn embed_one(&self, text: &str) -> Option<Vec<f32>> {
        self.embed(&[text.to_owned()]).pop().filter(|vector| !is_zero(vector))
    }
}

/// Is nothing of a text known?
pub(super) fn is_zero(vector: &[f32]) -> bool {
    vector.iter().all(|value| *value == 0.0)
}

/// A model that has a vector for each token, and the mean of them for a text.
pub(super) struct Static {
    name: String,
    model: StaticModel,
}

impl Static {
    /// The one in a folder, in the layout of model2vec, or the one that comes with the command.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self> {
        let Some(folder) = folder else {
            let (tokenizer, weights) = (vicino_model::TOKENIZER, vicino_model::WEIGHTS);
            let model = StaticModel::from_bytes(tokenizer, weights, vicino_model::CONFIG, None)?;
            return Ok(Self { name: vicino_model::NAME.to_owned(), model });
        };
        let said = || format!("{} is no model in the layout of model2vec", folder.display());
        let model = StaticModel::from_pretrained(folder, None, None, None).with_context(said)?;
        let folder = folder.canonicalize()?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        // Another of this name is another.
        let weights = fs::read(folder.join("model.safetensors"))?;
        let name = format!("{name} {:016x}", XxHash3_64::oneshot(&weights));
        Ok(Self { name, model })
    }
}

impl Embedder for Static {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.model.dim()
    }

    fn embed(&self, texts: &[String]) -> Vec<Vec<f32>> {
        self.model.encode(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_near() {
        let model = Static::open(None).unwrap();
        let texts = ["a person who repairs shoes", "mending boots", "the distance to the moon"];
        let vectors = model.embed(&texts.map(str::to_owned));
        assert!(vectors.iter().all(|vector| vector.len() == model.dimensions()));
        let dot = |a: usize, b: usize| -> f32 {
            vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum()
        };
        assert!(dot(0, 1) > 0.3 && dot(0, 1) > 3.0 * dot(0, 2), "{} {}", dot(0, 1), dot(0, 2));
        assert_eq!(model.embed(&[String::new()])[0], vec![0.0; 256]);
    }

    #[test]
    fn a_folder_that_is_no_model_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Static::open(Some(folder.path())).err().unwrap();
        assert!(format!("{error:#}").contains(folder.path().to_str().unwrap()), "{error:#}");
    }
}
