//! Tests of `init` that need no process.

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::source::platform::{PlatformProfile, RegisteredPlatform, SignInWay};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: InitArgs,
}

fn try_args(line: &str) -> Result<InitArgs, clap::Error> {
    let words = std::iter::once("init").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.args)
}

fn args(line: &str) -> InitArgs {
    try_args(line).unwrap()
}

fn given(line: &str) -> Result<Template, ChoiceError> {
    args(line).template(&PLATFORMS[0])
}

fn interview(line: &str, answers: &str) -> (io::Result<Template>, String) {
    let mut template = given(line).unwrap();
    let mut asked = Vec::new();
    let mut interview = Interview::begin(answers.as_bytes(), &mut asked).unwrap();
    let done = interview.fill(&mut template, args(line).lake.is_none());
    (done.map(|()| template), String::from_utf8(asked).unwrap())
}

fn source(template: &Template) -> Value {
    Value::Object(template.source.settings().clone())
}

#[test]
fn enter_keeps_the_defaults() {
    let (template, asked) = interview("", "\nhttps://kestra.acme.org\n\n\n\n\n\n\n");
    let template = template.unwrap();
    assert!(template.lake.starts_with("file:///") && template.lake.ends_with("/lake"));
    assert_eq!(
        source(&template),
        json!({
            "id": "kestra",
            "url": "https://kestra.acme.org",
            "dialect": "v2",
            "tenants": ["main"],
            "auth": { "bearer": { "env": "KESTRA_TOKEN" } },
            "start": "earliest",
        })
    );
    assert_eq!(asked.matches('[').count(), 7);
}

#[test]
fn a_question_comes_again_until_its_answer_fits() {
    let answers = "ftp://x\ngs://bucket/lake\n\nhttps://k/api\nhttps://k\nv3\nv1\na b\n*\ntoken\nbasic\n\n\
                   a:b\nauditor\n$T=\nT\nyesterday\n2026-01-01\nKestra!\nkestra-prod\n";
    let (template, asked) = interview("", answers);
    let template = template.unwrap();
    assert_eq!(template.lake, "gs://bucket/lake");
    assert_eq!(
        source(&template),
        json!({
            "id": "kestra-prod",
            "url": "https://k",
            "dialect": "v1",
            "all_tenants": true,
            "auth": { "basic": { "username": "auditor", "password": { "env": "T" } } },
            "start": "2026-01-01",
        })
    );
    for complaint in [
        "is not the URL of a supported store",
        "remove `/api` or `/ui` and what follows",
        "write one of: v1, v2",
        "is not the id of a tenant",
        "write one of: bearer, basic, none",
        "is not a user name",
        "is not the name of an environment variable",
        "\"yesterday\" is not a date",
        "is not a valid id",
    ] {
        assert!(asked.contains(complaint), "{complaint}\n{asked}");
    }
}

#[test]
fn what_flags_decide_is_not_asked() {
    let line = "--lake s3://b/p --url http://k --dialect v1 --tenant a --tenant b \
                --username u --password-file pw --start 2026-01-01 --source s";
    let (template, asked) = interview(line, "");
    let template = template.unwrap();
    assert_eq!(asked.lines().count(), 1);
    let expected = json!({
        "id": "s",
        "url": "http://k",
        "dialect": "v1",
        "tenants": ["a", "b"],
        "auth": { "basic": { "username": "u", "password": { "file": "pw" } } },
        "start": "2026-01-01",
    });
    assert_eq!(source(&template), expected);
    assert!(questions::complete(&template.source).is_ok());
    // The same by --set alone.
    let line = "--lake s3://b/p --set url=http://k --set dialect=v1 --set tenants=[\"a\",\"b\"] \
                --set auth.basic.username=u --set auth.basic.password.file=pw --set start=2026-01-01 --set id=s";
    assert_eq!(source(&given(line).unwrap()), expected);
}

#[test]
fn where_nobody_is_asked_proposals_count_and_the_rest_is_missing() {
    let missing = |line: &str| {
        let args = args(line);
        let template = given(line).unwrap();
        let missing = questions::complete(&template.source)
            .err()
            .unwrap_or_default();
        missing_flags(&args, &missing)
    };
    assert_eq!(missing(""), ["--lake", "--url", "--dialect"]);
    assert_eq!(missing("--url https://k --set dialect=v2"), ["--lake"]);
    let line = "--lake l --url https://k --dialect v2 --username u";
    let complete = questions::complete(&given(line).unwrap().source).unwrap();
    let auth = json!({ "basic": { "username": "u", "password": { "env": "KESTRA_PASSWORD" } } });
    assert_eq!(complete.settings()["auth"], auth);
    let line = "--lake l --url https://k --dialect v2 --set auth.basic.password.env=P";
    assert_eq!(missing(line), ["--username"]);
    let line = "--lake l --url https://k --dialect v2 --no-auth";
    let complete = questions::complete(&given(line).unwrap().source).unwrap();
    assert_eq!(complete.settings()["auth"], json!({ "none": true }));
}

#[test]
fn what_was_given_is_judged_before_what_was_not() {
    let wrong = |line: &str| match refuse_wrong_flags(&given(line).unwrap()) {
        Ok(()) => String::new(),
        Err(failure) => format!("{failure:?}"),
    };
    assert_eq!(wrong("--url https://k --set auth.bearer.env=T"), "");
    assert!(wrong("--set dialec=v2").contains("write `dialect`, or remove it"));
    assert!(
        wrong("--set auth.client_credentials.client_id=x")
            .contains("known here: basic, bearer, none")
    );
    assert!(wrong("--dialect v3").contains("write one of: v1, v2"));
    assert!(wrong("--tenant a/b").contains("is not the id of a tenant"));
}

#[test]
fn answers_that_end_are_an_error() {
    let (template, _) = interview("", "gs://b\n");
    let error = template.unwrap_err();
    assert_eq!(error.to_string(), "the answers ended before the questions");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for line in [
        "--token-env A --no-auth",
        "--username u --token-file f",
        "--password-env P",
        "--username u --password-env P --password-file f",
        "--tenant a --all-tenants",
        "--unsigned --key k",
        "--platform unknown",
        "--set url",
        "--set =x",
    ] {
        assert!(try_args(line).is_err(), "{line}");
    }
    for line in [
        "--url https://k --set url=https://l",
        "--set auth.bearer.env=A --set auth.bearer.env=B",
        "--set platform=kestra",
        "--set tenants=[",
    ] {
        assert!(given(line).is_err(), "{line}");
    }
}

/// A platform whose questions are of every kind, to ask about; nothing is registered that reads it.
static OTHER: [RegisteredPlatform; 2] = [
    RegisteredPlatform {
        name: "one",
        about: "The first.",
        profile: &PROFILE,
    },
    RegisteredPlatform {
        name: "two",
        about: "The second.",
        profile: &PROFILE,
    },
];

static PROFILE: PlatformProfile = PlatformProfile {
    title: "Other",
    vendor: "Example",
    cloud: None,
    mapping: Some(&crate::source::platform::composer::ComposerMapping),
    ocsf_extra: None,
    questions: &[
        Question::new("project", "Which project?"),
        Question::new("region", "Which region?").or_nothing(),
    ],
    sign_in: &[SignInWay::ClientCredentials {
        env: "SECRET",
        token_url: Some("https://login.example.com/token"),
        scope: Some("read"),
    }],
};

#[test]
fn a_platform_is_chosen_from_the_list() {
    let ask = |answers: &str, platforms: &'static [RegisteredPlatform]| {
        let mut asked = Vec::new();
        let mut interview = Interview::begin(answers.as_bytes(), &mut asked).unwrap();
        let name = interview.platform(platforms).unwrap().name;
        (name, String::from_utf8(asked).unwrap())
    };
    assert_eq!(ask("", &OTHER[..1]).0, "one");
    assert_eq!(ask("\n", &OTHER).0, "one");
    let (name, asked) = ask("twoo\ntwo\n", &OTHER);
    assert_eq!(name, "two");
    assert!(asked.contains("  two          The second\n"), "{asked}");
    assert!(asked.contains("  write two\n"), "{asked}");
}

#[test]
fn every_kind_of_question_has_its_flag_or_its_default() {
    let choices = crate::config::SourceChoices::new(&OTHER[1]);
    let missing = questions::complete(&choices).unwrap_err();
    let flags: Vec<String> = missing
        .iter()
        .map(|question| questions::flag_of(&OTHER[1], question.setting))
        .collect();
    let id = "--set auth.client_credentials.client_id=…";
    assert_eq!(flags, ["--set project=…", id]);
    let mut choices = choices;
    choices.set_text("project", "p").unwrap();
    choices
        .set_text("auth.client_credentials.client_id", "app")
        .unwrap();
    let complete = questions::complete(&choices).unwrap();
    assert_eq!(
        Value::Object(complete.settings().clone()),
        json!({
            "id": "two",
            "project": "p",
            "start": "earliest",
            "auth": { "client_credentials": {
                "client_id": "app",
                "token_url": "https://login.example.com/token",
                "client_secret": { "env": "SECRET" },
                "scope": "read",
            } },
        })
    );
    // An answer that is not needed.
    let asked = questions::of_platform(&complete);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].setting, "region");
}

#[test]
fn a_configuration_is_replaced_only_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trailhouse.toml");
    write_config(&path, "one", false).unwrap();
    let failure = write_config(&path, "two", false).unwrap_err();
    assert_eq!(failure.kind, ExitKind::Usage);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    write_config(&path, "three", true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "three");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
