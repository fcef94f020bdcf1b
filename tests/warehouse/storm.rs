//! Trouble by chance with every call, from one seed after the other: a caller that only looks again and
//! never decides anything itself ends with each row once.

use super::bigquery::Stand;
use super::conformance::{Event, counted, ended, events, events_shape, labels};
use crate::bigquery_fake::{BigQueryFake, Call, Fault};
use std::future::Future;
use std::time::Duration;
use trailhouse::event::schema::EVENT_COLUMNS;
use trailhouse::warehouse::bigquery::BigQuery;
use trailhouse::warehouse::{Class, JobId, JobState, JobWork, Warehouse, WarehouseError};

const TABLE: &str = "audit_events";
const ROWS: [Event; 4] = [
    ("2026-01-01", "execution", "b0", "e0"),
    ("2026-01-01", "other", "b1", "e1"),
    ("2026-01-02", "other", "b2", "e2"),
    ("2026-01-03", "execution", "b3", "e3"),
];
const CALLS: [Call; 8] = [
    Call::CreateDataset,
    Call::GetTable,
    Call::CreateTable,
    Call::PatchTable,
    Call::StartLoad,
    Call::StartQuery,
    Call::GetJob,
    Call::GetRows,
];
const FAULTS: [Fault; 11] = [
    Fault::Limited("rateLimitExceeded"),
    Fault::Limited("quotaExceeded"),
    Fault::TooMany("0"),
    Fault::Unavailable,
    Fault::UnavailableAfter,
    Fault::Page(502),
    Fault::PageAfter,
    Fault::LostRequest,
    Fault::LostAnswer,
    Fault::CutAnswer,
    Fault::Refused(500, "internalError"),
];

/// Nearly every other call of the next hundred of each kind meets a fault.
fn brew(fake: &BigQueryFake, seed: u64) {
    let mut state = seed;
    let mut roll = |sides: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % sides
    };
    for call in CALLS {
        for nth in 1..100 {
            if roll(100) < 45 {
                fake.fault(call, nth, FAULTS[roll(FAULTS.len())].clone());
            }
        }
    }
}

/// Tries until it is done; only what may pass is tried again.
async fn insist<T, F>(call: impl Fn() -> F) -> Result<T, WarehouseError>
where
    F: Future<Output = Result<T, WarehouseError>>,
{
    for _ in 0..50 {
        match call().await {
            Err(error) if error.class.passes() => {}
            answer => return answer,
        }
    }
    panic!("it does not pass");
}

/// Made by us now or before.
fn made(answer: Result<(), WarehouseError>) {
    if let Err(error) = answer {
        assert_eq!(error.class, Class::Exists, "{error}");
    }
}

#[tokio::test]
async fn each_row_is_there_once_whatever_the_weather() {
    for seed in 0..40 {
        let stand = Stand::new().await;
        let mut settings = stand.fake.settings();
        settings.retry.patience = Duration::from_millis(30);
        let warehouse = BigQuery::open(settings).await.unwrap();
        brew(&stand.fake, seed);
        let (shape, labels) = (events_shape(), labels());
        made(insist(|| warehouse.create_dataset("d", &labels)).await);
        made(insist(|| warehouse.create_table(TABLE, &shape, &labels)).await);
        for (number, row) in ROWS.iter().enumerate() {
            let id = JobId::of(&["load", &number.to_string()]);
            let name = format!("events/date={}/{number}.parquet", row.0);
            let work = JobWork::Append {
                table: TABLE.to_owned(),
                columns: EVENT_COLUMNS,
                files: vec![stand.put(&name, events(&[*row]))],
            };
            insist(|| warehouse.start(&id, &work)).await.unwrap();
            let end = loop {
                match insist(|| warehouse.job(&id)).await.unwrap() {
                    Some(JobState::Done(end)) => break end,
                    Some(_) => {}
                    None => panic!("seed {seed}: {id} is not there"),
                }
            };
            assert_eq!(end.unwrap().output_rows, Some(1), "seed {seed}");
        }
        stand.fake.calm();
        let uids: Vec<_> = stand
            .fake
            .rows(TABLE)
            .into_iter()
            .filter_map(|row| row.uid)
            .collect();
        assert_eq!(uids, ["e0", "e1", "e2", "e3"], "seed {seed}");
        assert_eq!(counted(&warehouse, "count", TABLE).await.len(), 4);
        ended(&warehouse, &JobId::of(&["count"])).await.unwrap();
    }
}
