//! Trouble on order.

use super::reply::{Refusal, Reply};
use std::collections::BTreeMap;

/// The calls that the fake knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    GetDataset,
    CreateDataset,
    GetTable,
    CreateTable,
    PatchTable,
    DeleteTable,
    /// jobs.insert of a load.
    StartLoad,
    /// The same with the rows sent along.
    StartUpload,
    /// jobs.insert of a query.
    StartQuery,
    DryRun,
    GetJob,
    GetRows,
}

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 403 with this reason, before any effect.
    Limited(&'static str),
    /// 429 with this `Retry-After`, before any effect.
    TooMany(&'static str),
    /// 503 `backendError`, before any effect.
    Unavailable,
    /// 503 `backendError`, after the effect.
    UnavailableAfter,
    /// A web page with this status, before any effect.
    Page(u16),
    /// A web page with status 200 after the effect.
    PageAfter,
    /// 401, before any effect.
    Unauthorised,
    /// A refusal of this status and reason, before any effect.
    Refused(u16, &'static str),
    /// The connection is cut before the effect.
    LostRequest,
    /// The connection is cut after the effect.
    LostAnswer,
    /// The connection is cut in the middle of the answer, after the effect.
    CutAnswer,
    /// The job that is started will end with this reason, without having done anything.
    JobFails(&'static str),
    /// The job that is started will say that it wrote so many rows fewer than it did.
    SaysFewer(u64),
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Whole,
    Cut,
    CutInside,
}

/// Faults by the number of the call among those of its kind, from 1, and the numbers so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    ordered: BTreeMap<(Call, usize), Fault>,
    counts: BTreeMap<Call, usize>,
}

impl Faults {
    /// Orders a fault for the `nth` call of the kind from now on.
    pub(super) fn order(&mut self, call: Call, nth: usize, fault: Fault) {
        let number = self.count(call) + nth;
        self.ordered.insert((call, number), fault);
    }

    pub(super) fn calm(&mut self) {
        self.ordered.clear();
    }

    pub(super) fn count(&self, call: Call) -> usize {
        self.counts.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn all(&self) -> usize {
        self.counts.values().sum()
    }

    /// Counts a call and tells its fault.
    pub(super) fn meet(&mut self, call: Call) -> Option<Fault> {
        let count = self.counts.entry(call).or_default();
        *count += 1;
        self.ordered.remove(&(call, *count))
    }
}

impl Fault {
    /// The answer that stands in for the effect.
    pub(super) fn instead(&self) -> Option<(Reply, Wire)> {
        let reply = match self {
            Self::Limited(reason) => {
                Reply::refused_with(403, &Refusal::new(reason, "Exceeded rate limits"))
            }
            Self::TooMany(retry_after) => {
                let refusal = Refusal::new("rateLimitExceeded", "Too many requests");
                let mut reply = Reply::refused_with(429, &refusal);
                reply
                    .headers
                    .push(("retry-after", (*retry_after).to_owned()));
                reply
            }
            Self::Unavailable => Reply::refused(&Refusal::new("backendError", "Try again in 30 s")),
            Self::Page(status) => Reply::page(*status),
            Self::Unauthorised => Reply::refused(&Refusal::new("authError", "Invalid Credentials")),
            Self::Refused(status, reason) => {
                Reply::refused_with(*status, &Refusal::new(reason, "Refused by order"))
            }
            Self::LostRequest => return Some((Reply::empty(), Wire::Cut)),
            Self::UnavailableAfter
            | Self::PageAfter
            | Self::LostAnswer
            | Self::CutAnswer
            | Self::JobFails(_)
            | Self::SaysFewer(_) => return None,
        };
        Some((reply, Wire::Whole))
    }

    /// What comes of the answer after the effect.
    pub(super) fn after(&self, reply: Reply) -> (Reply, Wire) {
        match self {
            Self::UnavailableAfter => {
                let refusal = Refusal::new("backendError", "Try again in 30 s");
                (Reply::refused(&refusal), Wire::Whole)
            }
            Self::PageAfter => (Reply::page(200), Wire::Whole),
            Self::LostAnswer => (reply, Wire::Cut),
            Self::CutAnswer => (reply, Wire::CutInside),
            _ => (reply, Wire::Whole),
        }
    }
}
