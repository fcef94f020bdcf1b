//! What is not read yet and falls off at platforms.

use super::{FeedStatus, Status};
use crate::ledger::state::State;
use crate::window::midnight;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

impl Status {
    /// The same with what falls off at platforms. `kept` is how long those of the configuration keep records, by the id
    /// of the source, as far as that is known.
    #[must_use]
    pub fn with_horizons(
        mut self,
        kept: &BTreeMap<String, TimeDelta>,
        state: &State,
        now: DateTime<Utc>,
    ) -> Self {
        for source in &mut self.sources {
            let kept = kept.get(&source.source).copied();
            for feed in source.feeds.iter_mut().filter(|feed| feed.configured) {
                let known = state.feed(&source.source, &feed.tenant);
                feed.falling_off = known.zip(feed.oldest_unread()).and_then(|(known, unread)| {
                    known.falling_off(unread, kept, feed.oldest_at_source, now)
                });
            }
        }
        self
    }
}

impl FeedStatus {
    /// The oldest instant that has not been read completely; `None` where nothing has been read.
    fn oldest_unread(&self) -> Option<DateTime<Utc>> {
        let covered = self.covered.first().map(|window| window.to);
        let hole = self.holes.iter().map(|hole| hole.window.from).min();
        let gap = self.gaps.first().map(|date| midnight(*date));
        [covered?].into_iter().chain(hole).chain(gap).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::LedgerTime;
    use crate::ledger::entry::HoleReasonCode;
    use crate::ledger::state::{FeedState, HoleState};
    use crate::warehouse::StatementLimits;
    use crate::window::Window;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(from: &str, to: &str) -> Window {
        Window::new(at(from), at(to)).unwrap()
    }

    /// The status of a feed that keeps records for 90 days and has this hole.
    fn falling_off(hole: Option<Window>, configured: bool) -> Option<String> {
        let now = at("2026-06-30T00:00:00Z");
        let mut feed = FeedState::default();
        let covered = window("2026-01-01T00:00:00Z", "2026-06-29T23:55:00Z");
        feed.coverage.insert(covered);
        feed.holes.extend(hole.map(|window| HoleState {
            window,
            reason: HoleReasonCode("unreadable".to_owned()),
            detail: String::new(),
            first_seen: now,
            tries: 1,
        }));
        let mut state = State::empty();
        let source = state.sources.entry("s".to_owned()).or_default();
        source.feeds.insert("main".to_owned(), feed);
        let feeds = [("s".to_owned(), "main".to_owned())].into();
        let feeds = if configured {
            feeds
        } else {
            Default::default()
        };
        let no_warehouses: &[(&str, &StatementLimits)] = &[];
        let time = LedgerTime::begin(now, &[]);
        let judged = crate::clock::judge(now, &[], Some(&time));
        let kept = [("s".to_owned(), TimeDelta::days(90))].into();
        let status = Status::of(&state, &feeds, no_warehouses, None, 1 << 28, &judged)
            .with_horizons(&kept, &state, now);
        let falling = status.sources[0].feeds[0].falling_off;
        falling.map(|falling| falling.said(now))
    }

    #[test]
    fn a_hole_is_named_before_it_falls_off() {
        assert_eq!(falling_off(None, true), None);
        let late = window("2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z");
        assert_eq!(falling_off(Some(late), true), None);
        let soon = window("2026-04-02T00:00:00Z", "2026-04-02T00:00:01Z");
        assert_eq!(
            falling_off(Some(soon), true).unwrap(),
            "what happened from 2026-04-02T00:00:00Z on is not read yet, and the source lets go of it on 2026-07-01"
        );
        // Nobody reads it any more.
        assert_eq!(falling_off(Some(soon), false), None);
    }
}
