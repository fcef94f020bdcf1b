//! Expiration by the service itself.
//!
//! **Rule.** A table or view of ours stays until somebody removes it, whatever default its dataset has; its
//! partitions stay too, unless `partition_expiration` is configured. [`unwanted`] decides it: `init` lifts
//! what it names, also of what it has just made, `doctor` and `warehouse status` show it, and each run names
//! it in its summary and its receipt ([`expiring`]). The table of a rebuild states when it expires.
//!
//! Expiration of partitions: only where it is asked for, as a net below retention.
//! It knows no categories and no ledger, so it is lifted while it would drop anything that the ledger
//! keeps: because a hold does, or because nobody has confirmed that it goes. The service goes by its own
//! clock, so where nothing bears ours out it is not known what it would drop, and it is lifted, too.

use crate::clock::Now;
use crate::ledger::entry::ExpiringTable;
use crate::ledger::state::State;
use crate::warehouse::contract::{DatasetFound, LOADED, TableFound, TableKind, WarehouseError};
use crate::warehouse::projection::{Projection, ProjectionError, check_owner};
use crate::window::format_instant;
use chrono::{DateTime, Days, NaiveDate, Utc};
use futures::{StreamExt as _, TryStreamExt as _};

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
) -> Result<bool, ProjectionError> {
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

/// What of a table or view expires although nobody asked for it, each in words as a step of `init`.
pub(crate) fn unwanted(found: &TableFound, projection: &Projection) -> Vec<String> {
    let mut unwanted = Vec::new();
    if let Some(at) = expires_at(found) {
        let at = format_instant(at);
        unwanted.push(format!(
            "remove its expiration: the service would remove it at {at}"
        ));
    }
    // Where one is configured, loading brings it to what holds allow.
    if found.partition_expiration.is_some() && projection.settings.partition_expiration.is_none() {
        let partitions =
            "remove the expiration of its partitions: what the ledger keeps would be dropped";
        unwanted.push(partitions.to_owned());
    }
    unwanted
}

/// Whether a dataset has its new tables or their partitions expire.
pub(crate) fn has_default_expiration(dataset: &DatasetFound) -> bool {
    dataset.table_expiration.is_some() || dataset.partition_expiration.is_some()
}

/// Lifts what is [`unwanted`] of a table or view.
///
/// # Errors
/// The service.
pub(crate) async fn lift(projection: &Projection, name: &str) -> Result<(), WarehouseError> {
    let warehouse = &*projection.warehouse;
    let Some(mut found) = warehouse.table(name).await? else {
        return Ok(());
    };
    if found.partition_expiration.is_some() && projection.settings.partition_expiration.is_none() {
        warehouse.set_partition_expiration(&found, None).await?;
        // The change made another version of it.
        match warehouse.table(name).await? {
            Some(changed) => found = changed,
            None => return Ok(()),
        }
    }
    if found.expires_at.is_some() {
        warehouse.keep(&found).await?;
    }
    Ok(())
}

/// Views that are looked at at the same time.
const LOOKS: usize = 4;

/// A table or view, where the service will remove it by itself.
pub(crate) fn expiring(found: &TableFound) -> Option<ExpiringTable> {
    let table = found.name.clone();
    expires_at(found).map(|at| ExpiringTable { table, at })
}

/// The views of ours that the service will remove by itself.
///
/// # Errors
/// The service.
pub(crate) async fn expiring_views(
    projection: &Projection,
) -> Result<Vec<ExpiringTable>, WarehouseError> {
    let warehouse = &*projection.warehouse;
    futures::stream::iter(warehouse.views())
        .map(|view| async move { warehouse.table(&view.name).await })
        .buffered(LOOKS)
        .try_filter_map(|found| std::future::ready(Ok(found.as_ref().and_then(expiring))))
        .try_collect()
        .await
}

fn expires_at(found: &TableFound) -> Option<DateTime<Utc>> {
    let at = found.expires_at?;
    Some(DateTime::from_timestamp_millis(at).unwrap_or(DateTime::<Utc>::MAX_UTC))
}
