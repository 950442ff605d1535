//! What the tests share, and the examples of the project's own pages, which run as tests.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
