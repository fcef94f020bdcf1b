//! The ledger: numbered, signed entries that are the only state of a lake.
//!
//! Nothing in the bucket counts unless an entry names it. The entry's PUT with create-if-absent is
//! the commit, the lock and the fence at once ([`log`]); what the entries say together is a fold
//! over them ([`state`]), and a signed copy of that fold saves reading them all again ([`cache`]).
//! A writer ([`writer`]) that loses the race for a sequence asks one pure function what to do ([`rebase`]).

pub mod cache;
pub mod columns;
pub mod digest;
pub mod entry;
pub mod invariants;
pub mod key;
mod leb128;
pub mod log;
pub mod names;
pub mod note;
pub mod rebase;
pub mod state;
pub mod tables;
pub mod writer;

/// Program and version, as entries name it.
pub(crate) const WRITER: &str = concat!("trailhouse ", env!("CARGO_PKG_VERSION"));
