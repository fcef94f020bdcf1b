//! What a chunk is compared under: rules, the run, and what was covered and deleted before.

use super::redacted::Redacted;
use crate::event::RowContext;
use crate::event::redact::Redaction;
use crate::ledger::state::Gone;
use crate::source::{Axis, Mapping};
use crate::window::Coverage;
use std::collections::BTreeMap;

/// What the comparison needs besides the pieces.
pub(in crate::run) struct ComparisonContext<'a> {
    /// How the records become events.
    pub(in crate::run) mapping: &'a dyn Mapping,
    /// What the windows of the pieces are intervals of.
    pub(in crate::run) axis: Axis,
    /// Its redaction.
    pub(in crate::run) redaction: &'a Redaction,
    /// What a comparison leaves out because of it, and of what was in force before.
    pub(in crate::run) redacted: &'a Redacted,
    /// Constant columns.
    pub(in crate::run) row: RowContext,
    /// What was covered before, by tenant.
    pub(in crate::run) coverage: &'a BTreeMap<String, Coverage>,
    /// What was decided to go of this source on the dates of the pieces: no row of it is made again.
    pub(in crate::run) gone: &'a Gone,
}
