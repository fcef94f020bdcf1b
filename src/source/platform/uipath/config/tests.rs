use super::*;
use crate::config::Config;
use std::path::Path;

const GOOD: &str = r#"version = 1
[lake]
url = "file:///lake"
[signing]
key = { env = "K" }
[[source]]
id = "uipath"
platform = "uipath"
url = "https://cloud.uipath.com/acme/"
feed = "orchestrator"
tenants = ["production"]
start = "2026-01-01"
auth = { bearer = { env = "T" } }
"#;

fn parse(text: &str) -> Result<(UiPathSettings, Vec<String>), Vec<String>> {
    let lines = |problems: &[crate::settings::ConfigProblem]| -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    };
    let config = Config::parse(text.as_bytes(), Path::new("/etc/trailhouse.toml"))
        .map_err(|error| lines(error.problems()))?;
    let settings = config.sources[0].platform.as_any();
    let settings: &UiPathSettings = settings.downcast_ref().unwrap();
    Ok((settings.clone(), lines(&config.warnings)))
}

/// [`GOOD`] with some lines written otherwise, told by their keys.
fn with(lines: &[&str]) -> Result<(UiPathSettings, Vec<String>), Vec<String>> {
    let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
    let (mut head, source) = GOOD.split_once("[[source]]").unwrap();
    let mut kept: Vec<&str> = source.lines().collect();
    for line in lines {
        kept.retain(|old| key(old) != key(line));
    }
    kept.extend(lines.iter().filter(|line| !line.ends_with(" = ")));
    head = head.trim_end();
    parse(&format!("{head}\n[[source]]\n{}\n", kept.join("\n")))
}

#[test]
fn what_is_written_is_read() {
    let (settings, warnings) = with(&[]).unwrap();
    assert_eq!(settings.url.as_str(), "https://cloud.uipath.com/acme");
    assert_eq!(settings.tenants, [Tenant::Named("production".to_owned())]);
    assert_eq!(
        settings.since,
        Some("2026-01-01T00:00:00Z".parse().unwrap())
    );
    assert_eq!((settings.page_size, warnings.len()), (1_000, 0));
    let unified = [
        "feed = \"unified\"",
        "organization = true",
        "tenants = [\"a\", \"b\"]",
    ];
    let (settings, _) = with(&unified).unwrap();
    let named = ["a", "b"].map(|name| Tenant::Named(name.to_owned()));
    assert_eq!(settings.tenants[0], Tenant::All);
    assert_eq!(settings.tenants[1..], named);
    let (settings, _) = with(&["feed = \"unified\"", "organization = true", "tenants = "]).unwrap();
    assert_eq!(settings.tenants, [Tenant::All]);
    for address in [
        "https://orchestrator.example.com",
        "https://suite.example.com/base/acme",
    ] {
        let (settings, _) = with(&[&format!("url = \"{address}\"")]).unwrap();
        assert_eq!(settings.url.as_str().trim_end_matches('/'), address);
    }
    // The address of a tenant's Orchestrator says it all.
    let (settings, _) = with(&[
        "url = \"https://cloud.uipath.com/acme/production/orchestrator_\"",
        "tenants = ",
        "feed = ",
    ])
    .unwrap();
    assert_eq!(settings.url.as_str(), "https://cloud.uipath.com/acme");
    assert_eq!(settings.feed, UiPathFeed::Orchestrator);
    assert_eq!(settings.tenants, [Tenant::Named("production".to_owned())]);
    let store = ["feed = \"long_term_store\"", "settle = \"3d\""];
    assert_eq!(with(&store).unwrap().0.feed, UiPathFeed::LongTermStore);
}

#[test]
fn what_cannot_be_is_reported_at_its_place() {
    for (lines, places) in [
        (&["url = \"ftp://x/acme\""][..], &["`url`"][..]),
        (&["url = \"https://a:b@x/acme\""], &["`url`"]),
        (&["url = \"https://x/acme?a=1\""], &["`url`"]),
        (
            &[
                "url = \"https://x/acme/production/orchestrator_\"",
                "feed = \"unified\"",
            ],
            &["`url`"],
        ),
        (
            &["url = \"https://x/acme/test/orchestrator_\""],
            &["`tenants`"],
        ),
        (&["url = \"https://x/test/orchestrator_\""], &["`url`"]),
        (
            &["url = \"https://x/acme/production/orchestrator_/odata\""],
            &["`url`"],
        ),
        (&["url = \"https://x\"", "feed = \"unified\""], &["`url`"]),
        (&["tenants = [\"a\", \"b\"]"], &["`tenants`"]),
        (&["tenants = "], &["`tenants`"]),
        (&["organization = true"], &["`organization`"]),
        (&["tenants = [\"a/b\"]"], &["`tenants[1]`"]),
        (&["tenants = [\"..\"]"], &["`tenants[1]`"]),
        (
            &["feed = \"unified\"", "tenants = [\"a\", \"a\"]"],
            &["`tenants[2]`"],
        ),
        (&["feed = \"unified\"", "tenants = "], &["`tenants`"]),
        (
            &["feed = \"long_term_store\"", "start = \"earliest\""],
            &["`settle`", "`start`"],
        ),
        // One mistake is one problem.
        (
            &["feed = \"audit\"", "tenants = [\"a\", \"b\"]"],
            &["`feed`"],
        ),
    ] {
        let problems = with(lines).unwrap_err();
        assert_eq!(problems.len(), places.len(), "{lines:?}: {problems:?}");
        for (problem, place) in problems.iter().zip(places) {
            assert!(problem.contains(place), "{lines:?}: {problem}");
        }
    }
}

#[test]
fn a_scope_that_the_feed_refuses_is_a_warning() {
    let auth = |scope: &str| {
        format!(
            "auth = {{ client_credentials = {{ token_url = \"https://x/token\", client_id = \"c\", client_secret = {{ env = \"S\" }}{scope} }} }}"
        )
    };
    for (feed, scope, warned) in [
        ("orchestrator", ", scope = \"OR.Audit.Read\"", false),
        ("orchestrator", ", scope = \"OR.Jobs OR.Audit\"", false),
        ("orchestrator", ", scope = \"PM.Audit.Read\"", true),
        ("unified", ", scope = \"OR.Audit.Read\"", true),
        ("unified", ", scope = \"PM.Audit.Read\"", false),
        ("unified", "", false),
    ] {
        let (_, warnings) = with(&[&format!("feed = \"{feed}\""), &auth(scope)]).unwrap();
        assert_eq!(
            warnings.len(),
            usize::from(warned),
            "{feed} {scope}: {warnings:?}"
        );
    }
}
