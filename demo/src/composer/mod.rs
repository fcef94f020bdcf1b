//! Cloud Logging's `entries:list`, over audit entries of Cloud Composer.
//!
//! A [`CloudLogging`] is made from [`Options`], served with [`CloudLogging::serve`], and steered while
//! it serves: entries can be pushed, faults queued, the clock set. An entry is there from the moment at
//! which it was received, whenever its act was. It is as strict as the service where a reader could be
//! careless: a page token belongs to one request, pages come in order of `timestamp`, and a filter that
//! it does not know is refused.

mod entry;
mod filter;
mod generate;
mod platform;
mod server;
#[cfg(test)]
mod tests;

pub use entry::{Log, LongOperation, NewEntry};
pub use platform::{CloudLogging, Options, Trouble};
