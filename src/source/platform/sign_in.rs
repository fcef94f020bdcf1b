//! How to sign in, as it is written.

use crate::http::Auth;
use crate::settings::SecretRef;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::tables::AuthTable;

/// Checks a table `auth`; `None` where a problem was reported.
pub(super) fn check(
    checks: &mut Checks<'_, '_>,
    table: &AuthTable,
    place: &SettingPlace,
) -> Option<Auth<SecretRef>> {
    if let Some(bearer) = &table.bearer {
        return checks
            .secret(bearer, &place.key("bearer"))
            .map(Auth::Bearer);
    }
    if let Some(basic) = &table.basic {
        let place = place.key("basic");
        let name = &basic.username;
        // RFC 7617, section 2: the first colon ends the user name.
        let valid = !name.is_empty() && !name.contains(|c: char| c == ':' || c.is_control());
        if !valid {
            checks.problem(
                &place.key("username"),
                "is not a user name",
                "write a name without colons and control characters",
            );
        }
        let password = checks.secret(&basic.password, &place.key("password"))?;
        return valid.then(|| Auth::Basic {
            username: name.clone(),
            password,
        });
    }
    match table.none {
        Some(true) => Some(Auth::None),
        Some(false) => {
            checks.problem(
                &place.key("none"),
                "is false, but no credential is given",
                "write for example auth = { bearer = { env = \"KESTRA_TOKEN\" } }",
            );
            None
        }
        // The schema asks for exactly one way and has reported this.
        None => None,
    }
}
