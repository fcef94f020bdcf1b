//! INV-10 to INV-12 and INV-20: recounts, what warehouses have, decisions that are done, and evidence of origin.

use super::{Violation, remap, retention};
use crate::ledger::entry::{
    Done, DoneOutcome, ObjectsCompared, RebuildBody, Receipt, Recount, RecountVerdict, Span,
    VerdictBy, WarehouseOutcome,
};
use crate::ledger::state::State;

/// INV-10, INV-11 and INV-20 for a `receipt` entry at a sequence.
///
/// # Errors
/// The first recount whose verdict is another one than its counts give; the first warehouse with
/// entries that it cannot hold; the first evidence of origin that contradicts itself.
pub fn receipt_fits(sequence: u64, receipt: &Receipt) -> Result<(), Violation> {
    for outcome in &receipt.warehouses {
        if !names_earlier_entries(sequence, outcome) {
            let warehouse = outcome.warehouse.clone();
            return Err(Violation::Loaded { warehouse });
        }
    }
    for (at, check) in receipt.origins.iter().enumerate() {
        let mut before = receipt.origins[..at].iter();
        let twice = before.any(|it| (&it.source, &it.tenant) == (&check.source, &check.tenant));
        if twice || !check.is_sound() {
            return Err(Violation::Origin {
                source_id: check.source.clone(),
                tenant: check.tenant.clone(),
            });
        }
    }
    for recount in &receipt.recounts {
        let expected = recount.expected.unwrap_or(recount.lake_count);
        let fits = match recount.verdict {
            _ if recount.by == VerdictBy::Listing => listing_fits(recount),
            // A hole keeps some of what the lake accounts for from being counted.
            RecountVerdict::Matched => {
                recount.source_count == expected && expected <= recount.lake_count
            }
            RecountVerdict::Gap => recount.source_count > expected,
            RecountVerdict::Fewer | RecountVerdict::Purged => {
                recount.source_count <= expected && recount.source_count < recount.lake_count
            }
        };
        if !fits {
            return Err(Violation::Verdict {
                source_id: recount.source.clone(),
                tenant: recount.tenant.clone(),
                date: recount.date,
                verdict: recount.verdict,
                source_count: recount.source_count,
                expected,
                lake_count: recount.lake_count,
            });
        }
    }
    Ok(())
}

/// INV-10 for a recount that compares listings: it has the sets, and its verdict is what they say.
fn listing_fits(recount: &Recount) -> bool {
    let Some(ObjectsCompared { source, lake }) = &recount.objects else {
        return false;
    };
    let counts = (recount.source_count, recount.lake_count);
    counts == (source.count, lake.count)
        && match recount.verdict {
            RecountVerdict::Matched => source == lake,
            RecountVerdict::Gap => source != lake && source.count >= lake.count,
            RecountVerdict::Fewer | RecountVerdict::Purged => source.count < lake.count,
        }
}

fn names_earlier_entries(sequence: u64, outcome: &WarehouseOutcome) -> bool {
    outcome.tables.iter().all(|table| {
        let in_order = table.loaded.windows(2).all(|two| two[0].to < two[1].from);
        let earlier = |span: &Span| span.from <= span.to && span.to < sequence;
        in_order
            && table.loaded.iter().all(earlier)
            && table.failed.iter().all(|failed| failed.sequence < sequence)
    })
}

/// INV-12 for a `rebuild` entry.
///
/// # Errors
/// No dates, or dates out of order.
pub fn rebuild_fits(rebuild: &RebuildBody) -> Result<(), Violation> {
    let in_order = rebuild.dates.windows(2).all(|two| two[0] < two[1]);
    if in_order && !rebuild.dates.is_empty() {
        return Ok(());
    }
    Err(Violation::RebuildDates {
        warehouse: rebuild.warehouse.clone(),
    })
}

/// INV-12 for a `done` entry.
///
/// # Errors
/// It names something that is no decision, or is done already.
pub fn done_fits(state: &State, done: &Done) -> Result<(), Violation> {
    let decision = done.decision;
    let fits = match &done.outcome {
        DoneOutcome::Rebuilt { .. } | DoneOutcome::Void => state.rebuilds.contains_key(&decision),
        DoneOutcome::Swept { .. } => state.sweeps.contains_key(&decision),
        DoneOutcome::Retained(retained) => retention::retained_fits(state, decision, retained),
        DoneOutcome::Remapped(remapped) => remap::remapped_fits(state, done, remapped),
    };
    if fits {
        return Ok(());
    }
    Err(Violation::NotOpen { decision })
}
