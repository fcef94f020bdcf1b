//! The platform as a value that is served and, in tests, steered while it serves.

use super::change::Change;
use super::event::{NewEvent, Visible};
use super::generate::{Incident, Row, Scripted, World};
use super::options::Options;
use super::store::{Due, Scope, Store};
use crate::dice::{Dice, Purpose};
use crate::faults::{Fault, FaultSource, Faults};
use crate::gate::Gate;
use crate::instant::{Clock, instant, nanos};
use crate::oracle::{Counts, Oracle, Seen, Shown};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// Settings that make no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// No tenant was named.
    #[error("the demo platform needs at least one tenant")]
    NoTenant,
    /// A tenant was named twice or has no name.
    #[error("tenant {0:?} is named twice or is empty")]
    Tenant(String),
    /// There are more tenants than a record can tell apart.
    #[error("the demo platform serves at most 200 tenants")]
    TooManyTenants,
    /// The records would lie where nanoseconds since 1970 do not reach.
    #[error("the records would begin or end outside the years 1700 to 2200")]
    Span,
}

/// A demo platform. Cheap to clone; all clones are one platform.
#[derive(Debug, Clone)]
pub struct Platform {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) world: World,
    pub(super) seed: u64,
    pub(super) poison_status: u16,
    pub(super) clock: Clock,
    incidents: Vec<Incident>,
    store: RwLock<Store>,
    desk: Mutex<Desk>,
}

/// What every request touches.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) gate: Gate,
    pub(super) faults: Faults,
    pub(super) source: FaultSource,
    pub(super) counts: Counts,
    pub(super) oracle: Option<Oracle>,
}

impl Inner {
    pub(super) fn store(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn store_mut(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platform {
    /// Makes the platform and all its records.
    ///
    /// # Errors
    /// Settings that make no platform.
    pub fn new(options: &Options) -> Result<Self, OptionsError> {
        check(options)?;
        if options.all_trouble {
            return Self::new(&options.clone().with_all_trouble());
        }
        let clock = Clock::new(options.clock);
        let now = clock.now();
        let world = World::new(options, now);
        let (start, end) = world.span();
        let reach = |nanos: i64| (1_700..2_200).contains(&chrono::Datelike::year(&instant(nanos)));
        if !reach(start) || !reach(end) {
            return Err(OptionsError::Span);
        }
        let mut beginning = world.beginning(options);
        let incidents = std::mem::take(&mut beginning.incidents);
        let store = Store::new(beginning, options, now);
        Ok(Self {
            inner: Arc::new(Inner {
                world,
                seed: options.seed,
                poison_status: options.data.poison_status,
                clock,
                incidents,
                store: RwLock::new(store),
                desk: Mutex::new(Desk {
                    gate: Gate::new(options.access.clone()),
                    faults: options.faults.clone(),
                    source: FaultSource::default(),
                    counts: Counts::default(),
                    oracle: options.oracle.then(Oracle::default),
                }),
            }),
        })
    }

    /// The stories hidden in the records.
    pub fn incidents(&self) -> &[Incident] {
        &self.inner.incidents
    }

    /// The platform's time.
    pub fn now(&self) -> DateTime<Utc> {
        instant(self.inner.clock.now())
    }

    /// Stops the platform's clock at an instant; records due by then appear.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.inner.clock.set(nanos(now));
    }

    /// Moves the platform's clock on and stops it there.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let now = self.inner.clock.now();
        self.inner.clock.set(now.saturating_add(by));
    }

    /// Adds a record; returns its id.
    pub fn push(&self, event: NewEvent) -> String {
        let mut store = self.inner.store_mut();
        let index = store.scripted.len() as u32;
        let visible = event.visible;
        let mut dice = Dice::of(self.inner.seed ^ 2, Purpose::Oddity, u64::from(index));
        let scripted = event.into_scripted(&self.inner.world, &mut dice);
        let row = self.inner.world.scripted_row(index, &scripted);
        let id = scripted.record.id.clone().into_owned();
        store.scripted.push(scripted);
        let due = match visible {
            Visible::Now => Due::Now,
            Visible::WhenDue => Due::At(row.time),
            Visible::At(at) => Due::At(nanos(at)),
            Visible::AfterRequests(count) => {
                let asked = self.inner.desk().counts.searches;
                Due::AtRequest(asked.saturating_add(count).saturating_add(1))
            }
        };
        store.add(row, due);
        id
    }

    /// Removes records for good, as a purge does; returns how many rows went.
    pub fn purge(&self, ids: &[impl AsRef<str>]) -> usize {
        let fits = self.with_ids(owned(ids));
        self.inner.store_mut().purge(fits)
    }

    /// Removes all records dated before an instant; returns how many rows went.
    pub fn purge_before(&self, instant: DateTime<Utc>) -> usize {
        let before = nanos(instant);
        self.inner.store_mut().purge(|row, _| row.time < before)
    }

    /// Changes the content of records from now on; returns how many rows it met.
    pub fn change(&self, ids: &[impl AsRef<str>], change: &Change) -> usize {
        let fits = self.with_ids(owned(ids));
        let mut store = self.inner.store_mut();
        let keys = store.flag(Row::CHANGED, true, fits);
        store.change(&keys, change);
        keys.len()
    }

    /// Stores a second copy of records: searches return both and count both.
    pub fn double(&self, ids: &[impl AsRef<str>]) -> usize {
        let fits = self.with_ids(owned(ids));
        self.inner.store_mut().double(fits)
    }

    /// Makes records unreadable for the platform: any page with one is an error.
    pub fn poison(&self, ids: &[impl AsRef<str>]) -> usize {
        let fits = self.with_ids(owned(ids));
        self.inner.store_mut().flag(Row::POISON, true, fits).len()
    }

    /// Makes records readable again.
    pub fn cure(&self, ids: &[impl AsRef<str>]) -> usize {
        let fits = self.with_ids(owned(ids));
        self.inner.store_mut().flag(Row::POISON, false, fits).len()
    }

    fn with_ids(&self, ids: HashSet<String>) -> impl Fn(&Row, &[Scripted]) -> bool {
        let world = &self.inner.world;
        move |row, scripted| ids.contains(&*world.id(row, scripted))
    }

    /// Queues a fault for the next `times` searches; queued faults come before those by chance.
    pub fn queue(&self, fault: Fault, times: u32) {
        self.inner.desk().source.queue(fault, times, None);
    }

    /// Queues a fault for the next `times` searches whose path and decoded query, as in
    /// `/api/v1/main/auditlogs/search?page=1`, contain `needle`.
    pub fn queue_for(&self, needle: &str, fault: Fault, times: u32) {
        let only = Some(needle.to_owned());
        self.inner.desk().source.queue(fault, times, only);
    }

    /// Faults that are queued and have not happened.
    pub fn queued(&self) -> u64 {
        self.inner.desk().source.waiting()
    }

    /// Changes what goes wrong by chance and all the time.
    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.inner.desk().faults);
    }

    /// Lets the API token in force expire.
    pub fn expire_token(&self) {
        self.inner.desk().gate.expire();
    }

    /// Accepts a further API token once those before it have expired.
    pub fn add_token(&self, token: SecretString) {
        self.inner.desk().gate.add_token(token);
    }

    /// Numbers of requests and answers so far.
    pub fn counts(&self) -> Counts {
        self.inner.desk().counts.clone()
    }

    /// Every request so far, in order of answer; empty without [`Options::oracle`].
    pub fn requests(&self) -> Vec<Seen> {
        let desk = self.inner.desk();
        desk.oracle.as_ref().map(Oracle::seen).unwrap_or_default()
    }

    /// Every record ever in a complete response, by date and id; empty without
    /// [`Options::oracle`].
    pub fn shown(&self) -> Vec<Shown> {
        let desk = self.inner.desk();
        desk.oracle.as_ref().map(Oracle::shown).unwrap_or_default()
    }

    /// Records that a search for everything would return now, doubled ones twice: of one tenant,
    /// or of all and the instance. An unknown tenant has none.
    pub fn total(&self, tenant: Option<&str>) -> usize {
        self.appear();
        let store = self.inner.store();
        let scope = self.scope(tenant);
        scope.map_or(0, |scope| store.rows(scope).len())
    }

    /// Ids of the records that a search for everything would return now, in order of date.
    pub fn ids(&self, tenant: Option<&str>) -> Vec<String> {
        self.appear();
        let store = self.inner.store();
        let Some(scope) = self.scope(tenant) else {
            return Vec::new();
        };
        let rows = store.rows(scope).iter();
        rows.map(|row| self.inner.world.id(row, &store.scripted).into_owned())
            .collect()
    }

    /// The `auditLog` object of a record as a search would show it now; none where it is not
    /// (yet, or any more) there.
    pub fn current(&self, id: &str) -> Option<Vec<u8>> {
        self.appear();
        let fits = self.with_ids(owned(&[id]));
        let store = self.inner.store();
        let row = store
            .rows(Scope::All)
            .iter()
            .find(|row| fits(row, &store.scripted))?;
        let mut out = Vec::new();
        self.inner.world.write(row, &store.scripted, &mut out);
        match store.change_of(row) {
            Some(change) => Some(change.apply(out)),
            None => Some(out),
        }
    }

    /// Records that have not appeared: late ones and those of the future.
    pub fn waiting(&self) -> usize {
        self.appear();
        self.inner.store().waiting()
    }

    fn appear(&self) {
        let request = self.inner.desk().counts.searches;
        self.inner.release(request);
    }

    fn scope(&self, tenant: Option<&str>) -> Option<Scope> {
        match tenant {
            None => Some(Scope::All),
            Some(name) => self.inner.tenant(name),
        }
    }
}

impl Inner {
    /// The scope of a tenant, by name.
    pub(super) fn tenant(&self, name: &str) -> Option<Scope> {
        let at = self.world.tenants.iter().position(|known| known == name)?;
        Some(Scope::Tenant(at))
    }

    /// Lets appear what is due.
    pub(super) fn release(&self, request: u64) {
        let now = self.clock.now();
        if self.store().has_due(now, request) {
            self.store_mut().release(now, request);
        }
    }
}

fn owned(ids: &[impl AsRef<str>]) -> HashSet<String> {
    ids.iter().map(|id| id.as_ref().to_owned()).collect()
}

fn check(options: &Options) -> Result<(), OptionsError> {
    let tenants = &options.tenants;
    if tenants.is_empty() {
        return Err(OptionsError::NoTenant);
    }
    if tenants.len() > 200 {
        return Err(OptionsError::TooManyTenants);
    }
    let mut seen = HashSet::new();
    match tenants
        .iter()
        .find(|name| name.is_empty() || !seen.insert(*name))
    {
        Some(name) => Err(OptionsError::Tenant(name.clone())),
        None => Ok(()),
    }
}
