//! Embedding models: what each makes, and which of those in use a vector can be from.
//!
//! A model is a row of the table below. Vectors go where their model is registered, by its name;
//! by their length alone only where one registered model makes such. Nothing is cut, padded or
//! guessed.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, beginning};
use crate::metric::{DistanceMetric, squared_norm};
use crate::simd::DIMENSIONS_MAX;

/// An embedding model, by the name that its maker gave it.
///
/// ```
/// use vicino_core::{DistanceMetric, EmbeddingModel};
///
/// let model = EmbeddingModel::OPENAI_3_LARGE;
/// assert_eq!(model, EmbeddingModel::new("text-embedding-3-large"));
/// let info = model.info().unwrap();
/// assert_eq!((info.dimensions, info.metric), (3072, DistanceMetric::Cosine));
///
/// let short = model.truncate(&[0.5; 3072], 256)?;
/// let length: f32 = short.iter().map(|value| value * value).sum();
/// assert!(short.len() == 256 && (length - 1.0).abs() < 1e-5);
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmbeddingModel(Cow<'static, str>);

/// What is known of a model.
///
/// ```
/// use vicino_core::EmbeddingModel;
///
/// let info = EmbeddingModel::NOMIC_EMBED_TEXT_V1_5.info().unwrap();
/// assert!(info.makes(256) && !info.makes(300));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Its name.
    pub name: &'static str,
    /// The values of a vector, unless another number is asked for.
    pub dimensions: usize,
    /// Which numbers can be asked for.
    pub sizes: Sizes,
    /// What its vectors are to be compared by.
    pub metric: DistanceMetric,
    /// Have its whole vectors length one?
    pub normalized: bool,
}

/// Which other sizes vectors of a model have: the first values of a larger one are a smaller one
/// (Kusupati et al., "Matryoshka representation learning", 2022).
///
/// ```
/// use vicino_core::{EmbeddingModel, Sizes};
///
/// let info = EmbeddingModel::OPENAI_ADA_002.info().unwrap();
/// assert_eq!(info.sizes, Sizes::Whole);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sizes {
    /// None: a part of a vector means nothing.
    Whole,
    /// These.
    Of(&'static [usize]),
    /// This one and all above, up to the whole.
    AtLeast(usize),
    /// These, as the model itself makes them: more is done to them than to cut, so that its whole
    /// vectors cannot be cut afterwards.
    Asked(&'static [usize]),
}

macro_rules! models {
    ($($constant:ident $name:literal $dimensions:literal $sizes:expr,
        $metric:ident $normalized:literal)*) => {
        /// Names that other stores have for models.
#[expect(non_upper_case_globals, reason = "they are written like this there")]
#[doc(hidden)]
impl EmbeddingModel {
    pub const OpenAI_Ada002: Self = Self::OPENAI_ADA_002;
    pub const OpenAI_Embedding3Small: Self = Self::OPENAI_3_SMALL;
    pub const OpenAI_Embedding3Large: Self = Self::OPENAI_3_LARGE;
}

impl EmbeddingModel {
            $(
                #[doc = concat!("`", $name, "`, ", $dimensions, " dimensions.")]
                pub const $constant: Self = Self(Cow::Borrowed($name));
            )*

            /// What is known of models, in the order of their makers.
            pub const KNOWN: &[ModelInfo] = &[$(ModelInfo {
                name: $name,
                dimensions: $dimensions,
                sizes: $sizes,
                metric: DistanceMetric::$metric,
                normalized: $normalized,
            }),*];
        }
    };
}

use Sizes::{Asked, AtLeast, Of, Whole};

const COHERE: Sizes = Of(&[256, 512, 1024]);
const VOYAGE: Sizes = Of(&[256, 512, 2048]);
const GEMMA: Sizes = Of(&[128, 256, 512]);
const TITAN: Sizes = Of(&[256, 512]);
const NOMIC: Sizes = Asked(&[64, 128, 256, 512]);
const MIXEDBREAD: Sizes = Of(&[512]);
const JINA_3: Sizes = Of(&[32, 64, 128, 256, 512, 768]);
const JINA_4: Sizes = Of(&[128, 256, 512, 1024]);
const QUARTER: Sizes = Of(&[256]);

// What makers document; `true` where they say that vectors have length one.
#[rustfmt::skip]
models! {
    OPENAI_ADA_002          "text-embedding-ada-002"                  1536 Whole, Cosine true
    OPENAI_3_SMALL          "text-embedding-3-small"                  1536 AtLeast(1), Cosine true
    OPENAI_3_LARGE          "text-embedding-3-large"                  3072 AtLeast(1), Cosine true
    COHERE_ENGLISH_V3       "embed-english-v3.0"                      1024 Whole, Cosine false
    COHERE_ENGLISH_LIGHT_V3 "embed-english-light-v3.0"                 384 Whole, Cosine false
    COHERE_MULTILINGUAL_V3  "embed-multilingual-v3.0"                 1024 Whole, Cosine false
    COHERE_V4               "embed-v4.0"                              1536 COHERE, Cosine false
    VOYAGE_3                "voyage-3"                                1024 Whole, Cosine true
    VOYAGE_3_LITE           "voyage-3-lite"                            512 Whole, Cosine true
    VOYAGE_3_LARGE          "voyage-3-large"                          1024 VOYAGE, Cosine true
    VOYAGE_3_5              "voyage-3.5"                              1024 VOYAGE, Cosine true
    VOYAGE_3_5_LITE         "voyage-3.5-lite"                         1024 VOYAGE, Cosine true
    VOYAGE_CODE_3           "voyage-code-3"                           1024 VOYAGE, Cosine true
    VOYAGE_LAW_2            "voyage-law-2"                            1024 Whole, Cosine true
    VOYAGE_FINANCE_2        "voyage-finance-2"                        1024 Whole, Cosine true
    GEMINI_EMBEDDING_001    "gemini-embedding-001"                    3072 AtLeast(128), Cosine true
    GEMMA_300M              "google/embeddinggemma-300m"               768 GEMMA, Cosine true
    TITAN_TEXT_V1           "amazon.titan-embed-text-v1"              1536 Whole, Cosine false
    TITAN_TEXT_V2           "amazon.titan-embed-text-v2:0"            1024 TITAN, Cosine true
    MISTRAL_EMBED           "mistral-embed"                           1024 Whole, Cosine true
    BGE_SMALL_EN_V1_5       "BAAI/bge-small-en-v1.5"                   384 Whole, Cosine true
    BGE_BASE_EN_V1_5        "BAAI/bge-base-en-v1.5"                    768 Whole, Cosine true
    BGE_LARGE_EN_V1_5       "BAAI/bge-large-en-v1.5"                  1024 Whole, Cosine true
    BGE_M3                  "BAAI/bge-m3"                             1024 Whole, Cosine true
    E5_SMALL_V2             "intfloat/e5-small-v2"                     384 Whole, Cosine true
    E5_BASE_V2              "intfloat/e5-base-v2"                      768 Whole, Cosine true
    E5_LARGE_V2             "intfloat/e5-large-v2"                    1024 Whole, Cosine true
    E5_MULTILINGUAL_SMALL   "intfloat/multilingual-e5-small"           384 Whole, Cosine true
    E5_MULTILINGUAL_BASE    "intfloat/multilingual-e5-base"            768 Whole, Cosine true
    E5_MULTILINGUAL_LARGE   "intfloat/multilingual-e5-large"          1024 Whole, Cosine true
    E5_MISTRAL_7B           "intfloat/e5-mistral-7b-instruct"         4096 Whole, Cosine true
    NOMIC_EMBED_TEXT_V1     "nomic-ai/nomic-embed-text-v1"             768 Whole, Cosine false
    NOMIC_EMBED_TEXT_V1_5   "nomic-ai/nomic-embed-text-v1.5"           768 NOMIC, Cosine false
    NOMIC_EMBED_TEXT_V2_MOE "nomic-ai/nomic-embed-text-v2-moe"         768 QUARTER, Cosine false
    MINILM_L6_V2            "sentence-transformers/all-MiniLM-L6-v2"   384 Whole, Cosine true
    MINILM_L12_V2           "sentence-transformers/all-MiniLM-L12-v2"  384 Whole, Cosine true
    MPNET_BASE_V2           "sentence-transformers/all-mpnet-base-v2"  768 Whole, Cosine true
    MULTI_QA_MPNET_DOT "sentence-transformers/multi-qa-mpnet-base-dot-v1"
        768 Whole, InnerProduct false
    MXBAI_LARGE_V1          "mixedbread-ai/mxbai-embed-large-v1"      1024 MIXEDBREAD, Cosine false
    JINA_V2_SMALL_EN        "jinaai/jina-embeddings-v2-small-en"       512 Whole, Cosine false
    JINA_V2_BASE_EN         "jinaai/jina-embeddings-v2-base-en"        768 Whole, Cosine false
    JINA_V3                 "jinaai/jina-embeddings-v3"               1024 JINA_3, Cosine true
    JINA_V4                 "jinaai/jina-embeddings-v4"               2048 JINA_4, Cosine true
    ARCTIC_M_V1_5           "Snowflake/snowflake-arctic-embed-m-v1.5"  768 QUARTER, Cosine true
    ARCTIC_L_V2             "Snowflake/snowflake-arctic-embed-l-v2.0" 1024 QUARTER, Cosine true
    QWEN3_0_6B              "Qwen/Qwen3-Embedding-0.6B"               1024 AtLeast(32), Cosine true
    QWEN3_4B                "Qwen/Qwen3-Embedding-4B"                 2560 AtLeast(32), Cosine true
    QWEN3_8B                "Qwen/Qwen3-Embedding-8B"                 4096 AtLeast(32), Cosine true
}

impl ModelInfo {
    /// Can vectors of the model have this many values?
    #[must_use]
    pub fn makes(&self, dimensions: usize) -> bool {
        dimensions == self.dimensions
            || match self.sizes {
                Whole => false,
                Of(sizes) | Asked(sizes) => sizes.contains(&dimensions),
                AtLeast(least) => (least..self.dimensions).contains(&dimensions),
            }
    }

    /// The same in words.
    fn sizes(&self) -> String {
        let whole = self.dimensions;
        match self.sizes {
            Whole => whole.to_string(),
            Of(sizes) | Asked(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
                format!("{whole}, {}", sizes.join(", "))
            }
            AtLeast(least) => format!("{least} to {whole}"),
        }
    }
}

impl EmbeddingModel {
    /// A model, known or not.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What is known of the model.
    #[must_use]
    pub fn info(&self) -> Option<&'static ModelInfo> {
        Self::KNOWN.iter().find(|info| info.name == self.0)
    }

    /// A vector cut to its first `dimensions` values and scaled to length one.
    ///
    /// # Errors
    ///
    /// [`Error::CannotTruncate`] where vectors of the model mean nothing once they are cut, or
    /// nothing is known of it; [`Error::ModelDimensions`] where it makes none of either length;
    /// [`Error::DimensionMismatch`] for a vector that is too short; [`Error::NotFinite`] and
    /// [`Error::ZeroNorm`] for what is left.
    pub fn truncate(&self, vector: &[f32], dimensions: usize) -> Result<Vec<f32>, Error> {
        let info = match self.info() {
            Some(info) if matches!(info.sizes, Of(_) | AtLeast(_)) => info,
            _ => return Err(Error::CannotTruncate { model: self.said() }),
        };
        for found in [vector.len(), dimensions] {
            if !info.makes(found) {
                return Err(self.dimensions_error(info, found));
            }
        }
        let Some(part) = vector.get(..dimensions) else {
            let found = vector.len();
            return Err(Error::DimensionMismatch { expected: dimensions, found });
        };
        let norm = squared_norm(part)?.sqrt();
        if norm == 0.0 {
            return Err(Error::ZeroNorm);
        }
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest")]
        let scaled = part.iter().map(|&value| (f64::from(value) / norm) as f32).collect();
        Ok(scaled)
    }

    fn dimensions_error(&self, info: &ModelInfo, found: usize) -> Error {
        Error::ModelDimensions { model: self.said(), sizes: info.sizes(), found }
    }

    /// As much of the name as a message has room for.
    fn said(&self) -> String {
        beginning(&self.0, 64)
    }
}

impl fmt::Display for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which model's vectors are kept where: what the dimension routers of programs are made of.
///
/// ```
/// use vicino_core::{EmbeddingModel, Routes};
///
/// let mut routes = Routes::default();
/// routes.register(EmbeddingModel::OPENAI_ADA_002, 1536, "here")?;
/// routes.register(EmbeddingModel::OPENAI_3_LARGE, 256, "there")?;
/// assert_eq!(routes.get(&EmbeddingModel::OPENAI_3_LARGE)?, &"there");
/// assert_eq!(routes.detect(&[0.0; 1536])?, &"here");
///
/// routes.register(EmbeddingModel::OPENAI_3_SMALL, 1536, "elsewhere")?;
/// assert_eq!(routes.detect(&[0.0; 1536]).unwrap_err().code(), "ambiguous_model");
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Routes<S>(Vec<Route<S>>);

/// One of them, which are in the order of their models.
#[derive(Debug, Clone)]
struct Route<S> {
    model: EmbeddingModel,
    dimensions: usize,
    storage: S,
}

impl<S> Default for Routes<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S> Routes<S> {
    /// Sends vectors of a model, of this many values each, to a storage. To send them elsewhere
    /// [remove](Self::remove) the model first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`] for a name that is empty or over 512 bytes;
    /// [`Error::InvalidConfig`] for no dimensions, or over 65,536;
    /// [`Error::ModelDimensions`] where the model is known and makes no such vectors;
    /// [`Error::ModelRegistered`] where it is there.
    pub fn register(
        &mut self,
        model: EmbeddingModel,
        dimensions: usize,
        storage: S,
    ) -> Result<(), Error> {
        const MAX: usize = 512;
        let found = model.name().len();
        if !(1..=MAX).contains(&found) {
            return Err(Error::InvalidName { what: "model", max: MAX, found });
        }
        if !(1..=DIMENSIONS_MAX).contains(&dimensions) {
            let (field, max) = ("dimensions", DIMENSIONS_MAX);
            return Err(Error::InvalidConfig { field, min: 1, max, found: dimensions });
        }
        if let Some(info) = model.info().filter(|info| !info.makes(dimensions)) {
            return Err(model.dimensions_error(info, dimensions));
        }
        match self.find(&model) {
            Ok(at) => {
                let dimensions = self.0[at].dimensions;
                Err(Error::ModelRegistered { model: model.said(), dimensions })
            }
            Err(at) => {
                self.0.insert(at, Route { model, dimensions, storage });
                Ok(())
            }
        }
    }

    /// Forgets a model; where its vectors went.
    pub fn remove(&mut self, model: &EmbeddingModel) -> Option<S> {
        self.find(model).ok().map(|at| self.0.remove(at).storage)
    }

    /// Where the vectors of a model go. O(log of the models).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownModel`].
    pub fn get(&self, model: &EmbeddingModel) -> Result<&S, Error> {
        match self.find(model) {
            Ok(at) => Ok(&self.0[at].storage),
            Err(_) => Err(Error::UnknownModel { model: model.said() }),
        }
    }

    /// Where a vector goes by its length alone. O(models).
    ///
    /// # Errors
    ///
    /// [`Error::NoModel`] where no registered model makes such vectors, and
    /// [`Error::AmbiguousModel`] where several do.
    pub fn detect(&self, vector: &[f32]) -> Result<&S, Error> {
        let dimensions = vector.len();
        let mut fitting = self.0.iter().filter(|route| route.dimensions == dimensions);
        match (fitting.next(), fitting.next()) {
            (Some(route), None) => Ok(&route.storage),
            (None, _) => Err(Error::NoModel { dimensions, registered: self.names(|_| true) }),
            (Some(_), Some(_)) => {
                let models = self.names(|route| route.dimensions == dimensions);
                Err(Error::AmbiguousModel { dimensions, models })
            }
        }
    }

    /// The models, their dimensions and where their vectors go, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&EmbeddingModel, usize, &S)> {
        self.0.iter().map(|route| (&route.model, route.dimensions, &route.storage))
    }

    /// Up to eight models of routes that are meant, for a message.
    fn names(&self, meant: impl Fn(&Route<S>) -> bool) -> Vec<String> {
        let meant = self.0.iter().filter(|route| meant(route)).take(8);
        meant.map(|route| format!("{} ({})", route.model.said(), route.dimensions)).collect()
    }

    /// Where the route of a model is, or would be.
    fn find(&self, model: &EmbeddingModel) -> Result<usize, usize> {
        self.0.binary_search_by(|route| route.model.cmp(model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut names = std::collections::BTreeSet::new();
        for info in EmbeddingModel::KNOWN {
            assert!(names.insert(info.name), "{} is there twice", info.name);
            assert!((256..=4096).contains(&info.dimensions), "{}", info.name);
            assert!(info.makes(info.dimensions) && !info.makes(info.dimensions + 1));
            assert!(!info.makes(0));
            if let Of(sizes) = info.sizes {
                assert!(sizes.is_sorted() && !sizes.contains(&info.dimensions));
            }
            assert_eq!(EmbeddingModel::new(info.name).info(), Some(info));
        }
    }

    #[test]
    fn a_vector_is_cut_only_where_the_model_allows_it() {
        let vector: Vec<f32> = (0..768_u16).map(|i| f32::from(i % 7) - 3.0).collect();
        let model = EmbeddingModel::GEMMA_300M;
        let cut = model.truncate(&vector, 128).unwrap();
        let norm = squared_norm(&cut).unwrap();
        assert!(cut.len() == 128 && (norm - 1.0).abs() < 1e-6, "{norm}");
        assert!((cut[0] / cut[1] - vector[0] / vector[1]).abs() < 1e-6, "the direction is kept");
        let code = |model: &EmbeddingModel, vector: &[f32], to| {
            model.truncate(vector, to).unwrap_err().code()
        };
        assert_eq!(code(&model, &vector, 100), "model_dimensions");
        assert_eq!(code(&model, &vector[..100], 128), "model_dimensions");
        assert_eq!(code(&model, &vector[..256], 512), "dimension_mismatch");
        assert_eq!(code(&EmbeddingModel::BGE_BASE_EN_V1_5, &vector, 256), "cannot_truncate");
        assert_eq!(code(&EmbeddingModel::new("mine"), &vector, 256), "cannot_truncate");
        assert_eq!(code(&EmbeddingModel::NOMIC_EMBED_TEXT_V1_5, &vector, 256), "cannot_truncate");
        assert_eq!(code(&model, &[0.0; 768], 128), "zero_norm");
        assert_eq!(code(&model, &[f32::NAN; 768], 128), "not_finite");
    }

    #[test]
    fn models_of_one_length_are_told_apart_by_name_and_by_nothing_else() {
        let mut routes = Routes::default();
        let (a, b) = (EmbeddingModel::BGE_M3, EmbeddingModel::new("mine"));
        assert_eq!(routes.detect(&[0.0; 1024]).unwrap_err().code(), "no_model");
        routes.register(a.clone(), 1024, 'a').unwrap();
        assert_eq!(routes.detect(&[0.0; 1024]), Ok(&'a'));
        routes.register(b.clone(), 1024, 'b').unwrap();
        assert_eq!((routes.get(&a), routes.get(&b)), (Ok(&'a'), Ok(&'b')));
        let Err(Error::AmbiguousModel { models, .. }) = routes.detect(&[0.0; 1024]) else {
            panic!("two models make such vectors")
        };
        assert_eq!(models, ["BAAI/bge-m3 (1024)", "mine (1024)"]);
        // One that a model could make, and that it is not registered for.
        routes.register(EmbeddingModel::QWEN3_8B, 4096, 'q').unwrap();
        assert_eq!(routes.detect(&[0.0; 512]).unwrap_err().code(), "no_model");
        assert_eq!(routes.remove(&b), Some('b'));
        assert_eq!(routes.detect(&[0.0; 1024]), Ok(&'a'));
        assert_eq!(routes.get(&b).unwrap_err().code(), "unknown_model");
        assert_eq!(routes.iter().count(), 2);
    }

    #[test]
    fn what_cannot_be_registered_is_refused_and_changes_nothing() {
        let mut routes = Routes::default();
        routes.register(EmbeddingModel::OPENAI_ADA_002, 1536, 'a').unwrap();
        let long = EmbeddingModel::new("x".repeat(513));
        for (model, dimensions, code) in [
            (EmbeddingModel::OPENAI_ADA_002, 1536, "model_registered"),
            (EmbeddingModel::OPENAI_ADA_002, 512, "model_dimensions"),
            (EmbeddingModel::VOYAGE_3_5, 300, "model_dimensions"),
            (EmbeddingModel::new(""), 10, "invalid_name"),
            (long, 10, "invalid_name"),
            (EmbeddingModel::new("mine"), 0, "invalid_config"),
            (EmbeddingModel::new("mine"), 65_537, "invalid_config"),
        ] {
            assert_eq!(routes.register(model, dimensions, 'b').unwrap_err().code(), code);
        }
        assert_eq!(routes.iter().count(), 1);
        assert_eq!(routes.get(&EmbeddingModel::OPENAI_ADA_002), Ok(&'a'));
    }
}
