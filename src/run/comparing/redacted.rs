//! What a comparison of two readings leaves out: what was redacted, and what was no part of the record.

use crate::event::json::pointer::{Pointer, Pointers};
use crate::event::redact::Redaction;
use crate::ledger::digest::Digest;
use crate::ledger::entry::RedactionApplied;
use crate::ledger::state::{RedactionHistory, mark_of};

/// The places that are left out when a record is compared with its first reading.
///
/// **The rule.** What was redacted when a record was first read, or is now, is no change: a place that either
/// redaction names is not compared, nor what the platform joins to a record when it is read
/// ([`Mapping::joined`](crate::source::Mapping::joined)). Every other difference is the platform's. Where only digests can be
/// compared, records that were kept under another redaction are not compared at all.
#[derive(Debug, Clone)]
pub(in crate::run) struct Redacted {
    now: Pointers,
    /// From an entry on; the first is what stood before any redaction.
    eras: Vec<(u64, Pointers, bool)>,
}

impl Redacted {
    /// Of what the platform joins to records, the redaction in force, as entries say it, and what was in force
    /// before.
    pub(in crate::run) fn new(
        joined: &[&str],
        redaction: &Redaction,
        applied: &[RedactionApplied],
        history: Option<&RedactionHistory>,
    ) -> Self {
        let joined = joined.iter().filter_map(|place| Pointer::parse(place).ok());
        let redacted = redaction.record_pointers().iter().cloned();
        let now = Pointers::new(joined.chain(redacted).collect());
        let mark = mark_of(applied);
        let era = |from, places: &[String], then: &Digest| {
            // Those that can be read were written by us.
            let places = places.iter().filter_map(|place| Pointer::parse(place).ok());
            let both = now.iter().cloned().chain(places).collect();
            (from, Pointers::new(both), *then == mark)
        };
        let mut eras = vec![era(0, &[], &mark_of(&[]))];
        let later = history.map_or(&[][..], RedactionHistory::eras).iter();
        eras.extend(later.map(|it| era(it.from, &it.places, &it.mark)));
        Self { now, eras }
    }

    /// The places of records that this entry added; without one of records that are not committed yet.
    pub(in crate::run) fn places(&self, sequence: Option<u64>) -> &Pointers {
        let era = sequence.and_then(|sequence| self.era(sequence));
        era.map_or(&self.now, |(_, places, _)| places)
    }

    /// Whether records that this entry added were redacted as they are now.
    pub(in crate::run) fn is_same(&self, sequence: u64) -> bool {
        self.era(sequence).is_some_and(|(_, _, same)| *same)
    }

    fn era(&self, sequence: u64) -> Option<&(u64, Pointers, bool)> {
        let mut eras = self.eras.iter().rev();
        eras.find(|(from, ..)| *from <= sequence)
    }
}
