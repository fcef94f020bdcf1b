//! Deaths of the process at every step of a commit on disk, and the order of the steps that makes
//! power loss harmless. Each death happens in a process of its own: this test binary, run again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::TryStreamExt as _;
use sha2::{Digest, Sha256};

use crate::event::Category;
use crate::lake::FileWriter;
use crate::lake::layout::Partition;
use crate::store::{Bucket, StoreError, StoreOptions, StoredObject};

use super::sample;

const NAME: &str = "ledger/entry/00000000000000000000.note";
const OLD: &[u8] = b"what was there before";
const NEW_BYTES: usize = 300_000;

fn new_content() -> Bytes {
    Bytes::from(vec![b'n'; NEW_BYTES])
}

fn bucket(directory: &Path) -> Bucket {
    let url = url::Url::from_directory_path(directory).unwrap();
    Bucket::open(url.as_str(), &StoreOptions::new()).unwrap()
}

fn this_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--quiet"])
        .arg(format!("lake::tests::power_loss::{name}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Replace,
}

fn put(directory: &Path, act: Act, failpoint: &str, log: Option<&Path>) -> bool {
    let mut command = this_test("child_puts");
    command
        .env("DIRECTORY", directory)
        .env("ACT", format!("{act:?}"))
        .env("TRAILHOUSE_FAILPOINT", failpoint);
    if let Some(log) = log {
        command.env("TRAILHOUSE_FAILPOINT_LOG", log);
    }
    command.status().unwrap().success()
}

#[tokio::test]
#[ignore = "runs as a child of the tests here"]
async fn child_puts() {
    let directory = PathBuf::from(std::env::var_os("DIRECTORY").unwrap());
    let bucket = bucket(&directory);
    let put = if std::env::var("ACT").unwrap() == "Create" {
        bucket.create(NAME, new_content()).await
    } else {
        bucket.replace(NAME, new_content()).await
    };
    put.unwrap();
}

/// What a put into an empty bucket does, step by step.
pub(super) fn steps(act: Act) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("steps.txt");
    let lake = directory.path().join("lake");
    std::fs::create_dir(&lake).unwrap();
    assert!(put(&lake, act, "", Some(&log)));
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The content is flushed before it gets its name, and the name before the put returns.
#[test]
fn steps_come_in_their_order() {
    let directory = ["disk.directory.after_make", "disk.directory.after_sync"];
    let before = [
        &["disk.put.before"][..],
        // The bucket's own, which exists; then ledger and ledger/entry.
        &directory[1..],
        &directory,
        &directory,
        &["disk.put.after_directories"],
    ]
    .concat();
    let written = ["disk.put.after_write", "disk.put.after_sync"];
    let create = ["disk.put.after_link", "disk.put.after_unlink"];
    let flushed = ["disk.put.after_directory_sync"];
    assert_eq!(
        steps(Act::Create),
        [&before[..], &written, &create, &flushed].concat()
    );
    let replace = ["disk.put.after_rename"];
    assert_eq!(
        steps(Act::Replace),
        [&before[..], &written, &replace, &flushed].concat()
    );
}

#[tokio::test]
async fn a_death_leaves_the_whole_object_or_nothing() {
    for act in [Act::Create, Act::Replace] {
        for step in steps(act) {
            let directory = tempfile::tempdir().unwrap();
            let lake = bucket(directory.path());
            if act == Act::Replace {
                lake.create(NAME, Bytes::from_static(OLD)).await.unwrap();
            }
            assert!(!put(directory.path(), act, &step, None), "{act:?} {step}");

            let named = matches!(
                step.as_str(),
                "disk.put.after_link"
                    | "disk.put.after_unlink"
                    | "disk.put.after_rename"
                    | "disk.put.after_directory_sync"
            );
            let left = lake.read(NAME, 1 << 20).await;
            match (act, named) {
                (_, true) => assert_eq!(left.unwrap(), new_content(), "{step}"),
                (Act::Replace, false) => assert_eq!(left.unwrap(), OLD, "{step}"),
                (Act::Create, false) => {
                    assert!(matches!(left, Err(StoreError::NotFound { .. })), "{step}");
                }
            }
            let listed: Vec<StoredObject> = lake.list("ledger", None).try_collect().await.unwrap();
            let names: Vec<&str> = listed.iter().map(|object| object.name.as_str()).collect();
            let whole = named || act == Act::Replace;
            assert_eq!(names, &[NAME][..usize::from(whole)], "{step}");

            // The next process is not hindered by what was left.
            let again = put(directory.path(), act, "", None);
            assert_eq!(again, act == Act::Replace || !named, "{step}");
            assert_eq!(lake.read(NAME, 1 << 20).await.unwrap(), new_content());
        }
    }
}

#[tokio::test]
async fn leftovers_are_swept_after_a_day_and_nothing_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let entries = directory.path().join("ledger/entry");
    std::fs::create_dir_all(&entries).unwrap();
    let age = |name: &str, hours: u64| {
        let path = entries.join(name);
        let file = std::fs::File::create(&path).unwrap();
        let then = SystemTime::now() - Duration::from_secs(hours * 3600);
        file.set_modified(then).unwrap();
        path
    };
    let swept = age("a.note#01234567890123456789", 25);
    let kept = [
        age("b.note#01234567890123456789", 23),
        age("c.note#7", 1000),
        age("d.note", 1000),
    ];
    bucket(directory.path())
        .create(NAME, Bytes::from_static(b"x"))
        .await
        .unwrap();
    assert!(!swept.exists());
    for path in kept {
        assert!(path.exists(), "{}", path.display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_plain_and_refusals_are_said() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let directory = tempfile::tempdir().unwrap();
    let lake = bucket(directory.path());
    lake.create(NAME, new_content()).await.unwrap();
    let metadata = std::fs::metadata(directory.path().join(NAME)).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7133, 0o0000);
    assert_eq!(metadata.nlink(), 1);
    assert_eq!(metadata.permissions().mode() & 0o600, 0o600);

    // A file where a directory is needed.
    std::fs::write(directory.path().join("events"), b"x").unwrap();
    let error = lake.create("events/a", new_content()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unclear { .. }), "{error:?}");
    assert!(error.to_string().contains("events/a"), "{error}");
}

/// Neither names nor bytes know the time zone of the machine, in both nights in which clocks change.
#[test]
fn the_time_zone_of_the_machine_changes_nothing() {
    let mut hashes = BTreeMap::new();
    for zone in ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu"] {
        let out = tempfile::NamedTempFile::new().unwrap();
        let mut command = this_test("child_encodes");
        command.env("TZ", zone).env("OUT", out.path());
        assert!(command.status().unwrap().success());
        let text = std::fs::read_to_string(out.path()).unwrap();
        hashes.entry(text).or_insert(zone);
    }
    assert_eq!(hashes.len(), 1, "{hashes:?}");
}

#[test]
#[ignore = "runs as a child of the tests here"]
fn child_encodes() {
    let mut text = String::new();
    for date in ["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01"] {
        let date = date.parse().unwrap();
        let partition = Partition::events(date, Category::Execution, "kestra-prod").unwrap();
        let mut writer = FileWriter::new(sample::file(partition), sample::belonging(), [1; 32]);
        writer.push(&sample::events(date, 24 * 60, 1)).unwrap();
        let file = writer.finish().unwrap();
        let hash = hex::encode(Sha256::digest(&file.content));
        text.push_str(&format!(
            "{} {hash} {:?}\n",
            file.facts.file, file.facts.times
        ));
    }
    std::fs::write(std::env::var_os("OUT").unwrap(), text).unwrap();
}
