//! Azure Resource Manager's Activity Log and the pipeline runs of a data factory, with the sign-in of Microsoft
//! Entra before them, and the blobs that a diagnostic setting exports.
//!
//! An [`Azure`] is made from [`Options`], served with [`Azure::serve`], and steered while it serves: events and
//! runs can be pushed and removed, faults queued, the clock set. An event is there from the moment at which it
//! was submitted until 90 days after its act; a run is there as it was changed last, and for 45 days. It is as
//! strict as the service where a reader could be careless: it knows filters of five forms and no others, a
//! question that begins too early is refused, the address that continues a chain must be followed as it is, and
//! a token of a question belongs to that question.

mod chain;
mod event;
mod export;
mod filter;
mod generate;
mod platform;
mod run;
mod server;
mod sign_in;
#[cfg(test)]
mod tests;

pub use chain::Trouble;
pub use event::{ActStatus, Caller, NewActivity};
pub use platform::{Azure, Options};
pub use run::NewRun;
