//! The answer to one search: rows found, written as a page, spoilt where a fault says so.

use super::generate::Row;
use super::platform::Inner;
use super::query::{Query, Refusal, Selection, Sight, select};
use super::store::Scope;
use crate::dice::{Dice, Purpose};
use crate::faults::{Fault, Faults};
use crate::oracle::Seen;
use bytes::Bytes;
use std::ops::Range;

/// Bytes that a record with its user takes on average.
const BYTES_PER_ROW: usize = 760;

/// A page as it is sent.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) body: Bytes,
    pub(super) rows: u64,
    pub(super) total: u64,
}

/// One search and what goes wrong with it.
#[derive(Debug)]
pub(super) struct Search<'a> {
    /// Number of the search on this platform.
    pub(super) number: u64,
    pub(super) scope: Scope,
    pub(super) faults: &'a [Fault],
    /// What is wrong all the time.
    pub(super) standing: &'a Faults,
}

impl Search<'_> {
    fn has(&self, fault: &Fault) -> bool {
        self.faults.contains(fault)
    }

    /// Whether the body arrives as it is written.
    fn arrives(&self) -> bool {
        let cut = |fault: &Fault| matches!(fault, Fault::Cut(_) | Fault::Truncated(_));
        !self.faults.iter().any(cut)
    }
}

/// A page while it is written.
struct Draft {
    page: Page,
    /// Each row on the page, in order, with the place of its `auditLog` object.
    places: Vec<(Row, Range<usize>)>,
}

impl Inner {
    /// Answers a search.
    ///
    /// # Errors
    /// A page with a record that the platform cannot read.
    pub(super) fn answer(&self, search: &Search<'_>, query: Query) -> Result<Page, Refusal> {
        self.release(search.number);
        let ignores = search.standing.ignore_filters || search.has(&Fault::IgnoreFilters);
        let query = if ignores {
            query.without_filters()
        } else {
            query
        };
        let draft = self.draft(search, &query)?;
        self.remember(search, &query, &draft);
        self.disturb(search, &query);
        Ok(draft.page)
    }

    fn draft(&self, search: &Search<'_>, query: &Query) -> Result<Draft, Refusal> {
        let store = self.store();
        let sight = Sight {
            world: &self.world,
            scripted: &store.scripted,
            shuffle: search.standing.unstable_ties.then_some(search.number),
        };
        let Selection { mut rows, total } = select(&sight, store.rows(search.scope), query);
        if rows.iter().any(|row| row.is(Row::POISON)) {
            return Err(self.unreadable());
        }
        let mut dice = Dice::of(self.seed, Purpose::Faults, search.number);
        if !rows.is_empty() && search.has(&Fault::Missing) {
            rows.remove(dice.index(rows.len()));
        }
        if !rows.is_empty() && search.has(&Fault::Duplicate) {
            let copied = rows[dice.index(rows.len())];
            rows.insert(dice.index(rows.len() + 1), copied);
        }
        let mut body = Vec::with_capacity(rows.len() * BYTES_PER_ROW + 64);
        let mut places = Vec::with_capacity(rows.len());
        body.extend_from_slice(b"{\"results\":[");
        for (nth, row) in rows.iter().enumerate() {
            if nth > 0 {
                body.push(b',');
            }
            body.extend_from_slice(b"{\"auditLog\":");
            let start = body.len();
            self.world.write(row, &store.scripted, &mut body);
            if let Some(change) = store.change_of(row) {
                let before = body.split_off(start);
                body.append(&mut change.apply(before));
            }
            places.push((*row, start..body.len()));
            let user = self.world.user_of(row, &store.scripted);
            if let Some(user) = user.and_then(|user| self.world.joined(user)) {
                body.extend_from_slice(b",\"user\":");
                body.extend_from_slice(user);
            }
            body.push(b'}');
        }
        let total = told(search, total);
        body.extend_from_slice(format!("],\"total\":{total}}}").as_bytes());
        Ok(Draft {
            page: Page {
                body: body.into(),
                rows: places.len() as u64,
                total,
            },
            places,
        })
    }

    fn unreadable(&self) -> Refusal {
        let message = "Cannot deserialize the resource: Cannot deserialize value of type `io.kestra.ee.models.audits.AuditLog`: unable to read a stored row";
        Refusal {
            status: self.poison_status,
            message: message.to_owned(),
            errors: Vec::new(),
        }
    }

    /// Tells the oracle, and lets fickle records change from now on.
    fn remember(&self, search: &Search<'_>, query: &Query, draft: &Draft) {
        if !search.arrives() {
            return;
        }
        let store = self.store();
        let whole = query.page == 1
            && draft.page.total == draft.page.rows
            && !search.has(&Fault::Duplicate)
            && !search.has(&Fault::Missing);
        if let Some(oracle) = &mut self.desk().oracle {
            for (row, place) in &draft.places {
                let id = self.world.id(row, &store.scripted);
                oracle.show(&id, row.time, &draft.page.body[place.clone()], whole);
            }
        }
        let rows: Vec<Row> = draft.places.iter().map(|(row, _)| *row).collect();
        let must = store.must_remember(&rows);
        drop(store);
        if must {
            self.store_mut().remember(&rows);
        }
    }

    /// Inserts or purges a row in the window asked for.
    fn disturb(&self, search: &Search<'_>, query: &Query) {
        let mut dice = Dice::of(self.seed, Purpose::Churn, search.number);
        if search.has(&Fault::Insert) {
            self.insert(search.scope, query, &mut dice);
        }
        if search.has(&Fault::Purge) {
            let mut store = self.store_mut();
            let rows = store.rows(search.scope);
            let low = rows.partition_point(|row| row.time < query.from);
            let high = rows.partition_point(|row| row.time <= query.to).max(low);
            if let Some(chosen) = rows[low..high].get(dice.index(high - low)).copied() {
                store.purge(|row, _| *row == chosen);
            }
        }
    }

    fn insert(&self, scope: Scope, query: &Query, dice: &mut Dice) {
        let (start, end) = self.world.span();
        let from = query.from.max(start);
        let to = query.to.min(end - 1).min(self.clock.now());
        if from > to {
            return;
        }
        let time = from + dice.below((to - from) as u64 + 1) as i64;
        let time = (time - time.rem_euclid(1_000_000)).max(from);
        let human = dice.chance(0.2);
        let mut store = self.store_mut();
        let index = store.take_index();
        let mut row = self.world.row(index, time, 3, human);
        if let Scope::Tenant(tenant) = scope {
            row.tenant = tenant as u8;
        }
        store.add(row, super::store::Due::Now);
    }
}

/// The total that the response says.
fn told(search: &Search<'_>, total: u64) -> u64 {
    let shifted = search
        .faults
        .iter()
        .fold(total, |total, fault| match fault {
            Fault::WrongTotal(by) => total.saturating_add_signed(*by),
            _ => total,
        });
    search
        .standing
        .total_cap
        .map_or(shifted, |cap| shifted.min(cap))
}

/// One line of the oracle's log.
pub(super) fn seen(path: &str, query: &str, status: u16, page: Option<&Page>) -> Seen {
    Seen {
        path: path.to_owned(),
        query: decoded(query),
        status,
        rows: page.map_or(0, |page| page.rows),
        total: page.map_or(0, |page| page.total),
    }
}

/// A query string as it reads without percent signs.
pub(super) fn decoded(query: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}
