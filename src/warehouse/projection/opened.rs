//! One configured warehouse, opened.

use super::staging::Staging;
use crate::ledger::state::State;
use crate::store::StoreError;
use crate::warehouse::contract::{LAKE_LABEL, LOADED, TableKind, TableShape, Warehouse};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is configured of a warehouse beyond where it is.
#[derive(Debug, Clone)]
pub struct ProjectionSettings {
    /// Labels of its dataset, tables and views.
    pub labels: BTreeMap<String, String>,
    /// Columns by which the events are clustered.
    pub clustering: Vec<String>,
    /// Whether queries of events and quarantine must name dates.
    pub require_partition_filter: bool,
    /// Most load jobs at the same time.
    pub concurrency: usize,
    /// After how many days the service itself is to drop partitions that the ledger does not
    /// keep; never where it is absent.
    pub partition_expiration: Option<u32>,
    /// How often jobs are asked for.
    pub pace: Pace,
}

/// How often a job is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Wait before the second question; it doubles from question to question.
    pub first: Duration,
    /// Longest wait between two questions.
    pub longest: Duration,
}

impl Default for Pace {
    /// From half a second to ten: a load of some megabytes takes seconds.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(10),
        }
    }
}

/// One configured warehouse, opened.
pub struct Projection {
    /// Its name in configuration and ledger.
    pub name: String,
    /// The service.
    pub warehouse: Arc<dyn Warehouse>,
    /// From where it loads.
    pub staging: Staging,
    /// What is configured of it.
    pub settings: ProjectionSettings,
    numbers: AtomicU64,
}

impl fmt::Debug for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projection")
            .field("name", &self.name)
            .field("target", &self.warehouse.target())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Projection {
    /// A warehouse under a name.
    pub fn new(
        name: String,
        warehouse: Arc<dyn Warehouse>,
        staging: Staging,
        settings: ProjectionSettings,
    ) -> Self {
        Self {
            name,
            warehouse,
            staging,
            settings,
            numbers: AtomicU64::new(0),
        }
    }

    /// A number that was not given out before by this value, for ids of jobs that are only asked for
    /// by whoever started them.
    pub(crate) fn next_number(&self) -> String {
        self.numbers.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// Removes copies of files that nobody needs any more, by what the ledger says now.
    ///
    /// # Errors
    /// The staging location; what is left over goes the next time.
    pub async fn tidy(&self, state: &State) -> Result<u64, StoreError> {
        let known = state.warehouses.get(&self.name);
        // A copy may be for either table; an entry without rows for one of them counts as loaded there.
        let is_loaded = |sequence| {
            known.is_some_and(|known| {
                let tables = LOADED.iter().map(|table| known.tables.get(table));
                tables.flatten().all(|table| table.has(sequence))
            })
        };
        let is_open = |decision| {
            let remap = state.remaps.get(&decision);
            state.rebuilds.contains_key(&decision)
                || remap.is_some_and(|open| open.warehouses.contains(&self.name))
        };
        self.staging.tidy(&state.lake_id, is_loaded, is_open).await
    }

    /// What a table is to look like here.
    pub fn shape(&self, kind: TableKind) -> TableShape {
        let by_date = matches!(kind, TableKind::Events | TableKind::Quarantine);
        TableShape {
            description: kind.meaning().to_owned(),
            columns: kind.columns(),
            partition: by_date.then_some("dt"),
            clustering: match kind {
                TableKind::Events => self.settings.clustering.clone(),
                TableKind::Quarantine
                | TableKind::Objects
                | TableKind::Batches
                | TableKind::Coverage => Vec::new(),
            },
            require_partition_filter: by_date && self.settings.require_partition_filter,
            expires_at: None,
        }
    }

    /// Labels of everything that belongs to a lake here.
    pub fn labels(&self, lake_id: &str) -> BTreeMap<String, String> {
        let mut labels = self.settings.labels.clone();
        labels.insert(LAKE_LABEL.to_owned(), lake_id.to_owned());
        labels
    }
}
