//! The tables of a projection: their names, columns and meanings, the same in every warehouse and in the
//! embedded engine.

use crate::event::schema::Column;
use crate::lake::layout::Table;
use crate::ledger::columns::{BATCH_COLUMNS, COVERAGE_COLUMNS};

/// The tables of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableKind {
    /// The events of the lake.
    Events,
    /// The quarantine of the lake.
    Quarantine,
    /// The objects that were read. No warehouse has it yet, so it is not in [`Self::ALL`].
    Objects,
    /// One row for each `ingest` entry.
    Batches,
    /// What has been read, and holes.
    Coverage,
}

impl TableKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Events,
        Self::Quarantine,
        Self::Batches,
        Self::Coverage,
    ];

    /// The one that mirrors a table of the lake, row by row.
    pub const fn of(table: Table) -> Self {
        match table {
            Table::Events => Self::Events,
            Table::Quarantine => Self::Quarantine,
            Table::Objects => Self::Objects,
        }
    }

    /// Name in the warehouse and in the embedded engine.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Events => "audit_events",
            Self::Quarantine => "audit_quarantine",
            Self::Objects => "audit_objects",
            Self::Batches => "audit_batches",
            Self::Coverage => "audit_coverage",
        }
    }

    /// Its columns in stored order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Events => Table::Events.columns(),
            Self::Quarantine => Table::Quarantine.columns(),
            Self::Objects => Table::Objects.columns(),
            Self::Batches => BATCH_COLUMNS,
            Self::Coverage => COVERAGE_COLUMNS,
        }
    }

    /// What it is, for people who find it in a catalogue.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Events => {
                "Audit events, one row each: who did what, when, from where, with what outcome"
            }
            Self::Quarantine => {
                "Audit records that could not become events, and other readings of known ones, byte for \
                 byte"
            }
            Self::Objects => "What was read of feeds that are delivered as objects",
            Self::Batches => {
                "What each ledger entry read and kept: the numbers behind audit_events"
            }
            Self::Coverage => "What has been read completely from each source, and the holes",
        }
    }

    /// Part of the id of jobs that load into it.
    pub(crate) const fn in_job_id(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Quarantine => "quarantine",
            Self::Objects => "objects",
            Self::Batches => "batches",
            Self::Coverage => "coverage",
        }
    }
}

/// The tables with one row for each row of the lake.
pub(crate) const LOADED: [Table; 2] = [Table::Events, Table::Quarantine];
