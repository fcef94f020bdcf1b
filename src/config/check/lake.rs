//! Checks `[lake]`: an address of a store that we know, and options that this store knows.

use url::Url;

use super::Checks;
use crate::config::StoreLocation;
use crate::config::file::LakeTable;
use crate::settings::problem::SettingPlace;
use crate::settings::store::{check_options, check_url};
use crate::store::StoreKind;

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
    let kind = url
        .as_ref()
        .and_then(|url| StoreKind::from_scheme(url.scheme()));
    if kind == Some(StoreKind::Memory) {
        checks.warn(
            &url_place,
            "a lake in memory is lost when the program ends",
            "use it in tests only",
        );
    }
    let url = url.filter(|_| checks.is_written(&url_place));
    let kind = kind.filter(|_| url.is_some());
    let options = check_options(checks, &table.options, kind, &place.key("options"));
    Some(StoreLocation {
        url: url?,
        options: options?,
    })
}

/// The kind of store that the lake is in, where it is known.
pub(super) fn store_kind(checks: &Checks<'_, '_>, table: &LakeTable) -> Option<StoreKind> {
    let written = checks.is_written(&SettingPlace::at("lake").key("url"));
    let url = Url::parse(&table.url).ok().filter(|_| written)?;
    StoreKind::from_scheme(url.scheme())
}
