//! Following what a platform proves of its objects, and holding it against what the lake was made from.
//!
//! The source says which objects are, in its bucket and now, what the platform signed. The lake says which bytes it
//! was made from. Where both are the same, an object is proven from the platform to the row.

use super::committing::Committer;
use super::error::RunError;
use super::feed::{one_tenant, tenant_of};
use super::job::{JobSource, RunObserver};
use super::summary::SourceSummary;
use crate::lake::FileReader;
use crate::lake::layout::Table;
use crate::origin::{OriginCheck, OriginFault, OriginFinding};
use crate::source::objects::{OriginRequest, OriginStep};
use crate::window::{Window, format_instant};
use arrow::array::{Array as _, AsArray as _};
use chrono::{NaiveDate, TimeDelta};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{BTreeMap, HashMap};
use tokio::sync::watch;

/// A chain that lags behind what was read by more than this proves nothing of what was delivered since.
const LAG: TimeDelta = TimeDelta::hours(6);

/// Dates of which objects are held at once: a list names objects of two at most.
const DATES: usize = 3;

/// Following what the platform of one source proves, once its objects were read.
pub(super) struct OriginsWork<'a, 'c> {
    pub(super) source: &'a JobSource,
    pub(super) committer: &'a Committer<'c>,
    pub(super) stop: &'a watch::Receiver<bool>,
    pub(super) observer: &'a dyn RunObserver,
}

impl OriginsWork<'_, '_> {
    /// Follows each feed that was read, and notes in the summary what came of it.
    pub(super) async fn follow_all<'t>(
        &self,
        tenants: impl Iterator<Item = &'t str>,
        summary: &mut SourceSummary,
    ) -> Result<(), RunError> {
        for tenant in tenants {
            if summary.has_failed(tenant) {
                continue;
            }
            let id = &self.source.id;
            self.observer
                .doing(&format!("checking the origin of {id} {tenant}"));
            let followed = follow(self.source, self.committer, tenant, self.stop).await?;
            summary.warnings.extend(followed.warnings);
            if !followed.check.is_nothing() {
                summary.origins.push(followed.check);
            }
        }
        Ok(())
    }
}

/// What following the proof of a feed came to.
struct OriginsFollowed {
    check: OriginCheck,
    /// Why it was not followed to the end, and what is not proven.
    warnings: Vec<String>,
}

/// Follows the proof of one feed, as far as its objects were read. Ends early where the run is told to stop: the next
/// one goes on.
async fn follow(
    source: &JobSource,
    committer: &Committer<'_>,
    tenant: &str,
    stop: &watch::Receiver<bool>,
) -> Result<OriginsFollowed, RunError> {
    let mut followed = OriginsFollowed {
        check: OriginCheck::new(&source.id, tenant),
        warnings: Vec::new(),
    };
    let state = &committer.ledger.state;
    let Some(known) = state.feed(&source.id, tenant) else {
        return Ok(followed);
    };
    let (Some(from), Some(until)) = (known.coverage.start(), known.coverage.end()) else {
        return Ok(followed);
    };
    let before = known.origin.as_ref();
    let request = OriginRequest {
        tenant: tenant_of(tenant),
        since: before.map_or_else(Vec::new, |origin| origin.chains.clone()),
        from,
        until,
        now: committer.ledger.attempt.now,
        object_bytes: source.limits.record_bytes,
    };
    let mut read = ReadObjects {
        source,
        committer,
        tenant,
        dates: BTreeMap::new(),
    };
    let mut steps = source.source.origins(request);
    while !*stop.borrow() {
        match steps.next().await {
            None => break,
            Some(Ok(step)) => read.compare(step, &mut followed.check).await?,
            Some(Err(error)) => {
                let said = format!(
                    "tenant {tenant}: cannot follow what the platform proves of its objects: {error}"
                );
                followed.warnings.push(said);
                break;
            }
        }
    }
    let mut after = before.cloned().unwrap_or_default();
    after.note(&followed.check);
    let lagging = after
        .chains
        .iter()
        .filter(|chain| chain.until + LAG < until);
    followed.warnings.extend(lagging.map(|chain| {
        format!(
            "tenant {tenant}: the newest signed list of {} that was followed is of {}; what was delivered since is not \
             proven",
            chain.name,
            format_instant(chain.until)
        )
    }));
    Ok(followed)
}

/// The objects that the lake was made from, date by date.
struct ReadObjects<'a, 'c> {
    source: &'a JobSource,
    committer: &'a Committer<'c>,
    tenant: &'a str,
    /// By date and key: SHA-256 of each content that was read, hexadecimal.
    dates: BTreeMap<NaiveDate, HashMap<Box<str>, Vec<Box<str>>>>,
}

impl ReadObjects<'_, '_> {
    async fn compare(&mut self, step: OriginStep, check: &mut OriginCheck) -> Result<(), RunError> {
        check.lists += u64::from(step.holds);
        let until = step.chain.until;
        check.follow(step.chain);
        step.findings.into_iter().for_each(|it| check.find(it));
        for object in step.objects {
            let date = object.position.date_naive();
            if !self.dates.contains_key(&date) {
                let read = self.load(date).await?;
                self.dates.insert(date, read);
                // Lists come in order of time.
                while self.dates.len() > DATES {
                    self.dates.pop_first();
                }
            }
            let read = self.dates.get(&date).and_then(|read| read.get(&object.key));
            let sha256 = hex::encode(object.sha256);
            match read {
                None => check.unread += 1,
                Some(read) if read.iter().any(|it| **it == *sha256) => check.objects += 1,
                Some(_) => check.find(OriginFinding {
                    fault: OriginFault::ReadOtherwise,
                    object: object.key.into(),
                    until,
                }),
            }
        }
        Ok(())
    }

    /// What was read of a date.
    async fn load(&self, date: NaiveDate) -> Result<HashMap<Box<str>, Vec<Box<str>>>, RunError> {
        let mut read: HashMap<Box<str>, Vec<Box<str>>> = HashMap::new();
        let Some(day) = Window::of_date(date) else {
            return Ok(read);
        };
        let state = &self.committer.ledger.state;
        for live in state.files_in(Table::Objects, &self.source.id, &day) {
            let file = FileReader::new(self.committer.bucket(), live.file.signed())?;
            let columns = ["object_key", "tenant", "object_sha256"];
            let mut batches = file.columns(&columns, None).await?;
            while let Some(batch) = batches.try_next().await? {
                let [keys, tenants, digests] =
                    [0, 1, 2].map(|at| batch.column(at).as_string::<i32>());
                for row in 0..batch.num_rows() {
                    let tenant = tenants.is_valid(row).then(|| tenants.value(row));
                    if tenant == one_tenant(self.tenant) && digests.is_valid(row) {
                        let of_key = read.entry(keys.value(row).into()).or_default();
                        of_key.push(digests.value(row).into());
                    }
                }
            }
        }
        Ok(read)
    }
}
