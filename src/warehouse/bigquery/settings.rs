//! What the adapter needs to know, and what it refuses before it asks anybody.

use super::labels::check_labels;
use crate::http::{Auth, GoogleAuth, Retry, is_loopback};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// Where BigQuery is, unless an endpoint is configured.
pub(super) const SERVICE: &str = "https://bigquery.googleapis.com/";

/// Longest name of a dataset.
const DATASET_BYTES: usize = 1024;

/// Which dataset, and how it is reached.
#[derive(Debug, Clone)]
pub struct BigQuerySettings {
    /// Project that holds the dataset.
    pub project: String,
    /// The dataset.
    pub dataset: String,
    /// Where its data is and its jobs run, as the service names it (`EU`, `europe-west1`).
    pub location: String,
    /// Project that runs and pays for the jobs, where it is another one.
    pub billing_project: Option<String>,
    /// Address of a service that stands for BigQuery, without a path.
    pub endpoint: Option<Url>,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// Labels of each job.
    pub labels: BTreeMap<String, String>,
    /// Longest time for one try, from connecting to the last byte.
    pub timeout: Duration,
    /// When to ask again.
    pub retry: Retry,
}

impl BigQuerySettings {
    /// Usual limits: two minutes for a try, application default credentials, no labels.
    pub fn new(project: &str, dataset: &str, location: &str) -> Self {
        Self {
            project: project.to_owned(),
            dataset: dataset.to_owned(),
            location: location.to_owned(),
            billing_project: None,
            endpoint: None,
            auth: Auth::Google(GoogleAuth {
                credentials: None,
                impersonate: None,
            }),
            labels: BTreeMap::new(),
            timeout: Duration::from_secs(120),
            retry: Retry::default(),
        }
    }

    /// The project that runs the jobs.
    pub(super) fn jobs_project(&self) -> &str {
        self.billing_project.as_deref().unwrap_or(&self.project)
    }

    /// The address of the service, after a look at everything.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub(super) fn checked(&self) -> Result<Url, String> {
        for project in [self.project.as_str(), self.jobs_project()] {
            if !is_project(project) {
                return Err(format!("`{project}` is not the id of a project"));
            }
        }
        if !is_dataset(&self.dataset) {
            let dataset = &self.dataset;
            return Err(format!(
                "`{dataset}` is not the name of a dataset: letters, digits and `_` only"
            ));
        }
        if !is_location(&self.location) {
            return Err("the location of the dataset must be said, such as EU".to_owned());
        }
        check_labels(&self.labels)?;
        self.address()
    }

    fn address(&self) -> Result<Url, String> {
        let address = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Url::parse(SERVICE).map_err(|error| error.to_string())?,
        };
        if !matches!(address.scheme(), "http" | "https") || address.host().is_none() {
            return Err("the endpoint must be http or https".to_owned());
        }
        if !address.username().is_empty() || address.password().is_some() {
            return Err("the endpoint must not contain a credential".to_owned());
        }
        if address.path() != "/" || address.query().is_some() {
            return Err("the endpoint must be the address of the server alone".to_owned());
        }
        let signs = !matches!(self.auth, Auth::None);
        if signs && address.scheme() == "http" && !is_loopback(&address) {
            return Err("a token is sent over https only".to_owned());
        }
        Ok(address)
    }
}

/// Whether a text can be the id of a project.
pub(super) fn is_project(text: &str) -> bool {
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | ':');
    !text.is_empty() && text.chars().all(fits)
}

/// Whether a text can be the name of a dataset.
pub(super) fn is_dataset(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.len() <= DATASET_BYTES && text.chars().all(fits)
}

/// Whether a text can be the name of a location.
pub(super) fn is_location(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !text.is_empty() && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> BigQuerySettings {
        BigQuerySettings::new("acme-audit", "audit", "EU")
    }

    #[test]
    fn usual_settings_are_taken() {
        assert_eq!(settings().checked().unwrap().as_str(), SERVICE);
        let mut scoped = settings();
        scoped.project = "acme.example:audit".to_owned();
        scoped.billing_project = Some("acme-jobs".to_owned());
        scoped.checked().unwrap();
        assert_eq!(scoped.jobs_project(), "acme-jobs");
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for (project, dataset, location) in [
            ("", "audit", "EU"),
            ("a`b", "audit", "EU"),
            ("acme", "", "EU"),
            ("acme", "audit.events", "EU"),
            ("acme", "audit", ""),
            ("acme", "audit", "EU?x"),
        ] {
            BigQuerySettings::new(project, dataset, location)
                .checked()
                .unwrap_err();
        }
        let mut labelled = settings();
        labelled.labels.insert("Team".to_owned(), "x".to_owned());
        labelled.checked().unwrap_err();
    }

    #[test]
    fn a_token_goes_nowhere_in_clear() {
        let at = |address: &str, auth| BigQuerySettings {
            endpoint: Some(address.parse().unwrap()),
            auth,
            ..settings()
        };
        for address in [
            "http://127.0.0.1:9050",
            "http://localhost:9050",
            "https://bq.example",
        ] {
            at(address, settings().auth).checked().unwrap();
        }
        at("http://bq.example", Auth::None).checked().unwrap();
        for address in [
            "http://bq.example",
            "ftp://127.0.0.1",
            "https://u:p@bq.example",
            "https://bq.example/bigquery/v2",
        ] {
            at(address, settings().auth).checked().unwrap_err();
        }
    }
}
