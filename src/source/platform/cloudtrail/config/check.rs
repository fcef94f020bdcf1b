//! Checks of the settings of CloudTrail.

use super::{
    BucketTable, CloudTrailSettings, CloudTrailTable, EventSourcesTable, LookupTable, TrailApi,
    TrailPlace,
};
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::store::check_options;
use crate::source::platform::address::check_address;
use crate::source::platform::cloudtrail::client::{EventSources, is_account};
use crate::store::StoreKind;
use std::collections::BTreeMap;
use url::Url;

/// What a table says; `None` where a problem was reported.
pub(super) fn check(
    table: &CloudTrailTable,
    checks: &mut Checks<'_, '_>,
    place: &SettingPlace,
) -> Option<CloudTrailSettings> {
    let accounts = names(
        checks,
        &table.accounts,
        &place.key("accounts"),
        is_account,
        (
            "is not the id of an account",
            "write its 12 digits, as text",
        ),
    );
    let regions = regions(checks, table, place);
    let event_sources = event_sources(checks, table, &place.key("event_sources"));
    let reads = match (&table.bucket, &table.lookup) {
        (Some(written), None) => bucket(checks, table, written, place),
        (None, Some(written)) => history(checks, table, written, place),
        (Some(_), Some(_)) => {
            checks.problem(
                &place.key("lookup"),
                "stands beside `bucket`, and a source reads one of them",
                "remove one, or write a source for each",
            );
            None
        }
        (None, None) => {
            checks.problem(
                &place.key("bucket"),
                "is missing",
                "write for example bucket = { url = \"s3://acme-trails/prefix\" }, or lookup = { region = \"eu-central-1\" }",
            );
            None
        }
    };
    Some(CloudTrailSettings {
        reads: reads?,
        accounts: accounts?,
        regions: regions?,
        event_sources: event_sources?,
    })
}

/// The regions, which event history may name in its own table.
fn regions(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<Vec<String>> {
    const UNFIT: (&str, &str) = (
        "is not the name of a region",
        "write for example \"eu-central-1\"",
    );
    let at = place.key("regions");
    let of_lookup = table.lookup.as_ref().and_then(|it| it.region.as_ref());
    match (&table.regions, of_lookup) {
        (Some(regions), None) => names(checks, regions, &at, is_region, UNFIT),
        (None, Some(region)) if is_region(region) => Some(vec![region.clone()]),
        (None, Some(_)) => {
            let (wrong, action) = UNFIT;
            checks.problem(&place.key("lookup").key("region"), wrong, action);
            None
        }
        (Some(_), Some(_)) => {
            checks.problem(
                &place.key("lookup").key("region"),
                "stands beside `regions`",
                "remove one of them",
            );
            None
        }
        (None, None) => {
            checks.problem(
                &at,
                "is missing",
                "write for example regions = [\"eu-central-1\"]",
            );
            None
        }
    }
}

fn is_region(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.contains('-') && text.chars().all(fits)
}

/// Names that are each fit and listed once.
fn names(
    checks: &mut Checks<'_, '_>,
    names: &[String],
    place: &SettingPlace,
    fits: fn(&str) -> bool,
    (wrong, action): (&str, &str),
) -> Option<Vec<String>> {
    let before = checks.problems.len();
    for (index, name) in names.iter().enumerate() {
        if !fits(name) {
            checks.problem(&place.index(index), wrong, action);
        } else if names[..index].contains(name) {
            checks.problem(&place.index(index), "is listed twice", "remove it");
        }
    }
    (checks.problems.len() == before).then(|| names.to_vec())
}

fn event_sources(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<EventSources> {
    let EventSourcesTable::Named(written) = &table.event_sources else {
        return Some(EventSources::All);
    };
    let is_service = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        text.contains('.') && text.chars().all(fits)
    };
    let named = names(
        checks,
        written,
        place,
        is_service,
        (
            "is not the name of a service",
            "write for example \"states.amazonaws.com\", or \"all\" instead of a list",
        ),
    )?;
    if named.is_empty() {
        checks.problem(place, "is empty", "write \"all\" for all services");
        return None;
    }
    if table.lookup.is_some() && named.len() > 1 {
        checks.problem(
            place,
            "names several services, and event history is looked up for one or for all",
            "write one, or \"all\", or a source for each",
        );
        return None;
    }
    Some(EventSources::Only(
        named.into_iter().map(Into::into).collect(),
    ))
}

fn bucket(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    written: &BucketTable,
    place: &SettingPlace,
) -> Option<TrailPlace> {
    let at = place.key("bucket");
    let endpoint = endpoint(checks, table.endpoint.as_deref(), &place.key("endpoint"));
    let location = written.check(checks, &at)?;
    if location.url.path().contains("/AWSLogs") {
        checks.problem(
            &at.key("url"),
            "is not the location of the trail alone",
            "remove `AWSLogs` and what follows",
        );
        return None;
    }
    let organisation = table.organization.as_deref();
    if organisation.is_some_and(|id| !is_organisation(id)) {
        checks.problem(
            &place.key("organization"),
            "is not the id of an organization",
            "write for example \"o-abc123defg\"",
        );
        return None;
    }
    let api = TrailApi {
        endpoint: endpoint?,
        // The credentials of other stores are none of AWS.
        options: match location.url.scheme() {
            "s3" => location.options.clone(),
            _ => BTreeMap::new(),
        },
    };
    Some(TrailPlace::Bucket {
        location,
        organisation: table.organization.clone(),
        warns_of_unread: table.warn_unread,
        digests: table.validate_digests.then_some(api),
    })
}

fn is_organisation(text: &str) -> bool {
    let id = text.strip_prefix("o-").unwrap_or_default();
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric())
}

fn history(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    written: &LookupTable,
    place: &SettingPlace,
) -> Option<TrailPlace> {
    let before = checks.problems.len();
    for (key, is_set, action) in [
        ("organization", table.organization.is_some(), "remove it"),
        ("endpoint", table.endpoint.is_some(), "write it in `lookup`"),
    ] {
        if is_set {
            let wrong = "is of a trail, and event history is read";
            checks.problem(&place.key(key), wrong, action);
        }
    }
    if table.accounts.len() > 1 {
        checks.problem(
            &place.key("accounts"),
            "has several accounts, and event history is that of the credentials' account",
            "write one account, and a source for each of the others with credentials of its own",
        );
    }
    let at = place.key("lookup");
    let endpoint = endpoint(checks, written.endpoint.as_deref(), &at.key("endpoint"))?;
    let kind = Some(StoreKind::S3);
    let options = check_options(checks, &written.options, kind, &at.key("options"))?;
    let api = TrailApi { endpoint, options };
    (checks.problems.len() == before).then_some(TrailPlace::History(api))
}

/// The address of the API, if one is set; `None` where a problem was reported.
fn endpoint(
    checks: &mut Checks<'_, '_>,
    written: Option<&str>,
    place: &SettingPlace,
) -> Option<Option<Url>> {
    const FORM: &str = "write for example \"https://cloudtrail.example.com\"";
    match written {
        None => Some(None),
        Some(text) => check_address(checks, text, FORM, place).map(Some),
    }
}
