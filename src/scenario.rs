//! The files a user writes: YAML → typed values with places, and everything that is wrong with them.
//!
//! [`yaml`] makes a tree that knows its places, [`Fields`] reads typed values out of it and notes every
//! problem, [`render`] shows them. `simulation.yaml` and `stack.yaml` are read by the same means.

pub mod environment;
mod fields;
mod problem;
mod render;
mod source;
mod span;
pub mod yaml;

pub use fields::{Decode, Fields, entries, list, number_within, one_or_many, text, word};
pub use problem::{Problem, ProblemKind, Problems};
pub use render::{Colour, render};
pub use source::{Source, Sources};
pub use span::{SourceId, Span, Spanned};
pub use yaml::{Key, Node, NodeValue, Scalar};
