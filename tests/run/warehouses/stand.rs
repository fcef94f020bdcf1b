//! A lake in memory, a strict BigQuery that it is loaded into, and a bucket between them.

use super::super::harness::{Rig, empty, quiet, run, run_well};
use super::super::lake::columns;
use crate::bigquery_fake::{BigQueryFake, Call, Fault, Options, Row};
use crate::faulty_store::FaultyStore;
use crate::faulty_warehouse::FaultyWarehouse;
use crate::gcs;
use arrow::array::AsArray as _;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use trailhouse::lake::FileReader;
use trailhouse::lake::layout::{RunId, Table};
use trailhouse::ledger::entry::Body;
use trailhouse::ledger::state::State;
use trailhouse::run::{Job, LoadSummary, RunError, Summary, Unobserved, load, record};
use trailhouse::store::Bucket;
use trailhouse::warehouse::bigquery::{BigQuery, BigQuerySettings, Retry};
use trailhouse::warehouse::{
    Filling, Pace, Projection, ProjectionSettings, RebuildChoice, Reconciliation, Staging,
    Warehouse, WarehouseSummary, carry_out_preparation, plan_rebuild, prepare, reconcile,
};
use trailhouse_demo::kestra::{NewEvent, Oddity};

pub(super) const EVENTS: &str = "audit_events";
pub(super) const QUARANTINE: &str = "audit_quarantine";

/// Everything between a platform and a warehouse.
pub(super) struct Stand {
    pub(super) rig: Rig,
    pub(super) store: FaultyStore,
    pub(super) fake: BigQueryFake,
    pub(super) faulty: FaultyWarehouse,
    pub(super) buckets: TempDir,
    gcs: gcs::Server,
}

impl Stand {
    /// A platform with some hundred records on three dates, some of them odd, so that entries have rows
    /// of both tables. The lake is read already and nothing is loaded; the tables are there.
    pub(super) async fn new() -> Self {
        let stand = Self::without_tables().await;
        stand.make_tables().await;
        stand
    }

    pub(super) async fn without_tables() -> Self {
        Self::read_as(&|job| job).await
    }

    /// The same with tables, whose lake was read by a job that was changed.
    pub(super) async fn with_lake(change: &dyn Fn(Job) -> Job) -> Self {
        let stand = Self::read_as(change).await;
        stand.make_tables().await;
        stand
    }

    async fn read_as(change: &dyn Fn(Job) -> Job) -> Self {
        let rig = Rig::new(&quiet("2026-03-04T00:00:00Z")).await;
        let now = rig.platform.now();
        rig.fill(now - TimeDelta::days(3), now - TimeDelta::hours(1), 350);
        for hours in [30, 60] {
            rig.platform.push(NewEvent {
                oddity: Some(Oddity::Nested4000),
                ..NewEvent::at(now - TimeDelta::hours(hours))
            });
        }
        let buckets = tempfile::tempdir().unwrap();
        std::fs::create_dir(buckets.path().join("staging")).unwrap();
        let gcs = gcs::Server::start(buckets.path()).unwrap();
        let fake = BigQueryFake::start(Options {
            page: 50,
            ..Options::new(buckets.path())
        })
        .await;
        let faulty = FaultyWarehouse::around(Arc::new(fake.client().await));
        let stand = Self {
            rig,
            store: empty(),
            fake,
            faulty,
            buckets,
            gcs,
        };
        run_well(&change(stand.rig.job(&stand.store))).await;
        stand
    }

    /// Half an hour later there are some records more.
    pub(super) fn go_on(&self) {
        let before = self.rig.platform.now();
        self.rig.platform.advance(Duration::from_secs(40 * 60));
        self.rig.fill(before, before + TimeDelta::minutes(20), 12);
    }

    pub(super) fn staging(&self) -> Bucket {
        let options = self.gcs.options(gcs::Account::All);
        let options = options.map(|(name, value)| (name.to_owned(), value.to_string()));
        Bucket::open("gs://staging/copies", &options.into_iter().collect()).unwrap()
    }

    /// The warehouse under a name, reached through `warehouse`.
    pub(super) fn projection(&self, name: &str, warehouse: Arc<dyn Warehouse>) -> Projection {
        let staging = Staging::new(Some(self.staging()), name);
        Projection::new(name.to_owned(), warehouse, staging, settings())
    }

    /// A second warehouse, with tables, whose client is not patient.
    pub(super) async fn second(&self) -> (BigQueryFake, Projection) {
        let other = BigQueryFake::start(Options::new(self.buckets.path())).await;
        let settings = BigQuerySettings {
            retry: Retry {
                patience: Duration::from_millis(50),
                ..other.settings().retry
            },
            ..other.settings()
        };
        let client = BigQuery::open(settings).await.unwrap();
        let second = self.projection("second", Arc::new(client));
        self.make_tables_of(&second).await;
        (other, second)
    }

    pub(super) fn bq(&self) -> Projection {
        self.projection("bq", Arc::new(self.faulty.clone()))
    }

    /// A job that reads the platform and fills the warehouse.
    pub(super) fn job(&self) -> Job {
        self.rig.job(&self.store).with_warehouses(vec![self.bq()])
    }

    /// A job that fills the warehouse alone.
    pub(super) fn loader(&self) -> Job {
        let job = self.rig.job_of(&self.store, Vec::new());
        job.with_warehouses(vec![self.bq()])
    }

    pub(super) async fn state(&self) -> State {
        self.loader().log().load().await.unwrap().unwrap()
    }

    pub(super) async fn make_tables(&self) {
        self.make_tables_of(&self.bq()).await;
    }

    async fn make_tables_of(&self, warehouse: &Projection) {
        let lake_id = self.state().await.lake_id;
        let preparing = prepare(warehouse, &lake_id).await.unwrap();
        carry_out_preparation(warehouse, &lake_id, &preparing)
            .await
            .unwrap();
        assert!(prepare(warehouse, &lake_id).await.unwrap().is_nothing());
    }

    pub(super) async fn run(&self) -> Summary {
        run(&self.job()).await
    }

    pub(super) async fn run_as(&self, job: Job) -> Summary {
        run(&job).await
    }

    pub(super) async fn load(&self, decide: &[Body]) -> LoadSummary {
        try_load(&self.loader(), decide).await.unwrap()
    }

    /// Loads until a call of the warehouse hangs, at which the loader is killed; true if it came to
    /// its end.
    pub(super) async fn load_until_hung(&self, decide: &[Body]) -> bool {
        let loader = self.loader();
        tokio::select! {
            loaded = try_load(&loader, decide) => loaded.is_ok(),
            () = self.faulty.hung() => false,
        }
    }

    /// Decisions to rebuild what differs, as the command makes them.
    pub(super) async fn decisions(&self, which: RebuildChoice) -> Vec<Body> {
        let (bq, loader, state) = (self.bq(), self.loader(), self.state().await);
        let log = loader.log();
        let (_stop, stop) = watch::channel(false);
        let asker = asker();
        let filling = filling(&state, &log, &loader.bucket, &stop, &asker);
        let mut decisions = Vec::new();
        for table in [Table::Events, Table::Quarantine] {
            let plan = plan_rebuild(&bq, filling, table, which).await.unwrap();
            decisions.extend(plan.map(|plan| Body::Rebuild(Box::new(plan.decision("test")))));
        }
        decisions
    }

    pub(super) async fn reconcile(&self) -> Reconciliation {
        let (bq, loader, state) = (self.bq(), self.loader(), self.state().await);
        let log = loader.log();
        let (_stop, stop) = watch::channel(false);
        let asker = asker();
        let filling = filling(&state, &log, &loader.bucket, &stop, &asker);
        reconcile(&bq, filling, None).await
    }

    /// The rows that a table must hold, from the files that the ledger names.
    pub(super) async fn expected(&self, table: Table) -> Vec<Row> {
        let state = self.state().await;
        let bucket = self.loader().bucket;
        let mut rows = Vec::new();
        let uid = match table {
            Table::Events => "event_uid",
            Table::Quarantine => "record_uid",
            Table::Objects => "object_uid",
        };
        for live in state.live_files().filter(|live| live.file.table == table) {
            let reader = FileReader::new(&bucket, live.file.signed()).unwrap();
            for batch in columns(&reader, &[uid, "batch_id"]).await {
                let of = |name: &str| {
                    batch
                        .column_by_name(name)
                        .unwrap()
                        .as_string::<i32>()
                        .clone()
                };
                let (uids, ids) = (of(uid), of("batch_id"));
                for (uid, batch_id) in uids.iter().zip(&ids) {
                    rows.push(Row {
                        dt: Some(live.file.date.to_string()),
                        category: live.file.category.map(|it| it.to_string()),
                        source: Some(live.file.source.to_string()),
                        batch_id: batch_id.map(str::to_owned),
                        uid: uid.map(str::to_owned),
                        line: None,
                    });
                }
            }
        }
        rows.sort();
        rows
    }

    /// The warehouse holds exactly the ledger's rows, knows it, and nothing is left at the staging
    /// location.
    pub(super) async fn assert_level(&self, when: &str) {
        for (table, name) in [(Table::Events, EVENTS), (Table::Quarantine, QUARANTINE)] {
            let (expected, found) = (self.expected(table).await, self.fake.rows(name));
            assert!(!expected.is_empty(), "{name} has rows to compare");
            let (there, missing) = difference(&found, &expected);
            assert!(
                there.is_empty() && missing.is_empty(),
                "{when}: {name} has {} too many and lacks {}",
                there.len(),
                missing.len()
            );
        }
        let reconciliation = self.reconcile().await;
        assert!(
            reconciliation.failure.is_none(),
            "{when}: {reconciliation:?}"
        );
        for table in &reconciliation.tables {
            assert!(table.counted.fits(), "{when}: {table:?}");
            assert_eq!((table.expected, table.pending), (table.found, 0), "{when}");
        }
        let state = self.state().await;
        assert_eq!(
            self.fake.rows("audit_batches").len(),
            state.batches.len(),
            "{when}: audit_batches"
        );
        assert!(!self.fake.rows("audit_coverage").is_empty(), "{when}");
        assert_eq!(files(&self.buckets.path().join("staging")), 0, "{when}");
        let known = &state.warehouses["bq"];
        assert_eq!(known.failure, None, "{when}");
        assert!(state.rebuilds.is_empty(), "{when}");
        let tables = self.fake.tables();
        let copies: Vec<&String> = tables
            .iter()
            .filter(|it| it.contains("_rebuild_"))
            .collect();
        assert!(copies.is_empty(), "{when}: {copies:?}");
        for batch in &state.batches {
            for table in known.tables.values() {
                assert!(table.has(batch.sequence), "{when}: {table:?}");
                assert_eq!(table.loaded.len(), 1, "{when}: {table:?}");
            }
        }
    }

    /// Orders a fault of the service.
    pub(super) fn fault(&self, call: Call, nth: usize, fault: Fault) {
        self.fake.fault(call, nth, fault);
    }
}

pub(super) fn settings() -> ProjectionSettings {
    ProjectionSettings {
        labels: BTreeMap::new(),
        clustering: ["category", "source", "actor_name", "resource_type"]
            .map(str::to_owned)
            .to_vec(),
        require_partition_filter: true,
        concurrency: 3,
        partition_expiration: None,
        pace: Pace {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(4),
        },
    }
}

/// A run that nobody else has been, since ids of counts are made from it.
fn asker() -> String {
    RunId::draw(chrono::Utc::now()).unwrap().to_string()
}

fn filling<'a>(
    state: &'a State,
    log: &'a trailhouse::ledger::log::Log,
    lake: &'a Bucket,
    stop: &'a watch::Receiver<bool>,
    asker: &'a str,
) -> Filling<'a> {
    Filling {
        state,
        log,
        lake,
        run_id: asker,
        stop,
        say: &|_| {},
    }
}

pub(super) async fn try_load(job: &Job, decide: &[Body]) -> Result<LoadSummary, RunError> {
    // The sender must live as long as the load: without it, nobody could tell it to stop.
    let (_stop, stopped) = watch::channel(false);
    for body in decide {
        record(job, body.clone()).await?;
    }
    load(job, stopped, &Unobserved).await
}

/// What is only in the first, and what is only in the second, each as often as it is.
pub(super) fn difference(found: &[Row], expected: &[Row]) -> (Vec<Row>, Vec<Row>) {
    let count = |rows: &[Row]| {
        let mut counts: BTreeMap<Row, i64> = BTreeMap::new();
        for row in rows {
            let row = Row {
                line: None,
                ..row.clone()
            };
            *counts.entry(row).or_default() += 1;
        }
        counts
    };
    let mut counts = count(found);
    for (row, number) in count(expected) {
        *counts.entry(row).or_default() -= number;
    }
    let of = |sign: i64| {
        let rows = counts.iter().filter(|(_, number)| number.signum() == sign);
        rows.map(|(row, _)| row.clone()).collect()
    };
    (of(1), of(-1))
}

/// Files below a folder.
pub(super) fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

/// The one warehouse of a summary.
pub(super) fn only(warehouses: &[WarehouseSummary]) -> &WarehouseSummary {
    assert_eq!(warehouses.len(), 1);
    &warehouses[0]
}
