use super::*;
use crate::settings::problem::SettingsDocument;
use serde_json::{Value, json};
use std::path::Path;

const BEARER: SignInWay = SignInWay::Bearer { env: "T" };
const PASSWORD: SignInWay = SignInWay::Password {
    env: "P",
    login: "auth/token",
};
const CLIENT: SignInWay = SignInWay::ClientCredentials {
    env: "S",
    token_url: None,
    scope: None,
};
const GOOGLE: [SignInWay; 3] = [
    SignInWay::GoogleDefault,
    SignInWay::ServiceAccount {
        file: "/etc/google.json",
    },
    SignInWay::None,
];

/// What a table `auth` means to a platform with these ways, or what is wrong, and the warnings.
fn checked(auth: Value, ways: &[SignInWay]) -> (Result<Auth<SecretRef>, Vec<String>>, Vec<String>) {
    let table: AuthTable = serde_json::from_value(auth).unwrap();
    let document = SettingsDocument::parse("").unwrap();
    let mut checks = Checks::new(&document, Path::new("/etc"), Vec::new(), Vec::new());
    let address: Url = "https://airflow.example.com/base/".parse().unwrap();
    let auth = check(
        &mut checks,
        &table,
        ways,
        Some(&address),
        &SettingPlace::at("auth"),
    );
    let said = |problems: &[crate::settings::ConfigProblem]| -> Vec<String> {
        let lines = problems.iter();
        lines.map(|it| format!("{it}; {}", it.action)).collect()
    };
    (
        auth.ok_or_else(|| said(&checks.problems)),
        said(&checks.warnings),
    )
}

fn problems(auth: Value, ways: &[SignInWay]) -> Vec<String> {
    checked(auth, ways).0.unwrap_err()
}

fn env(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

#[test]
fn a_password_is_taken_to_the_address_of_the_platform() {
    let auth = json!({ "password": { "username": "auditor", "password": { "env": "P" } } });
    let login = PasswordLogin {
        url: "https://airflow.example.com/base/auth/token"
            .parse()
            .unwrap(),
        username: "auditor".to_owned(),
        password: env("P"),
    };
    assert_eq!(checked(auth, &[PASSWORD]).0.unwrap(), Auth::Password(login));
}

#[test]
fn client_credentials_are_checked_whole() {
    let auth = |url: &str, client: Value| {
        let mut table =
            json!({ "token_url": url, "client_id": "app", "client_secret": { "env": "S" } });
        for (key, value) in client.as_object().unwrap() {
            table[key] = value.clone();
        }
        json!({ "client_credentials": table })
    };
    let url = "https://login.example.com/token?p=1";
    let given = auth(url, json!({ "scope": "a b", "extra": { "audience": "x" } }));
    let expected = ClientCredentials {
        token_url: url.parse().unwrap(),
        client_id: "app".to_owned(),
        client_secret: env("S"),
        scope: Some("a b".to_owned()),
        extra: [("audience".to_owned(), "x".to_owned())].into(),
    };
    let (read, warnings) = checked(given, &[BEARER, CLIENT]);
    assert_eq!(read.unwrap(), Auth::ClientCredentials(expected));
    assert!(warnings.is_empty());
    let (_, warnings) = checked(auth("http://login.example.com", json!({})), &[CLIENT]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let wrong = json!({ "client_id": " ", "scope": "", "extra": { "scope": "x" } });
    let found = problems(auth("ftp://x", wrong), &[CLIENT]);
    let keys = ["token_url", "client_id", "scope", "extra.scope"];
    assert_eq!(found.len(), keys.len(), "{found:?}");
    for (found, key) in found.iter().zip(keys) {
        assert!(
            found.starts_with(&format!("`auth.client_credentials.{key}`")),
            "{found}"
        );
    }
    for url in ["login", "https://a:b@login", "https://login#x"] {
        assert_eq!(problems(auth(url, json!({})), &[CLIENT]).len(), 1, "{url}");
    }
}

#[test]
fn credentials_of_google_may_impersonate_and_need_exactly_one_way() {
    let read = |auth| checked(auth, &GOOGLE).0;
    let google = |credentials, impersonate: Option<&str>| {
        Auth::Google(GoogleAuth {
            credentials,
            impersonate: impersonate.map(str::to_owned),
        })
    };
    assert_eq!(
        read(json!({ "default": true })).unwrap(),
        google(None, None)
    );
    let auth = json!({ "service_account": { "env": "G" }, "impersonate": "a@b" });
    assert_eq!(read(auth).unwrap(), google(Some(env("G")), Some("a@b")));
    assert_eq!(read(json!({ "none": true })).unwrap(), Auth::None);
    for wrong in [
        json!({ "impersonate": "a@b" }),
        json!({ "default": true, "none": true }),
        json!({ "default": true, "impersonate": "a" }),
        json!({ "none": true, "impersonate": "a@b" }),
        json!({ "default": false }),
    ] {
        assert_eq!(read(wrong.clone()).unwrap_err().len(), 1, "{wrong}");
    }
}

#[test]
fn a_key_may_be_in_any_header_but_that_of_tokens() {
    let ways = [SignInWay::Header {
        name: "X-Api-Key",
        env: "K",
    }];
    let auth = |name: &str| json!({ "header": { "name": name, "key": { "env": "K" } } });
    let Auth::Header { name, key } = checked(auth("Dagster-Cloud-Api-Token"), &ways).0.unwrap()
    else {
        panic!("another way");
    };
    assert_eq!(name.as_str(), "dagster-cloud-api-token");
    assert_eq!(key, env("K"));
    for wrong in ["", "a b", "Authorization", "a:"] {
        assert_eq!(problems(auth(wrong), &ways).len(), 1, "{wrong}");
    }
}

#[test]
fn what_is_switched_off_is_no_way_to_sign_in() {
    assert_eq!(
        problems(json!({ "none": false }), &[BEARER, SignInWay::None]),
        [
            "`auth.none`: is false, but no credential is given; write for example auth = { bearer = { env = \"T\" } }"
        ]
    );
}

#[test]
fn a_schema_keeps_the_ways_that_a_platform_knows() {
    let narrowed = |ways: &[SignInWay]| {
        let mut schema = json!({ "properties": {
            "bearer": {}, "basic": {}, "default": {}, "impersonate": {}, "none": {},
        } });
        narrow(&mut schema, ways);
        schema
    };
    let token = narrowed(&[BEARER, SignInWay::None]);
    let keys = |schema: &Value| -> Vec<String> {
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(keys(&token), ["bearer", "none"]);
    assert_eq!(token["maxProperties"], 1);
    assert_eq!(token["examples"], json!([{ "bearer": { "env": "T" } }]));
    assert_eq!(
        token["properties"]["bearer"]["examples"],
        json!([{ "env": "T" }])
    );
    let google = narrowed(&GOOGLE);
    assert_eq!(keys(&google), ["default", "impersonate", "none"]);
    assert!(google.get("maxProperties").is_none());
}

/// The example of each way is one that its check takes, and so is what its questions make.
#[test]
fn examples_and_answers_are_taken() {
    let header = SignInWay::Header {
        name: "X-Api-Key",
        env: "K",
    };
    for way in [
        BEARER,
        SignInWay::Basic { env: "B" },
        header,
        PASSWORD,
        CLIENT,
    ]
    .into_iter()
    .chain(GOOGLE)
    {
        let ways: &[SignInWay] = if way.is_google() { &GOOGLE } else { &[way] };
        let (read, _) = checked(way.example_table(), ways);
        assert!(read.is_ok(), "{way:?}: {read:?}");
        let path = format!("auth.{}", way.key());
        assert_eq!(way.questions().is_empty(), way.value().is_some());
        for question in way.questions() {
            assert!(question.setting.starts_with(&path), "{}", question.setting);
            assert!(question.settings().count() <= 2);
        }
    }
}
