//! Somebody has changed what was there: the next run says so, and a rebuild mends it.

use super::stand::{EVENTS, QUARANTINE, Stand, only};
use crate::bigquery_fake::Row;
use serde_json::json;
use tokio::sync::watch;
use trailhouse::decision::rebuild::RebuildWish;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::entry::RowsCounted;
use trailhouse::run::{RebuildEnd, RebuildSummary, Unobserved, rebuild};
use trailhouse::warehouse::{LAKE_LABEL, RebuildChoice, carry_out_preparation, prepare};

/// The run after the damage says what it is, in numbers; a rebuild of what differs mends it.
async fn said_and_mended(stand: &Stand, table: usize, expected: RowsCounted) {
    let summary = stand.run().await;
    let warehouse = only(&summary.warehouses);
    assert!(warehouse.failure.is_none(), "{:?}", warehouse.failure);
    assert_eq!(warehouse.tables[table].counted, Some(expected));
    let reconciliation = stand.reconcile().await;
    assert_eq!(reconciliation.tables[table].counted, expected);
    // Once known it is looked at in each run, until it is mended.
    let again = stand.run().await;
    assert_eq!(
        only(&again.warehouses).tables[table].counted,
        Some(expected)
    );
    let decisions = stand.decisions(RebuildChoice::Differing).await;
    assert_eq!(decisions.len(), 1);
    let loaded = stand.load(&decisions).await;
    assert!(only(&loaded.warehouses).failure.is_none(), "{loaded:?}");
    stand.assert_level("after the rebuild").await;
    assert!(stand.decisions(RebuildChoice::Differing).await.is_empty());
}

#[tokio::test]
async fn rows_that_were_deleted() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.edit_rows(EVENTS, |rows| {
        rows.drain(5..17);
    });
    let counted = RowsCounted {
        missing: 12,
        ..RowsCounted::default()
    };
    said_and_mended(&stand, 0, counted).await;
}

/// Nothing is replaced but what was shown to whoever confirms it, and that once.
#[tokio::test]
async fn a_rebuild_replaces_what_was_shown() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.edit_rows(EVENTS, |rows| rows.truncate(100));
    let before = stand.state().await.head;
    let shown = rebuilt(&stand, None).await;
    assert!(matches!(shown.end, RebuildEnd::Planned), "{shown:?}");
    assert!(shown.planned.plan.can_be_confirmed());
    let stale = rebuilt(&stand, Some("3f9a0c1d2e4b")).await;
    let RebuildEnd::Stale(stale) = stale.end else {
        panic!("{stale:?}");
    };
    assert_eq!(stale.found, shown.planned.id);
    assert_eq!(stand.state().await.head, before);
    let confirmed = Some(shown.planned.id.as_str());
    let done = rebuilt(&stand, confirmed).await;
    let RebuildEnd::Decided(loaded) = done.end else {
        panic!("{done:?}");
    };
    assert_eq!(only(&loaded.warehouses).rebuilt.len(), 1);
    stand.assert_level("after the rebuild").await;
    let again = rebuilt(&stand, confirmed).await;
    assert!(matches!(again.end, RebuildEnd::Planned), "{again:?}");
    assert!(again.planned.plan.tables.is_empty());
}

async fn rebuilt(stand: &Stand, confirmed: Option<&str>) -> RebuildSummary {
    let wish = RebuildWish {
        tables: vec![Table::Events, Table::Quarantine],
        dates: RebuildChoice::Differing,
    };
    let (_stop, stopped) = watch::channel(false);
    let loader = stand.loader();
    let rebuilding = rebuild(&loader, &wish, confirmed, stopped, &Unobserved);
    rebuilding.await.unwrap()
}

#[tokio::test]
async fn rows_that_were_doubled() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.edit_rows(EVENTS, |rows| {
        let twice = rows[..20].to_vec();
        rows.extend(twice);
    });
    let counted = RowsCounted {
        surplus: 20,
        ..RowsCounted::default()
    };
    said_and_mended(&stand, 0, counted).await;
}

#[tokio::test]
async fn rows_of_nobody() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.edit_rows(EVENTS, |rows| {
        let mut foreign = rows[0].clone();
        foreign.batch_id = Some("by hand".to_owned());
        rows.push(foreign.clone());
        // On a date that the lake does not have, too.
        rows.push(Row {
            dt: Some("2020-02-29".to_owned()),
            ..foreign
        });
    });
    let counted = RowsCounted {
        foreign: 2,
        ..RowsCounted::default()
    };
    said_and_mended(&stand, 0, counted).await;
}

#[tokio::test]
async fn rows_of_quarantine() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.edit_rows(QUARANTINE, Vec::clear);
    let counted = RowsCounted {
        missing: 2,
        ..RowsCounted::default()
    };
    said_and_mended(&stand, 1, counted).await;
}

/// As many rows as before, and others: only counting finds it.
#[tokio::test]
async fn rows_that_were_exchanged_are_found_by_reconciling() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.edit_rows(EVENTS, |rows| {
        rows.sort();
        let last = rows.len() - 1;
        rows[0] = rows[last].clone();
    });
    let counted = RowsCounted {
        missing: 1,
        surplus: 1,
        foreign: 0,
    };
    assert_eq!(stand.reconcile().await.tables[0].counted, counted);
    let decisions = stand.decisions(RebuildChoice::Differing).await;
    stand.load(&decisions).await;
    stand.assert_level("after the rebuild").await;
}

/// Restored in place to an earlier state: the jobs of what is missing are known, and have ended well.
#[tokio::test]
async fn a_table_that_was_restored_in_place_to_last_week() {
    let stand = Stand::new().await;
    stand.run().await;
    let last_week = stand.fake.copy(EVENTS);
    stand.go_on();
    stand.run().await;
    stand.fake.restore(EVENTS, &last_week, true);
    let counted = RowsCounted {
        missing: 12,
        ..RowsCounted::default()
    };
    said_and_mended(&stand, 0, counted).await;
}

/// Restored as a new table: what is in it is counted and counts as loaded, the rest is loaded again.
#[tokio::test]
async fn a_table_that_was_made_again_from_last_week() {
    for forgotten in [false, true] {
        let stand = Stand::new().await;
        stand.run().await;
        let last_week = stand.fake.copy(EVENTS);
        stand.go_on();
        stand.run().await;
        stand.fake.restore(EVENTS, &last_week, false);
        if forgotten {
            stand.fake.forget_jobs();
        }
        let summary = stand.run().await;
        let table = &only(&summary.warehouses).tables[0];
        assert!(table.adopted > 3, "{table:?}");
        assert_eq!((table.rows, table.entries_behind), (12, 0), "{table:?}");
        stand.assert_level("after the run").await;
    }
}

#[tokio::test]
async fn a_table_that_was_dropped_is_named_and_filled_again_once_it_is_made() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.drop_table(EVENTS);
    let summary = stand.run().await;
    let failure = only(&summary.warehouses).failure.clone().unwrap();
    assert_eq!(failure.code, "no_table");
    assert!(failure.action.contains("warehouse init"), "{failure:?}");
    stand.make_tables().await;
    let summary = stand.run().await;
    let table = &only(&summary.warehouses).tables[0];
    assert_eq!((table.adopted, table.entries_behind), (0, 0), "{table:?}");
    stand.assert_level("after it was made again").await;
}

/// What is written as a whole each time is made anew where its columns have drifted, and stops nothing.
#[tokio::test]
async fn small_tables_whose_columns_have_drifted_are_made_anew() {
    let drift = |table: &'static str, what: &'static str| {
        move |stand: &Stand| {
            stand.fake.edit(table, |told| {
                let fields = told["schema"]["fields"].as_array_mut().unwrap();
                match what {
                    "another type" => fields[0]["type"] = json!("BYTES"),
                    "a column less" => drop(fields.pop()),
                    "a column that must have a value" => fields.push(json!({
                        "name": "region", "type": "STRING", "mode": "REQUIRED",
                    })),
                    other => panic!("{other}"),
                }
            });
        }
    };
    for (table, what) in [
        ("audit_coverage", "another type"),
        ("audit_batches", "a column less"),
        ("audit_batches", "a column that must have a value"),
    ] {
        let stand = Stand::new().await;
        stand.run().await;
        drift(table, what)(&stand);
        let summary = stand.run().await;
        let warehouse = only(&summary.warehouses);
        assert!(
            warehouse.failure.is_none(),
            "{table}: {what}: {:?}",
            warehouse.failure
        );
        stand.assert_level(&format!("{table}: {what}")).await;
        // `init` does the same, and names it first.
        drift(table, "another type")(&stand);
        let (bq, lake_id) = (stand.bq(), stand.state().await.lake_id);
        let preparing = prepare(&bq, &lake_id).await.unwrap();
        let steps = &preparing.preparation.steps;
        assert!(steps[0].changes[0].starts_with("recreate it"), "{steps:?}");
        carry_out_preparation(&bq, &lake_id, &preparing)
            .await
            .unwrap();
        assert!(prepare(&bq, &lake_id).await.unwrap().is_nothing());
        stand.run().await;
        stand.assert_level(&format!("{table}: after init")).await;
    }
}

/// A rebuild that was decided for a table that is gone is over.
#[tokio::test]
async fn a_decision_about_a_table_that_is_gone_is_void() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.fake.edit_rows(EVENTS, |rows| rows.truncate(50));
    let decisions = stand.decisions(RebuildChoice::Differing).await;
    stand.fake.drop_table(EVENTS);
    stand.load(&decisions).await;
    assert!(stand.state().await.rebuilds.is_empty());
    stand.make_tables().await;
    stand.run().await;
    stand.assert_level("after it was made again").await;
}

/// Jobs that loaded are forgotten, and their receipt was never written: counting finds the rows.
#[tokio::test]
async fn jobs_that_the_service_has_forgotten_are_not_done_again() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.go_on();
    stand.run().await;
    stand.fake.forget_jobs();
    stand.run().await;
    stand.assert_level("after forgetting").await;
}

#[tokio::test]
async fn a_second_lake_is_refused() {
    let stand = Stand::new().await;
    stand.run().await;
    let before = stand.fake.rows(EVENTS);
    for table in stand.fake.tables() {
        stand.fake.edit(&table, |told| {
            told["labels"] = json!({ LAKE_LABEL: "lake-of-others" })
        });
    }
    stand.go_on();
    let summary = stand.run().await;
    assert_eq!(summary.sources[0].counts.added, 12, "the lake goes on");
    let failure = only(&summary.warehouses).failure.clone().unwrap();
    assert_eq!(failure.code, "foreign");
    assert!(failure.message.contains("lake-of-others"), "{failure:?}");
    assert_eq!(stand.fake.rows(EVENTS), before, "nothing was loaded");
    let lake_id = stand.state().await.lake_id;
    let refused = prepare(&stand.bq(), &lake_id).await.unwrap_err();
    assert_eq!(refused.code(), "foreign");
    // Nor is one without any label taken.
    for table in stand.fake.tables() {
        stand.fake.edit(&table, |told| told["labels"] = json!({}));
    }
    let refused = prepare(&stand.bq(), &lake_id).await.unwrap_err();
    assert!(refused.to_string().contains("no lake"), "{refused}");
}

#[tokio::test]
async fn all_dates_can_be_rebuilt_where_nothing_differs() {
    let stand = Stand::new().await;
    stand.run().await;
    let decisions = stand.decisions(RebuildChoice::All).await;
    assert_eq!(decisions.len(), 2, "of events and of quarantine");
    stand.load(&decisions).await;
    stand.assert_level("after the rebuild").await;
}

/// Numbers of rows can be as they should be where rows are not.
#[tokio::test]
async fn an_event_that_is_there_twice_in_the_place_of_another_is_named() {
    let stand = Stand::new().await;
    stand.run().await;
    assert!(stand.reconcile().await.tables[0].doubled.is_empty());
    let mut twice = Vec::new();
    stand.fake.edit_rows(EVENTS, |rows| {
        let place = |row: &Row| (row.dt.clone(), row.category.clone(), row.batch_id.clone());
        let first = rows[0].clone();
        let other = rows
            .iter()
            .skip(1)
            .position(|row| place(row) == place(&first))
            .unwrap()
            + 1;
        rows[other].uid = first.uid.clone();
        twice.push((first.uid.clone().unwrap(), 2));
        // The same event under two dates, and a third time.
        let (last, before) = (rows.len() - 1, rows.len() - 2);
        let uid = rows[last].uid.clone();
        let taken = [&first.uid, &uid];
        let is_free = |row: &Row| row.dt != rows[last].dt && !taken.contains(&&row.uid);
        let another_date = rows.iter().position(is_free).unwrap();
        rows[before].uid = uid.clone();
        rows[another_date].uid = uid.clone();
        twice.push((uid.unwrap(), 3));
    });
    twice.sort();
    let table = &stand.reconcile().await.tables[0];
    assert!(table.counted.fits(), "{:?}", table.counted);
    let doubled = table
        .doubled
        .iter()
        .map(|it| (it.event_uid.clone(), it.rows));
    assert_eq!(doubled.collect::<Vec<_>>(), twice);
}
