//! Tests of the configuration as a whole. The messages about broken files are snapshots of the
//! command line's tests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::event::redact::{RedactionAction, RedactionTarget};
use crate::event::schema::Classification;
use crate::source::platform::kestra::KestraSettings;

const GOOD: &str = r#"version = 1
[lake]
url = "memory:///"
[signing]
key = { file = "keys/writer.key" }
[[source]]
id = "kestra-prod"
platform = "kestra"
url = "https://kestra.example.com/"
dialect = "v2"
tenants = ["main"]
auth = { bearer = { env = "KESTRA_TOKEN" } }
start = "2026-01-01"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(
        text.as_bytes(),
        Path::new("/etc/trailhouse/trailhouse.toml"),
    )
}

/// [`GOOD`] with one line written otherwise, and whether that is accepted.
fn with(line: &str) -> Result<Config, ConfigError> {
    let key = line.split_once(" = ").map_or(line, |(key, _)| key);
    let replaced: Vec<&str> = GOOD
        .lines()
        .map(|old| {
            if old.starts_with(&format!("{key} = ")) {
                line
            } else {
                old
            }
        })
        .collect();
    let mut text = replaced.join("\n");
    if !text.contains(line) {
        text = format!("{text}\n{line}\n");
    }
    parse(&text)
}

fn problems(result: Result<Config, ConfigError>) -> Vec<String> {
    let error = result.unwrap_err();
    error
        .problems()
        .iter()
        .map(ConfigProblem::to_string)
        .collect()
}

#[test]
fn defaults_stand_where_nothing_is_written() {
    let config = parse(GOOD).unwrap();
    let source = &config.sources[0];
    assert_eq!(source.settle, Duration::from_secs(300));
    assert_eq!(source.overlap, Duration::from_secs(1_800));
    assert_eq!(
        source.requests,
        RequestBounds {
            concurrency: 4,
            timeout: Duration::from_secs(120),
            retry_for: Duration::from_secs(300),
            max_response: 32 << 20,
        }
    );
    assert_eq!(
        config.run,
        Run {
            deadline: Duration::from_secs(3_000),
            memory: 256 << 20,
            chunk_rows: 250_000,
            chunk_time: Duration::from_secs(300),
        }
    );
    assert!(config.redaction.rules.is_empty());
    assert!(config.lake.options.is_empty());
}

#[test]
fn the_digest_is_that_of_the_file() {
    assert_eq!(parse(GOOD).unwrap().sha256, Digest::of(GOOD.as_bytes()));
    let other = format!("{GOOD}# a comment\n");
    assert_ne!(parse(&other).unwrap().sha256, parse(GOOD).unwrap().sha256);
}

#[test]
fn secrets_are_places_and_paths_start_at_the_folder_of_the_file() {
    let config = parse(GOOD).unwrap();
    let key = |path: &str| Signing::Key {
        key: SecretRef::File(PathBuf::from(path)),
        public_key: None,
    };
    assert_eq!(config.signing, key("/etc/trailhouse/keys/writer.key"));
    let config = with("key = { file = \"/run/key\" }").unwrap();
    assert_eq!(config.signing, key("/run/key"));
}

#[test]
fn who_only_reads_names_the_public_key_alone() {
    let key = "key = { file = \"keys/writer.key\" }";
    let public = "public_key = { file = \"keys/writer.key.pub\" }";
    let place = SecretRef::File(PathBuf::from("/etc/trailhouse/keys/writer.key.pub"));
    let config = parse(&GOOD.replace(key, public)).unwrap();
    assert_eq!(config.signing, Signing::PublicKey(place.clone()));
    let config = parse(&GOOD.replace(key, &format!("{key}\n{public}"))).unwrap();
    let Signing::Key { public_key, .. } = config.signing else {
        panic!("{:?}", config.signing);
    };
    assert_eq!(public_key, Some(place));
    let unsigned = format!("{key}\n{public}\nunsigned = true");
    assert_eq!(
        problems(parse(&GOOD.replace(key, &unsigned))),
        ["line 7, `unsigned` in [signing]: cannot be combined with `key` and `public_key`"]
    );
    assert_eq!(
        problems(parse(&GOOD.replace(key, ""))),
        ["line 4, [signing]: needs one of: key, public_key, unsigned"]
    );
    let broken = "key = { env = \"\" }\npublic_key = { env = \"a=b\" }";
    assert_eq!(problems(parse(&GOOD.replace(key, broken))).len(), 2);
}

#[test]
fn a_start_is_a_date_an_instant_or_the_earliest() {
    let at = |text: &str| Start::At(DateTime::parse_from_rfc3339(text).unwrap().to_utc());
    for (text, start) in [
        ("earliest", Start::Earliest),
        ("2024-02-29", at("2024-02-29T00:00:00Z")),
        ("2026-01-01T06:00:00Z", at("2026-01-01T06:00:00Z")),
        ("2026-01-01T06:00:00.5+02:00", at("2026-01-01T04:00:00.5Z")),
    ] {
        let config = with(&format!("start = \"{text}\"")).unwrap();
        assert_eq!(config.sources[0].start, start, "{text}");
    }
    for text in [
        "",
        "2026-1-1",
        "2023-02-29",
        "2026-01-01T06:00:00",
        "latest",
        "01.02.2026",
    ] {
        assert_eq!(
            problems(with(&format!("start = \"{text}\""))).len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn an_id_is_a_label() {
    let longest = "a".repeat(63);
    for id in ["a", "0", "kestra-prod", "a--b", &longest] {
        assert_eq!(with(&format!("id = \"{id}\"")).unwrap().sources[0].id, id);
    }
    let longer = "a".repeat(64);
    for id in ["", "-a", "a-", "A", "a_b", "a.b", "ä", "a b", &longer] {
        assert_eq!(problems(with(&format!("id = \"{id}\""))).len(), 1, "{id}");
    }
}

#[test]
fn a_platform_url_is_the_server_alone() {
    for (written, kept) in [
        ("https://kestra.example.com", "https://kestra.example.com/"),
        (
            "https://kestra.example.com/base/",
            "https://kestra.example.com/base",
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
    ] {
        let text = GOOD.replace("https://kestra.example.com/", written);
        let config = parse(&text).unwrap();
        let platform = &config.sources[0].platform;
        let kestra: &KestraSettings = platform.as_any().downcast_ref().unwrap();
        assert_eq!(kestra.url.as_str(), kept);
    }
    for wrong in [
        "kestra",
        "ftp://kestra",
        "https://user@kestra",
        "https://kestra?x",
        "https://kestra#x",
        "https://kestra/api",
        "https://kestra/ui/",
    ] {
        let text = GOOD.replace("https://kestra.example.com/", wrong);
        assert_eq!(problems(parse(&text)).len(), 1, "{wrong}");
    }
}

#[test]
fn a_lake_is_in_a_store_that_we_know() {
    for url in [
        "gs://b",
        "s3://b/p/q",
        "az://c/p",
        "file:///var/lake",
        "memory:///",
    ] {
        let config = parse(&GOOD.replace("memory:///", url)).unwrap();
        assert_eq!(config.lake.url.as_str(), url);
    }
    for url in [
        "lake",
        "gs:///p",
        "https://b",
        "file:///",
        "file://host/p",
        "s3://u:p@b",
        "gs://b?x",
    ] {
        assert_eq!(
            problems(parse(&GOOD.replace("memory:///", url))).len(),
            1,
            "{url}"
        );
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let warnings = |text: &str| {
        let config = parse(text).unwrap();
        let warnings = config.warnings.iter().map(ConfigProblem::to_string);
        warnings.collect::<Vec<_>>()
    };
    let quiet = GOOD.replace("memory:///", "gs://b");
    assert_eq!(warnings(&quiet), [""; 0]);
    assert_eq!(
        warnings(GOOD),
        ["line 3, `url` in [lake]: a lake in memory is lost when the program ends"]
    );
    let http = quiet.replace("https://kestra.example.com/", "http://kestra.example.com/");
    assert_eq!(
        warnings(&http),
        [
            "line 9, `url` in [[source]] \"kestra-prod\": sends the credential over the network unencrypted"
        ]
    );
    for loopback in [
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ] {
        assert_eq!(
            warnings(&quiet.replace("https://kestra.example.com/", loopback)),
            [""; 0]
        );
    }
    let unsigned = quiet.replace("key = { file = \"keys/writer.key\" }", "unsigned = true");
    assert_eq!(warnings(&unsigned).len(), 1);
    let key = "[redaction]\nhmac_key = { env = \"K\" }\n";
    assert_eq!(
        warnings(&format!("{quiet}{key}")),
        ["line 15, `hmac_key` in [redaction]: is not used by any rule"]
    );
}

#[test]
fn rules_of_redaction_keep_their_order() {
    let rules = r#"
[redaction]
hmac_key = { env = "K" }
[[redaction.rule]]
columns = ["actor_name", "detail"]
action = "hmac"
[[redaction.rule]]
classification = "sensitive"
action = "mask"
[[redaction.rule]]
pointers = ["/b", "/a/*"]
action = "drop"
"#;
    let redaction = parse(&format!("{GOOD}{rules}")).unwrap().redaction;
    let rules = redaction.rules.into_iter();
    let rules: Vec<_> = rules.map(|rule| (rule.target, rule.action)).collect();
    assert_eq!(
        rules,
        [
            (
                RedactionTarget::Column("actor_name".to_owned()),
                RedactionAction::Hmac
            ),
            (
                RedactionTarget::Column("detail".to_owned()),
                RedactionAction::Hmac
            ),
            (
                RedactionTarget::Class(Classification::Sensitive),
                RedactionAction::Mask
            ),
            (
                RedactionTarget::Pointer("/b".to_owned()),
                RedactionAction::Drop
            ),
            (
                RedactionTarget::Pointer("/a/*".to_owned()),
                RedactionAction::Drop
            ),
        ]
    );
    assert_eq!(redaction.hmac_key, Some(SecretRef::Env("K".to_owned())));
}

#[test]
fn the_schema_uses_only_what_the_comparison_understands() {
    const COMPARED: [&str; 18] = [
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "dependentSchemas",
        "enum",
        "if",
        "items",
        "maximum",
        "maxProperties",
        "minimum",
        "minItems",
        "minProperties",
        "oneOf",
        "properties",
        "required",
        "then",
    ];
    const REMARKS: [&str; 8] = [
        "$id",
        "$schema",
        "default",
        "description",
        "examples",
        "format",
        "title",
        "type",
    ];
    // Told again by the checks, in better words.
    const CHECKED: [&str; 1] = ["pattern"];
    fn walk(schema: &serde_json::Value, found: &mut Vec<String>) {
        let serde_json::Value::Object(members) = schema else {
            return;
        };
        for (key, value) in members {
            found.push(key.clone());
            match (key.as_str(), value) {
                ("properties" | "$defs" | "dependentSchemas", serde_json::Value::Object(named)) => {
                    named.values().for_each(|schema| walk(schema, found));
                }
                ("anyOf" | "oneOf", serde_json::Value::Array(choices)) => {
                    choices.iter().for_each(|schema| walk(schema, found));
                }
                ("items" | "additionalProperties" | "if" | "then", schema) => walk(schema, found),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&json_schema(), &mut found);
    for key in found {
        let known = [&COMPARED[..], &REMARKS[..], &CHECKED[..]].concat();
        assert!(known.contains(&key.as_str()), "{key}");
    }
    let text = json_schema().to_string();
    assert!(!text.contains("null"), "TOML has no null");
}

#[test]
fn a_response_has_at_most_an_eighth_of_the_memory() {
    let memory = |size: &str| parse(&format!("{GOOD}[run]\nmemory = \"{size}\"\n"));
    assert!(memory("256MiB").is_ok());
    let problems = problems(memory("128MiB"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("max_response"), "{problems:?}");
    assert!(
        problems[0].contains("an eighth of the memory"),
        "{problems:?}"
    );
}

#[test]
fn no_message_repeats_what_may_be_a_secret() {
    let auth = "auth = { bearer = { env = \"KESTRA_TOKEN\" } }";
    for written in [
        "auth = { bearer = \"s3cret\" }",
        "auth = { bearer = { env = [\"s3cret\"] } }",
        "auth = { bearer = { file = 5, value = \"s3cret\" } }",
        "auth = { basic = { username = \"a\", password = \"s3cret\" } }",
        "auth = { basic = { username = \"a:s3cret\", password = { env = \"s3cret=\" } } }",
        "auth = \"s3cret\"",
        "auth = s3cret",
        "auth = { bearer = \"s3cret }",
        "url = \"https://a:s3cret@b\"",
    ] {
        let text = GOOD.replace(auth, written);
        let text = match written.strip_prefix("url = ") {
            Some(url) => GOOD.replace("\"https://kestra.example.com/\"", url),
            None => text,
        };
        let error = parse(&text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

proptest! {
    /// Whatever one line says, reading ends with a configuration or with problems.
    #[test]
    fn no_line_panics(at in 0..GOOD.lines().count(), line in "[a-z\\[\\]{}\"'=.,# 0-9é\\\\-]{0,40}") {
        let mut lines: Vec<&str> = GOOD.lines().collect();
        lines.insert(at, &line);
        if let Err(error) = parse(&lines.join("\n")) {
            let other_version = matches!(error, ConfigError::OtherVersion { .. });
            prop_assert!(other_version || !error.problems().is_empty());
        }
    }

    /// The same for values in the place of good ones.
    #[test]
    fn no_value_panics(at in 0..GOOD.lines().count(), value in "(\"[^\"\\\\\\n]{0,20}\"|[0-9a-fx_.:TZ+-]{1,20}|\\[.{0,9}\\]|\\{.{0,9}\\}|true)") {
        let lines: Vec<String> = GOOD
            .lines()
            .enumerate()
            .map(|(number, line)| match line.split_once(" = ") {
                Some((key, _)) if number == at => format!("{key} = {value}"),
                _ => line.to_owned(),
            })
            .collect();
        if let Err(error) = parse(&lines.join("\n")) {
            let other_version = matches!(error, ConfigError::OtherVersion { .. });
            prop_assert!(other_version || !error.problems().is_empty());
        }
    }
}
