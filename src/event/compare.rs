//! Whether a record that is read again is still what it was at first.
//!
//! A record **changed** where a value that was there at first is now different or gone. Fields that
//! were added since are **drift**: platforms add fields in upgrades, to old records too. Values are
//! compared by what they mean, not by how they are written: members in any order, keys and text
//! decoded, of doubled keys the first. Numbers alone are compared as written, since `1.0` and `1`
//! are different audit evidence. An array is one list, so one that grew has changed.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::json::pointer::{PointerStep, Pointers, push_any, push_key};
use super::json::{self, Elements, JsonKind, JsonValue, MemberKey};
use super::redact::{KeyNames, MOST_TEXTS, SpliceDepth};

/// Longest pointer to a place, in bytes. A place behind a longer one is named by the value around it.
const LONGEST_POINTER: usize = 512;

/// How many places a [`RecordChange`] names at most.
pub const MAX_PLACES: usize = 64;

/// What became of a record between two readings. Holds keys, as far as [`KeyNames`] lets it, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordChange {
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
/// where the bytes are. Places are told with the names of members that `names` allows.
pub fn changed(first: &[u8], now: &[u8], ignored: &Pointers, names: &KeyNames) -> RecordChange {
    if first == now {
        return RecordChange::Same;
    }
    if json::check(first).is_err() || json::check(now).is_err() {
        return RecordChange::Changed {
            places: vec![String::new()],
        };
    }
    RecordComparison::new(ignored, names).run(first, now)
}

/// A value in one of the readings.
#[derive(Clone, Copy)]
struct PlacePattern<'a> {
    json: &'a [u8],
    value: JsonValue,
}

impl<'a> PlacePattern<'a> {
    fn whole(json: &'a [u8]) -> Option<Self> {
        let space = json.iter().take_while(|byte| byte.is_ascii_whitespace());
        let value = json::value_at(json, space.count()).ok()?;
        Some(Self { json, value })
    }

    fn bytes(&self) -> &'a [u8] {
        self.value.bytes(self.json)
    }

    fn elements(&self) -> Option<Elements<'a>> {
        json::elements(self.json, self.value.at).ok()
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

/// The members of an object in the order of their names, of doubled names the first.
///
/// Only their offsets are held, four bytes for each: a member has at least five bytes itself, so what
/// a comparison takes is bounded by the size of the records, however many members others put into them.
struct ByName<'a> {
    json: &'a [u8],
    keys: std::vec::IntoIter<u32>,
}

impl<'a> ByName<'a> {
    fn of(object: &PlacePattern<'a>) -> Option<Self> {
        let json = object.json;
        let mut keys = Vec::new();
        for member in json::members(json, object.value.at).ok()? {
            keys.push(u32::try_from(member.ok()?.key.at).ok()?);
        }
        let name = |at: u32| name_at(json, at);
        keys.sort_unstable_by(|one, other| (name(*one), one).cmp(&(name(*other), other)));
        keys.dedup_by(|later, first| name(*later) == name(*first));
        Some(Self {
            json,
            keys: keys.into_iter(),
        })
    }

    /// The name of the next member. Its value is not crossed: a large one would be as often as there are
    /// members of the other object before it.
    fn name(&self) -> Option<Cow<'a, [u8]>> {
        name_at(self.json, *self.keys.as_slice().first()?)
    }

    /// The value of the next member, which is passed.
    fn take(&mut self) -> Option<PlacePattern<'a>> {
        let json = self.json;
        let key = key_at(json, self.keys.next()?)?;
        let value = json::value_at(json, key.value_at).ok()?;
        Some(PlacePattern { json, value })
    }
}

fn key_at(json: &[u8], at: u32) -> Option<MemberKey<'_>> {
    json::key_at(json, usize::try_from(at).ok()?).ok()
}

fn name_at(json: &[u8], at: u32) -> Option<Cow<'_, [u8]>> {
    key_at(json, at).map(|key| key.name())
}

/// Two containers that are walked together.
enum CompareWalk<'a> {
    Objects(ByName<'a>, ByName<'a>),
    Arrays(Elements<'a>, Elements<'a>, usize),
}

/// A walk, and where it is.
struct CompareFrame<'a> {
    walk: CompareWalk<'a>,
    first: &'a [u8],
    now: &'a [u8],
    /// The length of the pointer to the containers.
    place: usize,
    ignorable: Vec<usize>,
}

/// Goes down both readings at once and holds one frame for each level, never a list of values.
struct RecordComparison<'a, 'r> {
    ignored: &'r Pointers,
    names: &'r KeyNames,
    /// Steps of a pointer to the values that are compared, and texts that they stand in.
    depth: SpliceDepth,
    frames: Vec<CompareFrame<'a>>,
    /// The pointer to the values that are compared.
    place: String,
    added: Vec<String>,
    places: Vec<String>,
}

impl<'a, 'r> RecordComparison<'a, 'r> {
    const fn new(ignored: &'r Pointers, names: &'r KeyNames) -> Self {
        Self {
            ignored,
            names,
            depth: SpliceDepth { steps: 0, texts: 0 },
            frames: Vec::new(),
            place: String::new(),
            added: Vec::new(),
            places: Vec::new(),
        }
    }

    fn run(mut self, first: &'a [u8], now: &'a [u8]) -> RecordChange {
        let mut ignorable = Vec::new();
        let ignore_all = self.ignored.start(&mut ignorable).is_some();
        if let (false, Some(first), Some(now)) = (
            ignore_all,
            PlacePattern::whole(first),
            PlacePattern::whole(now),
        ) {
            self.compare(first, now, ignorable);
        }
        self.walk();
        self.places.sort_unstable();
        self.added.sort_unstable();
        match (self.places.is_empty(), self.added.is_empty()) {
            (false, _) => RecordChange::Changed {
                places: self.places,
            },
            (true, false) => RecordChange::Drift { added: self.added },
            (true, true) => RecordChange::Same,
        }
    }

    fn walk(&mut self) {
        // Once there is no room for more places, what else there is makes no difference.
        while self.places.len() < MAX_PLACES
            && let Some(frame) = self.frames.pop()
        {
            self.place.truncate(frame.place);
            self.step(frame);
        }
    }

    /// How many steps lead to the values that are compared.
    fn steps(&self) -> usize {
        self.depth.steps + self.frames.len()
    }

    /// Compares two texts that hold JSON as what they hold, since something in it is left out. Whether they
    /// could be.
    fn compare_texts(
        &mut self,
        first: &PlacePattern<'_>,
        now: &PlacePattern<'_>,
        ignorable: &[usize],
    ) -> bool {
        let depth = SpliceDepth {
            steps: self.steps(),
            texts: self.depth.texts + 1,
        };
        let (Ok(first), Ok(now)) = (json::decode(first.bytes()), json::decode(now.bytes())) else {
            return false;
        };
        let (first, now) = (first.as_bytes(), now.as_bytes());
        let held = |kind| {
            matches!(
                kind,
                Ok(JsonKind::Object | JsonKind::Array | JsonKind::Text)
            )
        };
        let well = held(json::check(first)) && held(json::check(now));
        if !well || depth.texts > MOST_TEXTS {
            return false;
        }
        let (Some(first), Some(now)) = (PlacePattern::whole(first), PlacePattern::whole(now))
        else {
            return false;
        };
        let mut inner = RecordComparison {
            depth,
            place: self.place.clone(),
            ..RecordComparison::new(self.ignored, self.names)
        };
        inner.compare(first, now, ignorable.to_vec());
        inner.walk();
        inner
            .places
            .iter()
            .for_each(|place| note(&mut self.places, place));
        inner
            .added
            .iter()
            .for_each(|place| note(&mut self.added, place));
        true
    }

    /// Compares the two values at `self.place`: containers are left to the frame that is pushed.
    fn compare(&mut self, first: PlacePattern<'a>, now: PlacePattern<'a>, ignorable: Vec<usize>) {
        if first.bytes() == now.bytes() {
            return;
        }
        let kinds = (first.value.kind, now.value.kind);
        if kinds == (JsonKind::Text, JsonKind::Text)
            && !ignorable.is_empty()
            && self.compare_texts(&first, &now, &ignorable)
        {
            return;
        }
        let walk = match kinds {
            (JsonKind::Object, JsonKind::Object) => ByName::of(&first)
                .zip(ByName::of(&now))
                .map(|(first, now)| CompareWalk::Objects(first, now)),
            (JsonKind::Array, JsonKind::Array) => first
                .elements()
                .zip(now.elements())
                // An array is one list.
                .filter(|(first, now)| first.clone().count() == now.clone().count())
                .map(|(first, now)| CompareWalk::Arrays(first, now, 0)),
            _ if first.same_scalar(&now) => return,
            _ => None,
        };
        match walk {
            Some(walk) => self.frames.push(CompareFrame {
                walk,
                first: first.json,
                now: now.json,
                place: self.place.len(),
                ignorable,
            }),
            // Elements may have been dropped, and nobody can say which of the others they stood before.
            None if kinds == (JsonKind::Array, JsonKind::Array)
                && self.may_lack_elements(&ignorable) => {}
            None => note(&mut self.places, &self.place),
        }
    }

    fn may_lack_elements(&self, ignorable: &[usize]) -> bool {
        let depth = self.steps();
        let mut ignorable = ignorable.iter();
        ignorable.any(|number| self.ignored.may_name_element(*number, depth))
    }

    /// Takes the next value of each container, and puts the frame back where there was one.
    fn step(&mut self, mut frame: CompareFrame<'a>) {
        let (name, first, now) = match &mut frame.walk {
            CompareWalk::Objects(first_walk, now_walk) => {
                let (order, name) = match (first_walk.name(), now_walk.name()) {
                    (None, None) => return,
                    (Some(name), None) => (Ordering::Less, name),
                    (None, Some(name)) => (Ordering::Greater, name),
                    (Some(first), Some(now)) => match first.cmp(&now) {
                        Ordering::Greater => (Ordering::Greater, now),
                        order => (order, first),
                    },
                };
                let taken = |walk: &mut ByName<'a>, is: bool| is.then(|| walk.take()).flatten();
                let first = taken(first_walk, order.is_le());
                let now = taken(now_walk, order.is_ge());
                (CompareToken::Key(name), first, now)
            }
            CompareWalk::Arrays(first, now, index) => {
                let (Some(Ok(first)), Some(Ok(now))) = (first.next(), now.next()) else {
                    return;
                };
                *index += 1;
                let first = PlacePattern {
                    json: frame.first,
                    value: first,
                };
                let now = PlacePattern {
                    json: frame.now,
                    value: now,
                };
                (CompareToken::Index(*index - 1), Some(first), Some(now))
            }
        };
        let step = match &name {
            CompareToken::Key(name) => PointerStep::Key(name),
            CompareToken::Index(index) => PointerStep::Index(*index),
        };
        let depth = self.steps();
        let mut active = std::mem::take(&mut frame.ignorable);
        let here = active.len();
        let ends = self.ignored.step(&mut active, (0, here), depth, step);
        let below = active.split_off(here);
        frame.ignorable = active;
        self.frames.push(frame);
        if ends.is_some() {
            return;
        }
        match name {
            CompareToken::Key(name) if self.names.may_tell(&name) => {
                push_key(&mut self.place, &name)
            }
            CompareToken::Key(_) => push_any(&mut self.place),
            CompareToken::Index(index) => {
                self.place.push('/');
                self.place.push_str(&index.to_string());
            }
        }
        match (first, now) {
            (Some(first), Some(now)) => self.compare(first, now, below),
            (Some(_), None) => note(&mut self.places, &self.place),
            (None, Some(_)) => note(&mut self.added, &self.place),
            (None, None) => {}
        }
    }
}

/// How a value is reached from its container.
enum CompareToken<'a> {
    Key(Cow<'a, [u8]>),
    Index(usize),
}

/// Several places may have one name, where names are not told.
fn note(places: &mut Vec<String>, place: &str) {
    let mut place = place;
    if place.len() > LONGEST_POINTER {
        let longest = &place[..place.floor_char_boundary(LONGEST_POINTER + 1)];
        place = &longest[..longest.rfind('/').unwrap_or(0)];
    }
    if places.len() < MAX_PLACES && !places.iter().any(|known| known == place) {
        places.push(place.to_owned());
    }
}

#[cfg(test)]
mod tests;
