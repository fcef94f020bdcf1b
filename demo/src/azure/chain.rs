//! Chains of responses: pages of records, what continues them, and what goes wrong with that.

use crate::dice::{Dice, Purpose, fingerprint};
use crate::faults::Fault;
use std::collections::HashMap;

/// What goes wrong with chains of responses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trouble {
    /// By chance, a response has no records, and is continued all the same.
    pub empty: f64,
    /// By chance, what continues a chain is not accepted: 400.
    pub dead: f64,
    /// Every chain is continued at this address.
    pub elsewhere: Option<String>,
    /// A continuation leads to itself.
    pub loops: bool,
    /// A question about a time to come is refused: 400.
    pub refuses_future: bool,
}

/// Where a chain goes on.
#[derive(Debug, Clone)]
pub(super) struct Continued {
    pub(super) question: String,
    after: Option<(i64, String)>,
    empties: u64,
}

/// A page of records, as they are served.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) records: Vec<String>,
    pub(super) next: Option<String>,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoPage {
    /// The request is wrong.
    Bad(String),
    /// A record cannot be served.
    Broken,
}

impl Continued {
    /// The beginning of a chain.
    pub(super) fn first(question: &str) -> Self {
        Self {
            question: question.to_owned(),
            after: None,
            empties: 0,
        }
    }

    /// The last record before it.
    pub(super) fn after(&self) -> Option<(i64, &str)> {
        let after = self.after.as_ref()?;
        Some((after.0, after.1.as_str()))
    }
}

/// What continues chains.
#[derive(Debug)]
pub(super) struct Chains {
    seed: u64,
    /// Records of a page.
    size: usize,
    pub(super) trouble: Trouble,
    /// What each continuation stands for, by its name.
    known: HashMap<String, Continued>,
    /// How often each was followed.
    followed: HashMap<u64, u64>,
}

impl Chains {
    pub(super) fn new(seed: u64, size: usize, trouble: Trouble) -> Self {
        Self {
            seed,
            size: size.max(1),
            trouble,
            known: HashMap::new(),
            followed: HashMap::new(),
        }
    }

    /// What a continuation stands for.
    pub(super) fn follow(&mut self, name: &str) -> Result<Continued, NoPage> {
        let bad = || NoPage::Bad("The continuation is not valid or has expired.".to_owned());
        let print = fingerprint(name.as_bytes());
        let times = self.followed.entry(print).or_default();
        *times += 1;
        let mut dice = Dice::of(self.seed ^ print, Purpose::Faults, *times);
        if dice.chance(self.trouble.dead) {
            return Err(bad());
        }
        self.known.get(name).cloned().ok_or_else(bad)
    }

    /// The next rows of a chain, of all that follow its last one, each with its place.
    pub(super) fn page<'a>(
        &mut self,
        continued: &Continued,
        rows: impl Iterator<Item = ((i64, &'a str), &'a str)>,
        faults: &[Fault],
    ) -> Page {
        let mut rows = rows.peekable();
        let place = continued.after().map_or(0, |(time, _)| time as u64);
        let question = fingerprint(continued.question.as_bytes());
        let mut dice = Dice::of(
            self.seed ^ question,
            Purpose::Trouble,
            place.wrapping_add(continued.empties),
        );
        if continued.empties < 3 && dice.chance(self.trouble.empty) {
            let again = Continued {
                empties: continued.empties + 1,
                ..continued.clone()
            };
            return Page {
                records: Vec::new(),
                next: Some(self.remember(again)),
            };
        }
        let mut page: Vec<_> = rows.by_ref().take(self.size).collect();
        let next = Continued {
            question: continued.question.clone(),
            after: page.last().map(|((time, id), _)| (*time, (*id).to_owned())),
            empties: 0,
        };
        let next = match self.trouble.loops && continued.after.is_some() {
            true => Some(continued.clone()),
            false => rows.peek().is_some().then_some(next),
        };
        if faults.contains(&Fault::Duplicate) && !page.is_empty() {
            page.push(page[dice.index(page.len())]);
        }
        if faults.contains(&Fault::Missing) {
            page.pop();
        }
        Page {
            records: page.into_iter().map(|(_, text)| text.to_owned()).collect(),
            next: next.map(|next| self.remember(next)),
        }
    }

    /// Gives a continuation its name, the same each time.
    fn remember(&mut self, continued: Continued) -> String {
        let print = fingerprint(format!("{continued:?}").as_bytes());
        let name = format!("{print:016x}");
        self.known.insert(name.clone(), continued);
        name
    }
}
