//! The columns of the stored tables: names, types, meaning and classification, in stored order.
//!
//! The schema is flat on purpose: BigQuery cannot load a Parquet list without a special option and
//! cannot load a `JSON` column from Parquet at all, so nested content stays JSON text. Names follow
//! OCSF 1.8 API Activity (class 6003), from which nested OCSF events can be made.

mod common;
mod events;
mod objects;
mod quarantine;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use events::EVENT_COLUMNS;
pub(super) use events::{ColumnValue, EVENT_TABLE, EventColumn, event_texts};
pub use objects::{OBJECT_COLUMNS, OBJECT_SCHEMA_VERSION};
pub use quarantine::QUARANTINE_COLUMNS;

/// Version of the stored event schema; part of every row and of every ledger entry.
pub const SCHEMA_VERSION: i64 = 1;

/// How sensitive the content of a column may be; redaction rules refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Classification {
    /// Says nothing about a person and nothing that opens a door.
    Public,
    /// Names or locates a person, or describes what they touched.
    Sensitive,
    /// May hold anything the platform was given, credentials included.
    Secret,
}

impl Classification {
    /// The name used in configuration and in `trailhouse schema events`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Sensitive => "sensitive",
            Self::Secret => "secret",
        }
    }
}

/// The type of a column, in the few types that every reader of the lake agrees on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
    /// 64-bit signed integer.
    Integer,
    /// Calendar date in UTC.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
}

impl ColumnType {
    /// The Arrow type in which the column is built and stored.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Integer => DataType::Int64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// Its name wherever this program describes its tables: that of GoogleSQL, in which they are queried.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Bytes => "BYTES",
            Self::Integer => "INT64",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

/// One column of a stored table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name, the same in Parquet, the embedded engine and the warehouse.
    pub name: &'static str,
    /// Type.
    pub kind: ColumnType,
    /// Whether every row has a value.
    pub required: bool,
    /// Sensitivity of the content.
    pub class: Classification,
    /// Meaning, in one sentence; becomes the column description in the warehouse.
    pub meaning: &'static str,
    /// How Parquet stores it.
    pub storage: Storage,
}

/// How a column is stored in Parquet, apart from what its type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Storage {
    /// Nearly every value is new: a dictionary would only be built to be thrown away.
    pub unique: bool,
    /// A range of its values says nothing, because values of all kinds stand in every stretch of time.
    pub without_range: bool,
    /// Few values, or numbers that follow each other: what their encoding leaves is too little to
    /// compress, and to set up a compressor for a column costs more than some thousand rows.
    pub compact: bool,
    /// People search for one value, in files where most values are rare.
    pub searched: bool,
    /// Ledger entries state its range: text that is public and has few values.
    pub stated: bool,
}

impl Column {
    /// A column that may be null, and that Parquet stores as usual.
    pub const fn new(name: &'static str, kind: ColumnType, class: Classification) -> Self {
        Self {
            name,
            kind,
            required: false,
            class,
            meaning: "",
            storage: Storage {
                unique: false,
                without_range: false,
                compact: false,
                searched: false,
                stated: false,
            },
        }
    }

    /// What it means, in one sentence.
    pub const fn meaning(mut self, meaning: &'static str) -> Self {
        self.meaning = meaning;
        self
    }

    /// Every row has a value.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// See [`Storage::unique`].
    pub const fn unique(mut self) -> Self {
        self.storage.unique = true;
        self
    }

    /// See [`Storage::without_range`].
    pub const fn without_range(mut self) -> Self {
        self.storage.without_range = true;
        self
    }

    /// See [`Storage::compact`].
    pub const fn compact(mut self) -> Self {
        self.storage.compact = true;
        self
    }

    /// See [`Storage::searched`].
    pub const fn searched(mut self) -> Self {
        self.storage.searched = true;
        self
    }

    /// See [`Storage::stated`].
    pub const fn stated(mut self) -> Self {
        self.storage.stated = true;
        self
    }
}

fn arrow_schema(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(column.name, column.kind.arrow(), !column.required))
        .collect();
    Arc::new(Schema::new(fields))
}

static EVENTS: LazyLock<SchemaRef> = LazyLock::new(|| arrow_schema(EVENT_COLUMNS));
static QUARANTINE: LazyLock<SchemaRef> = LazyLock::new(|| arrow_schema(QUARANTINE_COLUMNS));

static OBJECTS: LazyLock<SchemaRef> = LazyLock::new(|| arrow_schema(OBJECT_COLUMNS));

/// Arrow schema of `audit_events`.
pub fn event_schema() -> SchemaRef {
    Arc::clone(&EVENTS)
}

/// Arrow schema of `audit_quarantine`.
pub fn quarantine_schema() -> SchemaRef {
    Arc::clone(&QUARANTINE)
}

/// Arrow schema of the table of objects.
pub fn object_schema() -> SchemaRef {
    Arc::clone(&OBJECTS)
}
