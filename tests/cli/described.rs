//! An API that the configuration describes, by the program: `init` writes it, `run` reads it, `status` and `doctor` say
//! what that cannot prove.

use super::{code, json, told, trailhouse};
use chrono::{TimeDelta, Utc};
use std::fs;
use std::path::Path;
use tokio::net::TcpListener;
use trailhouse::config::Config;
use trailhouse_demo::http::{AuditApi, Dialect, Options, Paging, Record};

/// What reads [`Dialect::Plain`] at an address, and what is said of windows and totals.
fn described(url: &str, window: &str, records: &str) -> String {
    format!(
        r#"version = 1
[lake]
url = "file://LAKE"
[signing]
unsigned = true
[[source]]
id = "api"
platform = "http"
url = "{url}"
auth = {{ bearer = {{ file = "token" }} }}
start = "{start}"
request = {{ path = "/records" }}
paging = {{ kind = "offset", send = {{ query = "offset" }}, size = {{ query = "limit" }} }}
{window}
records = {{ items = "/list", id = "/key", time = "/at", time_format = "micros", {records} }}
columns = {{ action = "/what" }}
"#,
        start = (Utc::now() - TimeDelta::days(2)).date_naive()
    )
}

fn prepared(folder: &Path, text: &str) {
    fs::create_dir(folder.join("lake")).unwrap();
    fs::write(folder.join("token"), "demo-token").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder.join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let lake = folder.join("lake");
    let text = text.replace("LAKE", &lake.display().to_string());
    fs::write(folder.join("trailhouse.toml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_doctor_say_what_cannot_be_proven() {
    let log = AuditApi::new(&Options {
        now: None,
        ..Options::new(Dialect::Plain(Paging::Offset), Utc::now())
    });
    for n in 0..30 {
        log.push(Record::at(
            format!("r{n}"),
            Utc::now() - TimeDelta::minutes(10 + n),
        ));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = log.serve(listener).unwrap();
    let both = "window = { from = { query = \"from\" }, to = { query = \"until\" }, digits = 6 }";
    for (window, records, limits, filters, doctor) in [
        (both, "total = \"/found\"", &[][..], "applies filters", None),
        (
            both,
            "order = \"unknown\"",
            &["no_total"],
            "applies filters",
            None,
        ),
        (
            "",
            "order = \"unknown\"",
            &["no_total", "no_window_filter", "no_order"],
            "without a filter of time",
            Some("each window reads all of it"),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        prepared(folder, &described(&serving.url(), window, records));
        let run = trailhouse(folder).arg("run").output().unwrap();
        assert_eq!(code(&run), 0, "{}", told(&run));
        let status = trailhouse(folder).arg("status").output().unwrap();
        let text = told(&status);
        assert!(text.contains("30 events"), "{text}");
        assert_eq!(text.matches("unproven").count(), limits.len(), "{text}");
        let status = trailhouse(folder)
            .args(["status", "--output", "json"])
            .output()
            .unwrap();
        let source = json(&status)["sources"][0].clone();
        let said: Vec<&str> = source["limits"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|limit| limit.as_str())
            .collect();
        assert_eq!(said, limits);
        let found = told(&trailhouse(folder).arg("doctor").output().unwrap());
        assert!(found.contains(filters), "{found}");
        assert!(doctor.is_none_or(|said| found.contains(said)), "{found}");
        assert!(!found.contains("demo-token"));
    }
}

#[test]
fn init_writes_a_description_that_lacks_only_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path())
        .args([
            "init",
            "--lake",
            "gs://acme-audit/trailhouse",
            "--platform",
            "http",
        ])
        .args([
            "--set",
            "url=https://api.example.com",
            "--set",
            "request.path=/v1/log",
        ])
        .args([
            "--set",
            "records.items=/data",
            "--set",
            "window.from.query=since",
        ])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", told(&output));
    let path = folder.path().join("trailhouse.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("request = { path = \"/v1/log\" }"), "{text}");
    assert!(text.contains("# paging = "), "{text}");
    assert!(Config::load(&path).unwrap().warnings.is_empty(), "{text}");
}
