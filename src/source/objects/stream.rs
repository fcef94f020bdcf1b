//! The stream of slices: objects in order of position, as many as fit into one slice.

use super::ahead::Ahead;
use super::{ListedObject, ObjectDigest, Objects, ReadFailure, ReadObject, listing};
use crate::source::reading::distinct;
use crate::source::{
    Hole, HoleReason, Keyed, Limits, Slice, SliceOutcome, SourceError, Tenant, WindowRequest,
};
use crate::window::{Window, format_instant};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream, Stream};
use std::collections::VecDeque;
use std::sync::Arc;

/// After so many objects that may not be read, and none that was, it is the feed that may not be read.
const DENIALS: u32 = 16;

/// Most troubles of one position that are named.
const NAMED: usize = 3;

type Listing = Result<(Window, Vec<ListedObject>), SourceError>;

/// Reads a window of a feed, see [`Source::read`](crate::source::Source::read).
pub(super) fn read_window(
    objects: Arc<dyn Objects>,
    request: WindowRequest,
) -> impl Stream<Item = Result<SliceOutcome, SourceError>> + Send + 'static {
    let WindowRequest {
        tenant,
        window,
        limits,
    } = request;
    let (lister, feed) = (Arc::clone(&objects), tenant.clone());
    let listings = stream::iter(window.by_date()).map(move |day| {
        let (objects, tenant) = (Arc::clone(&lister), feed.clone());
        async move { Ok((day, listing(&*objects, &tenant, day).await?)) }
    });
    let reader = Reader {
        tick: objects.timing().tick,
        listings: listings.buffered(limits.concurrency.max(1)).boxed(),
        objects,
        tenant,
        limits,
        day: None,
        ready: VecDeque::new(),
        access: Access::default(),
        over: false,
    };
    stream::unfold(reader, |mut reader| async {
        let outcome = reader.next().await?;
        Some((outcome, reader))
    })
}

struct Reader {
    objects: Arc<dyn Objects>,
    tenant: Tenant,
    limits: Limits,
    tick: TimeDelta,
    listings: BoxStream<'static, Listing>,
    day: Option<ListingDay>,
    ready: VecDeque<SliceOutcome>,
    access: Access,
    over: bool,
}

/// Whether objects may be read at all. Outcomes after the first denial wait until that is known.
#[derive(Default)]
struct Access {
    proven: bool,
    denials: u32,
    withheld: Vec<SliceOutcome>,
}

/// One listing, and how far it was read.
struct ListingDay {
    window: Window,
    ahead: Ahead,
    index: usize,
    /// Where the open slice begins.
    from: DateTime<Utc>,
    open: Open,
}

/// What the open slice holds so far.
#[derive(Default)]
struct Open {
    records: Vec<Keyed>,
    bytes: u64,
    objects: Vec<ReadObject>,
    requests: u32,
}

/// All objects of one position.
struct Group {
    position: DateTime<Utc>,
    found: Open,
    faults: Vec<(HoleReason, String)>,
    denial: Option<SourceError>,
    has_read: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<SliceOutcome, SourceError>> {
        loop {
            if let Some(outcome) = self.ready.pop_front() {
                return Some(Ok(outcome));
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.over = true;
                self.day = None;
                // What lies before the failure was read.
                self.ready.extend(self.access.withheld.drain(..));
                return match self.ready.pop_front() {
                    None => Some(Err(error)),
                    Some(outcome) => {
                        self.listings = stream::iter([Err(error)]).boxed();
                        self.over = false;
                        Some(Ok(outcome))
                    }
                };
            }
        }
    }

    /// Reads the objects of one more position, or the next listing.
    async fn advance(&mut self) -> Result<(), SourceError> {
        let Some(mut day) = self.day.take() else {
            match self.listings.next().await.transpose()? {
                Some((window, listed)) => self.day = Some(self.begin(window, listed)),
                None => {
                    self.over = true;
                    self.ready.extend(self.access.withheld.drain(..));
                }
            }
            return Ok(());
        };
        let Some(position) = day.ahead.get(day.index).map(|object| object.position) else {
            self.close(&mut day, None);
            return Ok(());
        };
        match gather(&mut day, position, &self.limits).await {
            Ok(group) => {
                self.add(&mut day, group)?;
                self.day = Some(day);
                Ok(())
            }
            Err(error) => {
                self.close(&mut day, Some(position));
                Err(error)
            }
        }
    }

    fn begin(&self, window: Window, listed: Vec<ListedObject>) -> ListingDay {
        let (objects, tenant) = (Arc::clone(&self.objects), self.tenant.clone());
        ListingDay {
            window,
            ahead: Ahead::new(objects, tenant, self.limits, listed),
            index: 0,
            from: window.from,
            open: Open {
                requests: 1,
                ..Open::default()
            },
        }
    }

    /// Adds what was found at one position to the open slice, or makes a hole of it.
    fn add(&mut self, day: &mut ListingDay, group: Group) -> Result<(), SourceError> {
        if group.has_read {
            self.access.proven = true;
            self.ready.extend(self.access.withheld.drain(..));
        }
        let position = group.position;
        let is_full = day.open.bytes + group.found.bytes > self.limits.response_bytes;
        let Some(&(reason, _)) = group.faults.first() else {
            if is_full && !day.open.objects.is_empty() {
                self.close(day, Some(position));
            }
            day.open.join(group.found);
            return Ok(());
        };
        self.close(day, Some(position));
        if let Some(error) = group.denial {
            self.access.denials += 1;
            if !self.access.proven && self.access.denials >= DENIALS {
                self.access.withheld.clear();
                return Err(error);
            }
        }
        let next = day.ahead.get(day.index).map(|object| object.position);
        let end = (position + self.tick).min(next.unwrap_or(day.window.to));
        let window = Window {
            from: position,
            to: end.min(day.window.to),
        };
        let detail = detail(&group.faults);
        let Open {
            records,
            objects,
            requests,
            ..
        } = group.found;
        let hole = Hole {
            tenant: self.tenant.clone(),
            window,
            reason,
            detail,
            records,
            objects,
            requests,
        };
        self.push(hole.logged());
        day.from = window.to;
        Ok(())
    }

    /// Ends the open slice before `to`, or at the end of the day.
    fn close(&mut self, day: &mut ListingDay, to: Option<DateTime<Utc>>) {
        let open = std::mem::take(&mut day.open);
        let to = to.unwrap_or(day.window.to);
        let Some(window) = Window::new(day.from, to) else {
            // Nothing lies there; what it took belongs to what comes next.
            day.open.requests = open.requests;
            return;
        };
        day.from = to;
        let records = open.records;
        self.push(SliceOutcome::Slice(Slice {
            tenant: self.tenant.clone(),
            window,
            total: records.len() as u64,
            source_duplicates: (records.len() - distinct(&records)) as u64,
            records,
            objects: open.objects,
            requests: open.requests,
        }));
    }

    fn push(&mut self, outcome: SliceOutcome) {
        match self.access.proven || self.access.denials == 0 {
            true => self.ready.push_back(outcome),
            false => self.access.withheld.push(outcome),
        }
    }
}

impl Open {
    /// Adds an object that was read. What does not fit beside others of its position is left out.
    fn take(
        &mut self,
        object: ListedObject,
        sha256: [u8; 32],
        records: Vec<Keyed>,
        limits: &Limits,
    ) -> Result<(), (HoleReason, String)> {
        let bytes: u64 = records.iter().map(Keyed::held_bytes).sum();
        let crowded = !self.objects.is_empty()
            && (self.bytes + bytes > limits.instant_bytes
                || self.records.len() + records.len() > limits.instant_records);
        if crowded {
            let at = format_instant(object.position);
            let detail = format!("the objects at {at} hold more records than can be read at once");
            return Err((HoleReason::Crowded, detail));
        }
        self.objects.push(ReadObject {
            object,
            read: Ok(ObjectDigest {
                sha256,
                records: records.len() as u64,
            }),
        });
        self.bytes += bytes;
        self.records.extend(records);
        Ok(())
    }

    fn join(&mut self, other: Self) {
        self.records.extend(other.records);
        self.bytes += other.bytes;
        self.objects.extend(other.objects);
        self.requests += other.requests;
    }
}

/// Reads all objects of one position.
async fn gather(
    day: &mut ListingDay,
    position: DateTime<Utc>,
    limits: &Limits,
) -> Result<Group, SourceError> {
    let mut group = Group {
        position,
        found: Open::default(),
        faults: Vec::new(),
        denial: None,
        has_read: false,
    };
    while let Some(object) = day.ahead.get(day.index) {
        if object.position != position {
            break;
        }
        let mut object = object.clone();
        let answer = day.ahead.take(day.index).await;
        day.index += 1;
        group.found.requests += 1;
        let key = object.key.clone();
        let fault = match answer {
            Ok(content) => {
                group.has_read = true;
                object.version = content.version;
                match group
                    .found
                    .take(object.clone(), content.sha256, content.records, limits)
                {
                    Ok(()) => continue,
                    Err(fault) => fault,
                }
            }
            Err(ReadFailure::Object { reason, detail }) => (reason, detail),
            Err(ReadFailure::Denied(error)) => {
                let detail = error.to_string();
                group.denial.get_or_insert(error);
                (HoleReason::Denied, detail)
            }
            Err(ReadFailure::Feed(error)) => return Err(error),
        };
        let (reason, detail) = fault;
        group.found.objects.push(ReadObject {
            object,
            read: Err(reason),
        });
        group.faults.push((reason, format!("{key}: {detail}")));
    }
    Ok(group)
}

/// What is wrong at one position.
fn detail(faults: &[(HoleReason, String)]) -> String {
    let named = faults.iter().take(NAMED).map(|(_, detail)| detail.as_str());
    let mut text = named.collect::<Vec<_>>().join("; ");
    if faults.len() > NAMED {
        text.push_str(&format!("; and {} more", faults.len() - NAMED));
    }
    text
}
