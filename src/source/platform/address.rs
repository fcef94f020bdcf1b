//! The address of a platform's own server, as it is configured.

use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use url::Url;

/// How the address of a server is written.
pub(super) struct ServerAddress {
    /// What to do about one that is wrong: an example.
    pub(super) form: &'static str,
    /// Paths of the interface and of its pages, which the address does not end with.
    pub(super) beyond: &'static [&'static str],
    /// What to do about one that ends with such a path.
    pub(super) shorten: &'static str,
}

impl ServerAddress {
    /// Checks an address as [`check_address`] does, and that it ends where the server does. `None` where a problem
    /// was reported.
    pub(super) fn check(
        &self,
        checks: &mut Checks<'_, '_>,
        text: &str,
        place: &SettingPlace,
    ) -> Option<Url> {
        let url = check_address(checks, text, self.form, place)?;
        let mut beyond = self.beyond.iter();
        if beyond.any(|end| url.path().ends_with(end)) {
            checks.problem(
                place,
                "is not the address of the server alone",
                self.shorten,
            );
            return None;
        }
        Some(url)
    }
}

/// Checks the address of a service: without a slash at its end, credentials or query. `form` says how one is written.
/// `None` where a problem was reported.
pub(super) fn check_address(
    checks: &mut Checks<'_, '_>,
    text: &str,
    form: &str,
    place: &SettingPlace,
) -> Option<Url> {
    let Ok(mut url) = Url::parse(text) else {
        checks.problem(place, "is not a URL", form);
        return None;
    };
    let wrong = if !matches!(url.scheme(), "http" | "https") {
        Some(("is neither https nor http", form))
    } else if !url.username().is_empty() || url.password().is_some() {
        Some(("contains credentials", "move them to `auth`, by reference"))
    } else if url.query().is_some() || url.fragment().is_some() {
        Some(("contains a query or a fragment", form))
    } else {
        None
    };
    if let Some((wrong, action)) = wrong {
        checks.problem(place, wrong, action);
        return None;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}
