//! Checks `[[warehouse]]`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Checks, lake, source};
use crate::config::file::{
    KeepText, RetentionTable, WarehouseAuthTable, WarehouseName, WarehouseTable,
};
use crate::config::{Auth, GoogleAuth, SecretRef, StoreLocation, WarehouseConfig};
use crate::policy::Keep;
use crate::settings::problem::SettingPlace;
use crate::store::StoreKind;
use crate::warehouse::bigquery::BigQueryConfig;
use crate::warehouse::bigquery::config as bigquery;
use crate::warehouse::{LAKE_LABEL, ServiceConfig};

pub(super) fn check_all(
    checks: &mut Checks<'_, '_>,
    tables: &[WarehouseTable],
    lake_store: Option<StoreKind>,
) -> Option<Vec<WarehouseConfig>> {
    let checked: Vec<Option<WarehouseConfig>> = tables
        .iter()
        .enumerate()
        .map(|(index, table)| {
            let place = SettingPlace::at("warehouse").index(index);
            let earlier = |keys: &[&str], checks: &Checks<'_, '_>| {
                let is_written = |index: usize| {
                    let place = SettingPlace::at("warehouse").index(index);
                    keys.iter().all(|key| checks.is_written(&place.key(key)))
                };
                let others: Vec<&WarehouseTable> = (0..index)
                    .filter(|other| is_written(*other) && is_written(index))
                    .filter_map(|other| tables.get(other))
                    .collect();
                others
            };
            if earlier(&["name"], checks)
                .iter()
                .any(|other| other.name == table.name)
            {
                checks.problem(
                    &place.key("name"),
                    "is the name of an earlier warehouse",
                    "give each warehouse its own name",
                );
            }
            let same = |other: &&WarehouseTable| {
                (&other.project, &other.dataset) == (&table.project, &table.dataset)
            };
            if earlier(&["project", "dataset"], checks).iter().any(same) {
                checks.problem(
                    &place.key("dataset"),
                    "is the dataset of an earlier warehouse",
                    "remove one of the two: it would be loaded twice",
                );
            }
            check(checks, table, &place, lake_store)
        })
        .collect();
    checked.into_iter().collect()
}

fn check(
    checks: &mut Checks<'_, '_>,
    table: &WarehouseTable,
    place: &SettingPlace,
    lake_store: Option<StoreKind>,
) -> Option<WarehouseConfig> {
    let WarehouseName::Bigquery = table.kind;
    let name = source::id(checks, &table.name, &place.key("name"));
    let project = bigquery::project(checks, &table.project, &place.key("project"));
    let dataset = bigquery::dataset(checks, &table.dataset, &place.key("dataset"));
    let location = bigquery::location(checks, &table.location, &place.key("location"));
    let billing_project = match &table.billing_project {
        Some(text) => bigquery::project(checks, text, &place.key("billing_project")).map(Some),
        None => Some(None),
    };
    let auth = auth(checks, &table.auth, &place.key("auth"));
    let staging = staging(checks, table, place, lake_store);
    let labels = labels(checks, &table.labels, &place.key("labels"));
    let clustering = bigquery::clustering(checks, &table.clustering, &place.key("clustering"));
    let second = Duration::from_secs(1);
    let timeout = checks.duration(
        &table.request_timeout,
        &place.key("request_timeout"),
        second,
    );
    let retry_for = checks.duration(&table.retry_for, &place.key("retry_for"), Duration::ZERO);
    let endpoint = match &table.endpoint {
        Some(text) => bigquery::endpoint(checks, text, &place.key("endpoint")).map(Some),
        None => Some(None),
    };
    let partition_expiration = match &table.partition_expiration {
        Some(text) => expiration(checks, text, &place.key("partition_expiration")).map(Some),
        None => Some(None),
    };
    let auth_place = place.key("auth");
    if let (Some(None), Some(auth)) = (&endpoint, &auth)
        && *auth == Auth::None
        && checks.is_written(&auth_place)
    {
        checks.problem(
            &auth_place,
            "has `none`, which only an emulator accepts",
            "write auth = { default = true }, or give the emulator's address as `endpoint`",
        );
    }
    Some(WarehouseConfig {
        name: name?,
        service: ServiceConfig::BigQuery(BigQueryConfig {
            project: project?,
            dataset: dataset?,
            location: location?,
            auth: auth?,
            billing_project: billing_project?,
            endpoint: endpoint?,
        }),
        staging: staging?,
        labels: labels?,
        clustering: clustering?,
        require_partition_filter: table.require_partition_filter,
        concurrency: table.concurrency,
        timeout: timeout?,
        retry_for: retry_for?,
        partition_expiration: partition_expiration?,
    })
}

fn expiration(checks: &mut Checks<'_, '_>, text: &KeepText, place: &SettingPlace) -> Option<u32> {
    if let Some(days) = days(text) {
        return Some(days);
    }
    checks.problem(
        place,
        format!("\"{}\" is not a number of days", text.0),
        "write for example \"430d\": partitions expire after days, not after calendar months or years",
    );
    None
}

fn days(text: &KeepText) -> Option<u32> {
    match text.0.parse() {
        Ok(Keep::Days(days @ 1..)) => Some(days),
        _ => None,
    }
}

/// Days that partitions must last beyond what any rule keeps, so that a decision of retention comes first.
const NET: u32 = 7;

/// Whether partitions outlast what retention keeps, as far as its rules can be read.
pub(super) fn check_expiration(
    checks: &mut Checks<'_, '_>,
    warehouses: &[WarehouseTable],
    retention: Option<&RetentionTable>,
) {
    let place = SettingPlace::at("retention");
    let mut keeps: Vec<Keep> = Vec::new();
    if let Some(table) = retention {
        let default = (place.key("default"), &table.default);
        let rules = table.rule.iter().enumerate();
        let rules =
            rules.map(|(index, rule)| (place.key("rule").index(index).key("keep"), &rule.keep));
        let written = std::iter::once(default)
            .chain(rules)
            .filter(|(place, _)| checks.is_written(place));
        keeps.extend(written.filter_map(|(_, text)| text.0.parse::<Keep>().ok()));
        if keeps.is_empty() {
            return;
        }
    }
    let ends: Option<Vec<u32>> = keeps.into_iter().map(Keep::most_days).collect();
    let longest = ends.and_then(|days| days.into_iter().max());
    for (index, warehouse) in warehouses.iter().enumerate() {
        let Some(days) = warehouse.partition_expiration.as_ref().and_then(days) else {
            continue;
        };
        let place = SettingPlace::at("warehouse")
            .index(index)
            .key("partition_expiration");
        match longest {
            None => checks.problem(
                &place,
                "would drop records that are kept forever",
                "remove it, or give every rule of [retention] and its default an end",
            ),
            Some(longest) if days < longest.saturating_add(NET) => checks.problem(
                &place,
                format!("must be at least {NET} days longer than the longest retention period, {longest} days"),
                format!("write at least \"{}d\"", longest.saturating_add(NET)),
            ),
            Some(_) => {}
        }
    }
}

fn auth(
    checks: &mut Checks<'_, '_>,
    table: &WarehouseAuthTable,
    place: &SettingPlace,
) -> Option<Auth<SecretRef>> {
    let credentials = match (table.default, &table.service_account, table.none) {
        (Some(true), None, None) => None,
        (None, Some(secret), None) => Some(checks.secret(secret, &place.key("service_account"))?),
        (None, None, Some(true)) if table.impersonate.is_none() => return Some(Auth::None),
        (None, None, Some(true)) => {
            checks.problem(
                &place.key("impersonate"),
                "needs credentials to sign in with first",
                "write default = true or service_account beside it",
            );
            return None;
        }
        _ => {
            checks.problem(
                place,
                "must have exactly one way to sign in",
                "write one of default = true, service_account = { file = \"…\" } and none = true",
            );
            return None;
        }
    };
    let impersonate = match &table.impersonate {
        Some(name) => Some(checks.service_account(name, &place.key("impersonate"))?),
        None => None,
    };
    Some(Auth::Google(GoogleAuth {
        credentials,
        impersonate,
    }))
}

/// The staging location: absent only where the lake itself can be loaded from.
fn staging(
    checks: &mut Checks<'_, '_>,
    table: &WarehouseTable,
    place: &SettingPlace,
    lake_store: Option<StoreKind>,
) -> Option<Option<StoreLocation>> {
    let place = place.key("staging");
    let Some(staging) = &table.staging else {
        if lake_store.is_some_and(|kind| kind != bigquery::LOADS_FROM) {
            checks.problem(
                &place,
                "is missing, but BigQuery cannot load from the store of the lake",
                "write for example staging = { url = \"gs://acme-staging\" }",
            );
            return None;
        }
        return Some(None);
    };
    let staging = lake::check_at(checks, staging, &place)?;
    if StoreKind::from_scheme(staging.url.scheme()) != Some(bigquery::LOADS_FROM) {
        checks.problem(
            &place.key("url"),
            "is not on Google Cloud Storage, the only store that BigQuery loads from",
            "write for example \"gs://acme-staging\"",
        );
        return None;
    }
    Some(Some(staging))
}

fn labels(
    checks: &mut Checks<'_, '_>,
    labels: &BTreeMap<String, String>,
    place: &SettingPlace,
) -> Option<BTreeMap<String, String>> {
    if labels.contains_key(LAKE_LABEL) {
        checks.problem(
            &place.key(LAKE_LABEL),
            "is reserved: it names the lake that a table belongs to",
            "remove it; trailhouse sets it",
        );
        return None;
    }
    if !checks.is_written(place) {
        return None;
    }
    bigquery::labels(checks, labels, place)
}
