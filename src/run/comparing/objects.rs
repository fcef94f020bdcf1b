//! Which of the objects that were read are new to the lake, and what that changes of the set that it knows. Pure.

use super::context::ComparisonContext;
use super::known::{KnownObject, KnownRecords};
use super::tally::FeedDate;
use crate::event::objects::{ObjectRow, READ};
use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::DayObjects;
use crate::run::feed::one_tenant;
use crate::run::pieces::Piece;
use crate::source::objects::{ListedSet, ReadObject, object_digest};
use crate::window::Coverage;
use std::collections::{BTreeMap, HashSet};

/// What was found of objects in a chunk.
#[derive(Debug, Default)]
pub(super) struct ComparedObjects {
    /// New rows of the table of objects.
    pub(super) rows: Vec<ObjectRow>,
    /// What an entry says of them.
    pub(super) days: BTreeMap<FeedDate, DayObjects>,
    /// Objects of windows that were read whole.
    pub(super) listed: BTreeMap<FeedDate, ListedSet>,
}

/// Compares the objects of the pieces with those that the lake knows of each.
pub(super) fn compare_objects(
    context: &ComparisonContext<'_>,
    pieces: &[Piece],
    known: &[KnownRecords],
) -> ComparedObjects {
    let mut comparison = ObjectComparison {
        context,
        found: ComparedObjects::default(),
        written: HashSet::new(),
        counted: HashSet::new(),
    };
    for (piece, known) in pieces.iter().zip(known) {
        for read in &piece.objects {
            comparison.object(piece, known, read);
        }
    }
    comparison.found.days.retain(|_, day| !day.is_nothing());
    comparison.found
}

struct ObjectComparison<'a, 'p> {
    context: &'a ComparisonContext<'a>,
    found: ComparedObjects,
    /// Unique names of the rows of this chunk.
    written: HashSet<String>,
    /// Versions of objects of this chunk that lie in windows that were read whole.
    counted: HashSet<(&'p str, &'p str, &'p str)>,
}

impl<'p> ObjectComparison<'_, 'p> {
    fn object(&mut self, piece: &'p Piece, known: &KnownRecords, read: &'p ReadObject) {
        let object = &read.object;
        let date = object.position.date_naive();
        let row = row(piece, read);
        let gone = self.context.gone;
        let source = &self.context.row.source;
        if gone.has(Table::Objects, date, None, source, row.tenant.as_deref()) {
            return;
        }
        let before = known
            .objects
            .get(&object.key)
            .map_or(&[][..], Vec::as_slice);
        let is_known = before
            .iter()
            .any(|it| it.version == object.version && *it.status == *row.status());
        let feed = (piece.tenant.clone(), date);
        if !is_known && self.written.insert(row.uid()) {
            self.found.days.entry(feed.clone()).or_default().rows += 1;
            self.found.rows.push(row);
        }
        let is_whole = piece.is_whole() && read.read.is_ok();
        if !is_whole
            || !self
                .counted
                .insert((&piece.tenant, &object.key, &object.version))
        {
            return;
        }
        let listed = self.found.listed.entry(feed.clone()).or_default();
        listed.add(&object.key, &object.version);
        let is_again = self
            .context
            .coverage
            .get(&piece.tenant)
            .into_iter()
            .flat_map(Coverage::windows)
            .any(|window| window.contains(object.position));
        if is_again && is_known {
            return;
        }
        let day = self.found.days.entry(feed).or_default();
        let digest = |version: &str| Digest(object_digest(&object.key, version));
        match last_read(before).filter(|_| is_again) {
            // Overwritten: the version before is no more.
            Some(old) => day.digest = day.digest.xor(digest(&old.version)),
            None => day.count += 1,
        }
        day.digest = day.digest.xor(digest(&object.version));
    }
}

/// The newest version of an object that was read.
fn last_read(known: &[KnownObject]) -> Option<&KnownObject> {
    known.iter().rev().find(|it| *it.status == *READ)
}

fn row(piece: &Piece, read: &ReadObject) -> ObjectRow {
    let object = &read.object;
    ObjectRow {
        tenant: one_tenant(&piece.tenant).map(Into::into),
        key: object.key.clone(),
        version: object.version.clone(),
        position: object.position,
        modified: object.modified,
        bytes: object.bytes,
        read: match read.read {
            Ok(digest) => Ok((digest.sha256, digest.records)),
            Err(reason) => Err(reason.name()),
        },
    }
}
