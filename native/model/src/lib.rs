//! The text model that the command `vicino` embeds with, as bytes: token embeddings in the layout
//! of model2vec, distilled from all-MiniLM-L6-v2.

/// What it is called.
pub const NAME: &str = "static-minilm-256";

/// The embeddings of its tokens, in the format of safetensors.
pub const WEIGHTS: &[u8] = include_bytes!("../assets/model.safetensors");

/// How text becomes tokens.
pub const TOKENIZER: &[u8] = include_bytes!("../assets/tokenizer.json");

/// How they are put together.
pub const CONFIG: &[u8] = include_bytes!("../assets/config.json");
