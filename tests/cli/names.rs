//! Names of the configuration: a mistyped one gets a suggestion, and shells complete them.

use super::{code, json, told, trailhouse};
use std::path::Path;

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

/// What the script of bash is answered for these words, of which the last is completed.
fn completed(folder: &Path, words: &[&str]) -> Vec<String> {
    let output = trailhouse(folder)
        .env("TRAILHOUSE_COMPLETE", "bash")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .args(["--", "trailhouse"])
        .args(words)
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", told(&output));
    assert!(output.stderr.is_empty(), "{}", told(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn names_of_the_configuration_are_completed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("trailhouse.toml"), CONFIG).unwrap();
    let other = CONFIG.replace("kestra-prod", "kestra-test");
    std::fs::write(path.join("other.toml"), other).unwrap();
    assert_eq!(completed(path, &["run", "--source", ""]), ["kestra-prod"]);
    assert_eq!(
        completed(path, &["plan", "--source", "kes"]),
        ["kestra-prod"]
    );
    assert_eq!(
        completed(path, &["-c", "other.toml", "run", "--source", ""]),
        ["kestra-test"]
    );
    assert_eq!(
        completed(path, &["warehouse", "load", "--warehouse", ""]),
        ["bq"]
    );
    let categories = completed(path, &["hold", "add", "X", "--category", "auth"]);
    assert_eq!(categories, ["authentication"]);
    let commands = completed(path, &["warehouse", "re"]);
    assert_eq!(commands, ["reconcile", "rebuild"]);
    #[cfg(feature = "query")]
    {
        std::fs::create_dir_all(path.join("sql/views")).unwrap();
        std::fs::write(path.join("sql/views/failed_logins.sql"), "SELECT 1").unwrap();
        let files = completed(path, &["query", "-f", ""]);
        assert_eq!(files[0], "sql/views/failed_logins.sql", "{files:?}");
    }
}

#[test]
fn without_a_configuration_nothing_is_completed_and_nothing_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(completed(path, &["run", "--source", ""]).is_empty());
    std::fs::write(path.join("trailhouse.toml"), "version = ").unwrap();
    assert!(completed(path, &["run", "--source", ""]).is_empty());
}
