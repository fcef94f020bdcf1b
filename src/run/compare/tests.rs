//! Random records, random things that were decided to go: every record is accounted for, nothing of
//! what is gone is written, and nothing else is lost.

use super::*;
use crate::event::columns::context as row_context;
use crate::event::uid::event_uid;
use crate::ledger::entry::ExpiredPart;
use crate::source::http::{Auth, Client, Settings};
use crate::source::kestra::{Dialect, Kestra};
use crate::source::{Key, Returned, Tenant};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Date32Type;
use chrono::DateTime;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SOURCE: &str = "kestra-prod";
const KINDS: [(&str, &str, &str); 3] = [
    ("LOGIN", "USER", "authentication"),
    ("CREATE", "EXECUTION", "execution"),
    ("CREATE", "FLOW", "resource_management"),
];

/// A record as it is served: one of few ids, so that many come again, some with other content.
#[derive(Debug, Clone, Copy)]
struct Served {
    id: u8,
    tenant: Option<&'static str>,
    /// None where it cannot become an event.
    kind: Option<usize>,
    version: u8,
}

impl Served {
    fn bytes(&self, date: NaiveDate) -> Vec<u8> {
        let Self { id, version, .. } = self;
        let tenant = self
            .tenant
            .map_or_else(String::new, |tenant| format!(r#","tenantId":"{tenant}""#));
        let text = match self.kind {
            Some(kind) => {
                let (action, resource, _) = KINDS[kind];
                format!(
                    r#"{{"id":"r{id}","type":"{action}","date":"{date}T10:00:00Z"{tenant},"detail":{{"resourceType":"{resource}","v":{version}}}}}"#
                )
            }
            None => format!(r#"{{"id":"r{id}"{tenant},"v":{version}}}"#),
        };
        text.into_bytes()
    }

    fn keyed(&self, source: &Kestra, date: NaiveDate) -> Keyed {
        let record = self.bytes(date);
        let key = source.identify(&record).map(|identity| Key {
            native_id: identity.native_id.into(),
            tenant: identity.tenant.map(Into::into),
            time: identity.time,
        });
        Keyed {
            returned: Returned {
                record: record.into(),
                user: None,
                is_record: true,
            },
            key,
        }
    }
}

fn served() -> impl Strategy<Value = Served> {
    (
        0..12u8,
        prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))],
        prop::option::weighted(0.8, 0..KINDS.len()),
        0..2u8,
    )
        .prop_map(|(id, tenant, kind, version)| Served {
            id,
            tenant,
            kind,
            version,
        })
}

/// A partition that was decided to go.
fn part() -> impl Strategy<Value = ExpiredPart> {
    let category = prop::option::weighted(0.7, 0..KINDS.len());
    let tenant = prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))];
    let source = prop_oneof![4 => Just(SOURCE), 1 => Just("kestra-other")];
    (0..2u32, category, tenant, source).prop_map(|(day, category, tenant, source)| ExpiredPart {
        date: date(day),
        table: match category {
            Some(_) => Table::Events,
            None => Table::Quarantine,
        },
        category: category.map(|kind| KINDS[kind].2.to_owned()),
        source: source.to_owned(),
        tenant: tenant.map(str::to_owned),
        rule: "default".to_owned(),
        last_day: date(day),
        entries: Vec::new(),
        files: 1,
        rows: 1,
        bytes: 1,
    })
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1 + day).unwrap()
}

/// Date, category and tenant of a row, and its name. Quarantine has no category.
type Row = (NaiveDate, Option<String>, Option<String>, String);

fn rows(batches: &[RecordBatch], name: &str, has_category: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap().as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let dt = batch.column_by_name("dt").unwrap();
        for row in 0..batch.num_rows() {
            let days = i64::from(dt.as_primitive::<Date32Type>().value(row));
            let date = DateTime::from_timestamp(days * 86_400, 0).unwrap();
            let category = has_category.then(|| text("category", row)).flatten();
            let uid = text(name, row).unwrap();
            rows.push((date.date_naive(), category, text("tenant", row), uid));
        }
    }
    rows
}

/// What should become of records, written down a second time: the rows, and how many are expired.
#[derive(Debug, Default)]
struct Expected {
    events: Vec<Row>,
    unfit: Vec<Row>,
    expired: u64,
    known: u64,
    repeated: u64,
}

fn expected(
    records: &[(u32, Served)],
    known: &Known,
    gone: &[ExpiredPart],
    feed: Option<&str>,
) -> Expected {
    let is_gone = |(date, category, tenant, _): &Row| {
        gone.iter().any(|part| {
            part.source == SOURCE
                && part.date == *date
                && part.category == *category
                && (part.tenant.is_none() || part.tenant == *tenant)
        })
    };
    let mut seen = BTreeSet::new();
    let mut expected = Expected::default();
    for (day, record) in records {
        let date = date(*day);
        let tenant = record.tenant.or(feed);
        let (row, is_known) = match record.kind {
            Some(kind) => {
                let uid = event_uid(SOURCE, tenant, &format!("r{}", record.id));
                let is_known = known.events.contains_key(&uid);
                let category = Some(KINDS[kind].2.to_owned());
                ((date, category, tenant.map(str::to_owned), uid), is_known)
            }
            None => {
                let uid = record_uid(SOURCE, feed, Digest::of(&record.bytes(date)).0);
                let is_known = known.quarantined.contains(&uid);
                ((date, None, feed.map(str::to_owned), uid), is_known)
            }
        };
        if !seen.insert(row.3.clone()) {
            expected.repeated += 1;
        } else if is_known {
            expected.known += 1;
        } else if is_gone(&row) {
            expected.expired += 1;
        } else if row.1.is_some() {
            expected.events.push(row);
        } else {
            expected.unfit.push(row);
        }
    }
    expected.events.sort();
    expected.unfit.sort();
    expected
}

proptest! {
    #[test]
    fn every_record_is_accounted_for_and_nothing_gone_is_written(
        days in prop::collection::vec(prop::collection::vec(served(), 0..40), 2..3),
        held in prop::collection::vec((0..2u32, served()), 0..8),
        gone in prop::collection::vec(part(), 0..6),
        feed in prop_oneof![Just(None), Just(Some("a"))],
    ) {
        let settings = Settings::new("http://127.0.0.1:9".parse().unwrap(), Auth::None);
        let client = Client::new(settings).unwrap();
        let source = Kestra::new(client, Dialect::V2, vec![Tenant::All]).unwrap();
        let mut known = Known::default();
        for (day, record) in &held {
            let bytes = record.bytes(date(*day));
            if record.kind.is_some() {
                let tenant = record.tenant.or(feed);
                let uid = event_uid(SOURCE, tenant, &format!("r{}", record.id));
                known.events.insert(uid, bytes.into());
            } else {
                known.quarantined.insert(record_uid(SOURCE, feed, Digest::of(&bytes).0));
            }
        }
        let parts: Vec<Piece> = days.iter().zip(0..).map(|(records, day)| Piece {
            tenant: feed.unwrap_or(super::super::plan::ALL_TENANTS).to_owned(),
            window: Window::of_date(date(day)).unwrap(),
            records: records.iter().map(|record| record.keyed(&source, date(day))).collect(),
            hole: None,
        }).collect();
        let all: Vec<(u32, Served)> = days.iter().zip(0..)
            .flat_map(|(records, day)| records.iter().map(move |record| (day, *record)))
            .collect();
        let mut everything = Gone::default();
        gone.iter().for_each(|part| everything.insert(part));
        let of_source = everything.of(SOURCE, date(0), date(1));
        let nothing = BTreeMap::new();
        let context = Context {
            source: &source,
            redaction: &Redaction::none(),
            row: row_context(),
            coverage: &nothing,
            gone: &of_source,
        };
        let knowns: Vec<Known> = parts.iter().map(|_| Known {
            events: known.events.clone(),
            quarantined: known.quarantined.clone(),
        }).collect();
        let compared = compare(&context, &parts, &knowns).unwrap();

        let mut totals = Counts::default();
        for day in &compared.days {
            prop_assert_eq!(day.counts.returned, day.counts.accounted());
            totals.add(&day.counts);
        }
        prop_assert_eq!(totals.returned, all.len() as u64);
        let batches: Vec<RecordBatch> = compared.events.into_iter().flatten().collect();
        let mut events = rows(&batches, "event_uid", true);
        let quarantine: Vec<RecordBatch> = compared.quarantine.into_iter().collect();
        let quarantine = rows(&quarantine, "record_uid", false);
        for (table, (date, category, tenant, uid)) in events.iter().map(|row| (Table::Events, row))
            .chain(quarantine.iter().map(|row| (Table::Quarantine, row)))
        {
            let (category, tenant) = (category.as_deref(), tenant.as_deref());
            prop_assert!(!everything.has(table, *date, category, SOURCE, tenant), "{}", uid);
        }
        let expected = expected(&all, &known, &gone, feed);
        events.sort();
        prop_assert_eq!(&events, &expected.events);
        // Evidence of changes stands beside what could not become events.
        let evidence: BTreeSet<String> = compared.changed.iter()
            .map(|changed| record_uid(SOURCE, feed, changed.now_sha256.0))
            .collect();
        let (changed, mut unfit): (Vec<Row>, Vec<Row>) = quarantine.into_iter()
            .partition(|row| evidence.contains(&row.3));
        unfit.sort();
        prop_assert_eq!(&unfit, &expected.unfit);
        prop_assert_eq!(changed.len() as u64, totals.changed);
        prop_assert_eq!(totals.added, events.len() as u64);
        prop_assert_eq!(totals.quarantined, unfit.len() as u64);
        prop_assert_eq!(totals.expired, expected.expired);
        prop_assert_eq!(totals.known, expected.known);
        prop_assert_eq!(totals.source_duplicates, expected.repeated);
    }
}

/// Other content of a record of which the lake has nothing more is no evidence of anything that is kept.
#[test]
fn another_reading_of_an_expired_record_is_a_repetition_and_leaves_no_bytes() {
    let settings = Settings::new("http://127.0.0.1:9".parse().unwrap(), Auth::None);
    let client = Client::new(settings).unwrap();
    let source = Kestra::new(client, Dialect::V2, vec![Tenant::All]).unwrap();
    let record = |version| Served {
        id: 1,
        tenant: Some("a"),
        kind: Some(0),
        version,
    };
    let piece = Piece {
        tenant: "a".to_owned(),
        window: Window::of_date(date(0)).unwrap(),
        records: [0, 1].map(|it| record(it).keyed(&source, date(0))).into(),
        hole: None,
    };
    let mut gone = Gone::default();
    gone.insert(&ExpiredPart {
        date: date(0),
        table: Table::Events,
        category: Some("authentication".to_owned()),
        source: SOURCE.to_owned(),
        tenant: None,
        rule: "default".to_owned(),
        last_day: date(0),
        entries: Vec::new(),
        files: 1,
        rows: 1,
        bytes: 1,
    });
    let nothing = BTreeMap::new();
    let context = Context {
        source: &source,
        redaction: &Redaction::none(),
        row: row_context(),
        coverage: &nothing,
        gone: &gone,
    };
    let compared = compare(&context, &[piece], &[Known::default()]).unwrap();
    let counts = compared.days[0].counts;
    assert_eq!((counts.expired, counts.source_duplicates), (1, 1));
    assert!(compared.quarantine.is_none() && compared.changed.is_empty());
    assert!(compared.events.is_empty());
}
