//! The services that can hold a projection, each named here once. Another one is a variant, and the compiler
//! names what is asked of it.

use super::bigquery::{self, BigQueryConfig};
use super::contract::{StatementLimits, Warehouse, WarehouseError};
use crate::http::Auth;
use crate::settings::SecretRef;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A service as it is configured.
#[derive(Debug, Clone)]
pub enum ServiceConfig {
    /// Google BigQuery.
    BigQuery(BigQueryConfig),
}

impl ServiceConfig {
    /// How much it takes at once.
    pub const fn limits(&self) -> &'static StatementLimits {
        match self {
            Self::BigQuery(_) => &bigquery::LIMITS,
        }
    }

    /// Where it answers.
    pub fn address(&self) -> Option<Url> {
        match self {
            Self::BigQuery(config) => config.address(),
        }
    }

    /// How to sign in.
    pub const fn auth(&self) -> &Auth<SecretRef> {
        match self {
            Self::BigQuery(config) => &config.auth,
        }
    }

    /// Opens it: its jobs have these labels, a request has `timeout` for one try, and is tried again for as long as
    /// `patience`. It is not asked yet.
    ///
    /// # Errors
    /// Settings that cannot work.
    pub async fn open(
        &self,
        labels: BTreeMap<String, String>,
        timeout: Duration,
        patience: Duration,
    ) -> Result<Arc<dyn Warehouse>, WarehouseError> {
        match self {
            Self::BigQuery(config) => Ok(Arc::new(config.open(labels, timeout, patience).await?)),
        }
    }
}
