//! What a hold protects.

use crate::ledger::entry::{FileEntry, Hold};
use crate::ledger::state::{GoneSpan, HoldState, State};
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

/// What a hold comes too late for: dates of what it is about that were decided to go before. Cut to the
/// dates of the hold.
pub fn too_late<'s>(hold: &Hold, state: &'s State) -> Vec<GoneSpan<'s>> {
    let spans = state.retention.gone.spans().filter(|gone| {
        let known = gone.category.filter(|it| super::policy::is_known(it));
        let category = hold.categories.is_empty()
            || known.is_none_or(|known| hold.categories.iter().any(|it| it == known));
        let source = hold.sources.is_empty() || hold.sources.iter().any(|it| it == gone.source);
        category && source && gone.first <= hold.to && hold.from <= gone.last
    });
    spans
        .map(|gone| GoneSpan {
            first: gone.first.max(hold.from),
            last: gone.last.min(hold.to),
            ..gone
        })
        .collect()
}

/// What holds keep a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protection {
    /// Their cases, each once, in order.
    pub cases: Vec<String>,
    /// Whether all of them name categories, and the file has none that says anything.
    pub in_doubt: bool,
}

/// The holds that protect a file on a date.
pub fn protection(state: &State, file: &FileEntry, as_of: NaiveDate) -> Protection {
    let mut protection = Protection::default();
    let mut sure = false;
    let known = file
        .category
        .as_deref()
        .is_some_and(super::policy::is_known);
    for held in state.holds.values() {
        if in_force(held, as_of) && protects(&held.hold, file) {
            sure |= known || held.hold.categories.is_empty();
            protection.cases.push(held.hold.case.clone());
        }
    }
    protection.cases.sort();
    protection.cases.dedup();
    protection.in_doubt = !protection.cases.is_empty() && !sure;
    protection
}
