//! The files a user writes: YAML → typed values with places, and everything that is wrong with them.
//!
//! [`yaml`] makes a tree that knows its places, [`Fields`] reads typed values out of it and notes every
//! problem, [`render`] shows them. `simulation.yaml` and `stack.yaml` are read by the same means.

mod access;
mod content;
mod core_schema;
mod declared;
mod decode;
pub mod encoding;
pub mod environment;
mod fields;
pub mod format;
pub mod graphql;
mod indent;
mod json;
mod json_text;
mod load;
mod names;
pub mod nesting;
mod problem;
mod render;
pub mod schema;
mod secrets;
mod source;
mod span;
pub mod stack;
mod variables;
pub mod yaml;

pub use access::{FILE_LIMIT, FileAccess, ReadFile};
pub use content::{FileContent, HELD_LIMIT, LargeFile};
pub use declared::scenario::SCENARIO_FILE;
pub use declared::stack::STACK_FILE;
pub use decode::{Decode, entries, list, one_or_many, text, whole_within, word};
pub use fields::Fields;
pub use json::{json_of_node, json_of_scalar};
pub use json_text::read_json;
pub use load::{Loaded, load, load_from, load_stack, scenario_file};
pub use names::EntityName;
pub use problem::{Problem, ProblemKind, Problems};
pub use render::{Colour, ToldProblem, render, render_ending, told};
pub use schema::Scenario;
pub use secrets::redact;
pub use source::{SourceFile, SourceFiles};
pub use span::{SourceId, Span, Spanned};
pub use stack::Stack;
pub use yaml::{KeyNode, Node, NodeValue, Scalar};
