//! The word of each kind of error, which never changes.

use super::Error;

impl Error {
    /// A stable word for the kind of error, the same in JavaScript's `error.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::DimensionMismatch { .. } => "dimension_mismatch",
            Self::TooManyDimensions { .. } => "too_many_dimensions",
            Self::OutputMismatch { .. } => "output_mismatch",
            Self::NotFinite { .. } => "not_finite",
            Self::ZeroNorm => "zero_norm",
            Self::NormTooLarge { .. } => "norm_too_large",
            Self::CodeOutOfRange { .. } => "code_out_of_range",
            Self::Corrupt { .. } => "corrupt",
            Self::Unreadable { .. } => "unreadable",
            Self::ScopeExists { .. } => "scope_exists",
            Self::UnknownFormat { .. } => "unknown_format",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::InvalidConfig { .. } => "invalid_config",
            Self::ConflictingConfig { .. } => "conflicting_config",
            Self::InvalidRecall { .. } => "invalid_recall",
            Self::UnknownSlot { .. } => "unknown_slot",
            Self::ValueTooLarge { .. } => "value_too_large",
            Self::InvalidNumber { .. } => "invalid_number",
            Self::TooDeep { .. } => "too_deep",
            Self::InvalidFilter { .. } => "invalid_filter",
            Self::InvalidName { .. } => "invalid_name",
            Self::TooLarge { .. } => "too_large",
            Self::InvalidTime { .. } => "invalid_time",
            Self::InvalidQuery { .. } => "invalid_query",
            Self::InBatch { error, .. } => error.code(),
            Self::DuplicateId { .. } => "duplicate_id",
            Self::UnknownId { .. } => "unknown_id",
            Self::WriteConflict => "write_conflict",
            Self::ScopeMismatch { .. } => "scope_mismatch",
            Self::ScopeLimit { .. } => "scope_limit",
            Self::MemoryLimit { .. } => "memory_limit",
            Self::NotTuned { .. } => "not_tuned",
            Self::UnknownScopeKind { .. } => "unknown_scope_kind",
            Self::ModelDimensions { .. } => "model_dimensions",
            Self::CannotTruncate { .. } => "cannot_truncate",
            Self::ModelRegistered { .. } => "model_registered",
            Self::UnknownModel { .. } => "unknown_model",
            Self::NoModel { .. } => "no_model",
            Self::AmbiguousModel { .. } => "ambiguous_model",
            Self::UnknownMetric { .. } => "unknown_metric",
            Self::UnknownIsa { .. } => "unknown_isa",
            Self::IsaUnavailable { .. } => "isa_unavailable",
            Self::KernelMismatch { .. } => "kernel_mismatch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;
    use crate::simd::Isa;

    #[test]
    fn codes_are_unique_words() {
        let name = || "cosin".to_owned();
        let errors = [
            Error::DimensionMismatch { expected: 384, found: 768 },
            Error::TooManyDimensions { max: 65_536, found: 65_537 },
            Error::OutputMismatch { rows: 16, found: 8 },
            Error::NotFinite { position: 3 },
            Error::ZeroNorm,
            Error::NormTooLarge { max: 1e37, found: 1e38 },
            Error::CodeOutOfRange { position: 7, found: 200 },
            Error::Corrupt { section: "header", reason: "ends early" },
            Error::ScopeExists { scope: Scope::Global },
            Error::UnknownFormat { max: 1, found: 2 },
            Error::OutOfMemory { bytes: 1 << 40 },
            Error::TooManyEntries { max: 1 << 31 },
            Error::InvalidConfig { field: "ef_search", min: 1, max: 65_536, found: 0 },
            Error::ConflictingConfig { first: "quantization: none", second: "exact: none" },
            Error::InvalidRecall { found: 95.0 },
            Error::UnknownSlot { slot: 7 },
            Error::ValueTooLarge { position: 3, max: 65504.0 },
            Error::InvalidNumber { found: f64::NAN },
            Error::TooDeep { max: 32 },
            Error::InvalidFilter { at: "/a/$in".to_owned(), reason: "is empty".to_owned() },
            Error::InvalidName { what: "scope", max: 512, found: 0 },
            Error::TooLarge { what: "values of metadata", max: 1024, found: 10_000 },
            Error::InvalidTime { found: i64::MAX },
            Error::InvalidQuery { field: "ef", reason: "is 1 to 65536, found 0".to_owned() },
            Error::DuplicateId { scope: Scope::Global, id: name() },
            Error::UnknownId { scope: Scope::Global, id: name() },
            Error::ScopeMismatch { expected: Scope::Global, found: Scope::User(name()) },
            Error::ScopeLimit { scope: Scope::Global, what: "vectors", max: 10, needed: 11 },
            Error::MemoryLimit { max: 1 << 20, needed: 1 << 21 },
            Error::NotTuned { scope: Scope::Global, recall: 0.95, k: 10 },
            Error::UnknownScopeKind { kind: name() },
            Error::ModelDimensions { model: name(), sizes: "256 or 768".to_owned(), found: 300 },
            Error::CannotTruncate { model: name() },
            Error::ModelRegistered { model: name(), dimensions: 768 },
            Error::UnknownModel { model: name() },
            Error::NoModel { dimensions: 300, registered: vec![name()] },
            Error::AmbiguousModel { dimensions: 768, models: vec![name(), name()] },
            Error::UnknownMetric { name: name() },
            Error::UnknownIsa { name: name() },
            Error::IsaUnavailable { isa: Isa::Neon, best: Isa::Avx2 },
            Error::KernelMismatch { kernel: "Hamming", isa: Isa::Avx2, length: 5 },
        ];
        let codes: std::collections::BTreeSet<_> = errors.iter().map(Error::code).collect();
        assert_eq!(codes.len(), errors.len());
        for error in &errors {
            let word = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(error.code().chars().all(word), "{}", error.code());
            let message = error.to_string();
            assert!(!message.ends_with('.'), "{message}");
            assert!(message.chars().next().is_some_and(|first| !first.is_uppercase()), "{message}");
        }
    }

    #[test]
    fn lists_of_names_are_complete() {
        let message = Error::UnknownIsa { name: String::new() }.to_string();
        let names: Vec<_> = Isa::ALL.iter().map(|isa| isa.name()).collect();
        assert!(message.ends_with(&names.join(", ")), "{message}");
        let message = Error::UnknownMetric { name: String::new() }.to_string();
        let names: Vec<_> = crate::DistanceMetric::ALL.iter().map(|m| m.name()).collect();
        assert!(message.ends_with(&names.join(", ")), "{message}");
    }
}
