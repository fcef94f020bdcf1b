//! A lake as a reader finds it, and its comparison with what the platform ever showed.

use super::harness::key;
use crate::faulty_store::FaultyStore;
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailhouse::lake::FileReader;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::entry::Trust;
use trailhouse::ledger::log::Log;
use trailhouse::ledger::state::State;
use trailhouse::store::Bucket;
use trailhouse::window::{Coverage, Window};
use trailhouse_demo::kestra::Platform;

/// A record in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unfit {
    pub(super) native_id: Option<String>,
    pub(super) reason: String,
    pub(super) content: Vec<u8>,
}

/// Everything in a lake.
#[derive(Debug)]
pub(super) struct Lake {
    pub(super) state: State,
    /// Kept bytes of all rows by `event_uid`: one each.
    pub(super) events: BTreeMap<String, Vec<String>>,
    pub(super) quarantine: Vec<Unfit>,
}

impl Lake {
    pub(super) async fn read(store: &FaultyStore) -> Self {
        let bucket = Bucket::around(Arc::new(store.clone()));
        let trust = Trust::Keys(vec![key().verifier().clone()]);
        Self::read_from(&bucket, trust).await
    }

    pub(super) async fn read_from(bucket: &Bucket, trust: Trust) -> Self {
        let log = Log::read_only(bucket.clone(), trust);
        let state = log.load().await.unwrap().unwrap();
        let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut parts: BTreeMap<(String, String), Vec<(i64, Unfit)>> = BTreeMap::new();
        for live in state.live_files() {
            let reader = FileReader::new(bucket, live.file.signed()).unwrap();
            match live.file.table {
                Table::Events => {
                    for batch in columns(&reader, &["event_uid", "raw"]).await {
                        let (uids, raws) = (batch.column(0), batch.column(1));
                        let (uids, raws) = (uids.as_string::<i32>(), raws.as_string::<i32>());
                        for (uid, raw) in uids.iter().zip(raws) {
                            let rows = events.entry(uid.unwrap().to_owned()).or_default();
                            rows.push(raw.unwrap().to_owned());
                        }
                    }
                }
                Table::Objects => {}
                Table::Quarantine => {
                    let wanted = ["record_uid", "native_id", "reason", "part", "content"];
                    for batch in columns(&reader, &wanted).await {
                        for row in 0..batch.num_rows() {
                            let uid = text(&batch, "record_uid", row).unwrap();
                            let part = batch.column_by_name("part").unwrap();
                            let content = batch.column_by_name("content").unwrap();
                            let unfit = Unfit {
                                native_id: text(&batch, "native_id", row),
                                reason: text(&batch, "reason", row).unwrap(),
                                content: content.as_binary::<i32>().value(row).to_vec(),
                            };
                            let part = part.as_primitive::<Int64Type>().value(row);
                            let key = (uid, live.file.path.to_string());
                            parts.entry(key).or_default().push((part, unfit));
                        }
                    }
                }
            }
        }
        let mut quarantine = Vec::new();
        for (_, mut parts) in parts {
            parts.sort();
            let mut whole = parts.remove(0).1;
            for (_, part) in parts {
                whole.content.extend(part.content);
            }
            quarantine.push(whole);
        }
        quarantine.sort();
        Self {
            state,
            events,
            quarantine,
        }
    }

    /// Every event of the lake by its uid; fails where one is there twice.
    pub(super) fn rows(&self) -> BTreeMap<&str, &str> {
        let rows = self.events.iter();
        rows.map(|(uid, raws)| {
            assert_eq!(raws.len(), 1, "{uid} is in the lake {} times", raws.len());
            (uid.as_str(), raws[0].as_str())
        })
        .collect()
    }

    /// Records of the lake that are evidence of a change.
    pub(super) fn evidence(&self) -> Vec<&Unfit> {
        let quarantine = self.quarantine.iter();
        quarantine.filter(|it| it.reason == "changed").collect()
    }

    /// Records that are in the lake in quarantine alone.
    pub(super) fn unfit(&self) -> Vec<&Unfit> {
        let quarantine = self.quarantine.iter();
        quarantine.filter(|it| it.reason != "changed").collect()
    }

    pub(super) fn coverage(&self) -> BTreeMap<(String, String), Coverage> {
        let mut all = BTreeMap::new();
        for (id, source) in &self.state.sources {
            for (tenant, feed) in &source.feeds {
                all.insert((id.clone(), tenant.clone()), feed.coverage.clone());
            }
        }
        all
    }

    /// Added, quarantined, late and changed records by source, tenant and date: what does not
    /// depend on how often something was read.
    pub(super) fn days(&self) -> BTreeMap<(String, String, NaiveDate), [u64; 4]> {
        let mut all = BTreeMap::new();
        for (id, source) in &self.state.sources {
            for (tenant, feed) in &source.feeds {
                for (date, day) in &feed.days {
                    let counts = &day.counts;
                    all.insert(
                        (id.clone(), tenant.clone(), *date),
                        [
                            counts.added,
                            counts.quarantined,
                            counts.late,
                            counts.changed,
                        ],
                    );
                }
            }
        }
        all
    }

    /// Fails unless this lake holds what `other` holds, each once, and covers the same.
    pub(super) fn assert_same(&self, other: &Self, when: &str) {
        assert_eq!(self.rows(), other.rows(), "rows, {when}");
        assert_eq!(self.quarantine, other.quarantine, "quarantine, {when}");
        assert_eq!(self.coverage(), other.coverage(), "coverage, {when}");
        assert_eq!(self.days(), other.days(), "counts by date, {when}");
    }

    /// Fails unless the lake holds exactly what the platform ever showed whole, each record once
    /// and with bytes that were shown, and its counts say so.
    pub(super) fn assert_holds_what_was_shown(&self, platform: &Platform, when: &str) {
        let mut rows: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
        for (uid, raw) in self.rows() {
            let id = uid.rsplit('/').next().unwrap();
            rows.entry(id).or_default().push(raw.as_bytes());
        }
        let unfit: BTreeSet<&[u8]> = self.unfit().iter().map(|it| &*it.content).collect();
        assert_eq!(unfit.len(), self.unfit().len(), "quarantined once, {when}");
        let covered: Vec<Window> = self.coverage().into_values().flat_map(Vec::from).collect();
        let mut held = 0;
        for shown in platform.shown() {
            let was_shown = |bytes: &[u8]| shown.versions.iter().any(|version| version == bytes);
            let events = rows.get(&*shown.id).map_or(&[][..], Vec::as_slice);
            let in_events = events.iter().filter(|raw| was_shown(raw)).count();
            let in_quarantine = unfit.iter().filter(|content| was_shown(content)).count();
            assert_eq!(
                events.len(),
                in_events,
                "{} as never shown, {when}",
                shown.id
            );
            let times = in_events + in_quarantine;
            // A count may show a record that is yet to be read.
            let read = covered.iter().any(|window| window.contains(shown.date));
            let must_be_there = shown.whole && read;
            assert!(
                times == 1 || (times == 0 && !must_be_there),
                "{} at {} is in the lake {times} times, {when}",
                shown.id,
                shown.date,
            );
            held += times;
        }
        assert_eq!(
            held,
            self.events.len() + unfit.len(),
            "all were shown, {when}"
        );
        let counted: u64 = self
            .days()
            .values()
            .map(|counts| counts[0] + counts[1])
            .sum();
        assert_eq!(counted, held as u64, "counts, {when}");
    }
}

pub(super) async fn columns(reader: &FileReader, names: &[&str]) -> Vec<RecordBatch> {
    let batches = reader.columns(names, None).await.unwrap();
    batches.try_collect().await.unwrap()
}

fn text(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_owned())
}

/// Every object of a store with its bytes.
pub(super) async fn objects(store: &FaultyStore) -> BTreeMap<String, Vec<u8>> {
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    let mut objects = BTreeMap::new();
    for meta in listed {
        let got = store.get(&meta.location).await.unwrap();
        let bytes = got.bytes().await.unwrap().to_vec();
        objects.insert(meta.location.to_string(), bytes);
    }
    objects
}

/// All values of all columns of every file, decoded: compressed pages hide their text.
pub(super) async fn everything(store: &FaultyStore) -> BTreeMap<String, Vec<u8>> {
    let lake = Lake::read(store).await;
    let bucket = Bucket::around(Arc::new(store.clone()));
    let mut all = BTreeMap::new();
    for live in lake.state.live_files() {
        let reader = FileReader::new(&bucket, live.file.signed()).unwrap();
        let wanted = live.file.table.columns().iter();
        let names: Vec<&str> = wanted.map(|column| column.name).collect();
        let mut text = Vec::new();
        for batch in columns(&reader, &names).await {
            for column in batch.columns() {
                if let Some(texts) = column.as_string_opt::<i32>() {
                    texts
                        .iter()
                        .flatten()
                        .for_each(|value| text.extend(value.as_bytes()));
                } else if let Some(bytes) = column.as_binary_opt::<i32>() {
                    bytes.iter().flatten().for_each(|value| text.extend(value));
                }
                text.push(b'\n');
            }
        }
        all.insert(format!("rows of {}", live.file.path), text);
    }
    all
}

/// The cells of all rows of events in these columns, as text.
pub(super) async fn cells(store: &FaultyStore, names: &[&str]) -> Vec<Vec<Option<String>>> {
    let lake = Lake::read(store).await;
    let bucket = Bucket::around(Arc::new(store.clone()));
    let mut rows = Vec::new();
    for live in lake.state.live_files() {
        if live.file.table != Table::Events {
            continue;
        }
        let reader = FileReader::new(&bucket, live.file.signed()).unwrap();
        for batch in columns(&reader, names).await {
            for row in 0..batch.num_rows() {
                let cell = |name: &&str| {
                    let column = batch.column_by_name(name).unwrap();
                    let text = || array_value_to_string(column, row).unwrap();
                    column.is_valid(row).then(text)
                };
                rows.push(names.iter().map(cell).collect());
            }
        }
    }
    rows
}
