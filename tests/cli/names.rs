//! A name that nothing has is met with the names like it.

use super::{code, json, told, trailhouse};

const CONFIG: &str = r#"version = 1
[lake]
url = "file:///tmp"
[signing]
unsigned = true
[[source]]
id = "kestra-prod"
platform = "kestra"
url = "https://kestra.example.com"
dialect = "v2"
tenants = ["main"]
auth = { none = true }
start = "2026-01-01"
[[warehouse]]
name = "bq"
kind = "bigquery"
project = "acme-audit"
dataset = "audit"
location = "EU"
auth = { none = true }
endpoint = "http://127.0.0.1:9"
[warehouse.staging]
url = "gs://acme-staging"
"#;

#[test]
fn a_mistyped_name_gets_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trailhouse.toml"), CONFIG).unwrap();
    for (args, happened, action) in [
        (
            &["run", "--source", "kestr"][..],
            "no source is called `kestr`",
            "did you mean `kestra-prod`?",
        ),
        (
            &["plan", "--source", "airflow"],
            "no source is called `airflow`",
            "use one of: kestra-prod",
        ),
        (
            &["warehouse", "status", "--warehouse", "bqq"],
            "no warehouse is called `bqq`",
            "did you mean `bq`?",
        ),
    ] {
        let output = trailhouse(folder.path())
            .args(args)
            .args(["--output", "json"])
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{}", told(&output));
        let error = &json(&output)["error"];
        assert_eq!(error["happened"], happened, "{}", told(&output));
        assert_eq!(error["do"], action, "{}", told(&output));
    }
}
