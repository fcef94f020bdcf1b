//! Which ids have to be asked for, by the ids and times of events that are listed.

use super::{DISORDER, ListedId, MOST_UNLISTED};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// The ids of a feed in their order, settled from the lowest on.
///
/// An id is settled once it is known whether it has an event. By the rule of order, an event with a higher id than
/// those that are settled is at most [`DISORDER`] earlier than the latest of them.
#[derive(Debug, Default)]
pub(super) struct IdLine {
    /// Listed events that are not settled.
    listed: BTreeMap<i64, DateTime<Utc>>,
    /// Every id up to this one is settled.
    settled: i64,
    /// When the latest event with a settled id happened.
    latest: Option<DateTime<Utc>>,
}

/// An id that is asked for, and when its event can have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AskedId {
    pub(super) id: i64,
    pub(super) span: IdSpan,
}

/// When an event can have happened, by the events around its id; `None` where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IdSpan {
    /// The first instant.
    pub(super) from: Option<DateTime<Utc>>,
    /// The first instant after it.
    pub(super) to: Option<DateTime<Utc>>,
}

/// What to do next to settle ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum IdStep {
    /// Ask for these; they are settled then.
    Ask(Vec<AskedId>),
    /// So many ids are too many to be asked. They count as settled.
    Unlisted(i64, IdSpan),
    /// Nothing is left.
    Settled,
}

impl IdLine {
    /// A line whose ids up to one are settled, the latest of them at a time.
    pub(super) fn from(settled: i64, latest: Option<DateTime<Utc>>) -> Self {
        Self {
            listed: BTreeMap::new(),
            settled,
            latest,
        }
    }

    /// Takes in a listed event.
    pub(super) fn list(&mut self, (id, at): ListedId) {
        if id > self.settled {
            self.listed.insert(id, at);
        }
    }

    /// Takes in when an event with a settled id happened.
    pub(super) fn found(&mut self, at: DateTime<Utc>) {
        self.latest = self.latest.max(Some(at));
    }

    /// The lowest id that is listed and not settled.
    pub(super) fn lowest(&self) -> Option<ListedId> {
        let (id, at) = self.listed.first_key_value()?;
        Some((*id, *at))
    }

    /// Takes every id below one for settled.
    pub(super) fn settle_below(&mut self, id: i64) {
        self.settled = self.settled.max(id - 1);
    }

    /// The highest id that can be settled where everything before an instant has been listed: no event that is not
    /// listed yet has a lower one. Without an instant everything has been.
    pub(super) fn frontier(&self, listed_to: Option<DateTime<Utc>>) -> Option<i64> {
        let mut highest_first = self.listed.iter().rev();
        let is_early = |at: DateTime<Utc>| listed_to.is_none_or(|to| at < to - DISORDER);
        let found = highest_first.find(|(_, at)| is_early(**at));
        found.map(|(id, _)| *id)
    }

    /// Settles ids up to a listed one, asking for at most so many at once.
    pub(super) fn step(&mut self, frontier: i64, most: usize) -> IdStep {
        let mut asked: Vec<AskedId> = Vec::new();
        while self.settled < frontier
            && let Some((next, at)) = self.lowest()
        {
            let span = IdSpan {
                from: self.complete_to(),
                to: Some(at + DISORDER + TimeDelta::microseconds(1)),
            };
            let missing = next - self.settled - 1;
            if missing > MOST_UNLISTED {
                if !asked.is_empty() {
                    break;
                }
                self.pass(next, at);
                return IdStep::Unlisted(missing, span);
            }
            let room = i64::try_from(most - asked.len()).unwrap_or(i64::MAX);
            let end = self.settled + missing.min(room);
            asked.extend((self.settled + 1..=end).map(|id| AskedId { id, span }));
            self.settled = end;
            if asked.len() >= most {
                break;
            }
            self.pass(next, at);
        }
        match asked.is_empty() {
            true => IdStep::Settled,
            false => IdStep::Ask(asked),
        }
    }

    fn pass(&mut self, id: i64, at: DateTime<Utc>) {
        self.listed.remove(&id);
        self.settled = id;
        self.found(at);
    }

    /// Settles so many ids above those that are settled, where none of them is listed.
    pub(super) fn beyond(&mut self, ids: i64) -> Vec<AskedId> {
        let span = IdSpan {
            from: self.complete_to(),
            to: None,
        };
        let first = self.settled + 1;
        self.settled += ids;
        (first..=self.settled)
            .map(|id| AskedId { id, span })
            .collect()
    }

    /// Before this instant there is no event whose id is not settled.
    pub(super) fn complete_to(&self) -> Option<DateTime<Utc>> {
        self.latest.map(|latest| latest - DISORDER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn ids(step: &IdStep) -> Vec<i64> {
        match step {
            IdStep::Ask(asked) => asked.iter().map(|asked| asked.id).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn ids_between_listed_ones_are_asked_in_their_order() {
        let mut line = IdLine::from(3, Some(at(0)));
        for listed in [(4, at(10)), (7, at(400)), (8, at(390)), (12, at(1_000))] {
            line.list(listed);
        }
        line.list((2, at(20)));
        // What is listed later than 700 s is at most five minutes later in time than that.
        assert_eq!(line.frontier(Some(at(700))), Some(8));
        let step = line.step(8, 100);
        assert_eq!(ids(&step), [5, 6]);
        let IdStep::Ask(asked) = step else {
            unreachable!()
        };
        let span = IdSpan {
            from: Some(at(10) - DISORDER),
            to: Some(at(400) + DISORDER + TimeDelta::microseconds(1)),
        };
        assert_eq!(asked[0], AskedId { id: 5, span });
        assert_eq!(line.complete_to(), Some(at(100)));
        assert_eq!(line.step(8, 100), IdStep::Settled);
        assert_eq!(line.frontier(Some(at(700))), None);
        assert_eq!(line.frontier(None), Some(12));
        // Two at a time.
        assert_eq!(ids(&line.step(12, 2)), [9, 10]);
        assert_eq!(ids(&line.step(12, 2)), [11]);
        assert_eq!(line.step(12, 2), IdStep::Settled);
        assert_eq!(ids(&IdStep::Ask(line.beyond(2))), [13, 14]);
    }

    #[test]
    fn too_many_ids_are_not_asked() {
        let mut line = IdLine::from(0, None);
        line.list((2, at(0)));
        line.list((20_000, at(60)));
        assert_eq!(ids(&line.step(20_000, 100)), [1]);
        let IdStep::Unlisted(19_997, span) = line.step(20_000, 100) else {
            panic!()
        };
        assert_eq!(span.from, Some(at(0) - DISORDER));
        assert_eq!(line.complete_to(), Some(at(60) - DISORDER));
        assert_eq!(line.step(20_000, 100), IdStep::Settled);
    }

    proptest! {
        /// Whatever is listed, in whatever disorder the rule allows: every id is listed or asked for once, what is
        /// asked happened within its span, and nothing is complete before it is known.
        #[test]
        fn no_id_is_left_out(
            events in prop::collection::vec((0_i64..200, 0_i64..300, 0..4), 1..80),
            most in 1_usize..20,
        ) {
            // Kind 0 does not exist, 1 is hidden, others are listed.
            let mut now = 0;
            let times: Vec<(i64, i64, i32)> = events
                .iter()
                .zip(1..)
                .map(|((step, early, kind), id)| {
                    now += step;
                    (id, now - early, *kind)
                })
                .collect();
            let time = |id: i64| at(times[usize::try_from(id - 1).unwrap()].1);
            let mut listed: Vec<(i64, i64, i32)> =
                times.iter().copied().filter(|(.., kind)| *kind > 1).collect();
            listed.sort_by_key(|(id, at, _)| (*at, *id));
            let mut line = IdLine::from(0, None);
            let mut asked = Vec::new();
            let mut settle = |line: &mut IdLine, to: Option<DateTime<Utc>>| {
                while let Some(frontier) = line.frontier(to) {
                    let IdStep::Ask(step) = line.step(frontier, most) else { continue };
                    for one in step {
                        let happened = time(one.id);
                        if times[usize::try_from(one.id - 1).unwrap()].2 == 1 {
                            assert!(one.span.from.is_none_or(|from| from <= happened));
                            assert!(one.span.to.is_none_or(|to| happened < to));
                            line.found(happened);
                        }
                        asked.push(one.id);
                    }
                    let settled = line.settled;
                    if let Some(complete) = line.complete_to() {
                        let open = times.iter().filter(|(id, _, kind)| *id > settled && *kind == 1);
                        for (id, happened, _) in open {
                            assert!(at(*happened) >= complete, "{id}");
                        }
                    }
                }
            };
            for (id, happened, _) in &listed {
                line.list((*id, at(*happened)));
                settle(&mut line, Some(at(*happened)));
            }
            settle(&mut line, None);
            let last = listed.iter().map(|(id, ..)| *id).max().unwrap_or(0);
            let mut all: Vec<i64> = listed.iter().map(|(id, ..)| *id).chain(asked).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (1..=last).collect::<Vec<_>>());
        }
    }
}
