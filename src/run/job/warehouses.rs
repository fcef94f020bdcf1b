//! From configuration to warehouses that can be asked.

use super::Asking;
use crate::config::{self, Auth, Config, TextKind};
use crate::run::error::JobError;
use crate::similar::UnknownName;
use crate::stop::Stop;
use crate::store::StorePurpose;
use crate::warehouse::{Pace, Projection, ProjectionSettings, Staging, StoppableWarehouse};
use std::sync::Arc;

/// Opens the warehouses of a configuration, or those of them that are named. They are not asked yet.
///
/// # Errors
/// A name that no warehouse has, secrets that cannot be read, or settings that cannot work.
pub async fn open_warehouses(
    config: &Config,
    only: &[String],
    asking: Asking,
) -> Result<Vec<Projection>, JobError> {
    let names = config.warehouses.iter().map(|it| it.name.as_str());
    if let Some(unknown) = UnknownName::first_of("warehouse", only, names) {
        return Err(unknown.into());
    }
    let mut warehouses = Vec::new();
    for warehouse in &config.warehouses {
        if only.is_empty() || only.contains(&warehouse.name) {
            warehouses.push(open(warehouse, asking).await?);
        }
    }
    Ok(warehouses)
}

async fn open(config: &config::WarehouseConfig, asking: Asking) -> Result<Projection, JobError> {
    let name = &config.name;
    let staging = match &config.staging {
        Some(lake) => {
            let opened = lake.open_for(StorePurpose::Staging)?;
            Some(opened.map_err(|source| JobError::Staging {
                name: name.clone(),
                source,
            })?)
        }
        None => None,
    };
    if let Auth::Google(google) = config.service.auth()
        && let Some(place) = &google.credentials
    {
        // Credentials that cannot be read are an error of the configuration, not of the service.
        place.load(TextKind::Document)?;
    }
    let patience = asking.patience(config.retry_for);
    let opened = config
        .service
        .open(config.labels.clone(), config.timeout, patience);
    let service = opened.await.map_err(|source| JobError::Warehouse {
        name: name.clone(),
        source,
    })?;
    Ok(Projection::new(
        name.clone(),
        Arc::new(StoppableWarehouse::new(service, Stop::of_process())),
        Staging::new(staging, name),
        ProjectionSettings {
            labels: config.labels.clone(),
            clustering: config.clustering.clone(),
            require_partition_filter: config.require_partition_filter,
            concurrency: usize::try_from(config.concurrency).unwrap_or(usize::MAX),
            partition_expiration: config.partition_expiration,
            pace: Pace::default(),
        },
    ))
}
