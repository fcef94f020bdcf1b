//! Names of data files in the bucket, and the way back from a name to its meaning. Names of the ledger's objects
//! are in [`ledger::names`](crate::ledger::names).
//!
//! ```text
//! events/date=2026-11-23/cat=execution/src=kestra-prod/<run>-<chunk>-<part>.parquet
//! quarantine/date=2026-11-23/src=kestra-prod/<run>-<chunk>-<part>.parquet
//! objects/date=2026-11-23/src=aws-states/<run>-<chunk>-<part>.parquet
//! ```
//!
//! The keys of a path (`date`, `cat`, `src`) are named differently from the columns they repeat
//! (`dt`, `category`, `source`), because readers refuse a path key that equals a column of the
//! file. A name has one spelling: what is parsed and written again is the same text.

mod path;

pub use path::FilePath;
pub(crate) use path::PathOfOurs;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::event::Category;

const DATA_SUFFIX: &str = ".parquet";
const RUN_LENGTH: usize = "20261124T031500Z-1a2b3c4d".len();
const MAX_SOURCE_LENGTH: usize = 64;

/// Why a name cannot be built or understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A source id that would not be one path segment everywhere.
    #[error(
        "source id {id:?} cannot be part of an object name: use 1 to {MAX_SOURCE_LENGTH} letters, \
         digits, `-`, `_` and `.`, starting with a letter or digit"
    )]
    Source {
        /// The id.
        id: String,
    },
    /// A date whose year does not have four digits.
    #[error("date {date} cannot be part of an object name: the year must be between 0000 and 9999")]
    Date {
        /// The date.
        date: NaiveDate,
    },
    /// A name that this version does not write.
    #[error("{name:?} is not the name of {expected}")]
    Name {
        /// The name.
        name: String,
        /// What was looked for.
        expected: &'static str,
    },
}

/// Names one attempt of a run, unique in the life of a bucket: UTC second and 32 random bits, as in
/// `20261124T031500Z-1a2b3c4d`. Sorts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId {
    second: i64,
    nonce: u32,
}

impl RunId {
    /// A run that began at `started` (cut to the second), told apart from others of that second by
    /// `nonce`.
    pub fn new(started: DateTime<Utc>, nonce: u32) -> Self {
        Self {
            second: started.timestamp(),
            nonce,
        }
    }

    /// A run that begins now, with a nonce from the operating system.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn draw(started: DateTime<Utc>) -> Result<Self, getrandom::Error> {
        let mut nonce = [0; 4];
        getrandom::fill(&mut nonce)?;
        Ok(Self::new(started, u32::from_be_bytes(nonce)))
    }

    /// When the run began, to the second.
    pub fn started(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.second, 0).unwrap_or_default()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.started().format("%Y%m%dT%H%M%SZ");
        write!(f, "{started}-{:08x}", self.nonce)
    }
}

impl FromStr for RunId {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        parse_run(text).ok_or_else(|| LayoutError::Name {
            name: text.to_owned(),
            expected: "a run",
        })
    }
}

fn parse_run(text: &str) -> Option<RunId> {
    let (started, nonce) = text.split_once('-')?;
    let started = NaiveDateTime::parse_from_str(started, "%Y%m%dT%H%M%SZ").ok()?;
    let run = RunId::new(started.and_utc(), u32::from_str_radix(nonce, 16).ok()?);
    (run.to_string() == text).then_some(run)
}

impl TryFrom<String> for RunId {
    type Error = LayoutError;

    fn try_from(text: String) -> Result<Self, LayoutError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

/// A table of the lake.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// The table `audit_events`.
    Events,
    /// The table `audit_quarantine`.
    Quarantine,
    /// The list of objects that were read from feeds of objects.
    Objects,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 3] = [Self::Events, Self::Quarantine, Self::Objects];

    /// The folder of its files, and its name in entries.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Quarantine => "quarantine",
            Self::Objects => "objects",
        }
    }
}

/// What a data file holds, apart from which run wrote it: one date, one source and, for events,
/// one category. Retention and holds act on partitions, so they never rewrite a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    date: NaiveDate,
    category: Option<Category>,
    source: String,
    table: Table,
}

impl Partition {
    /// The events of one UTC date, category and source.
    ///
    /// # Errors
    /// A date or source id that an object name cannot hold.
    pub fn events(date: NaiveDate, category: Category, source: &str) -> Result<Self, LayoutError> {
        Self::new(Table::Events, date, Some(category), source)
    }

    /// The quarantined records of one UTC date and source.
    ///
    /// # Errors
    /// A date or source id that an object name cannot hold.
    pub fn quarantine(date: NaiveDate, source: &str) -> Result<Self, LayoutError> {
        Self::new(Table::Quarantine, date, None, source)
    }

    /// What was read of the objects of one UTC date and source.
    ///
    /// # Errors
    /// A date or source id that an object name cannot hold.
    pub fn objects(date: NaiveDate, source: &str) -> Result<Self, LayoutError> {
        Self::new(Table::Objects, date, None, source)
    }

    fn new(
        table: Table,
        date: NaiveDate,
        category: Option<Category>,
        source: &str,
    ) -> Result<Self, LayoutError> {
        if !(0..=9999).contains(&date.year()) {
            return Err(LayoutError::Date { date });
        }
        if !is_source_id(source) {
            return Err(LayoutError::Source {
                id: source.to_owned(),
            });
        }
        Ok(Self {
            date,
            category,
            source: source.to_owned(),
            table,
        })
    }

    /// Which table the partition belongs to.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The UTC date.
    pub fn date(&self) -> NaiveDate {
        self.date
    }

    /// The category; only events have one.
    pub fn category(&self) -> Option<Category> {
        self.category
    }

    /// The source id.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            date,
            category,
            source,
            table,
        } = self;
        write!(f, "{}/date={date}/", table.folder())?;
        if let Some(category) = category {
            write!(f, "cat={}/", category.name())?;
        }
        write!(f, "src={source}")
    }
}

/// Whether an id can be one segment of an object name on every store and file system.
fn is_source_id(id: &str) -> bool {
    id.len() <= MAX_SOURCE_LENGTH
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The name of one data file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataFile {
    /// What it holds.
    pub partition: Partition,
    /// The attempt that wrote it; no other attempt uses or removes it.
    pub run: RunId,
    /// The chunk of the run, from 0.
    pub chunk: u32,
    /// The part of the chunk within the partition, from 0.
    pub part: u32,
}

impl fmt::Display for DataFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            run,
            chunk,
            part,
        } = self;
        write!(f, "{partition}/{run}-{chunk:05}-{part:03}{DATA_SUFFIX}")
    }
}

impl FromStr for DataFile {
    type Err = LayoutError;

    fn from_str(name: &str) -> Result<Self, LayoutError> {
        parse_data_file(name)
            .filter(|file| file.to_string() == name)
            .ok_or_else(|| LayoutError::Name {
                name: name.to_owned(),
                expected: "a data file",
            })
    }
}

fn parse_data_file(name: &str) -> Option<DataFile> {
    let mut segments = name.split('/');
    let folder = segments.next()?;
    let mut tables = Table::ALL.into_iter();
    let table = tables.find(|table| table.folder() == folder)?;
    let date = segments.next()?.strip_prefix("date=")?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    let category = match table {
        Table::Events => Some(category(segments.next()?.strip_prefix("cat=")?)?),
        Table::Quarantine | Table::Objects => None,
    };
    let source = segments.next()?.strip_prefix("src=")?;
    let partition = Partition::new(table, date, category, source).ok()?;
    let file = segments.next()?.strip_suffix(DATA_SUFFIX)?;
    if segments.next().is_some() {
        return None;
    }
    let (run, rest) = file.split_at_checked(RUN_LENGTH)?;
    let (chunk, part) = rest.strip_prefix('-')?.split_once('-')?;
    Some(DataFile {
        partition,
        run: parse_run(run)?,
        chunk: chunk.parse().ok()?,
        part: part.parse().ok()?,
    })
}

fn category(name: &str) -> Option<Category> {
    Category::ALL
        .into_iter()
        .find(|category| category.name() == name)
}

#[cfg(test)]
mod tests;
