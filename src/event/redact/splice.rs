//! Cutting values out of JSON bytes and putting others in, without touching the rest.

use std::borrow::Cow;

use super::escape::{Edit, outward};
use super::{Hasher, MASK, Part, RedactionAction};
use crate::event::json::pointer::PointerStep;
use crate::event::json::{self, Elements, JsonFault, JsonKind, JsonValue, Members};
use crate::event::unfit::{Reason, Unfit};

/// Applies the rules of `part` to `json`, which is known to be well-formed.
///
/// # Errors
/// A rule leads into a text where it cannot be applied (see [`within`]), or to more than [`MOST_EDITS`] values.
pub(super) fn apply<'a>(
    json: &'a [u8],
    part: &Part,
    hasher: Option<&Hasher>,
) -> Result<Cow<'a, [u8]>, Unfit> {
    let mut active = Vec::new();
    // No rule may name the root: it would reach the identity.
    part.pointers.start(&mut active);
    let edits = SpliceWalk::new(json, part, hasher, active, SpliceDepth::default()).edits()?;
    if edits.is_empty() {
        return Ok(Cow::Borrowed(json));
    }
    let mut kept = Vec::with_capacity(json.len());
    let mut at = 0;
    for (range, replacement) in edits {
        kept.extend_from_slice(json.get(at..range.start).unwrap_or_default());
        kept.extend_from_slice(replacement.as_bytes());
        at = range.end;
    }
    kept.extend_from_slice(json.get(at..).unwrap_or_default());
    Ok(Cow::Owned(kept))
}

/// The most edits of one record. A pseudonym takes a hundred times the bytes of the `0` that it replaces, so
/// a record of very many tiny values would outgrow the memory that its own size is bounded by; such a record
/// is one that redaction cannot be applied to.
const MOST_EDITS: usize = 100_000;

/// One value of a container, with the bytes that go if it is dropped.
struct Child<'a> {
    /// Where its key begins, or the value itself in an array.
    begins: usize,
    value: JsonValue,
    name: Option<Cow<'a, [u8]>>,
}

enum Children<'a> {
    Object(Members<'a>),
    Array(Elements<'a>, usize),
}

impl<'a> Children<'a> {
    fn of(json: &'a [u8], at: usize, kind: JsonKind) -> Option<Self> {
        match kind {
            JsonKind::Object => json::members(json, at).ok().map(Self::Object),
            JsonKind::Array => json::elements(json, at)
                .ok()
                .map(|elements| Self::Array(elements, 0)),
            JsonKind::Text
            | JsonKind::Number
            | JsonKind::True
            | JsonKind::False
            | JsonKind::Null => None,
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

fn well_formed<T>(result: Result<T, JsonFault>) -> Option<T> {
    debug_assert!(result.is_ok(), "checked before");
    result.ok()
}

/// A container being walked.
struct SpliceFrame<'a> {
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

struct SpliceWalk<'a, 'r> {
    json: &'a [u8],
    part: &'r Part,
    hasher: Option<&'r Hasher>,
    frames: Vec<SpliceFrame<'a>>,
    active: Vec<usize>,
    depth: SpliceDepth,
    edits: Vec<Edit>,
}

/// How far down a document begins that stands in another one as text.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::event) struct SpliceDepth {
    /// Steps of a pointer that lead to it.
    pub(in crate::event) steps: usize,
    /// Texts that it stands in.
    pub(in crate::event) texts: usize,
}

impl<'a, 'r> SpliceWalk<'a, 'r> {
    fn new(
        json: &'a [u8],
        part: &'r Part,
        hasher: Option<&'r Hasher>,
        active: Vec<usize>,
        depth: SpliceDepth,
    ) -> Self {
        Self {
            json,
            part,
            hasher,
            frames: Vec::new(),
            active,
            depth,
            edits: Vec::new(),
        }
    }

    fn edits(mut self) -> Result<Vec<Edit>, Unfit> {
        let space = self.json.iter().take_while(|b| b.is_ascii_whitespace());
        let at = space.count();
        if let Ok((kind, _)) = json::value_end(self.json, at) {
            self.enter(at, kind, (0, self.active.len()));
        }
        while let Some(mut frame) = self.frames.pop() {
            self.active.truncate(frame.active.1);
            let Some((child, index)) = frame.children.next() else {
                if let Some(from) = frame.dropping_from {
                    self.edit([(from..frame.previous_end, "".into())])?;
                }
                continue;
            };
            self.visit(frame, &child, index)?;
        }
        Ok(self.edits)
    }

    fn edit(&mut self, edits: impl IntoIterator<Item = Edit>) -> Result<(), Unfit> {
        self.edits.extend(edits);
        match self.edits.len() > MOST_EDITS {
            true => Err(Unfit::because(Reason::NotRedactable)),
            false => Ok(()),
        }
    }

    fn enter(&mut self, at: usize, kind: JsonKind, active: (usize, usize)) {
        if active.0 == active.1 {
            return;
        }
        if let Some(children) = Children::of(self.json, at, kind) {
            self.frames.push(SpliceFrame {
                children,
                active,
                kept_one: false,
                dropping_from: None,
                previous_end: at + 1,
            });
        }
    }

    fn visit(
        &mut self,
        mut frame: SpliceFrame<'a>,
        child: &Child<'a>,
        index: usize,
    ) -> Result<(), Unfit> {
        let step = match &child.name {
            Some(name) => PointerStep::Key(name),
            None => PointerStep::Index(index),
        };
        let depth = self.depth.steps + self.frames.len();
        let from = self.active.len();
        let ends = self
            .part
            .pointers
            .step(&mut self.active, frame.active, depth, step);
        let deeper = (from, self.active.len());
        let value = child.value;
        let action = ends.and_then(|number| self.part.action(number));
        if action == Some(RedactionAction::Drop) {
            if frame.kept_one {
                // The comma before it goes too.
                self.edit([(frame.previous_end..value.end, "".into())])?;
            } else if frame.dropping_from.is_none() {
                frame.dropping_from = Some(child.begins);
            }
            frame.previous_end = value.end;
            self.frames.push(frame);
            return Ok(());
        }
        if let Some(from) = frame.dropping_from.take() {
            // The first that stays: what came before it goes, with the commas after it.
            self.edit([(from..child.begins, "".into())])?;
        }
        frame.kept_one = true;
        frame.previous_end = value.end;
        self.frames.push(frame);
        match (action, value.kind) {
            (None, JsonKind::Text) if deeper.0 < deeper.1 => {
                let inside = SpliceWalk::new(
                    self.json,
                    self.part,
                    self.hasher,
                    self.active.split_off(deeper.0),
                    SpliceDepth {
                        steps: depth + 1,
                        ..self.depth
                    },
                );
                let edits = within(inside, &value)?;
                self.edit(edits)?;
            }
            (None, _) => self.enter(value.at, value.kind, deeper),
            (Some(_), JsonKind::Null) => {}
            (Some(action), _) => {
                let replacement = match (action, self.hasher) {
                    (RedactionAction::Hmac, Some(hasher)) => {
                        hasher.replacement(value.bytes(self.json), value.kind)
                    }
                    // Compiling gave a key to every rule that hashes; a mask never shows more.
                    _ => format!("\"{MASK}\""),
                };
                self.edit([(value.at..value.end, replacement.into())])?;
            }
        }
        Ok(())
    }
}

/// The most texts that stand in each other and are looked into.
pub(in crate::event) const MOST_TEXTS: usize = 8;

/// What becomes of a text that rules lead into; `outer` is where they stand.
///
/// **The rule.** A pointer goes through a text as through the value that it holds, and so on down to eight
/// texts in each other: the bytes around what is cut stay as they are, and what comes in its place is
/// escaped as often as the text is. A text with nothing in it, or with JSON that has no members, has no
/// such place. Where the text is not JSON and the pointer names it, the rule cannot be applied, and the
/// record is not kept: what was meant may stand in it in another form (`"secret=…"`). A pointer that comes
/// to it by `*` means whatever has such members, and a word has none; only where it begins like JSON it is
/// treated the same, since then it was to be.
///
/// # Errors
/// The record must not be kept.
fn within(outer: SpliceWalk<'_, '_>, value: &JsonValue) -> Result<Vec<Edit>, Unfit> {
    let refused = || Unfit::because(Reason::NotRedactable);
    let raw = value.bytes(outer.json);
    let text = json::decode(raw).map_err(|_| refused())?;
    let Some(first) = text.trim_ascii_start().bytes().next() else {
        return Ok(Vec::new());
    };
    let depth = SpliceDepth {
        texts: outer.depth.texts + 1,
        ..outer.depth
    };
    let bytes = text.as_bytes();
    let (part, hasher, active) = (outer.part, outer.hasher, outer.active);
    let edits = match json::check(bytes) {
        Ok(JsonKind::Number | JsonKind::True | JsonKind::False | JsonKind::Null) => Vec::new(),
        Ok(_) if depth.texts > MOST_TEXTS => return Err(refused()),
        Ok(JsonKind::Object | JsonKind::Array) => {
            SpliceWalk::new(bytes, part, hasher, active, depth).edits()?
        }
        Ok(JsonKind::Text) => {
            let at = text.len() - text.trim_ascii_start().len();
            let inner = SpliceWalk::new(bytes, part, hasher, active, depth);
            within(inner, &json::value_at(bytes, at)?)?
        }
        Err(_) => {
            let named = |number: &usize| part.pointers.names_member(*number, depth.steps - 1);
            return match active.iter().any(named) || matches!(first, b'{' | b'[' | b'"') {
                true => Err(refused()),
                false => Ok(Vec::new()),
            };
        }
    };
    Ok(outward(raw, value.at, edits))
}
