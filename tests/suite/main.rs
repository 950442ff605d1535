//! The suite: behaviour through the public API, one file a subject.
