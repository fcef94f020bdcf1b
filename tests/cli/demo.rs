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
