//! The ledger: numbered, signed entries that are the only state of a lake.
//!
//! Nothing in the bucket counts unless an entry names it. The entry's PUT with create-if-absent is
//! the commit, the lock and the fence at once ([`log`]); what the entries say together is a fold
//! over them ([`state`]), and a signed copy of that fold saves reading them all again ([`cache`]).
//! A writer ([`writer`]) that loses the race for a sequence asks one pure function what to do ([`rebase`]).

// What an entry is, what it is called and who signed it.
pub mod digest;
pub mod entry;
pub mod key;
pub mod names;
pub mod note;

// What entries say together, and which entry may follow.
pub mod invariants;
pub mod state;

// Reading and adding entries.
pub mod log;
pub mod rebase;
pub mod writer;

// What saves reading all of them, and what shows them in a warehouse.
pub mod cache;
pub mod columns;
mod leb128;
pub mod tables;

/// Program and version, as entries name it.
pub(crate) const WRITER: &str = concat!("trailhouse ", env!("CARGO_PKG_VERSION"));
