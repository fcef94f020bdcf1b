//! The wrapper that misbehaves: it conforms while it is calm, and does what it is told otherwise.

use super::bigquery::Stand;
use super::conformance::{Bench, conforms, events_shape, labels};
use crate::bigquery_fake::Row;
use crate::faulty_warehouse::{Fault, FaultyWarehouse, On};
use std::sync::Arc;
use trailhouse::warehouse::{Class, JobId, JobWork, Started, Warehouse};

async fn wrapped() -> (Stand, FaultyWarehouse) {
    let stand = Stand::new().await;
    let inner = Arc::new(stand.fake.client().await);
    (stand, FaultyWarehouse::around(inner))
}

fn query() -> JobWork {
    JobWork::Query {
        sql: "SELECT 1".to_owned(),
    }
}

#[tokio::test]
async fn the_wrapper_conforms_while_it_is_calm() {
    let (stand, faulty) = wrapped().await;
    let bench = Bench {
        warehouse: &faulty,
        put: &|name, content| stand.put(name, content),
    };
    conforms(&bench).await;
    assert!(faulty.changes() > 20 && faulty.calls() > faulty.changes());
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let (stand, faulty) = wrapped().await;
    faulty.create_dataset("d", &labels()).await.unwrap();
    let table = [
        (Fault::None, Ok(Started::New), true),
        (Fault::Reject(Class::Quota), Err(Class::Quota), false),
        (Fault::LoseRequest, Err(Class::Unknown), false),
        (Fault::LoseAnswer, Err(Class::Unknown), true),
        (Fault::SayExists, Ok(Started::Exists), true),
    ];
    for (number, (fault, answer, happens)) in table.into_iter().enumerate() {
        let id = JobId::of(&["q", &number.to_string()]);
        faulty.next(On::Start, "start q", fault);
        let started = faulty.start(&id, &query()).await;
        assert_eq!(started.map_err(|error| error.class), answer, "{fault:?}");
        assert_eq!(
            faulty.job(&id).await.unwrap().is_some(),
            happens,
            "{fault:?}"
        );
    }
    for (number, (fault, happens)) in [(Fault::HangBefore, false), (Fault::HangAfter, true)]
        .into_iter()
        .enumerate()
    {
        let id = JobId::of(&["h", &number.to_string()]);
        faulty.stop_at(faulty.changes(), fault);
        let work = query();
        tokio::select! {
            _ = faulty.start(&id, &work) => panic!("it returned"),
            () = faulty.hung() => {}
        }
        assert_eq!(
            faulty.job(&id).await.unwrap().is_some(),
            happens,
            "{fault:?}"
        );
    }
    faulty.next(On::Change, "table t", Fault::Pause);
    let (shape, labels) = (events_shape(), labels());
    let made = faulty.create_table("t", &shape, &labels);
    let resumed = async {
        faulty.hung().await;
        assert_eq!(stand.fake.tables(), Vec::<String>::new());
        faulty.resume();
    };
    let (made, ()) = tokio::join!(made, resumed);
    made.unwrap();
    // Whatever is made anew exists.
    faulty.next(On::Any, "create table u", Fault::SayExists);
    let made = faulty.create_table("u", &shape, &labels).await;
    assert_eq!(made.unwrap_err().class, Class::Exists);
    assert_eq!(stand.fake.tables(), ["t", "u"]);
}

#[tokio::test]
async fn weather_is_the_same_for_the_same_seed() {
    let (_stand, faulty) = wrapped().await;
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        faulty.weather(seed, 50);
        let mut classes = Vec::new();
        for _ in 0..40 {
            let looked = faulty.dataset().await;
            classes.push(
                looked
                    .map(|found| found.is_some())
                    .map_err(|error| error.class),
            );
        }
        seen.push(classes);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
    let lucky = seen[0].iter().filter(|answer| answer.is_ok()).count();
    assert!((8..32).contains(&lucky), "{lucky}");
    faulty.calm();
    assert_eq!(faulty.dataset().await, Ok(None));
}

/// What a test can do behind the back of everybody.
#[tokio::test]
async fn a_hand_in_the_service() {
    let (stand, faulty) = wrapped().await;
    let shape = events_shape();
    faulty.create_dataset("d", &labels()).await.unwrap();
    faulty.create_table("t", &shape, &labels()).await.unwrap();
    let row = Row {
        dt: Some("2026-01-01".to_owned()),
        uid: Some("e1".to_owned()),
        ..Row::default()
    };
    stand.fake.edit_rows("t", |rows| rows.push(row.clone()));
    let copy = stand.fake.copy("t");
    stand.fake.edit_rows("t", |rows| rows.push(row.clone()));
    let before = faulty.table("t").await.unwrap().unwrap();
    assert_eq!(before.rows, 2);
    assert_eq!(stand.fake.rows("t"), [row.clone(), row.clone()]);

    stand.fake.restore("t", &copy, true);
    let restored = faulty.table("t").await.unwrap().unwrap();
    assert_eq!(
        (restored.rows, restored.incarnation),
        (1, before.incarnation)
    );
    stand.fake.drop_table("t");
    assert_eq!(faulty.table("t").await, Ok(None));
    stand.fake.restore("t", &copy, false);
    let made_anew = faulty.table("t").await.unwrap().unwrap();
    assert_eq!(made_anew.rows, 1);
    assert_ne!(made_anew.incarnation, before.incarnation);

    stand.fake.edit("t", |told| {
        told["labels"]["trailhouse-lake"] = "lake-2".into()
    });
    stand
        .fake
        .edit_dataset(|told| told["labels"]["trailhouse-lake"] = "lake-2".into());
    let label = faulty.table("t").await.unwrap().unwrap().labels;
    assert_eq!(label["trailhouse-lake"], "lake-2");
    let label = faulty.dataset().await.unwrap().unwrap().labels;
    assert_eq!(label["trailhouse-lake"], "lake-2");
    faulty.start(&JobId::of(&["q"]), &query()).await.unwrap();
    let configuration = stand.fake.job("q").unwrap();
    assert_eq!(configuration["query"]["query"], "SELECT 1");
}
