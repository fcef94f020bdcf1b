//! What an entry says of a file, in the form in which the state holds that of all files.
//!
//! A lake has a file for each source, category and hour or so, and a process holds what the ledger says
//! of all of them, so this is small: names that files share are held once ([`SharedText`]), digests are
//! bytes, and ranges are packed. Its JSON is that of plain texts and maps.

use crate::lake::layout::{FilePath, LayoutError, Table};
use crate::lake::{ColumnStatistics, FileFacts, FileStatistics, InstantRange};
use crate::ledger::digest::{Digest, Md5};
use crate::ledger::leb128::{put, take};
use crate::policy::PolicySubject;
use crate::shared_text::SharedText;
use crate::store::SignedFile;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One file that an entry adds to the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name in the bucket.
    pub path: FilePath,
    /// The table whose rows it holds.
    pub table: Table,
    /// The one UTC date of its rows.
    pub date: NaiveDate,
    /// The one category of its rows; `None` for quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<SharedText>,
    /// The one source of its rows.
    pub source: SharedText,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the whole file.
    pub sha256: Digest,
    /// Its MD5, which stores compute too; absent in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<Md5>,
    /// Rows.
    pub rows: u64,
    /// Earliest and latest event time, both inclusive and cut to microseconds as stored; absent
    /// where no row has one, which only quarantine allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<InstantRange>,
    /// RFC 6962 root over the salted leaves of its rows in order.
    pub records_root: Digest,
    /// Sizes, and ranges of public text columns, for pruning.
    pub statistics: StatedStatistics,
}

/// Why what an entry says of a file cannot be held against the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFacts {
    /// Its name is not one of a data file.
    #[error(transparent)]
    Name(#[from] LayoutError),
    /// Its name says something else than the entry.
    #[error("its name does not match its entry")]
    Other,
}

/// What the lake knows of a file that it wrote, as an entry states it.
impl From<&FileFacts> for FileEntry {
    fn from(facts: &FileFacts) -> Self {
        let partition = &facts.file.partition;
        Self {
            path: (&facts.file).into(),
            table: partition.table(),
            date: partition.date(),
            category: partition.category().map(|category| category.name().into()),
            source: partition.source().into(),
            bytes: facts.bytes,
            sha256: Digest(facts.sha256),
            md5: facts.md5.map(Md5),
            rows: facts.rows,
            times: facts.times,
            records_root: Digest(facts.records_root),
            statistics: facts.statistics.clone().into(),
        }
    }
}

impl FileEntry {
    /// What the entry states, as the lake checks it: the way back.
    ///
    /// # Errors
    /// A name that is not one of ours, or that says something else than the entry.
    pub fn facts(&self) -> Result<FileFacts, NoFacts> {
        let facts = FileFacts {
            file: self.path.data_file()?,
            bytes: self.bytes,
            sha256: self.sha256.0,
            md5: self.md5.map(|md5| md5.0),
            rows: self.rows,
            times: self.times,
            records_root: self.records_root.0,
            statistics: self.statistics.clone().into(),
        };
        if Self::from(&facts) == *self {
            Ok(facts)
        } else {
            Err(NoFacts::Other)
        }
    }

    /// What is compared with the object.
    pub fn signed(&self) -> SignedFile {
        SignedFile {
            name: self.path.to_string(),
            bytes: self.bytes,
            sha256: self.sha256.0,
            md5: self.md5.map(|md5| md5.0),
        }
    }

    /// What rules and holds look at.
    pub fn subject(&self) -> PolicySubject<'_> {
        PolicySubject {
            date: self.date,
            category: self.category.as_deref(),
            source: &self.source,
            tenant: self.tenant(),
        }
    }

    /// The tenant of all its rows; `None` where there are several, or none is stated.
    fn tenant(&self) -> Option<&'static str> {
        let range = self.statistics.range("tenant")?;
        let (min, max) = (range.min?, range.max?);
        (min == max && range.nulls == 0).then_some(min)
    }

    /// Bytes of memory that it takes beside its own size.
    pub(crate) fn heap(&self) -> usize {
        self.path.heap() + self.statistics.ranges.len()
    }
}

/// [`FileStatistics`] in few bytes.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "FileStatistics", into = "FileStatistics")]
pub struct StatedStatistics {
    kept_bytes: u64,
    /// One range after the other, in the order of their columns: the number of the column, which ends are
    /// stated, the rows without a value, and the numbers of the ends. Numbers are those of
    /// [`SharedText`], in LEB128.
    ranges: Box<[u8]>,
}

/// What is stated of a text column of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatedRange {
    /// Smallest value; `None` where all are null or it is too long to state.
    pub min: Option<&'static str>,
    /// Largest value, likewise.
    pub max: Option<&'static str>,
    /// Rows without a value.
    pub nulls: u64,
}

/// The smallest value is stated.
const MIN: u64 = 1;
/// The largest value is stated, and is another one.
const MAX: u64 = 2;
/// The largest value is the smallest.
const SAME: u64 = 4;

impl StatedStatistics {
    /// What is stated of a column, if anything is.
    pub fn range(&self, column: &str) -> Option<StatedRange> {
        let column = SharedText::known(column)?;
        let found = self.ranges().find(|range| range.column == column);
        found.map(SharedRange::stated)
    }

    fn ranges(&self) -> ValueRanges<'_> {
        ValueRanges(&self.ranges)
    }

    /// Names each text in it.
    pub(in crate::ledger) fn texts(&self, mut name: impl FnMut(SharedText)) {
        for range in self.ranges() {
            let texts = [Some(range.column), range.min, range.max];
            texts.into_iter().flatten().for_each(&mut name);
        }
    }

    /// Appends it, with the number that `number` gives to each text, since the numbers of texts mean
    /// nothing to another process.
    pub(in crate::ledger) fn write(&self, number: impl Fn(SharedText) -> u64, to: &mut Vec<u8>) {
        put(to, self.kept_bytes);
        put(to, self.ranges().count() as u64);
        for range in self.ranges() {
            range.write(&number, to);
        }
    }

    /// Takes from the front what [`Self::write`] wrote.
    pub(in crate::ledger) fn read(
        from: &mut &[u8],
        text: impl Fn(u64) -> Option<SharedText>,
    ) -> Option<Self> {
        let kept_bytes = take(from)?;
        let mut ranges = Vec::new();
        for _ in 0..take(from)? {
            let range = SharedRange::read(from, &text)?;
            range.write(&|text| text.number() as u64, &mut ranges);
        }
        Some(Self {
            kept_bytes,
            ranges: ranges.into(),
        })
    }
}

/// A range as it is held.
#[derive(Debug, Clone, Copy)]
struct SharedRange {
    column: SharedText,
    min: Option<SharedText>,
    max: Option<SharedText>,
    nulls: u64,
}

impl SharedRange {
    fn stated(self) -> StatedRange {
        StatedRange {
            min: self.min.map(|text| text.as_str()),
            max: self.max.map(|text| text.as_str()),
            nulls: self.nulls,
        }
    }

    fn write(&self, number: &impl Fn(SharedText) -> u64, to: &mut Vec<u8>) {
        let stated = match (self.min, self.max) {
            (None, None) => 0,
            (Some(_), None) => MIN,
            (None, Some(_)) => MAX,
            (Some(min), Some(max)) if min == max => MIN | SAME,
            (Some(_), Some(_)) => MIN | MAX,
        };
        put(to, number(self.column));
        put(to, stated);
        put(to, self.nulls);
        let max = self.max.filter(|_| stated & MAX != 0);
        for end in self.min.into_iter().chain(max) {
            put(to, number(end));
        }
    }

    fn read(from: &mut &[u8], text: &impl Fn(u64) -> Option<SharedText>) -> Option<Self> {
        let column = text(take(from)?)?;
        let stated = take(from)?;
        let nulls = take(from)?;
        let min = match stated & MIN {
            0 => None,
            _ => Some(text(take(from)?)?),
        };
        let max = match stated & (MAX | SAME) {
            0 => None,
            SAME => min,
            _ => Some(text(take(from)?)?),
        };
        Some(Self {
            column,
            min,
            max,
            nulls,
        })
    }
}

struct ValueRanges<'a>(&'a [u8]);

impl Iterator for ValueRanges<'_> {
    type Item = SharedRange;

    fn next(&mut self) -> Option<Self::Item> {
        let text = |number| SharedText::of_number(usize::try_from(number).ok()?);
        SharedRange::read(&mut self.0, &text)
    }
}

impl From<FileStatistics> for StatedStatistics {
    fn from(statistics: FileStatistics) -> Self {
        let mut ranges = Vec::new();
        for (column, range) in &statistics.columns {
            let range = SharedRange {
                column: column.as_str().into(),
                min: range.min.as_deref().map(SharedText::from),
                max: range.max.as_deref().map(SharedText::from),
                nulls: range.nulls,
            };
            range.write(&|text| text.number() as u64, &mut ranges);
        }
        Self {
            kept_bytes: statistics.kept_bytes,
            ranges: ranges.into(),
        }
    }
}

impl From<StatedStatistics> for FileStatistics {
    fn from(stated: StatedStatistics) -> Self {
        let columns = stated.ranges().map(|shared| {
            let range = shared.stated();
            let range = ColumnStatistics {
                min: range.min.map(str::to_owned),
                max: range.max.map(str::to_owned),
                nulls: range.nulls,
            };
            (shared.column.to_string(), range)
        });
        Self {
            kept_bytes: stated.kept_bytes,
            columns: columns.collect(),
        }
    }
}

impl fmt::Debug for StatedStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FileStatistics::from(self.clone()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(columns: &serde_json::Value) -> FileStatistics {
        serde_json::from_value(serde_json::json!({"kept_bytes": 7, "columns": columns})).unwrap()
    }

    #[test]
    fn statistics_come_back_as_they_were() {
        for columns in [
            serde_json::json!({}),
            serde_json::json!({"tenant": {"min": "main", "max": "main", "nulls": 0}}),
            serde_json::json!({
                "action": {"min": "CREATE", "max": "UPDATE", "nulls": 3},
                "namespace": {"min": "", "nulls": u64::MAX},
                "outcome": {"nulls": 300},
                "workflow": {"max": "z", "nulls": 128},
            }),
        ] {
            let before = statistics(&columns);
            let stated = StatedStatistics::from(before.clone());
            assert_eq!(FileStatistics::from(stated.clone()), before);
            let json = serde_json::to_string(&stated).unwrap();
            assert_eq!(json, serde_json::to_string(&before).unwrap());
            assert_eq!(
                serde_json::from_str::<StatedStatistics>(&json).unwrap(),
                stated
            );
            for (column, range) in &before.columns {
                let found = stated.range(column).unwrap();
                assert_eq!(found.min, range.min.as_deref());
                assert_eq!(found.max, range.max.as_deref());
                assert_eq!(found.nulls, range.nulls);
            }
            assert_eq!(stated.range("no column of this name"), None);
        }
    }

    #[test]
    fn what_is_known_of_a_file_is_small() {
        assert!(size_of::<FileEntry>() <= 200, "{}", size_of::<FileEntry>());
        let usual = statistics(&serde_json::json!({
            "tenant": {"min": "main", "max": "main", "nulls": 0},
            "action": {"min": "CREATE", "max": "UPDATE", "nulls": 0},
            "outcome": {"nulls": 900},
            "resource_type": {"min": "EXECUTION", "max": "TRIGGER", "nulls": 0},
            "namespace": {"min": "company.team", "max": "company.team.data", "nulls": 12},
            "workflow": {"min": "a-flow", "max": "z-flow", "nulls": 120},
        }));
        let stated = StatedStatistics::from(usual);
        assert!(stated.ranges.len() <= 60, "{}", stated.ranges.len());
    }
}
