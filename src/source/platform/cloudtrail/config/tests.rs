//! Configurations of trails and of event history.

use super::*;
use crate::config::{Config, ConfigError};
use crate::source::Axis;
use crate::source::Wording;
use std::path::Path;
use std::time::Duration;

/// A configuration with this `[[source]]`, beside what every one has.
fn parse(source: &str) -> Result<Config, ConfigError> {
    let text = format!(
        "version = 1\n[lake]\nurl = \"memory:///\"\n[signing]\nunsigned = true\n[[source]]\nid = \"aws\"\n\
         platform = \"cloudtrail\"\nstart = \"earliest\"\n{source}"
    );
    Config::parse(text.as_bytes(), Path::new("/etc/t/trailhouse.toml"))
}

fn config(source: &str) -> Config {
    parse(source).unwrap_or_else(|error| panic!("{error:?}"))
}

fn opening() -> Opening {
    Opening {
        concurrency: 2,
        timeout: Duration::from_secs(1),
        patience: Duration::ZERO,
        max_response: 1 << 20,
        wording: Wording::Kept,
    }
}

const PLACES: &str = "accounts = [\"123456789012\", \"210987654321\"]\nregions = [\"eu-central-1\", \"us-east-1\"]\n";

#[test]
fn a_trail_has_a_feed_for_each_account_and_region() {
    let config = config(&format!(
        "bucket = {{ url = \"s3://trails/main\", options = {{ aws_region = \"eu-central-1\", aws_secret_access_key = \
         {{ env = \"S\" }} }} }}\norganization = \"o-abc\"\n{PLACES}event_sources = \"all\"\n"
    ));
    let platform = &config.sources[0].platform;
    let names: Vec<String> = platform.tenants().iter().map(Tenant::to_string).collect();
    assert_eq!(
        names,
        [
            "o-abc/123456789012/eu-central-1",
            "o-abc/123456789012/us-east-1",
            "o-abc/210987654321/eu-central-1",
            "o-abc/210987654321/us-east-1",
        ]
    );
    assert_eq!(platform.secrets()[0].noun, "aws_secret_access_key");
    let endpoints = platform.endpoints();
    assert_eq!(
        endpoints[0].url.as_str(),
        "https://s3.eu-central-1.amazonaws.com/"
    );
    let settings: &CloudTrailSettings = platform.as_any().downcast_ref().unwrap();
    assert_eq!(settings.event_sources, EventSources::All);
}

#[tokio::test]
async fn each_feed_is_opened_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path()).unwrap();
    for (source, axis) in [
        (
            format!("bucket = {{ url = \"{url}\" }}\n{PLACES}"),
            Axis::Arrival,
        ),
        (
            "lookup = { region = \"eu-central-1\" }\naccounts = [\"123456789012\"]\n".to_owned(),
            Axis::Event,
        ),
    ] {
        let config = config(&source);
        let opened = config.sources[0].platform.open(&opening()).unwrap();
        assert_eq!(opened.capabilities().axis, axis);
        assert_eq!(opened.tenants(), config.sources[0].platform.tenants());
    }
}

#[test]
fn what_cannot_work_is_said_with_what_to_write() {
    let one = "accounts = [\"123456789012\"]\nregions = [\"eu-central-1\"]\n";
    for (source, what) in [
        (one.to_owned(), "is missing"),
        (format!("bucket = {{ url = \"trails\" }}\n{one}"), "is not a URL"),
        (
            format!("bucket = {{ url = \"s3://trails/AWSLogs/123456789012\" }}\n{one}"),
            "is not the location of the trail alone",
        ),
        (
            format!("bucket = {{ url = \"s3://t\" }}\norganization = \"acme\"\n{one}"),
            "is not the id of an organization",
        ),
        (
            "bucket = { url = \"s3://t\" }\naccounts = [\"acme\"]\nregions = [\"eu-central-1\"]\n".to_owned(),
            "is not the id of an account",
        ),
        (
            "bucket = { url = \"s3://t\" }\naccounts = [\"123456789012\"]\nregions = [\"Frankfurt\"]\n".to_owned(),
            "is not the name of a region",
        ),
        (
            "bucket = { url = \"s3://t\" }\naccounts = [\"123456789012\", \"123456789012\"]\nregions = [\"eu-central-1\"]\n"
                .to_owned(),
            "is listed twice",
        ),
        (
            format!("bucket = {{ url = \"s3://t\" }}\nevent_sources = [\"*\", \"s3.amazonaws.com\"]\n{one}"),
            "is not the name of a service",
        ),
        (
            format!("bucket = {{ url = \"s3://t\", options = {{ google_base_url = \"x\" }} }}\n{one}"),
            "is not an option of a s3:// store",
        ),
        (
            format!("bucket = {{ url = \"s3://t\", options = {{ aws_secret_access_key = \"x\" }} }}\n{one}"),
            "is a secret, which must not be in this file",
        ),
        (
            format!("lookup = {{}}\nbucket = {{ url = \"s3://t\" }}\n{one}"),
            "stands beside `bucket`",
        ),
        (
            format!("lookup = {{}}\norganization = \"o-abc\"\n{one}"),
            "is of a trail, and event history is read",
        ),
        (
            format!("lookup = {{ region = \"us-east-1\" }}\n{one}"),
            "stands beside `regions`",
        ),
        (
            "lookup = { region = \"Ohio\" }\naccounts = [\"123456789012\"]\n".to_owned(),
            "is not the name of a region",
        ),
        (
            "lookup = {}\naccounts = [\"123456789012\"]\n".to_owned(),
            "is missing",
        ),
        (format!("lookup = {{}}\n{PLACES}"), "has several accounts"),
        (
            format!("lookup = {{}}\nevent_sources = [\"a.b\", \"c.d\"]\n{one}"),
            "names several services",
        ),
        (
            format!("lookup = {{ endpoint = \"cloudtrail\" }}\n{one}"),
            "is not a URL",
        ),
    ] {
        let ConfigError::Problems { problems, .. } = parse(&source).unwrap_err() else {
            panic!("{source}");
        };
        let said: Vec<&str> = problems.iter().map(|it| it.what.as_str()).collect();
        assert!(said.len() == 1 && said[0].contains(what), "{source}: {said:?}");
    }
}
