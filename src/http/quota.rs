//! How many requests a service allows in a span of time, kept on our side: asking faster would only be refused.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// How many requests a service allows in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestQuota {
    /// Most requests that begin within the span, from 1.
    pub requests: u32,
    /// The span.
    pub per: Duration,
}

/// When the requests of one client may begin.
pub(super) struct RequestTurns {
    quota: Option<RequestQuota>,
    /// When the last requests began, as many as the quota counts.
    begun: Mutex<VecDeque<Instant>>,
}

impl RequestTurns {
    pub(super) fn new(quota: Option<RequestQuota>) -> Self {
        Self {
            quota,
            begun: Mutex::default(),
        }
    }

    /// Waits until the next request may begin. Those that wait take turns in order.
    pub(super) async fn next(&self) {
        let Some(quota) = self.quota else { return };
        let mut begun = self.begun.lock().await;
        if begun.len() >= quota.requests.max(1) as usize {
            if let Some(first) = begun.front() {
                sleep_until(*first + quota.per).await;
            }
            begun.pop_front();
        }
        begun.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_span_has_more_requests_than_are_allowed() {
        let per = Duration::from_secs(10);
        let turns = RequestTurns::new(Some(RequestQuota { requests: 3, per }));
        let start = Instant::now();
        let mut begun = Vec::new();
        for _ in 0..8 {
            turns.next().await;
            begun.push((Instant::now() - start).as_secs());
        }
        assert_eq!(begun, [0, 0, 0, 10, 10, 10, 20, 20]);
        // Time that passes unused gives no more than one span's worth.
        tokio::time::advance(Duration::from_secs(100)).await;
        let later = Instant::now();
        for _ in 0..4 {
            turns.next().await;
        }
        assert_eq!((Instant::now() - later).as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_quota_nothing_waits() {
        let start = Instant::now();
        let turns = RequestTurns::new(None);
        for _ in 0..100 {
            turns.next().await;
        }
        assert_eq!(Instant::now(), start);
    }
}
