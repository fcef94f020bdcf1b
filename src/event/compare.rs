//! Whether a record that is read again is still what it was at first.
//!
//! A record **changed** where a value that was there at first is now different or gone. Fields that
//! were added since are **drift**: platforms add fields in upgrades, to old records too. Values are
//! compared by what they mean, not by how they are written: members in any order, keys and text
//! decoded, of doubled keys the first. Numbers alone are compared as written, since `1.0` and `1`
//! are different audit evidence. An array is one list, so one that grew has changed.

use std::borrow::Cow;
use std::collections::HashMap;

use super::json::pointer::{Pointers, Step, push_key};
use super::json::{self, Kind};

/// How many places a [`Change`] names at most.
pub const MAX_PLACES: usize = 64;

/// What became of a record between two readings. Holds keys, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It means the same.
    Same,
    /// It only gained fields.
    Drift {
        /// JSON pointers to the fields gained, [`MAX_PLACES`] at most.
        added: Vec<String>,
    },
    /// A value is different or gone.
    Changed {
        /// JSON pointers to the values that are different or gone, [`MAX_PLACES`] at most. The empty
        /// pointer is the record itself.
        places: Vec<String>,
    },
}

/// Compares the first reading of a record with the one `now`, leaving out the places that `ignored`
/// names (those under redaction then or now). A reading that is not well-formed is only the same
/// where the bytes are.
pub fn changed(first: &[u8], now: &[u8], ignored: &Pointers) -> Change {
    if first == now {
        return Change::Same;
    }
    if json::check(first).is_err() || json::check(now).is_err() {
        return Change::Changed {
            places: vec![String::new()],
        };
    }
    Comparison::new(ignored).run(first, now)
}

/// A value in one of the readings.
#[derive(Clone, Copy)]
struct Value<'a> {
    json: &'a [u8],
    at: usize,
    end: usize,
    kind: Kind,
}

impl<'a> Value<'a> {
    fn whole(json: &'a [u8]) -> Option<Self> {
        let space = json.iter().take_while(|byte| byte.is_ascii_whitespace());
        let at = space.count();
        let (kind, end) = json::value_end(json, at).ok()?;
        Some(Self {
            json,
            at,
            end,
            kind,
        })
    }

    fn bytes(&self) -> &'a [u8] {
        self.json.get(self.at..self.end).unwrap_or_default()
    }

    /// The members in their order, the first of each name.
    fn members(&self) -> Vec<(Cow<'a, [u8]>, Self)> {
        let mut seen = HashMap::new();
        let mut members = Vec::new();
        for member in json::members(self.json, self.at)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = member.key.name();
            let value = Self {
                json: self.json,
                at: member.value.at,
                end: member.value.end,
                kind: member.value.kind,
            };
            if seen.insert(name.clone(), ()).is_none() {
                members.push((name, value));
            }
        }
        members
    }

    fn elements(&self) -> Vec<Self> {
        let elements = json::elements(self.json, self.at).into_iter().flatten();
        elements
            .flatten()
            .map(|element| Self {
                json: self.json,
                at: element.at,
                end: element.end,
                kind: element.kind,
            })
            .collect()
    }

    /// Whether two values that are neither objects nor arrays mean the same.
    fn same_scalar(&self, other: &Self) -> bool {
        if self.bytes() == other.bytes() {
            return true;
        }
        match (json::decode(self.bytes()), json::decode(other.bytes())) {
            (Ok(one), Ok(two)) => one == two,
            _ => false,
        }
    }
}

/// Two values to compare, and how to get there.
struct Pair<'a> {
    first: Value<'a>,
    now: Value<'a>,
    place: String,
    depth: usize,
    ignorable: Vec<usize>,
}

struct Comparison<'r> {
    ignored: &'r Pointers,
    added: Vec<String>,
    places: Vec<String>,
}

impl<'r> Comparison<'r> {
    const fn new(ignored: &'r Pointers) -> Self {
        Self {
            ignored,
            added: Vec::new(),
            places: Vec::new(),
        }
    }

    fn run(mut self, first: &[u8], now: &[u8]) -> Change {
        let mut ignorable = Vec::new();
        let ignore_all = self.ignored.start(&mut ignorable).is_some();
        if let (false, Some(first), Some(now)) =
            (ignore_all, Value::whole(first), Value::whole(now))
        {
            let mut waiting = vec![Pair {
                first,
                now,
                place: String::new(),
                depth: 0,
                ignorable,
            }];
            while let Some(pair) = waiting.pop() {
                self.compare(pair, &mut waiting);
            }
        }
        self.places.sort_unstable();
        self.added.sort_unstable();
        match (self.places.is_empty(), self.added.is_empty()) {
            (false, _) => Change::Changed {
                places: self.places,
            },
            (true, false) => Change::Drift { added: self.added },
            (true, true) => Change::Same,
        }
    }

    fn compare<'a>(&mut self, pair: Pair<'a>, waiting: &mut Vec<Pair<'a>>) {
        match (pair.first.kind, pair.now.kind) {
            _ if pair.first.bytes() == pair.now.bytes() => {}
            (Kind::Object, Kind::Object) => self.compare_members(&pair, waiting),
            (Kind::Array, Kind::Array) => self.compare_elements(&pair, waiting),
            _ if pair.first.same_scalar(&pair.now) => {}
            _ => note(&mut self.places, pair.place),
        }
    }

    fn compare_members<'a>(&mut self, pair: &Pair<'a>, waiting: &mut Vec<Pair<'a>>) {
        let now = pair.now.members();
        let mut by_name: HashMap<&[u8], Value<'a>> =
            now.iter().map(|(name, value)| (&**name, *value)).collect();
        for (name, first) in pair.first.members() {
            let now = by_name.remove(&*name);
            let Some(ignorable) = self.descend(pair, Step::Key(&name)) else {
                continue;
            };
            let mut place = pair.place.clone();
            push_key(&mut place, &name);
            match now {
                None => note(&mut self.places, place),
                Some(now) => waiting.push(Pair {
                    first,
                    now,
                    place,
                    depth: pair.depth + 1,
                    ignorable,
                }),
            }
        }
        for (name, _) in &now {
            if by_name.contains_key(&**name) && self.descend(pair, Step::Key(name)).is_some() {
                let mut place = pair.place.clone();
                push_key(&mut place, name);
                note(&mut self.added, place);
            }
        }
    }

    fn compare_elements<'a>(&mut self, pair: &Pair<'a>, waiting: &mut Vec<Pair<'a>>) {
        let (first, now) = (pair.first.elements(), pair.now.elements());
        if first.len() != now.len() {
            return note(&mut self.places, pair.place.clone());
        }
        for (index, (first, now)) in first.into_iter().zip(now).enumerate() {
            if let Some(ignorable) = self.descend(pair, Step::Index(index)) {
                waiting.push(Pair {
                    first,
                    now,
                    place: format!("{}/{index}", pair.place),
                    depth: pair.depth + 1,
                    ignorable,
                });
            }
        }
    }

    /// The ignored places that lie below `step`, or `None` where all of it is ignored.
    fn descend(&self, pair: &Pair<'_>, step: Step<'_>) -> Option<Vec<usize>> {
        let mut active = pair.ignorable.clone();
        let here = active.len();
        let ends = self.ignored.step(&mut active, (0, here), pair.depth, step);
        match ends {
            Some(_) => None,
            None => Some(active.split_off(here)),
        }
    }
}

fn note(places: &mut Vec<String>, place: String) {
    if places.len() < MAX_PLACES {
        places.push(place);
    }
}

#[cfg(test)]
mod tests;
