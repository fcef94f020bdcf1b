//! The event log as a source.

use super::client::{Airflow, AirflowDialect, EventList, try_list};
use super::hidden::{self, Asking, HiddenReader};
use super::mapping::AirflowMapping;
use crate::source::paged::Paged;
use crate::source::{
    Axis, Capabilities, ClockReading, Count, Mapping, Slices, Source, SourceError, Tenant,
    WindowRequest,
};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryFutureExt as _};
use std::sync::{Arc, Mutex, PoisonError};

/// Requests for single events at the same time, where no limits of a reading say how many.
const CONCURRENCY: usize = 4;

/// The event log of an Airflow server, with the events that its lists leave out.
pub struct AirflowFeed {
    airflow: Arc<Airflow>,
    capabilities: Capabilities,
    tried: Arc<TriedList>,
}

/// The list of a server as it was last tried.
#[derive(Default)]
struct TriedList(Mutex<Option<EventList>>);

impl TriedList {
    /// The list; it is tried where it was not yet.
    async fn get(&self, airflow: &Arc<Airflow>, tenant: &Tenant) -> Result<EventList, SourceError> {
        let known = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match known {
            Some(list) => Ok(list),
            None => self.renew(airflow, tenant).await,
        }
    }

    /// Tries the list, whatever was known of it.
    async fn renew(
        &self,
        airflow: &Arc<Airflow>,
        tenant: &Tenant,
    ) -> Result<EventList, SourceError> {
        let list = try_list(airflow.clone(), tenant).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(list.clone());
        Ok(list)
    }
}

impl AirflowFeed {
    /// Reads the event log of a server. Nothing is asked yet.
    pub fn new(airflow: Airflow) -> Self {
        Self {
            airflow: Arc::new(airflow),
            capabilities: Capabilities {
                // Where the total is that of the whole table, counts say that they are not exact.
                counts_trusted: true,
                limits: Vec::new(),
                axis: Axis::Event,
                arrival: TimeDelta::minutes(1),
                horizon: None,
            },
            tried: Arc::default(),
        }
    }

    async fn list(&self, tenant: &Tenant) -> Result<EventList, SourceError> {
        self.tried.get(&self.airflow, tenant).await
    }

    /// Whether lists leave events out.
    fn hides(&self) -> bool {
        self.airflow.dialect() == AirflowDialect::V2
    }
}

#[async_trait]
impl Source for AirflowFeed {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn tenants(&self) -> &[Tenant] {
        &[Tenant::All]
    }

    fn mapping(&self) -> &dyn Mapping {
        &AirflowMapping
    }

    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError> {
        self.tried.renew(&self.airflow, tenant).await.map(drop)
    }

    fn read(&self, request: WindowRequest) -> Slices {
        let (airflow, tried, hides) = (self.airflow.clone(), self.tried.clone(), self.hides());
        let slices = async move {
            let list = tried.get(&airflow, &request.tenant).await?;
            let listed = Paged::new(list.clone()).read(request.clone());
            if !hides {
                return Ok(listed);
            }
            let asking = Asking {
                list,
                tenant: request.tenant,
                concurrency: request.limits.concurrency,
            };
            let most_bytes = request.limits.instant_bytes;
            let reader = HiddenReader::new(asking, request.window, listed, most_bytes);
            Ok::<_, SourceError>(reader.into_stream())
        };
        slices.try_flatten_stream().boxed()
    }

    async fn count(&self, tenant: &Tenant, window: Window) -> Result<Count, SourceError> {
        let list = self.list(tenant).await?;
        let listed = Paged::new(list.clone());
        match self.hides() {
            false => listed.count(tenant, window).await,
            true => hidden::count(&asking(list, tenant), &listed, window).await,
        }
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let list = self.list(tenant).await?;
        let listed = Paged::new(list.clone());
        match self.hides() {
            false => listed.oldest(tenant, until).await,
            true => hidden::oldest(&asking(list, tenant), &listed, until).await,
        }
    }

    fn clock(&self) -> Option<ClockReading> {
        self.airflow.clock()
    }

    fn requests(&self) -> u64 {
        self.airflow.requests()
    }

    fn waits(&self) -> Option<&Waits> {
        Some(self.airflow.waits())
    }
}

fn asking(list: EventList, tenant: &Tenant) -> Asking {
    Asking {
        list,
        tenant: tenant.clone(),
        concurrency: CONCURRENCY,
    }
}
