//! Sending a request again: whether, when, and until when.

use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::time::{Instant, sleep};

use super::retry::{Retry, chance};
use crate::waits::{Wait, Waits};

/// Whether the same request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskAgain {
    /// It would be answered the same.
    No,
    /// The failure may be the request's own fault.
    AFewTimes,
    /// As long as there is patience.
    Patiently,
    /// Patiently where this address was the interface before in this run; otherwise not at all, since then
    /// the address is wrong. [`AskAgain::where_known`] decides.
    WhereKnown,
}

impl AskAgain {
    /// The same, once it is known whether the interface has answered at this address.
    #[must_use]
    pub(crate) fn where_known(self, is_known: bool) -> Self {
        match self {
            Self::WhereKnown if is_known => Self::Patiently,
            Self::WhereKnown => Self::No,
            other => other,
        }
    }
}

/// Why one try failed, as far as sending it again depends on it.
pub(crate) trait HttpFailure {
    /// Whether the same request is sent again.
    fn again(&self) -> AskAgain;
    /// The `Retry-After` of the response.
    fn told(&self) -> Option<&str>;
    /// Why, in a word or two, for a progress bar.
    fn in_short(&self) -> String;
}

/// Reads the wall clock; tests give another.
pub type ClockFn = std::sync::Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How often and how long one thing has been tried.
pub(crate) struct HttpPatience<'a> {
    retry: &'a Retry,
    waits: &'a Waits,
    now: &'a ClockFn,
    began: Instant,
    tries: u32,
}

impl<'a> HttpPatience<'a> {
    /// Begins with the first try.
    pub(super) fn new(retry: &'a Retry, waits: &'a Waits, now: &'a ClockFn) -> Self {
        Self {
            retry,
            waits,
            now,
            began: Instant::now(),
            tries: 0,
        }
    }

    /// How often it was tried.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// The time since the first try began.
    pub(crate) fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits before another try.
    ///
    /// # Errors
    /// The failure itself, where trying again is of no use or takes too long.
    pub(crate) async fn wait<F: HttpFailure>(&mut self, failure: F) -> Result<(), F> {
        self.tries += 1;
        let tries = self.tries;
        let again = match failure.again() {
            AskAgain::No | AskAgain::WhereKnown => false,
            AskAgain::AFewTimes => tries < self.retry.tries_of_failure,
            AskAgain::Patiently => true,
        };
        let last = (failure.again() == AskAgain::AFewTimes).then_some(self.retry.tries_of_failure);
        let wait = self
            .retry
            .wait(tries, failure.told(), (self.now)(), chance());
        if !again || self.waited() + wait > self.retry.patience {
            return Err(failure);
        }
        let reason = failure.in_short();
        tracing::debug!(
            tries,
            reason,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "sending the request again"
        );
        self.waits.report(Some(&Wait {
            reason,
            time: Some(wait),
            tries: Some((tries + 1, last)),
        }));
        sleep(wait).await;
        self.waits.report(None);
        Ok(())
    }
}
