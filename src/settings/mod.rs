//! Settings: what a value of a document can be, how a document is compared with its JSON Schema, and
//! how everything that is wrong in it is said at once.
//!
//! One reading goes through three steps: names of keys (`names`), then kinds of values against the
//! schema (`shape`), then what the values mean together (`checks`). What one step finds wrong is
//! corrected or replaced for the next one, which ignores the replaced places.

pub(crate) mod checks;
mod duration;
pub(crate) mod inline;
pub(crate) mod names;
pub(crate) mod problem;
pub(crate) mod schema;
mod secret;
pub(crate) mod shape;
mod size;
pub(crate) mod store;
pub(crate) mod tables;

pub use duration::{DurationError, format_duration, parse_duration};
pub use problem::ConfigProblem;
pub use secret::{NamedSecret, Secret, SecretError, SecretRef};
pub use size::{SizeError, format_size, parse_size};
pub use store::{StoreLocation, StoreOption};
