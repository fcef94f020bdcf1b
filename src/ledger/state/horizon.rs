//! What a feed has not read yet and its platform is about to let go of.

use super::FeedState;
use crate::window::{format_instant, midnight};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// How long before it falls off unread time is warned of: a job that runs daily has three more runs then.
const NEAR: TimeDelta = TimeDelta::days(3);

/// Time that is not read yet and that the platform lets go of soon, or has let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FallingOff {
    /// The oldest instant that has not been read completely.
    #[serde(with = "crate::window::instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub unread_from: DateTime<Utc>,
    /// When the platform lets go of it.
    #[serde(with = "crate::window::instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub falls_off: DateTime<Utc>,
}

impl FeedState {
    /// Whether what is unread from an instant on falls off soon. `kept` is how long the platform keeps records, where
    /// that is known; otherwise it follows from its `oldest` record, where it once had older ones.
    pub fn falling_off(
        &self,
        unread_from: DateTime<Utc>,
        kept: Option<TimeDelta>,
        oldest: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<FallingOff> {
        let kept = kept.or_else(|| self.seen_to_keep(oldest?, now))?;
        let falls_off = unread_from.checked_add_signed(kept)?;
        // Of a platform that keeps records for a few days only, half of that is soon.
        let near = NEAR.min(kept / 2);
        (falls_off - now <= near).then_some(FallingOff {
            unread_from,
            falls_off,
        })
    }

    fn seen_to_keep(&self, oldest: DateTime<Utc>, now: DateTime<Utc>) -> Option<TimeDelta> {
        let mut dates = self.days.iter();
        let (first, _) = dates.find(|(_, day)| day.accounted > 0)?;
        let has_purged = midnight(*first) < oldest - TimeDelta::days(1);
        has_purged.then(|| now - oldest)
    }
}

impl FallingOff {
    /// What that means, as a sentence without its full stop.
    pub fn said(&self, now: DateTime<Utc>) -> String {
        let unread = format_instant(self.unread_from);
        let end = match self.falls_off > now {
            true => format!(
                "and the source lets go of it on {}",
                self.falls_off.date_naive()
            ),
            false => "and the source may have let go of it".to_owned(),
        };
        format!("what happened from {unread} on is not read yet, {end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::state::DayState;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_near_a_known_horizon_is_named_with_its_end() {
        let feed = FeedState::default();
        let now = at("2026-06-30T00:00:00Z");
        let days = |days| Some(TimeDelta::days(days));
        let falling = |unread: &str, kept| feed.falling_off(at(unread), kept, None, now);
        assert_eq!(falling("2026-06-29T23:00:00Z", days(90)), None);
        assert_eq!(falling("2026-04-05T00:00:00Z", days(90)), None);
        let soon = FallingOff {
            unread_from: at("2026-04-03T00:00:00Z"),
            falls_off: at("2026-07-02T00:00:00Z"),
        };
        assert_eq!(falling("2026-04-03T00:00:00Z", days(90)), Some(soon));
        // It may be gone already.
        assert!(falling("2026-01-01T00:00:00Z", days(90)).is_some());
        // A day ago is not soon where records stay for two days.
        assert_eq!(falling("2026-06-29T12:00:00Z", days(2)), None);
        assert!(falling("2026-06-28T18:00:00Z", days(2)).is_some());
        // Nothing is known of this platform.
        assert_eq!(falling("2020-01-01T00:00:00Z", None), None);
    }

    #[test]
    fn what_a_platform_was_seen_to_let_go_of_is_its_horizon() {
        let now = at("2026-06-30T00:00:00Z");
        let day = DayState {
            accounted: 3,
            ..DayState::default()
        };
        let oldest = Some(at("2026-06-01T00:00:00Z"));
        let mut feed = FeedState::default();
        let unread = at("2026-06-02T00:00:00Z");
        feed.days.insert("2026-06-01".parse().unwrap(), day.clone());
        assert_eq!(
            feed.falling_off(unread, None, oldest, now),
            None,
            "nothing has gone"
        );
        feed.days.insert("2026-05-01".parse().unwrap(), day);
        let falling = feed.falling_off(unread, None, oldest, now).unwrap();
        assert_eq!(falling.falls_off, at("2026-07-01T00:00:00Z"));
        assert_eq!(
            feed.falling_off(at("2026-06-20T00:00:00Z"), None, oldest, now),
            None
        );
    }
}
