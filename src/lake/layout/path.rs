//! The name of a data file in few bytes.

use super::{DataFile, LayoutError, Partition, RunId, Table};
use crate::event::Category;
use crate::shared_text::SharedText;
use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The name of an object that an entry lists as a data file: 32 bytes where it is a name of ours, and
/// the text itself where it is not, so that nothing is lost of what an entry says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FilePath(PathForm);

#[derive(Clone, PartialEq, Eq, Hash)]
enum PathForm {
    Ours {
        date: NaiveDate,
        category: Option<Category>,
        source: SharedText,
        second: u32,
        nonce: u32,
        chunk: u32,
        part: u32,
        table: Table,
    },
    Other(Box<str>),
}

/// What the name of a file of ours says beside date, category and source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PathOfOurs {
    /// Second at which its run began.
    pub(crate) second: u32,
    /// What tells that run apart.
    pub(crate) nonce: u32,
    /// The chunk.
    pub(crate) chunk: u32,
    /// The part.
    pub(crate) part: u32,
}

impl FilePath {
    /// A name of ours.
    pub(crate) fn of_ours(
        table: Table,
        date: NaiveDate,
        category: Option<Category>,
        source: SharedText,
        of: PathOfOurs,
    ) -> Self {
        Self(PathForm::Ours {
            date,
            category,
            source,
            second: of.second,
            nonce: of.nonce,
            chunk: of.chunk,
            part: of.part,
            table,
        })
    }

    /// What it says, if it is one of ours.
    pub(crate) fn ours(&self) -> Option<PathOfOurs> {
        match self.0 {
            PathForm::Ours {
                second,
                nonce,
                chunk,
                part,
                ..
            } => Some(PathOfOurs {
                second,
                nonce,
                chunk,
                part,
            }),
            PathForm::Other(_) => None,
        }
    }

    /// What the name says.
    ///
    /// # Errors
    /// A name that is not one of a data file.
    pub fn data_file(&self) -> Result<DataFile, LayoutError> {
        match &self.0 {
            PathForm::Ours {
                date,
                category,
                source,
                second,
                nonce,
                chunk,
                part,
                table,
            } => Ok(DataFile {
                partition: Partition {
                    date: *date,
                    category: *category,
                    source: source.to_string(),
                    table: *table,
                },
                run: RunId {
                    second: i64::from(*second),
                    nonce: *nonce,
                },
                chunk: *chunk,
                part: *part,
            }),
            PathForm::Other(text) => text.parse(),
        }
    }

    /// Bytes beside its own size.
    pub(crate) fn heap(&self) -> usize {
        match &self.0 {
            PathForm::Ours { .. } => 0,
            PathForm::Other(text) => text.len(),
        }
    }
}

impl From<&DataFile> for FilePath {
    fn from(file: &DataFile) -> Self {
        Self(match u32::try_from(file.run.second) {
            Ok(second) => PathForm::Ours {
                date: file.partition.date,
                category: file.partition.category,
                source: file.partition.source.as_str().into(),
                second,
                nonce: file.run.nonce,
                chunk: file.chunk,
                part: file.part,
                table: file.partition.table,
            },
            Err(_) => PathForm::Other(file.to_string().into()),
        })
    }
}

impl From<&str> for FilePath {
    fn from(text: &str) -> Self {
        // A name has one spelling, so what is a name of ours is written the same again.
        match text.parse::<DataFile>() {
            Ok(file) => Self::from(&file),
            Err(_) => Self(PathForm::Other(text.into())),
        }
    }
}

impl From<String> for FilePath {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            PathForm::Other(text) => f.write_str(text),
            PathForm::Ours { .. } => self.data_file().map_err(|_| fmt::Error)?.fmt(f),
        }
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl Serialize for FilePath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FilePath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_as_it_was() {
        assert!(size_of::<FilePath>() <= 32);
        for text in [
            "events/date=2026-11-23/cat=execution/src=kestra-prod/20261124T031500Z-1a2b3c4d-00000-000.parquet",
            "quarantine/date=0001-01-01/src=k/20261124T031500Z-1a2b3c4d-123456-1000.parquet",
            "objects/date=2026-11-23/src=aws/20261124T031500Z-1a2b3c4d-00000-000.parquet",
            // Before 1970 and after 2106.
            "quarantine/date=2026-11-23/src=k/19691231T235959Z-1a2b3c4d-00000-000.parquet",
            "quarantine/date=2026-11-23/src=k/22000101T000000Z-1a2b3c4d-00000-000.parquet",
            // Other spellings are other names.
            "quarantine/date=2026-11-23/src=k/20261124T031500Z-1A2B3C4D-00000-000.parquet",
            "quarantine/date=2026-11-23/src=k/20261124T031500Z-1a2b3c4d-0-0.parquet",
            "elsewhere",
            "",
        ] {
            let path = FilePath::from(text);
            assert_eq!(path.to_string(), text);
            assert_eq!(path.data_file().ok(), text.parse().ok(), "{text}");
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<FilePath>(&json).unwrap(), path);
            assert_eq!(json, serde_json::to_string(text).unwrap());
        }
    }
}
