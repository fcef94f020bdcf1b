//! Who only reads the lake needs no key that could write to it, and whoever writes needs the right
//! one.

use super::harness::{Rig, at, empty, key, quiet, try_run};
use super::lake::objects;
use super::process::{Place, rig};
use crate::cli::{code, told, trailhouse};
use chrono::{TimeDelta, Utc};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use trailhouse::ledger::entry::Trust;
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::LogError;
use trailhouse::run::{LedgerAccess, RunError, RunOptions, plan};

const SQL: &str = "SELECT COUNT(*) AS events FROM audit_events";
const PUBLIC: &str = "public_key = { file = \"lake.pub\" }";
const BOTH: &str = "key = { file = \"writer.key\" }\npublic_key = { file = \"lake.pub\" }";

/// A lake with five events, and its verifier key beside it.
async fn lake() -> (Rig, Place) {
    let rig = rig().await;
    let now = Utc::now();
    rig.fill(now - TimeDelta::hours(3), now - TimeDelta::minutes(10), 5);
    let place = Place::new(&rig, "");
    place.run_well();
    write_public(&place, "lake.pub", &key());
    (rig, place)
}

fn write_public(place: &Place, name: &str, key: &SigningKey) {
    let text = format!("{}\n", key.verifier());
    fs::write(place.path().join(name), text).unwrap();
}

/// Another key of the same name: all that tells them apart is the key itself.
fn other_key() -> SigningKey {
    SigningKey::from_seed("test/writer", &[2; 32]).unwrap()
}

/// Writes the table `[signing]` otherwise.
fn sign_by(place: &Place, signing: &str) {
    let path = place.path().join("trailhouse.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("[signing]\n").unwrap();
    let (_, after) = rest.split_once("[run]").unwrap();
    fs::write(&path, format!("{before}[signing]\n{signing}\n[run]{after}")).unwrap();
}

fn told_by(place: &Place, args: &[&str]) -> (i32, String) {
    let output: Output = trailhouse(place.path()).args(args).output().unwrap();
    (code(&output), told(&output))
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_needs_the_public_key_alone() {
    let (_rig, place) = lake().await;
    // Not even a place of the signing key that leads nowhere is in the way.
    fs::remove_file(place.path().join("writer.key")).unwrap();
    let (found, told) = told_by(&place, &["status"]);
    assert_eq!(found, 2, "{told}");
    for (signing, flags) in [
        (PUBLIC, &[][..]),
        (BOTH, &[]),
        (
            "key = { file = \"writer.key\" }",
            &["--public-key", "lake.pub"],
        ),
        (
            "public_key = { env = \"HOME\" }",
            &["--public-key", "lake.pub"],
        ),
    ] {
        sign_by(&place, signing);
        for (args, shown) in [
            (&["status"][..], ", 5 events\n"),
            (&["query", SQL, "--format", "csv"], "events\n5\n"),
        ] {
            let (found, told) = told_by(&place, &[args, flags].concat());
            assert_eq!(found, 0, "{signing}: {told}");
            assert!(told.replace('\r', "").contains(shown), "{told}");
            // The public key may be read by everybody.
            assert!(!told.contains("chmod"), "{told}");
        }
    }
    sign_by(&place, PUBLIC);
    let (found, told) = told_by(&place, &["plan"]);
    assert_eq!(found, 0, "{told}");
    sign_by(&place, "public_key = { env = \"LAKE_KEY\" }");
    let output = trailhouse(place.path())
        .arg("status")
        .env("LAKE_KEY", key().verifier().to_string())
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", crate::cli::told(&output));
}

#[tokio::test]
async fn a_job_that_only_reads_can_be_planned_and_not_run() {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    rig.fill(at("2026-11-20T05:00:00Z"), at("2026-11-20T05:50:00Z"), 5);
    let store = empty();
    let mut job = rig.job(&store);
    job.access = LedgerAccess::Read(Trust::Keys(vec![key().verifier().clone()]));
    let options = RunOptions::default();
    let (_, planned) = plan(&job, &options).await.unwrap();
    assert!(!planned.sources[0].feeds[0].windows.is_empty());
    let refused = try_run(&job, &options).await;
    assert!(matches!(refused, Err(RunError::Log(LogError::ReadOnly))));
    assert!(objects(&store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_needs_the_signing_key() {
    let (_rig, place) = lake().await;
    sign_by(&place, PUBLIC);
    let before = files(place.path());
    let (found, told) = told_by(&place, &["run"]);
    assert_eq!(found, 2, "{told}");
    assert!(told.contains("`key` in [signing] is missing"), "{told}");
    // What a reader needs is there, and a reader's doctor writes nothing.
    let (found, told) = told_by(&place, &["doctor"]);
    assert_eq!(found, 0, "{told}");
    assert!(told.contains(&key().verifier().to_string()), "{told}");
    assert!(told.contains("can only be read"), "{told}");
    assert_eq!(files(place.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_that_does_not_belong_to_the_lake_is_no_key() {
    let (_rig, place) = lake().await;
    write_public(&place, "other.pub", &other_key());
    for args in [&["status"][..], &["query", SQL]] {
        let (found, told) = told_by(&place, &[args, &["--public-key", "other.pub"]].concat());
        assert_eq!(found, 6, "{told}");
        assert!(told.contains("the ledger is signed by"), "{told}");
        assert!(told.contains("--public-key"), "{told}");
        let (found, told) = told_by(&place, &[args, &["--public-key", "token"]].concat());
        assert_eq!(found, 2, "{told}");
        assert!(!told.contains("demo-token"), "{told}");
    }
    write_public(&place, "lake.pub", &other_key());
    sign_by(&place, PUBLIC);
    for args in [&["status"][..], &["query", SQL], &["plan"]] {
        let (found, told) = told_by(&place, args);
        assert_eq!(found, 6, "{told}");
    }
    let (found, told) = told_by(&place, &["doctor"]);
    assert_eq!(found, 10, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_that_do_not_belong_together_are_refused() {
    let (_rig, place) = lake().await;
    sign_by(&place, BOTH);
    place.run_well();
    let (found, told) = told_by(&place, &["doctor"]);
    assert_eq!(found, 0, "{told}");
    write_public(&place, "lake.pub", &other_key());
    let before = files(place.path());
    let (found, told) = told_by(&place, &["run"]);
    assert_eq!(found, 2, "{told}");
    assert!(
        told.contains("`key` and `public_key` in [signing] do not belong together"),
        "{told}"
    );
    assert_eq!(files(place.path()), before);
    let (found, told) = told_by(&place, &["doctor"]);
    assert_eq!(found, 10, "{told}");
    assert!(told.contains("do not belong together"), "{told}");
    // A text that is no key is named with the setting that it stands in.
    fs::write(place.path().join("lake.pub"), "PRIVATE").unwrap();
    let (found, told) = told_by(&place, &["run"]);
    assert_eq!(found, 2, "{told}");
    assert!(told.contains("`public_key` in [signing]"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_lake_is_believed_only_where_that_is_said() {
    let rig = rig().await;
    let now = Utc::now();
    rig.fill(now - TimeDelta::hours(3), now - TimeDelta::minutes(10), 5);
    let place = Place::new(&rig, "");
    sign_by(&place, "unsigned = true");
    for args in [&["run"][..], &["status"], &["query", SQL], &["run"]] {
        let (found, told) = told_by(&place, args);
        assert_eq!(found, 0, "{told}");
    }
    write_public(&place, "lake.pub", &key());
    let (found, told) = told_by(&place, &["status", "--public-key", "lake.pub"]);
    assert_eq!(found, 6, "{told}");
}
