//! Expiration of partitions by the service itself: only where it is asked for, as a net below retention.
//! It knows no categories and no ledger, so it is lifted while it would drop anything that the ledger
//! keeps: because a hold does, or because nobody has confirmed that it goes. The service goes by its own
//! clock, so where nothing bears ours out it is not known what it would drop, and it is lifted, too.

use super::Projection;
use super::failure::FillError;
use super::fill::{LOADED, check_owner};
use super::shape::TableKind;
use crate::clock::Now;
use crate::ledger::state::State;
use chrono::{Days, NaiveDate};

const MILLISECONDS_A_DAY: u64 = 86_400_000;

/// How long before anything would be dropped the expiration is lifted: a day is missed at times.
const NOTICE: Days = Days::new(3);

/// Brings the expiration of partitions to what is configured, or lifts it while it would drop anything
/// that is part of the lake, or while nothing bears the clock out. Does nothing where none is configured. Returns whether anything was changed.
///
/// # Errors
/// The service, or tables of another lake.
pub async fn settle_expiration(
    projection: &Projection,
    state: &State,
    now: &Now,
) -> Result<bool, FillError> {
    let Some(days) = projection.settings.partition_expiration else {
        return Ok(false);
    };
    let today = now.at().date_naive();
    let soon = today.checked_add_days(NOTICE).unwrap_or(NaiveDate::MAX);
    let expires = |date: NaiveDate| {
        let on = date.checked_add_days(Days::new(u64::from(days)));
        on.is_some_and(|on| on <= soon)
    };
    // Dates are in order.
    let needed = state.files.keys().next().is_some_and(|date| expires(*date));
    let may_expire = now.is_borne_out() && !needed;
    let wanted = may_expire.then_some(u64::from(days) * MILLISECONDS_A_DAY);
    let warehouse = &*projection.warehouse;
    let mut changed = false;
    for table in LOADED {
        let Some(found) = warehouse.table(TableKind::of(table).table()).await? else {
            continue;
        };
        check_owner(&found, warehouse.target(), &state.lake_id)?;
        if found.partition_expiration != wanted {
            warehouse.set_partition_expiration(&found, wanted).await?;
            changed = true;
        }
    }
    Ok(changed)
}
