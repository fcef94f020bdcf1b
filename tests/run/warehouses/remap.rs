//! Columns derived again: records, ids and roots stay, columns and warehouses have what the rules of now say, and
//! whoever is killed at it is finished by the next run.

use super::super::harness::{empty, run_well, sound_lake};
use super::super::lake::{Lake, columns, objects};
use super::stand::{EVENTS, Stand};
use crate::faulty_store::{Fault as StoreFault, FaultyStore};
use crate::faulty_warehouse::Fault;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;
use trailhouse::event::redact::{
    ColumnOrigins, Redaction, RedactionAction, RedactionRule, RedactionTarget,
};
use trailhouse::event::unfit::Unfit;
use trailhouse::event::{Category, Event, Outcome};
use trailhouse::lake::FileReader;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::entry::Body;
use trailhouse::policy::Hold;
use trailhouse::run::{
    Job, RemapDone, RemapEnd, RemapSummary, RunError, Unobserved, record, remap, sweep,
};
use trailhouse::source::{
    Capabilities, ClockReading, Count, Identity, ItemShape, Mapping, Slices, Source, SourceError,
    Tenant, Unidentified, WindowRequest,
};
use trailhouse::store::Bucket;
use trailhouse::window::Window;

/// Rules as an earlier version may have had them: they know no namespace, call every outcome a success, and file
/// log-ins under `other`.
struct OldRules(Arc<dyn Source>);

impl Mapping for OldRules {
    fn platform(&self) -> &'static str {
        self.0.mapping().platform()
    }

    fn version(&self) -> i64 {
        1
    }

    fn origins(&self) -> &dyn ColumnOrigins {
        self.0.mapping().origins()
    }

    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>> {
        self.0.mapping().identify(record)
    }

    fn item(&self) -> Option<ItemShape> {
        self.0.mapping().item()
    }

    fn is_actor(&self, record: &[u8], actor: &[u8]) -> bool {
        self.0.mapping().is_actor(record, actor)
    }

    fn normalise<'a>(&self, record: &'a [u8], actor: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        let mut event = self.0.mapping().normalise(record, actor)?;
        event.namespace = None;
        event.outcome = Outcome::Success;
        if event.category == Category::Authentication {
            event.category = Category::Other;
        }
        Ok(event)
    }
}

/// A source whose records are mapped by these rules.
struct WithOldRules {
    source: Arc<dyn Source>,
    rules: OldRules,
}

#[async_trait]
impl Source for WithOldRules {
    fn capabilities(&self) -> &Capabilities {
        self.source.capabilities()
    }

    fn tenants(&self) -> &[Tenant] {
        self.source.tenants()
    }

    fn mapping(&self) -> &dyn Mapping {
        &self.rules
    }

    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError> {
        self.source.control_request(tenant).await
    }

    fn read(&self, request: WindowRequest) -> Slices {
        self.source.read(request)
    }

    async fn count(&self, tenant: &Tenant, window: Window) -> Result<Count, SourceError> {
        self.source.count(tenant, window).await
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        self.source.oldest(tenant, until).await
    }

    fn clock(&self) -> Option<ClockReading> {
        self.source.clock()
    }

    fn requests(&self) -> u64 {
        self.source.requests()
    }
}

fn with_old_rules(mut job: Job) -> Job {
    let source = Arc::clone(&job.sources[0].source);
    job.sources[0].source = Arc::new(WithOldRules {
        rules: OldRules(Arc::clone(&source)),
        source,
    });
    job
}

/// A stand whose lake was filled by the old rules, and nothing is loaded.
async fn not_loaded() -> Stand {
    Stand::with_lake(&with_old_rules).await
}

/// The same, with everything loaded.
async fn outdated() -> Stand {
    let stand = not_loaded().await;
    stand.run_as(with_old_rules(stand.job())).await;
    stand
}

fn dates(stand: &Stand) -> (NaiveDate, NaiveDate) {
    let today = stand.rig.platform.now().date_naive();
    (today - chrono::Days::new(4), today)
}

async fn try_remap(
    job: &Job,
    dates: (NaiveDate, NaiveDate),
    confirm: Option<&str>,
) -> Result<RemapSummary, RunError> {
    let (_stop, stopped) = watch::channel(false);
    remap(job, dates, confirm, stopped, &Unobserved).await
}

async fn done(stand: &Stand) -> RemapDone {
    let job = stand.job();
    let planned = try_remap(&job, dates(stand), None).await.unwrap().planned;
    let remapped = try_remap(&job, dates(stand), Some(&planned.id)).await;
    match remapped.unwrap().end {
        RemapEnd::Decided(done) => *done,
        end => panic!("{end:?}"),
    }
}

/// The columns of all events by their uid, as text, but for what differs from run to run.
async fn values(store: &FaultyStore) -> BTreeMap<String, BTreeMap<String, String>> {
    let lake = Lake::read(store).await;
    let bucket = Bucket::around(Arc::new(store.clone()));
    let mut all = BTreeMap::new();
    for live in lake.state.live_files() {
        if live.file.table != Table::Events {
            continue;
        }
        let reader = FileReader::new(&bucket, live.file.signed()).unwrap();
        let names: Vec<&str> = Table::Events.columns().iter().map(|it| it.name).collect();
        for batch in columns(&reader, &names).await {
            for row in 0..batch.num_rows() {
                let mut of_row = BTreeMap::new();
                for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                    let options = FormatOptions::default();
                    let text = ArrayFormatter::try_new(column, &options).unwrap();
                    of_row.insert(field.name().clone(), text.value(row).to_string());
                }
                assert_eq!(of_row["category"], *live.file.category.unwrap());
                let uid = of_row["event_uid"].clone();
                for name in ["batch_id", "ingested_at"] {
                    of_row.remove(name);
                }
                assert!(all.insert(uid.clone(), of_row).is_none(), "{uid} twice");
            }
        }
    }
    all
}

/// What a lake has that was read by the rules of now.
async fn by_rules_of_now(stand: &Stand) -> BTreeMap<String, BTreeMap<String, String>> {
    let store = empty();
    run_well(&stand.rig.job(&store)).await;
    values(&store).await
}

fn paths(lake: &Lake) -> BTreeSet<String> {
    let files = lake.state.live_files();
    files.map(|live| live.file.path.to_string()).collect()
}

#[tokio::test]
async fn columns_are_those_of_the_rules_of_now_and_nothing_else_changes() {
    let stand = outdated().await;
    let before = sound_lake(&stand.store).await;
    let old_rows = stand.fake.rows(EVENTS);
    let then = values(&stand.store).await;
    let now = by_rules_of_now(&stand).await;
    assert_ne!(then, now);

    // The plan says what would change, and changes nothing.
    let job = stand.job();
    let planned = try_remap(&job, dates(&stand), None).await.unwrap();
    assert!(matches!(planned.end, RemapEnd::Planned));
    let [of_source] = planned.planned.plan.sources.as_slice() else {
        panic!("{planned:?}");
    };
    let differs = |column: &str| {
        let mut rows = then.iter();
        let same =
            |(uid, row): &(&String, &BTreeMap<String, String>)| row[column] == now[*uid][column];
        rows.by_ref().filter(|it| !same(it)).count() as u64
    };
    let changed: BTreeMap<String, u64> = ["category", "outcome", "namespace"]
        .map(|column| (column.to_owned(), differs(column)))
        .into();
    assert_eq!(of_source.columns, changed);
    assert!(changed.values().all(|rows| *rows > 0), "{changed:?}");
    assert_eq!(of_source.changed, then.len() as u64);
    assert_eq!(paths(&sound_lake(&stand.store).await), paths(&before));

    // Another plan is not this one.
    let other = try_remap(&job, dates(&stand), Some("000000000000")).await;
    assert!(matches!(other.unwrap().end, RemapEnd::Stale(_)));

    let done = done(&stand).await;
    assert_eq!((done.entries.len(), done.failure.is_none()), (1, true));
    assert_eq!(done.removed.removed, of_source.files);
    let after = sound_lake(&stand.store).await;
    after.assert_same(&before, "records, counts and coverage");
    assert_eq!(values(&stand.store).await, now);
    assert!(after.state.remaps.is_empty());
    stand.assert_level("after a remap").await;
    assert_eq!(stand.fake.rows(EVENTS).len(), old_rows.len());

    // A file whose rows stayed together has the root that the first entry committed to.
    let root = |lake: &Lake| -> BTreeSet<_> {
        let files = lake.state.live_files();
        let execution = files.filter(|it| it.file.category.is_some_and(|it| &*it == "execution"));
        execution.map(|it| it.file.records_root).collect()
    };
    assert_eq!(root(&after), root(&before));
    assert!(!root(&after).is_empty());

    // Old files are gone, and nothing else is.
    let there = objects(&stand.store).await;
    let data = there.keys().filter(|it| it.starts_with("events/"));
    let data: BTreeSet<String> = data.cloned().collect();
    let live: BTreeSet<String> = paths(&after);
    assert!(data.is_subset(&live), "{data:?}");

    // What is read again is known, and there is nothing more to do.
    stand.go_on();
    let mut job = stand.job();
    job.sources[0].overlap = chrono::TimeDelta::days(1);
    let summary = run_well(&job).await;
    assert_eq!(summary.sources[0].counts.changed, 0);
    assert!(summary.sources[0].counts.known > 0);
    let again = try_remap(&stand.job(), dates(&stand), None).await.unwrap();
    assert!(!again.planned.plan.can_be_confirmed(), "{again:?}");
}

#[tokio::test]
async fn killed_at_every_change_of_the_warehouse_the_next_run_finishes_it() {
    let ways = [
        (Fault::HangBefore, true),
        (Fault::HangAfter, true),
        (Fault::HangBefore, false),
        (Fault::HangAfter, false),
    ];
    for (fault, loaded) in ways {
        for at in 0.. {
            let stand = match loaded {
                true => outdated().await,
                false => not_loaded().await,
            };
            stand.faulty.stop_at(stand.faulty.changes() + at, fault);
            let ended = tokio::select! {
                _ = done(&stand) => true,
                () = stand.faulty.hung() => false,
            };
            stand.faulty.calm();
            if at % 2 == 1 {
                stand.fake.forget_jobs();
            }
            stand.run().await;
            let when = format!("{fault:?} at {at}, loaded: {loaded}");
            stand.assert_level(&when).await;
            assert_eq!(
                values(&stand.store).await,
                by_rules_of_now(&stand).await,
                "{when}"
            );
            if ended {
                assert!(at > 3, "there are more changes than {at}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn killed_at_every_change_of_the_store_nothing_is_lost_and_a_later_command_finishes_it() {
    for fault in [StoreFault::HangBefore, StoreFault::HangAfter] {
        for at in 0.. {
            let stand = outdated().await;
            let (before, now) = (
                sound_lake(&stand.store).await,
                by_rules_of_now(&stand).await,
            );
            stand.store.stop_at(stand.store.changes() + at, fault);
            let ended = tokio::select! {
                _ = done(&stand) => true,
                () = stand.store.hung() => false,
            };
            stand.store.calm();
            let when = format!("{fault:?} at {at}");
            let after = sound_lake(&stand.store).await;
            after.assert_same(&before, &when);
            // Either it was decided, or nothing has happened.
            let decided = after.state.batches.len() > before.state.batches.len();
            let found = values(&stand.store).await;
            assert_eq!(found == now, decided, "{when}");
            if !decided {
                done(&stand).await;
            }
            stand.run().await;
            let (_stop, _) = watch::channel(false);
            sweep(
                &stand.job(),
                chrono::TimeDelta::hours(1),
                false,
                &Unobserved,
            )
            .await
            .unwrap();
            stand.assert_level(&when).await;
            let last = sound_lake(&stand.store).await;
            assert!(last.state.remaps.is_empty(), "{when}");
            assert_eq!(values(&stand.store).await, now, "{when}");
            if ended {
                assert!(at > 3, "there are more changes than {at}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_is_held_stays_as_it_is() {
    let stand = outdated().await;
    let (first, last) = dates(&stand);
    let held = last - chrono::Days::new(1);
    let hold = Hold {
        case: "case-1".to_owned(),
        from: held,
        to: held,
        reason: "a lawsuit".to_owned(),
        by: "counsel".to_owned(),
        categories: Vec::new(),
        sources: Vec::new(),
        until: None,
    };
    let then = values(&stand.store).await;
    let job = stand.job();
    let planned = try_remap(&job, (first, last), None).await.unwrap().planned;
    record(&job, Body::Hold(Box::new(hold))).await.unwrap();

    // The plan was made before the hold.
    let stale = try_remap(&job, (first, last), Some(&planned.id)).await;
    let stale = stale.unwrap();
    assert!(matches!(stale.end, RemapEnd::Stale(_)), "{stale:?}");
    let held_files = stale.planned.plan.sources[0].held;
    assert!(held_files.files > 0 && held_files.rows > 0);
    done(&stand).await;
    let (after, now) = (values(&stand.store).await, by_rules_of_now(&stand).await);
    for (uid, row) in &after {
        let expected = match row["dt"] == held.to_string() {
            true => &then[uid],
            false => &now[uid],
        };
        assert_eq!(row, expected, "{uid}");
    }
    stand.assert_level("beside a hold").await;
}

#[tokio::test]
async fn records_that_were_redacted_by_other_rules_stay_as_they_are() {
    let stand = outdated().await;
    let mut job = stand.job();
    let rule = RedactionRule {
        target: RedactionTarget::Column("src_ip".to_owned()),
        action: RedactionAction::Drop,
    };
    let origins = job.sources[0].source.mapping().origins();
    job.sources[0].redaction = Arc::new(Redaction::compile(&[rule], origins, None).unwrap());
    let planned = try_remap(&job, dates(&stand), None).await.unwrap().planned;
    let of_source = &planned.plan.sources[0];
    assert!(of_source.otherwise_redacted.files > 0);
    assert_eq!((of_source.files_read, of_source.files), (0, 0));
}
