//! Rows that are removed on purpose, and partitions that expire.

use super::material::{Event, counted, done, events, events_shape, labels};
use super::{Bench, append, class};
use trailhouse::warehouse::{
    Class, Deletion, JobId, JobWork, SqlCondition, Statement, TableShape, Warehouse,
};

const ROWS: [Event; 6] = [
    ("2026-01-01", "execution", "b1", "e1"),
    ("2026-01-01", "authentication", "b1", "e2"),
    ("2026-01-02", "execution", "b2", "e3"),
    ("2026-01-02", "execution", "b3", "e4"),
    ("2026-01-03", "execution", "b4", "e5"),
    ("2026-01-03", "other", "b4", "e6"),
];

pub(super) async fn deletions(bench: &Bench<'_>) {
    let warehouse = bench.warehouse;
    let name = "deleted";
    warehouse
        .create_table(name, &events_shape(), &labels())
        .await
        .unwrap();
    let file = (bench.put)("events/date=x/cat=x/src=x/d-0.parquet", events(&ROWS));
    done(warehouse, "delete_load", &append(name, &[file]))
        .await
        .unwrap();
    let of = |first: &str, last: &str, conditions: &[SqlCondition]| Deletion {
        first: first.parse().unwrap(),
        last: last.parse().unwrap(),
        conditions: conditions.to_vec(),
    };
    let sql = |deletion: &Deletion| {
        warehouse.sql(&Statement::Delete {
            table: name,
            deletion,
        })
    };
    let condition = |category: Option<&str>, source: &str, batches: &[&str]| SqlCondition {
        category: category.map(str::to_owned),
        source: source.to_owned(),
        batches: batches.iter().map(|it| (*it).to_owned()).collect(),
    };
    let deletions = [
        // Nobody has this name, whatever it means to a reader of text.
        (
            of(
                "2026-01-01",
                "2026-01-03",
                &[condition(None, r"x' OR source = 'kestra-prod\", &[])],
            ),
            0,
        ),
        (
            of(
                "2026-01-02",
                "2026-01-03",
                &[
                    condition(Some("execution"), "kestra-prod", &["b3", "b4"]),
                    condition(Some("authentication"), "kestra-prod", &[]),
                ],
            ),
            2,
        ),
        (of("2026-01-01", "2026-01-01", &[]), 2),
        (of("2026-01-01", "2026-01-01", &[]), 0),
    ];
    for (number, (deletion, rows)) in deletions.into_iter().enumerate() {
        let sql = sql(&deletion);
        warehouse.dry_run(&sql).await.unwrap();
        let id = format!("delete_{number}");
        let query = JobWork::Query { sql: sql.clone() };
        let deleted = done(warehouse, &id, &query).await.unwrap();
        assert_eq!(deleted.affected_rows, Some(rows), "{sql}");
    }
    assert_eq!(
        counted(warehouse, "delete_count", name).await,
        [
            "2026-01-02 execution kestra-prod b2 1",
            "2026-01-03 other kestra-prod b4 1",
        ]
    );
    // A source as a whole, where there is no category.
    let rest = [condition(None, "kestra-prod", &[])];
    let sql = sql(&of("2026-01-02", "2026-01-03", &rest));
    let deleted = done(warehouse, "delete_rest", &JobWork::Query { sql }).await;
    assert_eq!(deleted.unwrap().affected_rows, Some(2));
    assert_eq!(warehouse.table(name).await.unwrap().unwrap().rows, 0);

    let sql = warehouse.sql(&Statement::Nothing);
    let nothing = done(warehouse, "nothing", &JobWork::Query { sql }).await;
    assert_eq!(nothing.unwrap().affected_rows, None);
    let rows = warehouse.rows(&JobId::of(&["nothing"])).await;
    assert_eq!(rows, Ok(vec![vec![Some("1".to_owned())]]));
}

pub(super) async fn expirations(warehouse: &dyn Warehouse) {
    const SIXTY_DAYS: u64 = 5_184_000_000;
    let name = "expiring";
    warehouse
        .create_table(name, &events_shape(), &labels())
        .await
        .unwrap();
    let before = warehouse.table(name).await.unwrap().unwrap();
    for after in [Some(SIXTY_DAYS), Some(2 * SIXTY_DAYS), None] {
        let found = warehouse.table(name).await.unwrap().unwrap();
        warehouse
            .set_partition_expiration(&found, after)
            .await
            .unwrap();
        let changed = warehouse.table(name).await.unwrap().unwrap();
        assert_eq!(changed.partition_expiration, after);
        assert_eq!(
            (&changed.partition, &changed.clustering, &changed.columns),
            (&before.partition, &before.clustering, &before.columns)
        );
        assert!(changed.require_partition_filter);
        // Nothing is lost that another one did meanwhile.
        let stale = warehouse.set_partition_expiration(&found, Some(1)).await;
        assert_eq!(class(stale), Class::Conflict);
        warehouse
            .set_partition_expiration(&changed, after)
            .await
            .unwrap();
        let same = warehouse.table(name).await.unwrap().unwrap();
        assert_eq!(same.told["etag"], changed.told["etag"], "nothing was sent");
        let never = warehouse.set_partition_expiration(&changed, Some(0)).await;
        assert_eq!(class(never), Class::Refused);
    }
    let whole = TableShape {
        partition: None,
        require_partition_filter: false,
        ..events_shape()
    };
    warehouse
        .create_table("undivided", &whole, &labels())
        .await
        .unwrap();
    let found = warehouse.table("undivided").await.unwrap().unwrap();
    let set = warehouse.set_partition_expiration(&found, Some(SIXTY_DAYS));
    assert_eq!(class(set.await), Class::Refused);
}
