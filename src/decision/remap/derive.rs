//! From rows as they were kept to rows with the columns that the mapping in force gives: pure.

use super::RemapError;
use crate::event::columns::EventColumns;
use crate::event::redact::Origin;
use crate::event::schema::{EVENT_COLUMNS, event_schema};
use crate::event::{ActorType, Event, RowContext};
use crate::lake::stored_instant;
use crate::source::Mapping;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and, cast, filter_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use std::collections::{BTreeMap, BTreeSet};

/// Columns that stay as they are: what an event is known, found and proven by, and when and how it was read.
const KEPT: [&str; 10] = [
    "event_uid",
    "native_id",
    "dt",
    "event_time",
    "event_time_text",
    "ingested_at",
    "platform",
    "source",
    "tenant",
    "raw",
];

/// Columns that say by which entry and rules a row was made, and so always change.
const VERSIONS: [&str; 3] = ["batch_id", "schema_version", "mapping_version"];

/// Rows with columns by the current rules.
#[derive(Debug)]
pub(super) struct DerivedRows {
    /// The rows, in the order in which they were.
    pub(super) rows: RecordBatch,
    /// What differs from before.
    pub(super) difference: RowDifference,
}

/// What deriving columns again changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RowDifference {
    /// Rows with another value in any column.
    pub(super) rows: u64,
    /// Rows with another value, by column.
    pub(super) columns: BTreeMap<String, u64>,
    /// Rows that stay as they are, since the mapping does not understand their record, or takes it for another one.
    pub(super) left: u64,
}

impl RowDifference {
    /// Adds what other rows change.
    pub(super) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.left += other.left;
        for (column, rows) in &other.columns {
            *self.columns.entry(column.clone()).or_default() += rows;
        }
    }

    /// Whether any row belongs to another category, and so into another file.
    pub(super) fn moves(&self) -> bool {
        self.columns.contains_key("category")
    }
}

/// Derives the columns of rows of a file again.
///
/// # Errors
/// Rows that are not those of a file of events.
pub(super) fn derive(
    old: &RecordBatch,
    mapping: &dyn Mapping,
    context: &RowContext,
) -> Result<DerivedRows, RemapError> {
    let text = |name: &str| -> Result<&StringArray, RemapError> {
        let column = old.column_by_name(name);
        let texts = column.and_then(|array| array.as_string_opt::<i32>());
        texts.ok_or_else(|| RemapError::Column(name.to_owned()))
    };
    let (uids, ids, raws) = (text("event_uid")?, text("native_id")?, text("raw")?);
    let times = old
        .column_by_name("event_time")
        .and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| RemapError::Column("event_time".to_owned()))?;
    let mut columns = EventColumns::with_room(context.clone(), old.num_rows());
    let mut understood = Vec::with_capacity(old.num_rows());
    for row in 0..old.num_rows() {
        let raw = raws.value(row);
        let id = ids.is_valid(row).then(|| ids.value(row));
        let event = mapping.normalise(raw.as_bytes(), None).ok();
        // Columns are derived again, events are not: whatever would be another one stays.
        let event = event.filter(|event| {
            event.native_id.as_deref() == id && event.time.timestamp_micros() == times.value(row)
        });
        understood.push(event.is_some());
        let event = match event {
            Some(event) => event,
            None => placeholder(raw, times.value(row))?,
        };
        columns
            .push(&event, uids.value(row))
            .map_err(|_| RemapError::TooLarge)?;
    }
    let new = columns.finish()?;
    let understood = BooleanArray::from(understood);
    let joined = joined_columns(mapping);
    let mut difference = RowDifference {
        left: understood.false_count() as u64,
        ..RowDifference::default()
    };
    let mut any = BooleanArray::from(vec![false; old.num_rows()]);
    let mut arrays = Vec::with_capacity(new.num_columns());
    for (field, fresh) in event_schema().fields().iter().zip(new.columns()) {
        let name = field.name().as_str();
        let before = old
            .column_by_name(name)
            .ok_or_else(|| RemapError::Column(name.to_owned()))?;
        let before = cast(before, field.data_type())?;
        if VERSIONS.contains(&name) {
            arrays.push(ArrayRef::clone(fresh));
            continue;
        }
        if KEPT.contains(&name) {
            arrays.push(before);
            continue;
        }
        let mut takes = understood.clone();
        if joined.contains(name) {
            takes = and(&takes, &says_something(fresh))?;
        }
        let after = zip(&takes, fresh, &before)?;
        let differs = distinct(&after, &before)?;
        let rows = differs.true_count() as u64;
        if rows > 0 {
            difference.columns.insert(name.to_owned(), rows);
            any = arrow::compute::or(&any, &differs)?;
        }
        arrays.push(after);
    }
    difference.rows = any.true_count() as u64;
    Ok(DerivedRows {
        rows: RecordBatch::try_new(event_schema(), arrays)?,
        difference,
    })
}

/// A row in the place of one that stays as it is.
fn placeholder(raw: &str, micros: i64) -> Result<Event<'_>, RemapError> {
    let time = stored_instant(micros).ok_or_else(|| RemapError::Column("event_time".to_owned()))?;
    Ok(Event::bare(raw, time, "".into()))
}

/// Columns whose value may come from what the platform joined to a record when it was read, which is not kept.
fn joined_columns(mapping: &dyn Mapping) -> BTreeSet<&'static str> {
    let origins = mapping.origins();
    let columns = EVENT_COLUMNS.iter().map(|column| column.name);
    let mut joined: BTreeSet<&str> = columns
        .filter(|column| {
            let mut of_column = origins.of_column(column).into_iter();
            of_column.any(|origin| matches!(origin, Origin::User(_)))
        })
        .collect();
    if !joined.is_empty() {
        // No value is withheld by it, so its origins are not stated, but it is about the same actor.
        joined.insert("actor_type");
    }
    joined
}

/// The rows in which a column of text says more than that nothing is known.
fn says_something(column: &ArrayRef) -> BooleanArray {
    let Some(texts) = column.as_string_opt::<i32>() else {
        return BooleanArray::from(vec![true; column.len()]);
    };
    let unknown = ActorType::Unknown.name();
    texts
        .iter()
        .map(|text| Some(text.is_some_and(|text| text != unknown)))
        .collect()
}

/// Rows by their category, each in the order in which they were.
///
/// # Errors
/// Rows that are not those of a file of events.
pub(super) fn by_category(rows: &RecordBatch) -> Result<BTreeMap<String, RecordBatch>, RemapError> {
    let categories = rows
        .column_by_name("category")
        .and_then(|array| array.as_string_opt::<i32>())
        .ok_or_else(|| RemapError::Column("category".to_owned()))?;
    let names: BTreeSet<&str> = categories.iter().flatten().collect();
    let mut parts = BTreeMap::new();
    for name in names {
        let mask = categories.iter().map(|it| Some(it == Some(name)));
        let mask: BooleanArray = mask.collect();
        parts.insert(name.to_owned(), filter_record_batch(rows, &mask)?);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::uid::event_uid;
    use crate::source::platform::PLATFORMS;

    /// A mapping whose columns may come from what the platform joined to a record.
    fn mapping() -> &'static dyn Mapping {
        let mut mappings = PLATFORMS.iter().filter_map(|it| it.profile.mapping);
        let joined = mappings.find(|it| joined_columns(*it).contains("actor_name"));
        joined.unwrap()
    }

    fn context(mapping: &dyn Mapping) -> RowContext {
        RowContext {
            ingested_at: "2026-01-02T00:00:00Z".parse().unwrap(),
            batch_id: "old".to_owned(),
            source: "k".to_owned(),
            platform: mapping.platform(),
            mapping_version: 1,
        }
    }

    fn record(id: &str) -> String {
        format!(
            r#"{{"id":"{id}","type":"CREATE","date":"2026-01-01T01:00:00Z","userId":"u","detail":{{"resourceType":"FLOW","id":"f"}}}}"#
        )
    }

    /// Rows of records, each changed before it was kept.
    fn rows(change: impl Fn(usize, &mut Event<'_>)) -> RecordBatch {
        let mapping = mapping();
        let mut columns = EventColumns::new(context(mapping));
        for (nth, id) in ["a", "b", "c"].into_iter().enumerate() {
            let record = record(id);
            let mut event = mapping.normalise(record.as_bytes(), None).unwrap();
            change(nth, &mut event);
            columns.push(&event, &event_uid("k", None, id)).unwrap();
        }
        columns.finish().unwrap()
    }

    fn derived(old: &RecordBatch) -> DerivedRows {
        let mapping = mapping();
        let context = RowContext {
            batch_id: "new".to_owned(),
            mapping_version: 7,
            ..context(mapping)
        };
        derive(old, mapping, &context).unwrap()
    }

    fn texts(rows: &RecordBatch, name: &str) -> Vec<Option<String>> {
        let column = rows.column_by_name(name).unwrap().as_string::<i32>();
        column.iter().map(|it| it.map(str::to_owned)).collect()
    }

    #[test]
    fn rows_that_are_as_they_should_be_differ_in_nothing() {
        let old = rows(|_, _| {});
        let DerivedRows { rows, difference } = derived(&old);
        assert_eq!(difference, RowDifference::default());
        let new = Some("new".to_owned());
        assert_eq!(texts(&rows, "batch_id"), [new.clone(), new.clone(), new]);
        assert_eq!(texts(&rows, "raw"), texts(&old, "raw"));
    }

    #[test]
    fn what_was_derived_otherwise_is_derived_again_and_counted_by_column() {
        let old = rows(|nth, event| {
            if nth < 2 {
                event.actor_uid = None;
            }
            if nth == 0 {
                event.category = crate::event::Category::Other;
            }
        });
        let DerivedRows {
            rows: new,
            difference,
        } = derived(&old);
        let columns = [("actor_uid".to_owned(), 2), ("category".to_owned(), 1)];
        assert_eq!(difference.columns, columns.into());
        assert_eq!((difference.rows, difference.left), (2, 0));
        assert!(difference.moves());
        let right = rows(|_, _| {});
        for name in ["actor_uid", "category", "event_uid", "raw"] {
            assert_eq!(texts(&new, name), texts(&right, name), "{name}");
        }
        let parts = by_category(&old).unwrap();
        assert_eq!(parts.values().map(RecordBatch::num_rows).sum::<usize>(), 3);
        assert_eq!(parts.len(), 2);
    }

    /// What was joined to a record is not kept, so only the column still has it.
    #[test]
    fn what_the_platform_joined_stays() {
        let old = rows(|_, event| {
            event.actor_name = Some("anna".into());
            event.actor_type = ActorType::User;
        });
        let DerivedRows { rows, difference } = derived(&old);
        assert_eq!(difference, RowDifference::default());
        assert_eq!(texts(&rows, "actor_name"), texts(&old, "actor_name"));
        assert_eq!(texts(&rows, "actor_type"), texts(&old, "actor_type"));
    }

    #[test]
    fn a_record_that_would_be_another_event_stays_as_it_is() {
        let old = rows(|nth, event| {
            event.actor_uid = None;
            match nth {
                0 => event.native_id = Some("other".into()),
                1 => event.time += chrono::TimeDelta::seconds(1),
                _ => event.raw = "{}",
            }
        });
        let DerivedRows { rows, difference } = derived(&old);
        let left = RowDifference {
            left: 3,
            ..RowDifference::default()
        };
        assert_eq!(difference, left);
        assert_eq!(texts(&rows, "actor_uid"), texts(&old, "actor_uid"));
    }
}
