//! What `run` says after sources that cannot be reached: nothing that nobody looked at.

use super::{code, json, told, trailhouse};
use std::fs;
use tempfile::TempDir;

/// A configuration of sources at a port where nobody listens.
fn sources(ids: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = |id: &&str| {
        format!(
            "[[source]]\nid = \"{id}\"\nplatform = \"kestra\"\nurl = \"http://127.0.0.1:1\"\n\
             dialect = \"v2\"\ntenants = [\"main\"]\nauth = {{ none = true }}\nstart = \"2026-01-01\"\n\
             retry_for = \"1s\"\n"
        )
    };
    let sources: String = ids.iter().map(source).collect();
    let config = format!(
        "version = 1\n[lake]\nurl = \"file://{}\"\n[signing]\nunsigned = true\n{sources}",
        folder.path().join("lake").display()
    );
    fs::create_dir(folder.path().join("lake")).unwrap();
    fs::write(folder.path().join("trailhouse.toml"), config).unwrap();
    folder
}

#[test]
fn a_run_that_read_nothing_claims_nothing() {
    let folder = sources(&["only"]);
    let output = trailhouse(folder.path()).arg("run").output().unwrap();
    let said = told(&output);
    assert_eq!(code(&output), 3, "{said}");
    for claim in [
        "founded lake",
        "0 of 0",
        "other source",
        "is committed",
        "accounted for",
    ] {
        assert!(!said.contains(claim), "{claim}: {said}");
    }
    for so in [
        "is new and holds no records yet",
        "none were read: the source failed",
        "this run committed no records of this source",
    ] {
        assert!(said.contains(so), "{so}: {said}");
    }
}

#[test]
fn only_sources_that_were_read_are_called_read() {
    let folder = sources(&["one", "two"]);
    let output = trailhouse(folder.path())
        .args(["--output", "json", "run"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 3, "{}", told(&output));
    for error in json(&output)["errors"].as_array().unwrap() {
        assert_eq!(
            error["kept"], "this run committed no records of this source",
            "{error}"
        );
    }
}
