//! Everything that can go wrong in core, in one enum.
//!
//! A variant carries both sides of a disagreement as fields, so that a program can act on it and
//! a person can see the cause; `code()` is the same word in Rust and JavaScript. The test
//! `codes_are_unique_words` holds the form of the codes.

mod code;

use serde::Serialize;

use crate::scope::Scope;
use crate::simd::Isa;

/// An error of core. Whatever was asked for has not happened, and everything is as it was.
///
/// As serde sees it an error is its fields, in camel case as JavaScript has them; of one of several
/// that is the position alone.
///
#[doc = include_str!("../../docs/errors.md")]
///
/// ```
/// use vicino_core::{DistanceMetric, Error};
///
/// let error = DistanceMetric::Euclidean.distance(&[1.0, 2.0], &[1.0]).unwrap_err();
/// assert_eq!(error, Error::DimensionMismatch { expected: 2, found: 1 });
/// assert_eq!(error.code(), "dimension_mismatch");
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Error {
    /// Two vectors that belong together have different lengths.
    #[error("expected a vector of {expected} dimensions, found {found}")]
    DimensionMismatch {
        /// The length that the first vector, or the collection, sets.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// A vector is longer than sums of 7-bit codes can be exact for.
    #[error("a vector has {found} dimensions, the most is {max}")]
    TooManyDimensions {
        /// The largest number of dimensions.
        max: usize,
        /// The number that was given.
        found: usize,
    },
    /// A batch does not have one place for each of its results.
    #[error("{rows} rows need room for as many results, found room for {found}")]
    OutputMismatch {
        /// The number of rows in the batch.
        rows: usize,
        /// The length of the slice for the results.
        found: usize,
    },
    /// A vector holds a NaN or an infinity.
    #[error("the value at position {position} is not a finite number")]
    NotFinite {
        /// Where in the vector, counted from 0.
        position: usize,
    },
    /// A vector without a direction was given where only directions are compared.
    #[error("a vector of length zero has no cosine; leave it out or use another metric")]
    ZeroNorm,
    /// A vector is so long that its distances would overflow.
    #[error("the vector's squared norm is {found:e}, the most is {max:e}; scale all vectors down")]
    NormTooLarge {
        /// The largest squared norm.
        max: f64,
        /// The squared norm of the vector that was given.
        found: f64,
    },
    /// A byte is not a 7-bit code.
    #[error("the code at position {position} is {found}, the most is 127")]
    CodeOutOfRange {
        /// Where in the slice, counted from 0.
        position: usize,
        /// The byte that was given.
        found: u8,
    },
    /// Bytes are not what a snapshot has there.
    #[error("a snapshot is damaged: its {section} {reason}; use another copy of it")]
    Corrupt {
        /// Which part of it.
        section: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// A scope is to be opened and its file cannot be read.
    #[error("the scope cannot be read: {reason}; try again, or open another copy of its file")]
    Unreadable {
        /// What was in the way.
        reason: String,
    },
    /// A scope of a snapshot is to be opened where there is one of that name.
    #[error("the collection has the scope {scope} already; delete it first")]
    ScopeExists {
        /// The scope.
        scope: Scope,
    },
    /// A snapshot was written by a later version, in a format that this one does not know.
    #[error("the snapshot has format {found}, this version reads up to {max}; use a newer one")]
    UnknownFormat {
        /// The latest format that is known.
        max: u16,
        /// The format of the snapshot.
        found: u16,
    },
    /// Memory that is needed cannot be had.
    #[error("{bytes} bytes of memory cannot be had")]
    OutOfMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// More entries than slots can number.
    #[error("at most {max} entries fit")]
    TooManyEntries {
        /// The most entries.
        max: usize,
    },
    /// A setting is outside its limits.
    #[error("{field} must be {min} to {max}, found {found}")]
    InvalidConfig {
        /// The setting.
        field: &'static str,
        /// The least it may be.
        min: usize,
        /// The most it may be.
        max: usize,
        /// What was given.
        found: usize,
    },
    /// Two settings that do not go together.
    #[error("{first} does not go together with {second}; change one of them")]
    ConflictingConfig {
        /// One setting and its value.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A recall that no search can have.
    #[error("a recall is above 0 and at most 1, found {found}")]
    InvalidRecall {
        /// What was given.
        found: f64,
    },
    /// A slot that holds no entry was to be deleted.
    #[error("slot {slot} holds no entry, or is named twice")]
    UnknownSlot {
        /// The slot.
        slot: u32,
    },
    /// A value does not fit the 16 bits that are kept of it.
    #[error("the value at position {position} is larger than {max}; keep exact vectors as f32")]
    ValueTooLarge {
        /// Where in the vector, counted from 0.
        position: usize,
        /// The largest size of a value.
        max: f32,
    },
    /// A number that metadata cannot hold.
    #[error("metadata holds no {found}; leave the key out")]
    InvalidNumber {
        /// What was given: a NaN or an infinity.
        found: f64,
    },
    /// Arrays and objects are in one another too often.
    #[error("values may be nested {max} deep; make the value flatter")]
    TooDeep {
        /// The deepest they may be.
        max: usize,
    },
    /// A filter that cannot be answered, or cannot be read.
    #[error("the filter at {at:?}: {reason}")]
    InvalidFilter {
        /// Where in the filter, as a JSON pointer.
        at: String,
        /// What is wrong there.
        reason: String,
    },
    /// A name is empty or too long.
    #[error("the {what}'s name may have 1 to {max} bytes, found {found}")]
    InvalidName {
        /// What has the name.
        what: &'static str,
        /// The most bytes.
        max: usize,
        /// The bytes that were given.
        found: usize,
    },
    /// A part of an entry is larger than it may be.
    #[error("an entry has at most {max} {what}, found {found}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        max: usize,
        /// What was given.
        found: usize,
    },
    /// A time that not every language can count to.
    #[error("times are milliseconds within 2^53 of 1970, and spans not negative, found {found}")]
    InvalidTime {
        /// What was given.
        found: i64,
    },
    /// A part of a query is outside its limits.
    #[error("{field} of a query {reason}")]
    InvalidQuery {
        /// The part.
        field: &'static str,
        /// What it may be, and what it is.
        reason: String,
    },
    /// One of several cannot be taken, or answered, and so none is.
    #[error("number {position} (from 0): {error}")]
    InBatch {
        /// Which of them, counted from 0.
        position: usize,
        /// What is wrong with it.
        #[serde(skip)]
        error: Box<Self>,
    },
    /// An id is taken.
    #[error("there is an entry {id:?} in {scope} already; upsert replaces it")]
    DuplicateId {
        /// The scope.
        scope: Scope,
        /// The beginning of the id.
        id: String,
    },
    /// No entry has the id.
    #[error("there is no entry {id:?} in {scope}")]
    UnknownId {
        /// The scope.
        scope: Scope,
        /// The beginning of the id.
        id: String,
    },
    /// A batch was given two writes of one entry.
    #[error(
        "two writes of one batch are of the same entry or scope; make the batch before the second"
    )]
    WriteConflict,
    /// A handle of one scope was given something of another.
    #[error("this handle belongs to {expected}, the entry to {found}")]
    ScopeMismatch {
        /// The scope of the handle.
        expected: Scope,
        /// The scope that was named.
        found: Scope,
    },
    /// A scope would outgrow its limits.
    #[error("{scope} may hold {max} {what}, this would make it {needed}; delete some first")]
    ScopeLimit {
        /// The scope.
        scope: Scope,
        /// What is limited.
        what: &'static str,
        /// The most it may hold.
        max: usize,
        /// What it would hold.
        needed: usize,
    },
    /// A collection would outgrow its memory limit.
    #[error("the memory limit is {max} bytes, this would take {needed}; raise it or delete some")]
    MemoryLimit {
        /// The limit in bytes.
        max: usize,
        /// The bytes that the collection would take.
        needed: usize,
    },
    /// A search aims at a recall that its scope was not tuned for.
    #[error("{scope} is not tuned for recall {recall} at k = {k}; tune it, or name an ef")]
    NotTuned {
        /// The scope.
        scope: Scope,
        /// The recall.
        recall: f64,
        /// The results that were asked for.
        k: usize,
    },
    /// No kind of scope has this name.
    #[error(
        "no scope begins with {kind:?}; \
         use one of global, tenant, user, session, agent, tool, workflow, hook, custom"
    )]
    UnknownScopeKind {
        /// The beginning of what was before the colon.
        kind: String,
    },
    /// A model makes no vectors of this length.
    #[error("model {model:?} makes vectors of {sizes} dimensions, not of {found}")]
    ModelDimensions {
        /// The model.
        model: String,
        /// The lengths that it makes, in words.
        sizes: String,
        /// What was given.
        found: usize,
    },
    /// What is left of a model's vector that is cut means nothing.
    #[error("vectors of model {model:?} cannot be cut; ask the model for shorter ones")]
    CannotTruncate {
        /// The model.
        model: String,
    },
    /// A model is registered already.
    #[error("model {model:?} is registered with {dimensions} dimensions; remove it first")]
    ModelRegistered {
        /// The model.
        model: String,
        /// The length that it is registered with.
        dimensions: usize,
    },
    /// A model is not registered.
    #[error("model {model:?} is not registered")]
    UnknownModel {
        /// The model.
        model: String,
    },
    /// No model that is registered makes vectors of this length.
    #[error("no model is registered with {dimensions} dimensions, only {}", registered.join(", "))]
    NoModel {
        /// The length of the vector.
        dimensions: usize,
        /// Models that are registered, and their dimensions.
        registered: Vec<String>,
    },
    /// Several models that are registered make vectors of this length.
    #[error("{dimensions} dimensions fit {}; name the model", models.join(", "))]
    AmbiguousModel {
        /// The length of the vector.
        dimensions: usize,
        /// The models, and their dimensions.
        models: Vec<String>,
    },
    /// No metric has this name.
    #[error("no metric is called {name:?}; use one of cosine, euclidean, inner_product, manhattan")]
    UnknownMetric {
        /// The name that was given.
        name: String,
    },
    /// No instruction set has this name.
    #[error(
        "no instruction set is called {name:?}; \
         use one of scalar, avx2, avx512, neon, neon_dotprod, simd128"
    )]
    UnknownIsa {
        /// The name that was given.
        name: String,
    },
    /// This machine, or this build, does not have the instruction set.
    #[error("{isa} is not available here; the best that is: {best}")]
    IsaUnavailable {
        /// The instruction set that was asked for.
        isa: Isa,
        /// The best one that is available.
        best: Isa,
    },
    /// A kernel gave other bits than its scalar twin: the processor or the compiler is at fault.
    #[error(
        "kernel {kernel:?} on {isa} differs from scalar at length {length}; \
         use another instruction set"
    )]
    KernelMismatch {
        /// The kernel and what it ran over.
        kernel: &'static str,
        /// The instruction set it ran on.
        isa: Isa,
        /// The number of elements in each row.
        length: usize,
    },
}

impl Error {
    /// The error as that of one of several.
    pub(crate) fn at(self, position: usize) -> Self {
        Self::InBatch { position, error: Box::new(self) }
    }
}

/// As many characters of a text as a message has room for: what a user passes may be of any length.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
