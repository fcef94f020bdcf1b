//! Rules, holds and what must be true after them, on a stand.

use super::super::super::harness::{SOURCE, sound_lake};
use super::super::stand::{EVENTS, QUARANTINE, Stand, difference};
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;
use trailhouse::decision::plan_id;
use trailhouse::decision::retention::{Confirmation, RetentionSummary};
use trailhouse::lake::layout::Table;
use trailhouse::ledger::entry::{Body, Hold};
use trailhouse::policy::{AsOf, Conditions, Policy, Rule};
use trailhouse::retention::plan;
use trailhouse::run::{Job, RunError, Unobserved, look_at_clocks, record, retain};

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Rules about categories, in order, and a default.
pub(super) fn policy(rules: &[(&str, &str)], default: &str) -> Policy {
    Policy {
        rules: rules
            .iter()
            .map(|(category, keep)| Rule {
                name: format!("{category}s"),
                conditions: Conditions {
                    category: vec![(*category).to_owned()],
                    ..Conditions::default()
                },
                keep: keep.parse().unwrap(),
            })
            .collect(),
        default: default.parse().unwrap(),
        platforms: BTreeMap::from([(SOURCE.to_owned(), "kestra".to_owned())]),
    }
}

pub(super) fn hold(case: &str, from: &str, to: &str, categories: &[&str]) -> Hold {
    Hold {
        case: case.to_owned(),
        from: date(from),
        to: date(to),
        categories: categories.iter().map(|it| (*it).to_owned()).collect(),
        sources: Vec::new(),
        reason: "a letter".to_owned(),
        by: "anna".to_owned(),
        until: None,
    }
}

pub(super) async fn place(job: &Job, hold: Hold) {
    record(job, Body::Hold(Box::new(hold))).await.unwrap();
}

pub(super) async fn try_apply(
    job: &Job,
    policy: &Policy,
    confirmation: Option<&Confirmation>,
) -> Result<RetentionSummary, RunError> {
    // The sender must live as long as the work: without it, nobody could tell it to stop.
    let (_stop, stopped) = watch::channel(false);
    retain(job, policy, confirmation, stopped, &Unobserved).await
}

/// Applies rules without confirming anything.
pub(super) async fn apply(job: &Job, policy: &Policy) -> RetentionSummary {
    try_apply(job, policy, None).await.unwrap()
}

/// What somebody confirms who reads the plan now.
pub(super) async fn confirmation(job: &Job, policy: &Policy) -> Confirmation {
    let state = job.log().load().await.unwrap().unwrap();
    let now = look_at_clocks(job.clock.now(), &job.bucket, &job.sources, Some(&state));
    let plan = plan(&state, policy, AsOf::now(&now));
    Confirmation {
        plan: plan_id(&state.lake_id, &plan).unwrap(),
        by: "anna".to_owned(),
    }
}

/// Applies rules as somebody does who has read the plan.
pub(super) async fn apply_confirmed(job: &Job, policy: &Policy) -> RetentionSummary {
    let confirmation = confirmation(job, policy).await;
    try_apply(job, policy, Some(&confirmation)).await.unwrap()
}

impl Stand {
    /// Names of all data files of the lake's store.
    pub(super) async fn data(&self) -> BTreeSet<String> {
        let all: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        let names = all.into_iter().map(|object| object.location.to_string());
        names.filter(|name| name.ends_with(".parquet")).collect()
    }

    /// Lake, store, ledger and warehouse tell one story, and nothing that was decided is left to do.
    pub(super) async fn assert_one_story(&self, when: &str) {
        let lake = sound_lake(&self.store).await;
        let state = &lake.state;
        let open: Vec<&u64> = state.retention.open.keys().collect();
        assert!(open.is_empty(), "{when}: {open:?} are open");
        let live: BTreeSet<String> = state
            .live_files()
            .map(|live| live.file.path.to_string())
            .collect();
        assert_eq!(self.data().await, live, "{when}: files of the lake");
        self.assert_warehouse_agrees(when).await;
    }

    /// The warehouse holds the rows of the lake, each once, and knows it.
    pub(super) async fn assert_warehouse_agrees(&self, when: &str) {
        for (table, name) in [(Table::Events, EVENTS), (Table::Quarantine, QUARANTINE)] {
            let (expected, found) = (self.expected(table).await, self.fake.rows(name));
            let (there, missing) = difference(&found, &expected);
            assert!(
                there.is_empty() && missing.is_empty(),
                "{when}: {name} has {} too many and lacks {}: {:?} {:?}",
                there.len(),
                missing.len(),
                there.first(),
                missing.first()
            );
        }
        let reconciliation = self.reconcile().await;
        assert!(
            reconciliation.failure.is_none(),
            "{when}: {reconciliation:?}"
        );
        for table in &reconciliation.tables {
            assert!(table.counted.fits(), "{when}: {table:?}");
            assert_eq!(table.pending, 0, "{when}: {table:?}");
        }
    }

    /// Dates and categories of the lake, as the ledger has them.
    pub(super) async fn partitions(&self) -> BTreeSet<(NaiveDate, String)> {
        let state = self.state().await;
        let files = state.live_files().map(|live| &live.file);
        files
            .map(|file| {
                let category = file.category.map(|it| it.to_string());
                (
                    file.date,
                    category.unwrap_or_else(|| "quarantine".to_owned()),
                )
            })
            .collect()
    }
}
