//! How a hold stands, and what it protects.

use super::amount::Amount;
use crate::clock::Now;
use crate::ledger::entry::{FileEntry, Hold};
use crate::ledger::state::{GoneSpan, HoldState, State};
use crate::window::midnight;
use chrono::NaiveDate;
use serde::Serialize;

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
    /// It would never be in force.
    #[error("the hold would end on {until}, which is in the past: today is {today}")]
    Ended {
        /// Its last date.
        until: NaiveDate,
        /// A date that has come.
        today: NaiveDate,
    },
}

/// Whether a hold can be placed on a date that has certainly come.
///
/// # Errors
/// What is missing or cannot be meant, or that it would never be in force.
pub fn check(hold: &Hold, today: NaiveDate) -> Result<(), HoldError> {
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
    let placed = HoldState::placed(hold, midnight(today));
    match hold.until.filter(|_| !in_force(&placed, today)) {
        Some(until) => Err(HoldError::Ended { until, today }),
        None => Ok(()),
    }
}

/// The two dates by which rules and holds are applied.
///
/// They differ where nothing bears the clock out: what is due is planned by the clock, for a person to look
/// at, and a hold ends only by a date that has certainly come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// What was kept through a date before this one is due.
    pub due: NaiveDate,
    /// A hold whose last date is before this one has ended. Never after `due`.
    pub holds: NaiveDate,
}

impl AsOf {
    /// A date that has come, or is supposed to have.
    pub const fn date(date: NaiveDate) -> Self {
        Self {
            due: date,
            holds: date,
        }
    }

    /// The dates of now.
    pub fn now(now: &Now) -> Self {
        Self {
            due: now.at().date_naive(),
            holds: now.proven_date(),
        }
    }
}

/// How a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldStanding {
    /// It is in force.
    InForce,
    /// It is in force although its time has ended by the clock, since nothing bears the clock out.
    EndUnproven,
    /// Its time has ended.
    Ended,
    /// It was released.
    Released,
}

/// How a hold stands. This decides what a hold protects, and everything that shows holds asks it too.
pub fn standing(held: &HoldState, as_of: AsOf) -> HoldStanding {
    let ended = |date| held.hold.until.is_some_and(|until| until < date);
    if held.released.is_some() {
        HoldStanding::Released
    } else if ended(as_of.holds) {
        HoldStanding::Ended
    } else if ended(as_of.due) {
        HoldStanding::EndUnproven
    } else {
        HoldStanding::InForce
    }
}

/// Whether a hold is in force: nobody has released it, and its last date is not before one that has
/// certainly come.
pub fn in_force(held: &HoldState, has_come: NaiveDate) -> bool {
    match standing(held, AsOf::date(has_come)) {
        HoldStanding::InForce | HoldStanding::EndUnproven => true,
        HoldStanding::Ended | HoldStanding::Released => false,
    }
}

/// What a hold protects of what is in the lake: nothing where it is not in force.
pub fn protected(state: &State, held: &HoldState, has_come: NaiveDate) -> Amount {
    let mut amount = Amount::default();
    if in_force(held, has_come) {
        let files = state.live_files().map(|live| &live.file);
        for file in files.filter(|file| protects(&held.hold, file)) {
            amount.add(&[file]);
        }
    }
    amount
}

/// Whether a hold is about what has a category and a source. A category that says nothing is what every
/// hold is about: it may be what the case needs.
pub(super) fn is_about(hold: &Hold, category: Option<&str>, source: &str) -> bool {
    let known = category.filter(|it| super::policy::is_known(it));
    let category = hold.categories.is_empty()
        || known.is_none_or(|known| hold.categories.iter().any(|it| it == known));
    category && (hold.sources.is_empty() || hold.sources.iter().any(|it| it == source))
}

/// Whether a hold, while it is in force, protects a file.
pub fn protects(hold: &Hold, file: &FileEntry) -> bool {
    let inside = hold.from <= file.date && file.date <= hold.to;
    inside && is_about(hold, file.category.as_deref(), &file.source)
}

/// What a hold comes too late for: dates of what it is about that were decided to go before. Cut to the
/// dates of the hold.
pub fn too_late<'s>(hold: &Hold, state: &'s State) -> Vec<GoneSpan<'s>> {
    let spans = state.retention.gone.spans().filter(|gone| {
        let meets = gone.first <= hold.to && hold.from <= gone.last;
        meets && is_about(hold, gone.category, gone.source)
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

/// The holds that protect a file, once a date has certainly come.
pub fn protection(state: &State, file: &FileEntry, has_come: NaiveDate) -> Protection {
    let mut protection = Protection::default();
    let mut sure = false;
    let known = file
        .category
        .as_deref()
        .is_some_and(super::policy::is_known);
    for held in state.holds.values() {
        if in_force(held, has_come) && protects(&held.hold, file) {
            sure |= known || held.hold.categories.is_empty();
            protection.cases.push(held.hold.case.clone());
        }
    }
    protection.cases.sort();
    protection.cases.dedup();
    protection.in_doubt = !protection.cases.is_empty() && !sure;
    protection
}
