//! The columns that several tables have: whose rows they are, and which run wrote them. A table adds what such a
//! column means in it, where that differs.

use super::Classification::Public;
use super::Column;
use super::ColumnType::{Date, Integer, Text, Timestamp};

/// Id of a record on its platform.
pub(super) const NATIVE_ID: Column = Column::new("native_id", Text, Public)
    .unique()
    .without_range();

/// The UTC date by which rows are partitioned.
pub(super) const DT: Column = Column::new("dt", Date, Public).required().compact();

pub(super) const INGESTED_AT: Column = Column::new("ingested_at", Timestamp, Public)
    .required()
    .compact()
    .meaning("The run's now when the record was read");

pub(super) const BATCH_ID: Column = Column::new("batch_id", Text, Public)
    .required()
    .compact()
    .meaning("The ledger batch that added the row");

pub(super) const PLATFORM: Column = Column::new("platform", Text, Public).required().compact();

pub(super) const SOURCE: Column = Column::new("source", Text, Public)
    .required()
    .compact()
    .meaning("Id of the configured source");

pub(super) const TENANT: Column = Column::new("tenant", Text, Public).compact().stated();

pub(super) const SCHEMA_VERSION: Column = Column::new("schema_version", Integer, Public)
    .required()
    .compact()
    .meaning("Version of this schema");

/// Version of the rules of a platform's mapping.
pub(super) const MAPPING_VERSION: Column = Column::new("mapping_version", Integer, Public)
    .required()
    .compact();
