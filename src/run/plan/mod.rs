//! The plan of a run: a value that says what will be read, made from the state, the configuration
//! and a now. `plan` prints it, `run` executes it. What a run writes is a function of its plan and
//! of what the sources answer.

mod due;

pub(super) mod dates;

pub(super) use due::recounts;

use crate::lake::layout::RunId;
use crate::ledger::state::{FeedState, State};
use crate::policy::Past;
use crate::window::{Coverage, Window, instant};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// What a plan needs to know of one feed.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// Tenant, or [`ALL_TENANTS`](super::feed::ALL_TENANTS).
    pub tenant: String,
    /// Where reading begins.
    pub start: DateTime<Utc>,
}

/// What a plan needs to know of one source.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Id.
    pub id: String,
    /// Age that a record must have before it is read first.
    pub settle: TimeDelta,
    /// How much before the end of coverage is read again.
    pub overlap: TimeDelta,
    /// Its feeds.
    pub feeds: Vec<FeedSettings>,
    /// Closed dates no older than this are counted again now, whatever the schedule says.
    pub recount: Option<TimeDelta>,
    /// The newest instant that has certainly come: *now* where that is borne out. What has settled is
    /// told by it.
    pub proven: DateTime<Utc>,
    /// Dates past retention, which are left out of everything.
    pub past: Past,
}

/// The plan of one run.
#[derive(Debug, Clone, Serialize)]
pub struct RunPlan {
    /// The run.
    pub run_id: RunId,
    /// Its now.
    #[serde(with = "instant")]
    pub now: DateTime<Utc>,
    /// Sequence of the entry that the plan stands on; none before the lake is founded.
    pub base_sequence: Option<u64>,
    /// The sources in configured order.
    pub sources: Vec<SourcePlan>,
    /// Where the salts of all files come from.
    #[serde(skip)]
    pub seed: Seed,
}

/// The secret from which a run derives the salts of its files. Who knows it could test a guess of a
/// record against a root whose file is gone, so it is never shown or stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// What is read of one source.
#[derive(Debug, Clone, Serialize)]
pub struct SourcePlan {
    /// Id.
    pub source: String,
    /// Its feeds.
    pub feeds: Vec<FeedPlan>,
    /// Dates past retention.
    #[serde(skip)]
    pub past: Past,
}

/// What a run would read of one tenant's feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FeedPlan {
    /// Id of the tenant, or `*` for the feed across all tenants.
    pub tenant: String,
    /// All windows that would be read, in order and without overlaps.
    pub windows: Vec<Window>,
    /// Of the windows, what has not been read before.
    pub new: Vec<Window>,
    /// What was never read and is past retention by now, so it is left out; absent if there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<Window>,
    /// Of the windows, what has been read before: the overlap, and closed dates that are compared by id.
    pub again: Vec<Window>,
    /// Holes that would be tried again.
    pub holes: Vec<Window>,
    /// Dates whose records would be counted again.
    pub recounts: Vec<Window>,
}

impl SourcePlan {
    /// Plans one source on top of what is known of its feeds.
    pub fn make(settings: &SourceSettings, state: Option<&State>, now: DateTime<Utc>) -> Self {
        let nothing = FeedState::default();
        let feeds = settings.feeds.iter().map(|feed| {
            let known = state
                .and_then(|state| state.feed(&settings.id, &feed.tenant))
                .unwrap_or(&nothing);
            FeedPlan::make(settings, feed, known, now)
        });
        Self {
            source: settings.id.clone(),
            feeds: feeds.collect(),
            past: settings.past.clone(),
        }
    }
}

impl FeedPlan {
    fn make(
        source: &SourceSettings,
        feed: &FeedSettings,
        known: &FeedState,
        now: DateTime<Utc>,
    ) -> Self {
        let past = &source.past;
        let read_to = now - source.settle;
        let unread = unread(feed, known, read_to);
        let new = past.without(unread.windows().to_vec());
        let holes = past.without(known.holes.iter().map(|hole| hole.window));
        let mut again = Coverage::new();
        if let Some(covered_to) = known.coverage.end() {
            // A run by a clock that was ahead has covered time that had not come.
            let covered_to = covered_to.min(read_to);
            let overlap = Window::new(covered_to - source.overlap, covered_to);
            for part in overlap
                .iter()
                .flat_map(|window| known.coverage.inside(window))
            {
                again.insert(part);
            }
        }
        for date in due::dates_to_read_again(known, source.proven) {
            for part in Window::of_date(date)
                .iter()
                .flat_map(|day| known.coverage.inside(day))
            {
                again.insert(part);
            }
        }
        let again = past.without(again.windows().to_vec());
        let mut windows = again.clone();
        for window in new.windows().iter().chain(holes.windows()) {
            windows.insert(*window);
        }
        Self {
            tenant: feed.tenant.clone(),
            windows: windows.into(),
            missed: missed(&unread, known, past),
            new: new.into(),
            again: again.into(),
            holes: holes.into(),
            recounts: due::recounts(known, now, source.recount, past),
        }
    }
}

/// What is not covered from where reading begins, holes left out.
pub(super) fn unread(feed: &FeedSettings, known: &FeedState, end: DateTime<Utc>) -> Coverage {
    let whole = Window::new(feed.start, end);
    let missing = whole.map(|whole| known.coverage.missing(&whole));
    let mut unread: Coverage = missing.into_iter().flatten().collect();
    for hole in &known.holes {
        unread.remove(hole.window);
    }
    unread
}

/// What is past retention and was not read in time, though reading had begun: it follows what is covered.
/// Said once, since the next run's coverage goes on behind it.
fn missed(unread: &Coverage, known: &FeedState, past: &Past) -> Vec<Window> {
    let Some(covered_to) = known.coverage.end() else {
        return Vec::new();
    };
    let after = unread.windows().iter();
    let after = after.filter(|window| window.from >= covered_to);
    after
        .flat_map(|window| Vec::from(past.inside(window)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{Hold, HoleReasonCode, RecountVerdict, VerdictBy};
    use crate::ledger::state::{HoldState, HoleState, RecountState, SourceState};
    use crate::policy::Policy;
    use crate::window::midnight;
    use chrono::NaiveDate;

    const NOW: &str = "2026-01-21T06:00:00Z";

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn days(from: &str, to: &str) -> Window {
        Window::new(midnight(date(from)), midnight(date(to))).unwrap()
    }

    fn policy(default: &str) -> Policy {
        Policy {
            rules: Vec::new(),
            default: default.parse().unwrap(),
            platforms: [("s".to_owned(), "kestra".to_owned())].into(),
        }
    }

    fn state(known: FeedState) -> State {
        let mut state = State::empty();
        let source = SourceState {
            redacted: Default::default(),
            feeds: [("main".to_owned(), known)].into(),
            axis: None,
            last_run: None,
        };
        state.sources.insert("s".to_owned(), source);
        state
    }

    fn hold(state: &mut State, from: &str, to: &str) {
        let hold = Hold {
            case: "case".to_owned(),
            from: date(from),
            to: date(to),
            categories: Vec::new(),
            sources: Vec::new(),
            reason: "why".to_owned(),
            by: "anna".to_owned(),
            until: None,
        };
        let at = DateTime::UNIX_EPOCH;
        let held = HoldState {
            hold,
            at,
            released: None,
        };
        state.holds.insert(1, held);
    }

    fn plan(state: &State, start: &str, keep: &str) -> FeedPlan {
        let now: DateTime<Utc> = NOW.parse().unwrap();
        let policy = policy(keep);
        let today = now.date_naive();
        let settings = SourceSettings {
            id: "s".to_owned(),
            settle: TimeDelta::minutes(5),
            overlap: TimeDelta::minutes(30),
            feeds: vec![FeedSettings {
                tenant: "main".to_owned(),
                start: midnight(date(start)),
            }],
            recount: Some(TimeDelta::days(60)),
            proven: now,
            past: Past::of(Some(&policy), state.holds_in_force(today), "s", today),
        };
        SourcePlan::make(&settings, Some(state), now)
            .feeds
            .remove(0)
    }

    /// A run by a clock that was ahead has covered time to come: nothing of that is unread, and the overlap
    /// is that of now.
    #[test]
    fn coverage_of_a_time_to_come_leaves_the_overlap_where_it_is() {
        let mut known = FeedState::default();
        known.coverage.insert(days("2026-01-01", "2036-01-01"));
        let plan = plan(&state(known), "2026-01-01", "forever");
        let now: DateTime<Utc> = NOW.parse().unwrap();
        let end = now - TimeDelta::minutes(5);
        let overlap = Window::new(end - TimeDelta::minutes(30), end).unwrap();
        assert_eq!((plan.new, plan.again), (vec![], vec![overlap]));
    }

    /// Covered for 60 days, with a hole, a gap, and a date that waits to be read again, on dates that are
    /// past under 30 days and not under 90.
    fn known() -> FeedState {
        let mut known = FeedState::default();
        known.coverage.insert(days("2025-11-20", "2025-12-01"));
        known.coverage.insert(days("2025-12-02", "2026-01-21"));
        known.holes.push(HoleState {
            window: days("2025-12-01", "2025-12-02"),
            reason: HoleReasonCode("unreadable".to_owned()),
            detail: "cannot be read".to_owned(),
            first_seen: DateTime::UNIX_EPOCH,
            tries: 1,
        });
        let day = known.days.entry(date("2025-12-05")).or_default();
        day.read_early = true;
        let day = known.days.entry(date("2025-12-06")).or_default();
        day.recount = Some(RecountState {
            at: DateTime::UNIX_EPOCH,
            by: VerdictBy::Count,
            source_count: 2,
            lake_count: 1,
            expected: 1,
            verdict: RecountVerdict::Gap,
        });
        known
    }

    fn dates_of(windows: &[Window]) -> Vec<NaiveDate> {
        let parts = windows.iter().flat_map(Window::by_date);
        parts.map(|part| part.from.date_naive()).collect()
    }

    #[test]
    fn what_is_past_is_left_out_of_everything() {
        let kept = plan(&state(known()), "2025-11-20", "90d");
        assert_eq!(kept.holes, [days("2025-12-01", "2025-12-02")]);
        assert!(dates_of(&kept.again).contains(&date("2025-12-05")));
        assert!(dates_of(&kept.recounts).contains(&date("2025-11-23")));
        let past = plan(&state(known()), "2025-11-20", "30d");
        assert!(past.holes.is_empty() && past.missed.is_empty());
        assert_eq!(past.new, kept.new);
        let first_kept = date("2025-12-22");
        assert_eq!(dates_of(&past.again), [date("2026-01-20")]);
        assert_eq!(dates_of(&past.recounts).first(), Some(&first_kept));
        assert_eq!(dates_of(&past.windows).first(), Some(&date("2026-01-20")));
    }

    #[test]
    fn a_hold_lifts_it_and_forever_is_never_past() {
        let mut held = state(known());
        hold(&mut held, "2025-12-01", "2025-12-05");
        let lifted = plan(&held, "2025-11-20", "30d");
        assert_eq!(lifted.holes, [days("2025-12-01", "2025-12-02")]);
        assert!(dates_of(&lifted.again).contains(&date("2025-12-05")));
        assert!(!dates_of(&lifted.recounts).contains(&date("2025-12-06")));
        assert_eq!(
            plan(&state(known()), "2025-11-20", "forever"),
            plan(&state(known()), "2025-11-20", "90d")
        );
    }

    /// What follows the end of coverage was not read in time; what lies before it was never to be read.
    #[test]
    fn what_was_not_read_in_time_is_named_once() {
        let mut behind = FeedState::default();
        behind.coverage.insert(days("2025-11-20", "2025-12-10"));
        let late = plan(&state(behind.clone()), "2025-11-20", "30d");
        assert_eq!(late.missed, [days("2025-12-10", "2025-12-22")]);
        assert_eq!(dates_of(&late.new).first(), Some(&date("2025-12-22")));
        assert!(late.again.is_empty());
        behind.coverage.insert(days("2025-12-22", "2026-01-21"));
        let next = plan(&state(behind), "2025-11-20", "30d");
        assert!(next.missed.is_empty());
        assert_eq!(dates_of(&next.new), [date("2026-01-21")]);
        // As `earliest` has it where the platform has more than is kept.
        let fresh = plan(&state(FeedState::default()), "2025-11-20", "30d");
        assert!(fresh.missed.is_empty());
        assert_eq!(dates_of(&fresh.new).first(), Some(&date("2025-12-22")));
        // Dates that are held are read, and those between them and what is kept are not.
        let mut held = state(FeedState::default());
        hold(&mut held, "2025-11-25", "2025-11-26");
        let new = dates_of(&plan(&held, "2025-11-20", "30d").new);
        assert_eq!(new[..2], [date("2025-11-25"), date("2025-11-26")]);
        assert_eq!(new[2], date("2025-12-22"));
    }

    #[test]
    fn a_leap_day_is_kept_for_a_year_like_its_neighbours() {
        let mut known = FeedState::default();
        known.coverage.insert(days("2024-02-20", "2026-01-21"));
        for day in 27..=29 {
            let day = date(&format!("2024-02-{day}"));
            known.days.entry(day).or_default().read_early = true;
        }
        let again = |keep: &str| dates_of(&plan(&state(known.clone()), "2024-02-20", keep).again);
        // 2026-01-21 less 23 months is 2024-02-21; 692 days before it lies the 29th of February.
        for (keep, first) in [
            ("23mo", "2024-02-27"),
            ("693d", "2024-02-28"),
            ("692d", "2024-02-29"),
        ] {
            assert_eq!(again(keep)[0], date(first), "{keep}");
        }
        assert_eq!(again("691d"), [date("2026-01-20")]);
    }
}
