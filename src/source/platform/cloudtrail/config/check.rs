//! Checks of the settings of CloudTrail.

use super::{CloudTrailSettings, CloudTrailTable, TrailApi, TrailFeed, TrailPlace};
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::store::{StoreLocation, check_options, check_url};
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
    let regions = names(
        checks,
        &table.regions,
        &place.key("regions"),
        is_region,
        (
            "is not the name of a region",
            "write for example \"eu-central-1\"",
        ),
    );
    let event_sources = event_sources(checks, table, &place.key("event_sources"));
    let reads = match table.feed {
        TrailFeed::Trail => bucket(checks, table, place),
        TrailFeed::Lookup => history(checks, table, place),
    };
    Some(CloudTrailSettings {
        reads: reads?,
        accounts: accounts?,
        regions: regions?,
        event_sources: event_sources?,
    })
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
    if table.event_sources == ["*"] {
        return Some(EventSources::All);
    }
    let is_service = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        text.contains('.') && text.chars().all(fits)
    };
    let named = names(
        checks,
        &table.event_sources,
        place,
        is_service,
        (
            "is not the name of a service",
            "write for example \"states.amazonaws.com\", or [\"*\"] alone for all services",
        ),
    )?;
    if table.feed == TrailFeed::Lookup && named.len() > 1 {
        checks.problem(
            place,
            "names several services, and event history is looked up for one or for all",
            "write one, or [\"*\"], or a source for each",
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
    place: &SettingPlace,
) -> Option<TrailPlace> {
    let url_place = place.key("location");
    let Some(location) = &table.location else {
        checks.problem(
            &url_place,
            "is missing",
            "write for example location = \"s3://acme-trails/prefix\", or feed = \"lookup\"",
        );
        return None;
    };
    let endpoint = endpoint(checks, table, place);
    let url = check_url(checks, location, &url_place);
    let kind = url
        .as_ref()
        .and_then(|url| StoreKind::from_scheme(url.scheme()));
    let options = check_options(checks, &table.options, kind, &place.key("options"));
    if url
        .as_ref()
        .is_some_and(|url| url.path().contains("/AWSLogs"))
    {
        checks.problem(
            &url_place,
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
    let location = StoreLocation {
        url: url?,
        options: options?,
    };
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
        digests: table.follow_digests.then_some(api),
    })
}

fn is_organisation(text: &str) -> bool {
    let id = text.strip_prefix("o-").unwrap_or_default();
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric())
}

fn history(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<TrailPlace> {
    let before = checks.problems.len();
    for (key, is_set) in [
        ("location", table.location.is_some()),
        ("organization", table.organization.is_some()),
    ] {
        if is_set {
            checks.problem(
                &place.key(key),
                "is of a trail, and event history is read",
                "remove it, or write feed = \"trail\"",
            );
        }
    }
    if table.accounts.len() > 1 {
        checks.problem(
            &place.key("accounts"),
            "has several accounts, and event history is that of the credentials' account",
            "write one account, and a source for each of the others with credentials of its own",
        );
    }
    let endpoint = endpoint(checks, table, place)?;
    let options = check_options(
        checks,
        &table.options,
        Some(StoreKind::S3),
        &place.key("options"),
    )?;
    let api = TrailApi { endpoint, options };
    (checks.problems.len() == before).then_some(TrailPlace::History(api))
}

/// The address of the API, if one is set; `None` where a problem was reported.
fn endpoint(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<Option<Url>> {
    match &table.endpoint {
        None => Some(None),
        Some(text) => {
            const FORM: &str = "write for example \"https://cloudtrail.example.com\"";
            check_address(checks, text, FORM, &place.key("endpoint")).map(Some)
        }
    }
}
