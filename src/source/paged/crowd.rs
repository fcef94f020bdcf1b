//! One instant that one response does not hold: more rows than a page, rows that cannot be read
//! among rows that can, or counts that never fit.
//!
//! Rows of one instant come in any order, so pages by offset may repeat some and leave others out.
//! They are read in several passes of different page sizes, orders and filters and united until
//! the different records are as many as the source counts, and one more pass then finds nothing
//! new. While the count changes, rows come or go, and the comparison begins anew; what was seen is
//! kept all the same.

use super::digest::digest_within;
use super::slice::{Instant, Trouble};
use super::{Narrow, Order, PageRequest, Pages, UpperEdge};
use crate::source::reading::ReturnedKey;
use crate::source::{ErrorScope, Keyed, Limits, SourceError, Tenant};
use crate::window::Window;
use bytes::Bytes;
use chrono::TimeDelta;
use std::collections::HashMap;

/// Most passes over one instant.
const PASSES: u32 = 16;

/// Which pass divides the rows by filters instead of offsets.
const DIVIDING_PASS: u32 = 2;

/// How many passes may break off before the failure is taken to be one of the records.
const FAILED_PASSES: u32 = 3;

/// Most requests to save what can be read around rows that cannot.
const SALVAGE_REQUESTS: u32 = 200;

/// Rows asked for at first when some cannot be read. A power of two.
const SALVAGE_ROWS: u32 = 16;

/// Reads what can be had of one instant.
///
/// # Errors
/// Those of the source as a whole.
pub(super) async fn read_instant(
    source: &dyn Pages,
    tenant: Tenant,
    window: Window,
    trouble: Trouble,
    limits: Limits,
) -> Result<Instant<Vec<Keyed>>, SourceError> {
    let mut crowd = Crowd {
        source,
        window,
        request: PageRequest::first(tenant, window, source.paging().page_cap),
        page: source.paging().page_cap,
        limits,
        known: HashMap::new(),
        records: Vec::new(),
        bytes: 0,
        is_too_much: false,
        epoch: 0,
        total: None,
        distinct: 0,
        requests: 0,
    };
    let mut trouble = Some(trouble);
    if crowd.is_the_edge().await? {
        trouble = None;
    } else if !matches!(trouble, Some(Trouble::Failed(_))) {
        trouble = crowd.unite().await?;
    }
    if matches!(trouble, Some(Trouble::Failed(_))) && crowd.salvage().await? {
        // Nothing fails any more.
        trouble = crowd.unite().await?;
    }
    Ok(Instant {
        payload: crowd.records,
        trouble,
        requests: crowd.requests,
    })
}

struct Crowd<'a> {
    source: &'a dyn Pages,
    window: Window,
    request: PageRequest,
    /// Rows of a page: the most that there may be, or fewer where such a page was too large.
    page: u32,
    limits: Limits,
    /// Every record seen, and in which epoch last.
    known: HashMap<ReturnedKey<Box<str>, Bytes>, u32>,
    records: Vec<Keyed>,
    bytes: u64,
    /// Whether there was a record without room for it: the instant is a hole then.
    is_too_much: bool,
    /// Rises whenever the count changes.
    epoch: u32,
    total: Option<u64>,
    /// Different records seen in this epoch.
    distinct: u64,
    requests: u32,
}

/// How a page ended.
enum PassRead {
    /// Rows it held, and rows that the request selects.
    Rows(u64, Option<u64>),
    /// The source failed for these rows.
    Failed(SourceError),
}

impl Crowd<'_> {
    /// Whether all the trouble lies at a closed upper edge: the rows before it are read whole by
    /// one response that ends a nanosecond earlier. From then on no request asks for the edge.
    async fn is_the_edge(&mut self) -> Result<bool, SourceError> {
        let can = self.source.paging();
        let before = Window::new(self.window.from, self.window.to - TimeDelta::nanoseconds(1));
        let (Some(before), UpperEdge::Closed) = (before, can.upper_edge) else {
            return Ok(false);
        };
        self.request.window = before;
        match self.read().await {
            Ok(PassRead::Rows(rows, total)) => Ok(can.counts_trusted
                && rows < u64::from(self.request.size)
                && total == Some(rows)
                && self.is_complete()),
            Ok(PassRead::Failed(_)) => Ok(false),
            Err(SourceError::Refused { .. }) => {
                // It does not take nanoseconds.
                self.request.window = self.window;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Passes until the instant is whole; otherwise why it is not.
    async fn unite(&mut self) -> Result<Option<Trouble>, SourceError> {
        let (mut pass, mut failures) = (0, 0);
        while pass < PASSES {
            let (epoch, complete, distinct) = (self.epoch, self.is_complete(), self.distinct);
            let failed = if pass == DIVIDING_PASS {
                self.divide().await?
            } else {
                self.page_through(pass).await?
            };
            if let Some(error) = failed {
                if matches!(error, SourceError::TooLarge { .. }) && self.page > 1 {
                    // The same pass again, in smaller pages.
                    self.page = (self.page / 8).max(1);
                    continue;
                }
                failures += 1;
                if failures == FAILED_PASSES {
                    return Ok(Some(Trouble::Failed(error)));
                }
                pass += 1;
                continue;
            }
            if self.is_too_much {
                break;
            }
            let unchanged = epoch == self.epoch && distinct == self.distinct;
            // A pass by filters does not see rows whose value is not on our list.
            if pass != DIVIDING_PASS && complete && unchanged {
                return Ok(None);
            }
            pass += 1;
            if self.total.is_some_and(|total| self.distinct > total) {
                // One came and one went between two counts.
                self.begin_epoch(self.total);
            }
        }
        Ok(Some(Trouble::Crowded {
            total: self.total,
            distinct: self.known.len() as u64,
        }))
    }

    fn is_complete(&self) -> bool {
        let can = self.source.paging();
        match self.total {
            _ if self.is_too_much => false,
            Some(total) if can.counts_trusted => {
                can.count_cap != Some(total) && total == self.distinct
            }
            // Nothing to compare with: a pass that finds nothing new must do.
            _ => self.requests > 0 && !can.counts_trusted,
        }
    }

    /// All pages by offset; sizes and orders differ from pass to pass, so that rows which one
    /// layout of pages hides lie elsewhere in the next.
    async fn page_through(&mut self, pass: u32) -> Result<Option<SourceError>, SourceError> {
        let cap = self.page;
        let order = if pass.is_multiple_of(2) {
            Order::Oldest
        } else {
            Order::Newest
        };
        let size = (cap - cap * (pass % 4) / 8).max(1);
        self.pages(None, size, order).await
    }

    /// The rows of every value of every filter.
    async fn divide(&mut self) -> Result<Option<SourceError>, SourceError> {
        let size = self.page;
        for narrow in self.source.narrowings() {
            let failed = self.pages(Some(narrow), size, Order::Oldest).await?;
            if failed.is_some() || self.is_too_much {
                return Ok(failed);
            }
        }
        Ok(None)
    }

    async fn pages(
        &mut self,
        narrow: Option<Narrow>,
        size: u32,
        order: Order,
    ) -> Result<Option<SourceError>, SourceError> {
        self.request.narrow = narrow;
        self.request.size = size;
        self.request.order = order;
        for page in 1.. {
            self.request.page = page;
            match self.read().await? {
                PassRead::Failed(error) => return Ok(Some(error)),
                PassRead::Rows(rows, total) => {
                    let read = u64::from(page) * u64::from(size);
                    let all = total.is_some_and(|total| read >= total);
                    // Whatever it counts: more than there is room for is not asked for.
                    let enough = read > self.limits.instant_records as u64 + u64::from(size);
                    if rows == 0 || all || enough || self.is_too_much {
                        break;
                    }
                }
            }
        }
        Ok(None)
    }

    async fn read(&mut self) -> Result<PassRead, SourceError> {
        self.requests += 1;
        // Only a small page may be as large as a record may be.
        let large = self.request.size > SALVAGE_ROWS;
        self.request.bytes = large.then_some(self.limits.response_bytes);
        let page = match self.source.page(&self.request).await {
            Ok(page) => page,
            Err(error) if error.scope() == ErrorScope::Window => {
                return Ok(PassRead::Failed(error));
            }
            Err(error) => return Err(error),
        };
        let (seen, records) = digest_within(self.source, &self.request, self.window, page)?;
        if self.request.narrow.is_none() && (self.epoch == 0 || seen.total != self.total) {
            self.begin_epoch(seen.total);
        }
        for record in records {
            let epoch = self.epoch;
            match self.known.insert(record.own_row_key(), epoch) {
                Some(last) if last == epoch => {}
                Some(_) => self.distinct += 1,
                None => {
                    self.distinct += 1;
                    self.keep(record);
                }
            }
        }
        Ok(PassRead::Rows(seen.rows, seen.total))
    }

    /// Keeps a record as long as there is room; without the rest of its response, which it would
    /// keep too.
    fn keep(&mut self, record: Keyed) {
        let bytes = self.bytes + record.bytes();
        if bytes > self.limits.instant_bytes || self.records.len() >= self.limits.instant_records {
            self.is_too_much = true;
        } else {
            self.bytes = bytes;
            self.records.push(record.detached());
        }
    }

    fn begin_epoch(&mut self, total: Option<u64>) {
        self.epoch += 1;
        self.total = total;
        self.distinct = 0;
    }

    /// Reads around the rows that fail: small pages, and halves of those that fail, down to one.
    /// Whether all could be read.
    async fn salvage(&mut self) -> Result<bool, SourceError> {
        let cap = self.source.paging().page_cap;
        let first = SALVAGE_ROWS.min(1 << cap.max(1).ilog2());
        self.request.narrow = None;
        self.request.order = Order::Oldest;
        let mut left = SALVAGE_REQUESTS;
        let mut all = true;
        for block in 1.. {
            let mut total = None;
            let mut parts = vec![(first, block)];
            while let Some((size, page)) = parts.pop() {
                if left == 0 || self.is_too_much {
                    return Ok(false);
                }
                left -= 1;
                self.request.size = size;
                self.request.page = page;
                match self.read().await? {
                    PassRead::Rows(_, counted) => total = total.max(counted),
                    PassRead::Failed(_) if size > 1 => {
                        parts.extend([(size / 2, page * 2), (size / 2, page * 2 - 1)]);
                    }
                    PassRead::Failed(_) => all = false,
                }
            }
            // Where all of a block failed, nothing says how many more there are.
            let Some(total) = total else {
                return Ok(false);
            };
            if u64::from(block) * u64::from(first) >= total {
                break;
            }
        }
        Ok(all)
    }
}
