//! What a platform itself proves of the objects that it delivered, and how much of it was checked: evidence of origin.
//!
//! A platform may sign lists of what it delivered, each of which names the one before it. Whoever follows such a chain
//! knows that an object is what the platform wrote, and that none was taken away. The ledger keeps what was checked
//! and what did not hold, in receipts.

use crate::ledger::digest::Digest;
use crate::window::instant;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most findings that one check names; others are only counted.
pub const FINDINGS_NAMED: usize = 100;

/// What a run checked of the proof of one feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginCheck {
    /// Id of the source.
    pub source: String,
    /// Id of the tenant, or `*` for the feed across all tenants.
    pub tenant: String,
    /// Chains that were followed further, in order of their names.
    pub chains: Vec<OriginChain>,
    /// Number of signed lists whose signature and predecessor are as they must be.
    pub lists: u64,
    /// Number of objects whose content is what a list states and what the lake was made from.
    pub objects: u64,
    /// Number of objects that a list names and the lake was not made from: delivered before its start, or part of a hole.
    pub unread: u64,
    /// Number of findings.
    pub found: u64,
    /// The first findings, 100 at most.
    pub findings: Vec<OriginFinding>,
}

/// How far a chain of signed lists has been followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginChain {
    /// Name of the chain.
    pub name: String,
    /// End of the time that its newest list is about.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub until: DateTime<Utc>,
    /// Name of that list in its bucket.
    pub key: String,
    /// SHA-256 of its content.
    pub sha256: Digest,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginFinding {
    /// What does not hold.
    pub fault: OriginFault,
    /// Name of the list or object in its bucket.
    pub object: String,
    /// End of the time that the list is about which shows it.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub until: DateTime<Utc>,
}

/// What does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginFault {
    /// A signed list is not what the platform signed, or cannot be read.
    ListAltered,
    /// A signed list is gone, although its successor names it.
    ListMissing,
    /// The content of an object is not what a list states.
    ObjectAltered,
    /// An object is gone, although a list names it.
    ObjectMissing,
    /// An object is what a list states, and the lake was made from other content.
    ReadOtherwise,
}

impl OriginFault {
    /// In words, after the name of the object.
    pub const fn said(self) -> &'static str {
        match self {
            Self::ListAltered => "is not what the platform signed",
            Self::ListMissing => "is missing, although the next signed list names it",
            Self::ObjectAltered => "has other content than the platform delivered",
            Self::ObjectMissing => "is missing, although the platform delivered it",
            Self::ReadOtherwise => "had other content when it was read than the platform delivered",
        }
    }
}

impl OriginCheck {
    /// Of a feed of which nothing was checked yet.
    pub fn new(source: &str, tenant: &str) -> Self {
        Self {
            source: source.to_owned(),
            tenant: tenant.to_owned(),
            chains: Vec::new(),
            lists: 0,
            objects: 0,
            unread: 0,
            found: 0,
            findings: Vec::new(),
        }
    }

    /// Adds something that does not hold.
    pub fn find(&mut self, finding: OriginFinding) {
        self.found += 1;
        if self.findings.len() < FINDINGS_NAMED {
            self.findings.push(finding);
        }
    }

    /// Notes how far a chain was followed.
    pub fn follow(&mut self, chain: OriginChain) {
        match self.chains.binary_search_by(|it| it.name.cmp(&chain.name)) {
            Ok(at) => self.chains[at] = chain,
            Err(at) => self.chains.insert(at, chain),
        }
    }

    /// Whether it says nothing.
    pub fn is_nothing(&self) -> bool {
        self.chains.is_empty() && self.found == 0
    }

    /// Whether its parts fit together: chains in order and each once, and no more findings named than counted.
    pub fn is_sound(&self) -> bool {
        let in_order = self.chains.windows(2).all(|two| two[0].name < two[1].name);
        let named = self.findings.len() as u64;
        let all_named = named == self.found || named == FINDINGS_NAMED as u64 && named < self.found;
        let lists = self.lists == 0 || !self.chains.is_empty();
        in_order && all_named && lists
    }
}

/// What has been checked of the proof of one feed in all runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginState {
    /// How far each chain has been followed, in order of their names.
    pub chains: Vec<OriginChain>,
    /// Number of signed lists that hold.
    pub lists: u64,
    /// Number of objects whose content was proven.
    pub objects: u64,
    /// Number of objects that lists name and the lake was not made from.
    pub unread: u64,
    /// Number of findings.
    pub found: u64,
    /// The newest findings, 100 at most.
    pub findings: Vec<OriginFinding>,
}

impl OriginState {
    /// Adds what a run checked. Runs beside each other may have checked the same, so a chain never goes back.
    pub fn note(&mut self, check: &OriginCheck) {
        for chain in &check.chains {
            match self.chains.binary_search_by(|it| it.name.cmp(&chain.name)) {
                Ok(at) if self.chains[at].until >= chain.until => {}
                Ok(at) => self.chains[at] = chain.clone(),
                Err(at) => self.chains.insert(at, chain.clone()),
            }
        }
        self.lists += check.lists;
        self.objects += check.objects;
        self.unread += check.unread;
        self.found += check.found;
        self.findings.extend(check.findings.iter().cloned());
        let more = self.findings.len().saturating_sub(FINDINGS_NAMED);
        self.findings.drain(..more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(name: &str, hour: u32) -> OriginChain {
        OriginChain {
            name: name.to_owned(),
            until: format!("2026-11-23T{hour:02}:00:00Z").parse().unwrap(),
            key: format!("{name}-{hour}"),
            sha256: Digest::of(name.as_bytes()),
        }
    }

    fn finding(object: String) -> OriginFinding {
        OriginFinding {
            fault: OriginFault::ObjectMissing,
            object,
            until: "2026-11-23T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn checks_add_up_and_no_chain_goes_back() {
        let mut state = OriginState::default();
        let mut check = OriginCheck::new("aws", "1/eu");
        assert!(check.is_nothing() && check.is_sound());
        check.follow(chain("b", 3));
        check.follow(chain("a", 5));
        check.follow(chain("b", 4));
        check.lists = 3;
        state.note(&check);
        check.chains = vec![chain("a", 4)];
        state.note(&check);
        assert_eq!(state.chains, [chain("a", 5), chain("b", 4)]);
        assert_eq!(state.lists, 6);
    }

    #[test]
    fn findings_beyond_the_first_are_counted() {
        let mut check = OriginCheck::new("aws", "1/eu");
        for n in 0..=FINDINGS_NAMED {
            assert!(check.is_sound());
            check.find(finding(n.to_string()));
        }
        assert_eq!((check.found, check.findings.len()), (101, 100));
        assert!(check.is_sound());
        let mut state = OriginState::default();
        state.note(&check);
        state.note(&check);
        assert_eq!((state.found, state.findings.len()), (202, 100));
        for broken in [
            OriginCheck {
                found: 1,
                ..OriginCheck::new("aws", "1/eu")
            },
            OriginCheck {
                lists: 1,
                ..OriginCheck::new("aws", "1/eu")
            },
            OriginCheck {
                chains: vec![chain("b", 1), chain("a", 1)],
                ..OriginCheck::new("aws", "1/eu")
            },
        ] {
            assert!(!broken.is_sound(), "{broken:?}");
        }
    }
}
