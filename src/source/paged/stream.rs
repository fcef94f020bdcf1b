//! The stream of slices: asks what the plan wants to know, several questions at once.

use super::crowd::read_instant;
use super::digest::{digest, trim};
use super::slice::{Answer, Ask, Piece, Room, SlicePlan, Trouble};
use super::{PageRequest, Pages};
use crate::source::reading::distinct;
use crate::source::{
    Hole, HoleReason, Keyed, Limits, Slice, SliceOutcome, SourceError, Tenant, WindowRequest,
};
use futures::stream::{Stream, unfold};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Reads a window of a tenant's feed, see [`Source::read`](crate::source::Source::read).
pub(super) fn read_window(
    source: Arc<dyn Pages>,
    request: WindowRequest,
) -> impl Stream<Item = Result<SliceOutcome, SourceError>> + Send + 'static {
    let WindowRequest {
        tenant,
        window,
        limits,
    } = request;
    let room = Room {
        flying: limits.concurrency.max(1),
        held: limits.held.max(1),
        ahead: limits.ahead_bytes,
        response: limits.response_bytes,
        largest: limits.record_bytes,
    };
    let reader = SliceReader {
        plan: SlicePlan::new(window, source.paging().clone(), room),
        source,
        tenant,
        limits,
        asking: JoinSet::new(),
        failed: false,
    };
    unfold(reader, |mut reader| async {
        let outcome = reader.next().await?;
        Some((outcome, reader))
    })
}

struct SliceReader {
    source: Arc<dyn Pages>,
    tenant: Tenant,
    limits: Limits,
    plan: SlicePlan<Vec<Keyed>>,
    asking: JoinSet<(u64, Answer<Vec<Keyed>>)>,
    failed: bool,
}

impl SliceReader {
    async fn next(&mut self) -> Option<Result<SliceOutcome, SourceError>> {
        if self.failed {
            return None;
        }
        loop {
            if let Some(piece) = self.plan.pop() {
                let outcome = self.outcome(piece);
                self.failed = outcome.is_err();
                if self.failed {
                    self.asking.abort_all();
                }
                return Some(outcome);
            }
            if self.plan.finished() {
                return None;
            }
            while let Some((id, ask)) = self.plan.next() {
                let (source, tenant) = (self.source.clone(), self.tenant.clone());
                let limits = self.limits;
                self.asking
                    .spawn(async move { (id, answer(&*source, tenant, ask, limits).await) });
            }
            match self.asking.join_next().await {
                Some(Ok((id, answer))) => self.plan.answer(id, answer),
                Some(Err(error)) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => {
                        // Nothing but the end of the runtime cancels these tasks.
                        self.failed = true;
                        return Some(Err(SourceError::Stopped));
                    }
                },
                None => unreachable!("a plan that is not finished has a question under way"),
            }
        }
    }

    fn outcome(&self, piece: Piece<Vec<Keyed>>) -> Result<SliceOutcome, SourceError> {
        let tenant = self.tenant.clone();
        match piece {
            Piece::Whole {
                window,
                payload: mut records,
                duplicates,
                requests,
            } => {
                trim(window, &mut records);
                let source_duplicates = match duplicates {
                    0 => 0,
                    // Counted again: some may have been at the edge.
                    _ => (records.len() - distinct(&records)) as u64,
                };
                Ok(SliceOutcome::Slice(Slice {
                    tenant,
                    window,
                    total: records.len() as u64,
                    records,
                    source_duplicates,
                    objects: Vec::new(),
                    requests,
                }))
            }
            Piece::Hole {
                window,
                payload,
                trouble,
                requests,
            } => {
                let (reason, detail) = explain(trouble)?;
                let mut records = payload.unwrap_or_default();
                trim(window, &mut records);
                let hole = Hole {
                    tenant,
                    window,
                    reason,
                    detail,
                    records,
                    objects: Vec::new(),
                    requests,
                };
                Ok(hole.logged())
            }
            Piece::Failed(error) => Err(error),
        }
    }
}

async fn answer(
    source: &dyn Pages,
    tenant: Tenant,
    ask: Ask,
    limits: Limits,
) -> Answer<Vec<Keyed>> {
    match ask {
        Ask::Page {
            window,
            size,
            bytes,
        } => {
            let request = PageRequest {
                bytes: Some(bytes),
                ..PageRequest::first(tenant, window, size)
            };
            let page = source.page(&request).await;
            Answer::Page(page.and_then(|page| digest(source, &request, page)))
        }
        Ask::Instant { window, trouble } => {
            Answer::Instant(read_instant(source, tenant, window, trouble, limits).await)
        }
    }
}

/// Reason and detail of a hole, or the error where it is one of the whole source.
fn explain(trouble: Trouble) -> Result<(HoleReason, String), SourceError> {
    let counted = |total: Option<u64>| match total {
        Some(total) => format!("{total} by count"),
        None => "no count".to_owned(),
    };
    match trouble {
        Trouble::Failed(error) => {
            let message = error.to_string();
            HoleReason::of(&error)
                .map(|reason| (reason, message))
                .ok_or(error)
        }
        Trouble::Disagrees { total, distinct } => Ok((
            HoleReason::CountsDisagree,
            format!("{}, {distinct} different records returned", counted(total)),
        )),
        Trouble::Crowded { total, distinct } => Ok((
            HoleReason::Crowded,
            format!("{}, {distinct} different records seen", counted(total)),
        )),
    }
}
