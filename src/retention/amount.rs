//! How much something is.

use crate::ledger::entry::FileEntry;
use schemars::JsonSchema;
use serde::Serialize;

/// An amount of data in the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Amount {
    /// Number of files.
    pub files: u64,
    /// Number of rows in the files.
    pub rows: u64,
    /// Size of the files in bytes.
    pub bytes: u64,
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

impl Amount {
    pub(super) fn add(&mut self, files: &[&FileEntry]) {
        self.files += files.len() as u64;
        self.rows += files.iter().map(|file| file.rows).sum::<u64>();
        self.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
    }
}
