//! How BigQuery is configured, and what its settings may be.

use super::labels::check_labels;
use super::service::BigQuery;
use super::settings::{BigQuerySettings, SERVICE, is_dataset, is_location, is_project};
use crate::event::schema::{ColumnType, EVENT_COLUMNS};
use crate::http::{Auth, Retry, is_loopback};
use crate::settings::SecretRef;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::similar::nearest;
use crate::store::StoreKind;
use crate::warehouse::contract::WarehouseError;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// The only kind of store that BigQuery loads from.
pub(crate) const LOADS_FROM: StoreKind = StoreKind::Gcs;

/// Most columns by which a table is clustered.
const CLUSTERING_COLUMNS: usize = 4;

/// A dataset as it is configured.
#[derive(Debug, Clone)]
pub struct BigQueryConfig {
    /// Project of the dataset.
    pub project: String,
    /// The dataset.
    pub dataset: String,
    /// Its location.
    pub location: String,
    /// How to sign in.
    pub auth: Auth<SecretRef>,
    /// Project that jobs are billed to; otherwise that of the dataset.
    pub billing_project: Option<String>,
    /// An emulator; otherwise Google.
    pub endpoint: Option<Url>,
}

impl BigQueryConfig {
    /// Where it answers.
    pub(in crate::warehouse) fn address(&self) -> Option<Url> {
        let service = || Url::parse(SERVICE).ok();
        self.endpoint.clone().or_else(service)
    }

    /// Opens it. It is not asked yet.
    ///
    /// # Errors
    /// Settings that cannot work.
    pub(in crate::warehouse) async fn open(
        &self,
        labels: BTreeMap<String, String>,
        timeout: Duration,
        patience: Duration,
    ) -> Result<BigQuery, WarehouseError> {
        BigQuery::open(BigQuerySettings {
            project: self.project.clone(),
            dataset: self.dataset.clone(),
            location: self.location.clone(),
            billing_project: self.billing_project.clone(),
            endpoint: self.endpoint.clone(),
            auth: self.auth.lazily_read(),
            labels,
            timeout,
            retry: Retry {
                patience,
                ..Retry::default()
            },
        })
        .await
    }
}

pub(crate) fn project(
    checks: &mut Checks<'_, '_>,
    text: &str,
    place: &SettingPlace,
) -> Option<String> {
    if is_project(text) {
        return Some(text.to_owned());
    }
    checks.problem(
        place,
        "is not the id of a Google Cloud project",
        "write the id, such as \"acme-audit\", not the name or number",
    );
    None
}

pub(crate) fn dataset(
    checks: &mut Checks<'_, '_>,
    text: &str,
    place: &SettingPlace,
) -> Option<String> {
    if is_dataset(text) {
        return Some(text.to_owned());
    }
    checks.problem(
        place,
        "is not the name of a dataset",
        "use letters, digits and `_`, without the project",
    );
    None
}

pub(crate) fn location(
    checks: &mut Checks<'_, '_>,
    text: &str,
    place: &SettingPlace,
) -> Option<String> {
    if is_location(text) {
        return Some(text.to_owned());
    }
    checks.problem(
        place,
        "is not a location of BigQuery",
        "write for example \"EU\", \"US\" or \"europe-west1\"",
    );
    None
}

/// Labels of dataset, tables and jobs.
pub(crate) fn labels(
    checks: &mut Checks<'_, '_>,
    labels: &BTreeMap<String, String>,
    place: &SettingPlace,
) -> Option<BTreeMap<String, String>> {
    if let Err(wrong) = check_labels(labels) {
        checks.problem(
            place,
            format!("cannot be set: {wrong}"),
            "use lower-case letters, digits, `_` and `-`, a letter first",
        );
        return None;
    }
    Some(labels.clone())
}

/// Columns of `audit_events` by which it can be clustered.
pub(crate) fn clustering(
    checks: &mut Checks<'_, '_>,
    names: &[String],
    place: &SettingPlace,
) -> Option<Vec<String>> {
    let before = checks.problems.len();
    if names.len() > CLUSTERING_COLUMNS {
        checks.problem(
            place,
            "has more than four columns",
            "keep the four that most queries filter by",
        );
    }
    for (index, name) in names.iter().enumerate() {
        let place = place.index(index);
        let column = EVENT_COLUMNS.iter().find(|column| column.name == name);
        let fits = column.is_some_and(|column| column.kind != ColumnType::Bytes);
        if !fits {
            checks.problem(
                &place,
                format!("`{name}` is not a column of audit_events to cluster by"),
                match nearest(name, &names_of_columns()) {
                    Some(near) => format!("write \"{near}\""),
                    None => "choose one that `trailhouse schema events` lists".to_owned(),
                },
            );
        } else if names[..index].contains(name) {
            checks.problem(&place, "appears twice", "remove one of the two");
        }
    }
    (checks.problems.len() == before).then(|| names.to_vec())
}

fn names_of_columns() -> Vec<&'static str> {
    let columns = EVENT_COLUMNS.iter();
    let columns = columns.filter(|column| column.kind != ColumnType::Bytes);
    columns.map(|column| column.name).collect()
}

/// The address of an emulator.
pub(crate) fn endpoint(
    checks: &mut Checks<'_, '_>,
    text: &str,
    place: &SettingPlace,
) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        let whole = url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && whole
    });
    let Some(url) = url else {
        checks.problem(
            place,
            "is not the address of a server",
            "write for example \"http://127.0.0.1:9050\"",
        );
        return None;
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        checks.problem(
            place,
            "would send tokens unencrypted over the network",
            "use https://",
        );
        return None;
    }
    Some(url)
}
