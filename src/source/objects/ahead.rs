//! Reading the objects of a listing in order, some of them ahead.

use super::{ListedObject, ObjectContent, Objects, ReadFailure};
use crate::event::unfit::{Reason, Unfit};
use crate::source::reading::key_of;
use crate::source::{HoleReason, Keyed, Limits, Mapping, Nameless, Returned, SourceError, Tenant};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};

/// By how much an object is expected to grow when it is decoded: JSON of audit records shrinks to a tenth
/// or so.
const EXPANSION: u64 = 16;

/// An object is expected to have this many bytes at least, so that many small ones do not count as nothing.
const LEAST_BYTES: u64 = 64 << 10;

/// An object that was read, with what is known of each record.
#[derive(Debug)]
pub(super) struct KeyedContent {
    pub(super) version: Box<str>,
    pub(super) sha256: [u8; 32],
    pub(super) records: Vec<Keyed>,
}

type Answer = Result<KeyedContent, ReadFailure>;

/// The objects of one listing. They are taken one after the other; meanwhile others are read, as far as
/// [`Limits`] allow.
pub(super) struct Ahead {
    objects: Arc<dyn Objects>,
    tenant: Tenant,
    limits: Limits,
    listed: Vec<ListedObject>,
    /// The next one that is not asked for.
    next: usize,
    tasks: JoinSet<(usize, Answer)>,
    /// Read, and waiting for earlier ones.
    waiting: BTreeMap<usize, Answer>,
    /// Bytes that are expected of those that were asked for and not taken.
    expected: u64,
}

impl Ahead {
    pub(super) fn new(
        objects: Arc<dyn Objects>,
        tenant: Tenant,
        limits: Limits,
        listed: Vec<ListedObject>,
    ) -> Self {
        Self {
            objects,
            tenant,
            limits,
            listed,
            next: 0,
            tasks: JoinSet::new(),
            waiting: BTreeMap::new(),
            expected: 0,
        }
    }

    /// An object of the listing.
    pub(super) fn get(&self, index: usize) -> Option<&ListedObject> {
        self.listed.get(index)
    }

    /// How many bytes an object is allowed when it is read beside others.
    fn allowance(&self, object: &ListedObject) -> u64 {
        let grown = object.bytes.saturating_mul(EXPANSION);
        grown.max(LEAST_BYTES).min(self.limits.record_bytes)
    }

    /// Reads an object; each is taken once, in order.
    pub(super) async fn take(&mut self, index: usize) -> Answer {
        loop {
            self.start(index);
            if let Some(answer) = self.waiting.remove(&index) {
                return self.settle(index, answer).await;
            }
            match self.tasks.join_next().await {
                Some(Ok((index, answer))) => {
                    self.waiting.insert(index, answer);
                }
                Some(Err(error)) => return Err(ended(error)),
                None => unreachable!("an object that is not read is being read"),
            }
        }
    }

    /// Asks for the object at `index` and those after it, as far as there is room.
    fn start(&mut self, index: usize) {
        while let Some(object) = self.listed.get(self.next) {
            let allowance = self.allowance(object);
            let fits = self.tasks.len() < self.limits.concurrency.max(1)
                && self.next - index < self.limits.held.max(1)
                && self.expected + allowance <= self.limits.ahead_bytes;
            if !fits && self.next != index {
                return;
            }
            self.expected += allowance;
            let (objects, tenant) = (Arc::clone(&self.objects), self.tenant.clone());
            let (object, index) = (object.clone(), self.next);
            self.tasks
                .spawn(async move { (index, read(&*objects, &tenant, &object, allowance).await) });
            self.next += 1;
        }
    }

    /// The answer; of a second reading where the object has more bytes than it was allowed at first.
    async fn settle(&mut self, index: usize, answer: Answer) -> Answer {
        let Some(object) = self.listed.get(index) else {
            return answer;
        };
        let allowance = self.allowance(object);
        self.expected -= allowance;
        let too_large = matches!(
            answer,
            Err(ReadFailure::Object {
                reason: HoleReason::TooLarge,
                ..
            })
        );
        if !too_large || allowance == self.limits.record_bytes {
            return answer;
        }
        read(
            &*self.objects,
            &self.tenant,
            object,
            self.limits.record_bytes,
        )
        .await
    }
}

/// Why a task ended without an answer.
fn ended(error: JoinError) -> ReadFailure {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // Nothing but the end of the runtime cancels these tasks.
        Err(_) => ReadFailure::Feed(SourceError::Stopped),
    }
}

async fn read(objects: &dyn Objects, tenant: &Tenant, object: &ListedObject, most: u64) -> Answer {
    let content = objects.read(tenant, object, most).await?;
    let ObjectContent {
        version,
        sha256,
        records,
    } = content;
    let mapping = objects.mapping();
    let keyed = records.into_iter().map(|returned| {
        let arrived = Some(object.position);
        keyed(
            mapping,
            Returned {
                arrived,
                ..returned
            },
        )
    });
    Ok(KeyedContent {
        version,
        sha256,
        records: keyed.collect(),
    })
}

fn keyed(mapping: &dyn Mapping, returned: Returned) -> Keyed {
    let key = match returned.is_record {
        true => key_of(mapping, &returned.record),
        false => Err(Nameless {
            unfit: Unfit::because(Reason::NoRecord),
            native_id: None,
        }),
    };
    Keyed { returned, key }
}
