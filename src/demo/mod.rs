//! The demo platform: an HTTP server that speaks like Kestra Enterprise and holds seeded,
//! realistic audit records. It is what `trailhouse demo` reads, and the double of the real
//! platform in tests, with switches for every kind of trouble that platforms give.
//!
//! A [`Platform`] is made from [`Options`], served with [`Platform::serve`], and steered while it
//! serves: records can be pushed, purged, changed, doubled and poisoned, faults queued, the clock
//! set. With [`Options::oracle`] it remembers every record it ever showed.
//!
//! Everything that looks like chance follows from the seed, and faults by chance also from what
//! was asked how often before, so that a test fails the same way twice whatever the order in which
//! concurrent requests arrive.

mod answer;
mod change;
mod dice;
mod event;
mod faults;
mod gate;
mod generate;
mod instant;
mod options;
mod oracle;
mod platform;
mod query;
mod record;
mod respond;
mod server;
mod store;
#[cfg(test)]
mod tests;

pub use change::Change;
pub use event::{NewEvent, Visible};
pub use faults::{Fault, Faults, RetryAfter};
pub use generate::{Incident, Oddity};
pub use options::{Access, DataTrouble, Dialect, Options};
pub use oracle::{Counts, Seen, Shown};
pub use platform::{OptionsError, Platform};
pub use server::{ServeError, Serving, serve_forever};
