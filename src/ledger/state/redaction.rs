//! What was redacted when.

use crate::ledger::digest::Digest;
use crate::ledger::entry::RedactionApplied;
use serde::{Deserialize, Serialize};

/// The redaction that was in force for the records of a source, by the entry with which it began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedactionHistory(Vec<RedactionEra>);

/// Entries one after the other with the same redaction in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactionEra {
    /// The first of them.
    pub from: u64,
    /// JSON pointers of the places in a record that were redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Tells one redaction from another: places, actions, keys, and their order.
    pub mark: Digest,
}

impl RedactionHistory {
    /// Notes what an entry says.
    pub(super) fn note(&mut self, sequence: u64, applied: &[RedactionApplied]) {
        let mark = mark_of(applied);
        // Without an era nothing was redacted.
        let before = self.0.last().map_or_else(|| mark_of(&[]), |era| era.mark);
        if mark == before {
            return;
        }
        let record = applied.iter().filter(|place| place.part == "record");
        self.0.push(RedactionEra {
            from: sequence,
            places: record.map(|place| place.pointer.clone()).collect(),
            mark,
        });
    }

    /// Whether nothing was ever redacted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What tells the redaction that was in force for an entry from others; `None` where nothing was redacted yet.
    pub fn mark_at(&self, sequence: u64) -> Option<Digest> {
        let mut eras = self.0.iter().rev();
        eras.find(|era| era.from <= sequence).map(|era| era.mark)
    }

    /// All of it, in order. Before the first nothing was redacted.
    pub fn eras(&self) -> &[RedactionEra] {
        &self.0
    }
}

/// What tells one redaction from another.
pub fn mark_of(applied: &[RedactionApplied]) -> Digest {
    let mut text = String::new();
    for place in applied {
        let key = place.key_id.as_deref().unwrap_or_default();
        for part in [&*place.part, &*place.pointer, &*place.action, key] {
            text.push_str(&format!("{}:{part},", part.len()));
        }
    }
    Digest::of(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_era_begins_where_the_redaction_changes() {
        let place = |pointer: &str, action: &str, key: Option<&str>| RedactionApplied {
            part: "record".to_owned(),
            pointer: pointer.to_owned(),
            action: action.to_owned(),
            rule: format!("pointer {pointer}"),
            key_id: key.map(str::to_owned),
        };
        let mut history = RedactionHistory::default();
        for (sequence, applied) in [
            (1, vec![]),
            (2, vec![place("/a", "mask", None)]),
            (3, vec![place("/a", "mask", None)]),
            (4, vec![place("/a", "hmac", Some("k"))]),
            (5, vec![place("/a", "hmac", Some("l"))]),
            (7, vec![]),
        ] {
            history.note(sequence, &applied);
        }
        let eras: Vec<_> = history
            .eras()
            .iter()
            .map(|era| (era.from, era.places.len()))
            .collect();
        assert_eq!(eras, [(2, 1), (4, 1), (5, 1), (7, 0)]);
    }
}
