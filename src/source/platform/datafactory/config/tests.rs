use super::*;
use crate::config::Config;
use std::path::Path;

const ID: &str = "aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e";

const AUTH: &str = "auth = { client_credentials = { token_url = \"https://login.microsoftonline.com/acme/oauth2/v2.0/token\", client_id = \"app\", client_secret = { env = \"S\" }, scope = \"https://management.azure.com/.default\" } }";

/// The settings that these lines make, or what is wrong with them.
fn with(lines: &[&str]) -> Result<AzureSettings, Vec<String>> {
    let text = format!(
        "version = 1\n[lake]\nurl = \"file:///lake\"\n[signing]\nkey = {{ env = \"K\" }}\n[[source]]\nid = \"adf\"\nplatform = \"datafactory\"\nstart = \"earliest\"\n{}\n",
        lines.join("\n")
    );
    match Config::parse(text.as_bytes(), Path::new("/etc/trailhouse.toml")) {
        Ok(config) => {
            assert!(config.warnings.is_empty(), "{:?}", config.warnings);
            let settings = config.sources[0].platform.as_any();
            Ok(settings.downcast_ref::<AzureSettings>().unwrap().clone())
        }
        Err(error) => Err(error.problems().iter().map(ToString::to_string).collect()),
    }
}

fn named(name: &str) -> Tenant {
    Tenant::Named(name.to_owned())
}

#[test]
fn what_is_written_is_read() {
    let subscriptions = format!("subscriptions = [\"{}\"]", ID.to_uppercase());
    let log = with(&["feed = \"activity-log\"", &subscriptions, AUTH]).unwrap();
    assert_eq!(log.tenants, [named(ID)]);
    let AzurePlace::Service { feed, url, auth } = log.reads else {
        panic!("{:?}", log.reads);
    };
    assert_eq!(
        (feed, url.as_str()),
        (AzureFeed::ActivityLog, "https://management.azure.com/")
    );
    assert!(matches!(auth, Auth::ClientCredentials(_)));
    // One factory, as it is usually written; and several of them.
    let one = format!("subscription = \"{ID}\"");
    let parts = [
        &one,
        "resource_group = \"Data\"",
        "factory = \"Sales\"",
        AUTH,
    ];
    let log = with(&parts).unwrap();
    assert_eq!(log.tenants, [named(&format!("{ID}/data/sales"))]);
    assert!(matches!(
        log.reads,
        AzurePlace::Service {
            feed: AzureFeed::ActivityLog,
            ..
        }
    ));
    let resource = format!(
        "factories = [\"/subscriptions/{ID}/resourceGroups/Data/providers/Microsoft.DataFactory/factories/Sales\", \"{ID}/data/Stock\"]"
    );
    let runs = with(&["feed = \"pipeline-runs\"", &resource, AUTH]).unwrap();
    let expected = ["sales", "stock"].map(|name| named(&format!("{ID}/data/{name}")));
    assert_eq!(runs.tenants, expected);
    let location = "bucket = { url = \"az://insights-activity-logs\", options = { account_name = \"acme\", account_key = { env = \"A\" } } }";
    let export = with(&[&subscriptions, location]).unwrap();
    assert_eq!(export.secrets().len(), 1);
    let endpoint = &export.endpoints()[0];
    assert_eq!(endpoint.url.host_str(), Some("acme.blob.core.windows.net"));
}

#[test]
fn what_cannot_be_is_reported_at_its_place() {
    let subscriptions = format!("subscriptions = [\"{ID}\"]");
    let one = format!("subscription = \"{ID}\"");
    let twice = format!("subscriptions = [\"{ID}\", \"{}\"]", ID.to_uppercase());
    let factories = format!("factories = [\"{ID}/a\", \"{ID}/a/b/c\", \"x/a/b\", \"{ID}/../b\"]");
    let (log, runs, export) = (
        "feed = \"activity-log\"",
        "feed = \"pipeline-runs\"",
        "feed = \"export\"",
    );
    for (lines, places) in [
        (&[log, &subscriptions][..], &["`auth`"][..]),
        (&[log, AUTH], &["`subscription`"]),
        (&[log, AUTH, &subscriptions, &one], &["`subscriptions`"]),
        (&[log, AUTH, "subscription = \"acme\""], &["`subscription`"]),
        (
            &[log, AUTH, &one, "factory = \"sales\""],
            &["`resource_group`"],
        ),
        (
            &[
                log,
                AUTH,
                &one,
                "resource_group = \"..\"",
                "factory = \"sales\"",
            ],
            &["`factory`"],
        ),
        (&[log, AUTH, &one, &factories], &["`factories`"]),
        (
            &[log, AUTH, "subscriptions = [\"acme\"]"],
            &["`subscriptions[1]`"],
        ),
        (&[log, AUTH, &twice], &["`subscriptions[2]`"]),
        (
            &[log, AUTH, &subscriptions, "url = \"https://a:b@x\""],
            &["`url`"],
        ),
        (
            &[log, AUTH, &subscriptions, "bucket = { url = \"az://x\" }"],
            &["`bucket`"],
        ),
        (&[runs, AUTH, &subscriptions], &["`subscriptions`"]),
        (
            &[runs, AUTH, &factories],
            &[
                "`factories[1]`",
                "`factories[2]`",
                "`factories[3]`",
                "`factories[4]`",
            ],
        ),
        (&[export, &subscriptions], &["`bucket`"]),
        (
            &[
                export,
                &subscriptions,
                AUTH,
                "bucket = { url = \"az://x\" }",
            ],
            &["`auth`"],
        ),
        (
            &[
                export,
                &subscriptions,
                "bucket = { url = \"az://x/resourceId=/y\" }",
            ],
            &["`bucket.url`"],
        ),
        (&["feed = \"audit\"", AUTH], &["`feed`"]),
    ] {
        let problems = with(lines).unwrap_err();
        assert_eq!(problems.len(), places.len(), "{lines:?}: {problems:?}");
        for (problem, place) in problems.iter().zip(places) {
            assert!(problem.contains(place), "{lines:?}: {problem}");
        }
    }
}
