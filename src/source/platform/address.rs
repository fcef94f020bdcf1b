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
    /// Checks an address: without a slash at its end, credentials or query. `None` where a problem was reported.
    pub(super) fn check(
        &self,
        checks: &mut Checks<'_, '_>,
        text: &str,
        place: &SettingPlace,
    ) -> Option<Url> {
        let Ok(mut url) = Url::parse(text) else {
            checks.problem(place, "is not a URL", self.form);
            return None;
        };
        let path = url.path().trim_end_matches('/').to_owned();
        let wrong = if !matches!(url.scheme(), "http" | "https") {
            Some(("is neither https nor http", self.form))
        } else if !url.username().is_empty() || url.password().is_some() {
            Some(("contains credentials", "move them to `auth`, by reference"))
        } else if url.query().is_some() || url.fragment().is_some() {
            Some(("contains a query or a fragment", self.form))
        } else if self.beyond.iter().any(|end| path.ends_with(end)) {
            Some(("is not the address of the server alone", self.shorten))
        } else {
            None
        };
        if let Some((wrong, action)) = wrong {
            checks.problem(place, wrong, action);
            return None;
        }
        url.set_path(&path);
        Some(url)
    }
}
