//! `keygen` makes keys that others can use.

use std::fs;

use super::{code, json, told, trailhouse};

#[test]
fn stdout_is_the_verifier_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path())
        .args(["keygen", "-o", "w.key"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", told(&output));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let public = fs::read_to_string(folder.path().join("w.key.pub")).unwrap();
    assert_eq!(stdout, public);
    assert!(stdout.starts_with("trailhouse-writer+"));
    let private = fs::read_to_string(folder.path().join("w.key")).unwrap();
    assert!(private.starts_with("PRIVATE+KEY+trailhouse-writer+"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        "wrote `w.key` (keep it secret) and `w.key.pub`; the verifier key:\n"
    );
    assert!(signed_note::StandardVerifier::new(stdout.trim_end()).is_ok());
}

#[test]
fn json_never_holds_the_private_key() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path())
        .args([
            "keygen",
            "--role",
            "officer",
            "--name",
            "acme/officer",
            "-o",
            "o.key",
            "-q",
        ])
        .args(["--output", "json"])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("PRIVATE"));
    let json = json(&output);
    assert_eq!(json["role"], "officer");
    assert_eq!(json["name"], "acme/officer");
    assert_eq!(json["public_file"], "o.key.pub");
}

#[test]
fn a_file_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w.key"), "mine").unwrap();
    let output = trailhouse(folder.path())
        .args(["keygen", "-o", "w.key"])
        .output()
        .unwrap();
    insta::assert_snapshot!("exists", told(&output));
    assert_eq!(
        fs::read_to_string(folder.path().join("w.key")).unwrap(),
        "mine"
    );
    assert!(!folder.path().join("w.key.pub").exists());
}

#[test]
fn a_name_that_cannot_stand_in_a_signature_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "a b", "a+b"] {
        let output = trailhouse(folder.path())
            .args(["keygen", "-o", "w.key", "--name", name])
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{}", told(&output));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
