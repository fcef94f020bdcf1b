//! `import` as a person meets it.

use super::{code, told, trailhouse};
use std::fs;
use std::path::Path;
use std::process::Output;

fn ask(folder: &Path, arguments: &[&str]) -> Output {
    trailhouse(folder)
        .args(["-c", "trailhouse-demo/trailhouse.toml"])
        .args(arguments)
        .output()
        .unwrap()
}

/// All texts below a folder.
fn texts(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let texts = entries.flat_map(|path| match path.is_dir() {
        true => texts(&path),
        false => fs::read_to_string(&path).into_iter().collect(),
    });
    texts.collect()
}

/// What an export of the demo platform's interface would be, with one record from before.
#[test]
fn history_is_added_once_and_its_file_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let demo = trailhouse(folder)
        .args(["demo", "--events", "2000", "--days", "5"])
        .output()
        .unwrap();
    assert_eq!(code(&demo), 0, "{}", told(&demo));
    let old = r#"{"id":"old1","tenantId":"main","date":"2020-01-02T03:04:05Z","type":"LOGIN","userId":"u1"}"#;
    fs::write(folder.join("old.json"), format!("[{old}]")).unwrap();
    let import = ["import", "--source", "kestra-demo", "old.json"];
    let output = ask(folder, &import);
    assert_eq!(code(&output), 0, "{}", told(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("old.json, 1 record, 1 new, 2020-01-02 to 2020-01-02"),
        "{said}"
    );
    assert!(
        said.contains("1 record accounted for: 1 new, 0 known"),
        "{said}"
    );
    let again = ask(folder, &import);
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(said.contains("0 new, 1 known"), "{said}");

    let entries = texts(&folder.join("trailhouse-demo/lake/ledger"));
    let named = r#""imported":{"name":"old.json""#;
    assert_eq!(
        entries.iter().filter(|text| text.contains(named)).count(),
        1
    );

    for (arguments, status, words) in [
        (
            &["import", "--source", "kestra", "old.json"][..],
            2,
            "kestra-demo",
        ),
        (
            &["import", "--source", "kestra-demo", "none.json"],
            2,
            "none.json cannot be read",
        ),
        (&["import", "--source", "kestra-demo"], 2, "<FILE>"),
        (
            &[
                "import",
                "--source",
                "kestra-demo",
                "--tenant",
                "mian",
                "old.json",
            ],
            2,
            "did you mean `main`?",
        ),
    ] {
        let refused = ask(folder, arguments);
        assert_eq!(code(&refused), status, "{arguments:?}: {}", told(&refused));
        assert!(told(&refused).contains(words), "{}", told(&refused));
    }
    let cut = format!("[{old},{{\"id\":");
    fs::write(folder.join("cut.json"), cut).unwrap();
    let broken = ask(folder, &["import", "--source", "kestra-demo", "cut.json"]);
    assert_eq!(code(&broken), 3, "{}", told(&broken));
    let words = "cut.json was not read to its end: it ends in the middle of a value";
    assert!(told(&broken).contains(words), "{}", told(&broken));
}
