//! Files of the lake that a decision has taken and that are still to be removed.

use super::LiveFile;
use crate::lake::layout::Table;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// The files of a decision that is not done, and how far they are removed.
#[derive(Debug, Clone, Copy)]
pub struct FilesGoing<'s> {
    /// The files, which are not part of the lake any more.
    pub files: &'s [LiveFile],
    /// Whether the store was asked to remove all of them.
    pub tried: bool,
    /// The ones that the store has refused to let go, and until when.
    pub refused: &'s BTreeMap<String, Option<DateTime<Utc>>>,
}

impl<'s> FilesGoing<'s> {
    /// The files that are still to be removed.
    pub fn left(self) -> impl Iterator<Item = &'s LiveFile> {
        let left = move |live: &&LiveFile| {
            !self.tried || self.refused.contains_key(&live.file.path.to_string())
        };
        self.files.iter().filter(left)
    }

    /// Until when a lock of the store keeps a file; `None` where it has none, or it is over. The store is not
    /// asked again before.
    pub fn locked_until(self, path: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = self.refused.get(path).copied().flatten();
        until.filter(|until| *until > now)
    }

    /// Files that the store does not let go yet, and until when, as far as it says.
    pub fn waits_for_store(
        self,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (&'s str, Option<DateTime<Utc>>)> {
        let refused = self.refused.iter();
        refused.filter_map(move |(path, until)| match until {
            None => Some((path.as_str(), None)),
            Some(_) => Some((path.as_str(), Some(self.locked_until(path, now)?))),
        })
    }

    /// The files of a table.
    pub fn of(self, table: Table) -> impl Iterator<Item = &'s LiveFile> {
        let files = self.files.iter();
        files.filter(move |live| live.file.table == table)
    }
}
