//! Events below the lowest id that is listed.

use super::ids::{AskedId, IdSpan};
use super::{ABSENT_BELOW, Asking, DISORDER, ListedId, MOST_UNLISTED};
use crate::source::{ErrorScope, Keyed, SourceError};
use chrono::{DateTime, TimeDelta, Utc};

/// What was found below an id.
pub(super) struct WalkBelow {
    /// What the ids gave, from the highest on.
    pub(super) answers: Vec<(AskedId, Result<Option<Keyed>, SourceError>)>,
    /// So many ids were not asked any more, and when their events can have happened.
    pub(super) unlisted: Option<(i64, IdSpan)>,
    /// Requests it took.
    pub(super) requests: u64,
}

/// Asks for the ids below the lowest that is listed, until [`ABSENT_BELOW`] in a row have no event, or one happened
/// before `far`.
pub(super) async fn below(
    asking: &Asking,
    (lowest, at): ListedId,
    far: Option<DateTime<Utc>>,
) -> Result<WalkBelow, SourceError> {
    let span = IdSpan {
        from: None,
        to: Some(at + DISORDER + TimeDelta::microseconds(1)),
    };
    let mut walk = WalkBelow {
        answers: Vec::new(),
        unlisted: None,
        requests: 0,
    };
    let mut end = lowest;
    while end > 1 {
        if lowest - end >= MOST_UNLISTED {
            walk.unlisted = Some((end - 1, span));
            break;
        }
        let first = (end - ABSENT_BELOW).max(1);
        let ids = (first..end).rev().map(|id| AskedId { id, span }).collect();
        let answers = asking.events(ids).await;
        walk.requests += answers.len() as u64;
        end = first;
        let mut has_more = false;
        for (_, answer) in &answers {
            match answer {
                Ok(None) => {}
                Ok(Some(event)) => {
                    let is_far = event.time().zip(far).is_some_and(|(at, far)| at < far);
                    has_more |= !is_far;
                }
                // Whoever takes the answers in decides what it means.
                Err(_) => has_more = true,
            }
        }
        let is_final = answers.iter().any(|(_, it)| it.as_ref().is_err_and(ends));
        walk.answers.extend(answers);
        if !has_more || is_final {
            break;
        }
    }
    Ok(walk)
}

/// Whether asking on is of no use.
pub(super) fn ends(error: &SourceError) -> bool {
    error.scope() != ErrorScope::Window
}
