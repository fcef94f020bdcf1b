//! Tests of `init` that need no process.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: InitArgs,
}

fn args(line: &str) -> InitArgs {
    let words = std::iter::once("init").chain(line.split_whitespace());
    Line::try_parse_from(words).unwrap().args
}

fn interview(line: &str, answers: &str) -> (io::Result<Template>, String) {
    let args = args(line);
    let mut template = args.template();
    let mut asked = Vec::new();
    let done = Interview::new(answers.as_bytes(), &mut asked).fill(&mut template, &args);
    (done.map(|()| template), String::from_utf8(asked).unwrap())
}

#[test]
fn enter_keeps_the_defaults() {
    let (template, asked) = interview("", "\nhttps://kestra.acme.org\n\n\n\n\n\n");
    let template = template.unwrap();
    assert!(template.lake.starts_with("file:///") && template.lake.ends_with("/lake"));
    assert_eq!(template.url, "https://kestra.acme.org");
    assert_eq!(template.dialect, Dialect::V2);
    assert_eq!(template.tenants, Tenants::Named(vec!["main".to_owned()]));
    assert_eq!(
        template.auth,
        Auth::Bearer(SecretRef::Env("KESTRA_TOKEN".to_owned()))
    );
    assert_eq!(template.start, "earliest");
    assert_eq!(template.source, "kestra");
    assert_eq!(asked.matches('[').count(), 6);
}

#[test]
fn a_question_comes_again_until_its_answer_fits() {
    let answers = "ftp://x\ngs://bucket/lake\n\nhttps://k/api\nhttps://k\nv3\nv1\na b\n*\n$T=\nT\n\
                   yesterday\n2026-01-01\nKestra!\nkestra-prod\n";
    let (template, asked) = interview("", answers);
    let template = template.unwrap();
    assert_eq!(template.lake, "gs://bucket/lake");
    assert_eq!(template.url, "https://k");
    assert_eq!(template.dialect, Dialect::V1);
    assert_eq!(template.tenants, Tenants::All);
    assert_eq!(template.start, "2026-01-01");
    assert_eq!(template.source, "kestra-prod");
    for complaint in [
        "is not the URL of a supported store",
        "remove `/api` or `/ui` and what follows",
        "write v1 or v2",
        "is not the id of a tenant",
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
    assert_eq!(
        template.tenants,
        Tenants::Named(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(
        template.auth,
        Auth::Basic {
            username: "u".to_owned(),
            password: SecretRef::File("pw".into()),
        }
    );
    assert!(args(line).missing().is_empty());
    assert_eq!(args("").missing(), ["--lake", "--url", "--dialect"]);
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
        "--dialect v3",
    ] {
        let words = std::iter::once("init").chain(line.split_whitespace());
        assert!(Line::try_parse_from(words).is_err(), "{line}");
    }
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
