//! How to sign in to a platform: which ways there are, how each is written, and what it means.

mod table;
#[cfg(test)]
mod tests;
mod ways;

pub(crate) use table::AuthTable;
use table::{ClientCredentialsTable, HeaderTable, UserTable};
pub use ways::SignInWay;
pub(super) use ways::narrow;

use crate::http::{Auth, ClientCredentials, GoogleAuth, PasswordLogin, is_loopback};
use crate::settings::SecretRef;
use crate::settings::checks::Checks;
use crate::settings::inline::as_toml;
use crate::settings::problem::SettingPlace;
use reqwest::header::{AUTHORIZATION, HeaderName};
use url::Url;

/// Fields of a token request that the grant itself has.
const OF_GRANT: [&str; 4] = ["grant_type", "client_id", "client_secret", "scope"];

/// Checks a table `auth`, for a platform at `address` that knows these ways; `None` where a problem was
/// reported.
pub(super) fn check(
    checks: &mut Checks<'_, '_>,
    table: &AuthTable,
    ways: &[SignInWay],
    address: Option<&Url>,
    place: &SettingPlace,
) -> Option<Auth<SecretRef>> {
    let mut written = ways.iter().filter(|way| table.has(**way));
    let way = written.next();
    if ways.iter().any(|way| way.is_google()) && (way.is_none() || written.next().is_some()) {
        // The schema cannot ask for one of several keys where `impersonate` may stand beside them.
        let keys: Vec<&str> = ways.iter().map(|way| way.key()).collect();
        checks.problem(
            place,
            "must have exactly one way to sign in",
            format!("write one of: {}", keys.join(", ")),
        );
        return None;
    }
    // Elsewhere the schema asks for exactly one way and has reported this.
    let way = *way?;
    let key = place.key(way.key());
    match way {
        SignInWay::Bearer { .. } => {
            let token = checks.secret(table.bearer.as_ref()?, &key)?;
            Some(Auth::Bearer(token))
        }
        SignInWay::Basic { .. } => {
            let (username, password) = user(checks, table.basic.as_ref()?, &key)?;
            Some(Auth::Basic { username, password })
        }
        SignInWay::Header { .. } => header(checks, table.header.as_ref()?, &key),
        SignInWay::Password { login, .. } => {
            let (username, password) = user(checks, table.password.as_ref()?, &key)?;
            Some(Auth::Password(PasswordLogin {
                url: below(address?, login),
                username,
                password,
            }))
        }
        SignInWay::ClientCredentials { .. } => {
            client_credentials(checks, table.client_credentials.as_ref()?, &key)
                .map(Auth::ClientCredentials)
        }
        SignInWay::GoogleDefault => {
            given(checks, table.default, ways, &key)?;
            google(checks, table, None, place)
        }
        SignInWay::ServiceAccount { .. } => {
            let credentials = checks.secret(table.service_account.as_ref()?, &key)?;
            google(checks, table, Some(credentials), place)
        }
        SignInWay::None if table.impersonate.is_some() => {
            checks.problem(
                &place.key("impersonate"),
                "needs credentials to sign in with first",
                "write default = true or service_account beside it",
            );
            None
        }
        SignInWay::None => given(checks, table.none, ways, &key).map(|()| Auth::None),
    }
}

/// Warns where a credential goes over the network unencrypted to `address`, which the setting at `place` names.
pub(super) fn warn_if_unencrypted(
    checks: &mut Checks<'_, '_>,
    address: &Url,
    auth: &Auth<SecretRef>,
    place: &SettingPlace,
) {
    if address.scheme() == "http" && !is_loopback(address) && *auth != Auth::None {
        checks.warn(
            place,
            "sends the credential over the network unencrypted",
            "use https",
        );
    }
}

impl AuthTable {
    fn has(&self, way: SignInWay) -> bool {
        match way {
            SignInWay::Bearer { .. } => self.bearer.is_some(),
            SignInWay::Basic { .. } => self.basic.is_some(),
            SignInWay::Header { .. } => self.header.is_some(),
            SignInWay::Password { .. } => self.password.is_some(),
            SignInWay::ClientCredentials { .. } => self.client_credentials.is_some(),
            SignInWay::GoogleDefault => self.default.is_some(),
            SignInWay::ServiceAccount { .. } => self.service_account.is_some(),
            SignInWay::None => self.none.is_some(),
        }
    }
}

/// Whether a switch is on; it is not there to be switched off.
fn given(
    checks: &mut Checks<'_, '_>,
    switch: Option<bool>,
    ways: &[SignInWay],
    place: &SettingPlace,
) -> Option<()> {
    if switch == Some(true) {
        return Some(());
    }
    let action = match ways.first() {
        Some(way) => {
            let example = as_toml(&way.example_table());
            format!("write for example auth = {example}")
        }
        None => "remove it".to_owned(),
    };
    checks.problem(place, "is false, but no credential is given", action);
    None
}

fn user(
    checks: &mut Checks<'_, '_>,
    table: &UserTable,
    place: &SettingPlace,
) -> Option<(String, SecretRef)> {
    let name = &table.username;
    // RFC 7617, section 2: the first colon ends the user name.
    let valid = !name.is_empty() && !name.contains(|c: char| c == ':' || c.is_control());
    if !valid {
        checks.problem(
            &place.key("username"),
            "is not a user name",
            "write a name without colons and control characters",
        );
    }
    let password = checks.secret(&table.password, &place.key("password"))?;
    valid.then(|| (name.clone(), password))
}

fn header(
    checks: &mut Checks<'_, '_>,
    table: &HeaderTable,
    place: &SettingPlace,
) -> Option<Auth<SecretRef>> {
    let name = HeaderName::from_bytes(table.name.as_bytes()).ok();
    let name = name.filter(|name| *name != AUTHORIZATION);
    if name.is_none() {
        checks.problem(
            &place.key("name"),
            "is not the name of a header of its own",
            "write for example \"X-Api-Key\"; `bearer` and `basic` are for Authorization",
        );
    }
    let key = checks.secret(&table.key, &place.key("key"))?;
    Some(Auth::Header { name: name?, key })
}

fn client_credentials(
    checks: &mut Checks<'_, '_>,
    table: &ClientCredentialsTable,
    place: &SettingPlace,
) -> Option<ClientCredentials<SecretRef>> {
    let token_url = token_url(checks, &table.token_url, &place.key("token_url"));
    let before = checks.problems.len();
    let is_text = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
    if !is_text(&table.client_id) {
        checks.problem(
            &place.key("client_id"),
            "is not the id of an application",
            "write the id that the platform shows for it",
        );
    }
    if table.scope.as_deref().is_some_and(|scope| !is_text(scope)) {
        checks.problem(
            &place.key("scope"),
            "is not a list of scopes",
            "write scopes separated by spaces, or remove it",
        );
    }
    for name in table.extra.keys() {
        if OF_GRANT.contains(&name.as_str()) {
            checks.problem(
                &place.key("extra").key(name),
                "is a field that every request of this kind has",
                "remove it; the client id, the secret and the scope have settings of their own",
            );
        }
    }
    let client_secret = checks.secret(&table.client_secret, &place.key("client_secret"))?;
    let token_url = token_url?;
    (checks.problems.len() == before).then(|| ClientCredentials {
        token_url,
        client_id: table.client_id.clone(),
        client_secret,
        scope: table.scope.clone(),
        extra: table.extra.clone(),
    })
}

fn token_url(checks: &mut Checks<'_, '_>, text: &str, place: &SettingPlace) -> Option<Url> {
    const FORM: &str = "write for example \"https://login.example.com/oauth2/token\"";
    let Ok(url) = Url::parse(text) else {
        checks.problem(place, "is not a URL", FORM);
        return None;
    };
    let wrong = if !matches!(url.scheme(), "http" | "https") {
        ("is neither https nor http", FORM)
    } else if !url.username().is_empty() || url.password().is_some() {
        (
            "contains credentials",
            "move them to `client_id` and `client_secret`",
        )
    } else if url.fragment().is_some() {
        ("contains a fragment", FORM)
    } else {
        if url.scheme() == "http" && !is_loopback(&url) {
            checks.warn(
                place,
                "sends the secret of the application over the network unencrypted",
                "use https",
            );
        }
        return Some(url);
    };
    checks.problem(place, wrong.0, wrong.1);
    None
}

fn google(
    checks: &mut Checks<'_, '_>,
    table: &AuthTable,
    credentials: Option<SecretRef>,
    place: &SettingPlace,
) -> Option<Auth<SecretRef>> {
    let impersonate = match &table.impersonate {
        Some(name) => Some(checks.service_account(name, &place.key("impersonate"))?),
        None => None,
    };
    Some(Auth::Google(GoogleAuth {
        credentials,
        impersonate,
    }))
}

/// The address of a path below another address.
fn below(address: &Url, path: &str) -> Url {
    let mut url = address.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}
