//! How Airflow is configured.

use super::client::{Airflow, AirflowDialect};
use super::feed::AirflowFeed;
use super::mapping::AirflowMapping;
use super::profile::PROFILE;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::{NamedSecret, SecretRef};
use crate::source::http::Client;
use crate::source::platform::address::ServerAddress;
use crate::source::platform::sign_in::{self, AuthTable};
use crate::source::platform::{Endpoint, FeedTable, Opening, Platform, PlatformTable};
use crate::source::{Mapping, Source, SourceError, Tenant};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::Arc;
use url::Url;

const ADDRESS: ServerAddress = ServerAddress {
    form: "write for example \"https://airflow.example.com\"",
    beyond: &["/api", "/api/v1", "/api/v2", "/auth", "/home"],
    shorten: "remove `/api` or the path of the page and what follows",
};

/// `[[source]]` of Airflow.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct AirflowTable {
    #[serde(flatten)]
    pub(crate) feed: FeedTable,
    /// Address of the web server (Airflow 2) or API server (Airflow 3), without `/api`.
    #[schemars(example = "https://airflow.example.com")]
    pub(crate) url: String,
    /// Version of the server's API: "v2" for Airflow 3, "v1" for Airflow 2.
    #[schemars(example = &"v2")]
    pub(crate) dialect: AirflowDialect,
    /// How to sign in.
    pub(crate) auth: AuthTable,
}

/// How to reach an Airflow server.
#[derive(Debug, Clone)]
pub struct AirflowSettings {
    /// Address without `/api`, without a slash at its end, without credentials or query.
    pub url: Url,
    /// Which form of the API it speaks.
    pub dialect: AirflowDialect,
    /// How to sign in.
    pub auth: Auth<SecretRef>,
}

impl PlatformTable for AirflowTable {
    fn feed(&self) -> &FeedTable {
        &self.feed
    }

    fn check(
        &self,
        checks: &mut Checks<'_, '_>,
        place: &SettingPlace,
    ) -> Option<Arc<dyn Platform>> {
        Some(Arc::new(check(self, checks, place)?))
    }
}

impl Platform for AirflowSettings {
    fn mapping(&self) -> &dyn Mapping {
        &AirflowMapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        vec![Tenant::All]
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        Endpoint::of(&self.url, &self.auth)
    }

    fn secrets(&self) -> Vec<NamedSecret> {
        self.auth.secrets()
    }

    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError> {
        let settings = opening.http(self.url.clone(), self.auth.lazily_read());
        let client = Client::new(settings, opening.wording)?;
        Ok(Arc::new(AirflowFeed::new(Airflow::new(
            client,
            self.dialect,
        )?)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn check(
    table: &AirflowTable,
    checks: &mut Checks<'_, '_>,
    place: &SettingPlace,
) -> Option<AirflowSettings> {
    let url = ADDRESS.check(checks, &table.url, &place.key("url"));
    let auth_place = place.key("auth");
    let auth = sign_in::check(
        checks,
        &table.auth,
        PROFILE.sign_in,
        url.as_ref(),
        &auth_place,
    );
    if let (Some(url), Some(auth)) = (&url, &auth) {
        sign_in::warn_if_unencrypted(checks, url, auth, &place.key("url"));
    }
    let auth = auth?;
    let wrong = match (&auth, table.dialect) {
        (Auth::Basic { .. }, AirflowDialect::V2) => Some((
            "basic",
            "is not taken by Airflow 3, which gives tokens for user names and passwords",
            "write `password` instead of `basic`, or set dialect = \"v1\" for Airflow 2",
        )),
        (Auth::Password(_), AirflowDialect::V1) => Some((
            "password",
            "asks for a token, and Airflow 2 gives none",
            "write `basic` instead of `password`, or set dialect = \"v2\" for Airflow 3",
        )),
        _ => None,
    };
    if let Some((key, what, action)) = wrong {
        if checks.is_written(&place.key("dialect")) {
            checks.problem(&auth_place.key(key), what, action);
        }
        return None;
    }
    Some(AirflowSettings {
        url: url?,
        dialect: table.dialect,
        auth,
    })
}
