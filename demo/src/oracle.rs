//! What the platform ever showed: the truth that a reader's lake is compared with.

use crate::instant::instant;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// A record that was in at least one complete response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Id as the platform knows it (an odd record may not say it).
    pub id: String,
    /// Date as the platform knows it (an odd record may say another).
    pub date: DateTime<Utc>,
    /// The bytes of its `auditLog` object as first shown, then every other content, in order.
    pub versions: Vec<Bytes>,
    /// How often it was shown.
    pub times: u64,
    /// Whether it was ever in a response that held all there was to its search and was not
    /// spoilt: what a reader of whole slices keeps.
    pub whole: bool,
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Path.
    pub path: String,
    /// Query string, decoded.
    pub query: String,
    /// Status of the answer.
    pub status: u16,
    /// Records in the answer.
    pub rows: u64,
    /// `total` in the answer.
    pub total: u64,
}

/// Numbers of requests and answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Searches, answered or not.
    pub searches: u64,
    /// Searches of a page of one record: a reader's way to count.
    pub counts: u64,
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Records sent.
    pub rows: u64,
    /// Bytes of bodies sent.
    pub bytes: u64,
}

impl Counts {
    /// Answers with this status.
    pub fn status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }
}

/// The memory of a platform that was asked to remember.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    shown: HashMap<String, Shown>,
    seen: Vec<Seen>,
}

impl Oracle {
    pub(crate) fn show(&mut self, id: &str, date: i64, content: &[u8], whole: bool) {
        let shown = self.shown.entry(id.to_owned()).or_insert_with(|| Shown {
            id: id.to_owned(),
            date: instant(date),
            versions: Vec::new(),
            times: 0,
            whole: false,
        });
        shown.times += 1;
        shown.whole |= whole;
        if !shown.versions.iter().any(|known| known == content) {
            shown.versions.push(Bytes::copy_from_slice(content));
        }
    }

    pub(crate) fn see(&mut self, seen: Seen) {
        self.seen.push(seen);
    }

    /// Everything shown, by date and id.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let mut all: Vec<Shown> = self.shown.values().cloned().collect();
        all.sort_by(|a, b| (a.date, &a.id).cmp(&(b.date, &b.id)));
        all
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_content_comes_first_and_each_only_once() {
        let mut oracle = Oracle::default();
        for (content, whole) in [(b"a", false), (b"b", true), (b"a", false)] {
            oracle.show("i", 5, content, whole);
        }
        let shown = oracle.shown();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].versions, [&b"a"[..], b"b"]);
        assert!(shown[0].whole && shown[0].times == 3);
    }
}
