use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::source::setting_at;
use super::*;
use crate::config::{Auth, Config, Start, StoreOption, json_schema, sections};
use crate::settings::schema::{alternatives, example_of};
use crate::source::platform::kestra::{KestraSettings, Tenants};
use crate::source::platform::{Meaning, PLATFORMS, RegisteredPlatform, feed_questions};

fn choices(settings: &[(&str, Value)]) -> SourceChoices {
    let mut choices = SourceChoices::new(&PLATFORMS[0]);
    for (setting, value) in settings {
        choices.set(setting, value.clone()).unwrap();
    }
    choices
}

fn template(source: SourceChoices) -> Template {
    Template {
        lake: "gs://bucket/lake".to_owned(),
        signing: Signing::Key {
            key: SecretRef::File(PathBuf::from("trailhouse.key")),
            public_key: None,
        },
        source,
    }
}

fn good() -> [(&'static str, Value); 6] {
    [
        ("id", json!("kestra-prod")),
        ("url", json!("https://kestra.example.com/base")),
        ("dialect", json!("v2")),
        ("tenants", json!(["main", "b_2"])),
        ("auth.bearer.env", json!("KESTRA_TOKEN")),
        ("start", json!("earliest")),
    ]
}

fn parse(template: &Template) -> Config {
    read(&template.render())
}

fn read(text: &str) -> Config {
    Config::parse(text.as_bytes(), Path::new("/etc/t/trailhouse.toml"))
        .unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

/// What a platform needs and nothing else: proposals, and examples of what has none.
fn answered(platform: &'static RegisteredPlatform) -> SourceChoices {
    let mut choices = SourceChoices::new(platform);
    let way = platform.profile.sign_in.first();
    let mut questions = platform.profile.questions.to_vec();
    questions.extend(way.into_iter().flat_map(|way| way.questions()));
    questions.extend(feed_questions(platform.name));
    if let Some((way, value)) = way.and_then(|way| Some((way, way.value()?))) {
        choices.set(&format!("auth.{}", way.key()), value).unwrap();
    }
    let root = json_schema();
    let example = |setting: &str| {
        let path: Vec<String> = setting.split('.').map(str::to_owned).collect();
        let schema = setting_at(&root, platform.name, &path);
        let schema = schema.unwrap_or_else(|| panic!("{setting} is no setting"));
        let example = example_of(schema, &alternatives(&root, schema));
        example
            .unwrap_or_else(|| panic!("{setting} has no example"))
            .clone()
    };
    for question in questions {
        match (question.proposal, question.meaning) {
            (Some(answer), Meaning::Settings(meaning)) => {
                for (setting, value) in meaning(answer) {
                    choices.set(setting, value).unwrap();
                }
            }
            (Some(answer), Meaning::Value) => choices.set_text(question.setting, answer).unwrap(),
            (None, _) => choices
                .set(question.setting, example(question.setting))
                .unwrap(),
        }
    }
    choices
}

/// The settings of the only source, whatever its platform.
fn source(config: &Config) -> String {
    format!("{:?}", config.sources[0])
}

#[test]
fn what_is_written_is_read_again() {
    let config = parse(&template(choices(&good())));
    let source = &config.sources[0];
    let kestra: &KestraSettings = source.platform.as_any().downcast_ref().unwrap();
    assert_eq!(config.lake.url.as_str(), "gs://bucket/lake");
    let mut options = config.lake.options.values();
    assert!(options.all(|option| matches!(option, StoreOption::Text(_))));
    assert_eq!(
        config.signing,
        Signing::Key {
            key: SecretRef::File(PathBuf::from("/etc/t/trailhouse.key")),
            public_key: None,
        }
    );
    assert_eq!(source.id, "kestra-prod");
    assert_eq!(kestra.url.as_str(), "https://kestra.example.com/base");
    let tenants = ["main", "b_2"].map(str::to_owned).to_vec();
    assert_eq!(kestra.tenants, Tenants::Named(tenants));
    let token = SecretRef::Env("KESTRA_TOKEN".to_owned());
    assert_eq!(kestra.auth, Auth::Bearer(token));
    assert_eq!(source.start, Start::Earliest);
    assert!(config.warnings.is_empty());
}

#[test]
fn every_choice_can_be_written() {
    let name = "a \"quoted\" \\ näme";
    let config = parse(&Template {
        signing: Signing::Unsigned,
        ..template(choices(&[
            ("id", json!("k")),
            ("url", json!("https://kestra.example.com")),
            ("dialect", json!("v1")),
            ("all_tenants", json!(true)),
            ("auth.basic.username", json!(name)),
            ("auth.basic.password.file", json!("C:\\secret")),
            ("start", json!("2026-01-01")),
            ("settle", json!("1h")),
        ]))
    });
    let source = &config.sources[0];
    let kestra: &KestraSettings = source.platform.as_any().downcast_ref().unwrap();
    assert_eq!(config.signing, Signing::Unsigned);
    assert_eq!(kestra.tenants, Tenants::All);
    assert_eq!(source.settle.as_secs(), 3600);
    let Auth::Basic { username, .. } = &kestra.auth else {
        panic!("{:?}", kestra.auth);
    };
    assert_eq!(username, name);
    let place = SecretRef::File(PathBuf::from("/etc/t/trailhouse.key.pub"));
    for signing in [
        Signing::PublicKey(place.clone()),
        Signing::Key {
            key: SecretRef::Env("KEY".to_owned()),
            public_key: Some(place),
        },
    ] {
        let template = Template {
            signing: signing.clone(),
            ..template(choices(&good()))
        };
        assert_eq!(parse(&template).signing, signing);
    }
}

#[test]
fn every_platform_is_written_as_it_is_read() {
    for platform in PLATFORMS {
        let written = template(answered(platform));
        let config = parse(&written);
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let values = as_toml(&Value::Object(written.source.settings().clone()));
        let platform = format!("[{{ platform = \"{}\", ", platform.name);
        let list = format!("source = [{values}]").replacen("[{ ", &platform, 1);
        let named = format!(
            "{list}\nversion = 1\n[lake]\nurl = \"memory:///\"\n[signing]\nkey = {{ env = \"K\" }}\n"
        );
        assert_eq!(source(&config), source(&read(&named)));
    }
}

#[test]
fn the_lines_commented_out_are_the_defaults() {
    for platform in PLATFORMS {
        let commented = template(answered(platform)).render();
        let has_default = |line: &str| {
            let key = line.split(" = ").next();
            let mut settings = sections().into_iter().flat_map(|section| section.settings);
            settings.any(|setting| Some(setting.key.as_str()) == key && setting.default.is_some())
        };
        let mut in_source = false;
        let mut active = String::new();
        for line in commented.lines() {
            in_source = in_source && !line.is_empty() || line == "[[source]]";
            let setting = line.strip_prefix("# ").filter(|rest| {
                let is_setting =
                    rest.contains(" = ") && !rest.contains('`') && !rest.contains("{ env");
                match in_source {
                    true => is_setting && has_default(rest),
                    false => rest.starts_with('[') || is_setting,
                }
            });
            active.push_str(setting.unwrap_or(line));
            active.push('\n');
        }
        let (written, default) = (read(&active), read(&commented));
        assert_eq!(written.run, default.run);
        assert_eq!(source(&written), source(&default));
        assert!(!written.redaction.rules.is_empty());
        assert_eq!(written.warehouses.len(), 1);
    }
}

#[test]
fn no_line_is_wide_and_every_setting_is_explained() {
    for platform in PLATFORMS {
        let text = template(answered(platform)).render();
        for line in text.lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
        let table = text.split("[[source]]\n").nth(1).unwrap();
        let table = table.split("\n\n").next().unwrap();
        let mut above = "";
        for line in table.lines() {
            if !line.starts_with('#') && !line.starts_with("auth.") {
                assert!(above.starts_with("# "), "{line}");
            }
            above = line;
        }
    }
}

#[test]
fn a_long_table_is_written_member_by_member() {
    let token_url = "https://login.example.com/a/rather/long/path/to/the/token/endpoint";
    let text = template(choices(&[
        ("auth.client_credentials.token_url", json!(token_url)),
        ("auth.client_credentials.client_id", json!("app")),
        ("auth.client_credentials.client_secret.env", json!("SECRET")),
    ]))
    .render();
    let lines = "auth.client_credentials.client_id = \"app\"\n\
         auth.client_credentials.token_url = \"https://login.example.com/a/rather/long/path/to/the/token/endpoint\"\n\
         auth.client_credentials.client_secret = { env = \"SECRET\" }\n";
    assert!(text.contains(lines), "{text}");
}

#[test]
fn a_text_means_what_the_setting_takes() {
    for (setting, text, value) in [
        ("url", "https://k", json!("https://k")),
        ("url", "\"https://k\"", json!("https://k")),
        ("id", "123", json!("123")),
        ("start", "2026-01-01", json!("2026-01-01")),
        ("page_size", "100", json!(100)),
        ("all_tenants", "true", json!(true)),
        ("tenants", "[\"a\", 'b']", json!(["a", "b"])),
        ("auth", "{ none = true }", json!({ "none": true })),
        ("auth.bearer.env", "TOKEN", json!("TOKEN")),
        ("later", "5", json!(5)),
        ("\"a.b\"", "x y", json!("x y")),
    ] {
        let mut choices = SourceChoices::new(&PLATFORMS[0]);
        choices.set_text(setting, text).unwrap();
        let path: Vec<&str> = match setting {
            "\"a.b\"" => vec!["a.b"],
            setting => setting.split('.').collect(),
        };
        let found = path
            .iter()
            .fold(Value::Object(choices.settings().clone()), |at, key| {
                at[key].clone()
            });
        assert_eq!(found, value, "{setting}");
    }
}

#[test]
fn what_cannot_be_chosen_is_refused() {
    let mut choices = choices(&[("url", json!("x")), ("auth.bearer.env", json!("T"))]);
    for (key, text, error) in [
        ("url", "y", ChoiceError::Twice("url".to_owned())),
        ("url.a", "y", ChoiceError::Twice("url.a".to_owned())),
        ("auth", "y", ChoiceError::Twice("auth".to_owned())),
        ("a b", "y", ChoiceError::NotAKey("a b".to_owned())),
        ("", "y", ChoiceError::NotAKey(String::new())),
        ("a = 1\nb", "y", ChoiceError::NotAKey("a = 1\nb".to_owned())),
        (
            "tenants",
            "[\"a\"",
            ChoiceError::NotAValue("tenants".to_owned()),
        ),
        ("platform", "other", ChoiceError::Platform),
    ] {
        assert_eq!(choices.set_text(key, text), Err(error), "{key}");
    }
    assert!(choices.has("auth.bearer") && choices.has("url.inner"));
    assert!(!choices.has("auth.basic") && !choices.has("dialect"));
}
