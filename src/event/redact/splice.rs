//! Cutting values out of JSON bytes and putting others in, without touching the rest.

use std::borrow::Cow;
use std::ops::Range;

use super::{Action, Hasher, MASK, Part};
use crate::event::json::pointer::Step;
use crate::event::json::{self, Elements, Fault, Kind, Members, Value};

/// Applies the rules of `part` to `json`, which is known to be well-formed.
pub(super) fn apply<'a>(json: &'a [u8], part: &Part, hasher: Option<&Hasher>) -> Cow<'a, [u8]> {
    let edits = Walk::new(json, part, hasher).edits();
    if edits.is_empty() {
        return Cow::Borrowed(json);
    }
    let mut kept = Vec::with_capacity(json.len());
    let mut at = 0;
    for (range, replacement) in edits {
        kept.extend_from_slice(json.get(at..range.start).unwrap_or_default());
        kept.extend_from_slice(replacement.as_bytes());
        at = range.end;
    }
    kept.extend_from_slice(json.get(at..).unwrap_or_default());
    Cow::Owned(kept)
}

/// A range of the bytes, and what comes in its place; ordered and disjoint.
type Edit = (Range<usize>, Cow<'static, str>);

/// One value of a container, with the bytes that go if it is dropped.
struct Child<'a> {
    /// Where its key begins, or the value itself in an array.
    begins: usize,
    value: Value,
    name: Option<Cow<'a, [u8]>>,
}

enum Children<'a> {
    Object(Members<'a>),
    Array(Elements<'a>, usize),
}

impl<'a> Children<'a> {
    fn of(json: &'a [u8], at: usize, kind: Kind) -> Option<Self> {
        match kind {
            Kind::Object => json::members(json, at).ok().map(Self::Object),
            Kind::Array => json::elements(json, at)
                .ok()
                .map(|elements| Self::Array(elements, 0)),
            Kind::Text | Kind::Number | Kind::True | Kind::False | Kind::Null => None,
        }
    }

    /// The next value and its step. A fault cannot occur in well-formed bytes.
    fn next(&mut self) -> Option<(Child<'a>, usize)> {
        match self {
            Self::Object(members) => {
                let member = well_formed(members.next()?)?;
                let child = Child {
                    begins: member.key.at,
                    value: member.value,
                    name: Some(member.key.name()),
                };
                Some((child, 0))
            }
            Self::Array(elements, index) => {
                let value = well_formed(elements.next()?)?;
                let child = Child {
                    begins: value.at,
                    value,
                    name: None,
                };
                *index += 1;
                Some((child, *index - 1))
            }
        }
    }
}

fn well_formed<T>(result: Result<T, Fault>) -> Option<T> {
    debug_assert!(result.is_ok(), "checked before");
    result.ok()
}

/// A container being walked.
struct Frame<'a> {
    children: Children<'a>,
    /// Which pointers still fit here: a range of the list of active ones.
    active: (usize, usize),
    /// Whether a value before the current one stays.
    kept_one: bool,
    /// Where the values dropped since the start begin, as long as none is kept.
    dropping_from: Option<usize>,
    /// Where the previous value ends.
    previous_end: usize,
}

struct Walk<'a, 'r> {
    json: &'a [u8],
    part: &'r Part,
    hasher: Option<&'r Hasher>,
    frames: Vec<Frame<'a>>,
    active: Vec<usize>,
    edits: Vec<Edit>,
}

impl<'a, 'r> Walk<'a, 'r> {
    fn new(json: &'a [u8], part: &'r Part, hasher: Option<&'r Hasher>) -> Self {
        Self {
            json,
            part,
            hasher,
            frames: Vec::new(),
            active: Vec::new(),
            edits: Vec::new(),
        }
    }

    fn edits(mut self) -> Vec<Edit> {
        // No rule may name the root: it would reach the identity.
        self.part.pointers.start(&mut self.active);
        let space = self.json.iter().take_while(|b| b.is_ascii_whitespace());
        let at = space.count();
        if let Ok((kind, _)) = json::value_end(self.json, at) {
            self.enter(at, kind, (0, self.active.len()));
        }
        while let Some(mut frame) = self.frames.pop() {
            self.active.truncate(frame.active.1);
            let Some((child, index)) = frame.children.next() else {
                if let Some(from) = frame.dropping_from {
                    self.edits.push((from..frame.previous_end, "".into()));
                }
                continue;
            };
            self.visit(frame, &child, index);
        }
        self.edits
    }

    fn enter(&mut self, at: usize, kind: Kind, active: (usize, usize)) {
        if active.0 == active.1 {
            return;
        }
        if let Some(children) = Children::of(self.json, at, kind) {
            self.frames.push(Frame {
                children,
                active,
                kept_one: false,
                dropping_from: None,
                previous_end: at + 1,
            });
        }
    }

    fn visit(&mut self, mut frame: Frame<'a>, child: &Child<'a>, index: usize) {
        let step = match &child.name {
            Some(name) => Step::Key(name),
            None => Step::Index(index),
        };
        let depth = self.frames.len();
        let from = self.active.len();
        let ends = self
            .part
            .pointers
            .step(&mut self.active, frame.active, depth, step);
        let deeper = (from, self.active.len());
        let value = child.value;
        let action = ends.and_then(|number| self.part.action(number));
        if action == Some(Action::Drop) {
            if frame.kept_one {
                // The comma before it goes too.
                self.edits.push((frame.previous_end..value.end, "".into()));
            } else if frame.dropping_from.is_none() {
                frame.dropping_from = Some(child.begins);
            }
            frame.previous_end = value.end;
            self.frames.push(frame);
            return;
        }
        if let Some(from) = frame.dropping_from.take() {
            // The first that stays: what came before it goes, with the commas after it.
            self.edits.push((from..child.begins, "".into()));
        }
        frame.kept_one = true;
        frame.previous_end = value.end;
        self.frames.push(frame);
        match (action, value.kind) {
            (None, _) => self.enter(value.at, value.kind, deeper),
            (Some(_), Kind::Null) => {}
            (Some(action), _) => {
                let replacement = match (action, self.hasher) {
                    (Action::Hmac, Some(hasher)) => {
                        hasher.replacement(value.bytes(self.json), value.kind)
                    }
                    // Compiling gave a key to every rule that hashes; a mask never shows more.
                    _ => format!("\"{MASK}\""),
                };
                self.edits.push((value.at..value.end, replacement.into()));
            }
        }
    }
}
