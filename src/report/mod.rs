//! Views of a lake for people: its status from the state alone, and the verification of all of it.

pub mod status;
pub mod verify;
