//! The rows that the platform holds: those that searches see, sorted by time, and those whose time
//! to appear has not come.

use super::change::Change;
use super::generate::{Beginning, Row, Scripted};
use super::options::Options;
use crate::dice::{Dice, Purpose};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Which record, whatever its place.
pub(super) type Key = (bool, u32);

/// So many rows are put into place one by one; more are added and sorted in.
const FEW: usize = 8;

/// Whose rows a search sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// One tenant, by index.
    Tenant(usize),
    /// All tenants and the instance.
    All,
}

/// When a row appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    At(i64),
    AtRequest(u64),
}

#[derive(Debug)]
pub(super) struct Store {
    /// All rows; then, where there are several tenants, the rows of each.
    views: Vec<Vec<Row>>,
    tenants: usize,
    pub(super) scripted: Vec<Scripted>,
    by_time: BTreeMap<(i64, u64), Row>,
    by_request: BTreeMap<(u64, u64), Row>,
    waited: u64,
    changes: HashMap<Key, Change>,
    /// Rows that change when shown again and have been shown.
    shown: HashSet<Key>,
    next_index: u32,
}

impl Store {
    /// The rows at the start.
    pub(super) fn new(beginning: Beginning, options: &Options, now: i64) -> Self {
        let tenants = options.tenants.len();
        let mut store = Self {
            views: vec![Vec::new(); if tenants > 1 { 1 + tenants } else { 1 }],
            tenants,
            scripted: beginning.scripted,
            by_time: BTreeMap::new(),
            by_request: BTreeMap::new(),
            waited: 0,
            changes: HashMap::new(),
            shown: HashSet::new(),
            next_index: beginning.next_index,
        };
        let late = Lateness::new(options);
        let mut visible = Vec::with_capacity(beginning.rows.len());
        for row in beginning.rows {
            match late.due(&row, now) {
                Due::Now => visible.push(row),
                later => store.wait(row, later),
            }
        }
        store.put(visible);
        store
    }

    /// The rows that a search of this scope sees, sorted by time.
    pub(super) fn rows(&self, scope: Scope) -> &[Row] {
        &self.views[self.view(scope)]
    }

    fn view(&self, scope: Scope) -> usize {
        match scope {
            Scope::Tenant(tenant) if self.tenants > 1 => 1 + tenant,
            _ => 0,
        }
    }

    /// A number for a new record.
    pub(super) fn take_index(&mut self) -> u32 {
        self.next_index += 1;
        self.next_index - 1
    }

    /// Lets a row appear when it is due.
    pub(super) fn add(&mut self, row: Row, due: Due) {
        match due {
            Due::Now => self.put(vec![row]),
            later => self.wait(row, later),
        }
    }

    fn wait(&mut self, row: Row, due: Due) {
        self.waited += 1;
        match due {
            Due::At(time) => self.by_time.insert((time, self.waited), row),
            Due::AtRequest(request) => self.by_request.insert((request, self.waited), row),
            Due::Now => None,
        };
    }

    /// Whether a row should appear at this time, before this request.
    pub(super) fn has_due(&self, now: i64, request: u64) -> bool {
        let timely = self.by_time.first_key_value();
        let counted = self.by_request.first_key_value();
        timely.is_some_and(|((due, _), _)| *due <= now)
            || counted.is_some_and(|((due, _), _)| *due <= request)
    }

    /// Lets all rows appear that are due.
    pub(super) fn release(&mut self, now: i64, request: u64) {
        let mut due = Vec::new();
        while let Some(entry) = self.by_time.first_entry()
            && entry.key().0 <= now
        {
            due.push(entry.remove());
        }
        while let Some(entry) = self.by_request.first_entry()
            && entry.key().0 <= request
        {
            due.push(entry.remove());
        }
        self.put(due);
    }

    /// Rows that have not appeared.
    pub(super) fn waiting(&self) -> usize {
        self.by_time.len() + self.by_request.len()
    }

    fn put(&mut self, rows: Vec<Row>) {
        let several = self.views.len() > 1;
        let few = rows.len() <= FEW;
        self.views[0].reserve(rows.len());
        for row in rows {
            let own = several.then_some(1 + usize::from(row.tenant));
            for view in std::iter::once(0).chain(own) {
                if let Some(view) = self.views.get_mut(view) {
                    let at = if few {
                        view.partition_point(|known| known.time <= row.time)
                    } else {
                        view.len()
                    };
                    view.insert(at, row);
                }
            }
        }
        if !few {
            for view in &mut self.views {
                // Nearly sorted already: the sort finds the runs and merges them.
                view.sort_by_key(|row| row.time);
            }
        }
    }

    /// Takes out the rows that fit; says how many.
    pub(super) fn purge(&mut self, fits: impl Fn(&Row, &[Scripted]) -> bool) -> usize {
        let before = self.views[0].len();
        let scripted = &self.scripted;
        for view in &mut self.views {
            view.retain(|row| !fits(row, scripted));
        }
        before - self.views[0].len()
    }

    /// Adds a second copy of each row that fits; says how many.
    pub(super) fn double(&mut self, fits: impl Fn(&Row, &[Scripted]) -> bool) -> usize {
        let scripted = &self.scripted;
        let copies = self.views[0].iter().filter(|row| fits(row, scripted));
        let copies: Vec<Row> = copies.copied().collect();
        let count = copies.len();
        self.put(copies);
        count
    }

    /// Sets or clears flags of the rows that fit; says which.
    pub(super) fn flag(
        &mut self,
        flag: u8,
        on: bool,
        fits: impl Fn(&Row, &[Scripted]) -> bool,
    ) -> Vec<Key> {
        let mut found = Vec::new();
        let scripted = &self.scripted;
        for (nth, view) in self.views.iter_mut().enumerate() {
            for row in view.iter_mut().filter(|row| fits(row, scripted)) {
                if on {
                    row.flags |= flag;
                } else {
                    row.flags &= !flag;
                }
                if nth == 0 {
                    found.push(key(row));
                }
            }
        }
        found
    }

    /// From now on these records are shown with a change.
    pub(super) fn change(&mut self, keys: &[Key], change: &Change) {
        for key in keys {
            self.changes.insert(*key, change.clone());
        }
    }

    /// How the content of a row differs from what it was at first.
    pub(super) fn change_of(&self, row: &Row) -> Option<Change> {
        if row.flags & (Row::CHANGED | Row::FICKLE) == 0 {
            return None;
        }
        let key = key(row);
        match self.changes.get(&key) {
            Some(change) => Some(change.clone()),
            None if row.is(Row::FICKLE) && self.shown.contains(&key) => {
                Some(Change::SEEDED[row.index as usize % Change::SEEDED.len()].clone())
            }
            None => None,
        }
    }

    /// Whether showing these rows must be remembered.
    pub(super) fn must_remember(&self, rows: &[Row]) -> bool {
        let fresh = |row: &Row| row.is(Row::FICKLE) && !self.shown.contains(&key(row));
        rows.iter().any(fresh)
    }

    /// Remembers that these rows were shown.
    pub(super) fn remember(&mut self, rows: &[Row]) {
        let fickle = rows.iter().filter(|row| row.is(Row::FICKLE));
        self.shown.extend(fickle.map(key));
    }
}

/// Which record a row is.
pub(super) fn key(row: &Row) -> Key {
    (row.is(Row::SCRIPTED), row.index)
}

/// Which rows appear late, and how late.
struct Lateness {
    seed: u64,
    share: f64,
    by: i64,
    requests: Option<u64>,
}

impl Lateness {
    fn new(options: &Options) -> Self {
        Self {
            seed: options.seed,
            share: options.data.late,
            by: i64::try_from(options.data.late_by.as_nanos()).unwrap_or(i64::MAX),
            requests: options.data.late_requests,
        }
    }

    fn due(&self, row: &Row, now: i64) -> Due {
        let mut due = row.time;
        if self.share > 0.0 {
            let which = 1 + ((u64::from(row.index) << 1) | u64::from(row.is(Row::SCRIPTED)));
            let mut dice = Dice::of(self.seed, Purpose::Trouble, which);
            if dice.chance(self.share) {
                match self.requests {
                    Some(most) => return Due::AtRequest(2 + dice.below(most.max(1))),
                    None => due = due.saturating_add(1 + (dice.unit() * self.by as f64) as i64),
                }
            }
        }
        if due <= now { Due::Now } else { Due::At(due) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::World;
    use super::*;
    use crate::instant::nanos;
    use std::time::Duration;

    fn store(options: &Options, now: &str) -> (World, Store) {
        let now = nanos(now.parse().unwrap());
        let world = World::new(options, now);
        let beginning = world.beginning(options);
        let store = Store::new(beginning, options, now);
        (world, store)
    }

    fn options() -> Options {
        Options {
            events: 2_000,
            days: 2,
            end: Some("2026-11-03T00:00:00Z".parse().unwrap()),
            ..Options::default()
        }
    }

    #[test]
    fn records_of_the_future_appear_when_their_time_comes() {
        let (_, mut store) = store(&options(), "2026-11-02T00:00:00Z");
        let early = store.rows(Scope::All).len();
        assert!(early > 500 && early < 1_500);
        assert_eq!(store.waiting(), 2_000 - early);
        let noon = nanos("2026-11-02T12:00:00Z".parse().unwrap());
        assert!(store.has_due(noon, 0));
        store.release(noon, 0);
        let rows = store.rows(Scope::All);
        assert!(rows.len() > early && rows.is_sorted_by_key(|row| row.time));
        assert!(rows.iter().all(|row| row.time <= noon));
        store.release(i64::MAX, 0);
        assert_eq!(store.rows(Scope::All).len(), 2_000);
    }

    #[test]
    fn late_records_appear_later_than_their_date() {
        let mut late = options();
        late.data.late = 0.5;
        late.data.late_by = Duration::from_secs(24 * 3600);
        let (_, mut store) = store(&late, "2026-11-03T00:00:00Z");
        let early = store.rows(Scope::All).len();
        assert!(early < 1_900 && store.waiting() > 100);
        store.release(nanos("2026-11-04T00:00:01Z".parse().unwrap()), 0);
        assert_eq!(store.rows(Scope::All).len(), 2_000);
    }

    #[test]
    fn late_records_can_wait_for_requests() {
        let mut late = options();
        late.data.late = 0.1;
        late.data.late_requests = Some(5);
        let (_, mut store) = store(&late, "2026-11-03T00:00:00Z");
        let waiting = store.waiting();
        assert!(waiting > 100);
        store.release(0, 1);
        assert_eq!(store.waiting(), waiting);
        for request in 2..=6 {
            store.release(0, request);
        }
        assert_eq!(store.waiting(), 0);
    }

    #[test]
    fn tenants_see_their_own_rows() {
        let several = Options {
            tenants: vec!["a".to_owned(), "b".to_owned()],
            ..options()
        };
        let (_, mut store) = store(&several, "2026-11-03T00:00:00Z");
        let count = |store: &Store, scope| store.rows(scope).len();
        let (all, a, b) = (
            count(&store, Scope::All),
            count(&store, Scope::Tenant(0)),
            count(&store, Scope::Tenant(1)),
        );
        assert!(a > b && b > 0 && a + b <= all);
        let purged = store.purge(|row, _| row.tenant == 1);
        assert_eq!((purged, count(&store, Scope::Tenant(1))), (b, 0));
        assert_eq!(count(&store, Scope::All), all - b);
    }

    #[test]
    fn doubled_rows_count_twice_and_purged_ones_not_at_all() {
        let (_, mut store) = store(&options(), "2026-11-03T00:00:00Z");
        let first = store.rows(Scope::All)[0];
        let is_first = move |row: &Row, _: &[Scripted]| key(row) == key(&first);
        assert_eq!(store.double(is_first), 1);
        assert_eq!(store.rows(Scope::All).len(), 2_001);
        assert_eq!(store.purge(is_first), 2);
        assert_eq!(store.rows(Scope::All).len(), 1_999);
    }

    #[test]
    fn fickle_rows_change_after_they_were_shown() {
        let mut fickle = options();
        fickle.data.change = 0.01;
        let (_, mut store) = store(&fickle, "2026-11-03T00:00:00Z");
        let rows: Vec<Row> = store.rows(Scope::All).to_vec();
        let row = rows.iter().find(|row| row.is(Row::FICKLE)).unwrap();
        assert!(store.must_remember(&rows) && store.change_of(row).is_none());
        store.remember(&rows);
        assert!(!store.must_remember(&rows) && store.change_of(row).is_some());
    }
}
