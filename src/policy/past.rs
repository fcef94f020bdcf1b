//! Dates of which nothing is kept any more, so that nothing of them is read either.

use super::hold::Hold;
use super::rules::Policy;
use crate::window::{Coverage, Window, midnight};
use chrono::{Days, NaiveDate};

/// The dates of a source that are *past*: the rules keep nothing of them today, whatever it is about, and
/// no hold in force may protect any of it. Reading them would bring in what goes again at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    kept_from: Option<NaiveDate>,
    /// What holds may protect before that.
    held: Coverage,
}

impl Past {
    /// What is past on a date that has certainly come, under some holds that are in force then. Without
    /// rules, nothing is.
    pub fn of<'h>(
        policy: Option<&Policy>,
        in_force: impl IntoIterator<Item = &'h Hold>,
        source: &str,
        today: NaiveDate,
    ) -> Self {
        let Some(kept_from) = policy.and_then(|policy| kept_from(policy, source, today)) else {
            return Self::default();
        };
        let held = in_force
            .into_iter()
            .filter(|hold| hold.is_about(None, source))
            .filter_map(|hold| {
                let after = hold.to.succ_opt().unwrap_or(hold.to).min(kept_from);
                Window::new(midnight(hold.from), midnight(after))
            })
            .collect();
        Self {
            kept_from: Some(kept_from),
            held,
        }
    }

    /// The first date of which the rules keep anything; none where they keep all dates, or there are none.
    /// Of dates before it holds may protect some all the same.
    pub const fn kept_from(&self) -> Option<NaiveDate> {
        self.kept_from
    }

    /// Whether a date is past.
    pub fn has(&self, date: NaiveDate) -> bool {
        Window::of_date(date).is_some_and(|day| self.has_all(&day))
    }

    /// Whether all of a window is.
    pub fn has_all(&self, window: &Window) -> bool {
        self.inside(window).covers(window)
    }

    /// The parts of a window that are.
    pub fn inside(&self, window: &Window) -> Coverage {
        let mut past = Coverage::new();
        if let Some(kept_from) = self.kept_from {
            let before = Window::new(window.from, window.to.min(midnight(kept_from)));
            before.into_iter().for_each(|before| past.insert(before));
            for held in self.held.windows() {
                past.remove(*held);
            }
        }
        past
    }

    /// The parts of windows that are not.
    pub fn without(&self, windows: impl IntoIterator<Item = Window>) -> Coverage {
        let mut kept: Coverage = windows.into_iter().collect();
        for window in kept.windows().to_vec() {
            for past in self.inside(&window).windows() {
                kept.remove(*past);
            }
        }
        kept
    }
}

/// The first date of which a policy keeps anything today. A rule keeps a later date no shorter than an
/// earlier one, so that all dates before the first are over.
fn kept_from(policy: &Policy, source: &str, today: NaiveDate) -> Option<NaiveDate> {
    let is_over = |date| policy.verdict_on_date(source, date).is_over(today);
    // No record is older: the text of an instant has a year of four digits.
    let first = NaiveDate::from_ymd_opt(1, 1, 1)?;
    let days = u64::try_from((today - first).num_days()).ok()?;
    let nth = |days| first.checked_add_days(Days::new(days));
    // How many dates are known to be over, and of how many it is known that not all are.
    let (mut over, mut beyond) = (0, days + 1);
    while over < beyond {
        let middle = over + (beyond - over) / 2;
        match nth(middle).is_some_and(is_over) {
            true => over = middle + 1,
            false => beyond = middle,
        }
    }
    (over > 0).then(|| nth(over)).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::{Conditions, Rule};
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn policy(rules: &[(&str, &str)], default: &str) -> Policy {
        let rules = rules.iter().map(|(category, keep)| Rule {
            name: (*category).to_owned(),
            conditions: Conditions {
                category: vec![(*category).to_owned()],
                ..Conditions::default()
            },
            keep: keep.parse().unwrap(),
        });
        Policy {
            rules: rules.collect(),
            default: default.parse().unwrap(),
            platforms: [("a".to_owned(), "kestra".to_owned())].into(),
        }
    }

    fn held(holds: &[(&str, &str, &[&str])]) -> Vec<Hold> {
        let holds = holds.iter().map(|(from, to, sources)| Hold {
            case: "case".to_owned(),
            from: date(from),
            to: date(to),
            categories: vec!["execution".to_owned()],
            sources: sources.iter().map(|it| (*it).to_owned()).collect(),
            reason: "why".to_owned(),
            by: "anna".to_owned(),
            until: None,
        });
        holds.collect()
    }

    /// Whether a hold may protect something of a source and date, whatever it is about.
    fn may_protect(holds: &[Hold], source: &str, date: NaiveDate) -> bool {
        holds.iter().any(|hold| {
            let inside = hold.from <= date && date <= hold.to;
            let of_source = hold.sources.is_empty() || hold.sources.iter().any(|it| it == source);
            inside && of_source
        })
    }

    #[test]
    fn the_longest_rule_says_what_is_past_and_forever_never_is() {
        for (rules, default, today, kept_from) in [
            (&[][..], "90d", "2026-01-21", Some("2025-10-23")),
            (
                &[("execution", "7d")],
                "90d",
                "2026-01-21",
                Some("2025-10-23"),
            ),
            (
                &[("execution", "400d")],
                "90d",
                "2026-01-21",
                Some("2024-12-17"),
            ),
            (&[("execution", "forever")], "90d", "2026-01-21", None),
            (&[], "forever", "2026-01-21", None),
            (&[], "8000y", "2026-01-21", None),
            (&[], "0d", "2026-01-21", Some("2026-01-21")),
            // The 29th of February is kept until the 28th of the next.
            (&[], "1y", "2025-02-28", Some("2024-02-28")),
            (&[], "1y", "2025-03-01", Some("2024-03-01")),
            (&[], "1mo", "2026-03-01", Some("2026-02-01")),
            (&[], "1mo", "2026-02-28", Some("2026-01-28")),
        ] {
            let policy = policy(rules, default);
            let past = Past::of(Some(&policy), [], "a", date(today));
            assert_eq!(past.kept_from(), kept_from.map(date), "{default} {today}");
        }
        assert_eq!(Past::of(None, [], "a", date("2026-01-21")), Past::default());
    }

    #[test]
    fn a_hold_in_force_lifts_it() {
        let policy = policy(&[], "90d");
        let holds = held(&[
            ("2025-03-01", "2025-03-31", &[]),
            ("2025-03-15", "2025-04-10", &["a"]),
            ("2025-06-01", "2025-06-30", &["b"]),
        ]);
        let today = date("2026-01-21");
        let past = Past::of(Some(&policy), &holds, "a", today);
        for (day, is_past) in [
            ("2025-02-28", true),
            ("2025-03-01", false),
            ("2025-04-10", false),
            ("2025-04-11", true),
            ("2025-06-15", true),
            ("2025-10-22", true),
            ("2025-10-23", false),
        ] {
            assert_eq!(past.has(date(day)), is_past, "{day}");
        }
        let year = Window {
            from: midnight(date("2025-01-01")),
            to: midnight(date("2026-01-01")),
        };
        let read = past.without([year]);
        let first = read.windows()[0];
        assert_eq!(
            (first.from, first.to),
            (midnight(date("2025-03-01")), midnight(date("2025-04-11")))
        );
        assert_eq!(read.windows().len(), 2);
        let past = Past::of(Some(&policy), [], "a", today);
        assert!(past.has(date("2025-03-15")));
    }

    proptest! {
        /// Against what is asked of each date by itself.
        #[test]
        fn is_what_each_date_says_by_itself(
            keep in prop_oneof![
                (0u32..900).prop_map(|n| format!("{n}d")),
                (0u32..30).prop_map(|n| format!("{n}mo")),
                (0u32..3).prop_map(|n| format!("{n}y")),
            ],
            from in 0u64..1_000,
            length in 0u64..40,
            today in 0u64..60,
        ) {
            let policy = policy(&[("execution", "30d")], &keep);
            let begin = date("2024-01-01");
            let day = |n| begin.checked_add_days(Days::new(n)).unwrap();
            let (first, last) = (day(from).to_string(), day(from + length).to_string());
            let holds = held(&[(&first, &last, &[])]);
            let today = day(900 + today);
            let past = Past::of(Some(&policy), &holds, "a", today);
            for n in 0..1_000 {
                let last_day = policy.verdict_on_date("a", day(n)).last_day;
                let over = last_day.is_some_and(|it| it < today);
                let is_past = over && !may_protect(&holds, "a", day(n));
                prop_assert_eq!(past.has(day(n)), is_past, "{}", day(n));
            }
        }
    }
}
