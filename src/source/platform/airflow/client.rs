//! The client of Airflow's event log: lists in pages by time, and single events by id.

mod dialect;
pub mod page;
#[cfg(test)]
mod tests;
mod trial;

pub use dialect::AirflowDialect;
pub(super) use trial::{try_list, whole_log};

use super::mapping::AirflowMapping;
use crate::source::http::{Client, Misfit};
use crate::source::paged::{Narrow, Page, PageRequest, Pages, Paging};
use crate::source::{ClockReading, Mapping, Returned, SourceError, Tenant};
use crate::waits::Waits;
use async_trait::async_trait;
use std::sync::Arc;

/// An Airflow server.
pub struct Airflow {
    client: Client,
    dialect: AirflowDialect,
}

impl Airflow {
    /// The server that `client` leads to.
    ///
    /// # Errors
    /// [`SourceError::Settings`] where the address cannot have a path.
    pub fn new(client: Client, dialect: AirflowDialect) -> Result<Self, SourceError> {
        match client.base().cannot_be_a_base() {
            true => Err(no_path()),
            false => Ok(Self { client, dialect }),
        }
    }

    /// The generation of the interface that is spoken.
    pub fn dialect(&self) -> AirflowDialect {
        self.dialect
    }

    /// The event with an id, whether lists show it or not; `None` where there is no such event.
    ///
    /// # Errors
    /// [`SourceError::RecordDenied`] where the account may not read it, which some versions also say of ids that
    /// do not exist; see [`SourceError`].
    pub(super) async fn event(
        &self,
        tenant: &Tenant,
        id: i64,
    ) -> Result<Option<Returned>, SourceError> {
        let url = self
            .dialect
            .event_url(self.client.base(), id)
            .ok_or_else(no_path)?;
        let read = |body| page::event(&body, id);
        match self.client.find(&url, tenant, None, read).await {
            Err(SourceError::Forbidden { tenant, message }) => Err(SourceError::RecordDenied {
                tenant,
                record: id.to_string(),
                message,
            }),
            found => found,
        }
    }

    /// Their clock beside ours.
    pub(super) fn clock(&self) -> Option<ClockReading> {
        self.client.clock()
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> u64 {
        self.client.requests()
    }

    /// Where waits between two tries are reported.
    pub(super) fn waits(&self) -> &Waits {
        self.client.waits()
    }
}

fn no_path() -> SourceError {
    SourceError::Settings {
        message: "the address cannot have a path".to_owned(),
    }
}

/// How the bounds of a list are meant, which is tried: only early versions count them in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListBounds {
    /// `after < time < before`.
    Strict,
    /// `after <= time <= before`.
    Inclusive,
}

/// What the server lists, by what was tried of it.
#[derive(Clone)]
pub struct EventList {
    airflow: Arc<Airflow>,
    bounds: ListBounds,
    paging: Paging,
}

impl EventList {
    /// See [`Airflow::event`].
    ///
    /// # Errors
    /// See there.
    pub(super) async fn event(
        &self,
        tenant: &Tenant,
        id: i64,
    ) -> Result<Option<Returned>, SourceError> {
        self.airflow.event(tenant, id).await
    }

    /// A page with the total that the server states, whatever it counts.
    async fn page_as_served(&self, request: &PageRequest) -> Result<Page, SourceError> {
        let Airflow { client, dialect } = &*self.airflow;
        let url = dialect
            .list_url(client.base(), request, self.bounds)
            .ok_or_else(no_path)?;
        let read = |body| page::list(&body, request.size).map_err(Misfit::from);
        client.get(&url, &request.tenant, request.bytes, read).await
    }
}

#[async_trait]
impl Pages for EventList {
    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn tenants(&self) -> &[Tenant] {
        &[Tenant::All]
    }

    fn mapping(&self) -> &dyn Mapping {
        &AirflowMapping
    }

    async fn page(&self, request: &PageRequest) -> Result<Page, SourceError> {
        let page = self.page_as_served(request).await?;
        Ok(Page {
            // Any other number would be taken for the rows that there are at least.
            total: page.total.filter(|_| self.paging.counts_trusted),
            ..page
        })
    }

    fn narrowings(&self) -> Vec<Narrow> {
        // Events of one microsecond are few.
        Vec::new()
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
