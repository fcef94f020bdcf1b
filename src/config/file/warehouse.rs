//! `[[warehouse]]` as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{KeepText, LakeTable, five_minutes};
use crate::settings::tables::{DurationText, SecretTable};

/// A warehouse into which the lake is loaded, to be queried there. Optional.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct WarehouseTable {
    /// Name of the warehouse in the ledger, in `status` and in names of staged files.
    ///
    /// Lower-case letters, digits and hyphens, at most 63; a letter or digit at both ends.
    #[schemars(example = &"bq", extend("pattern" = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// Kind of warehouse.
    #[schemars(example = &"bigquery")]
    pub kind: WarehouseName,
    /// Google Cloud project that holds the dataset.
    #[schemars(example = "acme-audit")]
    pub project: String,
    /// Dataset; `trailhouse warehouse init` creates it if it does not exist.
    #[schemars(example = &"audit", extend("pattern" = "^[A-Za-z0-9_]{1,1024}$"))]
    pub dataset: String,
    /// Location of the dataset, such as EU or europe-west1; it cannot change later.
    #[schemars(example = &"EU", extend("pattern" = "^[A-Za-z0-9-]+$"))]
    pub location: String,
    /// How to sign in.
    #[schemars(example = json!({ "default": true }))]
    pub auth: WarehouseAuthTable,
    /// Where files are copied for loading and deleted afterwards: a `gs://` bucket in the dataset's
    /// location. Needed if the lake is not on Google Cloud Storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "url": "gs://acme-staging" }))]
    pub staging: Option<LakeTable>,
    /// Project in which jobs run and are billed; by default the project of the dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "acme-billing")]
    pub billing_project: Option<String>,
    /// Labels of dataset, tables and jobs, in addition to the one that names their lake.
    #[serde(default)]
    #[schemars(example = json!({ "team": "security" }))]
    pub labels: BTreeMap<String, String>,
    /// Columns by which `audit_events` is clustered, at most four; fixed when the table is created.
    #[serde(default = "clustering")]
    pub clustering: Vec<String>,
    /// Refuse queries of `audit_events` and `audit_quarantine` that do not restrict dates, so that
    /// nobody pays for reading years by mistake.
    #[serde(default = "yes")]
    pub require_partition_filter: bool,
    /// After how many days BigQuery itself drops partitions of `audit_events` and `audit_quarantine`, as
    /// a safety net below retention; lifted while it would drop records that the ledger keeps, such as held ones. At
    /// least 7 days more than anything is kept by [retention]. Without this nothing expires by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"430d")]
    pub partition_expiration: Option<KeepText>,
    /// Maximum concurrent load jobs.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 100))]
    pub concurrency: u32,
    /// How long to wait for one response.
    #[serde(default = "one_minute")]
    pub request_timeout: DurationText,
    /// How long to retry while the service is failing or busy.
    #[serde(default = "five_minutes")]
    pub retry_for: DurationText,
    /// Address of an emulator, for tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "http://127.0.0.1:9050")]
    pub endpoint: Option<String>,
}

/// Warehouses that can be filled.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum WarehouseName {
    /// Google BigQuery.
    Bigquery,
}

/// How to sign in to Google Cloud.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1), example = json!({ "default": true }))]
pub(in crate::config) struct WarehouseAuthTable {
    /// With application default credentials: those of the environment, `gcloud` or the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub default: Option<bool>,
    /// With a credentials file: a service account key, or the configuration of workload identity
    /// federation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "file": "/etc/trailhouse/google.json" }))]
    pub service_account: Option<SecretTable>,
    /// No authentication; for emulators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub none: Option<bool>,
    /// Service account to impersonate after signing in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "loader@acme-audit.iam.gserviceaccount.com")]
    pub impersonate: Option<String>,
}

fn clustering() -> Vec<String> {
    ["category", "source", "actor_name", "resource_type"]
        .map(str::to_owned)
        .to_vec()
}

fn yes() -> bool {
    true
}

fn eight() -> u32 {
    8
}

fn one_minute() -> DurationText {
    DurationText("1m".to_owned())
}
