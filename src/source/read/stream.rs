//! The stream of slices: asks what the plan wants to know, several questions at once.

use super::crowd::read_instant;
use super::digest::{digest, distinct, trim};
use super::{Hole, Keyed, Limits, Slice, SliceOutcome, explain};
use crate::source::slice::{Answer, Ask, Piece, Plan, Room};
use crate::source::{PageRequest, Source, SourceError, Tenant};
use crate::window::Window;
use futures::stream::{Stream, unfold};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Reads a window of a tenant's feed.
///
/// The stream yields slices and holes in order of time, each beginning where the one before ended,
/// until the window is done. A failure of the source comes in its place after everything that lies
/// before it, and ends the stream. Slices depend on the responses of the source and on nothing
/// else, in particular not on `limits.concurrency`. Dropping the stream cancels what is under way.
///
/// Requests run on tasks of their own, so this must be polled within a tokio runtime.
pub fn read_window(
    source: Arc<dyn Source>,
    tenant: Tenant,
    window: Window,
    limits: Limits,
) -> impl Stream<Item = Result<SliceOutcome, SourceError>> + Send + 'static {
    let room = Room {
        flying: limits.concurrency.max(1),
        held: limits.held.max(1),
        ahead: limits.ahead_bytes,
        response: limits.response_bytes,
        largest: limits.record_bytes,
    };
    let reader = Reader {
        plan: Plan::new(window, source.capabilities().clone(), room),
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

struct Reader {
    source: Arc<dyn Source>,
    tenant: Tenant,
    limits: Limits,
    plan: Plan<Vec<Keyed>>,
    asking: JoinSet<(u64, Answer<Vec<Keyed>>)>,
    failed: bool,
}

impl Reader {
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
                // The summary names each hole that remains.
                tracing::info!(%tenant, %window, %reason, detail, "recorded a hole");
                Ok(SliceOutcome::Hole(Hole {
                    tenant,
                    window,
                    reason,
                    detail,
                    records,
                    requests,
                }))
            }
            Piece::Failed(error) => Err(error),
        }
    }
}

async fn answer(
    source: &dyn Source,
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
