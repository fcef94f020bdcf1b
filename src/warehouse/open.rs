//! From configuration to a warehouse that can be asked.

use super::bigquery::{BigQuery, BigQueryAuth, BigQuerySettings};
use super::{Pace, Projection, Settings, Staging, WarehouseError};
use crate::config::{self, SecretError, SignIn};
use crate::lake::Bucket;
use crate::retry::Retry;
use std::sync::Arc;
use std::time::Duration;

/// Why a warehouse cannot be opened: always something to mend in the configuration or around it.
#[derive(Debug, thiserror::Error)]
pub enum OpenWarehouseError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Settings that cannot work.
    #[error(transparent)]
    Service(#[from] WarehouseError),
}

/// Opens a configured warehouse, with the bucket of its staging location. It is not asked yet.
/// `patience` is how long a service that fails is asked again.
///
/// # Errors
/// A secret that cannot be read, or settings that cannot work.
pub async fn open(
    config: &config::Warehouse,
    staging: Option<Bucket>,
    patience: Duration,
) -> Result<Projection, OpenWarehouseError> {
    let auth = match &config.auth.sign_in {
        SignIn::Default => BigQueryAuth::Default,
        SignIn::Credentials(place) => BigQueryAuth::ServiceAccount(place.load()?),
        SignIn::None => BigQueryAuth::None,
    };
    let service = BigQuery::open(BigQuerySettings {
        project: config.project.clone(),
        dataset: config.dataset.clone(),
        location: config.location.clone(),
        billing_project: config.billing_project.clone(),
        endpoint: config.endpoint.clone(),
        auth,
        impersonate: config.auth.impersonate.clone(),
        labels: config.labels.clone(),
        timeout: config.timeout,
        retry: Retry {
            patience,
            ..Retry::default()
        },
    });
    Ok(Projection::new(
        config.name.clone(),
        Arc::new(service.await?),
        Staging::new(staging, &config.name),
        Settings {
            labels: config.labels.clone(),
            clustering: config.clustering.clone(),
            require_partition_filter: config.require_partition_filter,
            concurrency: usize::try_from(config.concurrency).unwrap_or(usize::MAX),
            pace: Pace::default(),
        },
    ))
}
