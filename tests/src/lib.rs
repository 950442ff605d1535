//! What the tests share, and the examples of the project's own pages, which run as tests.

mod random;

pub use random::Random;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
