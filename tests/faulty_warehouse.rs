//! A warehouse that misbehaves on order or by chance: wraps any warehouse and makes calls fail, lose
//! their answer, say *unknown*, hang or stop the world.

use crate::orders::Orders;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use trailhouse::event::schema::ColumnType;
use trailhouse::warehouse::{
    Class, DatasetFound, JobId, JobState, JobWork, Started, Statement, StatementLimits, TableFound,
    TableShape, ViewShape, Warehouse, WarehouseError,
};

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it goes through.
    None,
    /// It is refused with this meaning and changes nothing.
    Reject(Class),
    /// It happens, and the caller hears that nobody knows.
    LoseAnswer,
    /// It does not happen, and the caller hears that nobody knows.
    LoseRequest,
    /// It happens, and the caller hears that it was there already: a client that repeated a request
    /// whose answer was lost.
    SayExists,
    /// It never happens and never returns.
    HangBefore,
    /// It happens and never returns.
    HangAfter,
    /// It happens once the test resumes the warehouse.
    Pause,
}

/// Which calls a fault may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// `start`.
    Start,
    /// `job`.
    Job,
    /// `rows`.
    Rows,
    /// `table` and `dataset`.
    Look,
    /// Whatever changes anything, `start` too.
    Change,
    /// Whatever there is.
    Any,
}

/// Faults by chance.
#[derive(Debug, Default)]
struct Weather {
    /// The state of the dice, and how many calls of a hundred are hit.
    chance: Option<(u64, u64)>,
    /// How many calls there have been.
    calls: usize,
}

/// The misbehaving warehouse. Descriptions of its calls name the call, then the table, view or job: `start lake_7`,
/// `table audit_events`.
#[derive(Clone)]
pub struct FaultyWarehouse {
    inner: Arc<dyn Warehouse>,
    orders: Arc<Orders<On, Fault>>,
    weather: Arc<Mutex<Weather>>,
}

impl Deref for FaultyWarehouse {
    type Target = Orders<On, Fault>;

    fn deref(&self) -> &Self::Target {
        &self.orders
    }
}

impl FaultyWarehouse {
    pub fn around(inner: Arc<dyn Warehouse>) -> Self {
        Self {
            inner,
            orders: Arc::default(),
            weather: Arc::default(),
        }
    }

    /// From now on so many calls of a hundred meet a fault that may pass, the same ones for the same
    /// seed and calls.
    pub fn weather(&self, seed: u64, of_hundred: u64) {
        self.weather.lock().unwrap().chance = Some((seed, of_hundred));
    }

    /// Takes back every order, and ends the weather.
    pub fn calm(&self) {
        self.orders.calm();
        self.weather.lock().unwrap().chance = None;
    }

    /// How many calls there have been.
    pub fn calls(&self) -> usize {
        self.weather.lock().unwrap().calls
    }

    fn fault(&self, on: On, what: &str) -> Fault {
        let is_change = matches!(on, On::Start | On::Change);
        let is_hit = |wanted| match wanted {
            On::Any => true,
            On::Change => is_change,
            wanted => wanted == on,
        };
        let mut weather = self.weather.lock().unwrap();
        weather.calls += 1;
        let ordered = self.take(what, is_change, is_hit);
        ordered.unwrap_or_else(|| weather.next(on))
    }

    /// Runs a call under its fault. `exists` is what it answers where it was there already.
    async fn under<T>(
        &self,
        on: On,
        what: &str,
        exists: Option<T>,
        call: impl Future<Output = Result<T, WarehouseError>>,
    ) -> Result<T, WarehouseError> {
        let fault = self.fault(on, what);
        let lost = |class, said: &str| WarehouseError {
            class,
            target: self.inner.target().to_owned(),
            action: what.to_owned(),
            said: said.to_owned(),
            retry_after: None,
        };
        match fault {
            Fault::None => call.await,
            Fault::Reject(class) => Err(lost(class, "refused by order")),
            Fault::LoseRequest => Err(lost(Class::Unknown, "request lost by order")),
            Fault::LoseAnswer => {
                // An answer that would have been heard is heard by nobody, a refusal neither.
                let _ = call.await;
                Err(lost(Class::Unknown, "answer lost by order"))
            }
            Fault::SayExists => {
                call.await?;
                exists.ok_or_else(|| lost(Class::Exists, "the repeated request found the first"))
            }
            Fault::HangBefore => self.hang().await,
            Fault::HangAfter => {
                let _ = call.await;
                self.hang().await
            }
            Fault::Pause => {
                self.pause().await;
                call.await
            }
        }
    }
}

impl Weather {
    /// The fault of a call that no order is about.
    fn next(&mut self, on: On) -> Fault {
        let Some((state, of_hundred)) = &mut self.chance else {
            return Fault::None;
        };
        if roll(state) % 100 >= *of_hundred {
            return Fault::None;
        }
        match roll(state) % 5 {
            0 => Fault::Reject(Class::Transient),
            1 => Fault::Reject(Class::Quota),
            2 => Fault::LoseRequest,
            3 if on == On::Start => Fault::SayExists,
            _ => Fault::LoseAnswer,
        }
    }
}

/// SplitMix64: the next of numbers that look like chance.
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[async_trait]
impl Warehouse for FaultyWarehouse {
    fn target(&self) -> &str {
        self.inner.target()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn limits(&self) -> &'static StatementLimits {
        self.inner.limits()
    }

    fn sql(&self, statement: &Statement<'_>) -> String {
        self.inner.sql(statement)
    }

    fn views(&self) -> Vec<ViewShape> {
        self.inner.views()
    }

    fn type_name(&self, kind: ColumnType) -> &'static str {
        self.inner.type_name(kind)
    }

    async fn dataset(&self) -> Result<Option<DatasetFound>, WarehouseError> {
        let call = self.inner.dataset();
        self.under(On::Look, "dataset", None, call).await
    }

    async fn create_dataset(
        &self,
        description: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.create_dataset(description, labels);
        self.under(On::Change, "create dataset", None, call).await
    }

    async fn table(&self, name: &str) -> Result<Option<TableFound>, WarehouseError> {
        let call = self.inner.table(name);
        self.under(On::Look, &format!("table {name}"), None, call)
            .await
    }

    async fn create_table(
        &self,
        name: &str,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.create_table(name, shape, labels);
        self.under(On::Change, &format!("create table {name}"), None, call)
            .await
    }

    async fn extend_table(
        &self,
        found: &TableFound,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.extend_table(found, shape, labels);
        self.under(
            On::Change,
            &format!("extend table {}", found.name),
            Some(()),
            call,
        )
        .await
    }

    async fn set_partition_expiration(
        &self,
        found: &TableFound,
        after: Option<u64>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.set_partition_expiration(found, after);
        let what = format!("expire partitions {}", found.name);
        self.under(On::Change, &what, Some(()), call).await
    }

    async fn keep(&self, found: &TableFound) -> Result<(), WarehouseError> {
        let call = self.inner.keep(found);
        let what = format!("keep {}", found.name);
        self.under(On::Change, &what, Some(()), call).await
    }

    async fn drop_table(&self, name: &str) -> Result<(), WarehouseError> {
        let call = self.inner.drop_table(name);
        self.under(On::Change, &format!("drop table {name}"), Some(()), call)
            .await
    }

    async fn put_view(
        &self,
        view: &ViewShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.put_view(view, labels);
        self.under(
            On::Change,
            &format!("put view {}", view.name),
            Some(()),
            call,
        )
        .await
    }

    async fn start(&self, id: &JobId, work: &JobWork) -> Result<Started, WarehouseError> {
        let call = self.inner.start(id, work);
        self.under(
            On::Start,
            &format!("start {id}"),
            Some(Started::Exists),
            call,
        )
        .await
    }

    async fn job(&self, id: &JobId) -> Result<Option<JobState>, WarehouseError> {
        let call = self.inner.job(id);
        self.under(On::Job, &format!("job {id}"), None, call).await
    }

    async fn rows(&self, id: &JobId) -> Result<Vec<Vec<Option<String>>>, WarehouseError> {
        let call = self.inner.rows(id);
        self.under(On::Rows, &format!("rows {id}"), None, call)
            .await
    }

    async fn dry_run(&self, sql: &str) -> Result<u64, WarehouseError> {
        let call = self.inner.dry_run(sql);
        self.under(On::Look, "dry run", None, call).await
    }
}
