//! What a hold protects.

use crate::ledger::entry::{FileEntry, Hold};
use crate::ledger::state::{HoldState, State};
use chrono::NaiveDate;

/// Why something cannot be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// No name.
    #[error("a case needs a name")]
    NoCase,
    /// No reason.
    #[error("a hold needs a reason")]
    NoReason,
    /// The wrong way round.
    #[error("the first date, {from}, is after the last, {to}")]
    Dates {
        /// First date.
        from: NaiveDate,
        /// Last date.
        to: NaiveDate,
    },
}

/// Whether a hold can be placed.
///
/// # Errors
/// What is missing or cannot be meant.
pub fn check(hold: &Hold) -> Result<(), HoldError> {
    if hold.case.trim().is_empty() {
        return Err(HoldError::NoCase);
    }
    if hold.reason.trim().is_empty() {
        return Err(HoldError::NoReason);
    }
    if hold.from > hold.to {
        let (from, to) = (hold.from, hold.to);
        return Err(HoldError::Dates { from, to });
    }
    Ok(())
}

/// Whether a hold is in force on a date: it was not released, and its time has not come.
pub fn in_force(state: &HoldState, as_of: NaiveDate) -> bool {
    state.released.is_none() && state.hold.until.is_none_or(|until| as_of <= until)
}

/// Whether a hold protects a file. A category that says nothing protects: the file may hold what the
/// case is about.
pub fn protects(hold: &Hold, file: &FileEntry) -> bool {
    let inside = hold.from <= file.date && file.date <= hold.to;
    let known = file
        .category
        .as_deref()
        .filter(|it| super::policy::is_known(it));
    let category = hold.categories.is_empty()
        || known.is_none_or(|known| hold.categories.iter().any(|it| it == known));
    let source = hold.sources.is_empty() || hold.sources.contains(&file.source);
    inside && category && source
}

/// The cases that protect a file on a date, each once, in order.
pub fn cases(state: &State, file: &FileEntry, as_of: NaiveDate) -> Vec<String> {
    let mut cases: Vec<String> = state
        .holds
        .values()
        .filter(|held| in_force(held, as_of) && protects(&held.hold, file))
        .map(|held| held.hold.case.clone())
        .collect();
    cases.sort();
    cases.dedup();
    cases
}
