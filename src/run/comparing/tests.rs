//! Random records, random things that were decided to go: every record is accounted for, nothing of
//! what is gone is written, and nothing else is lost.

use super::known::{KnownEvent, KnownUnfit};
use super::*;
use crate::event::columns::context as row_context;
use crate::event::redact::Redaction;
use crate::event::uid::{event_uid, record_uid};
use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Counts, ExpiredPart};
use crate::ledger::state::Gone;
use crate::run::pieces::{Piece, Shown};
use crate::source::platform::kestra::KestraMapping;
use crate::source::{Axis, Keyed, Mapping as _, Returned, key_of};
use crate::window::Window;
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Date32Type;
use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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

    fn keyed(&self, date: NaiveDate) -> Keyed {
        let record = self.bytes(date);
        let key = key_of(&KestraMapping, &record);
        Keyed {
            returned: Returned::record(record.into()),
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
    repaired: u64,
}

/// What the lake holds, as the expectation needs it.
#[derive(Debug, Default)]
struct Held {
    events: Vec<Served>,
    unfit: BTreeSet<Digest>,
    unfit_ids: BTreeSet<u8>,
}

fn expected(
    records: &[(u32, Served)],
    held: &Held,
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
    let same = |one: &Served, other: &Served| {
        let tenants = one.tenant.is_none() || other.tenant.is_none() || one.tenant == other.tenant;
        one.id == other.id && tenants
    };
    let mut seen: Vec<Served> = Vec::new();
    let mut seen_unfit = BTreeSet::new();
    let mut expected = Expected::default();
    for (day, record) in records {
        let date = date(*day);
        let sha256 = Digest::of(&record.bytes(date));
        if let Some(kind) = record.kind {
            if seen.iter().any(|other| same(record, other)) {
                expected.repeated += 1;
                continue;
            }
            let tenant = record.tenant.or(feed).map(str::to_owned);
            let uid = event_uid(SOURCE, record.tenant, &format!("r{}", record.id));
            let row = (date, Some(KINDS[kind].2.to_owned()), tenant, uid);
            if held.events.iter().any(|other| same(record, other)) {
                expected.known += 1;
            } else if is_gone(&row) {
                expected.expired += 1;
            } else {
                expected.repaired += u64::from(held.unfit_ids.contains(&record.id));
                expected.events.push(row);
            }
            seen.push(*record);
            continue;
        }
        let uid = record_uid(SOURCE, sha256.0);
        let row = (date, None, feed.map(str::to_owned), uid);
        let has_id = |other: &Served| other.id == record.id;
        if seen_unfit.contains(&sha256) {
            expected.repeated += 1;
        } else if held.unfit.contains(&sha256) {
            expected.known += 1;
        } else if seen.iter().any(has_id) {
            expected.repeated += 1;
        } else if held.events.iter().any(has_id) || held.unfit_ids.contains(&record.id) {
            expected.known += 1;
        } else if is_gone(&row) {
            expected.expired += 1;
        } else {
            expected.unfit.push(row);
        }
        seen_unfit.insert(sha256);
    }
    expected.events.sort();
    expected.unfit.sort();
    expected
}

fn known_of(held: &[(u32, Served)]) -> (KnownRecords, Held) {
    let (mut known, mut plain) = (KnownRecords::default(), Held::default());
    for (day, record) in held {
        let bytes = record.bytes(date(*day));
        let id = format!("r{}", record.id).into_boxed_str();
        let sha256 = Digest::of(&bytes);
        if record.kind.is_some() {
            let event = KnownEvent {
                event_uid: event_uid(SOURCE, record.tenant, &id),
                time: KestraMapping.identify(&bytes).unwrap().time,
                raw: bytes.into(),
                sequence: 1,
            };
            known.events.entry(id).or_default().push(event);
            plain.events.push(*record);
        } else {
            known.quarantined.insert(sha256);
            plain.unfit.insert(sha256);
            let date = date(*day);
            known.unreadable.entry(id).or_insert(KnownUnfit {
                date,
                sha256,
                sequence: 1,
            });
            plain.unfit_ids.insert(record.id);
        }
    }
    (known, plain)
}

proptest! {
    #[test]
    fn every_record_is_accounted_for_and_nothing_gone_is_written(
        days in prop::collection::vec(prop::collection::vec(served(), 0..40), 2..3),
        held in prop::collection::vec((0..2u32, served()), 0..8),
        gone in prop::collection::vec(part(), 0..6),
        feed in prop_oneof![Just(None), Just(Some("a"))],
    ) {
            let (known, plain) = known_of(&held);
        let parts: Vec<Piece> = days.iter().zip(0..).map(|(records, day)| Piece {
            tenant: feed.unwrap_or(crate::run::feed::ALL_TENANTS).to_owned(),
            window: Window::of_date(date(day)).unwrap(),
            records: records.iter().map(|record| record.keyed(date(day))).collect(),
            objects: Vec::new(),
            shown: Shown::Whole,
        }).collect();
        let all: Vec<(u32, Served)> = days.iter().zip(0..)
            .flat_map(|(records, day)| records.iter().map(move |record| (day, *record)))
            .collect();
        let mut everything = Gone::default();
        gone.iter().for_each(|part| everything.insert(part));
        let of_source = everything.of(SOURCE, date(0), date(1));
        let nothing = BTreeMap::new();
        let context = ComparisonContext {
            mapping: &KestraMapping,
            axis: Axis::Event,
            redaction: &Redaction::none(),
            redacted: &Redacted::new(&[], &Redaction::none(), &[], None),
            row: row_context(),
            coverage: &nothing,
            gone: &of_source,
        };
        let knowns: Vec<KnownRecords> = parts.iter().map(|_| known.clone()).collect();
        let compared = compare(&context, &parts, &knowns).unwrap();

        let mut totals = Counts::default();
        let mut to_expect = 0;
        for day in &compared.days {
            prop_assert_eq!(day.counts.returned, day.counts.accounted());
            totals.add(&day.counts);
            to_expect += day.added_to_expected();
        }
        // What is read for the first time is expected, and no more where it was counted before.
        let elsewhere = compared.changed.iter().filter(|it| it.moved_from.is_some()).count() as u64;
        prop_assert_eq!(u64::try_from(to_expect).unwrap_or_default(), totals.returned.saturating_sub(elsewhere + totals.repaired));
        prop_assert_eq!(compared.read.iter().sum::<u64>(), totals.returned);
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
        let expected = expected(&all, &plain, &gone, feed);
        events.sort();
        prop_assert_eq!(&events, &expected.events);
        // Evidence of changes stands beside what could not become events.
        let evidence: BTreeSet<String> = compared.changed.iter()
            .map(|changed| record_uid(SOURCE, changed.now_sha256.0))
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
        prop_assert_eq!(totals.repaired, expected.repaired);
    }
}

/// Other content of a record of which the lake has nothing more is no evidence of anything that is kept.
#[test]
fn another_reading_of_an_expired_record_is_a_repetition_and_leaves_no_bytes() {
    let record = |version| Served {
        id: 1,
        tenant: Some("a"),
        kind: Some(0),
        version,
    };
    let piece = Piece {
        tenant: "a".to_owned(),
        window: Window::of_date(date(0)).unwrap(),
        records: [0, 1].map(|it| record(it).keyed(date(0))).into(),
        objects: Vec::new(),
        shown: Shown::Whole,
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
    let context = ComparisonContext {
        mapping: &KestraMapping,
        axis: Axis::Event,
        redaction: &Redaction::none(),
        redacted: &Redacted::new(&[], &Redaction::none(), &[], None),
        row: row_context(),
        coverage: &nothing,
        gone: &gone,
    };
    let compared = compare(&context, &[piece], &[KnownRecords::default()]).unwrap();
    let counts = compared.days[0].counts;
    assert_eq!((counts.expired, counts.source_duplicates), (1, 1));
    assert!(compared.quarantine.is_none() && compared.changed.is_empty());
    assert!(compared.events.is_empty());
}
