//! The sample configurations: the good ones load, the broken ones say what is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use trailhouse::config::{Config, ConfigProblem, json_schema};

use super::{code, json, root, told, trailhouse};

fn samples(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

#[test]
fn good_samples_load_without_a_warning() {
    let described = samples("samples/http");
    for path in samples("samples").into_iter().chain(described) {
        let config = Config::load(&path).unwrap();
        let warnings: Vec<String> = config
            .warnings
            .iter()
            .map(ConfigProblem::to_string)
            .collect();
        assert_eq!(warnings, [""; 0], "{}", path.display());
    }
}

#[test]
fn broken_samples_say_all_that_is_wrong() {
    for path in samples("samples/broken") {
        let name = path.file_name().unwrap();
        let output = trailhouse(path.parent().unwrap())
            .args(["plan", "--config"])
            .arg(name)
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{}", told(&output));
        let text = told(&output);
        assert!(!text.contains("s3cret"), "{text}");
        insta::assert_snapshot!(path.file_stem().unwrap().to_string_lossy().as_ref(), text);
    }
}

#[test]
fn problems_are_told_to_programs_too() {
    let folder = root().join("samples/broken");
    let output = trailhouse(&folder)
        .args(["plan", "--output", "json", "-c", "unknown-keys.toml"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    assert!(output.stderr.is_empty());
    let json = json(&output);
    assert_eq!(json["error"]["exit_code"], 2);
    assert_eq!(json["error"]["kind"], "usage");
    let details = json["error"]["details"].as_array().unwrap();
    let wheres: Vec<&str> = details
        .iter()
        .map(|d| d["where"].as_str().unwrap())
        .collect();
    assert!(wheres.contains(&"line 5, `option` in [lake]"), "{wheres:?}");
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = trailhouse(folder.path()).arg("plan").output().unwrap();
    insta::assert_snapshot!("no-file", told(&output));
    fs::write(folder.path().join("latin1.toml"), b"version = 1 # caf\xe9").unwrap();
    let output = trailhouse(folder.path())
        .env("TRAILHOUSE_CONFIG", "latin1.toml")
        .arg("plan")
        .output()
        .unwrap();
    insta::assert_snapshot!("not-text", told(&output));
}

#[test]
fn names_in_the_file_cannot_act_on_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let text = "version = 1\n\"\\u001b[2Jx\\u202E\" = 1\n";
    fs::write(folder.path().join("trailhouse.toml"), text).unwrap();
    let output = trailhouse(folder.path()).arg("plan").output().unwrap();
    let told = told(&output);
    assert!(
        told.contains("`\\u{1b}[2Jx\\u{202e}`: unknown key"),
        "{told}"
    );
    assert!(
        !told.contains('\u{1b}') && !told.contains('\u{202e}'),
        "{told}"
    );
}

/// The committed schema is the one that the types give; regenerate it with
/// `trailhouse schema config --output json > samples/trailhouse.schema.json`.
#[test]
fn the_committed_schema_is_that_of_the_code() {
    let path: &Path = &root().join("samples/trailhouse.schema.json");
    let committed: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(committed, json_schema());
}
