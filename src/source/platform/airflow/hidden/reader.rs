//! Reading a window: what is listed, and between that what is found by id.

use super::below::below;
use super::ids::{AskedId, IdLine, IdSpan, IdStep};
use super::{ABSENT_ABOVE, ABSENT_BELOW, ASKED_AT_ONCE, Asking, DISORDER};
use crate::source::platform::airflow::client::page::id_of;
use crate::source::reading::distinct;
use crate::source::{
    ErrorScope, Hole, HoleReason, Keyed, Slice, SliceOutcome, Slices, SourceError,
};
use crate::window::{Window, format_instant};
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt as _};
use std::collections::{BTreeMap, VecDeque};

/// Merges the slices of the list with the events that it leaves out.
///
/// A part of the window is handed on once every id is settled whose event can have happened in it. What waits until
/// then is about what happened in twice [`DISORDER`], and at most a slice more. A window of a date or less waits as a
/// whole where there is room for it, so that an event that breaks the rule of order finds its place, too.
pub(in crate::source::platform::airflow) struct HiddenReader {
    asking: Asking,
    window: Window,
    listed: Slices,
    stage: ReadStage,
    line: IdLine,
    /// Whether it is known which ids are below those of the window.
    has_floor: bool,
    /// The end of what was listed of the window.
    listed_to: DateTime<Utc>,
    /// The end of what was handed on.
    handed_to: DateTime<Utc>,
    waiting: VecDeque<SliceOutcome>,
    /// Events that were found by id and not handed on yet.
    found: BTreeMap<(DateTime<Utc>, i64), Keyed>,
    unread: Vec<UnreadIds>,
    /// Bytes of what waits, and how many may wait of a window of a date.
    bytes: (u64, u64),
    /// Requests since something was handed on.
    requests: u32,
    asked: u64,
    failed: bool,
}

/// How far a reading has come.
#[derive(Debug, Clone, Copy)]
enum ReadStage {
    /// Nothing was asked.
    Before,
    /// The window is being listed.
    Listing,
    /// All was listed. With an anchor there is a listed event with a higher id than any of the window.
    Listed { has_anchor: bool },
    /// The ids above all listed ones are asked, until so many in a row have no event.
    Above(i64),
    /// Every id is settled.
    Settled,
}

/// A part of the window in which an event can have happened that could not be read.
#[derive(Debug)]
struct UnreadIds {
    window: Window,
    reason: HoleReason,
    detail: String,
}

impl HiddenReader {
    /// Reads `window`, of which `listed` is what the list shows, with so many bytes of it in memory.
    pub(in crate::source::platform::airflow) fn new(
        asking: Asking,
        window: Window,
        listed: Slices,
        most_bytes: u64,
    ) -> Self {
        Self {
            asking,
            window,
            listed,
            stage: ReadStage::Before,
            line: IdLine::default(),
            has_floor: false,
            listed_to: window.from,
            handed_to: window.from,
            waiting: VecDeque::new(),
            found: BTreeMap::new(),
            unread: Vec::new(),
            bytes: (0, most_bytes),
            requests: 0,
            asked: 0,
            failed: false,
        }
    }

    /// Its pieces in order of time.
    pub(in crate::source::platform::airflow) fn into_stream(self) -> Slices {
        stream::unfold(self, |mut reader| async {
            let outcome = reader.next().await?;
            Some((outcome, reader))
        })
        .boxed()
    }

    /// How many ids it has asked for.
    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// The next piece.
    pub(super) async fn next(&mut self) -> Option<Result<SliceOutcome, SourceError>> {
        if self.failed {
            return None;
        }
        loop {
            if let Some(piece) = self.piece() {
                return Some(Ok(piece));
            }
            if matches!(self.stage, ReadStage::Settled) {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.failed = true;
                return Some(Err(error));
            }
        }
    }

    async fn advance(&mut self) -> Result<(), SourceError> {
        match self.stage {
            ReadStage::Before => {
                let beside = self.asking.before(self.window.from).await?;
                self.requests += beside.requests;
                if let Some((id, at)) = beside.anchor {
                    self.line = IdLine::from(id, Some(at));
                    self.has_floor = true;
                }
                beside.near.into_iter().for_each(|it| self.line.list(it));
                self.stage = ReadStage::Listing;
            }
            ReadStage::Listing => {
                if let Some(frontier) = self.line.frontier(Some(self.listed_to)) {
                    return self.settle(frontier).await;
                }
                match self.listed.next().await {
                    Some(outcome) => self.take(outcome?),
                    None => self.look_after().await?,
                }
            }
            ReadStage::Listed { has_anchor } => match self.line.frontier(None) {
                Some(frontier) => self.settle(frontier).await?,
                None if has_anchor => self.stage = ReadStage::Settled,
                None if self.has_floor => self.stage = ReadStage::Above(ABSENT_ABOVE),
                None => {
                    // No event is listed anywhere.
                    self.has_floor = true;
                    self.stage = ReadStage::Above(ABSENT_BELOW);
                }
            },
            ReadStage::Above(ids) => {
                let asked = self.line.beyond(ids);
                let found = self.ask(asked).await?;
                let far = self.window.to + DISORDER;
                if found.is_empty() || found.iter().any(|at| *at >= far) {
                    self.stage = ReadStage::Settled;
                }
            }
            ReadStage::Settled => {}
        }
        Ok(())
    }

    /// Takes in a piece of the list.
    fn take(&mut self, outcome: SliceOutcome) {
        let window = outcome.window();
        let (SliceOutcome::Slice(Slice { records, .. }) | SliceOutcome::Hole(Hole { records, .. })) =
            &outcome;
        for record in records {
            self.bytes.0 += record.held_bytes();
            if let Some(id) = id_of(&record.returned.record) {
                let at = record.time().unwrap_or(window.from);
                self.line.list((id, at));
                self.found.remove(&(at, id));
            }
        }
        self.listed_to = window.to;
        self.waiting.push_back(outcome);
    }

    async fn look_after(&mut self) -> Result<(), SourceError> {
        let beside = self.asking.after(self.window.to).await?;
        self.requests += beside.requests;
        let anchor = beside.anchor.map(|(id, _)| id);
        let near = beside.near.into_iter().chain(beside.anchor);
        let near = near.filter(|(id, _)| anchor.is_none_or(|anchor| *id <= anchor));
        near.for_each(|it| self.line.list(it));
        self.stage = ReadStage::Listed {
            has_anchor: anchor.is_some(),
        };
        Ok(())
    }

    /// Settles ids up to a listed one, as many as are asked at once.
    async fn settle(&mut self, frontier: i64) -> Result<(), SourceError> {
        if !self.has_floor {
            return self.find_floor().await;
        }
        match self.line.step(frontier, ASKED_AT_ONCE) {
            IdStep::Ask(ids) => drop(self.ask(ids).await?),
            IdStep::Unlisted(ids, span) => self.leave_unlisted(ids, span),
            IdStep::Settled => {}
        }
        Ok(())
    }

    /// Asks for the ids below all that are listed.
    async fn find_floor(&mut self) -> Result<(), SourceError> {
        self.has_floor = true;
        let Some((lowest, at)) = self.line.lowest() else {
            return Ok(());
        };
        let far = self.window.from - DISORDER;
        let walk = below(&self.asking, (lowest, at), Some(far)).await?;
        for (asked, found) in walk.answers {
            self.take_answer(asked, found)?;
        }
        self.count(walk.requests);
        self.line.settle_below(lowest);
        if let Some((ids, span)) = walk.unlisted {
            self.leave_unlisted(ids, span);
        }
        Ok(())
    }

    /// Asks for ids, and returns when their events happened.
    async fn ask(&mut self, ids: Vec<AskedId>) -> Result<Vec<DateTime<Utc>>, SourceError> {
        self.count(ids.len() as u64);
        let mut times = Vec::new();
        for (asked, answer) in self.asking.events(ids).await {
            times.extend(self.take_answer(asked, answer)?);
        }
        Ok(times)
    }

    fn count(&mut self, requests: u64) {
        self.asked += requests;
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        self.requests = self.requests.saturating_add(requests);
    }

    /// Takes in what an id gave: when its event happened.
    fn take_answer(
        &mut self,
        asked: AskedId,
        answer: Result<Option<Keyed>, SourceError>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let id = asked.id;
        let event = match answer {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(None),
            Err(error) => {
                let about_it = error.scope() == ErrorScope::Window;
                let Some(reason) = HoleReason::of(&error).filter(|_| about_it) else {
                    return Err(error);
                };
                self.leave_unread(asked.span, reason, format!("event {id}: {error}"));
                return Ok(None);
            }
        };
        let Some(at) = event.time() else {
            let detail = format!("event {id} has no time that can be read");
            self.leave_unread(asked.span, HoleReason::NotUnderstood, detail);
            return Ok(None);
        };
        self.line.found(at);
        if self.window.contains(at) {
            if at < self.handed_to {
                return Err(SourceError::Contradicts {
                    message: format!(
                        "event {id} of {} has a higher id than events that are more than {} minutes later",
                        format_instant(at),
                        DISORDER.num_minutes()
                    ),
                });
            }
            self.bytes.0 += event.held_bytes();
            self.found.insert((at, id), event);
        }
        Ok(Some(at))
    }

    fn leave_unlisted(&mut self, ids: i64, span: IdSpan) {
        let detail = format!("{ids} ids in a row are not listed, too many to ask for each");
        self.leave_unread(span, HoleReason::Unlisted, detail);
    }

    fn leave_unread(&mut self, span: IdSpan, reason: HoleReason, detail: String) {
        let from = span
            .from
            .map_or(self.handed_to, |from| from.max(self.handed_to));
        let to = span.to.map_or(self.window.to, |to| to.min(self.window.to));
        self.unread
            .extend(Window::new(from, to).map(|window| UnreadIds {
                window,
                reason,
                detail,
            }));
    }

    /// Before this instant everything is known.
    fn complete_to(&self) -> Option<DateTime<Utc>> {
        match self.stage {
            ReadStage::Settled => Some(self.window.to),
            _ if self.window.duration() <= TimeDelta::days(1) && self.bytes.0 <= self.bytes.1 => {
                None
            }
            _ if self.has_floor => self.line.complete_to(),
            _ => None,
        }
    }

    /// The next piece, if all of it is known.
    fn piece(&mut self) -> Option<SliceOutcome> {
        let complete_to = self.complete_to()?;
        let front = self.waiting.front()?;
        let Window { from, mut to } = front.window();
        // A record without a time may lie anywhere in its slice.
        let is_divisible = match front {
            SliceOutcome::Slice(slice) => slice.records.iter().all(|it| it.time().is_some()),
            SliceOutcome::Hole(_) => false,
        };
        if complete_to < to {
            if !is_divisible || self.found.len() < ASKED_AT_ONCE || complete_to <= from {
                return None;
            }
            to = complete_to;
        }
        let overlaps = |unread: &&UnreadIds| unread.window.from < to && from < unread.window.to;
        let first = self.unread.iter().filter(overlaps);
        let first = first.min_by_key(|unread| unread.window.from);
        let mut hole = None;
        if let Some(unread) = first {
            match is_divisible && from < unread.window.from {
                true => to = unread.window.from,
                false => hole = Some((unread.reason, unread.detail.clone())),
            }
            if is_divisible && hole.is_some() {
                to = to.min(unread.window.to);
            }
        }
        self.hand_on(to, hole)
    }

    /// Takes what lies before `to` from the front, with the events that were found there.
    fn hand_on(
        &mut self,
        to: DateTime<Utc>,
        hole: Option<(HoleReason, String)>,
    ) -> Option<SliceOutcome> {
        let rest = self.found.split_off(&(to, i64::MIN));
        let found = std::mem::replace(&mut self.found, rest).into_values();
        let requests = std::mem::take(&mut self.requests);
        self.handed_to = to;
        self.unread.retain(|unread| to < unread.window.to);
        let mut slice = match self.waiting.pop_front()? {
            SliceOutcome::Slice(slice) => slice,
            SliceOutcome::Hole(mut listed) => {
                listed.records.extend(found);
                listed.requests = listed.requests.saturating_add(requests);
                return Some(SliceOutcome::Hole(listed));
            }
        };
        if let Some(window) = Window::new(to, slice.window.to) {
            let is_early = |record: &Keyed| record.time().is_some_and(|at| at < to);
            let (early, late) = slice.records.into_iter().partition(is_early);
            slice.records = early;
            slice.window.to = to;
            self.waiting.push_front(SliceOutcome::Slice(Slice {
                window,
                records: late,
                requests: 0,
                tenant: slice.tenant.clone(),
                objects: Vec::new(),
                // Counted when it is handed on.
                total: 0,
                source_duplicates: 0,
            }));
        }
        let listed_twice = (slice.records.len() - distinct(&slice.records)) as u64;
        let mut records = slice.records;
        records.extend(found);
        let requests = slice.requests.saturating_add(requests);
        Some(match hole {
            None => SliceOutcome::Slice(Slice {
                total: records.len() as u64,
                source_duplicates: listed_twice,
                records,
                requests,
                ..slice
            }),
            Some((reason, detail)) => Hole {
                tenant: slice.tenant,
                window: slice.window,
                reason,
                detail,
                records,
                objects: Vec::new(),
                requests,
            }
            .logged(),
        })
    }
}
