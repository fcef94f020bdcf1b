//! `demo`: the whole tour, twice.

use super::{code, json, told, trailhouse};
use std::fs;

/// Asserts that only the owner may read a file.
#[cfg(unix)]
fn assert_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
}

#[cfg(not(unix))]
fn assert_private(_: &std::path::Path) {}

#[test]
fn its_secrets_are_its_own_and_a_second_tour_uses_them() {
    let folder = tempfile::tempdir().unwrap();
    let tour = |flags: &[&str]| {
        let output = trailhouse(folder.path())
            .args(["demo", "--events", "300", "--days", "2"])
            .args(flags)
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}", told(&output));
        output
    };
    let first = tour(&[]);
    assert!(first.stderr.is_empty(), "{}", told(&first));
    let place = folder.path().join("trailhouse-demo");
    let secrets = ["kestra.token", "writer.key"].map(|name| place.join(name));
    for secret in &secrets {
        assert_private(secret);
    }
    let read = || secrets.each_ref().map(|path| fs::read(path).unwrap());
    let before = read();
    let second = tour(&["--output", "json"]);
    assert!(second.stderr.is_empty(), "{}", told(&second));
    assert_eq!(read(), before);
    let json = json(&second);
    assert_eq!(json["exit_code"], 0);
    assert_eq!(json["errors"].as_array().unwrap().len(), 0);
    assert_eq!(json["summary"]["founded"], false);
}

/// A result of `verify` says what was looked at, and with whose key.
#[test]
fn verify_takes_the_key_of_the_configuration_and_names_its_basis() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path())
        .args(["demo", "--events", "300", "--days", "2"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", told(&output));
    let place = folder.path().join("trailhouse-demo");
    let ends = |folder: &std::path::Path, expected: i32, arguments: &[&str]| {
        let output = trailhouse(folder).arg("verify").args(arguments).output();
        let output = output.unwrap();
        assert_eq!(code(&output), expected, "{}", told(&output));
        told(&output)
    };
    let sizes = ends(&place, 0, &[]);
    assert!(sizes.contains("from ./trailhouse.toml"), "{sizes}");
    assert!(sizes.contains("present with their sizes"), "{sizes}");
    assert!(sizes.contains("contents of files were not read"), "{sizes}");
    let deep = ends(&place, 0, &["--deep", "--copy", "lake", "--since", "2"]);
    assert!(deep.contains("read and hashed"), "{deep}");
    assert!(deep.contains("before --since were not checked"), "{deep}");
    // Away from the configuration somebody has to say whose signatures count.
    let copy = place.join("lake");
    let keyless = ends(&copy, 2, &["--copy", "."]);
    assert!(keyless.contains("--public-key"), "{keyless}");

    let entry = copy.join("ledger/entry/00000000000000000001.note");
    let text = fs::read_to_string(&entry).unwrap();
    fs::write(&entry, text.replacen("\"added\":", "\"added\":1", 1)).unwrap();
    let damaged = ends(&place, 6, &[]);
    for said in [
        "entry 1 is the first that is damaged",
        "claims to be about",
        "not checked:",
    ] {
        assert!(damaged.contains(said), "{said}: {damaged}");
    }
}
