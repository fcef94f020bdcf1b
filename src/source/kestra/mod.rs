//! Kestra Enterprise Edition: the audit-log search of its REST API, EE 0.2x to 2.x.

mod mapping;
pub mod normalise;
pub mod origins;
pub mod page;
