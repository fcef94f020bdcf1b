//! Rows for tests: repeatable, shaped like a platform's feed (skewed users and flows, unique ids,
//! about 520 bytes of raw text), in order of time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use chrono::{DateTime, NaiveDate, Utc};

use crate::event::Category;
use crate::event::RowContext;
use crate::event::objects::{ObjectRow, object_rows};
use crate::window::{format_instant, midnight};

use crate::lake::Belonging;
use crate::lake::layout::{DataFile, Partition, RunId, Table};

/// A small generator of numbers (SplitMix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Mostly small.
    fn skewed(&mut self, bound: u64) -> u64 {
        let a = self.below(bound);
        let b = self.below(bound);
        let c = self.below(bound);
        a.min(b).min(c)
    }

    fn id(&mut self, length: usize) -> String {
        const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..length)
            .map(|_| char::from(DIGITS[usize::try_from(self.below(62)).unwrap()]))
            .collect()
    }
}

pub(super) struct Row {
    id: String,
    time: DateTime<Utc>,
    user: u64,
    flow: u64,
    execution: String,
    action: &'static str,
    revision: u64,
    detail: String,
    raw: String,
}

fn row(numbers: &mut Numbers, time: DateTime<Utc>) -> Row {
    let id = numbers.id(22);
    let user = numbers.skewed(400);
    let flow = numbers.skewed(1500);
    let execution = numbers.id(22);
    let action =
        ["CREATE", "UPDATE", "DELETE", "EXECUTE"][usize::try_from(numbers.skewed(4)).unwrap()];
    let revision = numbers.skewed(30) + 1;
    let date = format_instant(time);
    let (patch, label, trace) = (numbers.id(12), numbers.skewed(40), numbers.id(16));
    let detail = format!(
        r#"{{"cls":"io.kestra.core.models.executions.Execution","id":"{execution}","flowId":"flow-{flow}","namespace":"company.team{}","revision":{revision},"state":"CREATED","labels":{{"team":"t{label}","trace":"{trace}"}}}}"#,
        flow % 60
    );
    let raw = format!(
        r#"{{"id":"{id}","type":"EXECUTION","resource":"EXECUTION","action":"{action}","detail":{detail},"userId":"u{user:07}{}","ipAddress":"10.{}.{}.{}","impersonatedBy":null,"date":"{date}","tenantId":"main","namespace":"company.team{}","appliedPatch":[{{"op":"replace","path":"/revision","value":"{patch}"}}],"deleted":false}}"#,
        user * 7919,
        user % 4,
        user % 250,
        user % 199,
        flow % 60,
    );
    Row {
        id,
        time,
        user,
        flow,
        execution,
        action,
        revision,
        detail,
        raw,
    }
}

/// `count` execution events of one date and source, spread over the day, in order.
pub(super) fn events(date: NaiveDate, count: usize, seed: u64) -> RecordBatch {
    events_of(date, count, seed, |_| Category::Execution)
}

/// The same with a category for every row.
pub(super) fn events_of(
    date: NaiveDate,
    count: usize,
    seed: u64,
    category: impl Fn(usize) -> Category,
) -> RecordBatch {
    events_from(date, 0..count, count, seed, category)
}

/// Those in a range of positions out of `total` over the day.
pub(super) fn events_from(
    date: NaiveDate,
    positions: Range<usize>,
    total: usize,
    seed: u64,
    category: impl Fn(usize) -> Category,
) -> RecordBatch {
    let mut numbers = Numbers(seed);
    let count = positions.len();
    let step = 86_400_000 / i64::try_from(total).unwrap().max(1);
    let rows: Vec<Row> = positions
        .map(|i| {
            let millis = i64::try_from(i).unwrap() * step;
            let time = midnight(date) + chrono::TimeDelta::milliseconds(millis);
            row(&mut numbers, time)
        })
        .collect();
    let days = days(date);
    let schema = Table::Events.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.data_type() {
            DataType::Date32 => Arc::new(Date32Array::from(vec![days; count])),
            DataType::Timestamp(..) => {
                let micros = rows.iter().map(|row| match field.name().as_str() {
                    "event_time" => row.time.timestamp_micros(),
                    _ => 1_800_000_000_000_000,
                });
                let array: TimestampMicrosecondArray = micros.map(Some).collect();
                Arc::new(array.with_timezone("UTC"))
            }
            DataType::Int64 => Arc::new(Int64Array::from(vec![1; count])),
            _ => {
                let values = rows
                    .iter()
                    .enumerate()
                    .map(|(i, row)| text(field.name(), row, category(i)));
                Arc::new(values.collect::<StringArray>())
            }
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

fn text(column: &str, row: &Row, category: Category) -> Option<String> {
    let Row { user, flow, .. } = row;
    Some(match column {
        "event_uid" => format!("kestra-prod/main/{}", row.id),
        "native_id" => row.id.clone(),
        "event_time_text" => format_instant(row.time),
        "batch_id" => "20261124T031500Z-1a2b3c4d-00003".to_owned(),
        "platform" => "kestra".to_owned(),
        "source" => "kestra-prod".to_owned(),
        "tenant" => "main".to_owned(),
        "category" => category.name().to_owned(),
        "activity_name" => "Create".to_owned(),
        "action" => row.action.to_owned(),
        "outcome" => "unknown".to_owned(),
        "actor_uid" => format!("u{user:07}{}", user * 7919),
        "actor_name" => format!("person.{user}"),
        "actor_email" => format!("person.{user}@example.com"),
        "actor_type" => "user".to_owned(),
        "src_ip" => format!("10.{}.{}.{}", user % 4, user % 250, user % 199),
        "resource_type" => "EXECUTION".to_owned(),
        "resource_uid" | "execution_uid" => row.execution.clone(),
        "namespace" => format!("company.team{}", flow % 60),
        "workflow" => format!("flow-{flow}"),
        "revision" => row.revision.to_string(),
        "detail" => row.detail.clone(),
        "raw" => row.raw.clone(),
        _ => return None,
    })
}

/// `count` quarantined records of one date and source, in order, none with a time.
pub(super) fn quarantine(date: NaiveDate, count: usize) -> RecordBatch {
    let schema = Table::Quarantine.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match (field.name().as_str(), field.data_type()) {
            ("event_time", _) => {
                let none = TimestampMicrosecondArray::from(vec![None::<i64>; count]);
                Arc::new(none.with_timezone("UTC"))
            }
            ("part", _) => Arc::new(Int64Array::from(vec![0; count])),
            (_, DataType::Date32) => Arc::new(Date32Array::from(vec![days(date); count])),
            (_, DataType::Timestamp(..)) => {
                let at = vec![midnight(date).timestamp_micros(); count];
                Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"))
            }
            (_, DataType::Int64) => Arc::new(Int64Array::from(vec![1; count])),
            (_, DataType::Binary) => {
                let bytes = (0..count).map(|i| Some([0xff, u8::try_from(i % 256).unwrap()]));
                Arc::new(bytes.collect::<BinaryArray>())
            }
            (name, _) => {
                let values = (0..count).map(|i| match name {
                    "record_uid" => Some(format!("kestra-prod/main/{i:08}")),
                    "source" => Some("kestra-prod".to_owned()),
                    "native_id" | "tenant" | "reason_detail" => None,
                    _ => Some("text".to_owned()),
                });
                Arc::new(values.collect::<StringArray>())
            }
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// What was read of objects of one date and source, in order; one could not be.
pub(super) fn objects(date: NaiveDate) -> RecordBatch {
    let context = RowContext {
        ingested_at: midnight(date),
        batch_id: belonging().batch_id,
        source: "aws-states".to_owned(),
        platform: "cloudtrail",
        mapping_version: 1,
    };
    let rows: Vec<ObjectRow> = (0..5_u8)
        .map(|n| ObjectRow {
            tenant: Some("123456789012/eu-central-1".into()),
            key: format!("AWSLogs/{n}.json.gz").into(),
            version: format!("\"{n:032x}\"").into(),
            position: midnight(date) + chrono::TimeDelta::minutes(i64::from(n) / 2),
            modified: midnight(date) + chrono::TimeDelta::minutes(5),
            bytes: 1_000 + u64::from(n),
            read: match n {
                3 => Err("not_understood"),
                _ => Ok(([n; 32], u64::from(n))),
            },
        })
        .collect();
    object_rows(&context, &rows).unwrap()
}

fn days(date: NaiveDate) -> i32 {
    let days = midnight(date).timestamp().div_euclid(86_400);
    i32::try_from(days).unwrap()
}

pub(super) fn date() -> NaiveDate {
    "2026-11-23".parse().unwrap()
}

pub(super) fn run() -> RunId {
    RunId::new("2026-11-24T03:15:00Z".parse().unwrap(), 0x1a2b_3c4d)
}

pub(super) fn file(partition: Partition) -> DataFile {
    DataFile {
        partition,
        run: run(),
        chunk: 3,
        part: 0,
    }
}

pub(super) fn execution_file() -> DataFile {
    file(Partition::events(date(), Category::Execution, "kestra-prod").unwrap())
}

pub(super) fn belonging() -> Belonging {
    Belonging {
        lake_id: "0f1e2d3c".to_owned(),
        batch_id: "20261124T031500Z-1a2b3c4d-00003".to_owned(),
    }
}
