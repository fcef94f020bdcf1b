//! Views of a lake for people: its status from the state alone, the verification of all of it, and
//! certificates of what went.

pub mod certificate;
pub mod doubled;
mod error;
pub mod retention;
pub mod status;
pub mod verify;
