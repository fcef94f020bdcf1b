//! What is known about a data file: the values that a ledger entry states and `verify` checks.

use std::collections::BTreeMap;

use arrow::array::{Array as _, RecordBatch, StringArray};
use arrow::compute::{max_string, min_string};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::layout::{DataFile, Table};
use crate::event::schema::Column;
use crate::merkle::Hash;
use crate::store::{Md5Sum, SignedFile};
use crate::window::instant;

/// First and last instant of a file's rows, both inclusive, cut to microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstantRange {
    /// The earliest `event_time`.
    #[serde(with = "instant")]
    pub first: DateTime<Utc>,
    /// The latest `event_time`.
    #[serde(with = "instant")]
    pub last: DateTime<Utc>,
}

/// Longer values are not stated, so that an entry stays small.
const STATED_LENGTH: usize = 64;

/// What is stated about a data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Its name, and with it table, date, category and source.
    pub file: DataFile,
    /// Size of the object in bytes.
    pub bytes: u64,
    /// SHA-256 of the object.
    pub sha256: Hash,
    /// MD5 of the object; `None` in entries of version 1.
    pub md5: Option<Md5Sum>,
    /// Number of rows, never 0.
    pub rows: u64,
    /// Range of `event_time`; `None` where no row has one, which only quarantine allows.
    pub times: Option<InstantRange>,
    /// Merkle root over the kept bytes of the rows in order, see [`crate::merkle`].
    pub records_root: Hash,
    /// Sizes and ranges that let a reader skip the file.
    pub statistics: FileStatistics,
}

impl FileFacts {
    /// What is compared with the object.
    pub fn signed(&self) -> SignedFile {
        SignedFile {
            name: self.file.to_string(),
            bytes: self.bytes,
            sha256: self.sha256,
            md5: self.md5,
        }
    }
}

/// Sizes and ranges of a file's rows. Holds nothing personal: only columns classified public.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileStatistics {
    /// Sum of the sizes of the kept records in bytes, before compression.
    pub kept_bytes: u64,
    /// Ranges by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnStatistics>,
}

impl FileStatistics {
    /// Adds rows whose kept bytes are `kept_bytes` long together.
    pub(super) fn add(&mut self, table: Table, batch: &RecordBatch, kept_bytes: usize) {
        self.kept_bytes += kept_bytes as u64;
        for Column { name, .. } in table
            .columns()
            .iter()
            .filter(|column| column.storage.stated)
        {
            let column = batch.column_by_name(name);
            let Some(values) = column.and_then(|array| array.as_any().downcast_ref()) else {
                continue;
            };
            match self.columns.get_mut(*name) {
                Some(range) => range.add(values),
                None => {
                    let mut range = ColumnStatistics::default();
                    range.add(values);
                    self.columns.insert((*name).to_owned(), range);
                }
            }
        }
    }

    /// Leaves out what is too long to be stated.
    pub(super) fn stated(mut self) -> Self {
        for range in self.columns.values_mut() {
            for end in [&mut range.min, &mut range.max] {
                end.take_if(|value| value.len() > STATED_LENGTH);
            }
        }
        self
    }
}

/// Range of one text column. Comparison is by bytes, as everywhere in Parquet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnStatistics {
    /// Smallest value, exact; absent where all are null or it is too long to state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Largest value, exact; absent where all are null or it is too long to state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Rows without a value.
    pub nulls: u64,
}

impl ColumnStatistics {
    fn add(&mut self, values: &StringArray) {
        self.nulls += values.null_count() as u64;
        if let Some(value) = min_string(values)
            && self.min.as_deref().is_none_or(|min| value < min)
        {
            self.min = Some(value.to_owned());
        }
        if let Some(value) = max_string(values)
            && self.max.as_deref().is_none_or(|max| value > max)
        {
            self.max = Some(value.to_owned());
        }
    }
}

/// A data file in memory, complete, not yet uploaded.
#[derive(Debug, Clone)]
pub struct EncodedFile {
    /// What to state about it.
    pub facts: FileFacts,
    /// The object.
    pub content: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::schema::{Classification, ColumnType};

    /// Entries outlive the files they describe.
    #[test]
    fn only_public_text_is_stated() {
        for table in [Table::Events, Table::Quarantine] {
            for column in table
                .columns()
                .iter()
                .filter(|column| column.storage.stated)
            {
                assert_eq!(column.class, Classification::Public, "{}", column.name);
                assert_eq!(column.kind, ColumnType::Text, "{}", column.name);
            }
        }
    }
}
