//! What a hold means for a lake.

use super::amount::Amount;
use crate::ledger::state::{GoneSpan, HoldState, State};
use crate::policy::Hold;
use chrono::NaiveDate;

/// What a hold protects of what is in the lake: nothing where it is not in force.
pub fn protected(state: &State, held: &HoldState, has_come: NaiveDate) -> Amount {
    let mut amount = Amount::default();
    if held.is_in_force(has_come) {
        let files = state.live_files().map(|live| &live.file);
        for file in files.filter(|file| held.hold.protects(&file.subject())) {
            amount.add(&[file]);
        }
    }
    amount
}

/// What a hold comes too late for: dates of what it is about that were decided to go before. Cut to the
/// dates of the hold.
pub fn too_late<'s>(hold: &Hold, state: &'s State) -> Vec<GoneSpan<'s>> {
    let spans = state.retention.gone.spans().filter(|gone| {
        let meets = gone.first <= hold.to && hold.from <= gone.last;
        meets && hold.is_about(gone.category, gone.source)
    });
    spans
        .map(|gone| GoneSpan {
            first: gone.first.max(hold.from),
            last: gone.last.min(hold.to),
            ..gone
        })
        .collect()
}
