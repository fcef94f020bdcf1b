//! Checks `[lake]`: an address of a store that we know, and options that this store knows.

use url::Url;

use super::Checks;
use crate::config::StoreLocation;
use crate::config::file::LakeTable;
use crate::settings::problem::SettingPlace;
use crate::settings::store::{SCHEMES, check_options, check_url};

pub(super) fn check(checks: &mut Checks<'_, '_>, table: &LakeTable) -> Option<StoreLocation> {
    check_at(checks, table, &SettingPlace::at("lake"))
}

/// Checks a table of the same form that stands elsewhere.
pub(super) fn check_at(
    checks: &mut Checks<'_, '_>,
    table: &LakeTable,
    place: &SettingPlace,
) -> Option<StoreLocation> {
    let url_place = place.key("url");
    let url = check_url(checks, &table.url, &url_place);
    if url.as_ref().is_some_and(|url| url.scheme() == "memory") {
        checks.warn(
            &url_place,
            "a lake in memory is lost when the program ends",
            "use it in tests only",
        );
    }
    let url = url.filter(|_| checks.is_written(&url_place));
    let scheme = url.as_ref().map(Url::scheme);
    let options = check_options(checks, &table.options, scheme, &place.key("options"));
    Some(StoreLocation {
        url: url?,
        options: options?,
    })
}

/// The kind of store that the lake is in, where it is known.
pub(super) fn scheme(checks: &Checks<'_, '_>, table: &LakeTable) -> Option<String> {
    let written = checks.is_written(&SettingPlace::at("lake").key("url"));
    let url = Url::parse(&table.url).ok().filter(|_| written)?;
    SCHEMES
        .contains(&url.scheme())
        .then(|| url.scheme().to_owned())
}
