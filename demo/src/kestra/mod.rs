//! Kestra Enterprise: its audit-log search in both dialects, over seeded records of a company
//! with incidents worth finding.
//!
//! A [`Platform`] is made from [`Options`], served with [`Platform::serve`], and steered while it
//! serves: records can be pushed, purged, changed, doubled and poisoned, faults queued, the clock
//! set. With [`Options::oracle`] it remembers every record it ever showed.

mod answer;
mod change;
mod error;
mod event;
mod generate;
mod options;
mod platform;
mod query;
mod record;
mod server;
mod store;
#[cfg(test)]
mod tests;

pub use change::Change;
pub use event::{NewEvent, Visible};
pub use generate::{Incident, Oddity};
pub use options::{DataTrouble, Dialect, Options};
pub use platform::{OptionsError, Platform};
