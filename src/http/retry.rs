//! How long to wait before asking again: exponential backoff with full jitter, and what a server
//! says in `Retry-After` as far as it is sensible.

use chrono::{DateTime, Utc};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A server that tells us to wait longer than this says nonsense (epoch seconds, for example).
const LONGEST_SENSIBLE: Duration = Duration::from_secs(24 * 3600);

/// When to ask again, and when to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Upper bound of the first wait; it doubles from try to try.
    pub first: Duration,
    /// Upper bound of every wait of our own.
    pub longest: Duration,
    /// Upper bound of a wait that the server asks for.
    pub longest_told: Duration,
    /// From the first try of a request on, no wait may end later than this.
    pub patience: Duration,
    /// How often a request is tried whose failure may be its own fault: a 500, a response that
    /// breaks off.
    pub tries_of_failure: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            longest_told: Duration::from_secs(120),
            patience: Duration::from_secs(300),
            tries_of_failure: 3,
        }
    }
}

impl Retry {
    /// The wait after the given number of tries (from 1). `told` is the `Retry-After` header, `now`
    /// what its date is compared with, `chance` any number, all equally likely.
    pub(super) fn wait(
        &self,
        tries: u32,
        told: Option<&str>,
        now: DateTime<Utc>,
        chance: u64,
    ) -> Duration {
        match told.and_then(|text| sensible(text, now)) {
            // Jitter on top, so that all who were told the same do not come back together.
            Some(wait) => wait.min(self.longest_told) + share(self.first, chance),
            None => {
                let doubled = 1_u32
                    .checked_shl(tries.saturating_sub(1))
                    .unwrap_or(u32::MAX);
                share(self.first.saturating_mul(doubled).min(self.longest), chance)
            }
        }
    }
}

impl Retry {
    /// What a `Retry-After` asks for, where it is sensible.
    pub(crate) fn told(text: &str, now: DateTime<Utc>) -> Option<Duration> {
        sensible(text, now)
    }
}

/// A random share of `longest`, from nothing to all of it.
fn share(longest: Duration, chance: u64) -> Duration {
    let nanos = longest.as_nanos() * u128::from(chance) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A number that no one can foresee and that cannot fail: the standard library's hash keys are
/// random per process and differ from call to call.
pub(super) fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds or a date. `None` where it is nothing to go
/// by: no number and no date, nothing to wait for, or more than a day.
fn sensible(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().ok()?)
    } else {
        (super::date(text)? - now).to_std().ok()?
    };
    (wait > Duration::ZERO && wait <= LONGEST_SENSIBLE).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-25T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn only_a_sensible_retry_after_is_obeyed() {
        for (text, seconds) in [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("Wed, 25 Nov 2026 10:00:09 GMT", Some(9)),
            ("86400", Some(86_400)),
            ("0", None),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("86401", None),
            ("1795600000", None),
            ("99999999999999999999999", None),
            ("Wed, 25 Nov 2026 09:59:59 GMT", None),
            ("Wed, 25 Nov 2076 10:00:00 GMT", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(sensible(text, now()), expected, "{text:?}");
        }
    }

    #[test]
    fn waits_stay_within_our_limits() {
        let retry = Retry::default();
        for tries in [1, 2, 5, 31, 32, 33, u32::MAX] {
            assert_eq!(retry.wait(tries, None, now(), 0), Duration::ZERO);
            assert!(retry.wait(tries, None, now(), u64::MAX) <= retry.longest);
        }
        assert_eq!(retry.wait(1, None, now(), u64::MAX), retry.first);
        assert_eq!(retry.wait(3, None, now(), u64::MAX), retry.first * 4);
        let hour = Some("3600");
        assert_eq!(retry.wait(1, hour, now(), 0), retry.longest_told);
        assert!(retry.wait(1, hour, now(), u64::MAX) <= retry.longest_told + retry.first);
        assert_eq!(
            retry.wait(1, Some("3"), now(), 0),
            Duration::from_secs(3),
            "never sooner than told"
        );
    }

    #[test]
    fn chance_differs() {
        assert_ne!(chance(), chance());
    }
}
