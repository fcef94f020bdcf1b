//! Answers that are lost, cut, late or somebody else's: what happened is found out, or called unknown.

mod changes;

use super::bigquery::Stand;
use super::conformance::{Event, done, ended, events, events_shape, labels};
use crate::bigquery_fake::{Call, Fault};
use std::time::Duration;
use trailhouse::event::schema::EVENT_COLUMNS;
use trailhouse::warehouse::bigquery::{BigQuery, BigQuerySettings};
use trailhouse::warehouse::{
    Class, JobId, JobState, JobWork, Started, Statement, TableKind, Warehouse,
};

const TABLE: &str = "audit_events";
const ROWS: [Event; 2] = [
    ("2026-01-01", "execution", "b1", "e1"),
    ("2026-01-02", "other", "b1", "e2"),
];

/// A dataset with an empty table of events, and the load of one file into it.
async fn prepared() -> (Stand, BigQuery, JobWork) {
    let stand = Stand::new().await;
    let warehouse = stand.fake.client().await;
    warehouse.create_dataset("d", &labels()).await.unwrap();
    let shape = events_shape();
    warehouse
        .create_table(TABLE, &shape, &labels())
        .await
        .unwrap();
    let work = JobWork::Append {
        table: TABLE.to_owned(),
        columns: EVENT_COLUMNS,
        files: vec![stand.put("events/date=2026-01-01/r-000.parquet", events(&ROWS))],
    };
    (stand, warehouse, work)
}

/// A client that tries once.
async fn impatient(stand: &Stand) -> BigQuery {
    let mut settings = stand.fake.settings();
    settings.retry.patience = Duration::ZERO;
    BigQuery::open(settings).await.unwrap()
}

fn id() -> JobId {
    JobId::of(&["lake", "7"])
}

/// Whatever goes wrong with a start that may be repeated, the rows are there once.
#[tokio::test]
async fn a_start_in_trouble_has_one_job_and_one_effect() {
    let table = [
        // Nothing happened: sent again.
        (Fault::Limited("rateLimitExceeded"), Started::New, 2),
        (Fault::Limited("jobRateLimitExceeded"), Started::New, 2),
        (Fault::TooMany("0"), Started::New, 2),
        // Nobody knows: looked for, not found, sent again.
        (Fault::Unavailable, Started::New, 2),
        (Fault::Page(502), Started::New, 2),
        (Fault::Page(200), Started::New, 2),
        (Fault::LostRequest, Started::New, 2),
        (Fault::Refused(500, "internalError"), Started::New, 2),
        // It happened: looked for, found, adopted.
        (Fault::UnavailableAfter, Started::Exists, 1),
        (Fault::PageAfter, Started::Exists, 1),
        (Fault::LostAnswer, Started::Exists, 1),
        (Fault::CutAnswer, Started::Exists, 1),
    ];
    for (fault, started, starts) in table {
        let (stand, warehouse, work) = prepared().await;
        stand.fake.fault(Call::StartLoad, 1, fault.clone());
        let answer = warehouse.start(&id(), &work).await;
        assert_eq!(answer, Ok(started), "{fault:?}");
        assert_eq!(stand.fake.count(Call::StartLoad), starts, "{fault:?}");
        ended(&warehouse, &id()).await.unwrap();
        assert_eq!(stand.fake.rows(TABLE).len(), 2, "{fault:?}");
        assert_eq!(stand.fake.job_ids(), ["lake_7"]);
    }
}

/// The second try of a request whose first one arrived late after all: the id decides.
#[tokio::test]
async fn a_start_that_was_sent_twice_is_the_job_that_is_there() {
    let (stand, warehouse, work) = prepared().await;
    stand.fake.fault(Call::StartLoad, 1, Fault::LostAnswer);
    // The look for the job finds no answer either, then an unsure one, at last the job.
    stand.fake.fault(Call::GetJob, 1, Fault::LostAnswer);
    stand.fake.fault(Call::GetJob, 2, Fault::Page(503));
    assert_eq!(warehouse.start(&id(), &work).await, Ok(Started::Exists));
    ended(&warehouse, &id()).await.unwrap();
    assert_eq!(stand.fake.rows(TABLE).len(), 2);
}

#[tokio::test]
async fn what_stays_unknown_is_called_so() {
    let (stand, _, work) = prepared().await;
    let warehouse = impatient(&stand).await;
    // Neither the start nor the look is answered.
    stand.fake.fault(Call::StartLoad, 1, Fault::LostAnswer);
    stand.fake.fault(Call::GetJob, 1, Fault::LostAnswer);
    let error = warehouse.start(&id(), &work).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown, "{error}");
    // The same later finds it.
    assert_eq!(warehouse.start(&id(), &work).await, Ok(Started::Exists));

    // A refusal by something in between says nothing about the job.
    let other = JobId::of(&["lake", "8"]);
    stand.fake.fault(Call::StartLoad, 1, Fault::Page(409));
    let error = warehouse.start(&other, &work).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown, "{error}");
    assert_eq!(warehouse.job(&other).await, Ok(None));
}

#[tokio::test]
async fn limits_and_refusals_are_told_apart_at_once() {
    let (stand, _, work) = prepared().await;
    let warehouse = impatient(&stand).await;
    let table = [
        (Fault::Limited("rateLimitExceeded"), Class::Quota),
        (Fault::Limited("quotaExceeded"), Class::Quota),
        (Fault::Limited("accessDenied"), Class::Denied),
        (Fault::Refused(403, "billingNotEnabled"), Class::Denied),
        (Fault::Unauthorised, Class::Denied),
        (Fault::Page(403), Class::Denied),
        (Fault::Refused(404, "notFound"), Class::NotFound),
        (Fault::Refused(400, "invalid"), Class::Refused),
        (Fault::Page(404), Class::Refused),
    ];
    for (fault, class) in table {
        stand.fake.fault(Call::StartLoad, 1, fault.clone());
        let error = warehouse.start(&id(), &work).await.unwrap_err();
        assert_eq!(error.class, class, "{fault:?}: {error}");
        assert_eq!(warehouse.job(&id()).await, Ok(None), "{fault:?}");
    }
    // What is said of how long to wait goes to whoever decides.
    stand.fake.fault(Call::StartLoad, 1, Fault::TooMany("7"));
    let error = warehouse.start(&id(), &work).await.unwrap_err();
    assert_eq!(error.class, Class::Quota);
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

/// A daily limit does not pass while we wait, whatever our patience.
#[tokio::test]
async fn a_quota_is_not_hammered() {
    let (stand, warehouse, work) = prepared().await;
    stand
        .fake
        .fault(Call::StartLoad, 1, Fault::Limited("quotaExceeded"));
    let error = warehouse.start(&id(), &work).await.unwrap_err();
    assert_eq!(error.class, Class::Quota);
    assert_eq!(stand.fake.count(Call::StartLoad), 1);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let (stand, warehouse, work) = prepared().await;
    stand.fake.fault(Call::StartLoad, 1, Fault::TooMany("1"));
    let began = std::time::Instant::now();
    warehouse.start(&id(), &work).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(stand.fake.count(Call::StartLoad), 2);
}

/// After "exists already" a job that is asked for without its location is not found, which has made
/// others start it again.
#[tokio::test]
async fn a_job_is_asked_for_where_it_is() {
    let (stand, warehouse, work) = prepared().await;
    assert_eq!(warehouse.start(&id(), &work).await, Ok(Started::New));
    assert!(matches!(warehouse.job(&id()).await, Ok(Some(_))));
    // The same project elsewhere knows nothing of it, and does not have the dataset.
    let elsewhere = BigQuery::open(BigQuerySettings {
        location: "us-central1".to_owned(),
        ..stand.fake.settings()
    });
    let elsewhere = elsewhere.await.unwrap();
    assert_eq!(elsewhere.job(&id()).await, Ok(None));
    let error = elsewhere.start(&id(), &work).await.unwrap_err();
    assert_eq!(error.class, Class::NotFound, "{error}");
}

/// Only the service's own word makes a job absent.
#[tokio::test]
async fn an_odd_404_is_not_absence() {
    let (stand, _, _) = prepared().await;
    let warehouse = impatient(&stand).await;
    for fault in [
        Fault::Page(404),
        Fault::Refused(404, "notFound"),
        Fault::Page(200),
        Fault::LostAnswer,
        Fault::Unauthorised,
    ] {
        stand.fake.fault(Call::GetJob, 1, fault.clone());
        assert!(warehouse.job(&id()).await.is_err(), "{fault:?}");
        stand.fake.fault(Call::GetTable, 1, fault.clone());
        assert!(warehouse.table(TABLE).await.is_err(), "{fault:?}");
        stand.fake.fault(Call::GetDataset, 1, fault.clone());
        assert!(warehouse.dataset().await.is_err(), "{fault:?}");
        stand.fake.calm();
    }
    assert_eq!(warehouse.job(&id()).await, Ok(None));
}

#[tokio::test]
async fn a_job_waits_runs_and_ends() {
    let (stand, warehouse, work) = prepared().await;
    stand
        .fake
        .set(|options| (options.pending, options.running) = (2, 1));
    warehouse.start(&id(), &work).await.unwrap();
    assert_eq!(warehouse.job(&id()).await, Ok(Some(JobState::Pending)));
    assert_eq!(stand.fake.rows(TABLE), []);
    assert_eq!(warehouse.job(&id()).await, Ok(Some(JobState::Running)));
    let end = warehouse.job(&id()).await.unwrap();
    assert!(matches!(end, Some(JobState::Done(Ok(_)))), "{end:?}");
    assert_eq!(stand.fake.rows(TABLE).len(), 2);
}

#[tokio::test]
async fn a_job_that_failed_keeps_its_id_and_did_nothing() {
    let (stand, warehouse, work) = prepared().await;
    stand
        .fake
        .fault(Call::StartLoad, 1, Fault::JobFails("backendError"));
    assert_eq!(warehouse.start(&id(), &work).await, Ok(Started::New));
    let failure = ended(&warehouse, &id()).await.unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert_eq!(warehouse.start(&id(), &work).await, Ok(Started::Exists));
    assert_eq!(ended(&warehouse, &id()).await.unwrap_err(), failure);
    assert_eq!(stand.fake.rows(TABLE), []);
    done(&warehouse, "another", &work).await.unwrap();
    assert_eq!(stand.fake.rows(TABLE).len(), 2);
}

/// After six months an id says nothing: the same start is a new job.
#[tokio::test]
async fn a_forgotten_id_is_free_again() {
    let (stand, warehouse, work) = prepared().await;
    done(&warehouse, "old", &work).await.unwrap();
    stand.fake.forget_jobs();
    assert_eq!(warehouse.job(&JobId::of(&["old"])).await, Ok(None));
    done(&warehouse, "old", &work).await.unwrap();
    assert_eq!(
        stand.fake.rows(TABLE).len(),
        4,
        "which is why counts decide, not ids"
    );
}

#[tokio::test]
async fn rows_that_a_job_says_it_wrote_are_handed_on_as_said() {
    let (stand, warehouse, work) = prepared().await;
    stand.fake.fault(Call::StartLoad, 1, Fault::SaysFewer(1));
    let end = done(&warehouse, "fewer", &work).await.unwrap();
    assert_eq!(end.output_rows, Some(1));
}

/// Each call of a read meets each trouble once, and the answer is whole.
#[tokio::test]
async fn reads_go_on_through_trouble() {
    let (stand, warehouse, work) = prepared().await;
    done(&warehouse, "load", &work).await.unwrap();
    stand.fake.set(|options| options.page = 1);
    let sql = warehouse.sql(&Statement::CountByBatch {
        table: TABLE,
        kind: TableKind::Events,
        dates: None,
    });
    let count = JobId::of(&["count"]);
    done(&warehouse, "count", &JobWork::Query { sql: sql.clone() })
        .await
        .unwrap();
    for fault in [
        Fault::Limited("rateLimitExceeded"),
        Fault::TooMany("0"),
        Fault::Unavailable,
        Fault::Page(502),
        Fault::PageAfter,
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::CutAnswer,
    ] {
        let shown = format!("{fault:?}");
        for call in [Call::GetJob, Call::GetTable, Call::GetDataset, Call::DryRun] {
            stand.fake.fault(call, 1, fault.clone());
            stand.fake.fault(call, 2, fault.clone());
        }
        stand.fake.fault(Call::GetRows, 1, fault.clone());
        stand.fake.fault(Call::GetRows, 3, fault.clone());
        assert_eq!(
            warehouse.table(TABLE).await.unwrap().unwrap().rows,
            2,
            "{shown}"
        );
        assert!(warehouse.dataset().await.unwrap().is_some(), "{shown}");
        assert!(warehouse.job(&count).await.unwrap().is_some(), "{shown}");
        assert_eq!(warehouse.dry_run(&sql).await, Ok(200), "{shown}");
        assert_eq!(warehouse.rows(&count).await.unwrap().len(), 2, "{shown}");
    }
}

#[tokio::test]
async fn rows_of_a_query_that_runs_are_not_no_rows() {
    let (stand, warehouse, _) = prepared().await;
    stand.fake.set(|options| options.pending = 100);
    let sql = warehouse.sql(&Statement::CountByBatch {
        table: TABLE,
        kind: TableKind::Events,
        dates: None,
    });
    warehouse
        .start(&id(), &JobWork::Query { sql })
        .await
        .unwrap();
    let error = warehouse.rows(&id()).await.unwrap_err();
    assert!(error.said.contains("not ended"), "{error}");
}

/// Emulators take these and report success.
#[tokio::test]
async fn what_must_not_be_asked_is_not_sent() {
    let (stand, warehouse, _) = prepared().await;
    let calls = stand.fake.calls();
    let files = vec!["gs://lake/a.parquet".to_owned()];
    let append = |table: &str, files: &[String]| JobWork::Append {
        table: table.to_owned(),
        columns: EVENT_COLUMNS,
        files: files.to_vec(),
    };
    for work in [
        append("audit_events$20260101", &files),
        append(TABLE, &["gs://lake/date=2026-01-01/*.parquet".to_owned()]),
        append(TABLE, &["file:///lake/a.parquet".to_owned()]),
        append(TABLE, &[]),
    ] {
        let error = warehouse.start(&id(), &work).await.unwrap_err();
        assert_eq!(error.class, Class::Refused, "{error}");
    }
    for name in ["audit_events$20260101", "a/../b", ""] {
        assert_eq!(
            warehouse.table(name).await.unwrap_err().class,
            Class::Refused
        );
        assert_eq!(
            warehouse.drop_table(name).await.unwrap_err().class,
            Class::Refused
        );
    }
    let wild = std::collections::BTreeMap::from([("Lake".to_owned(), "x".to_owned())]);
    let error = warehouse
        .create_table("t", &events_shape(), &wild)
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert_eq!(stand.fake.calls(), calls);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_in_trouble() {
    let stand = Stand::new().await;
    let mut settings = stand.fake.settings();
    drop(stand);
    settings.retry.patience = Duration::ZERO;
    let warehouse = BigQuery::open(settings).await.unwrap();
    let sql = "SELECT 1".to_owned();
    let error = warehouse
        .start(&id(), &JobWork::Query { sql })
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Transient, "nothing was sent: {error}");
    assert!(warehouse.dataset().await.is_err());
}
