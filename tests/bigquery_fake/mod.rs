//! A service that speaks as much of BigQuery's REST API as the warehouse does, and is strict where
//! emulators are not: jobs that wait and run, ids that are taken for good, locations, lost answers,
//! quotas, web pages instead of answers, a memory that ends. It keeps rows by what tells them apart,
//! so that a test can ask exactly what is in a table.
//!
//! Files are read from `<root>/<bucket>/<key>`.

mod delete;
mod faults;
mod jobs;
mod load;
mod query;
mod reply;
mod server;
mod state;
mod tables;

pub use faults::{Call, Fault};
pub use state::{Row, Table};

use serde_json::{Value, json};
use state::State;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use trailhouse::warehouse::bigquery::{Auth, BigQuery, BigQuerySettings, Retry};

/// Project of the dataset.
pub const PROJECT: &str = "acme-audit";
/// The dataset.
pub const DATASET: &str = "audit";
/// Where it is.
pub const LOCATION: &str = "EU";

/// How the service behaves when nothing goes wrong.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the buckets are.
    pub root: PathBuf,
    /// For how many polls a job waits.
    pub pending: u32,
    /// For how many more it runs.
    pub running: u32,
    /// Most rows of one page.
    pub page: usize,
}

impl Options {
    /// Jobs wait for one poll and run for one; pages have three rows.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            pending: 1,
            running: 1,
            page: 3,
        }
    }
}

/// The service. It ends when this is dropped.
#[derive(Debug)]
pub struct BigQueryFake {
    address: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for BigQueryFake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl BigQueryFake {
    /// Begins to serve on a free port of this machine.
    pub async fn start(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::new(options)));
        let task = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            task,
        }
    }

    /// Its address, as the `endpoint` of the settings.
    pub fn url(&self) -> &str {
        &self.address
    }

    /// Settings of a client that is patient for a moment.
    pub fn settings(&self) -> BigQuerySettings {
        BigQuerySettings {
            endpoint: Some(self.address.parse().unwrap()),
            auth: Auth::None,
            timeout: Duration::from_secs(20),
            retry: Retry {
                first: Duration::from_millis(2),
                longest: Duration::from_millis(20),
                patience: Duration::from_secs(10),
                ..Retry::default()
            },
            ..BigQuerySettings::new(PROJECT, DATASET, LOCATION)
        }
    }

    /// A client.
    pub async fn client(&self) -> BigQuery {
        BigQuery::open(self.settings()).await.unwrap()
    }

    /// The `nth` call of this kind from now on, from 1, meets the fault.
    pub fn fault(&self, call: Call, nth: usize, fault: Fault) {
        self.state().faults.order(call, nth, fault);
    }

    /// Takes back every order.
    pub fn calm(&self) {
        self.state().faults.calm();
    }

    /// How many calls of this kind there have been.
    pub fn count(&self, call: Call) -> usize {
        self.state().faults.count(call)
    }

    /// How many calls there have been in all.
    pub fn calls(&self) -> usize {
        self.state().faults.all()
    }

    /// From now on only this token is taken.
    pub fn demand_token(&self, token: &str) {
        self.state().bearer = Some(token.to_owned());
    }

    /// The `Authorization` header of the newest request.
    pub fn authorization(&self) -> Option<String> {
        self.state().authorization.clone()
    }

    /// Changes how jobs and pages go.
    pub fn set(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.state().options);
    }

    /// Forgets every job that has ended, as the service does after six months.
    pub fn forget_jobs(&self) {
        self.state().jobs.retain(|_, job| job.end.is_none());
    }

    /// The ids of all jobs that are remembered, in order.
    pub fn job_ids(&self) -> Vec<String> {
        self.state().jobs.keys().map(|key| key.2.clone()).collect()
    }

    /// The configuration of a job.
    pub fn job(&self, id: &str) -> Option<Value> {
        let state = self.state();
        let (_, job) = state.jobs.iter().find(|(key, _)| key.2 == id)?;
        Some(job.configuration.clone())
    }

    /// The rows of a table, in order. A table that is not there has none.
    pub fn rows(&self, table: &str) -> Vec<Row> {
        let mut state = self.state();
        let found = state.table(PROJECT, DATASET, table);
        let mut rows = found.map(|table| table.rows.clone()).unwrap_or_default();
        rows.sort();
        rows
    }

    /// Changes the rows of a table by hand: deletes, doubles, inserts.
    pub fn edit_rows(&self, table: &str, edit: impl FnOnce(&mut Vec<Row>)) {
        edit(&mut self.state().table(PROJECT, DATASET, table).unwrap().rows);
    }

    /// A table as the service tells it.
    pub fn told(&self, table: &str) -> Option<Value> {
        let mut state = self.state();
        let found = state.table(PROJECT, DATASET, table).ok()?;
        Some(found.tell())
    }

    /// The names of all tables and views.
    pub fn tables(&self) -> Vec<String> {
        let mut state = self.state();
        let dataset = state.dataset(PROJECT, DATASET);
        let names = dataset.map(|dataset| dataset.tables.keys().cloned().collect());
        names.unwrap_or_default()
    }

    /// Changes the properties of a table as somebody else does.
    pub fn edit(&self, table: &str, edit: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let etag = format!("e{}", state.tick());
        let found = state.table(PROJECT, DATASET, table).unwrap();
        edit(&mut found.told);
        found.told["etag"] = json!(etag);
    }

    /// After how many milliseconds partitions of a table expire.
    pub fn partition_expiration(&self, table: &str) -> Option<u64> {
        let mut state = self.state();
        let told = &state.table(PROJECT, DATASET, table).unwrap().told;
        told["timePartitioning"]["expirationMs"]
            .as_str()?
            .parse()
            .ok()
    }

    /// Changes the properties of the dataset.
    pub fn edit_dataset(&self, edit: impl FnOnce(&mut Value)) {
        edit(&mut self.state().dataset(PROJECT, DATASET).unwrap().told);
    }

    /// A copy of a table as it is.
    pub fn copy(&self, table: &str) -> Table {
        self.state().table(PROJECT, DATASET, table).unwrap().clone()
    }

    /// Removes a table.
    pub fn drop_table(&self, table: &str) {
        self.state()
            .dataset(PROJECT, DATASET)
            .unwrap()
            .tables
            .remove(table);
    }

    /// Puts a copy in place of the table. One that was restored by time travel into the same table
    /// keeps its creation time; one that was made anew has another.
    pub fn restore(&self, table: &str, copy: &Table, keeps_creation: bool) {
        let mut state = self.state();
        let tick = state.tick();
        let mut restored = copy.clone();
        restored.told["etag"] = json!(format!("e{tick}"));
        if !keeps_creation {
            restored.created = tick;
        }
        let dataset = state.dataset(PROJECT, DATASET).unwrap();
        dataset.tables.insert(table.to_owned(), restored);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
