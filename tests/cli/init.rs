//! `init` writes a configuration that works and a key that is kept.

use std::fs;

use trailhouse::config::Config;

use super::{code, json, told, trailhouse};

const FLAGS: [&str; 7] = [
    "init",
    "--lake",
    "gs://acme-audit/trailhouse",
    "--url",
    "https://kestra.example.com",
    "--dialect",
    "v2",
];

#[test]
fn what_it_writes_is_a_good_configuration_and_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path()).args(FLAGS).output().unwrap();
    assert_eq!(code(&output), 0, "{}", told(&output));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let public = fs::read_to_string(folder.path().join("trailhouse.key.pub")).unwrap();
    assert!(stdout.contains(public.trim_end()), "{stdout}");
    insta::assert_snapshot!("written", stdout.replace(public.trim_end(), "VERIFIER KEY"));
    let path = folder.path().join("trailhouse.toml");
    insta::assert_snapshot!("trailhouse-toml", fs::read_to_string(&path).unwrap());
    assert!(Config::load(&path).unwrap().warnings.is_empty());
}

#[test]
fn a_configuration_is_not_written_over_and_a_key_never() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trailhouse.toml");
    fs::write(&path, "mine").unwrap();
    let output = trailhouse(folder.path()).args(FLAGS).output().unwrap();
    insta::assert_snapshot!("exists", told(&output));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert!(!folder.path().join("trailhouse.key").exists());

    let forced = || {
        trailhouse(folder.path())
            .args(FLAGS)
            .args(["--force", "--output", "json"])
            .output()
            .unwrap()
    };
    let first = json(&forced());
    assert_eq!(first["key"]["made"], true);
    assert_ne!(fs::read_to_string(&path).unwrap(), "mine");
    fs::remove_file(folder.path().join("trailhouse.key.pub")).unwrap();
    let second = json(&forced());
    assert_eq!(second["key"]["made"], false);
    assert_eq!(second["key"]["verifier_key"], first["key"]["verifier_key"]);
    assert!(folder.path().join("trailhouse.key.pub").exists());
}

#[test]
fn a_key_file_that_is_none_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trailhouse.key"), "s3cret").unwrap();
    let output = trailhouse(folder.path()).args(FLAGS).output().unwrap();
    let told = told(&output);
    assert_eq!(code(&output), 2, "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    assert!(told.contains("exists and is not a signing key"), "{told}");
    assert!(!folder.path().join("trailhouse.toml").exists());
}

#[test]
fn where_nobody_can_be_asked_it_names_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path())
        .args(["init", "--dialect", "v1"])
        .output()
        .unwrap();
    insta::assert_snapshot!("missing-flags", told(&output));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn flags_that_make_no_configuration_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path())
        .args(FLAGS)
        .args(["--source", "Kestra!", "--start", "soon", "--tenant", "a/b"])
        .output()
        .unwrap();
    insta::assert_snapshot!("not-valid", told(&output));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn settings_can_be_given_by_their_keys() {
    let written = |arguments: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let output = trailhouse(folder.path()).args(arguments).output().unwrap();
        assert_eq!(code(&output), 0, "{}", told(&output));
        fs::read_to_string(folder.path().join("trailhouse.toml")).unwrap()
    };
    let by_keys = written(&[
        "init",
        "--platform",
        "kestra",
        "--lake",
        "gs://acme-audit/trailhouse",
        "--set",
        "url=https://kestra.example.com",
        "--set",
        "dialect=v2",
    ]);
    assert_eq!(by_keys, written(&FLAGS));
    let more = [
        &FLAGS[..],
        &["--set", "page_size=500", "--set", "auth.basic.username=u"],
    ]
    .concat();
    let text = written(&more);
    for line in [
        "page_size = 500",
        "auth = { basic = { username = \"u\", password = { env = \"KESTRA_PASSWORD\" } } }",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{text}");
    }
}

#[test]
fn a_platform_or_a_key_that_does_not_exist_is_refused() {
    for (name, arguments) in [
        ("unknown-platform", &["--platform", "kestar"][..]),
        (
            "unknown-keys",
            &["--set", "dialec=v2", "--set", "auth.client_secret=x"],
        ),
        (
            "set-twice",
            &["--url", "https://a", "--set", "url=https://b"],
        ),
        ("no-assignment", &["--set", "url"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = trailhouse(folder.path())
            .arg("init")
            .args(arguments)
            .output()
            .unwrap();
        insta::assert_snapshot!(name, told(&output));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
